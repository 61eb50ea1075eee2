local core = require("getscu.core").dataset
local dataset = require "getscu.dataset"
local support = require "support"

-- What is read from a header without a parser is what the parser reads, or is left to it.

local EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

-- Compares every keyword of a data set, and one that it lacks. Returns how many were plain.
local function compare(ds)
    local bytes = assert(ds:encode(EXPLICIT_LITTLE))
    local parsed, count = assert(dataset.decode(bytes, EXPLICIT_LITTLE)), 0
    for element in parsed:elements() do
        if element.keyword then
            local text, is_number = core.plain(bytes, element.keyword)
            assert.is_not_false(text)
            if text then
                local value = parsed:get(element.tag)
                assert.equal(value, is_number and type(value) == "number" and tonumber(text)
                    or text, element.keyword)
                count = count + 1
            end
        end
    end
    return count, bytes
end

describe("a plain text of a header", function()
    it("is what the parser reads", function()
        local ds = dataset.new { PatientID = "P 1", Modality = "CT", InstanceNumber = "7",
            SliceThickness = "1.50", PatientName = "Doe^John", StudyDate = "20240102" }
        local count, bytes = compare(ds)
        assert.equal(6, count)
        assert.is_false((core.plain(bytes, "StudyInstanceUID")))
    end)

    it("is none where a character set, several values or Pixel Data have a say", function()
        local ds = dataset.new { SpecificCharacterSet = "ISO_IR 192", PatientName = "M\u{fc}ller",
            ImageType = { "ORIGINAL", "PRIMARY" }, PatientID = "a~b", Rows = 3,
            ReferencedImageSequence = { { ReferencedSOPInstanceUID = "1.2" } } }
        local _, bytes = compare(ds)
        for _, keyword in ipairs { "PatientName", "ImageType", "PatientID", "Rows", "PixelData",
            "ReferencedImageSequence", "Nonsense" } do
            assert.is_nil((core.plain(bytes, keyword)), keyword)
        end
        assert.is_false((core.plain(bytes, "ReferencedSOPInstanceUID"))) -- it is in an item
    end)

    it("is none in a header that is cut or broken", function()
        local bytes = assert(dataset.new { PatientID = "12345678" }:encode(EXPLICIT_LITTLE))
        assert.is_nil((core.plain(bytes:sub(1, -3), "PatientID")))
        assert.is_nil((core.plain(("\255"):rep(40), "PatientID")))
    end)

    it("is what the parser reads also in real objects", function()
        local count = 0
        for _, path in ipairs(support.pydicom_files() or {}) do
            local ds = dataset.read(path)
            if ds and pcall(ds.encode, ds, EXPLICIT_LITTLE) and ds:encode(EXPLICIT_LITTLE) then
                count = count + compare(ds)
            end
        end
        if count == 0 then pending "python3-pydicom is not installed" end
    end)
end)

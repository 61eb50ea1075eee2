-- Character sets, in real files: those of pydicom, whose texts PS3.5 annexes H to K spell out.

local dataset = require "getscu.dataset"

local DIRECTORY = "/usr/lib/python3/dist-packages/pydicom/data/charset_files/"
local IMPLICIT_LITTLE = "1.2.840.10008.1.2"

-- The file, its Patient's Name, and whether its bytes are those that we would write.
local NAMES = {
    { "chrArab", "قباني^لنزار", true },
    { "chrFren", "Buc^Jérôme", true },
    { "chrFrenMulti", "Buc^Jérôme", true },
    { "chrGerm", "Äneas^Rüdiger", true },
    { "chrGreek", "Διονυσιος", true },
    { "chrH31", "Yamada^Tarou=山田^太郎=やまだ^たろう", true },
    { "chrH32", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", true },
    { "chrHbrw", "שרון^דבורה", true },
    { "chrI2", "Hong^Gildong=洪^吉洞=홍^길동", true },
    { "chrJapMulti", "やまだ^たろう", true },
    { "chrJapMultiExplicitIR6", "やまだ^たろう", true },
    { "chrKoreanMulti", "김희중", false }, -- it ends with an escape sequence that changes nothing
    { "chrRuss", "Люкceмбypг", true },
    { "chrX1", "Wang^XiaoDong=王^小東=", true },
    { "chrX2", "Wang^XiaoDong=王^小东=", true },
}

local function exists(path)
    local file = io.open(path)
    return file and file:close()
end

local function open(name)
    return assert(dataset.read(DIRECTORY .. name .. ".dcm"))
end

local function copy_in_utf8(ds)
    local copy = ds:clone()
    copy.SpecificCharacterSet = "ISO_IR 192"
    return copy
end

describe("a real file's text", function()
    if not exists(DIRECTORY .. "chrH31.dcm") then
        pending "needs the package python3-pydicom"
        return
    end

    for _, case in ipairs(NAMES) do
        local file, name, canonical = table.unpack(case)

        it("of " .. file .. " is read", function()
            local value, err = open(file):get "PatientName"
            assert.equal(name, value)
            assert.is_nil(err)
        end)

        it("of " .. file .. " is written again", function()
            local ds = open(file)
            local before = ds:encode(IMPLICIT_LITTLE)
            ds.PatientName = ds.PatientName
            assert.equal(canonical, before == ds:encode(IMPLICIT_LITTLE))
            assert.equal(name, ds.PatientName)
        end)

        it("of " .. file .. " survives the way to UTF-8 and back", function()
            local ds = open(file)
            local terms = ds.SpecificCharacterSet
            local copy = copy_in_utf8(ds)
            assert.equal(name, copy.PatientName)
            assert.equal("ISO_IR 192", copy.SpecificCharacterSet)
            copy.SpecificCharacterSet = terms
            assert.equal(name, copy.PatientName)
            for element in ds:elements() do
                if element.keyword ~= "PixelData" then
                    assert.same(ds:values(element.tag), copy:values(element.tag))
                end
            end
        end)
    end

    it("has several values, each with its own escape sequences", function()
        assert.same({ "Buc^Jérôme", "Buc^Jérôme" }, open "chrFrenMulti":values "OtherPatientNames")
        assert.same({ "김희중", "김희중" }, open "chrKoreanMulti":values "OtherPatientNames")
    end)

    it("follows the character set of its item", function()
        local item = open "chrSQEncoding".RequestedProcedureCodeSequence[1]
        assert.equal("ISO 2022 IR 13\\ISO 2022 IR 87", item.SpecificCharacterSet)
        assert.equal("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", item.PatientName)
    end)

    it("follows the character set around its item where that has none", function()
        local ds = open "chrSQEncoding1"
        local item = ds.RequestedProcedureCodeSequence[1]
        assert.is_nil(item.SpecificCharacterSet)
        assert.equal("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", item.PatientName)
        assert.equal("ISO 2022 IR 13\\ISO 2022 IR 87", item:clone().SpecificCharacterSet)
    end)

    it("becomes UTF-8 with the whole data set where it does not fit", function()
        local ds = open "chrSQEncoding"
        local item = ds.RequestedProcedureCodeSequence[1]
        item.PatientName = "Διονυσιος"
        assert.equal("ISO_IR 192", ds.SpecificCharacterSet)
        assert.is_nil(item.SpecificCharacterSet)
        assert.equal("Διονυσιος", item.PatientName)
        ds = open "chrFren"
        ds.PatientID = "山田"
        assert.equal("ISO_IR 192", ds.SpecificCharacterSet)
        assert.equal("Buc^Jérôme", ds.PatientName)
        assert.equal("山田", ds.PatientID)
    end)

    it("that is garbage is read as far as it goes, with an error", function()
        local ds = open "chrFren"
        local bytes = ds:encode(IMPLICIT_LITTLE):gsub("ISO_IR 100", "ISO_IR 192")
        ds = assert(dataset.decode(bytes, IMPLICIT_LITTLE))
        local value, err = ds:get "PatientName"
        assert.equal("Buc^J\u{FFFD}r\u{FFFD}me", value)
        assert.equal("charset", err.code)
        assert.equal("Buc^J\u{FFFD}r\u{FFFD}me", ds.PatientName)
    end)
end)

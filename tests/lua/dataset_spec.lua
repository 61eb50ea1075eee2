local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local log = require "getscu.log"

local EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

log.level "off"

describe("an attribute", function()
    local ds

    before_each(function()
        ds = dataset.new { PatientName = "Doe^Jane", PatientID = "" }
    end)

    it("is named by keyword, tag or path", function()
        assert.equal("Doe^Jane", ds.PatientName)
        assert.equal("Doe^Jane", ds["0010,0010"])
        assert.equal("Doe^Jane", ds["(0010,0010)"])
        assert.equal("Doe^Jane", ds:get "PatientName")
    end)

    it("is nil where it is absent, and empty text where it is empty", function()
        assert.is_nil(ds.StudyDate)
        assert.equal("", ds.PatientID)
        assert.equal("none", ds:get("StudyDate", "none"))
        assert.equal("", ds:get("PatientID", "none"))
        assert.is_false(ds:has "StudyDate")
        assert.is_true(ds:has "PatientID")
    end)

    it("goes when nil is assigned", function()
        ds.PatientName = nil
        ds.StudyDate = nil
        assert.is_false(ds:has "PatientName")
        assert.is_true(ds:remove "PatientID")
        assert.is_false(ds:remove "PatientID")
    end)

    it("that is unknown raises, where the script stands, with a suggestion", function()
        for _, try in ipairs {
            function() return ds.PatinetName end,
            function() ds.PatinetName = "x" end,
            function() ds:set("PatinetName", 1) end,
            -- no tail calls: they leave no place to blame
            function() return (ds:get "PatinetName") end,
            function() return (ds:values "PatinetName") end,
            function() return (ds:has "PatinetName") end,
            function() return (ds:remove "PatinetName") end,
            function() return (ds:append "PatinetName") end,
            function() return (ds:append("ReferencedStudySequence", { PatinetName = 1 })) end,
            function() ds.ReferencedStudySequence = { { PatinetName = 1 } } end,
            function() return (dataset.new { PatinetName = "x" }) end,
            function() return (dataset.tag "PatinetName") end,
        } do
            local ok, message = pcall(try)
            assert.is_false(ok)
            assert.matches("dataset_spec.lua:%d+: unknown .*did you mean 'PatientName'?", message)
        end
    end)

    it("cannot be named by a number, nor be called like a method", function()
        assert.has_error(function() return ds[1] end)
        assert.has_error(function() ds[1] = "x" end)
        assert.has_error(function() ds.get = "x" end, "'get' is a method")
        assert.has_error(function() return dataset.new { "x" } end)
    end)

    it("takes strings and numbers, and nothing else", function()
        for _, value in ipairs { true, print, dataset.new {}, { true }, { {}, 1 }, 0 / 0 } do
            assert.has_error(function() ds.SeriesNumber = value end)
        end
        assert.has_error(function() ds.Rows = 65536 end)
        assert.has_error(function() ds.Rows = 1.5 end)
        assert.has_error(function() ds.SeriesNumber = 1.5 end)
        assert.has_error(function() ds.PatientName = "\xff" end)
        assert.has_error(function() ds.RequestAttributesSequence = "x" end)
    end)
end)

describe("a value", function()
    it("is a number where the VR is one of numbers and there is one", function()
        local ds = dataset.new {
            Rows = 512, SeriesNumber = 3, SliceThickness = 0.1, ImagerPixelSpacing = "",
        }
        assert.equal("integer", math.type(ds.Rows))
        assert.equal(3, ds.SeriesNumber)
        assert.equal("integer", math.type(ds.SeriesNumber))
        assert.equal(0.1, ds.SliceThickness)
        assert.equal("", ds.ImagerPixelSpacing)
        ds.SeriesNumber = " +7 "
        assert.equal(7, ds.SeriesNumber)
        ds.SeriesNumber = "0x10"
        assert.equal("0x10", ds.SeriesNumber)
    end)

    it("is text with backslashes where there are several, which values() takes apart", function()
        local ds = dataset.new {
            ImageType = { "ORIGINAL", "PRIMARY", "" }, PixelSpacing = { 0.5, 1 },
            LUTDescriptor = "256\\0\\16", TextValue = "a\\b", PatientComments = "a\\b",
        }
        assert.equal("ORIGINAL\\PRIMARY\\", ds.ImageType)
        assert.same({ "ORIGINAL", "PRIMARY", "" }, ds:values "ImageType")
        assert.equal("0.5\\1", ds.PixelSpacing)
        assert.same({ 0.5, 1 }, ds:values "PixelSpacing")
        assert.same({ 256, 0, 16 }, ds:values "LUTDescriptor")
        assert.same({ "a\\b" }, ds:values "TextValue")
        assert.same({ "a\\b" }, ds:values "PatientComments")
        assert.same({}, ds:values "PatientID")
        assert.same({}, dataset.new({ PatientID = "" }):values "PatientID")
        assert.same({ 5 }, dataset.new({ Rows = 5 }):values "Rows")
    end)

    it("of many numbers keeps each", function()
        local numbers = {}
        for i = 1, 1000 do numbers[i] = i * 65 end
        local ds = dataset.new { SimpleFrameList = numbers }
        assert.same(numbers, ds:values "SimpleFrameList")
    end)

    it("may be bytes", function()
        local bytes = "\0\1\xff\\\0\5"
        local ds = dataset.new { EncapsulatedDocument = bytes }
        assert.equal(bytes, ds.EncapsulatedDocument)
        assert.same({ bytes }, ds:values "EncapsulatedDocument")
        assert.equal(bytes, assert(dataset.decode(ds:encode(EXPLICIT_LITTLE), EXPLICIT_LITTLE))
            .EncapsulatedDocument)
    end)
end)

describe("a sequence", function()
    local ds

    before_each(function()
        ds = dataset.new {
            RequestAttributesSequence = {
                { ScheduledProcedureStepID = "1" },
                { ScheduledProcedureStepID = "2", RequestedProcedureID = "R" },
            },
        }
    end)

    it("is an array of data sets", function()
        local items = ds.RequestAttributesSequence
        assert.equal(2, #items)
        assert.equal("2", items[2].ScheduledProcedureStepID)
        assert.is_true(dataset.is(items[1]))
        assert.same({}, dataset.new({ RequestAttributesSequence = {} }).RequestAttributesSequence)
    end)

    it("counts its items from 1", function()
        assert.equal("1", ds:get "RequestAttributesSequence[1].ScheduledProcedureStepID")
        assert.equal("none", ds:get("RequestAttributesSequence[3].StudyID", "none"))
        assert.equal("R", ds:get("RequestAttributesSequence[2]").RequestedProcedureID)
        assert.is_nil(ds:get "RequestAttributesSequence[3]")
        assert.is_true(ds:has "RequestAttributesSequence[2]")
        assert.is_false(ds:has "RequestAttributesSequence[3]")
        for _, try in ipairs {
            function() return (ds:get "RequestAttributesSequence[0].PatientID") end,
            function() return (ds:has "RequestAttributesSequence[0]") end,
            function() ds["RequestAttributesSequence[0]"] = nil end,
            function() return ds["RequestAttributesSequence[0]"] end,
        } do
            local ok, message = pcall(try)
            assert.is_false(ok)
            assert.matches("dataset_spec.lua:%d+: .*counted from 1", message)
        end
    end)

    it("is changed through its items, and grows", function()
        ds.RequestAttributesSequence[1].ScheduledProcedureStepID = "x"
        assert.equal("x", ds:get "RequestAttributesSequence[1].ScheduledProcedureStepID")
        local item = ds:append("RequestAttributesSequence", { ScheduledProcedureStepID = "3" })
        item.RequestedProcedureID = "S"
        assert.equal("S", ds.RequestAttributesSequence[3].RequestedProcedureID)
        ds:append "ReferencedStudySequence"
        assert.equal(1, #ds.ReferencedStudySequence)
        ds:set("ReferencedImageSequence[2].ReferencedSOPInstanceUID", "1.2")
        assert.equal(2, #ds.ReferencedImageSequence)
        ds["RequestAttributesSequence[1]"] = nil
        assert.equal("2", ds.RequestAttributesSequence[1].ScheduledProcedureStepID)
    end)

    it("can be made of its own items", function()
        local items = ds.RequestAttributesSequence
        ds.RequestAttributesSequence = { items[2], items[1], { ScheduledProcedureStepID = "3" } }
        assert.equal("2", ds.RequestAttributesSequence[1].ScheduledProcedureStepID)
        assert.equal("1", ds.RequestAttributesSequence[2].ScheduledProcedureStepID)
        assert.equal("3", ds.RequestAttributesSequence[3].ScheduledProcedureStepID)
    end)

    it("stays as it was where its new items cannot be", function()
        assert.has_error(function()
            ds.RequestAttributesSequence = { { StudyID = "x" }, { Nonsense = "y" } }
        end)
        assert.equal(2, #ds.RequestAttributesSequence)
    end)

    it("leaves items that were removed expired, and only those", function()
        local items = ds.RequestAttributesSequence
        ds["RequestAttributesSequence[1]"] = nil
        local ok, message = pcall(function() return items[1].ScheduledProcedureStepID end)
        assert.is_false(ok)
        assert.matches("dataset_spec.lua:%d+: .*expired", message)
        assert.has_error(function() items[1].ScheduledProcedureStepID = "x" end)
        assert.matches("expired", tostring(items[1]))
        assert.equal("2", items[2].ScheduledProcedureStepID)
    end)

    it("lives as long as one of its items", function()
        local item = ds.RequestAttributesSequence[2]
        ds = nil
        collectgarbage()
        collectgarbage()
        assert.equal("R", item.RequestedProcedureID)
    end)
end)

describe("a data set", function()
    it("has its elements in the order of tags", function()
        local ds = dataset.new { Rows = 1, PatientID = "x", ImageType = { "A", "B" } }
        local found = {}
        for element in ds:elements() do found[#found + 1] = element end
        assert.same({ tag = "0008,0008", vr = "CS", keyword = "ImageType", vm = 2, length = 4 },
            found[1])
        assert.equal("PatientID", found[2].keyword)
        assert.equal("0028,0010", found[3].tag)
        local pairs_found = {}
        for keyword, value in pairs(ds) do pairs_found[keyword] = value end
        assert.same({ Rows = 1, PatientID = "x", ImageType = "A\\B" }, pairs_found)
    end)

    it("can lose elements while they are looked at", function()
        local ds = dataset.new { Rows = 1, PatientID = "x", PatientName = "y" }
        for element in ds:elements() do ds[element.tag] = nil end
        assert.is_nil(next({ ds:elements()() }))
    end)

    it("can be cloned, whole or an item", function()
        local ds = dataset.new {
            PatientID = "1", RequestAttributesSequence = { { StudyID = "é" } },
        }
        local whole, item = ds:clone(), ds.RequestAttributesSequence[1]:clone()
        ds.PatientID = "2"
        ds.RequestAttributesSequence = nil
        assert.equal("1", whole.PatientID)
        assert.equal("é", whole.RequestAttributesSequence[1].StudyID)
        assert.equal("é", item.StudyID)
    end)

    it("goes through bytes and files", function()
        local ds = dataset.new {
            SOPClassUID = "1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID = "1.2.3", PatientName = "é",
        }
        for _, syntax in ipairs { "1.2.840.10008.1.2", EXPLICIT_LITTLE, "1.2.840.10008.1.2.2",
            "1.2.840.10008.1.2.1.99" } do
            local path = os.tmpname()
            assert(ds:write(path, syntax))
            local read = assert(dataset.read(path))
            os.remove(path)
            assert.equal("é", read.PatientName)
            assert.equal(syntax, read:meta().transfer_syntax)
            assert.equal("1.2.3", read:meta().sop_instance)
            assert.is_true(read:meta().part10)
            assert.equal("é", assert(dataset.decode(assert(ds:encode(syntax)), syntax)).PatientName)
        end
    end)

    it("gives one value where nothing failed", function()
        local ds = dataset.new { PatientID = "1" }
        assert.equal(1, select("#", ds:get "PatientID"))
        assert.equal(1, select("#", ds:get "StudyID"))
        for _, name in ipairs { "encode", "dump", "json", "clone", "meta" } do
            assert.equal(1, select("#", ds[name](ds, EXPLICIT_LITTLE)))
        end
        assert.equal(1, select("#", dataset.decode("", EXPLICIT_LITTLE)))
    end)

    it("that cannot be read or written is nil and an error", function()
        for _, outcome in ipairs {
            { "dataset-file", dataset.read "/nonexistent" },
            { "dataset-parse", dataset.read "/etc/passwd" },
            { "dataset-parse", dataset.decode("xxxxxxxxxxx", EXPLICIT_LITTLE) },
            { "dataset-syntax", dataset.decode("", "1.2.3") },
            { "dataset-syntax", dataset.new({}):encode "1.2.3" },
            { "dataset-file", dataset.new({}):write "/nonexistent/x.dcm" },
        } do
            assert.is_nil(outcome[2])
            assert.is_true(errors.is(outcome[3]))
            assert.equal(outcome[1], outcome[3].code)
        end
    end)

    it("is shown as text and JSON", function()
        local ds = dataset.new {
            PatientName = "é", RequestAttributesSequence = { { StudyID = "1" } },
        }
        assert.matches("%(0010,0010%) PN %[é%]", tostring(ds))
        assert.equal(tostring(ds) .. "\n", ds:dump())
        assert.matches('^{.*"00100010":{"vr":"PN","Value":%[{"Alphabetic":"é"}%]}.*}$', ds:json())
        assert.equal("", tostring(dataset.new {}))
    end)

    it("that a hook was given has an end", function()
        local ds = dataset.new { PatientID = "1" }
        local kept = ds:clone()
        dataset.core_of(ds):expire()
        local ok, message = pcall(function() return ds.PatientID end)
        assert.is_false(ok)
        assert.matches("clone%(%)", message)
        for _, name in ipairs { "dump", "json", "clone", "elements", "meta", "encode", "write" } do
            ok, message = pcall(function() return (ds[name](ds, "x")) end)
            assert.is_false(ok)
            assert.matches("dataset_spec.lua:%d+: .*expired", message)
        end
        assert.matches("expired", tostring(ds))
        assert.equal("1", kept.PatientID)
    end)

    it("that has not arrived wholly says so", function()
        local ds = dataset.new { PatientID = "1" }
        dataset.core_of(ds):bound "7fe0,0000"
        assert.equal("1", ds.PatientID)
        for _, try in ipairs {
            function() return ds.PixelData end,
            function() ds.PixelData = nil end,
            function() return (ds:has "PixelData") end,
        } do
            local ok, message = pcall(try)
            assert.is_false(ok)
            assert.matches("dataset_spec.lua:%d+: .*has not arrived", message)
        end
    end)
end)

describe("the core's data set", function()
    it("can be closed twice and not used afterwards", function()
        local handle = dataset.core_of(dataset.new {})
        handle:close()
        handle:close()
        assert.has_error(function() return handle:get "PatientID" end)
    end)

    it("tells what was touched", function()
        local bytes = dataset.new({ PatientID = "1", Rows = 1 }):encode(EXPLICIT_LITTLE)
        local ds = dataset.decode(bytes, EXPLICIT_LITTLE)
        ds.Rows = nil
        ds.StudyID = "x"
        assert.same({ "0020,0010", "0028,0010" }, dataset.core_of(ds):touched())
    end)
end)

describe("names", function()
    it("of attributes and UIDs", function()
        assert.equal("0010,0010", dataset.tag "PatientName")
        assert.equal("0010,0010", dataset.tag "(0010,0010)")
        assert.equal("PatientName", dataset.keyword "0010,0010")
        assert.is_nil(dataset.keyword "0009,1001")
        assert.equal("CTImageStorage", dataset.uid_name "1.2.840.10008.5.1.4.1.1.2")
        assert.is_nil(dataset.uid_name "1.2.3")
        assert.equal("CT", dataset.modality "1.2.840.10008.5.1.4.1.1.2")
        assert.matches("^[%d.]+$", dataset.uid_generate())
    end)
end)

describe("the log", function()
    after_each(function() log.level "off" end)

    it("puts messages together only where they are wanted", function()
        log.level "warn"
        assert.is_true(log.enabled "error")
        assert.is_false(log.enabled "info")
        local asked = setmetatable({}, { __tostring = function() error "asked" end })
        log.info("%s", asked)
        log.level "off"
        log.fatal("%s", asked)
    end)

    it("knows its levels", function()
        assert.has_error(function() log.level "loud" end)
        local ok, err = log.config "/nonexistent"
        assert.is_nil(ok)
        assert.equal("log-config", err.code)
    end)

    describe("a private element by its creator", function()
        local PATH = '(0019,"ACME 1.1",01)'

        it("is absent where the creator has no block, and reading reserves none", function()
            local ds = dataset.new { ["0019,0010"] = "OTHER", ["0019,1001"] = "theirs" }
            assert.is_nil(ds[PATH])
            assert.is_false(ds:has(PATH))
            assert.is_false(ds:remove(PATH))
            assert.is_nil(ds["0019,0011"])
        end)

        it("is in the creator's block, which is reserved when it is set", function()
            local ds = dataset.new { ["0019,0010"] = "OTHER", ["0019,1001"] = "theirs" }
            ds[PATH] = "ours"
            assert.equal("ACME 1.1", ds["0019,0011"])
            assert.equal("ours", ds["0019,1101"])
            assert.equal("ours", ds['0019,"ACME 1.1",01'])
            assert.equal("theirs", ds['(0019,"OTHER",01)'])
            ds[PATH] = nil
            assert.is_false(ds:has "0019,1101")
        end)

        it("has the VR that the dictionary knows, and is found in items too", function()
            local ds = dataset.new()
            local path = 'ReferencedImageSequence[1].(0019,"SIEMENS CT VA0  COAD",10)'
            ds:set(path, "5")
            assert.equal(5, ds:get(path))
        end)

        it("is told apart from what cannot be one", function()
            local ds = dataset.new()
            assert.error_matches(function() return ds['(0018,"ACME",01)'] end, "not private")
            assert.error_matches(function() return ds['(0019,"ACME,01)'] end, 'is written as')
            assert.error_matches(function() return ds['(0019,"",01)'] end, 'is written as')
            assert.error_matches(function() return ds['(0019,"ACME",1)'] end, 'is written as')
        end)
    end)
end)

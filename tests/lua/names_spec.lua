local dataset = require "getscu.dataset"
local dump = require "getscu.dump"
local getscu = require "getscu"
local names = require "getscu.names"
local support = require "support"

local CT = "1.2.840.10008.5.1.4.1.1.2"

describe("a template of file names", function()
    local function name(template, header, object)
        object = object or { uid = "1.2.3", class = CT, prefix = "CT", number = 7 }
        object.header = dataset.new(header)
        return assert(names.compile(template))(object)
    end

    it("has attributes by keyword and tag, the prefix, and a counter", function()
        local header = { PatientID = "P1", StudyDate = "20200131", Modality = "MR" }
        assert.equal("P1/20200131_MR/CT.1.2.3-7.dcm", name(
            "{PatientID}/{0008,0020}_{Modality}/{modality}.{SOPInstanceUID}-{n}.dcm", header))
        assert.equal("P1", name("{(0010,0020)}", header))
    end)

    it("formats numbers, and leaves alone what is none", function()
        assert.equal("0005", name("{InstanceNumber:04d}", { InstanceNumber = 5 }))
        assert.equal("2.50", name("{SliceThickness:.2f}", { SliceThickness = 2.5 }))
        assert.equal("2.5", name("{SliceThickness:03d}", { SliceThickness = 2.5 }))
        assert.equal("002", name("{SliceThickness:03d}", { SliceThickness = "2.0" }))
        assert.equal("5", name("{InstanceNumber}", { InstanceNumber = 5 }))
        assert.equal("00ff", name("{Rows:04x}", { Rows = 255 }))
        assert.equal("0012", name("{AccessionNumber:04d}", { AccessionNumber = "12" }))
        assert.equal("A12", name("{AccessionNumber:04d}", { AccessionNumber = "A12" }))
        assert.equal("00007", name("{n:05d}"))
        assert.equal("unknown", name("{InstanceNumber:04d}"))
    end)

    it("makes one piece of every value", function()
        assert.equal(".._.._etc", name("{PatientID}", { PatientID = "../../etc" }))
        assert.equal("ORIGINAL_PRIMARY", name("{ImageType}", { ImageType = "ORIGINAL\\PRIMARY" }))
        assert.equal("unknown/unknown", name("{PatientID}/{StudyDate}", { PatientID = "" }))
        assert.equal("unknown", name("{PatientID}", { PatientID = "  " }))
        assert.equal("Müller^Jörg", name("{PatientName}", { PatientName = "Müller^Jörg" }))
    end)

    it("writes braces doubled", function()
        assert.equal("{x}-P1", name("{{x}}-{PatientID}", { PatientID = "P1" }))
    end)

    it("needs a header only for what was not announced", function()
        assert.falsy(select(2, names.compile "{modality}/{SOPInstanceUID}_{0008,0016}_{n}"))
        assert.is_true(select(2, names.compile "{modality}/{PatientID}"))
    end)

    it("of no use is an error with its position", function()
        for template, case in pairs {
            [""] = { 1, "missing" }, ["a/"] = { 3, "missing" }, ["/a"] = { 1, "output directory" },
            ["a//b"] = { 3, "folder" }, ["é/{PatientI}"] = { 3, "'PatientID'" },
            ["{patientid}"] = { 1, "'PatientID'" }, ["a{"] = { 2, "'}'" }, ["a}"] = { 2, "'}'" },
            ["{}"] = { 1, "missing" }, ["{a{b}"] = { 1, "'}'" }, ["../x"] = { 1, "'.'" },
            ["x/.y"] = { 3, "'.'" }, ["a\\b"] = { 2, "'/'" }, ["a\nb"] = { 2, "control" },
            ["{n:05q}"] = { 1, "05q" }, ["{n:}"] = { 1, "''" }, ["{n:%d}"] = { 1, "%d" },
            ["{n:#d}"] = { 1, "#d" }, ["{PixelData}"] = { 1, "Pixel Data" },
            ["{7fe0,0010}"] = { 1, "Pixel Data" }, ["{TransferSyntaxUID}"] = { 1, "data set" },
            ["{ReferencedImageSequence}"] = { 1, "SQ" }, ["{RedPaletteColorLookupTableData}"] =
            { 1, "OW" }, ["{ReferencedImageSequence[0].PatientID}"] = { 1, "top level" },
        } do
            local made, err = names.compile(template)
            assert.is_nil(made, template)
            assert.equal("bad-template", err.code)
            assert.equal(case[1], err.position, template .. ": " .. err.message)
            assert.truthy(err.message:find(case[2], 1, true), err.message)
        end
    end)
end)

describe("objects of a retrieval", function()
    local box, server
    local STUDY = "1.2.826.0.1.3680043.8.498.1"

    local ELEMENTS = [[
(0008,0016) UI =%s
(0008,0018) UI [%s.%d]
(0008,0020) DA [20200131]
(0008,0060) CS [CT]
(0010,0010) PN [A/B^..]
(0010,0020) LO [../../P1]
(0020,000d) UI [%s]
(0020,000e) UI [%s.9]
(0020,0013) IS [%d]
(0028,0010) US 1
(0028,0011) US 1
%s(7fe0,0010) OW 0000
]]

    -- An object of the study, as a file of the server; `number` is also the end of its UID.
    local function object(directory, number)
        local text = ELEMENTS:format("CTImageStorage", STUDY, number, STUDY, STUDY,
            number <= 2 and number or 3, "")
        assert(os.rename(box:dump2dcm(text), ("%s/%d.dcm"):format(directory, number)))
    end

    setup(function()
        box = support.box()
        local directory = box:directory "archive"
        for number = 1, 4 do object(directory, number) end
        server = assert(getscu.archive { directory = directory })
        server:start()
    end)
    teardown(function()
        server:close()
        box:close()
    end)

    local function retrieve(directory, options)
        local all = { host = "127.0.0.1", port = server:port(), called = "ARCHIVE",
            query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = STUDY },
            directory = directory }
        for name, value in pairs(options) do all[name] = value end
        return getscu.retrieve(all)
    end

    it("are named by the template, with folders, and below the output directory", function()
        local out = box:directory "out"
        local summary = assert(retrieve(out, {
            filename = "{PatientID}/{PatientName}/{Modality}-{SOPInstanceUID}.dcm" }))
        assert.equal(0, summary.exit_code)
        assert.equal(4, summary.stored)
        local expected = {}
        for i = 1, 4 do
            expected[i] = ("%%2E._.._P1/A_B^../CT-%s.%d.dcm"):format(STUDY, i)
        end
        assert.same(expected, support.list(out))
        assert.equal("../../P1", assert(dataset.read(out .. "/" .. expected[1])).PatientID)
    end)

    for _, storage in ipairs { "normal", "bit-preserving" } do
        it("of one name never end in one file, storage " .. storage, function()
            for _, policy in ipairs { "overwrite", "skip", "rename", "fail" } do
                local out = box:directory "out"
                local summary = assert(retrieve(out, { filename = "{InstanceNumber:03d}",
                    on_collision = policy, storage = storage }))
                assert.equal(0, summary.exit_code)
                assert.equal(4, summary.stored)
                assert.same({ "001", "002", "003", "003~2" }, support.list(out))
            end
        end)
    end

    local function collide(policy)
        local out = box:directory "out"
        for i = 1, 2 do support.write(("%s/CT.%s.%d"):format(out, STUDY, i), "old") end
        local summary = assert(retrieve(out, { on_collision = policy }))
        local old = 0
        for _, file in ipairs(support.list(out)) do
            if support.read(out .. "/" .. file) == "old" then old = old + 1 end
        end
        return summary, old, #support.list(out)
    end

    it("replace the files of an earlier run by default", function()
        for _, policy in ipairs { "overwrite", false } do
            local summary, old, count = collide(policy or nil)
            assert.same({ 0, 4, 0, 4 }, { summary.exit_code, summary.stored, old, count })
        end
    end)

    it("leave them with skip, and are left out", function()
        local summary, old, count = collide "skip"
        assert.same({ 0, 2, 2 }, { summary.exit_code, summary.stored, summary.discarded })
        assert.same({ 2, 4 }, { old, count })
    end)

    it("have second names with rename", function()
        local summary, old, count = collide "rename"
        assert.same({ 0, 4 }, { summary.exit_code, summary.stored })
        assert.same({ 2, 6 }, { old, count })
    end)

    it("are refused with fail, and the exit code is 40", function()
        local summary, old, count = collide "fail"
        assert.same({ 40, 2, 2 }, { summary.exit_code, summary.stored, summary.failed })
        assert.same({ 2, 4 }, { old, count })
        assert.equal("object-exists", summary.errors[1].code)
        assert.equal(0xA700, summary.failures[1].status)
    end)

    it("come again with skip where another object has the name of a file that stays", function()
        local out = box:directory "out"
        local options = { filename = "{PatientID}", on_collision = "skip" }
        assert.equal(4, assert(retrieve(out, options)).stored)
        local summary = assert(retrieve(out, options))
        assert.same({ 0, 0, 1, 3 }, { summary.exit_code, summary.stored, summary.discarded,
            summary.duplicates })
        assert.equal(4, #support.list(out))
    end)

    it("count from 1 in each run", function()
        local out = box:directory "out"
        assert(retrieve(out, { filename = "{n:02d}.dcm" }))
        assert.same({ "01.dcm", "02.dcm", "03.dcm", "04.dcm" }, support.list(out))
    end)

    it("have a folder that is made, with create_directory", function()
        local out = box.path .. "/new/er/est/"
        local summary, err = retrieve(out, {})
        assert.is_nil(summary)
        assert.equal("output-directory", err.code)
        assert.equal(4, assert(retrieve(out, { create_directory = true })).stored)
        assert.equal(4, assert(retrieve(out, { create_directory = true })).stored)
        summary, err = retrieve(out .. "CT." .. STUDY .. ".1/x", { create_directory = true })
        assert.is_nil(summary)
        assert.equal("output-directory", err.code)
    end)

    it("do not come where the template is of no use", function()
        local summary, err = retrieve(box:directory "out", { filename = "{PatientIDD}" })
        assert.is_nil(summary)
        assert.equal("bad-template", err.code)
        assert.has_error(function() retrieve(".", { on_collision = "overwritten" }) end)
        assert.has_error(function() retrieve(".", { file_name = "x" }) end)
    end)

    local function serve(text, syntax)
        local directory = box:directory "archive"
        assert(assert(dump.decode(text)):write(directory .. "/1.dcm", syntax))
        local archive = assert(getscu.archive { directory = directory })
        archive:start()
        return archive
    end

    it("whose header does not fit the window are named from their file", function()
        local large = ("(0042,0011) OB %s\n"):format(("00\\"):rep(6 << 20) .. "00")
        local text = ELEMENTS:format("CTImageStorage", STUDY, 1, STUDY, STUDY, 1, large)
        local archive <close> = serve(text, "1.2.840.10008.1.2.1")
        for _, storage in ipairs { "normal", "bit-preserving" } do
            local out = box:directory "out"
            local summary = assert(retrieve(out, { filename = "{PatientID}/{InstanceNumber:04d}",
                storage = storage, port = archive:port() }))
            assert.same({ 0, 1 }, { summary.exit_code, summary.stored })
            assert.same({ "%2E._.._P1/0001" }, support.list(out))
        end
    end)

    it("that come deflated are named from their file", function()
        local text = ELEMENTS:format("CTImageStorage", STUDY, 1, STUDY, STUDY, 1, "")
        local archive <close> = serve(text, "1.2.840.10008.1.2.1.99")
        local out = box:directory "out"
        local summary = assert(retrieve(out, { filename = "{PatientID}/{InstanceNumber:04d}",
            prefer = "deflated", port = archive:port() }))
        assert.same({ 0, 1 }, { summary.exit_code, summary.stored })
        assert.same({ "%2E._.._P1/0001" }, support.list(out))
        assert.equal("1.2.840.10008.1.2.1.99",
            assert(dataset.read(out .. "/%2E._.._P1/0001")):meta().transfer_syntax)
    end)
end)

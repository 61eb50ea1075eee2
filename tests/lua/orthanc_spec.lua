local getscu = require "getscu"
local support = require "support"
local wire = require "wire"

local STUDY = "QueryRetrieveLevel=STUDY"
local MISSING = "orthanc is not installed (make peers)"
local JPEG_2000 = "1.2.840.10008.1.2.4.90"

describe("a retrieval from Orthanc", function()
    local box, server, study, objects

    setup(function()
        box = support.box()
        if not support.has "Orthanc" then return end
        server = box:orthanc()
        local images
        images, study = box:images(8, 30000)
        objects = support.list(images)
        box:tool { "storescu", "-aec", server.title, "+sd", "127.0.0.1", tostring(server.port),
            images }
    end)
    teardown(function() box:close() end)

    local function test(name, body)
        it(name, function()
            if not server then pending(MISSING) end
            body()
        end)
    end

    local function fetch(from, directory, ...)
        return box:getscu("-v", support.to(from, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. study, "-od", directory, ...))
    end

    test("brings every object, as it was on the wire, and exit code 0", function()
        for mode, prefix in pairs { ["-B"] = "CT.", ["+B"] = "" } do
            local out, tap = box:directory("out"), box:tap(server)
            local result = fetch(tap, out, mode)
            assert.equal(0, result.code, result.err)
            local expected = {}
            for i, uid in ipairs(objects) do expected[i] = prefix .. uid end
            assert.same(expected, support.list(out))
            local sent = wire.objects(wire.read(tap))
            for _, uid in ipairs(objects) do
                local data, meta = wire.part10(out .. "/" .. prefix .. uid)
                assert.is_true(data == sent[uid].data, uid .. " differs from what was on the wire")
                assert.equal(sent[uid].transfer_syntax, meta[0x10])
                assert.equal(uid, meta[0x03])
            end
        end
    end)

    test("has the lines that wrappers read", function()
        local result = fetch(server, box:directory("out"))
        for _, line in ipairs { "I: Sending C-GET Request (MsgID 1)",
            "I: Received C-GET Response (Success)",
            "I: Final status report from last C-GET message:",
            "I:   Number of Completed Suboperations : 8" } do
            assert.truthy(("\n" .. result.err):find("\n" .. line .. "\n", 1, true), result.err)
        end
    end)

    test("in the patient root brings every object", function()
        local out = box:directory("out")
        local result = box:getscu(support.to(server, "-P", "-k", "QueryRetrieveLevel=PATIENT",
            "-k", "PatientID=BENCH", "-od", out))
        assert.equal(0, result.code, result.err)
        assert.equal(8, #support.list(out))
    end)

    test("rejected for the called AE title ends with 61", function()
        local out = box:directory("out")
        local result = fetch({ title = "NOBODY", port = server.port }, out)
        assert.equal(61, result.code, result.err)
        assert.truthy(result.err:find("-aec", 1, true), result.err)
        assert.same({}, support.list(out))
    end)

    test("that matches nothing tells what Orthanc says then: a failure", function()
        local result = box:getscu(support.to(server, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=1.2.3.4", "-od", box:directory("out")))
        assert.equal(69, result.code, result.err)
        assert.truthy(result.err:find("C000H", 1, true), result.err)
    end)

    test("without a level is a failure that is told", function()
        local result = box:getscu(support.to(server, "-S", "-k", "StudyInstanceUID=" .. study,
            "-od", box:directory("out")))
        assert.equal(69, result.code, result.err)
    end)

    test("with two query files is two C-GETs on one association", function()
        local out, tap = box:directory("out"), box:tap(server)
        local files = {}
        for i, uid in ipairs { objects[1], objects[2] } do
            files[i] = box:dump2dcm(table.concat({ "(0008,0052) CS IMAGE", "(0008,0018) UI " .. uid,
                "(0020,000d) UI " .. study,
                "(0020,000e) UI 2.25.141421356237309504880168872420000000002" }, "\n"))
        end
        local result = box:getscu(support.to(tap, "-S", "-od", out), files)
        assert.equal(0, result.code, result.err)
        assert.same({ "CT." .. objects[1], "CT." .. objects[2] }, support.list(out))
        assert.equal("A-ASSOCIATE-RQ A-RELEASE-RQ", wire.story(wire.read(tap).client.pdus))
    end)

    test("by the library may be three C-GETs on one association", function()
        local out = box:directory("out")
        local pacs <close> = assert(getscu.associate { host = "127.0.0.1", port = server.port,
            called = server.title })
        assert.is_true(pacs:echo())
        for _ = 1, 3 do
            local result = assert(pacs:get { model = "study", directory = out,
                query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = study } })
            assert.equal(8, result.stored + result.duplicates)
        end
        assert.is_true(pacs:release())
        assert.equal(8, #support.list(out))
    end)

    test("is cancelled by SIGINT: whole files, and exit code 130", function()
        local out = box:directory("out")
        local tap = box:tap(server, { chunk = 32 }) -- slow
        local process = box:start_getscu("-v", support.to(tap, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. study, "-od", out))
        process:await_log("Received C-STORE Request")
        process:kill("INT")
        local result = process:wait()
        assert.equal(130, result.code, result.err)
        for _, name in ipairs(support.list(out)) do
            assert.truthy(wire.part10(out .. "/" .. name), name)
        end
    end)
end)

describe("objects that Orthanc cannot convert", function()
    local box, server, object

    setup(function()
        box = support.box()
        local files = support.pydicom_files()
        for _, path in ipairs(files or {}) do
            if path:find("MR_small_jp2klossless", 1, true) then object = path end
        end
        if not object or not support.has "Orthanc" then return end
        server = box:orthanc()
        box:tool { "storescu", "-R", "-xv", "-aec", server.title, "127.0.0.1",
            tostring(server.port), object }
    end)
    teardown(function() box:close() end)

    local function test(name, body)
        it(name, function()
            if not server then pending "orthanc or python3-pydicom is not installed" end
            body()
        end)
    end

    local function study_of(path)
        local said = box:tool { "dcmdump", "-q", "-Un", "+P", "0020,000d", path }
        return said:match "%[([^%]]+)%]"
    end

    test("come in their own transfer syntax where it is proposed", function()
        local out = box:directory("out")
        local pacs <close> = assert(getscu.associate { host = "127.0.0.1", port = server.port,
            called = server.title, contexts = {
                { abstract_syntax = "1.2.840.10008.5.1.4.1.2.2.3",
                    transfer_syntaxes = { "1.2.840.10008.1.2.1" } },
                { abstract_syntax = "1.2.840.10008.5.1.4.1.1.4", role = "scp",
                    transfer_syntaxes = { JPEG_2000 } } } })
        local result = assert(pacs:get { model = "study", directory = out,
            query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = study_of(object) } })
        assert.equal(1, result.stored)
        local data, meta = wire.part10(out .. "/" .. support.list(out)[1])
        assert.equal(JPEG_2000, meta[0x10])
        -- the frame is as it was, wherever Orthanc puts it
        local frame = wire.part10(object):match "\xFF\x4F\xFF\x51.*\xFF\xD9"
        assert.is_true(#frame > 1000)
        assert.truthy(data:find(frame, 1, true))
    end)

    test("either come by the command line, or the exit code tells that they did not", function()
        local out = box:directory("out")
        local result = box:getscu(support.to(server, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. study_of(object), "-od", out))
        local files = support.list(out)
        if #files == 1 then
            assert.equal(0, result.code, result.err)
            assert.truthy(wire.part10(out .. "/" .. files[1]))
        else
            assert.is_true(result.code >= 66 and result.code <= 69, result.code .. result.err)
        end
    end)
end)

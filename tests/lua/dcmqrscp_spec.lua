local support = require "support"
local wire = require "wire"

local STUDY = "QueryRetrieveLevel=STUDY"

describe("a retrieval from dcmqrscp", function()
    local box, server, images, study, objects

    setup(function()
        box = support.box()
        images, study = box:images(8, 30000)
        objects = support.list(images) -- named by their SOP Instance UIDs
        server = box:dcmqrscp(images)
    end)
    teardown(function() box:close() end)

    local function fetch(peer, directory, ...)
        return box:getscu("-v", support.to(peer, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. study, "-od", directory, ...))
    end

    it("brings every object, under DCMTK's names, and exit code 0", function()
        local out = box:directory("out")
        local result = fetch(server, out)
        assert.equal(0, result.code, result.err)
        local expected = {}
        for i, uid in ipairs(objects) do expected[i] = "CT." .. uid end
        assert.same(expected, support.list(out))
    end)

    it("leaves every byte of a data set as it was on the wire and at the server", function()
        local out, tap = box:directory("out"), box:tap(server)
        local result = fetch(tap, out)
        assert.equal(0, result.code, result.err)
        local sent = wire.objects(wire.read(tap))
        for _, uid in ipairs(objects) do
            local data, meta = wire.part10(out .. "/CT." .. uid)
            assert.is_true(data == sent[uid].data, uid .. " differs from what was on the wire")
            assert.is_true(data == wire.part10(images .. "/" .. uid),
                uid .. " differs from what the server holds")
            assert.equal(sent[uid].transfer_syntax, meta[0x10])
            assert.equal(sent[uid].sop_class, meta[0x02])
            assert.equal(uid, meta[0x03])
        end
    end)

    it("gives the SOP Instance UID alone as name with +B", function()
        local out = box:directory("out")
        assert.equal(0, fetch(server, out, "+B").code)
        assert.same(objects, support.list(out))
        for _, uid in ipairs(objects) do
            assert.is_true(wire.part10(out .. "/" .. uid) == wire.part10(images .. "/" .. uid))
        end
    end)

    it("keeps nothing with --ignore, and is told what came", function()
        local here = support.list(".")
        local result = box:getscu("-v", "--ignore", support.to(server, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. study))
        assert.equal(0, result.code, result.err)
        assert.same(here, support.list("."))
        assert.truthy(result.err:find("8 left out", 1, true), result.err)
    end)

    it("rejected for the called AE title ends with 61, and says what to do", function()
        local out = box:directory("out")
        local result = fetch({ title = "NOBODY", port = server.port }, out)
        assert.equal(61, result.code)
        assert.truthy(result.err:find "E: .*rejected", result.err)
        assert.truthy(result.err:find("-aec", 1, true), result.err)
        assert.same({}, support.list(out))
    end)

    it("ends with 60 where nobody listens, and names the address", function()
        local port = support.free_port()
        local result = fetch({ title = "QR", port = port }, box:directory("out"))
        assert.equal(60, result.code)
        assert.truthy(result.err:find("127.0.0.1", 1, true), result.err)
        assert.truthy(result.err:find(tostring(port), 1, true), result.err)
    end)

    it("that matches nothing is told, and is no failure", function()
        local out = box:directory("out")
        local result = box:getscu(support.to(server, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=1.2.3.4", "-od", out))
        assert.equal(0, result.code)
        assert.truthy(result.err:find("no object matched", 1, true), result.err)
        assert.same({}, support.list(out))
    end)

    it("in the patient root and in the patient/study root brings every object", function()
        for model, level in pairs { ["-P"] = "PATIENT", ["-O"] = "STUDY" } do
            local out = box:directory("out")
            local result = box:getscu(support.to(server, model, "-k",
                "QueryRetrieveLevel=" .. level, "-k", "PatientID=BENCH", "-k",
                level == "STUDY" and "StudyInstanceUID=" .. study or "PatientName", "-od", out))
            assert.equal(0, result.code, result.err)
            assert.equal(#objects, #support.list(out))
        end
    end)

    it("of one object brings one", function()
        local out = box:directory("out")
        local result = box:getscu(support.to(server, "-S", "-k", "QueryRetrieveLevel=IMAGE", "-k",
            "StudyInstanceUID=" .. study, "-k",
            "SeriesInstanceUID=2.25.141421356237309504880168872420000000002", "-k",
            "0008,0018=" .. objects[3], "-od", out))
        assert.equal(0, result.code, result.err)
        assert.same({ "CT." .. objects[3] }, support.list(out))
    end)

    it("in the patient root without a patient says that nothing matched, or what was wrong",
        function()
            local out = box:directory("out")
            local result = box:getscu(support.to(server, "-k", STUDY, "-k",
                "StudyInstanceUID=" .. study, "-od", out))
            assert.is_true(result.code == 69
                or result.err:find("no object matched", 1, true) ~= nil, result.err)
            assert.same({}, support.list(out))
        end)

    it("without a level is a failure that is told", function()
        local result = box:getscu(support.to(server, "-S", "-k", "StudyInstanceUID=" .. study))
        assert.equal(69, result.code, result.err)
        assert.truthy(result.err:find("E: .*%x%x%x%xH"), result.err)
    end)

    it("with a query file and keys asks for what both say", function()
        local out, tap = box:directory("out"), box:tap(server)
        local file = box:dump2dcm("(0008,0052) CS STUDY\n(0020,000d) UI 1.2.3", "-F")
        local result = box:getscu(support.to(tap, "-S", "-k", "StudyInstanceUID=" .. study, "-od",
            out), file)
        assert.equal(0, result.code, result.err)
        assert.equal(#objects, #support.list(out))
    end)

    it("with two query files is two C-GETs on one association", function()
        local out, tap = box:directory("out"), box:tap(server)
        local files = {}
        for i, uid in ipairs { objects[1], objects[2] } do
            files[i] = box:dump2dcm(table.concat({ "(0008,0052) CS IMAGE", "(0008,0018) UI " .. uid,
                "(0020,000d) UI " .. study,
                "(0020,000e) UI 2.25.141421356237309504880168872420000000002" }, "\n"))
        end
        local result = box:getscu("-v", support.to(tap, "-S", "-od", out), files)
        assert.equal(0, result.code, result.err)
        assert.same({ "CT." .. objects[1], "CT." .. objects[2] }, support.list(out))
        local recorded = wire.read(tap)
        assert.equal(2, #wire.select(recorded.client.messages, 0x0010))
        assert.equal("A-ASSOCIATE-RQ A-RELEASE-RQ", wire.story(recorded.client.pdus))
        assert.truthy(result.err:find("Sending C-GET Request (MsgID 2)", 1, true), result.err)
    end)

    it("with --repeat is done again, and replaces what it brought", function()
        local out, tap = box:directory("out"), box:tap(server)
        local result = fetch(tap, out, "--repeat", "2")
        assert.equal(0, result.code, result.err)
        assert.equal(#objects, #support.list(out))
        for i = 1, 2 do
            assert.equal(#objects, #wire.select(wire.read(tap, i).server.messages, 0x0001))
        end
        assert.is_nil(support.read(tap.record .. ".3.client"))
    end)

    it("with --abort ends by an A-ABORT, with every object and exit code 0", function()
        local out, tap = box:directory("out"), box:tap(server)
        local result = fetch(tap, out, "--abort")
        assert.equal(0, result.code, result.err)
        assert.equal(#objects, #support.list(out))
        assert.equal("A-ASSOCIATE-RQ A-ABORT", wire.story(wire.read(tap).client.pdus))
    end)

    it("names both AE titles as they were given", function()
        local tap = box:tap(server)
        assert.equal(0, fetch(tap, box:directory("out"), "-aet", "ME HERE").code)
        local request = wire.read(tap).client.pdus[1].body
        assert.equal("QR              ", request:sub(5, 20))
        assert.equal("ME HERE         ", request:sub(21, 36))
    end)
end)

describe("the log of a retrieval", function()
    local box, server, study

    setup(function()
        box = support.box()
        local images
        images, study = box:images(2, 3000)
        server = box:dcmqrscp(images)
    end)
    teardown(function() box:close() end)

    local function log_of(...)
        local result = box:getscu(support.to(server, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. study, "-od", box:directory("out"), ...))
        assert.same({ 0, "" }, { result.code, result.out })
        return result.err
    end

    it("is empty by default and with -q where all is well", function()
        assert.equal("", log_of())
        assert.equal("", log_of("-q"))
        assert.equal("", log_of("-ll", "error"))
    end)

    it("has the lines that wrappers read", function()
        for _, option in ipairs { "-v", "-d" } do
            local log = log_of(option)
            for _, line in ipairs { "I: Requesting Association",
                "I: Sending C-GET Request (MsgID 1)", "I: Received C-GET Response (Pending)",
                "I: Received C-GET Response (Success)",
                "I: Final status report from last C-GET message:",
                "I:   Number of Completed Suboperations : 2",
                "I:   Number of Failed Suboperations    : 0",
                "I:   Number of Warning Suboperations   : 0", "I: Releasing Association" } do
                assert.truthy(("\n" .. log):find("\n" .. line .. "\n", 1, true),
                    line .. "\n" .. log)
            end
        end
    end)

    it("has one-letter prefixes, and D only with -d", function()
        for option, prefixes in pairs { ["-v"] = "[IWE]", ["-d"] = "[DIWE]" } do
            for line in log_of(option):gmatch "[^\n]+" do
                assert.truthy(line:find("^" .. prefixes .. ": "), line)
            end
        end
        assert.truthy(("\n" .. log_of "-d"):find "\nD: ")
    end)

    it("may go nowhere: the retrieval goes on", function()
        local out = box:directory("out")
        for _, to in ipairs { "2>/dev/full", "2>&-", ">&- 2>&-" } do
            local result = box:run(support.words("sh", "-c", '"$0" "$@" ' .. to, support.getscu,
                "-d", support.to(server, "-S", "-k", STUDY, "-k", "StudyInstanceUID=" .. study,
                    "-od", out)))
            assert.equal(2, #support.list(out))
            assert.equal(0, result.code, to)
            box:tool { "sh", "-c", 'rm "$0"/*', out }
        end
    end)
end)

describe("a server that cannot deliver", function()
    local box

    setup(function() box = support.box() end)
    teardown(function() box:close() end)

    -- Retrieves a study of four objects after some of their files are gone.
    local function fetch_without(gone)
        local images, study = box:images(4, 3000)
        local objects = support.list(images)
        local server = box:dcmqrscp(images)
        for _, i in ipairs(gone) do os.remove(images .. "/" .. objects[i]) end
        local out = box:directory("out")
        local result = box:getscu("-v", support.to(server, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. study, "-od", out))
        return result, support.list(out), objects
    end

    it("some objects: the others come, each that fails is named, and 68", function()
        local result, files, objects = fetch_without { 2 }
        assert.equal(68, result.code, result.err)
        assert.same({ "CT." .. objects[1], "CT." .. objects[3], "CT." .. objects[4] }, files)
        assert.truthy(result.err:find("E: object " .. objects[2], 1, true), result.err)
    end)

    it("any object: 69", function()
        local result, files = fetch_without { 1, 2, 3, 4 }
        assert.equal(69, result.code, result.err)
        assert.same({}, files)
    end)

    it("objects of a SOP class that is not among ours: 68, with their UIDs", function()
        local private, own = box:images(2, 3000)
        local names = support.list(private)
        box:tool { "dcmodify", "-nb", "-m", "0008,0016=1.2.826.0.1.3680043.9.9999.1", "-imt",
            private .. "/" .. names[1] }
        local its = box:dcmqrscp(private)
        local out = box:directory("out")
        local result = box:getscu(support.to(its, "-S", "-k", STUDY, "-k",
            "StudyInstanceUID=" .. own, "-od", out))
        assert.equal(68, result.code, result.err)
        assert.same({ "CT." .. names[2] }, support.list(out))
        assert.truthy(result.err:find("E: object " .. names[1], 1, true), result.err)
    end)
end)

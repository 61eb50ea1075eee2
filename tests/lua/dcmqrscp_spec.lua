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
end)

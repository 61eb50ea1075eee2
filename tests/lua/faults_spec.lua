-- What the catalogue of faults (catalogue_*_spec.lua) cannot say with one query.

local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local getscu = require "getscu"
local peer = require "peer"
local support = require "support"
local tasks = require "getscu.tasks"

local EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

local function failed_uids(...)
    return assert(dataset.new { ["0008,0058"] = { ... } }:encode(EXPLICIT_LITTLE))
end

describe("a C-GET response that carries failed UIDs", function()
    it("leaves the association in step for the next query", function()
        local files = {}
        for i = 1, 2 do
            files[i] = box:dump2dcm(([[
(0008,0052) CS STUDY
(0020,000d) UI 1.2.%d]]):format(i), "-F")
        end
        local out = box:directory("out")
        local result, studies = peer.converse(box, { "-S", "-od", out }, function(link)
            local found = {}
            for i = 1, 2 do
                local request = link:request()
                found[i] = dataset.decode(request.data, EXPLICIT_LITTLE).StudyInstanceUID
                link:store("1.2.3." .. i, peer.image("1.2.3." .. i))
                link:respond(request, 0xB000, { completed = 1, failed = 1 },
                    failed_uids("1.9." .. i))
            end
            link:await_end()
            return found
        end, { files = files })
        assert.equal(68, result.code, result.err)
        assert.same({ "1.2.1", "1.2.2" }, studies)
        assert.same({ "CT.1.2.3.1", "CT.1.2.3.2" }, support.list(out))
    end)
end)

-- The program went on to release, which it could not, and ended with a traceback.
describe("an answer that cannot be sent for want of memory", function()
    it("ends the association by an abort, and the C-GET with the reason", function()
        local server <close> = peer.listen()
        local ending
        local sending = tasks.start(function()
            local link = server:link()
            link:request()
            link:offer("1.2.3.1", peer.image "1.2.3.1")
            link:offer("1.2.3.2", peer.image "1.2.3.2")
            ending = { link:await_end() }
        end)
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = server.port,
            called = "X" })
        local send = assoc.send
        function assoc:send(context, command, data)
            if command.CommandField ~= 0x8001 then return send(self, context, command, data) end
            return nil, errors.new { code = "out-of-memory", message = "no memory for an answer" }
        end
        local result, err = assoc:get { query = { StudyInstanceUID = "1.2" }, ignore = true }
        assert.same({ nil, "out-of-memory" }, { result, err.code })
        result, err = assoc:release()
        assert.same({ nil, "out-of-memory" }, { result, err.code })
        sending:join()
        assert.same({ "aborted", 0, 0 }, { ending[1], ending[2].source, ending[2].reason })
    end)
end)

-- What the catalogue of faults (catalogue_*_spec.lua) cannot say with one query.

local dataset = require "getscu.dataset"
local peer = require "peer"
local support = require "support"

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

local core = require "getscu.core"
local support = require "support"

local OBJECT = 512 << 20
local PEAK = 24 << 10 -- KiB

-- A box on a file system in memory, where there is one with room.
local function roomy_box()
    local there = core.system.kind "/dev/shm" == "directory"
    local free = 0
    if there then
        local pipe = io.popen "df -k --output=avail /dev/shm 2>&1"
        free = tonumber(pipe:read("a"):match "(%d+)%s*$") or 0
        pipe:close()
    end
    return support.box(free > 2 * OBJECT >> 10 and "/dev/shm" or nil)
end

describe("an object of 512 MiB", function()
    local box, server

    setup(function()
        box = roomy_box()
        server = box:image_server(1, OBJECT)
    end)
    teardown(function() box:close() end)

    for _, mode in ipairs { "-B", "+B", "--ignore" } do
        it("is received with less than 24 MiB of memory with " .. mode, function()
            local out = box:directory("out")
            local log = box:new_path("log")
            local words = { support.build .. "/bench/timer", log, support.getscu, "-S", "-k",
                "QueryRetrieveLevel=STUDY", "-aec", server.title, mode }
            if mode ~= "--ignore" then words = support.words(words, "-od", out) end
            local said = box:tool(support.words(words, "127.0.0.1", server.port))
            local peak, code = said:match "^%S+ (%d+) (%d+)"
            assert.equal("0", code, support.read(log))
            if mode ~= "--ignore" then
                local _, size = core.system.kind(out .. "/" .. support.list(out)[1])
                assert.is_true(size > OBJECT * 0.99)
                box:tool { "rm", "-r", out }
            end
            if not support.sanitized then
                assert.is_true(tonumber(peak) < PEAK, peak .. " KiB")
            end
        end)
    end
end)

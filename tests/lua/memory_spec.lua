local certificates = require "certificates"
local core = require "getscu.core"
local secured = require "secured"
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

    -- The end of the only file in a folder, which holds nothing but pixels, as a sum of its bytes.
    local function sum_of_pixels(folder)
        local path = folder .. "/" .. support.list(folder)[1]
        return box:tool { "sh", "-c", 'tail -c "$0" "$1" | md5sum', tostring(OBJECT - (1 << 20)),
            path }
    end

    -- Retrieves it into a folder that is gone afterwards. Returns the sum, and the peak in KiB.
    local function retrieve(from, ...)
        local out, log = box:directory("out"), box:new_path("log")
        local said = box:tool(support.words(support.build .. "/bench/timer", log, support.getscu,
            "-S", "-k", "QueryRetrieveLevel=STUDY", "-aec", from.title, "-od", out, { ... },
            "127.0.0.1", from.port))
        local peak, code = said:match "^%S+ (%d+) (%d+)"
        assert.equal("0", code, support.read(log))
        local sum = sum_of_pixels(out)
        box:tool { "rm", "-r", out }
        return sum, tonumber(peak)
    end

    it("is edited with less than 32 MiB of memory, and its pixels stay as they are", function()
        local plain = retrieve(server)
        for _, whole in ipairs { "", "whole = true, " } do
            local script = box:file("return { " .. whole .. "edit = function(object) "
                .. "object.PatientID = 'EDITED'; object.PatientComments = ('x'):rep(3000) end }")
            local edited, peak = retrieve(server, "--script", script)
            assert.equal(plain, edited)
            if not support.sanitized then assert.is_true(peak < 32 << 10, peak .. " KiB") end
        end
    end)

    it("is received with less than 32 MiB of memory over TLS", function()
        local root = certificates.authority(box, "root")
        local gateway = secured.gateway(box, server, root:issue { name = "server" })
        local _, peak = retrieve(gateway, "+tla", "+cf", root.certificate)
        if not support.sanitized then assert.is_true(peak < 32 << 10, peak .. " KiB") end
    end)
end)

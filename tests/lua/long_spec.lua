local core = require "getscu.core"
local peer = require "peer"
local support = require "support"
local tasks = require "getscu.tasks"

-- What must not grow, however much there is of it: with LONG=1 as much as is promised, else a
-- sample.
local ASSOCIATIONS = support.long and 1000 or 60
local OBJECTS = support.long and 20000 or 1500
local GIGABYTES = support.long and 50 or 0.5
local GROWTH = 2 << 10 -- KiB that the process may grow from a tenth of it to the whole
local PEAK = 24 << 10 -- KiB

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

describe(("%d associations in one process"):format(ASSOCIATIONS), function()
    it("leave neither memory nor descriptors behind", function()
        local images, study = box:images(1, 2000)
        local archive = box:archive(images)
        local out = box:directory("out")
        local result = box:program([[
            local getscu = require "getscu"
            local port, study, count, out = arg[1], arg[2], tonumber(arg[3]), arg[4]
            local function memory()
                collectgarbage()
                local file <close> = assert(io.open "/proc/self/status")
                return tonumber(file:read("a"):match "VmRSS:%s+(%d+)")
            end
            local function descriptors()
                local pipe = io.popen "ls /proc/$PPID/fd | wc -l"
                return pipe:read "n", pipe:close()
            end
            local function once()
                local link <close> = assert(getscu.associate { host = "127.0.0.1",
                    port = tonumber(port), called = "ARCHIVE" })
                assert(link:echo())
                assert(link:get { query = { QueryRetrieveLevel = "STUDY",
                    StudyInstanceUID = study }, directory = out })
                assert(link:release())
            end
            for _ = 1, count // 10 do once() end
            local early, open = memory(), descriptors()
            for _ = count // 10 + 1, count do once() end
            print(memory() - early, descriptors() - open)
        ]], archive.port, study, ASSOCIATIONS, out)
        assert.equal(0, result.code, result.err)
        local grown, open = result.out:match "^(%-?%d+)%s+(%-?%d+)"
        assert.equal("0", open)
        if not support.sanitized then assert.is_true(tonumber(grown) < GROWTH, grown .. " KiB") end
    end)
end)

-- Runs the program with something to measure its peak with. Returns KiB.
local function peak_of(result)
    return tonumber(result:match "^%S+ (%d+) 0")
end

describe(("%d objects"):format(OBJECTS), function()
    it("take no more memory than a tenth of them, and all come", function()
        local peaks = {}
        for i, count in ipairs { OBJECTS // 10, OBJECTS } do
            local server = box:image_server(count, 1000)
            local out, log = box:directory("out"), box:new_path("log")
            local said = box:tool(support.words(support.build .. "/bench/timer", log,
                support.getscu, "-S", "-k", "QueryRetrieveLevel=STUDY", support.to(server, "-od",
                out)))
            peaks[i] = peak_of(said)
            assert.truthy(peaks[i], support.read(log))
            assert.equal(count, #support.list(out))
            server.process:stop()
            box:tool { "rm", "-r", out }
        end
        if not support.sanitized then
            assert.is_true(peaks[2] < PEAK, peaks[2] .. " KiB")
            -- what Lua remembers of each object: its UID and its name
            local remembered = OBJECTS * 0.9 * 0.4
            assert.is_true(peaks[2] - peaks[1] < GROWTH + remembered,
                ("%d and %d KiB"):format(peaks[1], peaks[2]))
        end
    end)
end)

-- A data set of so many bytes, most of them holes; an element has less than 4 GiB.
local function sparse_object(size)
    local path = box:new_path("sparse")
    local file = assert(io.open(path, "wb"))
    local at, most, element = 0, 0xfffffff0, 0x1001
    while at < size do
        local length = math.min(most, size - at)
        assert(file:seek("set", at))
        assert(file:write(("<I2 I2 c4 I4"):pack(0x0009, element, "OB\0\0", length)))
        at, element = at + 12 + length, element + 1
    end
    assert(file:seek("set", at - 1))
    assert(file:write "\0")
    assert(file:close())
    return path, at
end

describe(("an object of %g GB"):format(GIGABYTES), function()
    it("is received with less than 24 MiB of memory", function()
        local path, size = sparse_object(math.tointeger(GIGABYTES * 1000000000 // 2 * 2))
        local log = box:new_path("log")
        local program = { support.build .. "/bench/timer", log, support.getscu }
        local status
        local result = peer.converse(box, { "-S", "-k", "QueryRetrieveLevel=STUDY", "--ignore",
            "-pdu", "131072" }, function(link)
            local request = link:request()
            link.core:send(link.contexts["1.2.840.10008.5.1.4.1.1.2"], { CommandField = 1,
                MessageID = 1, Priority = 0, AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2",
                AffectedSOPInstanceUID = "1.2.3.4" }, { file = path, offset = 0 })
            repeat
                local event = assert(tasks.wait(link.core, 3600))
                status = event.command and event.command.Status
            until event.type ~= "sent"
            link:respond(request, 0x0000, { completed = 1 })
            link:await_end()
        end, { program = program })
        assert.equal(0, status)
        local peak = peak_of(result.out)
        assert.truthy(peak, support.read(log))
        assert.is_true(select(2, core.system.kind(path)) == size)
        if not support.sanitized then assert.is_true(peak < PEAK, peak .. " KiB") end
    end)
end)

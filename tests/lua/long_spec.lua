local core = require "getscu.core"
local peer = require "peer"
local support = require "support"
local tasks = require "getscu.tasks"

-- What must not grow, however much there is of it: with LONG=1 as much as is promised, else a
-- sample.
local ASSOCIATIONS = support.long and 1000 or 100
local OBJECTS = support.long and 20000 or 1500
local GIGABYTES = support.long and 50 or 0.5
local GROWTH = 4 << 10 -- KiB: steps that allocators take now and then, and that are no growth
local PEAK = 24 << 10 -- KiB
local FILES = 32 -- descriptors that the program may have: fewer than it would lose
local PATIENCE = 3600 -- seconds for 50 GB
local CT = "1.2.840.10008.5.1.4.1.1.2"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

describe(("%d associations in one process"):format(ASSOCIATIONS), function()
    it("leave neither memory nor descriptors behind", function()
        local images, study = box:images(1, 2000)
        local began = core.clock()
        local archive = box:archive(images)
        local out = box:directory("out")
        local result = box:program([[
            local getscu = require "getscu"
            local port, study, count, out = arg[1], arg[2], tonumber(arg[3]), arg[4]
            local function memory()
                collectgarbage() -- what has a finalizer goes
                collectgarbage() -- with what it held
                local file <close> = assert(io.open "/proc/self/status")
                return tonumber(file:read("a"):match "VmRSS:%s+(%d+)")
            end
            local function descriptors()
                return #require "getscu.core".system.list "/proc/self/fd"
            end
            local function once()
                local link <close> = assert(getscu.associate { host = "127.0.0.1",
                    port = tonumber(port), called = "ARCHIVE" })
                assert(link:echo())
                assert(link:get { query = { QueryRetrieveLevel = "STUDY",
                    StudyInstanceUID = study }, directory = out })
                assert(link:release())
            end
            for _ = 1, count // 2 do once() end
            local early, open = memory(), descriptors()
            for _ = count // 2 + 1, count do once() end
            print(memory() - early, descriptors() - open, early)
        ]], archive.port, study, ASSOCIATIONS, out)
        assert.equal(0, result.code, result.err)
        local grown, open, early = result.out:match "^(%-?%d+)%s+(%-?%d+)%s+(%d+)"
        support.measured("%d associations: %.1f s; after the first half %s KiB, then %s KiB and %s "
            .. "descriptors more", ASSOCIATIONS, core.clock() - began, early, grown, open)
        assert.equal("0", open)
        if not support.sanitized then assert.is_true(tonumber(grown) < GROWTH, grown .. " KiB") end
    end)
end)

-- The words before a command line that measure it, and leave it few descriptors.
local function measuring(log)
    return { "prlimit", "--nofile=" .. FILES, support.build .. "/bench/timer", log }
end

-- What was measured of a program that has succeeded.
-- @return peak in KiB, seconds
local function peak_of(result)
    local seconds, peak = result:match "^(%S+) (%d+) 0"
    return tonumber(peak), tonumber(seconds)
end

describe(("%d objects"):format(OBJECTS), function()
    it("take no more memory than a tenth of them, and all come", function()
        local peaks = {}
        for i, count in ipairs { OBJECTS // 10, OBJECTS } do
            local server = box:image_server(count, 1000)
            local out, log = box:directory("out"), box:new_path("log")
            local said = box:tool(support.words(measuring(log), support.getscu, "-S", "-k",
                "QueryRetrieveLevel=STUDY", support.to(server, "-od", out)))
            local peak, seconds = peak_of(said)
            peaks[i] = assert.truthy(peak, support.read(log))
            support.measured("%d objects: %.1f s; %d KiB at most, %d descriptors allowed", count,
                seconds, peak, FILES)
            assert.equal(count, #support.list(out))
            server.process:stop()
            box:tool { "rm", "-r", out }
        end
        if not support.sanitized then
            assert.is_true(peaks[2] < PEAK, peaks[2] .. " KiB")
            -- what is remembered of each object, since it may come again: its UID and its name
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
        local server <close> = peer.listen()
        local process = box:start(support.words(measuring(log), support.getscu, "-S", "-k",
            "QueryRetrieveLevel=STUDY", "--ignore", "-pdu", "131072", "--no-retry",
            support.to(server)))
        local link = server:link()
        local request = link:request()
        link.core:send(link.contexts[CT], { CommandField = 1, MessageID = 1, Priority = 0,
            AffectedSOPClassUID = CT, AffectedSOPInstanceUID = "1.2.3.4" },
            { file = path, offset = 0 })
        local event
        repeat event = assert(tasks.wait(link.core, PATIENCE)) until event.type ~= "sent"
        assert.equal(0, event.command.Status)
        link:respond(request, 0x0000, { completed = 1 })
        link:await_end()
        local result = process:wait()
        local peak, seconds = peak_of(result.out)
        assert.truthy(peak, support.read(log))
        support.measured("%d bytes in one object: %.1f s; %d KiB at most, %d descriptors allowed",
            size, seconds, peak, FILES)
        assert.equal(size, select(2, core.system.kind(path)))
        if not support.sanitized then assert.is_true(peak < PEAK, peak .. " KiB") end
    end)
end)

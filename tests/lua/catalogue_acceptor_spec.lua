-- What clients say to an archive in a process of its own (catalogue/acceptor.lua). A case is a
-- table: its title, and
--
--     says       steps of actor.lua
--     window     bytes of what the archive says that wait for the client to read; nil: as usual
--     ends       the archive's last PDU, as of actor.ending(); nil: whatever
--     answers    of its responses: lists of CommandField and Status; nil: none; "many": whatever
--     check      function(heard): what else must hold, as of wire.side()
--
-- With each case the archive serves the next client. In the end it holds no descriptor more than
-- before, and never had much memory.

local actor = require "actor"
local catalogue = require "catalogue"
local cases = require "catalogue.acceptor"
local core = require "getscu.core"
local getscu = require "getscu"
local support = require "support"

local PEAK = 64 << 10 -- KiB, with the garbage of all these associations

local PROGRAM = [[
local getscu = require "getscu"
getscu.log.level "fatal"
local archive <close> = assert(getscu.archive { directory = ...,
    deadlines = { acse = 2, dimse = 3, write = 2 } })
local task = archive:start()
io.write(archive:port(), "\n"):flush()
task:join()
]]

local box, archive

local function descriptors()
    return #assert(core.system.list(("/proc/%d/fd"):format(archive.process.child:pid())))
end

local function peak()
    local status = support.read(("/proc/%d/status"):format(archive.process.child:pid()))
    return tonumber(status:match "VmHWM:%s*(%d+)")
end

local function start_archive()
    local directory = box:directory("studies")
    cases.fill(directory)
    local process = box:start_getscu("--run", box:file(PROGRAM, "archive.lua"), directory)
    process:await(function() return process:out():find "\n" end, "its port")
    return { process = process, port = math.tointeger(process:out():match "%d+") }
end

-- Whether it serves who comes next.
local function serves()
    local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = archive.port,
        called = "ARCHIVE" })
    return assoc:echo() and assoc:release()
end

local function play(_, case)
    local started = actor.start(box, actor.script(case.says), { port = archive.port,
        window = case.window })
    local heard = actor.hear(started, false, archive.process:err())
    return { heard = heard, serves = serves() }
end

setup(function()
    getscu.log.level "fatal"
    box = support.box()
    archive = start_archive()
    assert.is_true(serves())
    archive.descriptors = descriptors()
    catalogue.play(box, cases, play)
end)
teardown(function()
    box:close()
    getscu.log.level "error"
end)

-- CommandField and Status of each response.
local function answers_of(heard)
    local answers = {}
    for _, message in ipairs(heard.messages) do
        local status = message.command.Status
        if status then answers[#answers + 1] = { message.command.CommandField, status } end
    end
    return answers
end

describe("An archive, in the catalogue of faults:", function()
    for _, case in ipairs(cases) do
        it(case[1], function()
            local outcome = case.outcome or error(case.failure, 0)
            assert.equal(case.ends or actor.ending(outcome.heard), actor.ending(outcome.heard))
            if case.answers ~= "many" then
                assert.same(case.answers or {}, answers_of(outcome.heard))
            end
            if case.check then case.check(outcome.heard) end
            assert.is_true(outcome.serves)
        end)
    end

    it("nothing of all this is left", function()
        archive.process:await(function() return descriptors() <= archive.descriptors end,
            "descriptors to be closed")
        assert.is_true(support.sanitized or peak() < PEAK, peak())
        assert.equal("", archive.process:err())
    end)
end)

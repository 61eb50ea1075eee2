--- catalogue: plays the cases of the catalogue of faults against the program.
--
-- The cases are data, a file in catalogue/ for each chapter. A case is a table: its title, and
--
--     answer     what the server says to the A-ASSOCIATE-RQ, as steps; nil: it accepts
--     peer       steps when the C-GET-RQ has come; nil: none comes
--     options    words of the command line
--     prepare    function(out, box): makes the output directory what it is to be
--     lost       true: what it makes is no directory
--     code       exit code
--     ends       the client's last PDU: "released", "2/6" (A-ABORT with source and reason), "open"
--                (something else), "unheard" (it did not connect)
--     statuses   of its C-STORE-RSPs; nil: it sent none; "many": whatever they are
--     answers    of its other responses: lists of CommandField and Status
--     tells      text that its log has; one, or a list
--     hides      text that it has not
--     files      names in the output directory afterwards; nil: none
--     count      in its place: how many there are
--     seconds    the most that it may take
--     check      function(outcome): what else must hold
--     pending    why the row cannot be kept yet
--
-- A step is bytes to say, or a table made by the functions here; steps may be nested. These are
-- checked with every case: files are whole, and hold what was sent (P1); nothing is outside of the
-- output directory (P3); a waiting object leaves no process behind (P5); the log is clean (P7).

local assert = require "luassert"
local core = require "getscu.core"
local raw = require "raw"
local support = require "support"
local tasks = require "getscu.tasks"
local wire = require "wire"

local catalogue = {}

local AT_ONCE = 4 -- clients
local PATIENCE = 5 -- seconds in which the server sees that its client has gone
local RQ, DATA = 1, 4 -- types of PDUs
local C_STORE_RSP = 0x8001
local QUERY = { "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3",
    "--no-retry", "-aec", "PEER" }

-- ---- steps, see tests/c/actor.c ----

local function line(...)
    return { line = string.format(...) }
end

--- Waits for the client's next PDU of a type, by default a P-DATA-TF.
function catalogue.expect(kind)
    return line("expect %d", kind or DATA)
end

--- From here on the server speaks in segments of so many bytes, with a pause before each.
function catalogue.segments(size, milliseconds)
    return { line("chunk %d", size), line("pace %d", milliseconds or 0) }
end

--- Says something many times.
function catalogue.times(count, bytes)
    return { line("repeat %d", count), bytes }
end

--- A FIN, and an RST.
catalogue.END, catalogue.RESET = line "end", line "reset"

--- An object that may become a file: the steps that send it, by default with raw.store().
function catalogue.object(data, ...)
    return { object = data, ... }
end

--- Sends an object and waits for the response. Arguments as of raw.store().
function catalogue.store(uid, data, changes, context)
    return { object = data, raw.store(uid, data, changes, context), catalogue.expect() }
end

-- Adds the lines of steps, and what they send as objects.
local function add_steps(script, step)
    if type(step) == "string" then
        script[#script + 1] = "say " .. step:gsub(".", function(c)
            return ("%02x"):format(c:byte())
        end)
    elseif step.line then
        script[#script + 1] = step.line
    else
        if step.object then script.objects[step.object] = true end
        for _, inner in ipairs(step) do add_steps(script, inner) end
    end
end

local function script_of(case)
    local script = { objects = {} }
    add_steps(script, { catalogue.expect(RQ), case.answer or raw.accept() })
    if case.peer then
        add_steps(script, { catalogue.expect(), catalogue.expect() }) -- command, identifier
        add_steps(script, case.peer)
    end
    return script
end

-- ---- playing ----

local function start_actor(box, script)
    local record, port_file = box:new_path("record"), box:new_path("port")
    local process = box:start { support.build .. "/tests/actor", "--script",
        box:file(table.concat(script, "\n") .. "\n", "script"), "--record", record, "--port-file",
        port_file }
    process:await(function() return support.read(port_file) end, "its port")
    return { process = process, record = record, port = math.tointeger(support.read(port_file)) }
end

-- What the server heard, nil where nobody came. It listens until the client has gone.
local function hear(actor, case, log)
    if case.ends == "unheard" then
        actor.process:stop()
        return support.read(actor.record) and wire.side(actor.record)
    end
    if not actor.process:poll(PATIENCE) then
        actor.process:stop()
        error("the client did not connect:\n" .. log, 0)
    end
    assert(actor.process.code == 0, "the actor failed")
    return wire.side(actor.record)
end

local function play(box, case)
    local script = script_of(case)
    local actor = start_actor(box, script)
    local around = box:directory("around")
    local out = around .. "/out"
    assert(core.system.mkdir(out))
    if case.prepare then case.prepare(out, box) end
    local before = support.list(around)
    local began = core.clock()
    local result = box:getscu(QUERY, "-od", out, case.options or {}, "127.0.0.1", actor.port)
    result.seconds = core.clock() - began
    result.heard = hear(actor, case, result.err)
    result.objects, result.before, result.out = script.objects, before, out
    result.around = support.list(around)
    result.files = case.lost and {} or support.list(out)
    return result
end

--- Plays cases, some at a time. `outcome` in each is what came of it.
function catalogue.play(box, cases)
    local workers, next_one = {}, 0
    local function work()
        while next_one < #cases do
            next_one = next_one + 1
            local case = cases[next_one]
            local played, result = true, nil
            if not case.pending then played, result = pcall(play, box, case) end
            case[played and "outcome" or "failure"] = result
        end
    end
    for i = 1, AT_ONCE do workers[i] = tasks.start(work) end
    for _, worker in ipairs(workers) do worker:join() end
end

-- ---- judging ----

local function ending(heard)
    local last = heard and heard.pdus[#heard.pdus]
    if not last then return "unheard" end
    if last.type == 7 then return ("%d/%d"):format(last.body:byte(3, 4)) end
    return (last.type == 5 or last.type == 6) and "released" or "open"
end

local function responses(heard)
    local statuses, answers = {}, {}
    for _, message in ipairs(heard and heard.messages or {}) do
        local field, status = message.command.CommandField, message.command.Status
        if field == C_STORE_RSP then
            statuses[#statuses + 1] = status
        elseif status then
            answers[#answers + 1] = { field, status }
        end
    end
    return statuses, answers
end

local function as_list(value)
    if type(value) == "table" then return value end
    return { value } -- of nil: empty
end

-- P1: each new file is whole, and its data set is one that was sent.
local function judge_files(outcome)
    local there = {}
    for _, name in ipairs(outcome.before) do there[name] = true end
    for _, name in ipairs(outcome.files) do
        local path = outcome.out .. "/" .. name
        local data = core.system.kind(path) == "file" and wire.part10(path) -- a FIFO would block
        if data or not there["out/" .. name] then
            assert.is_true(outcome.objects[data] == true, name .. " is not what was sent")
        end
    end
end

-- P3: what is new is in the output directory.
local function judge_surroundings(outcome)
    local outside = {}
    for _, name in ipairs(outcome.around) do
        if not name:find "^out/" then outside[#outside + 1] = name end
    end
    for _, name in ipairs(outcome.before) do
        if outside[1] == name then table.remove(outside, 1) end
    end
    assert.same({}, outside)
end

--- Raises where a case did not come out as it should.
function catalogue.judge(case)
    local outcome = case.outcome or error(case.failure, 0)
    local log = outcome.err
    assert.equal(case.code, outcome.code, log)
    assert.equal(case.ends, ending(outcome.heard), log)
    local statuses, answers = responses(outcome.heard)
    if case.statuses ~= "many" then assert.same(case.statuses or {}, statuses, log) end
    assert.same(case.answers or {}, answers, log)
    for _, text in ipairs(as_list(case.tells)) do
        assert.truthy(log:find(text, 1, true), ("'%s' is not in:\n%s"):format(text, log))
    end
    for _, text in ipairs(as_list(case.hides)) do
        assert.falsy(log:find(text, 1, true), ("'%s' is in:\n%s"):format(text, log))
    end
    assert.is_nil(log:find "[^\n\32-\126]", log)
    if case.count then
        assert.equal(case.count, #outcome.files, log)
    else
        assert.same(case.files or {}, outcome.files)
    end
    judge_files(outcome)
    judge_surroundings(outcome)
    assert.is_true(outcome.seconds < (case.seconds or 30), outcome.seconds)
    if case.check then case.check(outcome) end
end

--- Makes the tests of a chapter.
-- @param busted the environment of a spec, which has its functions
-- @param title of the chapter
-- @param cases list, as of a file in catalogue/
function catalogue.specify(busted, title, cases)
    local box
    busted.setup(function()
        box = support.box()
        catalogue.play(box, cases)
    end)
    busted.teardown(function() box:close() end)
    busted.describe(title .. ", in the catalogue of faults:", function()
        for _, case in ipairs(cases) do
            busted.it(case[1], function()
                if case.pending then busted.pending(case.pending) end
                catalogue.judge(case)
            end)
        end
    end)
end

return catalogue

--- catalogue: plays the cases of the catalogue of faults against the program.
--
-- The cases are data, a file in catalogue/ for each chapter. A case is a table: its title, and
--
--     answer     what the server says to the A-ASSOCIATE-RQ, as steps of actor.lua; nil: it accepts
--     peer       steps when the C-GET-RQ has come; nil: none comes
--     window     bytes of what the client says that wait for the server to read; nil: as usual
--     options    words of the command line
--     script     text of a hook script
--     host       the server's, in place of 127.0.0.1
--     prepare    function(out, box, case): makes the output directory what it is to be
--     lost       true: what it makes is no directory
--     within     shell text that runs the program as "$@"; "$0" is the output directory
--     needs      words of a command that must succeed, else the machine cannot show the case
--     faults     calls of the program that fail, as tests/torture/faults.c has them
--     around     variables of tests/torture/surroundings.c, which then is around the program
--     variables  of its environment, as "NAME=value"
--     code       exit code
--     ends       the client's last PDU, as of actor.ending()
--     statuses   of its C-STORE-RSPs; nil: it sent none; "many": whatever they are
--     answers    of its other responses: lists of CommandField and Status; "many": whatever
--     cancels    true: it sent one C-CANCEL-RQ; nil: none
--     tells      text that its log has; one, or a list
--     hides      text that it has not
--     files      names in the output directory afterwards; nil: none
--     count      in its place: how many there are
--     seconds    the most that it may take
--     peak       true: it has no more memory than ever (P4)
--     check      function(outcome): what else must hold
--     pending    why the row cannot be kept yet
--
-- These are checked with every case: files are whole, and hold what was sent (P1); nothing is
-- outside of the output directory (P3); a waiting object leaves no process behind (P5); the log is
-- clean (P7); faults took place.

local actor = require "actor"
local assert = require "luassert"
local core = require "getscu.core"
local raw = require "raw"
local support = require "support"
local tasks = require "getscu.tasks"
local wire = require "wire"

local catalogue = setmetatable({}, { __index = actor }) -- chapters have the steps of it

local AT_ONCE = 4 -- clients
local PEAK = 24 << 10 -- KiB
local RQ = 1 -- type of PDU
local C_STORE_RSP, C_CANCEL_RQ = 0x8001, 0x0FFF
local QUERY = { "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3",
    "--no-retry", "-aec", "PEER" }

-- Says on standard output how much memory the program had.
local MEASURED = ('read -r _ peak code < <(%s/bench/timer /dev/stderr "$@"); echo $peak; '
    .. 'exit $code'):format(support.build)

-- ---- playing ----

local function script_of(case)
    return actor.script(actor.expect(RQ), case.answer or raw.accept(), case.peer and {
        actor.expect(), actor.expect(), case.peer } or {}) -- command and identifier have come
end

-- The words that run the program as a case wants it; counts: where its faults are counted.
local function program_of(box, case, out, counts)
    local variables = support.words(case.variables or {}, case.around or {})
    if case.faults then
        table.move({ box:preload "faults", "FAULT_COUNTS=" .. counts, "FAULT=" .. case.faults },
            1, 3, #variables + 1, variables)
    elseif case.around then
        table.insert(variables, box:preload "surroundings")
    end
    local within = case.peak and MEASURED or case.within
    return support.words(within and { "bash", "-c", within, out } or {},
        #variables > 0 and { "env", variables } or {}, support.getscu)
end

-- How many faults took place, by what faults.c wrote last.
local function faults_of(counts)
    local bytes = support.read(counts)
    return bytes and ("I4"):unpack(bytes, #bytes - 3)
end

local function play(box, case)
    local script = script_of(case)
    local server = actor.start(box, script, { window = case.window })
    local around = box:directory("around")
    local out, counts = around .. "/out", box:new_path("counts")
    assert(core.system.mkdir(out))
    if case.prepare then case.prepare(out, box, case) end
    local before = support.list(around)
    local began = core.clock()
    local script_words = case.script and { "--script", box:file(case.script, "hooks.lua") } or {}
    local result = box:run(support.words(program_of(box, case, out, counts), QUERY, "-od", out,
        case.options or {}, script_words, case.host or "127.0.0.1", server.port))
    result.seconds = core.clock() - began
    result.heard = actor.hear(server, case.ends == "unheard", result.err)
    result.said, result.out = result.out, out -- standard output, and the directory
    result.objects, result.before = script.objects, before
    result.around, result.faults = support.list(around), faults_of(counts)
    result.files = case.lost and {} or support.list(out)
    return result
end

--- Plays cases, some at a time. `outcome` in each is what came of it.
-- @param player function(box, case) -> outcome; nil: plays them against the program
function catalogue.play(box, cases, player)
    local workers, next_one = {}, 0
    local function work()
        while next_one < #cases do
            next_one = next_one + 1
            local case = cases[next_one]
            local played, result = true, nil
            if case.needs and box:run(case.needs).code ~= 0 then
                case.pending = "the machine does not allow: " .. table.concat(case.needs, " ")
            end
            if not case.pending then played, result = pcall(player or play, box, case) end
            case[played and "outcome" or "failure"] = result
        end
    end
    for i = 1, AT_ONCE do workers[i] = tasks.start(work) end
    for _, worker in ipairs(workers) do worker:join() end
end

-- ---- judging ----

-- Statuses of C-STORE-RSPs, other responses, and how many C-CANCEL-RQs there are.
local function messages_of(heard)
    local statuses, answers, cancels = {}, {}, 0
    for _, message in ipairs(heard and heard.messages or {}) do
        local field, status = message.command.CommandField, message.command.Status
        if field == C_STORE_RSP then
            statuses[#statuses + 1] = status
        elseif field == C_CANCEL_RQ then
            cancels = cancels + 1
        elseif status then
            answers[#answers + 1] = { field, status }
        end
    end
    return statuses, answers, cancels
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
    assert.equal(case.ends, actor.ending(outcome.heard), log)
    local statuses, answers, cancels = messages_of(outcome.heard)
    if case.statuses ~= "many" then assert.same(case.statuses or {}, statuses, log) end
    if case.answers ~= "many" then assert.same(case.answers or {}, answers, log) end
    assert.equal(case.cancels and 1 or 0, cancels, log)
    if case.faults then assert.is_true(outcome.faults > 0, "there was no such call") end
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
    if case.peak and not support.sanitized then
        assert.is_true(tonumber(outcome.said) < PEAK, outcome.said .. " KiB")
    end
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

--- hooks: the scripts of a retrieval: what is decided by their answers.
--
-- Of several scripts, in their order: the first that does not keep an object decides; edits add up;
-- the first name wins. Each sees what the one before changed. A hook is entered through the gate of
-- the core, which limits its time and memory; one that fails refuses its object, or what else was
-- chosen (`on_error`), and decides the exit code. What hooks are told is in getscu.notices.

local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local gate = require("getscu.core").gate
local hook_job = require "getscu.hook_job"
local log = require "getscu.log"
local notices = require "getscu.notices"
local query = require "getscu.query"
local script = require "getscu.script"
local status = require "getscu.status"
local tasks = require "getscu.tasks"
local verdict = require "getscu.verdict"

local hooks = {}

local Hooks = { __index = {}, __name = "getscu.hooks" }

local FIELDS = { "on_error", "seconds", "memory", "settings" }
local ON_ERROR = { refuse = true, keep = true, abort = true }

-- The error that a failure of each kind (as the gate tells it) is.
local CODES = { time = "script-limit", memory = "script-limit", exit = "script-exit" }

--- Hooks from scripts.
-- @param scripts list of scripts as of getscu.script, or of manifests
-- @param options table or nil: on_error (what a failure of a deciding hook does to its object:
--   "refuse", "keep", "abort"); seconds (of CPU time for one call; default 30); memory (bytes of
--   the whole Lua state; default no limit); settings (of the command line, for the options)
-- @return hooks
function hooks.new(scripts, options)
    options = options or {}
    errors.check_fields(options, FIELDS, "getscu.hooks")
    local on_error = options.on_error or "refuse"
    if not ON_ERROR[on_error] then
        error(("on_error must be 'refuse', 'keep' or 'abort', not '%s'"):format(on_error), 2)
    end
    local self = setmetatable({ scripts = {}, jobs = {}, on_error = on_error }, Hooks)
    for i, one in ipairs(scripts) do
        self.scripts[i] = one.manifest and one or script.of(one, "hooks " .. i)
        self.jobs[i] = hook_job.new(self.scripts[i], options.settings)
    end
    gate.limit { seconds = options.seconds or 30, memory = options.memory }
    self.notices = notices.new(self)
    return self
end

--- Hooks of what a user gave: hooks, a manifest, or a list of manifests and scripts.
function hooks.from(given)
    if getmetatable(given) == Hooks then return given end
    return hooks.new(#given > 0 and given or { given })
end

--- Tells them whose hooks they are.
-- @param job getscu.retrieve job
function Hooks.__index:attach(job)
    self.job = job
    for _, one in ipairs(self.jobs) do hook_job.attach(one, job) end
end

--- Whether a script has one of these hooks.
function Hooks.__index:has(...)
    for _, one in ipairs(self.scripts) do
        for _, name in ipairs { ... } do
            if one.manifest[name] then return true end
        end
    end
    return false
end

--- What has to be there of an object before its fate is decided: nil: nothing, "header": the
-- elements before Pixel Data, "whole": all of it.
function Hooks.__index:needs()
    if not self:has("accept", "edit", "name") then return nil end
    for _, one in ipairs(self.scripts) do
        if one.manifest.whole then return "whole" end
    end
    return "header"
end

-- ---- failures ----

--- A hook has failed: tells it, and counts it.
-- @param which script
-- @param name of the hook
-- @param message string, with a traceback where there is one
-- @param kind as of the gate, or nil
-- @param exit code, where the script wanted to exit
-- @return err, which the outcome knows now
function Hooks.__index:failed(which, name, message, kind, exit)
    local first
    for line in (message .. "\n"):gmatch "(.-)\r?\n" do
        if first then
            log.error("%s", (line:gsub("\t", "    ")))
        else
            first = ("hook '%s' of %s: %s"):format(name, which.name, verdict.printable(line))
            log.error("%s", first)
        end
    end
    local err = errors.new { code = CODES[kind] or "hook-failed", exit = exit, hook = name,
        script = which.name, message = first }
    self.job:hook_failed(err)
    return err
end

-- What a hook that decides is told where it waits.
local CANNOT_WAIT = {}
for _, name in ipairs(script.DECIDING) do
    CANNOT_WAIT[name] = ("the hook '%s' decides, and cannot wait"):format(name)
end

-- Calls one hook. Returns true and its answers, or false and the err.
local function call(self, i, name, ...)
    local which = self.scripts[i]
    tasks.refuse_waiting(CANNOT_WAIT[name])
    local done, answer, more, exit = gate.call(nil, which.manifest[name], ...)
    tasks.refuse_waiting(nil)
    if done then return true, answer, more end
    return false, self:failed(which, name, answer, more, exit)
end

-- Calls one hook that may wait, as a task; answers as of call().
local function call_waiting(self, i, name, ...)
    local which = self.scripts[i]
    local answer
    local task = self.notices:run(which, name, function(...)
        answer = which.manifest[name](...)
    end, ...)
    local joined = pcall(task.join, task)
    if joined then return true, answer end
    return false, task.err
end

-- ---- before an association ----

-- What a query hook answered, as a list of data sets.
local function queries_of(answer, identifier)
    if answer == nil then return { identifier } end
    if answer == false then return {} end
    if type(answer) ~= "table" then
        error(("its answer must be a query, a list of queries or nil, not a %s"):format(
            type(answer)), 0)
    end
    if dataset.is(answer) or #answer == 0 and next(answer) ~= nil then answer = { answer } end
    local list = {}
    for i, one in ipairs(answer) do list[i] = query.new(one) end
    return list
end

--- What is asked in place of a query.
-- @param identifier data set
-- @return list of data sets, perhaps an empty one | nil, err
function Hooks.__index:queries(identifier)
    local list = { identifier:clone() }
    for i, one in ipairs(self.scripts) do
        local following = {}
        for _, asked in ipairs(one.manifest.query and list or {}) do
            local done, answer = call_waiting(self, i, "query", asked, self.jobs[i])
            if not done then return nil, answer end
            local made, added = pcall(queries_of, answer, asked)
            if not made then return nil, self:failed(one, "query", added) end
            table.move(added, 1, #added, #following + 1, following)
        end
        if one.manifest.query then list = following end
    end
    return list
end

-- What a script may change without changing anything of ours.
local function copy_of(value)
    if type(value) ~= "table" or getmetatable(value) then return value end
    local copy = {}
    for key, inner in pairs(value) do copy[key] = copy_of(inner) end
    return copy
end

--- Shows the scripts what is about to be proposed; they may change it in place. Then proposes it.
-- @param request table as of getscu.associate
-- @param associate that function; what it raises before it connects is a mistake of the scripts
-- @return what it returns | nil, err
function Hooks.__index:propose(request, associate)
    if not self:has "propose" then return associate(request) end
    local proposal, last, connected = copy_of(request), nil, false
    for i, one in ipairs(self.scripts) do
        if one.manifest.propose then
            local done, err = call(self, i, "propose", proposal, self.jobs[i])
            if not done then return nil, err end
            last = one
        end
    end
    proposal.on_connect = function(association)
        connected = true
        request.on_connect(association)
    end
    local asked, running, err = pcall(associate, proposal)
    if asked then return running, err end
    if connected then error(running, 0) end
    return nil, self:failed(last, "propose", (running:gsub("^[^:]+:%d+: ", "")))
end

--- An association stands.
function Hooks.__index:associated(association)
    self.notices:tell("on_associated", { name = association.name, called = association.called,
        calling = association.calling, address = association.core:peer(),
        contexts = association.contexts, answer = association.answer, tls = association.tls })
end

--- All is over: waits for what scripts are still doing, and tells them.
function Hooks.__index:done(outcome)
    self.notices:finish()
    self.notices:tell("on_done", outcome:summary())
    self.notices:finish()
end

-- ---- an object ----

local function is_between(code, first, last)
    return code >= first and code <= last
end

-- What an answer of accept means: keep, status | nil, what is wrong with it.
local function read_answer(answer)
    if answer == nil or answer == true then return true end
    if answer == false then return false end
    local code = math.type(answer) == "integer" and answer
    if not code then
        return nil, ("its answer must be true, false, nil or a status, an integer, not %s"):format(
            type(answer) == "number" and tostring(answer) or "a " .. type(answer))
    end
    if code == status.SUCCESS then return true end
    if is_between(code, 0xB000, 0xBFFF) then return true, code end
    if is_between(code, 0x0100, 0x01FF) or is_between(code, 0xA700, 0xA7FF)
        or is_between(code, 0xA900, 0xA9FF) or is_between(code, 0xC000, 0xCFFF) then
        return false, code
    end
    return nil, ("%d is no status of C-STORE; 0000H and BxxxH keep, 01xxH, A7xxH, A9xxH and CxxxH "
        .. "refuse"):format(code)
end

-- Nil where a name is one, else what is wrong with it. What is merely unsafe the core makes safe.
local function problem_of_name(name)
    if type(name) ~= "string" then
        return ("its answer must be a path or nil, not a %s"):format(type(name))
    end
    if name:find("\0", 1, true) then return ("'%s' has a NUL in it"):format(name) end
    if name == "" or name:sub(-1) == "/" then return "the name of the file is missing" end
    if name:sub(1, 1) == "/" then
        return ("'%s' must be below the output directory; leave out the first '/'"):format(name)
    end
    if ("/" .. name .. "/"):find("/../", 1, true) then
        return ("'%s' leads out of the output directory"):format(name)
    end
end

-- Ends decide() with what becomes of the object of a hook that failed.
local function give_up(self, err)
    if self.on_error == "abort" or err.code == "script-exit" then
        error({ keep = false, abort = err }, 0)
    elseif self.on_error == "keep" then
        error({ keep = true }, 0)
    end
    error({ keep = false, status = status.PROCESSING_FAILURE, reason = err.message,
        comment = "a script failed" }, 0)
end

local function ask(self, i, name, view)
    local done, answer, more = call(self, i, name, view, self.jobs[i])
    if not done then give_up(self, answer) end
    return answer, more
end

-- What the answers of each hook do to the decision. They return what is wrong with one, or nil.
local judges = {
    accept = function(decision, answer, comment)
        local keep, code = read_answer(answer)
        if keep == nil then return code end
        if keep then
            decision.status = decision.status or code
        else
            error({ keep = false, status = code, comment = code and comment and tostring(comment),
                reason = code and "refused by a script" }, 0)
        end
    end,

    edit = function() end, -- whatever it answers

    name = function(decision, name)
        local problem = name ~= nil and problem_of_name(name)
        if problem then return problem end
        decision.name = decision.name or name
    end,
}

local function ask_each(self, name, view, decision)
    for i, one in ipairs(self.scripts) do
        if one.manifest[name] then
            local problem = judges[name](decision, ask(self, i, name, view))
            if problem then give_up(self, self:failed(one, name, problem)) end
        end
    end
end

-- The last script that changes attributes: whose fault it is that they cannot be written.
local function editor(self)
    for i = #self.scripts, 1, -1 do
        if self.scripts[i].manifest.edit then return self.scripts[i] end
    end
    return self.scripts[1]
end

local function decide(self, object)
    local view = object.view
    local decision = { keep = true, status = nil, name = nil } -- it need not grow
    ask_each(self, "accept", view, decision)
    ask_each(self, "edit", view, decision)
    ask_each(self, "name", view, decision)
    local err
    decision.changes, err = object:changes()
    if err then give_up(self, self:failed(editor(self), "edit", err.message)) end
    return decision
end

--- What becomes of an object; whoever asks lets it expire.
-- @param object getscu.object
-- @return decision: keep; status (nil: success), comment; reason (why it is refused); name;
--   changes as of object:changes(); abort (an err: the association is to be aborted)
function Hooks.__index:decide(object)
    local done, decision = pcall(decide, self, object)
    if not done and (type(decision) ~= "table" or decision.keep == nil) then error(decision, 0) end
    return decision
end

return hooks

--- notices: what scripts are told: their hooks that begin with `on_`.
--
-- An observer of getscu.outcome. Each call of a hook is a task of its own, so it may wait: send an
-- object on, run a command. A script is told one thing after the other, in the order in which they
-- happened; where it falls behind too far with its objects, the retrieval waits for it. An error of
-- it is logged and counted, and changes nothing else.

local errors = require "getscu.errors"
local gate = require("getscu.core").gate
local tasks = require "getscu.tasks"

local notices = {}

local Notices = { __index = {}, __name = "getscu.notices" }

local BEHIND_MAX = 64 -- notices that wait for a script before the retrieval does
local GRACE = 5 -- seconds that hooks may go on waiting after a signal, as after a C-CANCEL

--- The notices of hooks; they have no job yet.
-- @param hooks getscu.hooks
function notices.new(hooks)
    local self = setmetatable({ hooks = hooks, queues = {}, running = {} }, Notices)
    for i in ipairs(hooks.scripts) do self.queues[i] = {} end
    local refused = hooks:has "on_refused"
    self.wanted = { stored = hooks:has "on_stored", refused = refused, failed = refused }
    return self
end

-- What an error object says, and where it came from.
local function told_by(thread, err)
    local shown, text = pcall(tostring, err)
    return debug.traceback(thread, shown and text or "(an error without text)")
end

--- Runs one hook as a task, within the limits of scripts; where it fails, that is told here.
-- @param which script
-- @param name of the hook
-- @param body function that is called with what follows
-- @return task; its `failed` tells
function Notices.__index:run(which, name, body, ...)
    local function enter(thread, ...)
        local done, resumed, err, exit = gate.call(thread, coroutine.resume, thread, ...)
        if done and resumed then return true end
        if done then return false, self.hooks:failed(which, name, told_by(thread, err)) end
        return false, self.hooks:failed(which, name, resumed, err, exit)
    end
    local task = tasks.start_through(enter, body, ...)
    if task.done then return task end
    self.running[task] = true
    if self.ended then task:stop(self.ended) end
    return task
end

-- Calls what waits in the queue of a script, one after the other.
local function work(self, i)
    local queue, which = self.queues[i], self.hooks.scripts[i]
    while queue[1] do
        local item = table.remove(queue, 1)
        local task = self:run(which, item.name, which.manifest[item.name],
            table.unpack(item, 1, item.n))
        if not task.done then pcall(task.join, task) end
        self.running[task] = nil
        if item.after then item.after() end
    end
end

-- Tells one script; `after` is called when its hook has returned.
local function tell(self, i, name, after, ...)
    local queue = self.queues[i]
    queue[#queue + 1] = { name = name, after = after, n = select("#", ...), ... }
    if not queue.worker or queue.worker.done then queue.worker = tasks.start(work, self, i) end
end

-- Waits for a script that is behind. Only those wait who bring objects: an error may be told by the
-- hook that the others wait for.
local function wait_for(self, i)
    local queue = self.queues[i]
    if #queue >= BEHIND_MAX then queue.worker:join() end
end

--- Tells all scripts that have this hook.
-- @param ... its arguments but for the job, which is the last
function Notices.__index:tell(name, ...)
    for i, which in ipairs(self.hooks.scripts) do
        if which.manifest[name] then
            local arguments = table.pack(...)
            arguments[arguments.n + 1] = self.hooks.jobs[i]
            tell(self, i, name, nil, table.unpack(arguments, 1, arguments.n + 1))
        end
    end
end

-- Tells of an object, of which each script has a view of its own.
local function tell_of(self, name, object, detail)
    for i, which in ipairs(self.hooks.scripts) do
        if which.manifest[name] then
            local its = object:again()
            tell(self, i, name, function() its:expire() end, its.view, detail,
                self.hooks.jobs[i])
            wait_for(self, i)
        end
    end
end

--- Waits until everything has been told.
function Notices.__index:finish()
    for _, queue in ipairs(self.queues) do
        if queue.worker then queue.worker:join() end
    end
end

--- Ends what hooks are waiting for. What waits to be told is not, and a hook that is told something
-- from here on ends where it waits.
function Notices.__index:abandon()
    self.ended = errors.new { code = "interrupted", message = "interrupted" }
    for _, queue in ipairs(self.queues) do
        for at = #queue, 1, -1 do queue[at] = nil end
    end
    for task in pairs(self.running) do task:stop(self.ended) end
end

--- The same in a moment: hooks may end what they do.
function Notices.__index:hurry()
    tasks.start(function()
        tasks.sleep(GRACE)
        self:abandon()
    end)
end

-- ---- what getscu.outcome tells ----

function Notices.__index:on_pending(_, counts)
    for i, queue in ipairs(self.queues) do
        local which = self.hooks.scripts[i]
        if which.manifest.on_progress and #queue == 0 then -- who is behind wants the next one
            tell(self, i, "on_progress", nil, counts, self.hooks.jobs[i])
        end
    end
end

function Notices.__index:on_object(_, event, counted, reason)
    local object = counted.object
    if not object or not self.wanted[event] then return end
    if event == "stored" then
        local path = self.hooks.job:path_of(counted.file.name)
        object:from_file(path, counted.bytes)
        tell_of(self, "on_stored", object, path)
    else
        object.known.status = counted.status
        tell_of(self, "on_refused", object, reason)
    end
end

function Notices.__index:on_error(err)
    self:tell("on_error", err)
end

--- Nothing is left to be written; see getscu.report.
-- @return true
function Notices.__index:rest()
    return true
end

return notices

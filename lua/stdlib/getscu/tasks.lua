--- tasks: coroutines over one wait.
--
-- Whoever must wait says for which source (an association, a listener, a child process); the
-- scheduler waits for all of them at once and hands each its events. A task is a coroutine that was
-- started with tasks.start(). Code outside of any task waits in the same words: while it waits, the
-- tasks run.

local core = require "getscu.core"

local tasks = {}

local waiting = {} -- waiter -> true: { source =, deadline =, thread = or nil, event =, ready = }
local by_source = {} -- source -> waiter
local watched = {} -- source -> handler
local current = {} -- coroutine -> task

local Task = { __index = {}, __name = "getscu.task" }

-- What all waiters wait for, and when the first of them gives up.
local function gather()
    local sources, deadline = {}, math.huge
    for waiter in pairs(waiting) do
        sources[#sources + 1] = waiter.source
        deadline = math.min(deadline, waiter.deadline)
    end
    for source in pairs(watched) do
        if not by_source[source] then sources[#sources + 1] = source end
    end
    return sources, deadline
end

local function finish(waiter)
    waiting[waiter] = nil
    if waiter.source then by_source[waiter.source] = nil end
    waiter.ready = true
end

local resume

-- The task is over: whoever joins it goes on.
local function finish_task(task, done, err)
    current[task.thread] = nil
    task.done, task.failed = true, not done
    if not done then task.err = err end
    for waiter in pairs(task.joiners) do
        finish(waiter)
        if waiter.task then resume(waiter.task) end
    end
end

function resume(task, ...)
    if task.done then return end
    local done, err = task.enter(task.thread, ...)
    local ended = coroutine.status(task.thread) == "dead"
    if done and not ended then return end
    if not ended then coroutine.close(task.thread) end
    finish_task(task, done, err)
end

local function wake(waiter, event)
    finish(waiter)
    waiter.event = event
    if waiter.task then resume(waiter.task) end
end

-- Those whose time is up.
local function expire()
    local now = core.clock()
    local late = {}
    for waiter in pairs(waiting) do
        if waiter.deadline <= now then late[#late + 1] = waiter end
    end
    for _, waiter in ipairs(late) do
        if not waiter.ready then wake(waiter) end
    end
end

-- One round: waits until something happened to one of the sources, or a deadline came. A signal
-- interrupts it, so that a stock interpreter can raise its own error.
local function turn()
    local sources, deadline = gather()
    if #sources == 0 and deadline == math.huge then
        error("all tasks wait for one another", 0)
    end
    local source, event = core.wait(sources, math.max(deadline - core.clock(), 0))
    if source and watched[source] and not by_source[source] then
        watched[source](event)
    elseif source then
        wake(by_source[source], event)
    end
    expire()
end

local refusal -- why nobody may wait now, or nil

local function check_allowed()
    if refusal then error(refusal, 0) end
end

local function sleep_until_ready(waiter)
    local task = current[coroutine.running()]
    if task then
        waiter.task = task
        coroutine.yield()
    else
        while not waiter.ready do turn() end
    end
    return waiter.event
end

-- The source and all that are watched: what a wait without tasks is for. Kept for the next time.
local alone = {}

local function be_alone_with(source)
    alone = { source }
    for other in pairs(watched) do
        if other ~= source then alone[#alone + 1] = other end
    end
end

-- The same as sleeping until a waiter is ready, where there is nobody else: the usual case, and the
-- one that has to be fast. A signal interrupts the wait of the core, so that a hook of a stock
-- interpreter can raise an error here; one that has none is none of ours.
local function wait_alone(source, seconds)
    if alone[1] ~= source then be_alone_with(source) end
    local deadline = seconds and core.clock() + seconds
    repeat
        local happened, event = core.wait(alone, seconds)
        if happened == source then return event end
        if happened then watched[happened](event) end
        seconds = deadline and math.max(deadline - core.clock(), 0)
    until event ~= "interrupted"
end

--- Waits for an event of a source.
-- @param source association, listener, child process or signals of the core
-- @param seconds number or nil: no limit
-- @return event, or nil: the time is up, tasks.wake() was called, or a watched source had its event
function tasks.wait(source, seconds)
    check_allowed()
    if next(waiting) == nil and next(current) == nil then return wait_alone(source, seconds) end
    if by_source[source] then error("another task waits for this already", 2) end
    local waiter = { source = source, deadline = core.clock() + (seconds or math.huge) }
    waiting[waiter] = true
    by_source[source] = waiter
    return sleep_until_ready(waiter)
end

--- Waits so many seconds; other tasks go on meanwhile.
function tasks.sleep(seconds)
    check_allowed()
    local waiter = { deadline = core.clock() + seconds }
    waiting[waiter] = true
    sleep_until_ready(waiter)
end

--- Makes waiting an error, from here on or no longer.
-- @param reason string, or nil: it is allowed again
function tasks.refuse_waiting(reason)
    refusal = reason
end

--- Ends the wait of whoever waits for this source: it gets nil, and looks at the world again.
function tasks.wake(source)
    local waiter = by_source[source]
    if waiter then waiter.deadline = -math.huge end
end

--- Calls `handler(event)` for each event of a source that nobody waits for; it must not wait.
-- @param handler function, or nil to stop
function tasks.watch(source, handler)
    watched[source] = handler
    alone = {}
end

--- Starts a task: calls `body(...)` as a coroutine, until it first waits.
-- An error in it is kept in `task.err`, and raised by task:join().
-- @return task
function tasks.start(body, ...)
    return tasks.start_through(coroutine.resume, body, ...)
end

--- The same, where each step of the task is entered in a way of its own.
-- @param enter function(thread, ...) that resumes the thread, and returns what coroutine.resume
--   does; where it returns false, the task is over
function tasks.start_through(enter, body, ...)
    local task = setmetatable({ thread = coroutine.create(body), joiners = {}, enter = enter },
        Task)
    current[task.thread] = task
    resume(task, ...)
    return task
end

--- Ends a task that waits, as if it had failed. Its to-be-closed variables are closed.
-- @param err what join() raises
function Task.__index:stop(err)
    if self.done then return end
    for waiter in pairs(waiting) do
        if waiter.task == self then finish(waiter) end
    end
    coroutine.close(self.thread)
    finish_task(self, false, err)
end

--- Waits until the task has ended. Raises what it raised.
function Task.__index:join()
    if not self.done then
        check_allowed()
        local waiter = { deadline = math.huge }
        self.joiners[waiter] = true
        sleep_until_ready(waiter)
    end
    if self.failed then error(self.err, 0) end
end

--- Runs functions as tasks, side by side, and returns when all have ended.
-- Raises the first error, after all have ended.
function tasks.all(...)
    local started = {}
    for i, body in ipairs { ... } do started[i] = tasks.start(body) end
    local failed
    for _, task in ipairs(started) do
        local done, err = pcall(task.join, task)
        if not done and not failed then failed = { err } end
    end
    if failed then error(failed[1], 0) end
end

--- Calls `body(item, index)` for each item of a list, for at most `limit` of them side by side.
-- After an error no further one is begun; it is raised when those that were begun have ended.
-- @return list of what body returned, in the order of the items
function tasks.each(list, limit, body)
    if math.type(limit) ~= "integer" or limit < 1 then
        error("a limit is a whole number from 1 on", 2)
    end
    local results, following, failed = {}, 1, nil
    local function work()
        while following <= #list and not failed do
            local at = following
            following = at + 1
            local done, result = pcall(body, list[at], at)
            if done then
                results[at] = result
            else
                failed = failed or { result }
            end
        end
    end
    local started = {}
    for i = 1, math.min(limit, #list) do started[i] = tasks.start(work) end
    for _, task in ipairs(started) do task:join() end
    if failed then error(failed[1], 0) end
    return results
end

return tasks

--- hook_job: what hooks know of the retrieval that they belong to.
--
--   job.options      the values of the script's own options; an unknown name raises
--   job.script       name of the script's file
--   job.peer         what getscu.associate takes to reach the same peer
--   job.directory    where objects go
--   job.model        as of getscu.retrieve
--   job:log(level, format, ...)
--   job:cancel()     C-CANCEL: enough has come
--   job:summary()    the outcome so far, as on_done gets it at the end

local log = require "getscu.log"
local script_options = require "getscu.script_options"
local suggest = require "getscu.suggest"

local hook_job = {}

local LEVELS = { "trace", "debug", "info", "warn", "error" }

local methods = {}

--- Writes to the log, as getscu.log does.
-- @param level "error", "warn", "info", "debug" or "trace"
-- @param format as of string.format, with its arguments
function methods:log(level, format, ...)
    for _, known in ipairs(LEVELS) do
        if known == level then return log[level](format, ...) end
    end
    error(("'%s' is no level of the log%s"):format(tostring(level),
        suggest.hint(tostring(level), LEVELS)), 2)
end

--- Ends the C-GET that is running: what has come stays.
function methods:cancel()
    self.owner:enough()
end

--- The outcome so far.
-- @return table as of getscu.retrieve
function methods:summary()
    return self.owner.outcome:summary()
end

local names = { "options", "script", "peer", "directory", "model", "owner" }
for name in pairs(methods) do names[#names + 1] = name end
table.sort(names)

local metatable = { __name = "getscu.hook_job" }

function metatable:__index(key)
    if methods[key] then return methods[key] end
    for _, name in ipairs(names) do
        if name == key then return nil end
    end
    error(("a job has no '%s'%s"):format(tostring(key), suggest.hint(tostring(key), names)), 2)
end

--- A job for the hooks of a script.
-- @param which the script
-- @param settings of the command line, or nil
function hook_job.new(which, settings)
    return setmetatable({ script = which.name,
        options = script_options.values(which.rows, settings) }, metatable)
end

--- Tells it whose job it is.
-- @param owner getscu.retrieve job
function hook_job.attach(job, owner)
    local options = owner.options
    job.owner, job.directory, job.model = owner, options.directory or ".", owner.model
    job.peer = { peer = options.peer, host = options.host, port = options.port,
        called = options.called, calling = options.calling }
end

return hook_job

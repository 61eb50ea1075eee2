--- process: other programs and signals, by the same wait as everything else.

local core = require "getscu.core"
local errors = require "getscu.errors"
local tasks = require "getscu.tasks"

local process = {}

--- Runs a program, without a shell, and waits until it has ended. Other tasks go on meanwhile.
-- @param arguments list of strings, the program first
-- @return exit code (128 + signal where one ended it) | nil, err
function process.exec(arguments)
    local child <close>, err = core.spawn(arguments)
    if not child then return nil, errors.wrap(err) end
    local event
    repeat event = tasks.wait(child) until event -- a watched signal ends a wait
    return core.exited(event.status)
end

--- Calls `handler(signal)` for each of these signals while others wait. The program takes signals
-- once at a time; in a stock interpreter they are its own.
-- @param names list of "INT", "TERM", "HUP", "USR1"
-- @return a to-be-closed value that gives the signals back; raises err where they cannot be taken
function process.on_signals(names, handler)
    local signals, err = core.signals(table.unpack(names))
    if not signals then error(errors.wrap(err)) end
    tasks.watch(signals, function(event) handler(event.signal) end)
    return setmetatable({}, { __close = function()
        tasks.watch(signals, nil)
        signals:close()
    end })
end

return process

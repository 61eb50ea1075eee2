--- log: messages by levels, to standard error or as a configuration file says.
--
--     log.level "info"
--     log.info("%d objects in %s", count, directory)
--
-- A message is put together only where its level is enabled. One argument is the message itself;
-- more are formatted with string.format.

local core = require("getscu.core").log
local errors = require "getscu.errors"

local log = {}

--- What is called before each message that is written: getscu.progress clears its line there.
-- A function, or nil.
log.before = nil

for _, level in ipairs { "trace", "debug", "info", "warn", "error", "fatal" } do
    log[level] = function(format, ...)
        if not core.enabled(level) then return end
        if log.before then log.before() end
        if select("#", ...) > 0 then format = string.format(format, ...) end
        core.write(level, tostring(format))
    end
end

--- From which level on messages are written: "trace", "debug", "info", "warn" (the default),
-- "error", "fatal"; "off" writes none.
log.level = core.level

--- Takes the configuration from a log4cplus property file, as DCMTK's tools do. Our logger is
-- "dcmtk.apps.getscu".
-- @return true | nil, err: code "log-config"; the log is then as it was at the beginning
function log.config(path)
    local done, err = core.config(path)
    return done, errors.wrap(err)
end

--- Whether messages of a level are written.
log.enabled = core.enabled

return log

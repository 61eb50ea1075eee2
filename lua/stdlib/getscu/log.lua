--- log: messages by levels, to standard error or as a configuration file says.
--
--     log.level "info"
--     log.info("%d objects in %s", count, directory)
--
-- A message is put together only where its level is enabled. One argument is the message itself;
-- more are formatted with string.format.

local core = require("getscu.core").log

local log = {}

for _, level in ipairs { "trace", "debug", "info", "warn", "error", "fatal" } do
    log[level] = function(format, ...)
        if not core.enabled(level) then return end
        if select("#", ...) > 0 then format = string.format(format, ...) end
        core.write(level, tostring(format))
    end
end

--- From which level on messages are written: "trace", "debug", "info", "warn" (the default),
-- "error", "fatal"; "off" writes none.
log.level = core.level

--- Takes the configuration from a log4cplus property file.
-- @return true | nil, err
log.config = core.config

--- Whether messages of a level are written.
log.enabled = core.enabled

return log

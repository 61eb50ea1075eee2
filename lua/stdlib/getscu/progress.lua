--- progress: one line on a terminal that tells how far a retrieval is.
--
--     123 of 300 objects, 61.5 MiB, 105 MiB/s, 2 s left
--
-- An observer of getscu.outcome. The line is renewed some times a second at most, makes room for
-- messages of the log, and is gone at the end.

local account = require "getscu.account"
local core = require "getscu.core"
local log = require "getscu.log"

local progress = {}

local Progress = { __index = {}, __name = "getscu.progress" }

local INTERVAL = 0.2 -- seconds between two lines
local PATIENCE = 0.5 -- seconds without a line at the beginning: what is over soon needs none

--- Whether somebody would see it: standard error is a terminal, and no report goes there too.
-- @param path of the report, or nil
function progress.is_visible(path)
    return core.system.isatty(2) and not (path == "-" and core.system.isatty(1))
end

--- A line that is shown from now on.
-- @param out a file; default standard error
function progress.new(out)
    local self = setmetatable({ out = out or io.stderr, before = 0, count = 0, bytes = 0,
        width = 0, began = core.clock() }, Progress)
    self.next = self.began + PATIENCE
    log.before = function() self:clear() end
    return self
end

local function duration(seconds)
    if seconds < 100 then return ("%d s"):format(math.ceil(seconds)) end
    if seconds < 6000 then return ("%d min"):format(math.ceil(seconds / 60)) end
    return ("%.1f h"):format(seconds / 3600)
end

-- What is to be shown now. `count` objects came with this C-GET, `before` with earlier ones.
local function text(self, now)
    local rate = self.bytes / math.max(now - self.began, 0.001)
    local parts = { "", account.size(self.bytes), account.size(rate) .. "/s" }
    local total = self.total
    if not total then
        parts[1] = ("%d objects"):format(self.before + self.count)
    else
        parts[1] = ("%d of %d objects"):format(self.before + self.count, self.before + total)
        if self.count > 0 then
            local left = math.max(total - self.count, 0) * (now - self.request_began) / self.count
            parts[4] = duration(left) .. " left"
        end
    end
    return table.concat(parts, ", ")
end

local function draw(self, now)
    local line = text(self, now)
    self.out:write("\r", line, (" "):rep(self.width - #line))
    self.width = #line
    self.next = now + INTERVAL
end

function Progress.__index:on_begin()
    self.before, self.count, self.total = self.before + self.count, 0, nil
    self.request_began = core.clock()
end

function Progress.__index:on_pending(_, counts)
    if not counts.remaining or not counts.completed then return end
    self.total = counts.remaining + counts.completed + (counts.failed or 0) + (counts.warning or 0)
end

function Progress.__index:on_object(_, event, object)
    if event == "undelivered" then return end
    self.count, self.bytes = self.count + 1, self.bytes + (object.bytes or 0)
    local now = core.clock()
    if now >= self.next then draw(self, now) end
end

--- Takes the line away; it comes again.
function Progress.__index:clear()
    if self.width == 0 then return end
    self.out:write("\r", (" "):rep(self.width), "\r")
    self.width = 0
end

--- A run is over.
-- @return true
function Progress.__index:rest()
    self:clear()
    return true
end

return progress

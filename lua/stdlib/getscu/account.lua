--- account: what a retrieval came to, in words for the log.

local verdict = require "getscu.verdict"

local account = {}

local FAILURES_LISTED = 20 -- objects named one by one

--- A number of bytes for people.
-- @return string, as "1.5 MiB"
function account.size(bytes)
    for _, unit in ipairs { "B", "KiB", "MiB", "GiB" } do
        if bytes < 1000 then return ("%.3g %s"):format(bytes, unit) end
        bytes = bytes / 1024
    end
    return ("%.4g TiB"):format(bytes)
end

--- Why a request is no clean success.
-- @return string, or nil where it is one
function account.reason(request)
    if request.err then return request.err.message end
    local _, text = request:judge()
    return text
end

-- DCMTK's words for the counts, in its order.
local counts = {
    { "remaining", "  Number of Remaining Suboperations : %d", absent = 0 }, -- it is final
    { "completed", "  Number of Completed Suboperations : %d" },
    { "failed", "  Number of Failed Suboperations    : %d" },
    { "warning", "  Number of Warning Suboperations   : %d" },
}

-- Collects lines: add(level, format, ...).
local function collector()
    local lines = {}
    return lines, function(level, format, ...)
        lines[#lines + 1] = { level = level, text = (format:format(...):gsub("%c", "?")) }
    end
end

local function add_response(add, response)
    add("info", "Final status report from last C-GET message:")
    for _, row in ipairs(counts) do
        local count = response[row[1]] or row.absent
        if count then add("info", row[2], count) end
    end
end

local function add_failures(add, summary)
    for i, failure in ipairs(summary.failures) do
        if i > FAILURES_LISTED then break end
        add("error", "object %s: %s", verdict.printable(failure.uid or "without UID"),
            failure.reason)
    end
    local more = summary.failed - math.min(#summary.failures, FAILURES_LISTED)
    if more > 0 and #summary.failures > 0 then
        add("error", "and %d more objects that failed", more)
    end
end

local function add_judgement(add, group, name)
    local code, text = group:judge()
    local last = group.requests[#group.requests]
    if not last or last.err then return end -- that was told when it happened
    if code then
        add("error", "%s %s: %s", name, code, text)
    elseif verdict.is_empty(group) then
        add("warn", "%s brought nothing: no object matched its query", name)
    end
end

-- One line: how much, how fast, and what is missing.
local function add_total(add, summary)
    local rate = summary.bytes / math.max(summary.seconds, 0.001)
    add("info", "%d objects stored (%d bytes received in %.2f s, %s), %d duplicate, %d left out, "
        .. "%d failed, %d of these refused", summary.stored, summary.bytes, summary.seconds,
        account.size(rate) .. "/s", summary.duplicates, summary.discarded, summary.failed,
        summary.refused)
end

--- The final report.
-- @param self an outcome
-- @param summary of it
-- @return as of outcome:lines()
function account.lines(self, summary)
    local lines, add = collector()
    if summary.response then add_response(add, summary.response) end
    add_failures(add, summary)
    for i, group in ipairs(self.groups) do
        local name = group.label or (#self.groups > 1 and "C-GET " .. i or "C-GET")
        add_judgement(add, group, name)
    end
    add_total(add, summary)
    return lines
end

return account

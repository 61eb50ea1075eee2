--- verdict: whether one C-GET brought what the server says, by our own tally of it.
--
-- A request is one of getscu.outcome, with its counts and its final `response`. The server's counts
-- have 16 bits, so they are compared modulo 65536, and only where they are present.

local status = require "getscu.status"

local verdict = {}

local COMMENT_SHOWN = 200 -- bytes
local COUNT_MODULUS = 65536

--- Text from the peer, capped, and without anything that a terminal would act on.
function verdict.printable(text)
    return (tostring(text):sub(1, COMMENT_SHOWN):gsub("[^\x20-\x7e]", "?"))
end

--- What an object says to be, where that is not what its request said.
-- @param arrived the core's "received" event
-- @return string, or nil
function verdict.other_identity(arrived)
    local uid = arrived.other_sop_class or arrived.other_sop_instance
    return uid and ("another %s than its request: %s"):format(arrived.other_sop_class
        and "SOP Class UID" or "SOP Instance UID", verdict.printable(uid))
end

--- How many objects were answered with success or a warning.
function verdict.acknowledged(request)
    return request.stored + request.duplicates + request.discarded
end

--- How many objects neither this request brought nor another one settled.
-- The server counts what we refused among its failures, so the larger number has the other in it.
function verdict.missing(request)
    local response = request.response or {}
    local failures = math.max(request.refused + request.failed, response.failed or 0,
        #(response.failed_uids or {}))
    return math.max(failures - request.settled, 0)
end

-- nil where the server's counts agree with ours, else what differs. Without Number of Warning
-- Sub-operations, Completed may or may not have the warnings in it.
local function disagreement(request)
    local response, ours = request.response, verdict.acknowledged(request)
    local completed, warning = response.completed, response.warning
    local function equals(count, tally)
        return (count - tally) % COUNT_MODULUS == 0
    end
    local agrees = not completed or equals(completed + (warning or 0), ours)
        or not warning and equals(completed, ours - request.warned)
    if not agrees then
        return ("the server counts %d delivered, %d were acknowledged here"):format(
            completed + (warning or 0), ours)
    end
    if (response.remaining or 0) > 0 then
        return ("the server ended with %d remaining"):format(response.remaining)
    end
end

-- "partial" and why, where objects are missing or counts differ.
local function shortfall(request)
    local missing = verdict.missing(request)
    if missing > 0 then
        return "partial", ("%d objects did not arrive or were not kept"):format(missing)
    end
    local difference = disagreement(request)
    if difference then return "partial", difference end
end

-- By the class of the final status: an error's code and what is wrong, or nil where all is well.
local judges = {
    success = function(request)
        local code, text = shortfall(request)
        local nothing = verdict.missing(request) > 0 and verdict.acknowledged(request) == 0
        return nothing and "failed" or code, text
    end,

    warning = function(request)
        local code, text = shortfall(request)
        if code or request.warned > 0 or request.settled > 0 then return code, text end
        return "partial", "the server warns, and nothing here explains it"
    end,

    cancel = function(request)
        if request.cancelled then return "partial", "it was cancelled" end
        return "cancelled", "the server ended it with Cancel, which was not asked for"
    end,

    failure = function(request)
        if request.settled > 0 and not shortfall(request) then return nil end
        local response = request.response
        local comment = response.comment and (" (%s)"):format(verdict.printable(response.comment))
        return "failed", ("the server answered %04XH, %s%s"):format(response.status,
            status.describe("C-GET", response.status), comment or "")
    end,
}
judges.pending = judges.failure -- a pending status is never the final one

--- What a C-GET came to.
-- @param request as in getscu.outcome
-- @return nil where all is well, else an error's code ("partial", "failed", "cancelled"), and text
function verdict.judge(request)
    if request.response then return judges[status.class(request.response.status)](request) end
    local code = verdict.acknowledged(request) > 0 and "partial" or "failed"
    return code, "its final response never came"
end

--- How many different objects the requests of a group brought: what came again was a duplicate.
function verdict.arrived(group)
    local arrived = 0
    for _, request in ipairs(group.requests) do
        arrived = arrived + request.stored + request.discarded
    end
    return arrived
end

--- How many objects are still missing when all requests of a group are done.
function verdict.missing_of_group(group)
    if #group.requests == 0 then return 0 end
    if #group.requests == 1 then return verdict.missing(group.requests[1]) end
    if group.expected then return math.max(group.expected - verdict.arrived(group), 0) end
    return verdict.missing(group.requests[#group.requests])
end

--- Whether a group that went well brought no object, not even one that was there before.
function verdict.is_empty(group)
    for _, request in ipairs(group.requests) do
        if verdict.acknowledged(request) > 0 then return false end
    end
    return true
end

local function judge_union(group)
    local requests = group.requests
    if #requests == 1 or not group.expected then return verdict.judge(requests[#requests]) end
    local missing = verdict.missing_of_group(group)
    if missing == 0 then return nil end
    return verdict.arrived(group) > 0 and "partial" or "failed",
        ("%d of %d objects did not arrive or were not kept"):format(missing, group.expected)
end

--- What the requests of a group came to, on their union.
-- @return as of judge(), or "no-match"
function verdict.judge_group(group)
    if #group.requests == 0 then return nil end
    local code, text = judge_union(group)
    if not code and group.outcome.require_match and verdict.is_empty(group) then
        return "no-match", "no object matched its query"
    end
    return code, text
end

return verdict

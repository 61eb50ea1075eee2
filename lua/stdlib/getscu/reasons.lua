--- reasons: why an association was rejected, aborted or is of no use, in words, and what to do.

local contexts = require "getscu.contexts"
local dimse = require "getscu.dimse"

local reasons = {}

-- A-ASSOCIATE-RJ, PS3.8 table 9-21: by source, then reason.
local rejections = {
    [1] = {
        [1] = "no reason given",
        [2] = "application context not supported",
        [3] = "our AE title is not known there; register it, or set it with -aet",
        [7] = "the called AE title is not known there; set it with -aec",
    },
    [2] = { [1] = "no reason given", [2] = "protocol version not supported" },
    [3] = { [1] = "temporary congestion", [2] = "local limit exceeded" },
}

--- An A-ASSOCIATE-RJ {result=, source=, reason=}.
function reasons.rejection(event)
    local by_source = rejections[event.source] or {}
    local why = by_source[event.reason]
        or ("source %d, reason %d"):format(event.source, event.reason)
    if event.result == 2 then why = why .. "; try again later" end
    if event.result ~= 1 and event.result ~= 2 then
        why = ("%s (the unknown result %d)"):format(why, event.result)
    end
    return "the association was rejected: " .. why
end

-- A-ABORT of the service provider, PS3.8 9.3.8.
local aborts = {
    [0] = "no reason given",
    [1] = "it did not recognize a PDU",
    [2] = "it did not expect a PDU",
    [4] = "it did not recognize a parameter",
    [5] = "it did not expect a parameter",
    [6] = "it found a parameter invalid",
}

--- An A-ABORT {source=, reason=}.
function reasons.abort(event)
    if event.source == 0 then return "its application gave up" end
    return aborts[event.reason] or ("source %d, reason %d"):format(event.source, event.reason)
end

local TRY_OTHERWISE = "; try another information model (-P, -S, -O), or C-MOVE if it has no C-GET"

local function is_get(class)
    for _, model in pairs(dimse.models) do
        if model.get == class then return true end
    end
    return false
end

--- Why there is no presentation context for a SOP class, and what to do.
function reasons.no_context(association, class, syntax)
    local name = dimse.name_of(class)
    if syntax and association.contexts.by_class[class] then
        return ("%s accepted %s, but not in %s"):format(association.name, name,
            dimse.name_of(syntax))
    end
    for _, context in ipairs(association.contexts.rejected) do
        if context.abstract_syntax == class then
            local hint = is_get(class) and TRY_OTHERWISE or ""
            return ("%s has no presentation context for %s (%s)%s"):format(association.name, name,
                contexts.reason(context.result), hint)
        end
    end
    return ("no presentation context was proposed for %s"):format(name)
end

return reasons

--- context_list: what an association proposed and what was accepted, as lines of the log.

local contexts = require "getscu.contexts"
local dimse = require "getscu.dimse"

local context_list = {}

local function names_of(uids)
    local names = {}
    for i, uid in ipairs(uids) do names[i] = dimse.name_of(uid) end
    return table.concat(names, ", ")
end

-- The role that we propose for each class; "SCU" is what holds without a role item.
local function roles_by_class(roles)
    local by_class = {}
    for _, role in ipairs(roles) do
        by_class[role.sop_class] = role.scu and "SCU/SCP" or "SCP"
    end
    return by_class
end

--- What is proposed.
-- @param asked, roles contexts and roles as of contexts.request()
-- @return list of texts
function context_list.proposed(asked, roles)
    local lines, role_of = { "Request Parameters:" }, roles_by_class(roles)
    for _, context in ipairs(asked) do
        local class = context.abstract_syntax
        lines[#lines + 1] = ("  Context ID %3d (Proposed): %s, role %s: %s"):format(context.id,
            dimse.name_of(class), role_of[class] or "SCU", names_of(context.transfer_syntaxes))
    end
    return lines
end

--- What came of it.
-- @param asked contexts of the request
-- @param answer the A-ASSOCIATE-AC
-- @return list of texts
function context_list.accepted(asked, answer)
    local lines, results = { "Association Parameters Negotiated:" }, {}
    for _, context in ipairs(answer.contexts) do results[context.id] = context end
    for _, context in ipairs(asked) do
        local result, name = results[context.id], dimse.name_of(context.abstract_syntax)
        if result and result.result == 0 then
            lines[#lines + 1] = ("  Context ID %3d (Accepted): %s: %s"):format(context.id, name,
                names_of(result.transfer_syntaxes))
        else
            lines[#lines + 1] = ("  Context ID %3d (Rejected): %s: %s"):format(context.id, name,
                contexts.reason(result and result.result))
        end
    end
    return lines
end

return context_list

--- contexts: presentation contexts and roles, proposed and accepted (PS3.8 9.3.2.2, PS3.7 D.3.3.4).
--
-- A proposal is a list of entries {abstract_syntax=, transfer_syntaxes={...}, role=}. `role` is
-- ours: "scu" (default: we ask), "scp" (the peer may send us objects, as C-GET needs), or "both".

local dimse = require "getscu.dimse"
local syntaxes = require "getscu.syntaxes"

local contexts = {}

contexts.MAX = 128 -- in one association: odd IDs from 1 to 255

--- What the command line proposes, in the manual's order: C-GET of the model, Verification, and the
-- storage classes.
-- @param model string: a key of dimse.models
-- @param propose, prefer names of transfer syntaxes for C-GET and for objects (getscu.syntaxes), or
--   nil
-- @return proposal, 124 entries
function contexts.retrieval(model, propose, prefer)
    local proposal = contexts.requests(model, propose)
    return contexts.add_storage(proposal, dimse.storage_classes(), syntaxes.preferred(prefer))
end

--- The two contexts with which every retrieval begins: C-GET of the model, and Verification.
function contexts.requests(model, propose)
    return {
        { abstract_syntax = dimse.models[model].get,
            transfer_syntaxes = syntaxes.preferred(propose) },
        { abstract_syntax = dimse.VERIFICATION, transfer_syntaxes = syntaxes.UNCOMPRESSED,
            role = "both" },
    }
end

--- Adds a context for each class, in which the peer may send us objects.
-- @param classes list of SOP class UIDs
-- @param transfer_syntaxes list of UIDs
-- @return the same proposal
function contexts.add_storage(proposal, classes, transfer_syntaxes)
    for _, class in ipairs(classes) do
        proposal[#proposal + 1] = { abstract_syntax = class, role = "scp",
            transfer_syntaxes = transfer_syntaxes }
    end
    return proposal
end

--- Distributes entries over as many proposals as they need; those of one class stay together as
-- long as they fit into one.
-- @param head entries with which each proposal begins
-- @param entries of storage classes; those of one class follow one another
-- @return list of proposals
function contexts.split(head, entries)
    local list, proposal = {}, nil
    local i = 1
    while i <= #entries do
        local last = i
        while last < #entries and last - i + 2 <= contexts.MAX - #head
            and entries[last + 1].abstract_syntax == entries[i].abstract_syntax do
            last = last + 1
        end
        if not proposal or #proposal + last - i + 1 > contexts.MAX then
            proposal = table.move(head, 1, #head, 1, {})
            list[#list + 1] = proposal
        end
        table.move(entries, i, last, #proposal + 1, proposal)
        i = last + 1
    end
    return list
end

--- What the library proposes when it is told nothing: Verification, C-FIND and C-GET of both
-- current models, and the storage classes.
-- @return proposal, 127 entries
function contexts.all()
    local proposal = { { abstract_syntax = dimse.VERIFICATION, role = "both",
        transfer_syntaxes = syntaxes.UNCOMPRESSED } }
    for _, model in ipairs { "study", "patient" } do
        for _, service in ipairs { "find", "get" } do
            proposal[#proposal + 1] = { abstract_syntax = dimse.models[model][service],
                transfer_syntaxes = syntaxes.UNCOMPRESSED }
        end
    end
    return contexts.add_storage(proposal, dimse.storage_classes(), syntaxes.UNCOMPRESSED)
end

--- The contexts and role items of an A-ASSOCIATE-RQ. Raises on none, on more than 128, and on one
-- without syntaxes.
-- @return contexts, roles: lists as the core takes them
function contexts.request(proposal)
    if #proposal > contexts.MAX then
        error(("%d presentation contexts do not fit into an association, which has %d"):format(
            #proposal, contexts.MAX), 3)
    end
    if #proposal == 0 then error("an association needs presentation contexts", 3) end
    local list, roles, has_role = {}, {}, {}
    for i, entry in ipairs(proposal) do
        local class = entry.abstract_syntax
        if not class or #(entry.transfer_syntaxes or {}) == 0 then
            error(("presentation context %d needs an abstract syntax and transfer syntaxes")
                :format(i), 3)
        end
        list[i] = { id = 2 * i - 1, abstract_syntax = class,
            transfer_syntaxes = entry.transfer_syntaxes }
        if entry.role and entry.role ~= "scu" and not has_role[class] then
            has_role[class] = true
            roles[#roles + 1] = { sop_class = class, scu = entry.role == "both", scp = true }
        end
    end
    return list, roles
end

--- What came of a proposal.
-- @param asked contexts of the request
-- @param roles roles of the request
-- @param answer the A-ASSOCIATE-AC
-- @return table: by_id (id -> {id, abstract_syntax, transfer_syntax}), by_class (class -> list of
--   those), rejected (list of {abstract_syntax, result}), refused_roles (classes whose SCP role was
--   refused), missing_roles (classes without an answer to the role)
function contexts.accepted(asked, roles, answer)
    local results = {}
    for _, context in ipairs(answer.contexts) do results[context.id] = context end
    local found = { by_id = {}, by_class = {}, rejected = {}, refused_roles = {},
        missing_roles = {} }
    for _, context in ipairs(asked) do
        local class, result = context.abstract_syntax, results[context.id]
        if result and result.result == 0 then
            local entry = { id = context.id, abstract_syntax = class,
                transfer_syntax = result.transfer_syntaxes[1] }
            found.by_id[context.id] = entry
            found.by_class[class] = found.by_class[class] or {}
            table.insert(found.by_class[class], entry)
        else
            table.insert(found.rejected, { abstract_syntax = class,
                result = result and result.result, transfer_syntaxes = context.transfer_syntaxes })
        end
    end
    local answered = {}
    for _, role in ipairs(answer.roles) do answered[role.sop_class] = role end
    for _, role in ipairs(roles) do
        local its = answered[role.sop_class]
        local list = not its and found.missing_roles or not its.scp and found.refused_roles
        if list and found.by_class[role.sop_class] then table.insert(list, role.sop_class) end
    end
    return found
end

local RESULTS = {
    [1] = "rejected by the user",
    [2] = "no reason given",
    [3] = "SOP class not supported",
    [4] = "none of the transfer syntaxes supported",
}

--- Why a context was rejected, in words (PS3.8 table 9-18).
function contexts.reason(result)
    return RESULTS[result] or result and ("result " .. result) or "not answered"
end

return contexts

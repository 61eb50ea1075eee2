--- relational: extended negotiation of relational queries and retrievals (PS3.4 C.5.1.1, C.5.2.1).

local dimse = require "getscu.dimse"
local log = require "getscu.log"

local relational = {}

local WANTED = "\1" -- the first byte of the application information

-- SOP classes of the models that are hierarchical: only they have this negotiation.
local negotiable = {}
for _, model in pairs(dimse.models) do
    if model.find then negotiable[model.find], negotiable[model.get] = true, true end
end

--- The items for the contexts of a proposal.
-- @return list as getscu.associate takes it for `extended`
function relational.items(proposal)
    local items, has = {}, {}
    for _, entry in ipairs(proposal) do
        local class = entry.abstract_syntax
        if negotiable[class] and not has[class] then
            has[class] = true
            items[#items + 1] = { sop_class = class, information = WANTED }
        end
    end
    return items
end

--- Warns where the peer does not agree: it may then refuse a query without the keys above.
-- @param association
-- @param items what was proposed
function relational.check(association, items)
    local answers = {}
    for _, item in ipairs(association.answer.extended) do
        answers[item.sop_class] = item.information
    end
    for _, item in ipairs(items) do
        local answer = answers[item.sop_class]
        if not answer or answer:byte(1) ~= 1 then
            log.warn("%s does not agree to relational retrieval for %s", association.name,
                dimse.name_of(item.sop_class))
        end
    end
end

return relational

--- inventory: which objects a query means, asked of the peer by C-FIND down to image level.

local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
require "getscu.find" -- a method of associations

local inventory = {}

local OBJECTS_MAX = 1000000 -- listed for one query

-- The levels and their unique keys (PS3.4 C.6.1.1 and C.6.2.1).
local LEVELS = { "PATIENT", "STUDY", "SERIES", "IMAGE" }
local KEYS = dimse.UNIQUE_KEYS
-- What is asked for besides the unique key.
local WANTED = { SERIES = { "Modality" }, IMAGE = { "SOPClassUID" } }

local function level_number(identifier)
    local level = identifier:get("QueryRetrieveLevel", "")
    for number, name in ipairs(LEVELS) do
        if name == level then return number end
    end
end

-- The values of a unique key where they name what is meant, else nil: it has to be searched for.
local function named(identifier, level)
    local values = identifier:values(KEYS[level])
    for _, value in ipairs(values) do
        if value == "" or tostring(value):find "[*?]" then return nil end
    end
    return #values > 0 and values or nil
end

-- The identifier that finds what is below `known`, at a level; `like` gives further keys at the
-- level of the query itself.
local function question(level, known, like)
    local identifier = like and like:clone() or dataset.new {}
    identifier.QueryRetrieveLevel = level
    for key, value in pairs(known) do
        if key ~= "SOPClassUID" and key ~= "Modality" then identifier[key] = value end
    end
    for _, key in ipairs { KEYS[level], table.unpack(WANTED[level] or {}) } do
        if not identifier:has(key) then identifier[key] = "" end
    end
    return identifier
end

local function child(known, level, found)
    local copy = {}
    for key, value in pairs(known) do copy[key] = value end
    for _, key in ipairs { KEYS[level], table.unpack(WANTED[level] or {}) } do
        copy[key] = found:get(key) or copy[key]
    end
    return copy
end

local function descend(search, number, known, like)
    local level = LEVELS[number]
    if not level then
        if #search.objects >= OBJECTS_MAX then
            return nil, errors.new { code = "partial",
                message = ("more than %d objects match"):format(OBJECTS_MAX) }
        end
        table.insert(search.objects, known)
        return true
    end
    local matches, err = search.association:find_all { model = search.model,
        query = question(level, known, like) }
    if not matches then return nil, err end
    for _, found in ipairs(matches) do
        local below, failed = descend(search, number + 1, child(known, level, found))
        if not below then return nil, failed end
    end
    return true
end

-- Keys above the level of the query, which stay as they are.
local function above(identifier, number)
    local known = {}
    for i = 1, number - 1 do known[KEYS[LEVELS[i]]] = identifier:get(KEYS[LEVELS[i]]) end
    return known
end

--- Lists the objects that a C-GET with this identifier means.
-- @param association with a context for C-FIND of the model
-- @param model "patient", "study" or "psonly"
-- @param identifier data set
-- @return list of tables by keyword (SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID,
--   PatientID; SOPClassUID and Modality where the peer tells them) | nil, err
function inventory.list(association, model, identifier)
    local number = level_number(identifier)
    if not number then
        return nil, errors.new { code = "bad-key", message = "the query has no QueryRetrieveLevel" }
    end
    local search = { association = association, model = model, objects = {} }
    local known = above(identifier, number)
    local level = LEVELS[number]
    local values = named(identifier, level)
    if not values or level == "IMAGE" then
        local done, err = descend(search, number, known, identifier)
        return done and search.objects, err
    end
    for _, value in ipairs(values) do
        local start = child(known, level, dataset.new { [KEYS[level]] = value })
        local done, err = descend(search, number + 1, start)
        if not done then return nil, err end
    end
    return search.objects
end

--- Contexts for it.
function inventory.proposal(model, transfer_syntaxes)
    return { { abstract_syntax = dimse.models[model].find,
        transfer_syntaxes = transfer_syntaxes } }
end

return inventory

--- query_table: a query from a table, with the level and the model that follow from its keys.
--
-- Values may be Lua's: a list is a list of values; a date is a table as of os.date "*t"; a range is
-- { from = , to = } of dates, with one end or both.

local dictionary = require "getscu.dictionary"
local dataset = require "getscu.dataset"
local dates = require "getscu.dates"
local dimse = require "getscu.dimse"
local index = require "getscu.index"

local query_table = {}

local TEMPORAL = { DA = true, TM = true, DT = true }
local DATE_FIELDS = { "year", "hour" } -- one of them is in every date or time
local ACCOMPANYING = { ["0008,0005"] = true, ["0008,0052"] = true, ["0008,0053"] = true,
    ["0008,0201"] = true } -- character set, level, view, timezone: they say nothing of the level

-- ---- values ----

local function is_date(value)
    if type(value) ~= "table" then return false end
    for _, field in ipairs(DATE_FIELDS) do
        if value[field] ~= nil then return true end
    end
    return false
end

local function is_range(value)
    return type(value) == "table" and (value.from ~= nil or value.to ~= nil)
end

-- The text of a date or a range; what is none of them stays. Raises with what is wrong.
local function to_text(value, vr, key)
    if not is_range(value) and not is_date(value) then return value end
    if not TEMPORAL[vr] then
        error(("%s has VR %s, and takes no dates"):format(key, vr), 0)
    end
    local text, err
    if is_range(value) then
        for name in pairs(value) do
            if name ~= "from" and name ~= "to" then
                error(("%s: a range has 'from' and 'to', not '%s'"):format(key, tostring(name)), 0)
            end
        end
        text, err = dates.range(vr, value.from, value.to)
    else
        text, err = dates.encode(vr, value)
    end
    return text or error(("%s: %s"):format(key, err.message), 0)
end

local function to_value(value, key)
    if type(value) ~= "table" or dataset.is(value) then return value end
    local vr, err = dictionary.vr(key)
    if not vr then error(err.message, 0) end
    if vr == "SQ" then return value end
    if is_range(value) or is_date(value) then return to_text(value, vr, key) end
    local texts = {}
    for i, one in ipairs(value) do texts[i] = to_text(one, vr, key) end
    return texts
end

local function from_table(keys)
    local values = {}
    for key, value in pairs(keys) do
        if type(key) ~= "string" then
            error("a query is made of keywords, tags or paths and their values", 0)
        end
        values[key] = to_value(value, key)
    end
    return dataset.new(values)
end

-- ---- level and model ----

-- The lowest level whose unique key is there: to be matched, or to be told.
local function lowest_unique(identifier)
    for i = #index.LEVELS, 2, -1 do
        local level = index.LEVELS[i]
        if identifier:has(dimse.UNIQUE_KEYS[level]) then return level end
    end
end

local function level_of(identifier)
    local level = identifier.QueryRetrieveLevel
    if level and level ~= "" then return level end
    level = lowest_unique(identifier)
    if level then return level end
    local of_patient = false
    for element in identifier:elements() do
        if not ACCOMPANYING[element.tag] then
            if not index.supports(element.tag, "PATIENT") then return "STUDY" end
            of_patient = true
        end
    end
    return of_patient and "PATIENT" or "STUDY"
end

-- Whether a query is one for C-GET that names its patient, too: unique keys with values, and
-- nothing else.
local function names_all(identifier)
    local unique = {}
    for _, key in pairs(dimse.UNIQUE_KEYS) do unique[dataset.tag(key)] = true end
    for element in identifier:elements() do
        if not ACCOMPANYING[element.tag]
            and (not unique[element.tag] or #identifier:values(element.tag) == 0) then
            return false
        end
    end
    return #identifier:values "PatientID" > 0
end

local function model_of(identifier, level)
    return (level == "PATIENT" or names_all(identifier)) and "patient" or "study"
end

--- A query with its level, and the model for it. The level is the one given, else that of the
-- lowest unique key; without one PATIENT, where only attributes of patients are asked for, else
-- STUDY. The model is Patient Root for level PATIENT, and for a C-GET that names the patient beside
-- the other unique keys; else Study Root.
-- @param keys table by keyword, tag or path; or data set, which is not changed
-- @return data set, model, level; raises what is wrong with the keys, without a position
function query_table.resolve(keys)
    local identifier = dataset.is(keys) and keys:clone() or from_table(keys)
    local level = level_of(identifier)
    identifier.QueryRetrieveLevel = level
    return identifier, model_of(identifier, level), level
end

return query_table

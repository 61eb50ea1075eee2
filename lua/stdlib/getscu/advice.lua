--- advice: what does not go together in the identifier of a C-GET (PS3.4 C.4.3.1.3 and C.6).
--
-- Servers answer such queries with a failure, with nothing, or with more than was meant. Most of
-- them bear some of it, so it is advice.

local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"

local advice = {}

local UNIQUE_KEYS = dimse.UNIQUE_KEYS
local LEVEL_OF = {}
for level, key in pairs(UNIQUE_KEYS) do LEVEL_OF[key] = level end

-- The levels of each model, from above; `flat`: the unique key of the level is enough.
local MODELS = {
    patient = { name = "Patient Root", "PATIENT", "STUDY", "SERIES", "IMAGE" },
    study = { name = "Study Root", "STUDY", "SERIES", "IMAGE" },
    psonly = { name = "Patient/Study Only", "PATIENT", "STUDY" },
    composite = { name = "Composite Instance Root", flat = true, "IMAGE", "FRAME" },
    withoutbulkdata = { name = "Composite Instance Without Bulk Data", flat = true, "IMAGE" },
}

-- What may be in an identifier besides unique keys.
local COMPANIONS = { QueryRetrieveLevel = true, SpecificCharacterSet = true,
    QueryRetrieveView = true, TimezoneOffsetFromUTC = true }
-- Of the composite models: which frames.
local FRAMES = { SimpleFrameList = true, CalculatedFrameList = true, TimeRange = true }

local function position(model, level)
    for i, name in ipairs(model) do
        if name == level then return i end
    end
end

-- The level that was meant: the lowest one of the model whose unique key is there.
local function likely_level(identifier, model)
    for i = #model, 1, -1 do
        local key = UNIQUE_KEYS[model[i]]
        if key and #identifier:values(key) > 0 then return model[i] end
    end
    return model.flat and "IMAGE" or "STUDY"
end

local function check_level(identifier, model, add)
    local level = identifier.QueryRetrieveLevel or ""
    if level == "" then
        add("QueryRetrieveLevel is missing; probably it is %s", likely_level(identifier, model))
    elseif not position(model, level) and not position(MODELS.patient, level) then
        add("there is no QueryRetrieveLevel '%s'; %s has %s", level, model.name,
            table.concat(model, ", "))
    elseif not position(model, level) then
        add("%s has no level %s, only %s; choose another model or another level", model.name, level,
            table.concat(model, ", "))
    else
        return level
    end
end

local function check_values(values, key, is_own_level, add)
    for _, value in ipairs(values) do
        local text = tostring(value)
        if text:find "[*?]" then
            add("%s has the wildcard '%s'; C-GET has no wildcards: find the UIDs with C-FIND first",
                key, text)
            return
        elseif key ~= "PatientID" and (#text > 64 or not text:find "^%d[%d.]*$") then
            add("%s '%s' is no UID", key, text)
            return
        end
    end
    if #values > 1 and not is_own_level then
        add("%s is above the level of the query and must have one value, not %d", key, #values)
    end
end

local function check_unique_key(identifier, model, level, own_level, add)
    local key = UNIQUE_KEYS[level]
    local values = identifier:values(key)
    if #values > 0 then return check_values(values, key, level == own_level, add) end
    if level == own_level then
        add("%s is missing: at level %s it says what to get", key, level)
    elseif level == "PATIENT" then
        add("PatientID is missing, which %s needs at level %s; add it, or choose Study Root",
            model.name, own_level)
    else
        add("%s is missing, which %s needs at level %s", key, model.name, own_level)
    end
end

-- Unique keys from the top of the model down to the level.
local function check_unique_keys(identifier, model, own_level, relational, add)
    local last = position(model, own_level)
    local first = (model.flat or relational) and last or 1
    for i = first, last do
        local level = model[i] == "FRAME" and "IMAGE" or model[i]
        check_unique_key(identifier, model, level, own_level == "FRAME" and level or own_level, add)
    end
end

local function check_others(identifier, model, own_level, add)
    for element in identifier:elements() do
        local keyword = element.keyword
        local level = LEVEL_OF[keyword]
        local own = own_level == "FRAME" and "IMAGE" or own_level
        if element.tag:find ",0000$" or COMPANIONS[keyword] or model.flat and FRAMES[keyword] then
            goto continue
        elseif not level then
            add("%s does not belong into a C-GET, which only has unique keys: servers ignore or "
                .. "refuse it; find the UIDs with C-FIND first", keyword or element.tag)
        elseif own and position(MODELS.patient, level) > position(MODELS.patient, own) then
            add("%s is below level %s and selects nothing there; ask at level %s", keyword, own,
                level)
        elseif own and level == "PATIENT" and not position(model, level) then
            add("PatientID does not belong into a C-GET of %s; leave it out, or choose "
                .. "Patient Root", model.name)
        end
        ::continue::
    end
end

--- What does not go together.
-- @param identifier data set
-- @param model name of an information model
-- @param relational whether levels above may be left out
-- @return list of texts
function advice.of(identifier, model, relational)
    assert(dataset.is(identifier), "a data set is wanted")
    local texts = {}
    local function add(text, ...)
        texts[#texts + 1] = text:format(...):gsub("%c", "?")
    end
    local found = MODELS[model] or error(("there is no model '%s'"):format(tostring(model)), 3)
    local level = check_level(identifier, found, add)
    if level then check_unique_keys(identifier, found, level, relational, add) end
    check_others(identifier, found, level, add)
    return texts
end

return advice

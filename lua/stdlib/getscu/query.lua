--- query: the identifier of a C-FIND or C-GET (PS3.4 C.2.2.1 and C.4).

local advice = require "getscu.advice"
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"

-- getscu.query_file and getscu.query_table are loaded where they are first used: a command line
-- with nothing but keys needs neither of them, nor what they need.

local query = {}

-- What is wrong with a key, and not with where it is to go.
local MISTAKES = { ["bad-path"] = true, ["bad-value"] = true, charset = true, ["no-item"] = true }

--- query{...}: a query with its level, and the model for it (see getscu.query_table).
--
--     local identifier, model = query { PatientID = "1", StudyDate = { from = "20240101" } }
--     for study in association:find { query = identifier, model = model } do ... end
--
-- @param keys table by keyword, or data set; values may be lists, dates as tables, and ranges of
--   dates { from = , to = }
-- @return data set, model ("patient" or "study"), level; raises where a key cannot be
setmetatable(query, {
    __call = function(_, keys)
        if type(keys) ~= "table" then
            error(("a query is made of a table, not of a %s"):format(type(keys)), 2)
        end
        local resolve = require("getscu.query_table").resolve
        local resolved, identifier, model, level = pcall(resolve, keys)
        if not resolved then error((identifier:gsub("^[^:]+:%d+: ", "")), 2) end
        return identifier, model, level
    end,
})

--- A query from a table by keyword, or a data set as it is.
-- @param keys table or data set
-- @return data set; raises on an unknown keyword
function query.new(keys)
    if dataset.is(keys) then return keys end
    return dataset.new(keys)
end

--- The same with its level: what a table leaves out is worked out from its keys.
-- @param keys table by keyword as query{...} takes it, or a data set, which is taken as it is
-- @param model of the request, or nil: in all but "patient" the highest level is STUDY
-- @return data set; raises where a key cannot be
function query.complete(keys, model)
    if dataset.is(keys) then return keys end
    local identifier, _, level = query(keys)
    if level == "PATIENT" and model ~= "patient" and not keys.QueryRetrieveLevel then
        identifier.QueryRetrieveLevel = "STUDY"
    end
    return identifier
end

local function split(key)
    local path, value = key:match("^([^=]*)=(.*)$")
    return path or key, value or ""
end

local function bad_key(key, message)
    return nil, errors.new { code = "bad-key", message = ("key '%s': %s"):format(key, message) }
end

--- Sets a key that is written as on the command line: tag, keyword, or path with items counted from
-- 0 (dcmodify's notation), and `=value`. Without a value the element has zero length. What stands
-- there is replaced. Text is UTF-8; where the query's character set does not hold it, the query
-- becomes ISO_IR 192.
-- @return true | nil, err
function query.set_key(identifier, key)
    if not utf8.len(key) then
        return bad_key((key:gsub("[\128-\255]", "?")), "the text is not UTF-8")
    end
    local path, value = split(key)
    local set, err = dataset.core_of(identifier):set(path, value)
    if set then return true end
    if not MISTAKES[err.code] then return nil, errors.wrap(err) end
    return bad_key(key, err.message)
end

-- The tags of keys that are simple ones.
local function tag_of(key)
    local path = split(key)
    local tag = path:match "^%(?(%x%x%x%x,%x%x%x%x)%)?$"
    if tag then return tag:lower() end
    if path == "QueryRetrieveLevel" then return "0008,0052" end
    if path == "SpecificCharacterSet" then return "0008,0005" end
end

-- The level that keys ask for, or nil; the last one counts.
local function level_of(keys)
    local level
    for _, key in ipairs(keys) do
        if tag_of(key) == "0008,0052" then
            local _, value = split(key)
            level = value:match("^%s*(.-)%s*$"):upper()
        end
    end
    return level ~= "" and level or nil
end

-- Keys in the order in which they are set: the character set before what is written in it.
local function in_order(keys)
    local first, others = {}, {}
    for _, key in ipairs(keys) do
        table.insert(tag_of(key) == "0008,0005" and first or others, key)
    end
    return table.move(others, 1, #others, #first + 1, first)
end

-- Sets all keys in a query. `listed` is the keyword of what a list of UIDs gave it, or nil.
local function set_keys(identifier, keys, listed)
    local before = listed and identifier[listed]
    for _, key in ipairs(keys) do
        local set, err = query.set_key(identifier, key)
        if not set then return nil, err end
        if listed and identifier[listed] ~= before then
            return bad_key(key, "it would replace what the list of UIDs gives")
        end
    end
    return true
end

--- The queries of a command line: those of the files in their order, or one of keys alone.
-- @param files list of paths, "-" is standard input; see getscu.query_file for what they may be
-- @param keys list of keys as of set_key, for every query; QueryRetrieveLevel among them decides
--   of which level the UIDs of a list are
-- @return list of data sets, list of labels (where each is from) | nil, err
function query.from(files, keys)
    local queries, labels, listed = {}, {}, {}
    local level = level_of(keys)
    for _, path in ipairs(files) do
        local found, names, keyword = require("getscu.query_file").read(path, level)
        if not found then return nil, names end
        for i, identifier in ipairs(found) do
            queries[#queries + 1], labels[#labels + 1] = identifier, names[i]
            listed[identifier] = keyword
        end
    end
    if #files == 0 then queries[1], labels[1] = dataset.new(), "keys" end
    local ordered = in_order(keys)
    for _, identifier in ipairs(queries) do
        local set, err = set_keys(identifier, ordered, listed[identifier])
        if not set then return nil, err end
    end
    return queries, labels
end

--- What does not go together in a query for C-GET (PS3.4 C.4.3): advice, no error.
-- @param identifier data set, or table by keyword
-- @param model "study", "patient", "psonly", "composite" or "withoutbulkdata"
-- @param relational true: relational retrieval was negotiated, so levels above may be left out
-- @return list of texts, empty where all is well
function query.advice(identifier, model, relational)
    return advice.of(query.new(identifier), model, relational)
end

return query

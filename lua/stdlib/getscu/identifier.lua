--- identifier: what a C-FIND or C-GET request asks an archive for (PS3.4 C.4.1.3 and C.4.3.3).

local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"
local index = require "getscu.index"
local status = require "getscu.status"

local identifier = {}

local LEVELS = { -- that each model has
    patient = { PATIENT = true, STUDY = true, SERIES = true, IMAGE = true },
    study = { STUDY = true, SERIES = true, IMAGE = true },
    psonly = { PATIENT = true, STUDY = true },
}

local LEVEL, CHARACTER_SET, VIEW = "0008,0052", "0008,0005", "0008,0053"
local NO_KEY = { [LEVEL] = true, [CHARACTER_SET] = true, [VIEW] = true }

--- The model of a SOP class of Query/Retrieve, among those that an archive serves.
-- @return "patient", "study", "psonly" or nil; "find" or "get"
function identifier.model(class)
    for name in pairs(LEVELS) do
        for _, service in ipairs { "find", "get" } do
            if dimse.models[name][service] == class then return name, service end
        end
    end
end

local function keys_of(ds)
    local keys = {}
    local handle = dataset.core_of(ds)
    for element in ds:elements() do
        if not NO_KEY[element.tag] and not element.tag:find ",0000$" then
            local value
            if element.vr ~= "SQ" then value = handle:get(element.tag) end
            keys[#keys + 1] = { tag = element.tag, vr = element.vr, value = value }
        end
    end
    return keys
end

local function mismatch(comment)
    return nil, status.IDENTIFIER_MISMATCH, comment
end

--- Reads an identifier.
-- @param bytes string, in a transfer syntax
-- @param class SOP class of the request
-- @return query {level=, keys={{tag=, vr=, value=}, ...}} | nil, status, comment
function identifier.read(bytes, transfer_syntax, class)
    local ds, err = dataset.decode(bytes, transfer_syntax)
    if not ds then return nil, status.UNABLE_TO_PROCESS, err.message end
    local level = ds:get(LEVEL, "")
    if level == "" then return mismatch "QueryRetrieveLevel is missing" end
    if not LEVELS[identifier.model(class)][level] then
        return mismatch(("the model has no level '%s'"):format(level))
    end
    return { level = level, keys = keys_of(ds) }
end

--- Whether a query names what is to be retrieved: it must have the unique key of its level.
-- @return true | nil, status, comment
function identifier.is_retrievable(query)
    for _, key in ipairs(query.keys) do
        if key.tag == index.UNIQUE[query.level] and (key.value or "") ~= "" then return true end
    end
    return mismatch(("%s is missing"):format(dataset.keyword(index.UNIQUE[query.level])))
end

return identifier

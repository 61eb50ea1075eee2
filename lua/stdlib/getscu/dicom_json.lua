--- dicom_json: data sets from the DICOM JSON model (PS3.18 annex F).
--
-- An element is named by its tag, "00100020", or by its keyword. Its VR is that of the dictionary;
-- the `vr` of the text counts where the dictionary does not know. File meta information and group
-- lengths are left out. Bulk data is an error: what it points to is not here.

local core = require("getscu.core").dataset
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local json = require "getscu.json"

local dicom_json = {}

-- What may stand in an element.
local MEMBERS = { vr = "string", Value = "table", InlineBinary = "string", BulkDataURI = "string" }
local NAME_PARTS = { "Alphabetic", "Ideographic", "Phonetic" }
local IS_NAME_PART = { Alphabetic = true, Ideographic = true, Phonetic = true }
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Ends the reading with what is wrong.
local function fail(where, what, ...)
    error({ what = where .. ": " .. what:format(...) }, 0)
end

local function from_base64(text, where)
    text = text:gsub("%s", "")
    local digits, padding = text:match "^([%w+/]*)(=*)$"
    if not digits or #text % 4 ~= 0 or #padding > 2 then fail(where, "this is not base64") end
    local bytes, bits, count = {}, 0, 0
    for digit in digits:gmatch "." do
        bits = (bits << 6 | ALPHABET:find(digit, 1, true) - 1) & 0xFFFFFF
        count = count + 6
        if count >= 8 then
            count = count - 8
            bytes[#bytes + 1] = string.char(bits >> count & 0xFF)
        end
    end
    return table.concat(bytes)
end

-- A person's name: its component groups, separated by '='.
local function name_of(value, where)
    local parts = {}
    for i, part in ipairs(NAME_PARTS) do
        local text = value[part]
        if text == nil or text == json.null then text = "" end
        if type(text) ~= "string" then fail(where, "%s must be a text", part) end
        parts[i] = text
    end
    for part in pairs(value) do
        if not IS_NAME_PART[part] then fail(where, "a name has no part '%s'", part) end
    end
    return (table.concat(parts, "="):gsub("=+$", ""))
end

-- "00100020" as "(0010,0020)", as a value of VR AT is wanted.
local function tag_value(value)
    local group, element = value:match "^(%x%x%x%x)(%x%x%x%x)$"
    return group and ("(%s,%s)"):format(group, element) or value
end

local function value_of(value, vr, where)
    if value == json.null then return "" end
    if type(value) == "number" then return value end
    if type(value) == "table" and not json.is_array(value) and vr == "PN" then
        return name_of(value, where)
    end
    if type(value) ~= "string" then fail(where, "a value cannot be this") end
    return vr == "AT" and tag_value(value) or value
end

local fill -- an item; below: items are in elements

local function set(handle, path, value, where)
    local done, err = handle:set(path, value)
    if not done then fail(where, "%s", err.message) end
end

local function fill_sequence(handle, path, items, where)
    set(handle, path, "", where)
    for i, item in ipairs(items) do
        local at = ("%s[%d]"):format(path, i - 1)
        if type(item) ~= "table" or json.is_array(item) then
            fail(where, "item %d is no object", i)
        end
        set(handle, at, "", where)
        fill(handle, at .. ".", item, ("%s item %d: "):format(where, i))
    end
end

local function check_members(element, where)
    local contents = 0
    for name, value in pairs(element) do
        if not MEMBERS[name] then fail(where, "an element has no '%s'", name) end
        if type(value) ~= MEMBERS[name] or name == "Value" and not json.is_array(value) then
            fail(where, "'%s' cannot be this", name)
        end
        if name ~= "vr" then contents = contents + 1 end
    end
    if contents > 1 then fail(where, "only one of Value, InlineBinary and BulkDataURI may be") end
    if element.BulkDataURI then fail(where, "bulk data is not here (BulkDataURI)") end
    if element.vr and not element.vr:find "^%u%u$" then
        fail(where, "'%s' is no value representation", element.vr)
    end
end

-- The VR that an element will have.
local function vr_of(handle, path, element, where)
    set(handle, path, "", where)
    local _, vr = handle:get(path)
    if vr == "UN" and element.vr then return element.vr end
    if element.vr and (element.vr == "SQ") ~= (vr == "SQ") and vr ~= "UN" then
        fail(where, "its VR is %s, not %s", vr, element.vr)
    end
    return vr
end

local function fill_element(handle, path, element, where)
    if type(element) ~= "table" or json.is_array(element) then
        fail(where, "an element is an object with vr and Value")
    end
    check_members(element, where)
    local vr = vr_of(handle, path, element, where)
    if vr == "SQ" then
        return fill_sequence(handle, path, element.Value or {}, where)
    elseif element.InlineBinary then
        if not vr:find "^O" and vr ~= "UN" then fail(where, "VR %s has no InlineBinary", vr) end
        return set(handle, path, from_base64(element.InlineBinary, where), where)
    end
    local values = {}
    for i, value in ipairs(element.Value or {}) do values[i] = value_of(value, vr, where) end
    set(handle, path, values, where)
end

-- The names of the elements in the order of their tags, and the tag of each.
local function sorted(object, where)
    local names, tags = {}, {}
    for name in pairs(object) do
        local tag, err = core.tag((name:gsub("^(%x%x%x%x)(%x%x%x%x)$", "%1,%2")))
        if not tag then fail(where .. name, "%s", err.message) end
        names[#names + 1], tags[name] = name, tag
    end
    table.sort(names, function(one, other) return tags[one] < tags[other] end)
    for i = 2, #names do
        local tag = tags[names[i]]
        if tag == tags[names[i - 1]] then fail(where .. names[i], "%s is there twice", tag) end
    end
    return names, tags
end

function fill(handle, prefix, object, where)
    local names, tags = sorted(object, where)
    for _, name in ipairs(names) do
        local tag = tags[name]
        if not tag:find "^0002," and not tag:find ",0000$" then
            fill_element(handle, prefix .. tag, object[name], where .. name)
        end
    end
end

local function read_all(objects)
    local list = {}
    for i, object in ipairs(objects) do
        local where = #objects > 1 and ("data set %d: "):format(i) or ""
        if type(object) ~= "table" or json.is_array(object) then
            fail(where .. "DICOM JSON", "an object is wanted")
        end
        local ds = dataset.new()
        fill(dataset.core_of(ds), "", object, where)
        list[i] = ds
    end
    return list
end

--- The data sets of a text: one object, or an array of them.
-- @return list of data sets | nil, err
function dicom_json.decode(text)
    local value, err = json.decode(text)
    if value == nil then return nil, err end
    local read, result = pcall(read_all, json.is_array(value) and value or { value })
    if read then return result end
    if type(result) ~= "table" or not result.what then error(result, 0) end
    return nil, errors.new { code = "bad-json", message = result.what }
end

return dicom_json

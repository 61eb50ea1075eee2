--- dataset: DICOM data sets, by attribute.
--
--     local ds = assert(dataset.read "ct.dcm")
--     print(ds.PatientName, ds["0010,0020"])
--     ds.RequestAttributesSequence = { { ScheduledProcedureStepID = "1" } }
--     print(ds:get("RequestAttributesSequence[1].ScheduledProcedureStepID", "none"))
--
-- An attribute is named by keyword, tag, or path with items counted from 1. Reading gives nil where
-- it is absent and never creates it; text is UTF-8, several values are separated by backslashes
-- (`values` takes them apart), Decimal and Integer Strings are numbers, a sequence is an array of
-- data sets. Assigning nil removes. Mistakes raise: an unknown keyword, a value that cannot be, a
-- data set after its end; failures of files and bytes return nil and an error.

local attribute = require "getscu.attribute"
local core = require("getscu.core").dataset
local errors = require "getscu.errors"

local dataset = {}

-- The keys under which a data set keeps what the core knows of it; who has that where it is not
-- there yet, and bytes that tell plain texts before; and what else it has.
local CORE, OWNER, HEADER, KNOWN = {}, {}, {}, {}
local methods = {}
local metatable = { __name = "getscu.dataset" }

-- Whose fault it is: what raises also where other failures are returned.
local MISTAKES = {
    ["bad-path"] = true, ["bad-value"] = true, ["charset"] = true, ["incomplete"] = true,
    ["dataset-expired"] = true,
}

--- Whether a value is a data set.
function dataset.is(value)
    return type(value) == "table" and getmetatable(value) == metatable
end

--- The data set (or item) of a value of the core; nil and the error where there is none.
-- @param handle what getscu.core gave
-- @return data set | nil, err
function dataset.wrap(handle, err)
    if not handle then return nil, err end
    return setmetatable({ [CORE] = handle }, metatable)
end

--- A data set that is there when something of it is first used.
-- @param owner has the method parse() -> what getscu.core gives | nil, err: then the use raises err
-- @param known table of what it has beside attributes, under names of small letters, false where
--   that is nil; it stays the caller's, and scripts cannot assign to it
function dataset.lazy(owner, known)
    return setmetatable({ [OWNER] = owner, [KNOWN] = known, [HEADER] = false }, metatable)
end

--- Lets a lazy data set answer for plain texts without being parsed, which takes long.
-- @param bytes of its header in Explicit VR Little Endian, or nil: no longer
function dataset.expect(ds, bytes)
    rawset(ds, HEADER, bytes)
end

--- Whether it is there already.
function dataset.is_open(ds)
    return rawget(ds, CORE) ~= nil
end

--- What the core knows of a data set: getscu.core's counterpart of wrap.
function dataset.core_of(ds)
    local handle = rawget(ds, CORE)
    if handle then return handle end
    local err
    handle, err = rawget(ds, OWNER):parse()
    if not handle then error(errors.wrap(err), 0) end
    rawset(ds, CORE, handle)
    rawset(ds, HEADER, nil)
    return handle
end
local core_of = dataset.core_of

-- Levels of `error`. Who used a method or an attribute gets the blame, however deep the mistake is
-- found: a function that takes `level` takes the one that its caller would use, and adds itself.
-- All frames between must be there, so what may raise is not called as a tail call but for one.
local USER = 2 -- in a method

-- Ends a method with what the core returned; mistakes raise. To be called as a tail call, since it
-- stands in for the method: what succeeds is one value, without a nil behind it.
local function checked(...)
    local result, err = ...
    if result == nil and err and MISTAKES[err.code] then error(err.message, USER) end
    return ...
end

-- Everything raises: for attributes, where nil means absent.
local function must(result, err)
    if result == nil and err then error(err.message, USER + 1) end
    return result
end

local function items_of(handle, path, count)
    local items = {}
    for i = 1, count do
        items[i] = dataset.wrap(handle:item(("%s[%d]"):format(path, i - 1)))
    end
    return items
end

-- The value as users see it; `vr` and `invalid` as the core gives them.
local function to_lua(handle, path, value, vr, invalid)
    if vr == "SQ" then return items_of(handle, path, value) end
    if value == true then return dataset.wrap(handle:item(path)) end
    if (vr == "DS" or vr == "IS") and value then return attribute.number(value) or value end
    if not invalid then return value end
    return value, errors.new {
        code = "charset",
        message = ("%s holds bytes that its character set does not know"):format(path),
    }
end

-- The core's answer for a path: value, VR, invalid; `level` is of the function that gets the blame.
local function fetch(ds, path, level)
    local header = rawget(ds, HEADER)
    if header then
        local text, is_number = core.plain(header, path)
        if text then return is_number and attribute.number(text) or text end
        if text == false then return nil end
    end
    local handle = core_of(ds)
    local value, vr, invalid = handle:get(path)
    if value == nil and type(vr) == "table" then error(vr.message, level + 1) end
    return to_lua(handle, path, value, vr, invalid)
end

--- The value of an attribute, or `default` where it is absent.
-- @param path keyword, tag or path
-- @return value [, err]: with a text that holds what its character set does not know comes an error
function methods:get(path, default)
    local value, err = fetch(self, attribute.path(path, USER), USER)
    if err then return value, err end
    if value == nil then return default end
    return value
end

function metatable:__index(key)
    local method = methods[key]
    if method then return method end
    local known = rawget(self, KNOWN)
    if known and known[key] ~= nil then return known[key] or nil end
    return (fetch(self, attribute.path(key, USER), USER))
end

--- All values of an attribute as an array; an empty one where it is absent or empty.
function methods:values(path)
    local handle = core_of(self)
    path = attribute.path(path, USER)
    local value, vr = handle:get(path)
    if type(vr) == "table" then error(vr.message, USER) end
    if value == nil then return {} end
    if vr == "SQ" then return items_of(handle, path, value) end
    if type(value) ~= "string" then return { value } end
    if vr:find "^O" or vr == "UN" then return { value } end
    return attribute.split(value, vr)
end

local build -- a data set from a table; below, since assigning a sequence needs it

-- The core's data sets for an array of data sets and tables. Copies: the originals may be items of
-- the sequence that they replace.
local function to_items(array, level)
    local items = {}
    for i, content in ipairs(array) do
        if type(content) ~= "table" then
            error(("item %d of a sequence must be a table, not a %s"):format(i, type(content)),
                level + 1)
        end
        items[i] = dataset.is(content) and must(core_of(content):clone())
            or core_of(build(content, level + 1))
    end
    return items
end

local function assign_sequence(handle, path, array, level)
    local items = to_items(array, level + 1)
    local done, err = handle:set(path, {})
    for i = 1, done and #items or 0 do
        done, err = handle:append(path, items[i])
        if not done then break end
    end
    return done, err
end

-- Sets, or removes where `value` is nil.
local function assign(ds, path, value, level)
    local handle = core_of(ds)
    local kind = type(value)
    local done, err
    path = attribute.path(path, level + 1)
    if kind == "nil" then
        done, err = handle:remove(path)
    elseif dataset.is(value) then
        error(("'%s': a sequence takes an array of data sets"):format(path), level + 1)
    elseif kind == "table" and type(value[1]) == "table" then
        done, err = assign_sequence(handle, path, value, level + 1)
    elseif kind == "table" or kind == "string" or kind == "number" then
        done, err = handle:set(path, value)
    else
        error(("'%s' cannot be a %s"):format(path, kind), level + 1)
    end
    if done == nil then error(err.message, level + 1) end
end

--- Sets an attribute, and creates what is missing on the way to it. nil removes it.
-- @param value string, number, an array of them, or for a sequence an array of data sets and tables
function methods:set(path, value)
    assign(self, path, value, USER)
end

function metatable:__newindex(key, value)
    if methods[key] then error(("'%s' is a method"):format(key), USER) end
    local known = rawget(self, KNOWN)
    if known and known[key] ~= nil then error(("'%s' cannot be changed"):format(key), USER) end
    assign(self, key, value, USER)
end

--- Whether an attribute (or item) is there, be it empty.
function methods:has(path)
    return (must(core_of(self):has(attribute.path(path, USER))))
end

--- Removes an attribute or an item.
-- @return whether it was there
function methods:remove(path)
    return (must(core_of(self):remove(attribute.path(path, USER))))
end

--- Appends an item to a sequence, which is created where it is missing.
-- @param content table or data set that is copied into it, or nil
-- @return the item, a data set
function methods:append(path, content)
    local source = content and to_items({ content }, USER)[1]
    return dataset.wrap(must(core_of(self):append(attribute.path(path, USER), source)))
end

--- An iterator over the elements of this level in the order of their tags, as they are now.
-- Each is a table {tag=, vr=, keyword=, vm=, length=}; `ds:get(element.tag)` is its value.
function methods:elements()
    local elements = must(core_of(self):elements())
    local at = 0
    return function()
        at = at + 1
        return elements[at]
    end
end

--- pairs: keyword (or tag, where there is none) and value.
function metatable:__pairs()
    local following = self:elements()
    return function()
        local element = following()
        if not element then return nil end
        return element.keyword or element.tag, self:get(element.tag)
    end
end

--- A data set of its own with the same elements; also of an item.
function methods:clone()
    local copy = dataset.wrap(must(core_of(self):clone()))
    rawset(copy, KNOWN, rawget(self, KNOWN))
    return copy
end

--- The bytes of the data set in a transfer syntax.
-- @return string | nil, err
function methods:encode(transfer_syntax)
    return checked(core_of(self):encode(transfer_syntax))
end

--- Writes a DICOM file, in the transfer syntax in which it was read where none is given.
-- @return true | nil, err
function methods:write(path, transfer_syntax)
    return checked(core_of(self):write(path, transfer_syntax))
end

--- The elements as text for people, and as DICOM JSON.
-- @return string | nil, err
function methods:dump() return checked(core_of(self):dump()) end
function methods:json() return checked(core_of(self):json()) end

--- What the file meta information says, or else the data set: a table {part10=, transfer_syntax=,
-- sop_class=, sop_instance=, implementation_class=, implementation_version=, source=}; what is
-- unknown is nil.
function methods:meta()
    return (must(core_of(self):meta()))
end

function metatable:__tostring()
    local text, err = core_of(self):dump()
    return text and (text:gsub("\n$", "")) or ("data set (%s)"):format(err.message)
end

function build(content, level)
    local ds = dataset.wrap(must(core.new()))
    local keys = {}
    for key in pairs(content) do
        if type(key) ~= "string" then
            error("a data set is made of keywords, tags or paths and their values", level + 1)
        end
        keys[#keys + 1] = key
    end
    -- in the order of their names, so that whatever goes wrong goes wrong in the same way
    table.sort(keys)
    for _, key in ipairs(keys) do assign(ds, key, content[key], level + 1) end
    return ds
end

--- A new data set with the attributes of a table.
-- @param content table: keyword, tag or path to value as in an assignment; or nil
function dataset.new(content)
    local ds = build(content or {}, USER)
    return ds
end

--- Reads a file, with or without file meta information.
-- @return data set | nil, err
function dataset.read(path)
    return dataset.wrap(core.read(path))
end

--- Takes the bytes of a data set in a transfer syntax.
-- @return data set | nil, err
function dataset.decode(bytes, transfer_syntax)
    return dataset.wrap(core.decode(bytes, transfer_syntax))
end

--- "PatientName" to "0010,0010"; raises where there is no such keyword.
function dataset.tag(keyword)
    return (must(core.tag(keyword)))
end

--- "0010,0010" to "PatientName", or nil.
function dataset.keyword(tag)
    return (must(core.keyword(tag)))
end

--- "1.2.840.10008.5.1.4.1.1.2" to "CTImageStorage", or nil.
dataset.uid_name = core.uid_name

--- The prefix of file names for a storage SOP class, as "CT", or nil.
dataset.modality = core.modality

dataset.uid_generate = core.uid_generate -- a new one

return dataset

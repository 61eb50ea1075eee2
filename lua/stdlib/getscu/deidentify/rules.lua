--- rules: a profile table as something that can be asked for the action of an element.
--
-- What is found first counts: the attribute itself, a pattern, `private`, `unknown`, the VR,
-- `default`.

local dataset = require "getscu.dataset"
local suggest = require "getscu.suggest"
local values = require "getscu.deidentify.values"

local rules = {}

local ACTIONS = { "keep", "remove", "empty", "replace", "uid", "date", "hash", "clean", "refuse" }
local GENERAL = { "private", "unknown", "default" }
local FIELDS = { "replace", "refuse", "otherwise" } -- of an action that is a table

local is_action, is_general = {}, {}
for _, name in ipairs(ACTIONS) do is_action[name] = true end
for _, name in ipairs(GENERAL) do is_general[name] = true end

local Rules = { __index = {}, __name = "getscu.deidentify.rules" }

-- ---- what actions may be ----

local function check_name(name, key)
    if is_action[name] then return name end
    error(("%s: there is no action '%s'%s"):format(key, tostring(name),
        type(name) == "string" and suggest.hint(name, ACTIONS) or ""), 0)
end

-- An action as a table: `name`, and `value`, `only` or `otherwise` where it has them.
local function to_action(given, key)
    if type(given) == "function" then return { name = "call", value = given } end
    if type(given) ~= "table" then return { name = check_name(given, key) } end
    local otherwise = given.otherwise and check_name(given.otherwise, key)
    for field in pairs(given) do
        if field ~= 1 and field ~= "replace" and field ~= "refuse" and field ~= "otherwise" then
            error(("%s: an action has no field '%s'%s"):format(key, tostring(field),
                suggest.hint(tostring(field), FIELDS)), 0)
        end
    end
    if given.replace ~= nil then return { name = "replace", value = given.replace } end
    if given.refuse ~= nil then return { name = "refuse", only = given.refuse } end
    return { name = check_name(given[1], key), otherwise = otherwise }
end

-- ---- what keys may be ----

-- "0019,xx23,CREATOR" to the creator and "001923".
local function private_key(key)
    local group, element, creator = key:match "^(%x%x%x%x),[xX][xX](%x%x),(.+)$"
    if group then return creator, (group .. element):lower() end
end

-- A tag, or a pattern of tags, in small letters; nil: it is none.
local function tag_key(key)
    return key:lower():match "^%(?([%xx][%xx][%xx][%xx],[%xx][%xx][%xx][%xx])%)?$"
end

local function is_vr(key)
    return values.DUMMIES[key] ~= nil or key == "UI" or key == "SQ"
end

-- The one name of an attribute that a profile has; raises where there is no such attribute.
local function canonical(key)
    if type(key) ~= "string" then error("a profile is made of attributes and actions", 0) end
    if is_general[key] or key == "set" or is_vr(key) then return key end
    local creator, name = private_key(key)
    if creator then return ("%s,xx%s,%s"):format(name:sub(1, 4), name:sub(5), creator) end
    if tag_key(key) then return tag_key(key) end
    local known, tag = pcall(dataset.tag, key)
    return known and tag or error((tag:gsub("^[^:]+:%d+: ", "")), 0)
end

local Profile = {
    __name = "getscu.deidentify.profile",
    __index = function(self, key) return rawget(self, canonical(key)) end,
    __newindex = function(self, key, action) rawset(self, canonical(key), action) end,
}

--- A profile in which each attribute has one name, however it is written.
-- @param given table
function rules.profile(given)
    local profile = setmetatable({}, Profile)
    for key, action in pairs(given) do profile[key] = action end
    return profile
end

local function add(self, key, action)
    self.names[action.name] = true
    local creator, name = private_key(key)
    if creator then
        self.private[creator] = self.private[creator] or {}
        self.private[creator][name] = action
    elseif is_general[key] then
        self.general[key] = action
    elseif is_vr(key) then
        self.vrs[key] = action
    elseif key:find "x" then
        local _, wild = key:gsub("x", "x")
        table.insert(self.patterns, { pattern = "^" .. key:gsub("x", "%%x") .. "$", wild = wild,
            action = action })
    else
        self.exact[key] = action
    end
end

--- The rules of a profile.
-- @param profile table: see getscu.deidentify; raises what is wrong with it, without a position
function rules.compile(profile)
    local self = setmetatable({ exact = {}, patterns = {}, private = {}, vrs = {}, names = {},
        general = { default = { name = "keep" }, private = { name = "remove" } } }, Rules)
    local written = {}
    for key, given in pairs(profile) do
        local name = canonical(key)
        if written[name] then
            error(("%s and %s are the same attribute"):format(written[name], key), 0)
        end
        written[name] = key
        if name ~= "set" then add(self, name, to_action(given, key)) end
    end
    table.sort(self.patterns, function(a, b)
        if a.wild ~= b.wild then return a.wild < b.wild end
        return a.pattern < b.pattern
    end)
    return self
end

--- Whether one of the actions is called so.
function Rules.__index:has(name)
    return self.names[name] or false
end

--- The action of an attribute itself, or of a pattern that it fits; nil where there is none.
function Rules.__index:explicit(tag)
    local action = self.exact[tag]
    if action then return action end
    for _, one in ipairs(self.patterns) do
        if tag:find(one.pattern) then return one.action end
    end
end

local function is_private(tag)
    return tonumber(tag:sub(4, 4), 16) % 2 == 1
end
rules.is_private = is_private

--- The action of an element of the standard.
-- @param element as of data sets: tag, vr, keyword
function Rules.__index:of(element)
    return self:explicit(element.tag) or not element.keyword and self.general.unknown
        or self.vrs[element.vr] or self.general.default
end

-- The creator of a private block, without spaces at its end.
local function creator_of(handle, group, block)
    local text = handle:get(("%s,00%s"):format(group, block))
    return type(text) == "string" and text:match "^(.-)[%s%z]*$" or nil
end

--- The actions of the private elements of an item, by tag: the elements that are named, and the
-- creators of what is kept; the others as `private` says.
-- @param handle of the core
-- @param elements list
function Rules.__index:of_private(handle, elements)
    local actions, kept = {}, {}
    for _, element in ipairs(elements) do
        local tag = element.tag
        local group, block, rest = tag:match "^(....),(..)(..)$"
        if is_private(tag) and (block ~= "00" or rest < "10") then
            local creator = next(self.private) and creator_of(handle, group, block)
            local named = creator and self.private[creator]
            local action = self:explicit(tag) or named and named[group .. rest]
                or self.general.private
            actions[tag] = action
            if action.name ~= "remove" then kept[group .. ",00" .. block] = true end
        end
    end
    for _, element in ipairs(elements) do
        local tag = element.tag
        if is_private(tag) and not actions[tag] then
            actions[tag] = kept[tag] and { name = "keep" } or self:explicit(tag)
                or { name = "remove" }
        end
    end
    return actions
end

return rules

--- person_name: names of persons (VR PN, PS3.5 section 6.2.1).
--
--     local name = person_name.parse "Yamada^Tarou=山田^太郎=やまだ^たろう"
--     name.family                                    --> "Yamada"
--     name.ideographic.family                        --> "山田"
--     person_name.given("Müller^Jörg")               --> "Jörg"
--
-- A name has up to three groups, separated by '=': alphabetic, ideographic and phonetic; a group
-- has up to five components, separated by '^'. An attribute may hold several names: ds:values.

local errors = require "getscu.errors"

local person_name = {}

local GROUPS = { "alphabetic", "ideographic", "phonetic" }
local COMPONENTS = { "family", "given", "middle", "prefix", "suffix" }
local SHOWN = 64 -- bytes of a name, in messages

-- The parts between separators.
local function split(text, separator)
    local parts = {}
    for part in (text .. separator):gmatch("([^" .. separator .. "]*)%" .. separator) do
        parts[#parts + 1] = part
    end
    return parts
end

local function bad(text, what)
    return nil, errors.new { code = "bad-value",
        message = ("'%s' is no person name: %s"):format(text:sub(1, SHOWN):gsub("%c", "?"), what) }
end

-- The components of a group by name; empty ones are absent.
local function parse_group(text)
    local parts = split(text, "^")
    if #parts > #COMPONENTS then return nil end
    local group = {}
    for i, part in ipairs(parts) do
        part = part:match "^ *(.-) *$"
        if part ~= "" then group[COMPONENTS[i]] = part end
    end
    return group
end

--- The components of a name.
-- @param text one name
-- @return table with family, given, middle, prefix, suffix of the alphabetic group, and the same
--   in `ideographic` and `phonetic`, tables that are there where the group is | nil, err
function person_name.parse(text)
    if text:find("\\", 1, true) then return bad(text, "these are several") end
    local groups = split(text, "=")
    if #groups > #GROUPS then return bad(text, "it has more than three groups") end
    local name
    for i, part in ipairs(groups) do
        local group = parse_group(part)
        if not group then return bad(text, "a group has more than five components") end
        if i == 1 then
            name = group
        elseif next(group) then
            name[GROUPS[i]] = group
        end
    end
    return name
end

local function format_group(group)
    local parts, last = {}, 0
    for i, component in ipairs(COMPONENTS) do
        local part = group[component] or ""
        if type(part) ~= "string" or part:find "[\\^=%c]" then
            error(("'%s' cannot be the %s of a person name"):format(tostring(part), component), 3)
        end
        parts[i] = part
        if part ~= "" then last = i end
    end
    return table.concat(parts, "^", 1, last)
end

--- The text of a name.
-- @param name table as parse() gives it
-- @return string; raises on what is no component
function person_name.format(name)
    local known = table.move(COMPONENTS, 1, #COMPONENTS, 3, { "ideographic", "phonetic" })
    errors.check_fields(name, known, "person_name.format")
    local text = format_group(name)
    local ideographic = name.ideographic and format_group(name.ideographic) or ""
    local phonetic = name.phonetic and format_group(name.phonetic) or ""
    return ((text .. "=" .. ideographic .. "=" .. phonetic):gsub("=+$", ""))
end

-- person_name.family(text [, group]) and its like: a component, or nil where it is absent or the
-- text is no name. `group` is "alphabetic" (default), "ideographic" or "phonetic".
for _, component in ipairs(COMPONENTS) do
    person_name[component] = function(text, group)
        local name = text and person_name.parse(text)
        if not name then return nil end
        if group == nil or group == "alphabetic" then return name[component] end
        if group ~= "ideographic" and group ~= "phonetic" then
            error(("'%s' is no group of a person name"):format(tostring(group)), 2)
        end
        return name[group] and name[group][component]
    end
end

return person_name

--- attribute: what names an attribute, and the text of its value (PS3.5 section 6.2).

local attribute = {}

local NUMERIC = {} -- VRs whose values are numbers
for vr in ("DS IS US SS UL SL UV SV FL FD"):gmatch "%u%u" do NUMERIC[vr] = true end
local SINGLE = { LT = true, ST = true, UR = true, UT = true } -- VRs of one value (PS3.5 6.4)

--- A path as the core wants it, which counts items from 0.
-- @param path keyword, tag or path with items counted from 1; what is none raises
-- @param level of `error`: the function that gets the blame
function attribute.path(path, level)
    if type(path) ~= "string" then
        error(("an attribute is named by a keyword, tag or path, not by a %s"):format(type(path)),
            level + 1)
    end
    if not path:find("[", 1, true) then return path end
    return (path:gsub("%[(%d+)%]", function(number)
        if tonumber(number) == 0 then
            error(("'%s': items are counted from 1 here"):format(path), level + 3)
        end
        return ("[%d]"):format(number - 1)
    end))
end

--- The number that a Decimal or Integer String is, or nil.
function attribute.number(text)
    local digits = text:match "^ *%+?([%d.-][%d.eE+-]*) *$"
    return digits and tonumber(digits)
end

--- The values of a text, as an array; those of numeric VRs as numbers.
function attribute.split(text, vr)
    if text == "" then return {} end
    if SINGLE[vr] then return { text } end
    local values = {}
    for one in (text .. "\\"):gmatch "([^\\]*)\\" do
        values[#values + 1] = NUMERIC[vr] and attribute.number(one) or one
    end
    return values
end

return attribute

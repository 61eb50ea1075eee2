--- names: file names from a template.
--
--     {PatientID}/{StudyDate}_{Modality}/{InstanceNumber:04d}.dcm
--
-- In braces stands an attribute (keyword or tag, of the top level and before Pixel Data),
-- `modality` (the prefix of the default name, as CT), or `n` (1 for the first object of the run, 2
-- for the next one). After a colon a format for numbers, as of printf: it applies to what is a
-- number, everything else stands as it is. `{{` and `}}` are braces. '/' separates folders.
--
-- A value is one piece of one component: what would separate folders or values in it ('/', '\') is
-- '_'; whatever else is unsafe is escaped by the core, which also shortens what is longer than a
-- component can be. Several values stand side by side. What is absent or empty is `unknown`.
--
-- SOP Instance and SOP Class UID are those that the peer announced; a template of nothing but them,
-- `modality` and `n` needs no header.

local core = require "getscu.core"
local errors = require "getscu.errors"

local names = {}

local ABSENT = "unknown"
local SHOWN = 80 -- bytes of a template, in messages

-- Ends the parsing: what is wrong at this byte.
local function fail(at, what, ...)
    error({ at = at, what = what:format(...) }, 0)
end

-- ---- values ----

-- One piece of a component.
local function clean(text)
    text = text:gsub("[/\\%z]", "_"):match "^%s*(.-)%s*$"
    return text ~= "" and text or ABSENT
end

local function to_number(value)
    if type(value) == "string" and value:find "^%s*[+-]?%d+%.?%d*%s*$" then
        return tonumber(value)
    end
    return type(value) == "number" and value or nil
end

local function to_text(value)
    if math.type(value) == "float" then return ("%.14g"):format(value) end
    return clean(tostring(value))
end

-- A function that makes text of a value.
local function formatter(spec, at)
    if not spec then return to_text end
    local shape = "%" .. spec
    local known = spec:find "^[-+ 0#]*%d?%d?%.?%d?%d?[dioxXeEfgG]$"
        and pcall(string.format, shape, 1)
    if not known then fail(at, "'%s' is no format for numbers; try 04d", spec:sub(1, SHOWN)) end
    local whole = spec:find "[dioxX]$"
    return function(value)
        local number = to_number(value)
        if number and whole then number = math.tointeger(number) end
        return number and shape:format(number) or to_text(value)
    end
end

-- ---- placeholders ----

-- What an object knows without its header.
local ANNOUNCED = {
    ["0008,0016"] = function(object) return object.class end,
    ["0008,0018"] = function(object) return object.uid end,
    modality = function(object) return object.prefix end,
    n = function(object) return object.number end,
}

local function check_vr(tag, name, at)
    local scratch = core.dataset.new()
    if not scratch:set(tag, "") then return end -- private: the header will tell
    local _, vr = scratch:get(tag)
    if vr == "SQ" or vr:find "^O" then fail(at, "%s (%s) is no text", name, vr) end
end

local function tag_of(name, at)
    if name:find "[%[%]]" then fail(at, "only attributes of the top level can be in a name") end
    local tag, err = core.dataset.tag(name)
    if not tag and err.code ~= "bad-path" then error({ cause = err }, 0) end -- no fault of the name
    if not tag then fail(at, "%s", err.message) end
    local group = tonumber(tag:sub(1, 4), 16)
    if group < 8 then fail(at, "%s is not in the data set", name) end
    if group >= 0x7FE0 then fail(at, "%s does not come before Pixel Data", name) end
    check_vr(tag, name, at)
    return tag
end

-- A function of the object, and whether it needs its header.
local function placeholder(inner, at)
    local name, spec = inner:match "^(.-):(.*)$"
    name = name or inner
    if name == "" then fail(at, "the name of an attribute is missing") end
    local format = formatter(spec, at)
    local key = ANNOUNCED[name] and name or tag_of(name, at)
    local announced = ANNOUNCED[key]
    if announced then return function(object) return format(announced(object) or "") end end
    return function(object)
        local value = object.header and object.header:get(key)
        return value and format(value) or ABSENT
    end, true
end

-- ---- templates ----

-- Checks what a template says itself; `at_start`: of a component. Returns whether the next byte is
-- at one.
local function check_literal(text, from, at_start)
    for i = 1, #text do
        local character, at = text:sub(i, i), from + i - 1
        if character == "/" and at_start then
            fail(at, from + i == 2 and "a name is below the output directory; leave out the '/'"
                or "a folder's name is missing")
        elseif character == "." and at_start then
            fail(at, "a name cannot begin with '.'")
        elseif character == "\\" then
            fail(at, "folders are separated by '/'")
        elseif character:find "%c" then
            fail(at, "a control character")
        end
        at_start = character == "/"
    end
    return at_start
end

-- The next piece from `at` on: literal text, or what is in braces; and where the one after it is.
local function next_piece(template, at)
    local double = template:match("^([{}])%1", at)
    if double then return double, nil, at + 2 end
    local literal = template:match("^[^{}]+", at)
    if literal then return literal, nil, at + #literal end
    if template:sub(at, at) == "}" then fail(at, "'}' without '{'; a brace itself is '}}'") end
    local inner = template:match("^{([^{}]*)}", at)
    if not inner then fail(at, "'}' is missing") end
    return nil, inner, at + #inner + 2
end

local function parse(template)
    local pieces, needs_header, at, at_start = {}, false, 1, true
    while at <= #template do
        local literal, inner, after = next_piece(template, at)
        if literal then
            at_start = check_literal(literal, at, at_start)
            pieces[#pieces + 1] = literal
        else
            local piece, needs = placeholder(inner, at)
            pieces[#pieces + 1], needs_header, at_start = piece, needs_header or needs, false
        end
        at = after
    end
    if at_start then fail(at, "the name of the file is missing") end
    return pieces, needs_header
end

--- Prepares a template.
-- @param template string
-- @return function(object) -> name, whether it needs the header | nil, err: with `position`, in
--   characters. An object is a table: uid, class (UIDs), prefix, number, header (data set or nil)
function names.compile(template)
    local parsed, pieces, needs_header = pcall(parse, template)
    if parsed then
        return function(object)
            local parts = {}
            for i, piece in ipairs(pieces) do
                parts[i] = type(piece) == "string" and piece or piece(object)
            end
            return table.concat(parts)
        end, needs_header
    end
    local failure = pieces
    if type(failure) ~= "table" then error(failure, 0) end
    if failure.cause then return nil, errors.wrap(failure.cause) end
    local position = (utf8.len(template:sub(1, failure.at - 1)) or failure.at - 1) + 1
    return nil, errors.new { code = "bad-template", position = position,
        message = ("file name '%s', character %d: %s"):format(template:sub(1, SHOWN), position,
            failure.what) }
end

--- A UID as part of a name: it makes no folders; whatever else is unsafe in it, the core escapes.
function names.of_uid(uid)
    return core.is_plausible_uid(uid) and uid or (uid:gsub("[/\0]", "_"))
end

--- The default name: prefix of the modality and SOP Instance UID.
-- @param bare true: the UID alone
function names.default(object, bare)
    local uid = names.of_uid(object.uid)
    return bare and uid or object.prefix .. "." .. uid
end

return names

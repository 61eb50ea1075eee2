--- json: JSON text (RFC 8259) to values and back.
--
--     local value, err = json.decode '{"a": [1, null]}'
--     io.write(json.encode { uid = "1.2.3", count = 2 }, "\n")
--
-- Objects become tables by name, arrays become sequences that json.is_array() knows, null becomes
-- json.null, whole numbers become integers where one holds them. Strict: a name that comes twice,
-- text that is not UTF-8, or anything after the value is an error.

local errors = require "getscu.errors"

local json = {}

local DEPTH_MAX = 256 -- of nested arrays and objects
local SHOWN = 20 -- characters of what was found, in messages

--- What null becomes; and what becomes null.
json.null = setmetatable({}, { __name = "json.null", __tostring = function() return "null" end })

local Array = { __name = "json.array" }

--- Makes a table an array, also when it is empty. Returns it.
function json.array(list)
    return setmetatable(list, Array)
end

function json.is_array(value)
    return getmetatable(value) == Array
end

-- ---- reading ----

-- Ends the reading: where, and what is wrong there.
local function fail(reader, what, at)
    error({ at = at or reader.at, what = what }, 0)
end

local function unexpected(reader, wanted)
    local found = reader.text:match("^[^%s%c]+", reader.at) or reader.text:sub(reader.at, reader.at)
    if found == "" then fail(reader, wanted .. " is missing at the end") end
    fail(reader, ("%s is wanted, not '%s'"):format(wanted, found:sub(1, SHOWN)))
end

local function skip_space(reader)
    reader.at = reader.text:find("[^ \t\r\n]", reader.at) or #reader.text + 1
end

-- Takes a character, after white space; false where another one is there.
local function take(reader, character)
    skip_space(reader)
    if reader.text:sub(reader.at, reader.at) ~= character then return false end
    reader.at = reader.at + 1
    return true
end

local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r",
    t = "\t" }

local function read_hex(reader, at)
    local digits = reader.text:match("^\\u(%x%x%x%x)", at)
    return digits and tonumber(digits, 16)
end

-- \u and four digits, or two of them for one character; `at` is where it begins.
local function read_unicode(reader, at)
    local code = read_hex(reader, at)
    if not code then fail(reader, "\\u needs four hexadecimal digits", at) end
    if code < 0xD800 or code > 0xDFFF then return utf8.char(code), at + 6 end
    local low = read_hex(reader, at + 6)
    if code > 0xDBFF or not low or low < 0xDC00 or low > 0xDFFF then
        fail(reader, "half of a surrogate pair", at)
    end
    return utf8.char(0x10000 + ((code & 0x3FF) << 10 | low & 0x3FF)), at + 12
end

local function read_escape(reader, at)
    local letter = reader.text:sub(at + 1, at + 1)
    if letter == "u" then return read_unicode(reader, at) end
    if not ESCAPES[letter] then fail(reader, "unknown escape '\\" .. letter .. "'", at) end
    return ESCAPES[letter], at + 2
end

local function read_string(reader)
    local text, parts = reader.text, {}
    local at = reader.at + 1
    while true do
        local stop = text:find('["\\%c]', at)
        if not stop then fail(reader, "a string has no end") end
        parts[#parts + 1] = text:sub(at, stop - 1)
        local character = text:sub(stop, stop)
        if character == '"' then
            reader.at = stop + 1
            return table.concat(parts)
        elseif character == "\\" then
            parts[#parts + 1], at = read_escape(reader, stop)
        elseif character == "\127" then
            parts[#parts + 1], at = character, stop + 1
        else
            fail(reader, "a control character in a string must be escaped", stop)
        end
    end
end

local function read_number(reader)
    local digits = reader.text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", reader.at) or ""
    local whole, fraction, exponent = digits:match "^-?(%d+)(%.?%d*)(.*)$"
    if not whole or whole:find "^0%d" or fraction == "."
        or exponent ~= "" and not exponent:find "^[eE][+-]?%d+$" then
        fail(reader, "a number is written wrongly")
    end
    local number = tonumber(digits)
    if number - number ~= 0 then fail(reader, "a number is too large") end
    reader.at = reader.at + #digits
    return number
end

local read_value -- below: values are in values

-- Between brackets, separated by commas; `read_one` reads each.
local function read_list(reader, closing, read_one)
    reader.depth = reader.depth + 1
    if reader.depth > DEPTH_MAX then fail(reader, "nested too deep") end
    reader.at = reader.at + 1
    if not take(reader, closing) then
        repeat
            skip_space(reader)
            read_one()
        until not take(reader, ",")
        if not take(reader, closing) then unexpected(reader, ("',' or '%s'"):format(closing)) end
    end
    reader.depth = reader.depth - 1
end

local function read_array(reader)
    local list = {}
    read_list(reader, "]", function() list[#list + 1] = read_value(reader) end)
    return json.array(list)
end

local function read_object(reader)
    local object = {}
    read_list(reader, "}", function()
        local at = reader.at
        if reader.text:sub(at, at) ~= '"' then unexpected(reader, "a name in quotes") end
        local name = read_string(reader)
        if object[name] ~= nil then fail(reader, ("'%s' is there twice"):format(name), at) end
        if not take(reader, ":") then unexpected(reader, "':'") end
        skip_space(reader)
        object[name] = read_value(reader)
    end)
    return object
end

local LITERALS = { ["true"] = true, ["false"] = false, ["null"] = json.null }

function read_value(reader)
    local text, at = reader.text, reader.at
    local first = text:sub(at, at)
    if first == "{" then return read_object(reader) end
    if first == "[" then return read_array(reader) end
    if first == '"' then return read_string(reader) end
    if first:find "[-%d]" then return read_number(reader) end
    local word = text:match("^%a+", at)
    if LITERALS[word] == nil then unexpected(reader, "a value") end
    reader.at = at + #word
    return LITERALS[word]
end

local function read_text(reader)
    local _, broken = utf8.len(reader.text)
    if broken then fail(reader, "the text is not UTF-8", broken) end
    if reader.text:find "^\u{FEFF}" then reader.at = 4 end
    skip_space(reader)
    local value = read_value(reader)
    skip_space(reader)
    if reader.at <= #reader.text then unexpected(reader, "the end") end
    return value
end

-- Line and column of a byte, both from 1; columns count characters.
local function place(text, at)
    local before = text:sub(1, at - 1)
    local _, breaks = before:gsub("\n", "")
    local line = before:match "[^\n]*$"
    return breaks + 1, (utf8.len(line) or #line) + 1
end

--- A value from its text.
-- @return value | nil, err: with `line` and `column`
function json.decode(text)
    local reader = { text = text, at = 1, depth = 0 }
    local read, result = pcall(read_text, reader)
    if read then return result end
    if type(result) ~= "table" or not result.at then error(result, 0) end
    local line, column = place(text, result.at)
    return nil, errors.new { code = "bad-json", line = line, column = column,
        message = ("line %d, column %d: %s"):format(line, column, result.what) }
end

-- ---- writing ----

local NAMES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
    ["\r"] = "\\r", ["\t"] = "\\t" }

-- What is not UTF-8 becomes U+FFFD, byte by byte: file names can be anything.
local function repair(text)
    local parts, at = {}, 1
    while true do
        local _, broken = utf8.len(text, at)
        if not broken then break end
        parts[#parts + 1] = text:sub(at, broken - 1) .. "\u{FFFD}"
        at = broken + 1
    end
    return table.concat(parts) .. text:sub(at)
end

local function write_string(text)
    if not utf8.len(text) then text = repair(text) end
    return '"' .. text:gsub('[%c"\\]', function(character)
        return NAMES[character] or ("\\u%04x"):format(character:byte())
    end) .. '"'
end

local function write_number(number)
    if math.type(number) == "integer" then return tostring(number) end
    if number - number ~= 0 then error("JSON has no number for " .. tostring(number), 0) end
    local short = ("%.15g"):format(number)
    return tonumber(short) == number and short or ("%.17g"):format(number)
end

local write_value -- below: values are in values

local function write_array(list, depth)
    local parts = {}
    for i, value in ipairs(list) do parts[i] = write_value(value, depth) end
    return "[" .. table.concat(parts, ",") .. "]"
end

local function write_object(object, depth)
    local names, parts = {}, {}
    for name in pairs(object) do
        if type(name) ~= "string" then
            error(("a name in JSON is a string, not a %s"):format(type(name)), 0)
        end
        names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
        parts[i] = write_string(name) .. ":" .. write_value(object[name], depth)
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

function write_value(value, depth)
    local kind = type(value)
    if value == json.null then return "null" end
    if kind == "string" then return write_string(value) end
    if kind == "number" then return write_number(value) end
    if kind == "boolean" then return tostring(value) end
    if kind ~= "table" then error(("JSON has no %s"):format(kind), 0) end
    if depth >= DEPTH_MAX then error("nested too deep for JSON, or without end", 0) end
    local write = (json.is_array(value) or value[1] ~= nil) and write_array or write_object
    return write(value, depth + 1)
end

--- The text of a value, on one line, names in their order. A table with a first element is an
-- array; an empty one is an object, unless json.array() made it. Bytes in strings that are not
-- UTF-8 become U+FFFD. Raises where JSON has nothing for a value.
-- @return string
function json.encode(value)
    local written, result = pcall(write_value, value, 0)
    if not written then error(result, 2) end
    return result
end

return json

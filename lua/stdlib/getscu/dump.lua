--- dump: data sets from the text that dcmdump writes and dump2dcm reads.
--
--     (0008,0052) CS [STUDY]                # a comment
--     (0020,000d) UI [1.2.3\1.2.4]
--     (0008,1140) SQ
--     (fffe,e000)
--       (0008,1150) UI =CTImageStorage
--     (fffe,e00d)
--     (fffe,e0dd)
--
-- Without a VR, or with `??`, the dictionary has it. Values need brackets only where they begin or
-- end with a space or hold a '#'. File meta information and group lengths are left out. A value
-- that dcmdump has cut ("...") is an error: the query would be another one.
--
-- A file that is UTF-8 throughout is read as that, whatever character set it declares; in any other
-- the bytes are in the character set that it declares.

local core = require("getscu.core").dataset
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"

local dump = {}

local EXPLICIT = "1.2.840.10008.1.2.1"
local TEXT = {} -- VRs whose bytes a character set says how to read
for vr in ("LO LT PN SH ST UC UT"):gmatch "%u%u" do TEXT[vr] = true end
local LONG = { UC = true, UT = true } -- with 32 bits for their length

-- What one value of a VR of bytes is packed as; those of OB and UN are hexadecimal as well.
local HEXADECIMAL = { OB = "<I1", OW = "<I2", UN = "<I1" }
local DECIMAL = { OF = "<f", OD = "<d", OL = "<I4", OV = "<I8" }

-- Ends the reading with what is wrong at the current line.
local function fail(reader, what, ...)
    error({ line = reader.number, what = what:format(...) }, 0)
end

-- ---- lines ----

local TAG = "^%s*%(%s*(%x%x%x%x)%s*,%s*(%x%x%x%x)%s*%)%s*"

local function next_line(reader)
    local line, after = reader.text:match("^([^\n]*)\n?()", reader.at)
    if reader.at > #reader.text then return nil end
    reader.at, reader.number = after, reader.number + 1
    return line
end

-- What stands in brackets, or nil: the closing one is missing. It is the last of the line, as for
-- dump2dcm, since a value may hold anything.
local function bracketed(text)
    return text:match "^%[(.*)%]%s*$" or text:match "^%[(.*)%]%s*#"
end

-- The text in brackets, which may go on in the following lines.
local function read_bracketed(reader, text)
    while true do
        local value = bracketed(text)
        if value then return value end
        if text:find "%.%.%.%s*#[^#]*$" or text:find "%.%.%.%s*$" then
            fail(reader, "the value was cut by dcmdump; write the file with `dcmdump +L`")
        end
        local here, number = reader.at, reader.number
        local line = next_line(reader)
        if not line or line:find(TAG) then
            reader.at, reader.number = here, number
            fail(reader, "']' is missing")
        end
        text = text .. "\n" .. line
    end
end

-- The VR and the value as text, from what follows a tag. Both may be nil.
local function split_line(reader, rest)
    local vr, value = rest:match "^(%a%a)%f[^%w]%s*(.*)$"
    if not vr then vr, value = rest:match "^(%?%?)%s*(.*)$" end
    if not vr then value = rest end
    if value:find "^%[" then return vr, read_bracketed(reader, value) end
    value = value:gsub("%s*#.*$", ""):gsub("%s+$", "")
    if value:find "^%(" and not value:find "^%(%x%x%x%x,%x%x%x%x%)" then value = "" end
    if value:find "%.%.%.$" then
        fail(reader, "the value was cut by dcmdump; write the file with `dcmdump +L`")
    end
    return vr, value
end

-- ---- values ----

local function pack(reader, value, format, base)
    local parts = {}
    for digits in (value .. "\\"):gmatch "([^\\]*)\\" do
        local number = tonumber(digits, base)
        local packed, bytes = pcall(string.pack, format, number)
        if not packed then fail(reader, "'%s' is no value of this VR", digits:sub(1, 32)) end
        parts[#parts + 1] = bytes
    end
    return table.concat(parts)
end

local function name_to_uid(reader, value)
    return (value:gsub("=([^\\]*)", function(name)
        local uid = core.uid_named(name)
        if not uid then fail(reader, "no UID has the name '%s'", name) end
        return uid
    end))
end

-- Bytes in a character set as UTF-8, by way of a data set that has them.
local function to_utf8(reader, bytes, vr)
    local terms = reader.frame.charset
    local function element(tag, element_vr, value)
        if #value % 2 == 1 then value = value .. " " end
        local length = LONG[element_vr] and string.pack("<xxs4", value)
            or string.pack("<s2", value)
        return tag .. element_vr .. length
    end
    local handle = core.decode(element("\8\0\5\0", "CS", terms)
        .. element("\x40\0\0\x40", vr, bytes), EXPLICIT)
    local value, _, invalid
    if handle then value, _, invalid = handle:get "0040,4000" end
    if not value or invalid then
        fail(reader, "the text is neither UTF-8 nor in the character set '%s'", terms)
    end
    return value
end

local function to_value(reader, text, vr, written)
    if text == "" then return "" end
    if text:find "^=" and (vr == "UI" or written == "UI") then return name_to_uid(reader, text) end
    if written == "UN" and not HEXADECIMAL[vr] then fail(reader, "the VR is %s, not UN", vr) end
    if HEXADECIMAL[vr] and text:find "^=" then fail(reader, "a value from a file is not read") end
    if HEXADECIMAL[vr] and HEXADECIMAL[written or vr] then
        return pack(reader, text, HEXADECIMAL[written or vr], 16)
    elseif vr == "OW" and (written == "US" or written == "SS") then
        return pack(reader, text, written == "US" and "<I2" or "<i2")
    elseif DECIMAL[vr] then
        return pack(reader, text, DECIMAL[vr])
    end
    local foreign = not reader.is_utf8 and text:find "[\27\128-\255]"
    return foreign and TEXT[vr] and to_utf8(reader, text, vr) or text
end

local function set(reader, path, value)
    local done, err = reader.handle:set(path, value)
    if not done then fail(reader, "%s", err.message) end
end

-- ---- structure ----

-- A frame is the data set, a sequence or an item: `path` is that of a sequence, of others what the
-- paths of their elements begin with; `above` the frame that it is in.

local function open_sequence(reader, path)
    reader.frame = { sequence = true, path = path, count = 0, above = reader.frame,
        charset = reader.frame.charset, line = reader.number }
end

local function close(reader, kind)
    if not reader.frame.above or (reader.frame.sequence or false) ~= kind then
        fail(reader, "no %s is open here", kind and "sequence" or "item")
    end
    reader.frame = reader.frame.above
end

local delimiters = {
    e000 = function(reader)
        local frame = reader.frame
        if not frame.sequence then fail(reader, "an item belongs into a sequence") end
        local path = ("%s[%d]"):format(frame.path, frame.count)
        frame.count = frame.count + 1
        set(reader, path, "")
        reader.frame = { path = path .. ".", above = frame, charset = frame.charset,
            line = reader.number }
    end,
    e00d = function(reader) close(reader, false) end,
    e0dd = function(reader) close(reader, true) end,
}

local function read_element(reader, tag, rest)
    local written, text = split_line(reader, rest)
    if reader.frame.sequence then fail(reader, "an item (fffe,e000) is wanted, not (%s)", tag) end
    if tag:find "^0002," or tag:find ",0000$" then return end
    local path = reader.frame.path .. tag
    set(reader, path, "")
    local _, vr = reader.handle:get(path)
    if vr == "SQ" then return open_sequence(reader, path) end
    if written == "SQ" then fail(reader, "(%s) is no sequence", tag) end
    local value = to_value(reader, text, vr, written)
    set(reader, path, value)
    if tag == "0008,0005" then reader.frame.charset = value end
end

local function read_lines(reader)
    for line in next_line, reader do
        local group, element = line:lower():match(TAG)
        if group == "fffe" and delimiters[element] then
            delimiters[element](reader)
        elseif group then
            read_element(reader, group .. "," .. element, (line:gsub(TAG, "")))
        elseif not line:find "^%s*#" and line:find "%S" then
            fail(reader, "a line begins with a tag, as (0010,0020), or with '#'")
        end
    end
    if reader.frame.above then
        reader.number = reader.frame.line
        fail(reader, "this %s has no end", reader.frame.sequence and "sequence" or "item")
    end
end

--- The data set of a text.
-- @return data set | nil, err: with `line`
function dump.decode(text)
    local ds = dataset.new()
    local reader = { text = text:gsub("^\u{FEFF}", ""), at = 1, number = 0,
        handle = dataset.core_of(ds), frame = { path = "", charset = "" },
        is_utf8 = utf8.len(text) ~= nil and not text:find("\27", 1, true) }
    local read, failure = pcall(read_lines, reader)
    if read then return ds end
    if type(failure) ~= "table" or not failure.what then error(failure, 0) end
    return nil, errors.new { code = "query-file", line = failure.line,
        message = ("line %d: %s"):format(failure.line, failure.what) }
end

return dump

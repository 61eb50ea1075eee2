--- encode: PDUs, command sets and data sets as bytes, right or wrong as asked; for seeds.lua.
--
-- Written from PS3.5, PS3.7 and PS3.8 and not with the product's own code, which it is to test.

local encode = {}

-- ---- PDUs (PS3.8 9.3) ----

function encode.pdu(kind, body)
    return (">I1 I1 s4"):pack(kind, 0, body)
end

--- An A-ASSOCIATE-RJ, A-RELEASE-RQ, -RP or A-ABORT.
function encode.short(kind, result, source, reason)
    return encode.pdu(kind, string.char(0, result or 0, source or 0, reason or 0))
end

local function item(kind, content)
    return (">I1 I1 s2"):pack(kind, 0, content)
end
encode.item = item

--- One presentation context: of a request (with abstract syntax), or of an answer.
function encode.context(id, abstract, syntaxes, result)
    local content = string.char(id, 0, result or 0, 0)
    if abstract then content = content .. item(0x30, abstract) end
    for _, syntax in ipairs(syntaxes) do content = content .. item(0x40, syntax) end
    return item(abstract and 0x20 or 0x21, content)
end

function encode.user_information(...)
    return item(0x50, table.concat { item(0x51, (">I4"):pack(16384)), item(0x52, "1.2.3.4"),
        item(0x55, "PEER_1"), ... })
end

--- The body of an A-ASSOCIATE-RQ or -AC.
function encode.associate(...)
    return (">I2 I2 c16 c16"):pack(1, 0, "PEER" .. (" "):rep(12), "GETSCU" .. (" "):rep(10))
        .. ("\0"):rep(32) .. item(0x10, "1.2.840.10008.3.1.1.1") .. table.concat { ... }
end

--- One PDV. flags: 1 command, 2 last.
function encode.pdv(context, flags, bytes)
    return (">s4"):pack(string.char(context, flags) .. bytes)
end

--- A command or data set in P-DATA-TF PDUs of one PDV each.
function encode.fragments(context, is_command, bytes, piece)
    local pdus, at = {}, 1
    repeat
        local part = bytes:sub(at, at + (piece or 16000) - 1)
        at = at + #part
        local flags = (is_command and 1 or 0) + (at > #bytes and 2 or 0)
        pdus[#pdus + 1] = encode.pdu(4, encode.pdv(context, flags, part))
    until at > #bytes
    return table.concat(pdus)
end

-- ---- command sets (PS3.7 6.3.1) ----

local function text(value, pad)
    return #value % 2 == 0 and value or value .. (pad or "\0")
end

local function command_element(number, value)
    return ("<I2 I2 s4"):pack(0, number, value)
end
encode.command_element = command_element

local function us(number, value)
    return command_element(number, ("<I2"):pack(value))
end
encode.us = us

--- A command set of elements, with its group length.
function encode.command(...)
    local elements = table.concat { ... }
    return command_element(0, ("<I4"):pack(#elements)) .. elements
end

function encode.store_request(class, uid, message, data)
    return encode.command(command_element(2, text(class)), us(0x100, 1), us(0x110, message),
        us(0x700, 0), us(0x800, data == false and 0x101 or 1), command_element(0x1000, text(uid)))
end

function encode.get_response(message, status, remaining, completed, failed, data)
    return encode.command(command_element(2, text "1.2.840.10008.5.1.4.1.2.2.3"),
        us(0x100, 0x8010), us(0x120, message), us(0x800, data and 1 or 0x101), us(0x900, status),
        us(0x1020, remaining), us(0x1021, completed), us(0x1022, failed), us(0x1023, 0))
end

-- ---- data sets (PS3.5 7) ----

local LONG = { OB = true, OW = true, OF = true, OD = true, OL = true, SQ = true, UN = true,
    UC = true, UR = true, UT = true }

--- A writer of elements: kind "implicit", "little" or "big" (both explicit).
function encode.writer(kind)
    local order = kind == "big" and ">" or "<"
    local writer = {}

    --- An element; `length` is what it claims, default the truth.
    function writer.element(tag, vr, value, length)
        local head = (order .. "I2 I2"):pack(tag >> 16, tag & 0xffff)
        length = length or #value
        if kind == "implicit" then return head .. ("<I4"):pack(length) .. value end
        if LONG[vr] then return head .. vr .. "\0\0" .. (order .. "I4"):pack(length) .. value end
        return head .. vr .. (order .. "I2"):pack(length) .. value
    end

    function writer.text(tag, vr, value)
        return writer.element(tag, vr, text(value, vr == "UI" and "\0" or " "))
    end

    --- An item or delimiter.
    function writer.part(element, value, length)
        return (order .. "I2 I2 I4"):pack(0xfffe, element, length or #value) .. value
    end

    --- A sequence of items (bytes each): lengths defined, or not.
    function writer.sequence(tag, items, defined)
        local parts = {}
        for _, content in ipairs(items) do
            parts[#parts + 1] = defined and writer.part(0xe000, content)
                or writer.part(0xe000, content, 0xffffffff) .. writer.part(0xe00d, "")
        end
        local content = table.concat(parts)
        if defined then return writer.element(tag, "SQ", content) end
        return writer.element(tag, "SQ", content, 0xffffffff) .. writer.part(0xe0dd, "")
    end

    --- Encapsulated Pixel Data.
    function writer.fragments(...)
        local parts = { writer.part(0xe000, "") }
        for _, fragment in ipairs { ... } do parts[#parts + 1] = writer.part(0xe000, fragment) end
        return writer.element(0x7fe00010, "OB", table.concat(parts), 0xffffffff)
            .. writer.part(0xe0dd, "")
    end
    return writer
end

return encode

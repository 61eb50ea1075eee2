--- raw: PDUs, commands and data sets as bytes, right ones and wrong ones, for a scripted peer.
--
-- Written from PS3.5, PS3.7 and PS3.8 and not with the product's own code, which it is to check.
-- Only the IDs of the presentation contexts come from there: those that the command line proposes.

local contexts = require "getscu.contexts"

local raw = {}

raw.CT, raw.MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
raw.VERIFICATION = "1.2.840.10008.1.1"
raw.STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
raw.IMPLICIT_LITTLE, raw.EXPLICIT_LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
raw.DEFLATED, raw.EXPLICIT_BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
raw.JPEG = "1.2.840.10008.1.2.4.50"

--- The IDs of the contexts of -S, by abstract syntax.
raw.contexts = {}
for i, entry in ipairs(contexts.retrieval "study") do
    raw.contexts[entry.abstract_syntax] = 2 * i - 1
end

-- ---- PDUs ----

--- A PDU; its length is a lie where one is given.
function raw.pdu(kind, body, length)
    return (">I1 I1 I4"):pack(kind, 0, length or #body) .. body
end

--- A PDV. Flags: 1 command, 2 last.
function raw.pdv(context, flags, fragment, length)
    return (">I4 I1 I1"):pack(length or #fragment + 2, context, flags) .. fragment
end

--- A P-DATA-TF of PDVs.
function raw.data(...)
    return raw.pdu(4, table.concat { ... })
end

function raw.reject(result, source, reason)
    return raw.pdu(3, string.char(0, result, source, reason))
end

function raw.abort(source, reason)
    return raw.pdu(7, string.char(0, 0, source, reason))
end

raw.RELEASE_RQ, raw.RELEASE_RP = raw.pdu(5, "\0\0\0\0"), raw.pdu(6, "\0\0\0\0")

-- ---- A-ASSOCIATE-AC ----

function raw.item(kind, content, length)
    return (">I1 I1 I2"):pack(kind, 0, length or #content) .. content
end

--- The answer to a presentation context.
-- @param result number, nil: accepted
function raw.context(id, syntax, result)
    return raw.item(0x21, string.char(id, 0, result or 0, 0) .. raw.item(0x40, syntax))
end

--- The answer to a role.
function raw.role(class, scu, scp)
    return raw.item(0x54, (">s2 I1 I1"):pack(class, scu, scp))
end

raw.APPLICATION = raw.item(0x10, "1.2.840.10008.3.1.1.1")
raw.IMPLEMENTATION = raw.item(0x52, "1.2.3.4")

function raw.max_length(length)
    return raw.item(0x51, (">I4"):pack(length))
end

local ACCEPTED = { raw.STUDY_GET, raw.VERIFICATION, raw.CT, raw.MR }

-- What is accepted when nothing else is said.
local function usual_contexts(syntaxes)
    local items = {}
    for i, class in ipairs(ACCEPTED) do
        items[i] = raw.context(raw.contexts[class], syntaxes[class] or raw.EXPLICIT_LITTLE)
    end
    return table.concat(items)
end

--- An A-ASSOCIATE-AC. What it is made of may be given in its place, each part as bytes:
-- @param parts table or nil: application, contexts, max_length, implementation, roles, more (in the
--   user information), user (in place of all of that), rest (after it); fixed (the 68 bytes);
--   syntaxes (class -> transfer syntax); length (that the PDU claims)
function raw.accept(parts)
    parts = parts or {}
    local roles = raw.role(raw.CT, 0, 1) .. raw.role(raw.MR, 0, 1)
    local user = parts.user or raw.item(0x50, (parts.max_length or raw.max_length(16384))
        .. (parts.implementation or raw.IMPLEMENTATION) .. (parts.roles or roles)
        .. (parts.more or ""))
    local fixed = parts.fixed or "\0\1\0\0" .. ("%-16s%-16s"):format("PEER", "GETSCU")
        .. ("\0"):rep(32)
    return raw.pdu(2, fixed .. (parts.application or raw.APPLICATION)
        .. (parts.contexts or usual_contexts(parts.syntaxes or {})) .. user .. (parts.rest or ""),
        parts.length)
end

-- ---- A-ASSOCIATE-RQ ----

--- A presentation context that is proposed.
function raw.proposal(id, class, ...)
    local syntaxes = { ... }
    for i, syntax in ipairs(syntaxes) do syntaxes[i] = raw.item(0x40, syntax) end
    return raw.item(0x20, string.char(id, 0, 0, 0) .. raw.item(0x30, class)
        .. table.concat(syntaxes))
end

--- The IDs of what raw.request() proposes.
raw.proposed = { [raw.VERIFICATION] = 1, [raw.STUDY_GET] = 3, [raw.CT] = 5 }

--- An A-ASSOCIATE-RQ. What it is made of may be given in its place, as with raw.accept().
-- @param parts table or nil: application, contexts, max_length, roles, user, rest; version (of the
--   protocol); length (that the PDU claims)
function raw.request(parts)
    parts = parts or {}
    local proposals = {}
    for class, id in pairs(raw.proposed) do
        proposals[#proposals + 1] = raw.proposal(id, class, raw.EXPLICIT_LITTLE)
    end
    local user = parts.user or raw.item(0x50, (parts.max_length or raw.max_length(16384))
        .. raw.IMPLEMENTATION .. (parts.roles or raw.role(raw.CT, 0, 1)))
    return raw.pdu(1, (">I2 xx"):pack(parts.version or 1) .. ("%-16s%-16s"):format("ARCHIVE", "RAW")
        .. ("\0"):rep(32) .. (parts.application or raw.APPLICATION)
        .. (parts.contexts or table.concat(proposals)) .. user .. (parts.rest or ""), parts.length)
end

-- ---- commands ----

--- An element of a command set: a number is US, text is as it is.
function raw.element(number, value, length)
    if math.type(value) == "integer" then value = ("<I2"):pack(value) end
    return ("<I2 I2 I4"):pack(0, number, length or #value) .. value
end

local function even(text, padding)
    return #text % 2 == 0 and text or text .. (padding or "\0")
end

--- A command set.
-- @param elements table: number -> value, by which it is sorted
function raw.command(elements)
    local numbers, parts = {}, {}
    for number in pairs(elements) do numbers[#numbers + 1] = number end
    table.sort(numbers)
    for i, number in ipairs(numbers) do
        local value = elements[number]
        if type(value) == "string" then value = even(value) end
        parts[i] = raw.element(number, value)
    end
    local rest = table.concat(parts)
    return raw.element(0, ("<I4"):pack(#rest)) .. rest
end

local FRAGMENT = 16000

--- A message, a PDU for the command set and one for each 16000 bytes of the data set.
-- @param command set, bytes
-- @param data nil: none
function raw.message(context, command, data)
    local pdus = { raw.data(raw.pdv(context, 3, command)) }
    for at = 1, data and math.max(#data, 1) or 0, FRAGMENT do
        local last = at + FRAGMENT > #data
        pdus[#pdus + 1] = raw.data(raw.pdv(context, last and 2 or 0,
            data:sub(at, at + FRAGMENT - 1)))
    end
    return table.concat(pdus)
end

-- Elements with changes: false removes one.
local function changed(elements, changes)
    for number, value in pairs(changes or {}) do elements[number] = value or nil end
    return elements
end

--- The command set of a C-STORE-RQ.
-- @param changes table or nil: number -> value, false: it is missing
function raw.store_command(uid, changes)
    return raw.command(changed({ [0x0002] = raw.CT, [0x0100] = 0x0001, [0x0110] = 7,
        [0x0700] = 0, [0x0800] = 0, [0x1000] = uid }, changes))
end

--- A C-STORE-RQ with its data set.
-- @param context its ID; nil: that of CT
function raw.store(uid, data, changes, context)
    return raw.message(context or raw.contexts[raw.CT], raw.store_command(uid, changes), data)
end

local PENDING = { [0xFF00] = true, [0xFF01] = true }

--- A C-GET-RSP to the first request.
-- @param counts table or nil: remaining, completed, failed, warning, comment
-- @param changes as of store()
-- @param data bytes of a data set, or nil
function raw.respond(status, counts, changes, data)
    counts = counts or {}
    return raw.message(raw.contexts[raw.STUDY_GET], raw.command(changed({
        [0x0002] = raw.STUDY_GET, [0x0100] = 0x8010, [0x0120] = 1,
        [0x0800] = data and 0 or 0x0101, [0x0900] = status, [0x0902] = counts.comment,
        [0x1020] = counts.remaining or PENDING[status] and 1 or nil, [0x1021] = counts.completed,
        [0x1022] = counts.failed, [0x1023] = counts.warning,
    }, changes)), data)
end

-- ---- data sets ----

local LONG = { OB = true, OW = true, SQ = true, UN = true, UT = true, UC = true, UR = true }

--- An element in Explicit VR Little Endian; its length is a lie where one is given.
function raw.explicit(group, element, vr, value, length)
    value = even(value, vr ~= "UI" and vr ~= "OB" and vr ~= "OW" and " " or "\0")
    local format = LONG[vr] and "<I2 I2 c2 xx I4" or "<I2 I2 c2 I2"
    return format:pack(group, element, vr, length or #value) .. value
end

--- A small image in Explicit VR Little Endian.
-- @param pixels bytes of pixel data, default 512
-- @param more elements between 0020 and 7FE0, bytes
function raw.image(uid, pixels, more)
    return raw.explicit(0x0008, 0x0016, "UI", raw.CT) .. raw.explicit(0x0008, 0x0018, "UI", uid)
        .. raw.explicit(0x0010, 0x0020, "LO", "P") .. raw.explicit(0x0020, 0x000D, "UI", "1.2.3")
        .. raw.explicit(0x0020, 0x000E, "UI", "1.2.3.4") .. (more or "")
        .. raw.explicit(0x7FE0, 0x0010, "OW", ("\1\2"):rep((pixels or 512) // 2))
end

return raw

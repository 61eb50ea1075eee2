--- wire: what a tap recorded, taken apart: PDUs, messages, their commands and data sets.
--
-- Written from PS3.7 and PS3.8 and not with the product's own code, which it is to check.

local support = require "support"

local wire = {}

wire.PDUS = { [1] = "A-ASSOCIATE-RQ", [2] = "A-ASSOCIATE-AC", [3] = "A-ASSOCIATE-RJ",
    [4] = "P-DATA-TF", [5] = "A-RELEASE-RQ", [6] = "A-RELEASE-RP", [7] = "A-ABORT" }

local US, UI = "<I2", "z"
local elements = {
    [0x0002] = { "AffectedSOPClassUID", UI },
    [0x0100] = { "CommandField", US },
    [0x0110] = { "MessageID", US },
    [0x0120] = { "MessageIDBeingRespondedTo", US },
    [0x0700] = { "Priority", US },
    [0x0800] = { "CommandDataSetType", US },
    [0x0900] = { "Status", US },
    [0x0902] = { "ErrorComment", UI },
    [0x1000] = { "AffectedSOPInstanceUID", UI },
    [0x1020] = { "NumberOfRemainingSuboperations", US },
    [0x1021] = { "NumberOfCompletedSuboperations", US },
    [0x1022] = { "NumberOfFailedSuboperations", US },
    [0x1023] = { "NumberOfWarningSuboperations", US },
}

local function command_of(bytes)
    local command, at = {}, 1
    while at + 7 <= #bytes do
        local _, element, length = ("<I2 I2 I4"):unpack(bytes, at)
        local value = bytes:sub(at + 8, at + 7 + length)
        local row = elements[element]
        if row then
            command[row[1]] = row[2] == US and (US):unpack(value) or (value:gsub("[%z ]+$", ""))
        end
        at = at + 8 + length
    end
    return command
end

-- Sub-items of an A-ASSOCIATE variable field: calls take(type, body) for each.
local function each_item(bytes, at, take)
    while at + 3 <= #bytes do
        local kind, _, length = (">I1 I1 I2"):unpack(bytes, at)
        take(kind, bytes:sub(at + 4, at + 3 + length))
        at = at + 4 + length
    end
end

local function contexts_of(body)
    local contexts = {}
    each_item(body, 69, function(kind, item)
        if kind ~= 0x20 and kind ~= 0x21 then return end
        local context = { id = item:byte(1), result = item:byte(3), syntaxes = {} }
        each_item(item, 5, function(inner, text)
            if inner == 0x30 then
                context.abstract_syntax = text
            else
                table.insert(context.syntaxes, text)
            end
        end)
        contexts[context.id] = context
    end)
    return contexts
end

--- The PDUs of one direction: a list of {type, body, name}; what is cut off is left out.
function wire.pdus(bytes)
    local list, at = {}, 1
    while at + 5 <= #bytes do
        local kind, _, length = (">I1 I1 I4"):unpack(bytes, at)
        if at + 5 + length > #bytes then break end
        list[#list + 1] = { type = kind, name = wire.PDUS[kind],
            body = bytes:sub(at + 6, at + 5 + length) }
        at = at + 6 + length
    end
    return list
end

-- Calls take(context, is_command, is_last, fragment) for each PDV of a P-DATA-TF.
local function each_pdv(body, take)
    local at = 1
    while at + 5 <= #body do
        local length, context, flags = (">I4 I1 I1"):unpack(body, at)
        take(context, flags & 1 ~= 0, flags & 2 ~= 0, body:sub(at + 6, at + 3 + length))
        at = at + 4 + length
    end
end

local function messages_of(pdus)
    local messages, parts, current = {}, {}, nil
    for _, pdu in ipairs(pdus) do
        each_pdv(pdu.type == 4 and pdu.body or "", function(context, is_command, is_last, fragment)
            parts[#parts + 1] = fragment
            if not is_last then return end
            local whole = table.concat(parts)
            parts = {}
            if is_command then
                current = { context = context, command = command_of(whole) }
                messages[#messages + 1] = current
            else
                current.data = whole
            end
        end)
    end
    return messages
end

--- What one side said: bytes, pdus, messages, and contexts where it said an A-ASSOCIATE.
function wire.side(path)
    local bytes = assert(support.read(path), "nothing was recorded in " .. path)
    local found = { bytes = bytes, pdus = wire.pdus(bytes) }
    found.messages = messages_of(found.pdus)
    for _, pdu in ipairs(found.pdus) do
        if pdu.type == 1 or pdu.type == 2 then found.contexts = contexts_of(pdu.body) end
    end
    return found
end

--- Reads what a tap recorded of a connection.
-- @param tap as of Box:tap
-- @param connection number, default 1
-- @return table: client and server, each with bytes, pdus, messages, contexts
function wire.read(tap, connection)
    local base = ("%s.%d."):format(tap.record, connection or 1)
    return { client = wire.side(base .. "client"), server = wire.side(base .. "server") }
end

--- The messages with this command field, as 0x0001 for C-STORE-RQ.
function wire.select(messages, field)
    local list = {}
    for _, message in ipairs(messages) do
        if message.command.CommandField == field then list[#list + 1] = message end
    end
    return list
end

--- What the server sent with C-STORE: SOP Instance UID -> {data, transfer_syntax, sop_class}.
function wire.objects(recorded)
    local objects = {}
    for _, message in ipairs(wire.select(recorded.server.messages, 0x0001)) do
        local context = recorded.server.contexts[message.context]
        objects[message.command.AffectedSOPInstanceUID] = { data = message.data,
            sop_class = message.command.AffectedSOPClassUID,
            transfer_syntax = context.syntaxes[1] }
    end
    return objects
end

--- The names of the PDUs that are no P-DATA-TF, in a row.
function wire.story(pdus)
    local names = {}
    for _, pdu in ipairs(pdus) do
        if pdu.type ~= 4 then names[#names + 1] = pdu.name end
    end
    return table.concat(names, " ")
end

--- A Part 10 file taken apart: its data set's bytes, and the file meta information by the numbers
-- of its elements. Raises where it ends within that.
-- @param bytes the file's content
-- @return data, meta | nil: it is none
function wire.part10_bytes(bytes)
    if bytes:sub(129, 132) ~= "DICM" then return nil end
    local meta, at, stop = {}, 133, #bytes + 1
    while at < stop do
        local group, element, vr, length = ("<I2 I2 c2 I2"):unpack(bytes, at)
        assert(group == 2, "an element of another group in the file meta information")
        local value_at = at + 8
        if vr == "OB" or vr == "UN" then
            length = ("<I4"):unpack(bytes, at + 8)
            value_at = at + 12
        end
        local value = bytes:sub(value_at, value_at + length - 1)
        at = value_at + length
        if element == 0 then stop = at + ("<I4"):unpack(value) end
        meta[element] = vr == "UI" and value:gsub("%z+$", "") or value
    end
    return bytes:sub(at), meta
end

--- The same of the file at a path.
function wire.part10(path)
    return wire.part10_bytes(assert(support.read(path), path .. " is missing"))
end

return wire

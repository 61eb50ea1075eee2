--- archive_get: C-GET as SCP, for archives (PS3.4 C.4.3).

local core = require "getscu.core"
local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local identifier = require "getscu.identifier"
local index = require "getscu.index"
local log = require "getscu.log"
local status = require "getscu.status"
local syntaxes = require "getscu.syntaxes"

local DEFLATED = "1.2.840.10008.1.2.1.99"
local FAILED_UIDS = "0008,0058"
local FAILED_UIDS_MAX = 65534 -- bytes: the length of a UI has 16 bits

local UNCOMPRESSED = { [DEFLATED] = true }
for _, syntax in ipairs(syntaxes.UNCOMPRESSED) do UNCOMPRESSED[syntax] = true end

-- --- one object ----------------------------------------------------------------------------------

-- Where and how an object can go: as it is, or else in another uncompressed syntax.
-- @return context, data | nil, why not
local function plan(association, image)
    local class = image.sop_class
    local list = association.takes[class] and association.contexts.by_class[class]
    if not list then return nil, "the peer does not take its SOP class" end
    for _, context in ipairs(list) do
        if context.transfer_syntax == image.transfer_syntax then
            return context, { file = image.file, offset = image.offset }
        end
    end
    for _, context in ipairs(list) do
        if UNCOMPRESSED[image.transfer_syntax] and UNCOMPRESSED[context.transfer_syntax] then
            local object, err = dataset.read(image.file)
            local bytes
            if object then bytes, err = object:encode(context.transfer_syntax) end
            if bytes then return context, bytes end
            return nil, err.message
        end
    end
    return nil, "the peer does not take its transfer syntax"
end

local function store_request(association, image, priority)
    return { CommandField = dimse.C_STORE_RQ, MessageID = association:new_message_id(),
        AffectedSOPClassUID = image.sop_class, AffectedSOPInstanceUID = image.sop_instance,
        Priority = priority or dimse.MEDIUM }
end

-- A fault on purpose: half of the object, and then `ending`.
-- @return nil, err
local function send_half(association, image, context, command, ending)
    local _, size = core.system.kind(image.file)
    local half = math.max((size - image.offset) // 2, 1)
    association:deliver(context.id, command,
        { file = image.file, offset = image.offset, unfinished = half })
    if ending == "abort" then association:abort() end
    if ending == "close" then association:drop() end
    return nil, errors.new { code = "failed", message = ending .. " in mid-object, by the hook" }
end

-- Sends an object.
-- @return the status of its sub-operation; false: nobody is to know of it | nil, err
local function sub_operation(archive, association, image, number, priority)
    local decision = archive:decide("send", image, association, number)
    if decision == false or math.type(decision) == "integer" then return decision end
    local context, data = plan(association, image)
    if not context then
        log.info("cannot send %s: %s", image.sop_instance, data)
        return status.PROCESSING_FAILURE
    end
    local command = store_request(association, image, priority)
    if type(decision) == "string" then
        return send_half(association, image, context, command, decision)
    end
    local sent, err = association:deliver(context.id, command, data)
    if not sent and err.code == "read-failed" and not association.ended then
        log.warn("cannot send %s: %s", image.sop_instance, err.message)
        return status.PROCESSING_FAILURE
    elseif not sent then
        return nil, err
    end
    local response
    response, err = association:await(command.MessageID, dimse.C_STORE_RSP)
    if not response then return nil, err end
    return response.Status or status.PROCESSING_FAILURE
end

-- --- all of them ---------------------------------------------------------------------------------

local COUNTED = { success = "completed", warning = "warning", failure = "failed" }

local function count(tally, image, code)
    tally.remaining = tally.remaining - 1
    if code == false then return end
    local name = COUNTED[status.class(code)] or "failed"
    tally[name] = tally[name] + 1
    if name == "failed" then table.insert(tally.failed_uids, image.sop_instance) end
end

local function counts(tally, code, with_remaining)
    return {
        Status = code,
        NumberOfRemainingSuboperations = with_remaining and tally.remaining & 0xFFFF or nil,
        NumberOfCompletedSuboperations = tally.completed & 0xFFFF,
        NumberOfFailedSuboperations = tally.failed & 0xFFFF,
        NumberOfWarningSuboperations = tally.warning & 0xFFFF,
    }
end

-- The Failed SOP Instance UID List, as far as it fits; nil where nothing failed.
local function failed_list(tally)
    if #tally.failed_uids == 0 then return nil end
    local uids, size = {}, 0
    for _, uid in ipairs(tally.failed_uids) do
        size = size + #uid + 1
        if size > FAILED_UIDS_MAX then break end
        uids[#uids + 1] = uid
    end
    return dataset.new { [FAILED_UIDS] = uids }
end

-- The final status that follows from the counts (PS3.4 table C.4-3).
local function verdict(tally)
    if tally.failed == 0 and tally.warning == 0 then return status.SUCCESS end
    if tally.completed == 0 and tally.warning == 0 then
        return status.OUT_OF_RESOURCES_SUBOPERATIONS
    end
    return status.SUBOPERATIONS_FAILED
end

local function send_all(archive, association, event, images)
    local tally = { remaining = #images, completed = 0, failed = 0, warning = 0, failed_uids = {} }
    for number, image in ipairs(images) do
        if association:is_cancelled(event) then
            return archive:respond(association, event, counts(tally, status.CANCEL, true),
                failed_list(tally))
        end
        local code, err = sub_operation(archive, association, image, number,
            event.command.Priority)
        if code == nil then return nil, err end
        count(tally, image, code)
        if tally.remaining > 0 then
            local sent
            sent, err = archive:respond(association, event, counts(tally, status.PENDING, true))
            if not sent then return nil, err end
        end
    end
    return archive:respond(association, event, counts(tally, verdict(tally)), failed_list(tally))
end

--- Serves a C-GET request.
-- @return true | nil, err: the association has ended, or was left in mid-object on purpose
return function(archive, association, event)
    local context = association.contexts.by_id[event.context]
    local bytes, err = association:read_data()
    if not bytes then return nil, err end
    local query, code, comment = identifier.read(bytes, context.transfer_syntax,
        context.abstract_syntax)
    local retrievable = query
    if query then retrievable, code, comment = identifier.is_retrievable(query) end
    if not retrievable then
        return archive:respond(association, event, { Status = code, ErrorComment = comment })
    end
    local images = {}
    for _, entity in ipairs(archive.index:select(query.level, query.keys)) do
        local below = index.images(entity)
        table.move(below, 1, #below, #images + 1, images)
    end
    return send_all(archive, association, event, images)
end

--- get: C-GET as SCU (PS3.4 C.4.3), a method of associations.

local association = require "getscu.association"
local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local log = require "getscu.log"
local outcome = require "getscu.outcome"
local query = require "getscu.query"
local receiver = require "getscu.receiver"
local status = require "getscu.status"

local FIELDS = { "query", "model", "receiver", "tally", "priority", "timeout",
    table.unpack(receiver.FIELDS) }

local FAILED_UIDS = "0008,0058" -- Failed SOP Instance UID List; by tag: needs no dictionary

-- The context for C-GET: of the model asked for, else of the first one that was accepted.
local function context_for_get(self, model)
    if model then return self:context_for(dimse.models[model].get) end
    for _, name in ipairs { "study", "patient", "psonly" } do
        local context = self:context_for(dimse.models[name].get)
        if context then return context end
    end
    return self:context_for(dimse.models.study.get)
end

-- Nothing can come where no storage context was accepted.
local function check_storage(self)
    for class in pairs(self.contexts.by_class) do
        if class ~= dimse.VERIFICATION and not dimse.is_query(class) then return true end
    end
    return nil, errors.new { code = "no-context", message = self.name
        .. " accepted no presentation context in which it could send objects" }
end

local function failed_uids(data, syntax)
    if not data then return {} end
    local identifier = dataset.decode(data, syntax)
    local list = identifier and identifier:get(FAILED_UIDS)
    local uids = {}
    for uid in (list or ""):gmatch("[^\\]+") do uids[#uids + 1] = uid end
    return uids
end

local function response_of(command, data, syntax)
    return {
        status = command.Status,
        comment = command.ErrorComment,
        completed = command.NumberOfCompletedSuboperations,
        failed = command.NumberOfFailedSuboperations,
        warning = command.NumberOfWarningSuboperations,
        remaining = command.NumberOfRemainingSuboperations,
        failed_uids = failed_uids(data, syntax),
    }
end

-- Responses until the final one; objects go to the receiver meanwhile.
local function collect(self, context, id, store, tally)
    local function serve(_, event) return store:store(self, event, tally) end
    while true do
        local command, data = self:await_response(id, dimse.C_GET_RSP, serve)
        if not command then return nil, data end
        log.info("Received C-GET Response (%s)", status.short(command.Status))
        if status.class(command.Status) ~= "pending" then
            return response_of(command, data, context.transfer_syntax)
        end
        if tally.outcome.observers then tally:pending(response_of(command)) end
        self:tell_of_silence()
    end
end

local function send_request(self, context, id, identifier, priority)
    local bytes, err = identifier:encode(context.transfer_syntax)
    if not bytes then return nil, err end
    log.info("Sending C-GET Request (MsgID %d)", id)
    return self:send(context.id, {
        CommandField = dimse.C_GET_RQ,
        MessageID = id,
        AffectedSOPClassUID = context.abstract_syntax,
        Priority = priority or dimse.MEDIUM,
    }, bytes)
end

local function prepare(self, request)
    local context, err = context_for_get(self, request.model)
    if not context then return nil, err end
    local usable
    usable, err = check_storage(self)
    if not usable then return nil, err end
    local store = request.receiver
    if not store then
        store, err = receiver.new(receiver.pick(request))
        if not store then return nil, err end
    end
    return context, store
end

--- Retrieves what matches a query, over this association.
-- @param request table: query (table by keyword, or data set); model ("patient", "study",
--   "psonly"); directory, create_directory, storage, ignore, filename, on_collision, strict,
--   sync, max_object_size (as of getscu.receiver), or a receiver; tally (a request of
--   getscu.outcome, to count on); priority; timeout (seconds: then it is cancelled, and err is
--   "retrieve-timeout")
-- @return result: stored, duplicates, discarded, refused, failed (counts of objects), response (the
--   final one: status, comment, completed, failed, warning, remaining, failed_uids)
--   | nil, err: it was not sent, the association ended, or the final status is a failure
--   (err.result)
function association.methods:get(request)
    errors.check_fields(request, FIELDS, "association:get")
    local context, store = prepare(self, request)
    if not context then return nil, store end
    local tally = request.tally or outcome.new():request()
    local id = self:new_message_id()
    local identifier = query.complete(request.query, request.model)
    local sent, err = send_request(self, context, id, identifier, request.priority)
    if not sent then return nil, err end
    tally:begin(context.abstract_syntax, identifier)
    local open = { message_id = id, context = context.id, tally = tally }
    self.open = open
    self:limit(request.timeout)
    local response
    response, err = collect(self, context, id, store, tally)
    self.open, self.give_up, self.expires = nil, nil, nil
    if not response then return self:abort(err) end -- what came has no answer, if it still stands
    tally:finish(response, store.new_only and store.arrived or nil)
    local judged
    judged, err = self:judge("C-GET", { Status = response.status, ErrorComment = response.comment })
    if not request.receiver and judged then judged, err = store:sync() end
    if open.expired and status.class(response.status) ~= "success" then
        judged, err = nil, open.expired
    end
    if judged then return tally end
    err.result = tally
    return nil, err
end

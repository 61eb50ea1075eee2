--- messages: what goes over an association: commands that are sent, data sets that are read, and
-- the wait for a response. The methods of every association begin with these.

local core = require "getscu.core"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local log = require "getscu.log"
local reasons = require "getscu.reasons"
local status = require "getscu.status"

local methods = {}

local RESPONSE_DATA = core.sink.memory(4 << 20) -- the data set of a response; bytes at most
local DISCARD = core.sink.discard()

--- Reads the data set that the last command announced.
-- @return string | nil, err
function methods:read_data()
    self.core:receive(RESPONSE_DATA)
    local event, err = self:next_event()
    if not event then return nil, err end
    if event.error then return nil, errors.wrap(event.error) end
    return event.bytes or ""
end

--- Reads and forgets it.
-- @return true | nil, err
function methods:skip_data()
    self.core:receive(DISCARD)
    local event, err = self:next_event()
    if not event then return nil, err end
    return true
end

--- The context for a SOP class, or nil and an error that says what to do.
-- @param syntax transfer syntax UID or nil: any
function methods:context_for(class, syntax)
    if self.ended then return nil, self.ended end
    for _, context in ipairs(self.contexts.by_class[class] or {}) do
        if not syntax or context.transfer_syntax == syntax then return context end
    end
    return nil, errors.new { code = "no-context", sop_class = class,
        message = reasons.no_context(self, class, syntax) }
end

function methods:new_message_id()
    self.message_id = self.message_id % 65535 + 1
    return self.message_id
end

--- Sends a command, and waits for nothing.
-- @return true | nil, err
function methods:send(context, command, data)
    if self.ended then return nil, self.ended end
    local sent, err = self.core:send(context, command, data)
    if sent == nil then return nil, errors.wrap(err) end
    return true
end

-- What the peer asks for besides: C-ECHO is served, other requests get 0211.
local function answer_other(self, event)
    local command = event.command
    local field = command.CommandField
    if event.data then
        local read, err = self:skip_data()
        if not read then return nil, err end
    end
    if not dimse.is_known(field) then
        return self:violation(("the unknown command %04XH"):format(field))
    elseif field & dimse.RESPONSE ~= 0 then
        log.warn("ignored an unexpected %s from %s", dimse.names[field] or "response", self.name)
        return true
    elseif field == dimse.C_CANCEL_RQ then
        return true
    end
    local echo = field == dimse.C_ECHO_RQ
    log.debug("answered %s", dimse.names[field] or ("command %04XH"):format(field))
    return self:send(event.context, {
        CommandField = field | dimse.RESPONSE,
        MessageIDBeingRespondedTo = command.MessageID or 0,
        AffectedSOPClassUID = command.AffectedSOPClassUID,
        Status = echo and status.SUCCESS or status.UNRECOGNIZED_OPERATION,
    })
end

--- Waits for the response to a message; serves what the peer asks for meanwhile.
-- @param message_id of the request
-- @param field CommandField of the response
-- @param serve nil or function(association, event) -> true | nil, err, for C-STORE-RQ
-- @return command, data (string or nil) | nil, err
function methods:await_response(message_id, field, serve)
    while true do
        local event, err = self:next_event()
        if not event then return nil, err end
        local command, done = event.command, true
        if command.CommandField == dimse.C_STORE_RQ and serve then
            done, err = serve(self, event)
        elseif command.CommandField ~= field then
            done, err = answer_other(self, event)
        else
            local data
            if event.data then data, err = self:read_data() end
            if err then return nil, err end
            if command.MessageIDBeingRespondedTo == message_id and command.Status then
                return command, data
            elseif not (command.MessageIDBeingRespondedTo and command.Status) then
                return self:violation("a response without status or message ID")
            end
            log.warn("ignored a %s to message %d, which is not open", dimse.names[field],
                command.MessageIDBeingRespondedTo)
        end
        if not done then return nil, err end
    end
end

--- The peer broke the rules of PS3.7: abort, and wait until it knows.
-- @return nil, err
function methods:violation(what)
    return self:abort(errors.new { code = "protocol-error",
        message = ("%s sent %s; aborted"):format(self.name, what) })
end

return methods

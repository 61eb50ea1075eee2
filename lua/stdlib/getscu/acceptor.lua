--- acceptor: an association that a peer requested of us.
--
-- It has what associations have (send, read_data, abort, release, ...) and takes the requests of
-- the peer one by one. Which services it offers is its owner's affair.

local association = require "getscu.association"
local contexts = require "getscu.contexts"
local core = require "getscu.core"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local log = require "getscu.log"
local reasons = require "getscu.reasons"
local status = require "getscu.status"
local tasks = require "getscu.tasks"

local acceptor = {}

local Acceptor = { __index = setmetatable({}, { __index = association.methods }),
    __name = "getscu.acceptor" }
local methods = Acceptor.__index

-- What each final event ends the association with.
local final = {
    released = function() return errors.new { code = "released", message = "released" } end,
    aborted = function(self, event)
        return errors.new { code = "peer-aborted", source = event.source, reason = event.reason,
            message = ("%s aborted the association: %s"):format(self.name, reasons.abort(event)) }
    end,
    failed = function(_, event) return errors.wrap(event.error) end,
    closed = function(self)
        return self.cause or errors.new { code = "aborted", message = "ended by us" }
    end,
}

--- Takes a connection that came in.
-- @param link the core's association
-- @param deadlines seconds, as of getscu.associate
function acceptor.new(link, deadlines)
    local self = setmetatable({ core = link, name = link:peer(), message_id = 0, cancelled = {} },
        Acceptor)
    link:deadlines(deadlines)
    return self
end

--- The next event of the core that is not the end of the association.
-- @param seconds number or nil: no limit
-- @return event | nil, err; nil alone when the time is up
function methods:next_event(seconds)
    while not self.ended do
        if self.stopping then
            self.stopping = false
            self:abort()
        end
        local event = tasks.wait(self.core, seconds)
        local ending = event and final[event.type]
        if ending then
            self.ended = ending(self, event)
            self.core:close()
        elseif event and (event.type ~= "sent" or self.draining) then
            return event
        elseif not event and seconds then
            return nil
        end
    end
    return nil, self.ended
end

--- Asks it to end, from another task: it aborts where it waits.
function methods:stop()
    self.stopping = true
    if not self.ended then tasks.wake(self.core) end
end

--- Closes the connection without a word, as a program does that dies.
function methods:drop()
    if not self.ended then self.core:drop() end
end

--- Ends what still stands by an abort, and waits until the peer knows.
function methods:finish()
    self:abort()
    while not self.ended do self:next_event() end
end

-- --- negotiation ---------------------------------------------------------------------------------

-- Which of the transfer syntaxes proposed: the first preferred one, else the first known one.
local function choose_syntax(proposed, preferred)
    for _, syntax in ipairs(proposed) do
        if preferred[syntax] then return syntax end
    end
    for _, syntax in ipairs(proposed) do
        if dimse.kind(syntax) == "transfer syntax" then return syntax end
    end
end

local ACCEPTED, NOT_SUPPORTED, NO_SYNTAX = 0, 3, 4 -- PS3.8 table 9-18

--- The answer to a request: every known SOP class, with one transfer syntax each.
-- @param request the A-ASSOCIATE-RQ, as the core tells it
-- @param offer function(abstract syntax) -> set of transfer syntaxes to prefer, or nil: not offered
-- @return answer, as the core takes it
function acceptor.negotiate(request, offer)
    local answer = { contexts = {}, roles = {} }
    local offered = {}
    for i, context in ipairs(request.contexts) do
        local class = context.abstract_syntax
        local preferred = offer(class)
        local syntax = preferred and choose_syntax(context.transfer_syntaxes, preferred)
        offered[class] = preferred ~= nil
        answer.contexts[i] = { id = context.id,
            result = syntax and ACCEPTED or preferred and NO_SYNTAX or NOT_SUPPORTED,
            transfer_syntaxes = { syntax or context.transfer_syntaxes[1] } }
    end
    for _, role in ipairs(request.roles) do
        if offered[role.sop_class] then
            answer.roles[#answer.roles + 1] = { sop_class = role.sop_class, scu = role.scu,
                scp = role.scp and not dimse.is_query(role.sop_class) }
        end
    end
    return answer
end

-- The classes of which the peer takes objects from us: it offered the SCP role, and we did not
-- refuse it. An answer without the item does not refuse it.
local function receivers(request, answer)
    local takes = {}
    for _, role in ipairs(request.roles) do takes[role.sop_class] = role.scp or nil end
    for _, role in ipairs(answer.roles or {}) do
        if not role.scp then takes[role.sop_class] = nil end
    end
    return takes
end

--- Accepts the association.
-- @return true | nil, err
function methods:accept(request, answer)
    local done, err = self.core:accept(answer)
    if not done then return nil, errors.wrap(err) end
    self.request, self.answer, self.tls = request, answer, self.core:tls()
    self.called, self.calling = request.called, request.calling
    self.contexts = contexts.accepted(request.contexts, {}, { contexts = answer.contexts,
        roles = {} })
    self.takes = receivers(request, answer)
    log.info("%s: Association Acknowledged, %s", self.name, self.calling)
    return true
end

--- Rejects it, and waits until the peer knows.
-- @param reject table: result, source, reason (PS3.8 table 9-21); absent ones are 1
function methods:reject(reject)
    self.core:reject(reject)
    while not self.ended do self:next_event() end
end

-- --- messages ------------------------------------------------------------------------------------

--- The next request of the peer.
-- @return event | nil, err
function methods:next_request()
    while true do
        local event, err = self:next_event()
        if not event then return nil, err end
        if not self:note(event) then return event end
    end
end

--- Takes what needs no answer: a C-CANCEL, or a response that nobody waits for.
-- @return whether it was one
function methods:note(event)
    local command = event.command
    if command.CommandField == dimse.C_CANCEL_RQ then
        self.cancelled[command.MessageIDBeingRespondedTo or 0] = true
    elseif command.CommandField & dimse.RESPONSE == 0 then
        return false
    else
        log.debug("%s sent a %s that nobody waits for", self.name,
            dimse.names[command.CommandField] or "response")
    end
    if event.data then self:skip_data() end
    return true
end

--- Whether the peer has cancelled a request.
-- @param event the "command" event of the request
function methods:is_cancelled(event)
    return self.cancelled[event.command.MessageID or 0] == true
end

--- Takes what came while a request is served: C-ECHO is answered, all else has to wait its turn.
function methods:meanwhile(event)
    if self:note(event) then return end
    local command = event.command
    if command.CommandField ~= dimse.C_ECHO_RQ or event.data then
        return self:violation "a request before the last one was answered"
    end
    self:send(event.context, { CommandField = dimse.C_ECHO_RSP,
        MessageIDBeingRespondedTo = command.MessageID or 0, Status = status.SUCCESS,
        AffectedSOPClassUID = command.AffectedSOPClassUID })
end

--- Takes all that came meanwhile, without waiting.
-- @return true | nil, err: the association has ended
function methods:poll()
    local event = self:next_event(0)
    while event do
        self:meanwhile(event)
        event = self:next_event(0)
    end
    if self.ended then return nil, self.ended end
    return true
end

--- Sends a message, and waits until all of it is with the transport.
-- @return true | nil, err
function methods:deliver(context, command, data)
    if self.ended then return nil, self.ended end
    local sent, err = self.core:send(context, command, data)
    if sent == nil then return nil, errors.wrap(err) end
    while sent == false do
        self.draining = true
        local event
        event, err = self:next_event()
        self.draining = false
        if not event then return nil, err end
        if event.type == "sent" then return true end
        self:meanwhile(event)
    end
    return true
end

--- Waits for the response to a message of ours.
-- @param field CommandField of the response
-- @return command | nil, err
function methods:await(message_id, field)
    while true do
        local event, err = self:next_event()
        if not event then return nil, err end
        local command = event.command
        if command.CommandField == field and command.MessageIDBeingRespondedTo == message_id then
            if event.data then self:skip_data() end
            return command
        end
        self:meanwhile(event)
    end
end

--- Sends a C-ECHO-RQ to the peer, which may have opened Verification for that, and does not wait.
-- @return true | nil, err
function methods:request_echo()
    local context, err = self:context_for(dimse.VERIFICATION)
    if not context then return nil, err end
    return self:send(context.id, { CommandField = dimse.C_ECHO_RQ,
        MessageID = self:new_message_id(), AffectedSOPClassUID = dimse.VERIFICATION })
end

Acceptor.__close = methods.close
Acceptor.__gc = methods.close

--- Listens.
-- @param options table: host (default: the loopback address), port (0: a free one), max_length, tls
--   (a context as of getscu.tls, with a certificate)
-- @return the core's listener | nil, err
function acceptor.listen(options)
    local listener, err = core.listen { host = options.host, port = options.port,
        max_length = options.max_length, tls = options.tls }
    return listener, errors.wrap(err)
end

return acceptor

--- association: an association as requestor, and what all its services share.
--
--     local assoc <close> = assert(getscu.associate{ host = "pacs", port = 104, called = "PACS" })
--
-- The services are in modules of their own (echo, find, get, store) and are methods of it.

local context_list = require "getscu.context_list"
local contexts = require "getscu.contexts"
local core = require "getscu.core"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local log = require "getscu.log"
local peer = require "getscu.peer"
local reasons = require "getscu.reasons"
local status = require "getscu.status"
local tasks = require "getscu.tasks"

local association = {}

local Association = { __index = {}, __name = "getscu.association" }
association.methods = Association.__index -- the services put theirs here

local PATIENCE = 60 -- seconds without a byte after which we say so
local RESPONSE_DATA = core.sink.memory(4 << 20) -- the data set of a response; bytes at most
local DISCARD = core.sink.discard()

local FIELDS = { "peer", "host", "port", "called", "calling", "family", "max_length", "contexts",
    "deadlines", "identity", "async", "extended", "common_extended", "show_contexts",
    "on_connect" }

-- What each final event ends the association with.
local final = {
    rejected = function(_, event)
        return errors.new { code = "association-rejected", result = event.result,
            source = event.source, reason = event.reason, message = reasons.rejection(event) }
    end,
    aborted = function(self, event)
        return errors.new { code = "peer-aborted", source = event.source, reason = event.reason,
            message = ("%s aborted the association: %s"):format(self.name, reasons.abort(event)) }
    end,
    released = function(self, event)
        if not event.by_peer then return errors.new { code = "released", message = "released" } end
        return errors.new { code = "peer-released",
            message = self.name .. " released the association before its final response" }
    end,
    failed = function(_, event) return errors.wrap(event.error) end,
    closed = function(self)
        return self.cause or errors.new { code = "aborted", message = "aborted by us" }
    end,
}

--- Requests an association.
-- @param options table: host and port, or peer ("AET@host:port"); called, calling (AE titles);
--   family ("any", "ipv4", "ipv6"); max_length (of PDUs that we receive, bytes); contexts (a
--   proposal as of getscu.contexts; default contexts.all()); deadlines ({connect, acse, dimse,
--   write, release}, seconds); identity, async, extended, common_extended (PS3.7 annex D);
--   show_contexts (true: log the contexts on level "info", not only on "debug");
--   on_connect(association), called before the first wait, so that another task may abort it
-- @return association | nil, err
function association.associate(options)
    errors.check_fields(options, FIELDS, "getscu.associate")
    local host, port, called = peer.resolve(options, "getscu.associate")
    local asked, roles = contexts.request(options.contexts or contexts.all())
    local link, err = core.connect { host = host, port = port, family = options.family,
        max_length = options.max_length }
    if not link then return nil, errors.wrap(err) end
    local self = setmetatable({ core = link, name = ("%s:%d"):format(host, port),
        called = called, calling = options.calling or "GETSCU", message_id = 0 }, Association)
    link:deadlines(options.deadlines or {})
    link:request { called = called, calling = self.calling, contexts = asked, roles = roles,
        identity = options.identity, async = options.async, extended = options.extended,
        common_extended = options.common_extended }
    log.info("Requesting Association")
    self.contexts_level = options.show_contexts and "info" or "debug"
    self:show(context_list.proposed, asked, roles)
    if options.on_connect then options.on_connect(self) end
    local event
    event, err = self:next_event()
    if not event then return nil, err end
    return self:established(asked, roles, event.associate)
end

-- Logs the presentation contexts, where that is wanted.
function Association.__index:show(list, ...)
    if not log.enabled(self.contexts_level) then return end
    for _, line in ipairs(list(...)) do log[self.contexts_level]("%s", line) end
end

-- The answer is here: keep what was agreed, and tell what is odd about it.
function Association.__index:established(asked, roles, answer)
    self.answer = answer
    self.contexts = contexts.accepted(asked, roles, answer)
    log.info("Association Accepted (Max Send PDV: %d)", math.max(answer.max_length - 12, 0))
    local found = self.contexts
    self:show(context_list.accepted, asked, answer)
    if #found.refused_roles > 0 then
        log.warn("%s will not send objects of %d SOP classes: it refused the SCP role for them",
            self.name, #found.refused_roles)
    elseif #found.missing_roles > 0 then
        log.debug("%s left out the role of %d SOP classes; going on", self.name,
            #found.missing_roles)
    end
    return self
end

-- The time for the open request is over: C-CANCEL, then an abort after the grace.
local function expire(self)
    local open = self.open
    self.expires = nil
    if not open then return end
    open.expired = errors.new { code = "retrieve-timeout", message = ("%s did not complete the "
        .. "request in %g seconds; cancelled"):format(self.name, self.time_limit) }
    if open.tally then open.tally:cancel() end
    self:cancel()
end

-- Our own limits, which the core cannot know.
-- @return seconds until the next of them
local function check_limits(self)
    local now = core.clock()
    if self.expires and now >= self.expires then expire(self) end
    if self.give_up and now >= self.give_up then
        self:abort(self.open and self.open.expired or errors.new { code = "cancel-timeout",
            message = self.name .. " went on after C-CANCEL; aborted" })
    end
    local next_limit = math.min(self.give_up or math.huge, self.expires or math.huge)
    return math.min(math.max(next_limit - now, 0), PATIENCE)
end

local function tell_of_silence(self)
    local idle = self.core:idle()
    if idle >= PATIENCE then log.warn("no byte from %s for %d seconds", self.name, idle // 1) end
end

--- Limits the time of the request that is open: then it is cancelled, and what waits for it gets
-- the error "retrieve-timeout".
-- @param seconds number or nil: no limit
function Association.__index:limit(seconds)
    self.time_limit = seconds
    self.expires = seconds and core.clock() + seconds
end

--- The next event of the core that is not the end of the association.
-- @return event | nil, err
function Association.__index:next_event()
    while not self.ended do
        local limited = self.give_up or self.expires
        local event = tasks.wait(self.core, limited and check_limits(self) or PATIENCE)
        local ending = event and final[event.type]
        if ending then
            self.ended = ending(self, event)
            self.core:close()
        elseif event and event.type ~= "sent" then
            return event
        elseif not event then
            tell_of_silence(self)
        end
    end
    return nil, self.ended
end

--- Reads the data set that the last command announced.
-- @return string | nil, err
function Association.__index:read_data()
    self.core:receive(RESPONSE_DATA)
    local event, err = self:next_event()
    if not event then return nil, err end
    if event.error then return nil, errors.wrap(event.error) end
    return event.bytes or ""
end

--- Reads and forgets it.
-- @return true | nil, err
function Association.__index:skip_data()
    self.core:receive(DISCARD)
    local event, err = self:next_event()
    if not event then return nil, err end
    return true
end

--- The context for a SOP class, or nil and an error that says what to do.
-- @param syntax transfer syntax UID or nil: any
function Association.__index:context_for(class, syntax)
    if self.ended then return nil, self.ended end
    for _, context in ipairs(self.contexts.by_class[class] or {}) do
        if not syntax or context.transfer_syntax == syntax then return context end
    end
    return nil, errors.new { code = "no-context", sop_class = class,
        message = reasons.no_context(self, class, syntax) }
end

function Association.__index:new_message_id()
    self.message_id = self.message_id % 65535 + 1
    return self.message_id
end

--- Sends a command, and waits for nothing.
-- @return true | nil, err
function Association.__index:send(context, command, data)
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
    if not dimse.names[field] and not (field & 0xFEFF <= 0x0150 and field & 0x0F == 0) then
        return self:violation(("the unknown command %04XH"):format(field))
    elseif field & dimse.RESPONSE ~= 0 then
        log.warn("ignored an unexpected %s from %s", dimse.names[field] or field, self.name)
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
function Association.__index:await_response(message_id, field, serve)
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
function Association.__index:violation(what)
    return self:abort(errors.new { code = "protocol-error",
        message = ("%s sent %s; aborted"):format(self.name, what) })
end

--- Verifies the peer (C-ECHO, PS3.4 annex A).
-- @return true | nil, err
function Association.__index:echo()
    local context, err = self:context_for(dimse.VERIFICATION)
    if not context then return nil, err end
    local id = self:new_message_id()
    local sent, lost = self:send(context.id, { CommandField = dimse.C_ECHO_RQ, MessageID = id,
        AffectedSOPClassUID = dimse.VERIFICATION })
    if not sent then return nil, lost end
    local response, ended = self:await_response(id, dimse.C_ECHO_RSP)
    if not response then return nil, ended end
    return self:judge("C-ECHO", response)
end

--- True, or nil and an error for a response whose status is a failure.
function Association.__index:judge(service, response)
    if status.class(response.Status) ~= "failure" then return true end
    return nil, errors.new { code = "failed", status = response.Status,
        comment = response.ErrorComment, message = ("%s answered %04XH, %s"):format(self.name,
            response.Status, status.describe(service, response.Status)) }
end

--- Asks the peer to stop (C-CANCEL); it answers the request that is cancelled.
-- @param message_id of the request; default the last one
-- @param grace seconds after which the association is aborted if the peer goes on; default 5
-- @return true | nil, err
function Association.__index:cancel(message_id, grace)
    local open = self.open
    if not open then
        return nil, errors.new { code = "no-request", message = "there is nothing to cancel" }
    end
    self.give_up = self.give_up or core.clock() + (grace or 5)
    tasks.wake(self.core)
    return self:send(open.context, { CommandField = dimse.C_CANCEL_RQ,
        MessageIDBeingRespondedTo = message_id or open.message_id })
end

--- Releases the association, and waits for the answer.
-- @return true | nil, err
function Association.__index:release()
    if self.ended then return nil, self.ended end
    log.info("Releasing Association")
    self.core:release()
    local _, err = self:next_event()
    while not self.ended do _, err = self:next_event() end
    if err.code == "released" then return true end
    return nil, err
end

--- Aborts the association. Whoever waits for it is told the cause.
-- @param cause err or nil
-- @return nil, cause
function Association.__index:abort(cause)
    if self.ended then return nil, self.ended end
    self.cause = self.cause or cause
    self.give_up = nil
    self.core:abort()
    tasks.wake(self.core)
    return nil, self.cause
end

--- Ends it at once, if it has not ended: an abort.
function Association.__index:close()
    self.ended = self.ended or errors.new { code = "aborted", message = "closed by us" }
    self.core:close()
end
Association.__close = Association.__index.close
Association.__gc = Association.__index.close

return association

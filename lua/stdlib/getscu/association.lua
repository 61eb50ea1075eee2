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

local Association = { __index = require "getscu.messages", __name = "getscu.association" }
association.methods = Association.__index -- the services put theirs here

local PATIENCE = 60 -- seconds without progress after which we say so
local CANCEL_GRACE = 5 -- seconds for a peer to end what was cancelled

local FIELDS = { "peer", "host", "port", "called", "calling", "family", "max_length", "contexts",
    "deadlines", "identity", "async", "extended", "common_extended", "show_contexts",
    "on_connect", "tls" }
local DEADLINES = { "connect", "acse", "dimse", "rate", "write", "drain", "cancel", "release" }

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
--   write, drain, cancel, release}, seconds, and rate, the bytes of objects that are worth one);
--   identity, async, extended, common_extended (PS3.7 annex D);
--   show_contexts (true: log the contexts on level "info", not only on "debug");
--   on_connect(association), called before the first wait, so that another task may abort it; tls
--   (a context as of getscu.tls)
-- @return association | nil, err
function association.associate(options)
    errors.check_fields(options, FIELDS, "getscu.associate")
    local deadlines = options.deadlines or {}
    errors.check_fields(deadlines, DEADLINES, "deadlines")
    local host, port, called = peer.resolve(options, "getscu.associate")
    local asked, roles = contexts.request(options.contexts or contexts.all())
    local link, err = core.connect { host = host, port = port, family = options.family,
        max_length = options.max_length, tls = options.tls }
    if not link then return nil, errors.wrap(err) end
    local self = setmetatable({ core = link, name = ("%s:%d"):format(host, port),
        called = called, calling = options.calling or "GETSCU", message_id = 0,
        cancel_grace = deadlines.cancel or CANCEL_GRACE }, Association)
    link:deadlines(deadlines)
    local requested
    requested, err = link:request { called = called, calling = self.calling, contexts = asked,
        roles = roles, identity = options.identity, async = options.async,
        extended = options.extended, common_extended = options.common_extended }
    if not requested then
        self:close()
        return nil, errors.wrap(err)
    end
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
    self.tls = self.core:tls()
    if self.tls then require("getscu.tls").tell(self.tls) end
    self.contexts = contexts.accepted(asked, roles, answer)
    log.info("Association Accepted (Max Send PDV: %d)", math.max(answer.max_length - 12, 0))
    local found = self.contexts
    self:show(context_list.accepted, asked, answer)
    if answer.repeated then
        log.warn("%s repeats items in its answer; the first of each counts", self.name)
    end
    if #found.refused_roles > 0 then
        log.warn("%s will not send objects of %d SOP classes: it refused the SCP role for them",
            self.name, #found.refused_roles)
    end
    local missing = 0
    for _, class in ipairs(found.missing_roles) do
        if class ~= dimse.VERIFICATION then missing = missing + 1 end -- it need not ask for C-ECHO
    end
    if missing > 0 then
        log.warn("%s left out the role of %d SOP classes; going on", self.name, missing)
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

-- Our own limits, which the core cannot know. Returns the seconds until the next of them.
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

--- Says that nothing comes, every minute in which nothing does.
function Association.__index:tell_of_silence()
    local idle = self.core:idle()
    if idle < PATIENCE then
        self.told = 0
    elseif idle >= (self.told or 0) + PATIENCE then
        self.told = idle
        log.warn("no progress from %s for %d seconds", self.name, idle // 1)
    end
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
            self:tell_of_silence()
        end
    end
    return nil, self.ended
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

--- Asks the peer to stop (C-CANCEL), once; it answers the request that is cancelled.
-- @param message_id of the request; default the last one
-- @param grace seconds after which the association is aborted if the peer goes on; default the
--   deadline `cancel`, or 5
-- @return true | nil, err
function Association.__index:cancel(message_id, grace)
    local open = self.open
    if not open then
        return nil, errors.new { code = "no-request", message = "there is nothing to cancel" }
    end
    message_id = message_id or open.message_id
    if open.cancelled == message_id then return true end
    self.give_up = self.give_up or core.clock() + (grace or self.cancel_grace)
    tasks.wake(self.core)
    local sent, err = self:send(open.context, { CommandField = dimse.C_CANCEL_RQ,
        MessageIDBeingRespondedTo = message_id })
    if sent then open.cancelled = message_id end
    return sent, err
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

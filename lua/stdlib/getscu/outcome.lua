--- outcome: what came of a retrieval, by our own tally, and the exit code that tells it.
--
-- A job has one outcome; each C-GET of it is a request of the outcome, on whichever association it
-- ran. Objects are counted on their request, since the server's counts are those of one C-GET. The
-- requests that one query took (what was missing is asked for again) are a group, and judged on
-- their union: a failure is settled when its object arrives in another request, or fails in that
-- one, which then has the failure. So no object is counted twice.
--
-- Who wants to be told while it happens is an observer: a table with any of these functions, which
-- must not wait. Each has the observer and the request as its first arguments.
--
--   on_begin()                        a C-GET was sent; request.sop_class, request.identifier
--   on_pending(counts)                a pending response: completed, failed, warning, remaining
--   on_object(event, object, reason)  an object was counted; event is "stored", "duplicate",
--                                     "discarded", "refused", "failed", or "undelivered": the
--                                     server lists it as failed. object has uid, and where it came
--                                     status, bytes, sop_class, context, file (the core's), seconds
--   on_error(err)                     what outcome:error() was told; without a request
--   on_end()                          its final response is here (request.response), or never comes
--                                     (request.err)

local account = require "getscu.account"
local core = require "getscu.core"
local errors = require "getscu.errors"
local status = require "getscu.status"
local verdict = require "getscu.verdict"

local outcome = {}
local Outcome = { __index = {} }
local Group = { __index = {} }
local Request = { __index = {} }

local FAILURES_KEPT = 10000 -- with UID and reason; beyond it they are only counted

--- A new outcome: nothing asked, nothing arrived.
-- @param observers list, or nil
function outcome.new(observers)
    if observers and #observers == 0 then observers = nil end
    return setmetatable({ groups = {}, requests = {}, errors = {}, failures = {}, by_uid = {},
        script_errors = 0, observers = observers, began = core.clock() }, Outcome)
end

-- Tells the observers, where there are any.
local function tell(request, notice, ...)
    for _, observer in ipairs(request.outcome.observers or {}) do
        if observer[notice] then observer[notice](observer, request, ...) end
    end
end

--- A query begins.
-- @param label string or nil: what tells it from others, as the name of its query file
-- @return group, whose `expected` may be set to how many objects match, when that is known
function Outcome.__index:group(label)
    local group = setmetatable({ outcome = self, label = label, requests = {} }, Group)
    table.insert(self.groups, group)
    return group
end

--- A C-GET begins that is alone in its group.
-- @return request
function Outcome.__index:request(label)
    return self:group(label):request()
end

--- What all requests of the group came to: as of request:judge().
function Group.__index:judge()
    return verdict.judge_group(self)
end

--- How many objects the first C-GET of the group meant, by the counts of its final response.
-- @return integer, or nil where there is no such response, or one without counts
function Group.__index:announced()
    local first = self.requests[1]
    local response = first and first.response
    if not response or not response.completed then return nil end
    return response.completed + (response.failed or 0) + (response.warning or 0)
        + (response.remaining or 0)
end

--- Whether all that is expected has arrived, be it to be refused; false where that is not known.
function Group.__index:is_whole()
    local declined = 0
    for _, request in ipairs(self.requests) do declined = declined + request.declined end
    return self.expected ~= nil and verdict.arrived(self) + declined >= self.expected
end

--- A C-GET of this group begins.
-- @return request
function Group.__index:request()
    local request = setmetatable({
        outcome = self.outcome,
        label = self.label,
        stored = 0,
        duplicates = 0,
        discarded = 0,
        refused = 0,
        declined = 0, -- of these: by choice, so that they need not come again
        failed = 0,
        warned = 0, -- of the first three: answered with a warning status
        bytes = 0,
        settled = 0, -- of its failures: those that another request has taken over
    }, Request)
    table.insert(self.requests, request)
    table.insert(self.outcome.requests, request)
    return request
end

--- Something ended an association, a hook failed, a signal came, a file could not be written.
-- What is not to change the exit code (a release that was not answered) is not told here.
-- @param err error table; its code decides the exit code, so the first of each code is kept
function Outcome.__index:error(err)
    for _, known in ipairs(self.errors) do
        if known.code == err.code then return end
    end
    table.insert(self.errors, err)
    for _, observer in ipairs(self.observers or {}) do
        if observer.on_error then observer:on_error(err) end
    end
end

--- A hook of a script has failed.
function Outcome.__index:hook_failed(err)
    self.script_errors = self.script_errors + 1
    self:error(err)
end

-- What is known of this object's failure is over.
local function settle(self, uid)
    local failure = uid and self.by_uid[uid]
    if not failure then return end
    failure.settled = true
    failure.request.settled = failure.request.settled + 1
    self.by_uid[uid] = nil
end

local function keep_failure(request, object, reason, event)
    local self, uid = request.outcome, object.uid
    local known = uid and self.by_uid[uid]
    if known and known.request == request then return end -- the server lists what we refused
    settle(self, uid)
    if self.observers then tell(request, "on_object", event, object, reason) end
    if #self.failures >= FAILURES_KEPT then return end
    local failure = { uid = uid, status = object.status, reason = reason, request = request }
    table.insert(self.failures, failure)
    if uid then self.by_uid[uid] = failure end
end

local events = { stored = "stored", duplicates = "duplicate", discarded = "discarded" }

local function acknowledge(request, counter, object)
    request[counter] = request[counter] + 1
    request.bytes = request.bytes + (object.bytes or 0)
    if object.status and status.class(object.status) == "warning" then
        request.warned = request.warned + 1
    end
    settle(request.outcome, object.uid)
    if request.outcome.observers then tell(request, "on_object", events[counter], object) end
end

--- It was sent.
-- @param sop_class UID of the model's C-GET
-- @param identifier data set
function Request.__index:begin(sop_class, identifier)
    self.began, self.sop_class, self.identifier = core.clock(), sop_class, identifier
    tell(self, "on_begin")
end

--- A pending response.
-- @param counts table as of finish()
function Request.__index:pending(counts)
    tell(self, "on_pending", counts)
end

--- How long it took, or has taken so far.
-- @return seconds
function Request.__index:seconds()
    return self.began and (self.ended or core.clock()) - self.began or 0
end

--- An object is committed to its file.
-- @param object table: uid, bytes (of its data set), status (what it was answered; nil is 0000)
function Request.__index:count_stored(object)
    acknowledge(self, "stored", object)
end

--- An object that had been committed before came again with the same bytes, and was answered 0000.
function Request.__index:count_duplicate(object)
    acknowledge(self, "duplicates", object)
end

--- An object was acknowledged and left out, by the user's choice.
function Request.__index:count_discarded(object)
    acknowledge(self, "discarded", object)
end

--- An object was refused, by a script's or a rule's choice.
-- @param object table: uid, status (what it was answered)
-- @param reason string, or nil for the words of the status
-- @param declined true: it need not be asked for again
function Request.__index:count_refused(object, reason, declined)
    self.refused = self.refused + 1
    if declined then self.declined = self.declined + 1 end
    keep_failure(self, object, reason or status.describe("C-STORE", object.status), "refused")
end

--- An object arrived and could not be kept.
-- @param object table: uid, status (what it was answered, if it was)
-- @param err error table (its code decides the exit code) or string (it does not)
function Request.__index:count_failed(object, err)
    self.failed = self.failed + 1
    if errors.is(err) then self.outcome:error(err) end
    keep_failure(self, object, tostring(err), "failed")
end

--- A C-CANCEL was sent for this request.
function Request.__index:cancel()
    self.cancelled = true
end

--- The association ended before the final response, or could not be used.
-- @param err error table; it decides the exit code, unless others of its group made it good
function Request.__index:lost(err)
    self.err, self.ended = err, core.clock()
    tell(self, "on_end")
end

--- The final C-GET-RSP.
-- @param response table: status, comment; completed, failed, warning, remaining (the counts, nil
--   where absent); failed_uids (list, Failed SOP Instance UID List, or nil)
-- @param arrived table by UID, or nil: true for objects that earlier requests brought, which are no
--   failures of this one, wherever the server cannot send them again
function Request.__index:finish(response, arrived)
    self.response, self.ended = response, core.clock()
    local comment = response.comment and (": " .. verdict.printable(response.comment)) or ""
    for _, uid in ipairs(response.failed_uids or {}) do
        if arrived and arrived[uid] == true then
            self.settled = self.settled + 1
        else
            keep_failure(self, { uid = uid }, "the server did not deliver it" .. comment,
                "undelivered")
        end
    end
    tell(self, "on_end")
end

--- What this C-GET came to.
-- @return nil where all is well, else an error's code ("partial", "failed", "cancelled"), and text
function Request.__index:judge()
    return verdict.judge(self)
end

-- Where several exit codes apply, the first range that one is in decides; in it, what came first.
local precedence = { { 128, 255 }, { 80, 99 }, { 40, 59 }, { 60, 67 }, { 70, 79 }, { 1, 39 },
    { 69, 69 }, { 68, 68 } }

--- The exit code of a program that did this.
-- @return integer, as in the table of exit codes; 0 where all is well
function Outcome.__index:exit_code()
    local exits = {}
    for _, err in ipairs(self.errors) do
        if err.code == "script-exit" then return errors.exit_code(err) end
        exits[#exits + 1] = errors.exit_code(err)
    end
    for _, group in ipairs(self.groups) do
        local code = group:judge()
        if code then exits[#exits + 1] = errors.codes[code].exit end
        for _, request in ipairs(code and group.requests or {}) do
            if request.err then exits[#exits + 1] = errors.exit_code(request.err) end
        end
    end
    for _, range in ipairs(precedence) do
        for _, exit in ipairs(exits) do
            if exit >= range[1] and exit <= range[2] then return exit end
        end
    end
    return 0
end

local function open_failures(self)
    local list = {}
    for _, failure in ipairs(self.failures) do
        if not failure.settled then
            list[#list + 1] = { uid = failure.uid, status = failure.status,
                reason = failure.reason, request = failure.request.label }
        end
    end
    return list
end

local summed = { "stored", "duplicates", "discarded", "refused", "warned", "bytes" }

--- It begins, or begins later than it was made.
function Outcome.__index:begin()
    self.began = core.clock()
end

--- All of it is over.
function Outcome.__index:finish()
    self.ended = core.clock()
end

--- The outcome in numbers.
-- @return table: stored, duplicates, discarded, refused, warned, bytes; completed (acknowledged),
--   failed (refused, not kept or not delivered); seconds (from the beginning to the end);
--   requests (how many); response (the last final one), its status and comment; failures (list of
--   uid, status, reason, request's label); errors (the first of each code); script_errors (how
--   often a hook has failed); exit_code
function Outcome.__index:summary()
    local last = self.requests[#self.requests]
    local response = last and last.response
    local summary = {
        completed = 0,
        failed = 0,
        requests = #self.requests,
        response = response,
        status = response and response.status,
        comment = response and response.comment,
        failures = open_failures(self),
        errors = self.errors,
        script_errors = self.script_errors,
        seconds = (self.ended or core.clock()) - self.began,
        exit_code = self:exit_code(),
    }
    for _, field in ipairs(summed) do summary[field] = 0 end
    for _, request in ipairs(self.requests) do
        for _, field in ipairs(summed) do summary[field] = summary[field] + request[field] end
        summary.completed = summary.completed + verdict.acknowledged(request)
    end
    for _, group in ipairs(self.groups) do
        summary.failed = summary.failed + verdict.missing_of_group(group)
    end
    return summary
end

--- The final report.
-- Errors told by error() are not repeated: they were logged when they happened.
-- @return list of {level = "info", "warn" or "error", text =}, without control characters
function Outcome.__index:lines()
    return account.lines(self, self:summary())
end

return outcome

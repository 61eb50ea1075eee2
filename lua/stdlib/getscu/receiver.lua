--- receiver: what happens to the objects that come in (C-STORE as SCP, PS3.4 annex B).
--
-- A receiver belongs to a whole run: it knows what has arrived, and (getscu.placement) where.

local core = require "getscu.core"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local intake = require "getscu.intake"
local log = require "getscu.log"
local object = require "getscu.object"
local placement = require "getscu.placement"
local status = require "getscu.status"
local verdict = require "getscu.verdict"

local receiver = {}

local Receiver = { __index = {}, __name = "getscu.receiver" }

--- The names of its options.
receiver.FIELDS = { "ignore", table.unpack(placement.FIELDS) }

local DISCARD = core.sink.discard()

-- errno of a file system that takes no more: the rest would fail too. (EIO, ENOSPC, EDQUOT)
local HOPELESS = { [5] = true, [28] = true, [122] = true }

--- A receiver.
-- @param options table: ignore (true: objects are acknowledged and not kept, and no directory is
--   needed); directory, create_directory, storage, filename, on_collision, strict, sync,
--   max_object_size, as of getscu.placement; strict besides: what is odd about a request refuses it
-- @param hooks getscu.hooks of a job, which are asked about each object, or nil
-- @return receiver | nil, err
function receiver.new(options, hooks)
    errors.check_fields(options, receiver.FIELDS, "getscu.receiver")
    local self = setmetatable({}, Receiver)
    self.hooks = hooks
    self.judges = hooks and hooks:needs() -- its hooks decide about objects
    if not options.ignore then
        local place, err = placement.new(options)
        if not place then return nil, err end
        self.place = place
    elseif self.judges == "whole" then
        return nil, errors.new { code = "script-load", message = "a script wants the whole of each "
            .. "object, and nothing is kept; leave out its 'whole', or --ignore" }
    end
    self.strict = options.strict
    if self.judges and self.place then self.place:expect_hooks(self.judges) end
    self:start_over()
    return self
end

--- Those of the options that a receiver takes.
function receiver.pick(options)
    local picked = {}
    for _, name in ipairs(receiver.FIELDS) do picked[name] = options[name] end
    return picked
end

--- Forgets what came: from here on the files of before are those of an earlier run.
function Receiver.__index:start_over()
    -- by UID: true, or the decision of the hooks that refused it
    self.arrived, self.arrived_count = {}, 0
    self.new_only = false
    if self.place then self.place:start_over() end
end

--- All has come: brings it to the disk, where that was asked for.
-- @return true | nil, err
function Receiver.__index:sync()
    if not self.place then return true end
    return self.place:sync()
end

--- From here on, what arrived before is acknowledged and not kept: something is asked for again.
function Receiver.__index:only_new()
    self.new_only = true
end

local function respond(association, event, code, comment)
    local command = event.command
    if log.enabled "info" then
        log.info("Sending C-STORE Response (%s)", status.describe("C-STORE", code))
    end
    return association:send(event.context, {
        CommandField = dimse.C_STORE_RSP,
        MessageIDBeingRespondedTo = command.MessageID,
        AffectedSOPClassUID = command.AffectedSOPClassUID,
        AffectedSOPInstanceUID = command.AffectedSOPInstanceUID,
        Status = code,
        ErrorComment = comment and comment:sub(1, 64), -- LO
    })
end

-- What is odd about the request: with `strict` a reason to refuse the object.
-- @return status and what it is about, or nil
local function oddity(self, association, event)
    local command = event.command
    local uid, context = command.AffectedSOPInstanceUID, association.contexts.by_id[event.context]
    if not uid or uid == "" or command.cut then
        return status.INVALID_INSTANCE, "SOP Instance UID missing or too long"
    end
    if not core.is_plausible_uid(uid) then
        if self.strict then return status.INVALID_INSTANCE, "SOP Instance UID is none" end
        log.warn("the SOP Instance UID '%s' is none; the file name is made safe",
            verdict.printable(uid))
    end
    if command.AffectedSOPClassUID ~= context.abstract_syntax then
        log.warn("object %s of SOP class %s came on the presentation context of %s",
            verdict.printable(uid), verdict.printable(command.AffectedSOPClassUID or "(none)"),
            context.abstract_syntax)
        if self.strict then
            return status.SOP_CLASS_NOT_SUPPORTED, "SOP class is not that of its context"
        end
    end
end

-- The same of how it came, and of its data set.
local function warn_of_arrival(association, event, arrived)
    if arrived.odd and not association.odd then
        association.odd = true
        log.warn("%s sends fragments of odd length, which PS3.8 does not allow", association.name)
    end
    if arrived.has_meta and arrived.file then
        log.warn("object %s has elements of group 0002 in its data set; stored as sent",
            verdict.printable(event.command.AffectedSOPInstanceUID))
    end
    if arrived.unchecked and arrived.file then
        log.warn("object %s is stored without a check of all its structure: %s",
            verdict.printable(event.command.AffectedSOPInstanceUID), arrived.unchecked)
    end
end

-- What the tally and its observers are told of an object.
local function object_of(association, event, arrived)
    return {
        uid = event.command.AffectedSOPInstanceUID,
        sop_class = event.command.AffectedSOPClassUID,
        context = association.contexts.by_id[event.context],
        bytes = arrived and arrived.size,
        file = arrived and arrived.file,
        seconds = event.began and core.clock() - event.began,
        object = event.object,
    }
end

local function refuse(association, event, tally, code, comment)
    local read, err = association:skip_data()
    if not read then return nil, err end
    local refused = object_of(association, event)
    refused.status = code
    tally:count_refused(refused, comment)
    return respond(association, event, code, comment)
end

-- The object is not where it belongs: tell why, count it, and tell the peer.
local function answer_failure(association, event, arrived, tally)
    local counted = object_of(association, event, arrived)
    local err = errors.wrap(arrived.error)
    counted.status = status.refusal(err.code)
    if counted.status then
        tally:count_refused(counted, err.message)
        return respond(association, event, counted.status, err.message)
    end
    counted.status = status.OUT_OF_RESOURCES
    log.error("object %s: %s", verdict.printable(counted.uid), err.message)
    tally:count_failed(counted, err)
    local sent, lost = respond(association, event, counted.status, "cannot store the object")
    if not sent then return nil, lost end
    if HOPELESS[err.errno] or err.code == "object-too-large" then
        tally:cancel()
        association:cancel()
    end
    return true
end

-- It need not be asked for again. Returns whether that was known.
local function note_arrival(self, uid, refusal)
    local again = self.arrived[uid]
    if not again then
        self.arrived[uid] = refusal or true
        self.arrived_count = self.arrived_count + 1
    end
    return again
end

-- The hooks do not want it: as with a failure, but by choice.
local function answer_refusal(self, association, event, arrived, tally)
    local decision, counted = arrived.decision, object_of(association, event, arrived)
    counted.status = decision.status
    local sent, lost = respond(association, event, decision.status, decision.comment)
    local again = note_arrival(self, counted.uid, decision)
    tally:count_refused(counted, decision.reason, not again)
    if not sent then return nil, lost end
    return true
end

-- The object is where it belongs, and the peer knows.
local function count(self, counted, tally)
    local file, again = counted.file, note_arrival(self, counted.uid)
    if again and self.new_only or file and file.duplicate then
        tally:count_duplicate(counted)
    elseif not file then
        tally:count_discarded(counted)
    elseif file.kept then
        log.info("kept the file %s that was there", file.name)
        tally:count_discarded(counted)
    else
        if file.renamed then
            log.warn("another object of the same name came before; this one is %s", file.name)
        elseif file.replaced then
            log.warn("replaced the file %s", file.name)
        end
        tally:count_stored(counted)
    end
end

-- The status of an object that is kept, for itself.
local function status_of(counted, arrived)
    local other = verdict.other_identity(arrived)
    if not other then return status.SUCCESS end
    log.warn("object %s has %s", verdict.printable(counted.uid), other)
    return status.DATA_SET_MISMATCH_WARNING
end

-- Tells the peer first, so that it goes on while the object is counted here.
local function answer(self, association, event, arrived, tally)
    if arrived.error then return answer_failure(association, event, arrived, tally) end
    local decision = arrived.decision
    if decision and not decision.keep and decision.status then
        return answer_refusal(self, association, event, arrived, tally)
    end
    local counted = object_of(association, event, arrived)
    counted.status = decision and decision.status or status_of(counted, arrived)
    local sent, lost = respond(association, event, counted.status)
    count(self, counted, tally)
    if not sent then return nil, lost end
    return true
end

-- Receives an object whose name is known: the core commits it as soon as it is there.
local function keep_as(self, association, event, name, collision)
    association.core:receive(self.place.sink, name, collision, association.called)
    local arrived, err = association:next_event()
    if arrived and arrived.file then
        self.place:settle(name, event.command.AffectedSOPInstanceUID, arrived.file)
    else
        self.place:forget(name)
    end
    return arrived, err
end

-- Receives an object to where it belongs.
-- @return the event of its end, with `file` or `error` | nil, err: the association has ended
local function take(self, association, event)
    local known = self.new_only and self.arrived[event.command.AffectedSOPInstanceUID]
    if known or not self.place and not self.judges then
        association.core:receive(DISCARD)
        local arrived, err = association:next_event()
        if arrived and known and known ~= true then
            arrived.decision, event.object = known, nil -- refused again; that was told
        end
        return arrived, err
    end
    if self.place then
        local name, collision = self.place:reserve(event.command)
        if name then return keep_as(self, association, event, name, collision) end
    end
    return intake.take(association, event, self.place, self.judges and self.hooks)
end

--- Receives the object that a C-STORE-RQ announces, and answers it.
-- @param association an association
-- @param event the core's "command" event
-- @param tally a request of getscu.outcome
-- @return true | nil, err: the association has ended
function Receiver.__index:store(association, event, tally)
    local command = event.command
    if tally.outcome.observers then event.began = core.clock() end
    if log.enabled "info" then
        log.info("Received C-STORE Request (MsgID %s)", command.MessageID or "?")
    end
    if not event.data then
        return association:violation("a C-STORE request without a data set")
    end
    local code, comment = oddity(self, association, event)
    if code then return refuse(association, event, tally, code, comment) end
    if self.hooks then event.object = object.incoming(association, event) end
    local arrived, err = take(self, association, event)
    if not arrived then
        tally:count_failed(object_of(association, event), "it did not arrive whole")
        return nil, err
    end
    warn_of_arrival(association, event, arrived)
    return answer(self, association, event, arrived, tally)
end

return receiver

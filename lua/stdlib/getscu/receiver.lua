--- receiver: what happens to the objects that come in (C-STORE as SCP, PS3.4 annex B).
--
-- A receiver belongs to a whole run: it knows the output directory and which names it has given.

local core = require "getscu.core"
local errors = require "getscu.errors"
local log = require "getscu.log"
local dimse = require "getscu.dimse"
local status = require "getscu.status"
local verdict = require "getscu.verdict"

local receiver = {}

local Receiver = { __index = {}, __name = "getscu.receiver" }

local FIELDS = { "directory", "storage", "ignore" }

-- errno of a file system that takes no more: the rest would fail too. (EIO, ENOSPC, EDQUOT)
local HOPELESS = { [5] = true, [28] = true, [122] = true }

--- A receiver.
-- @param options table: directory (path; must exist); storage ("normal": an object is held in
--   memory while it fits, "bit-preserving": it goes to the disk as it comes); ignore (true: objects
--   are acknowledged and not kept, and no directory is needed)
-- @return receiver | nil, err
function receiver.new(options)
    errors.check_fields(options, FIELDS, "getscu.receiver")
    local self = setmetatable({ hold = options.storage ~= "bit-preserving", named = {},
        prefixes = {}, arrived = {}, arrived_count = 0 }, Receiver)
    if not options.ignore then
        local directory, err = core.directory(options.directory or ".")
        if not directory then return nil, errors.wrap(err) end
        self.directory = directory
    end
    return self
end

--- Forgets which names were given: from here on files of before are replaced.
function Receiver.__index:start_over()
    self.named, self.arrived, self.arrived_count = {}, {}, 0
    self.new_only = false
end

--- From here on, what arrived before is acknowledged and not kept: something is asked for again.
function Receiver.__index:only_new()
    self.new_only = true
end

--- The default name of an object: prefix of its modality, and its SOP Instance UID; what goes to
-- the disk as it comes has the UID alone.
function Receiver.__index:name(command)
    -- no folders by a UID; whatever else is unsafe in it, the core escapes
    local uid = command.AffectedSOPInstanceUID:gsub("[/\0]", "_")
    if not self.hold then return uid end
    local class = command.AffectedSOPClassUID or ""
    local prefix = self.prefixes[class]
    if not prefix then
        prefix = core.dataset.modality(class) or "UNKNOWN"
        self.prefixes[class] = prefix
    end
    return prefix .. "." .. uid
end

local function respond(association, event, code, comment)
    local command = event.command
    if log.enabled "info" then log.info("Sending C-STORE Response (%s)", status.short(code)) end
    return association:send(event.context, {
        CommandField = dimse.C_STORE_RSP,
        MessageIDBeingRespondedTo = command.MessageID,
        AffectedSOPClassUID = command.AffectedSOPClassUID,
        AffectedSOPInstanceUID = command.AffectedSOPInstanceUID,
        Status = code,
        ErrorComment = comment and comment:sub(1, 64), -- LO
    })
end

-- What is odd about the request, and no reason to refuse the object.
local function warn_of_oddities(association, event)
    local command = event.command
    local uid, context = command.AffectedSOPInstanceUID, association.contexts.by_id[event.context]
    if command.AffectedSOPClassUID ~= context.abstract_syntax then
        log.warn("object %s of SOP class %s came on the presentation context of %s",
            verdict.printable(uid), verdict.printable(command.AffectedSOPClassUID or "(none)"),
            context.abstract_syntax)
    end
    if #uid > 64 or uid:find("[^0-9.]") then
        log.warn("the SOP Instance UID '%s' is none; the file name is made safe",
            verdict.printable(uid))
    end
end

local function refuse(association, event, tally)
    local code = status.INVALID_INSTANCE
    local comment = "SOP Instance UID missing or too long"
    local read, err = association:skip_data()
    if not read then return nil, err end
    tally:count_refused({ uid = event.command.AffectedSOPInstanceUID, status = code }, comment)
    return respond(association, event, code, comment)
end

-- The object is where it belongs, or not: tell the peer, and count it.
local function answer(self, association, event, arrived, tally)
    local object = { uid = event.command.AffectedSOPInstanceUID, bytes = arrived.size }
    local file = arrived.file
    if arrived.error then
        local err = errors.wrap(arrived.error)
        object.status = status.OUT_OF_RESOURCES
        log.error("object %s: %s", verdict.printable(object.uid), err.message)
        tally:count_failed(object, err)
        local sent, lost = respond(association, event, object.status, "cannot store the object")
        if not sent then return nil, lost end
        if HOPELESS[err.errno] then association:cancel() end
        return true
    end
    object.status = status.SUCCESS
    local again = self.arrived[object.uid]
    if not again then
        self.arrived[object.uid] = true
        self.arrived_count = self.arrived_count + 1
    end
    if again and self.new_only then
        tally:count_duplicate(object)
    elseif not file then
        tally:count_discarded(object)
    elseif file.duplicate then
        tally:count_duplicate(object)
    else
        self.named[file.name] = true
        if file.renamed then
            log.warn("another object of the same name came before; this one is %s", file.name)
        elseif file.replaced then
            log.warn("replaced the file %s", file.name)
        end
        tally:count_stored(object)
    end
    return respond(association, event, object.status)
end

--- Receives the object that a C-STORE-RQ announces, and answers it.
-- @param association an association
-- @param event the core's "command" event
-- @param tally a request of getscu.outcome
-- @return true | nil, err: the association has ended
function Receiver.__index:store(association, event, tally)
    local command = event.command
    local uid = command.AffectedSOPInstanceUID
    if log.enabled "info" then
        log.info("Received C-STORE Request (MsgID %s)", command.MessageID or "?")
    end
    if not event.data then
        return association:violation("a C-STORE request without a data set")
    end
    if not uid or uid == "" or command.cut then return refuse(association, event, tally) end
    warn_of_oddities(association, event)
    if self.directory and not (self.new_only and self.arrived[uid]) then
        local name = self:name(command)
        local collision = self.named[name] and "distinct" or "replace"
        association.core:receive(core.sink.file(self.directory, self.hold), name, collision,
            association.called)
    else
        association.core:receive(core.sink.discard())
    end
    local arrived, err = association:next_event()
    if not arrived then
        tally:count_failed({ uid = uid }, "it did not arrive whole")
        return nil, err
    end
    return answer(self, association, event, arrived, tally)
end

return receiver

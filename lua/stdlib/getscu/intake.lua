--- intake: receives an object about which something has to be known before it has its place: a
-- template of file names or hooks ask for its header, or for all of it.
--
-- Where the elements before Pixel Data fit the window of the core, they are looked at while the
-- rest is held back, and what hooks change takes effect as it streams on. Else, or where a script
-- wants all of it, the object is looked at when it has arrived, in its temporary file.

local core = require "getscu.core"
local errors = require "getscu.errors"
local log = require "getscu.log"
local object = require "getscu.object"
local verdict = require "getscu.verdict"

local intake = {}

local JUDGED = core.sink.discard(true) -- nothing is kept, but its header can be looked at

local function ask(hooks, coming)
    if not hooks then return { keep = true } end
    return hooks:decide(coming)
end

-- Whether changes concern what stands behind the window: they have to wait for the end.
local function are_late(changes)
    local last = changes.edits[#changes.edits]
    return last.tag >= "7fe0,0000"
end

-- Lets the object whose header is here go on. Returns the event of its end.
local function go_on(association, decision)
    local changes = decision.keep and decision.changes
    if not changes or are_late(changes) then
        association.core:resume(decision.keep)
    else
        association.core:resume(true, changes)
        decision.applied = true
    end
    return association:next_event()
end

-- The error of an object that says to be another one than was announced, or nil.
local function mismatch(arrived)
    local other = verdict.other_identity(arrived)
    return other and errors.new { code = "object-mismatch",
        message = "the data set has " .. other }
end

-- The object has arrived, and nobody has looked at it yet.
local function look_at_file(association, coming, arrived, hooks)
    local path, err = association.core:spool()
    if not path then return nil, errors.wrap(err) end
    coming:from_file(path, arrived.size, arrived.header_size)
    return ask(hooks, coming)
end

-- Changes what has arrived.
-- @return true | nil, err
local function apply(association, decision)
    if not decision.changes or decision.applied then return true end
    local changed, err = association.core:edit(decision.changes)
    return changed, errors.wrap(err)
end

-- The header by which a template names the object, or nil.
local function header_of(coming, uid)
    local header, err = coming:open()
    if not header then
        log.warn("object %s has no header that can be read, and so its default name: %s",
            verdict.printable(uid), err.message)
    end
    return header
end

-- Gives the object that is here and is to be kept its name.
local function commit(association, place, item, coming, decision)
    local changes = decision.changes
    item.name = decision.name
    local changed, err = apply(association, decision)
    if not changed then return nil, err end
    if changes and changes.sop_instance then item.uid = changes.sop_instance end
    if place.needs_header and not item.name then
        item.header = header_of(coming, item.uid)
    end
    return place:commit(association.core, item)
end

local function take(association, event, place, hooks, coming)
    local item = place and place:announce(event.command)
    association.core:receive(place and place.sink or JUDGED, nil, nil, association.called)
    local arrived, err = association:next_event()
    local decision
    if arrived and arrived.type == "header" then
        if not arrived.incomplete then
            coming:from_header(arrived.bytes or "", arrived.whole)
            decision = ask(hooks, coming)
            if decision.abort then return association:abort(decision.abort) end
        end
        arrived, err = go_on(association, decision or { keep = true })
    end
    if not arrived or arrived.error then return arrived, err end
    arrived.error = place and place.strict and mismatch(arrived)
    if arrived.error then return arrived end
    if not decision then
        if place then
            decision, arrived.error = look_at_file(association, coming, arrived, hooks)
        else
            decision = ask(hooks, coming)
        end
        if not decision then return arrived end
        if decision.abort then return association:abort(decision.abort) end
    end
    arrived.decision = decision
    if place and decision.keep then
        arrived.file, arrived.error = commit(association, place, item, coming, decision)
    end
    return arrived
end

--- Receives an object.
-- @param association it comes on
-- @param event the core's "command" event
-- @param place getscu.placement, or nil: nothing is kept
-- @param hooks getscu.hooks, or nil
-- @return the event of its end, with `file` or `error`, and `decision` (as of getscu.hooks)
--   | nil, err: the association has ended
function intake.take(association, event, place, hooks)
    local coming = event.object or object.incoming(association, event)
    local arrived, err = take(association, event, place, hooks, coming)
    coming:expire()
    return arrived, err
end

return intake

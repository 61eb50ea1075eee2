--- archive_store: C-STORE as SCP, for archives (PS3.4 annex B).

local core = require "getscu.core"
local errors = require "getscu.errors"
local index = require "getscu.index"
local log = require "getscu.log"
local status = require "getscu.status"

local SOP_CLASS = "0008,0016"

-- The file is there: take it in, if it is the object that was announced.
local function take_in(archive, association, event, path)
    local image, err = archive.index:add(path)
    local command = event.command
    if not image then
        os.remove(path)
        log.warn("refused an object of %s: %s", association.name, err.message)
        return status.CANNOT_UNDERSTAND
    elseif index.value(image, SOP_CLASS) ~= command.AffectedSOPClassUID then
        log.warn("object %s of %s is not of the SOP class announced", image.sop_instance,
            association.name)
        return status.DATA_SET_MISMATCH_WARNING
    end
    return status.SUCCESS
end

--- Serves a C-STORE request.
-- @return true | nil, err: the association has ended
return function(archive, association, event)
    local uid = event.command.AffectedSOPInstanceUID
    local named = uid and uid ~= "" and not event.command.cut
    if named then
        association.core:receive(core.sink.file(archive.folder, true),
            uid:gsub("[^%w.]", "_") .. ".dcm", "replace", association.calling)
    else
        association.core:receive(core.sink.discard())
    end
    local arrived, err = association:next_event()
    if not arrived then return nil, err end
    local code = status.INVALID_INSTANCE
    if arrived.error then
        log.error("cannot store %s: %s", uid, errors.wrap(arrived.error).message)
        code = status.refusal(arrived.error.code) or status.OUT_OF_RESOURCES
    elseif named then
        code = take_in(archive, association, event, archive.directory .. "/" .. arrived.file.name)
    end
    return archive:respond(association, event, { Status = code, AffectedSOPInstanceUID = uid })
end

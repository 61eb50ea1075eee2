--- store: C-STORE as SCU (PS3.4 annex B), a method of associations.

local association = require "getscu.association"
local core = require "getscu.core"
local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"

-- What a file holds, to be streamed as it stands.
local function from_file(path)
    local part10, err = core.part10(path)
    if not part10 then return nil, errors.wrap(err) end
    part10.data = { file = path, offset = part10.offset }
    return part10
end

-- What a data set holds, encoded for a context that was accepted for its class.
local function from_dataset(self, object)
    local class = object:get("0008,0016", "")
    local context, err = self:context_for(class)
    if not context then return nil, err end
    local bytes
    bytes, err = object:encode(context.transfer_syntax)
    if not bytes then return nil, err end
    return { sop_class = class, sop_instance = object:get("0008,0018", ""),
        transfer_syntax = context.transfer_syntax, data = bytes }
end

--- Sends an object to the peer.
-- @param object path of a DICOM file, whose data set is sent as it stands, or a data set
-- @return status (integer: success or a warning) | nil, err
function association.methods:store(object)
    local source, err
    if dataset.is(object) then
        source, err = from_dataset(self, object)
    else
        source, err = from_file(object)
    end
    if not source then return nil, err end
    local context
    context, err = self:context_for(source.sop_class, source.transfer_syntax)
    if not context then return nil, err end
    local id = self:new_message_id()
    local sent, lost = self:send(context.id, { CommandField = dimse.C_STORE_RQ, MessageID = id,
        AffectedSOPClassUID = source.sop_class, AffectedSOPInstanceUID = source.sop_instance,
        Priority = dimse.MEDIUM }, source.data)
    if not sent then return nil, lost end
    local response
    response, err = self:await_response(id, dimse.C_STORE_RSP)
    if not response then return nil, err end
    local judged
    judged, err = self:judge("C-STORE", response)
    if not judged then return nil, err end
    return response.Status
end

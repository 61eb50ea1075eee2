--- find: C-FIND as SCU (PS3.4 C.4.1), methods of associations.

local association = require "getscu.association"
local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local query = require "getscu.query"
local status = require "getscu.status"

local FIELDS = { "query", "model", "priority" }

local function start(self, request)
    local context, err, found
    for _, model in ipairs(request.model and { request.model } or { "study", "patient" }) do
        context, err = self:context_for(dimse.models[model].find)
        found = model
        if context then break end
    end
    if not context then return nil, err end
    local bytes
    bytes, err = query.complete(request.query, found):encode(context.transfer_syntax)
    if not bytes then return nil, err end
    local id = self:new_message_id()
    local sent, lost = self:send(context.id, { CommandField = dimse.C_FIND_RQ, MessageID = id,
        AffectedSOPClassUID = context.abstract_syntax,
        Priority = request.priority or dimse.MEDIUM }, bytes)
    if not sent then return nil, lost end
    self.open = { message_id = id, context = context.id }
    return { association = self, id = id, syntax = context.transfer_syntax }
end

-- The next match; nil at the end, nil and an error on failure.
local function next_match(search)
    if search.done then return nil, search.err end
    local self = search.association
    local command, data = self:await_response(search.id, dimse.C_FIND_RSP)
    local err = not command and data or nil
    if command and status.class(command.Status) == "pending" and data then
        local match
        match, err = dataset.decode(data, search.syntax)
        if match then return match end
    elseif command and status.class(command.Status) ~= "pending" then
        local _
        _, err = self:judge("C-FIND", command)
    elseif command then
        return next_match(search) -- a pending response without an identifier says nothing
    end
    search.done, search.err = true, err
    self.open, self.give_up = nil, nil
    return nil, err
end

-- The loop was left early: cancel, and read what is still on its way.
local function stop(search)
    if search.done then return end
    search.association:cancel(search.id)
    while next_match(search) do end -- luacheck: ignore 542
end

--- Finds what matches, one data set at a time, as they come in:
--
--     for study in association:find{ query = { QueryRetrieveLevel = "STUDY", PatientID = "1" } } do
--
-- Leaving the loop early cancels. A failure raises its err, as io.lines does; find_all() returns
-- it.
-- @param request table: query (table by keyword, or data set); model ("patient", "study",
--   "psonly"); priority. Where a table has no QueryRetrieveLevel, its keys tell the level
function association.methods:find(request)
    errors.check_fields(request, FIELDS, "association:find")
    local search, err = start(self, request)
    if not search then error(err, 2) end
    local closer = setmetatable({}, { __close = function() stop(search) end })
    return function()
        local match, failure = next_match(search)
        if failure then error(failure, 2) end
        return match
    end, nil, nil, closer
end

--- Finds all that matches.
-- @param request as of find()
-- @return list of data sets | nil, err
function association.methods:find_all(request)
    errors.check_fields(request, FIELDS, "association:find_all")
    local search, err = start(self, request)
    if not search then return nil, err end
    local list = {}
    while true do
        local match
        match, err = next_match(search)
        if err then return nil, err end
        if not match then return list end
        list[#list + 1] = match
    end
end

--- rounds: asks again for what the first association could not bring.
--
-- A presentation context has one transfer syntax, so the contexts of the manual bring no object
-- that the server cannot give uncompressed, and none of a class outside of the list. Here what is
-- missing is found by C-FIND, and asked for with a context for each class and syntax, on as many
-- associations as that takes, as long as one of them brings something. Where the peer has no
-- C-FIND, the query itself is asked again; what comes a second time is read and forgotten.

local candidates = require "getscu.candidates"
local contexts = require "getscu.contexts"
local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"
local inventory = require "getscu.inventory"
local log = require "getscu.log"
local syntaxes = require "getscu.syntaxes"

local rounds = {}

local ASSOCIATIONS_MAX = 40 -- in one search for the class of objects
local UIDS_IN_QUERY = 100 -- SOP Instance UIDs in one identifier

-- What is still missing of the objects that are known to match; nil where they are not known.
local function missing_of(search)
    if not search.objects then return nil end
    local missing = {}
    for _, object in ipairs(search.objects) do
        local uid = object.SOPInstanceUID
        if not search.job.receiver.arrived[uid] then missing[#missing + 1] = object end
    end
    return missing
end

-- The objects of a query by C-FIND, on an association of its own; nil where that does not go.
local function take_inventory(job, identifier)
    if not dimse.models[job.model].find then return nil end
    local searching <close>, err =
        job:associate(inventory.proposal(job.model, syntaxes.UNCOMPRESSED))
    if not searching then
        log.warn("cannot find out what is missing: %s", err.message)
        return nil
    end
    local objects
    objects, err = inventory.list(searching, job.model, identifier)
    if not searching.ended then searching:release() end
    if not objects then log.warn("cannot find out what is missing: %s", tostring(err)) end
    return objects
end

-- One list of transfer syntaxes for each context of a class. `separate`: the uncompressed ones
-- apart, so that the peer can choose the one in which the object is stored.
local function context_syntaxes(search)
    local list = {}
    if search.separate then
        if search.job.options.prefer == "deflated" then list[1] = { syntaxes.DEFLATED } end
        for _, uid in ipairs(syntaxes.UNCOMPRESSED) do list[#list + 1] = { uid } end
    else
        list[1] = syntaxes.preferred(search.job.options.prefer)
    end
    for _, uid in ipairs(syntaxes.COMPRESSED) do list[#list + 1] = { uid } end
    return list
end

-- Proposals with all contexts of the classes, as many as are needed; those of one class together.
local function proposals(search, classes, lists)
    local entries = {}
    for _, class in ipairs(classes) do
        for _, transfer_syntaxes in ipairs(lists) do
            contexts.add_storage(entries, { class }, transfer_syntaxes)
        end
    end
    return contexts.split(search.job:requests(), entries)
end

-- Identifiers at image level for these objects: one for each series, or more where it is long.
local function image_queries(objects)
    local list, open = {}, {}
    for _, object in ipairs(objects) do
        local series = object.SeriesInstanceUID
        local query = open[series]
        if not query or #query.uids >= UIDS_IN_QUERY then
            query = { uids = {}, keys = { QueryRetrieveLevel = "IMAGE", SeriesInstanceUID = series,
                StudyInstanceUID = object.StudyInstanceUID, PatientID = object.PatientID } }
            open[series] = query
            list[#list + 1] = query
        end
        table.insert(query.uids, object.SOPInstanceUID)
    end
    for i, query in ipairs(list) do
        query.keys.SOPInstanceUID = table.concat(query.uids, "\\")
        list[i] = dataset.new(query.keys)
    end
    return list
end

-- Which classes the peer takes in no syntax, and why; which compressed syntaxes it takes at all.
local function note_answer(search, association)
    for _, context in ipairs(association.contexts.rejected) do
        local class = context.abstract_syntax
        if not association.contexts.by_class[class] then search.rejected[class] = context.result end
    end
    for _, context in pairs(association.contexts.by_id) do
        local uid = context.transfer_syntax
        if not syntaxes.is_uncompressed(uid) then search.compressed[uid] = true end
    end
end

-- Asks on one more association. Returns whether it brought something.
local function ask(search, proposal, identifiers)
    local job = search.job
    local before = job.receiver.arrived_count
    local asking <close>, err = job:associate(proposal)
    if not asking then
        log.warn("cannot ask for what is missing: %s", err.message)
        return false
    end
    note_answer(search, asking)
    for _, identifier in ipairs(identifiers) do
        if job:stopped() or not job:fetch(asking, search.group, identifier) then break end
    end
    if not asking.ended then asking:release() end
    return job.receiver.arrived_count > before
end

-- What to ask for: what is missing, where that is known and the model has a level for it.
local function identifiers_of(search, missing)
    if missing and search.job.model ~= "psonly" then return image_queries(missing) end
    return { search.identifier }
end

local function is_done(search, missing)
    return search.job:stopped() or search.group:is_whole() or missing and #missing == 0
end

-- Asks with these proposals, one after the other. Returns whether one brought something.
local function try(search, list)
    local brought = false
    for i, proposal in ipairs(list) do
        local missing = missing_of(search)
        if i > ASSOCIATIONS_MAX or is_done(search, missing) then break end
        brought = ask(search, proposal, identifiers_of(search, missing)) or brought
    end
    return brought
end

-- One round. First all syntaxes of the likely classes beside one another; then, for a server that
-- only ever uses the first context of a class (dcmqrscp), each compressed syntax that it takes,
-- alone. Returns whether any of it brought something.
local function round(search)
    local objects = missing_of(search) or {}
    local brought = try(search,
        proposals(search, candidates.likely(objects), context_syntaxes(search)))
    for _, uid in ipairs(syntaxes.COMPRESSED) do
        if search.compressed[uid] and not is_done(search, missing_of(search)) then
            local alone = proposals(search, candidates.all(missing_of(search) or {}), { { uid } })
            brought = try(search, alone) or brought
        end
    end
    return brought
end

-- Objects that are lost because the peer rejects every context for their class.
local function tell_rejections(search, missing)
    local counts = {}
    for _, object in ipairs(missing or {}) do
        local class = object.SOPClassUID
        if class and search.rejected[class] then counts[class] = (counts[class] or 0) + 1 end
    end
    for class, count in pairs(counts) do
        log.error("%d objects of %s are lost: %s rejected all presentation contexts for it (%s); "
            .. "its configuration has to allow the class", count, dimse.name_of(class),
            search.job.association.name, contexts.reason(search.rejected[class]))
    end
    if #(missing or {}) > 0 and not next(search.compressed) then
        log.error("%s accepted no compressed transfer syntax, so it cannot send what it holds "
            .. "compressed; its configuration has to allow some", search.job.association.name)
    end
end

--- Brings what is missing of a query, as far as the peer gives it.
-- @param job a getscu.retrieve job; its receiver knows what has arrived
-- @param group of the outcome
-- @param identifier the query
-- @param separate true: each object in the syntax in which it is stored
function rounds.complete(job, group, identifier, separate)
    local objects = take_inventory(job, identifier)
    local announced = group:announced()
    if not objects and not (announced and group:judge()) then return end
    group.expected = objects and #objects or announced
    job.receiver:only_new()
    local search = { job = job, group = group, identifier = identifier, objects = objects,
        separate = separate, rejected = {}, compressed = {} }
    repeat
        local missing = missing_of(search)
        if missing and #missing == 0 or group:is_whole() or job:stopped() then return end
        log.info("Asking again for %s", missing and #missing .. " objects that are missing"
            or "what is missing")
    until not round(search)
    tell_rejections(search, missing_of(search))
end

return rounds

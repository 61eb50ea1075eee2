--- archive_find: C-FIND as SCP, for archives (PS3.4 C.4.1).

local dataset = require "getscu.dataset"
local identifier = require "getscu.identifier"
local index = require "getscu.index"
local log = require "getscu.log"
local status = require "getscu.status"

local LEVEL, RETRIEVE_AE, AVAILABILITY = "0008,0052", "0008,0054", "0008,0056"
local ANSWERED = { [RETRIEVE_AE] = true, [AVAILABILITY] = true } -- by the archive itself

local function is_supported(query)
    for _, key in ipairs(query.keys) do
        if not ANSWERED[key.tag] and not index.supports(key.tag, query.level) then return false end
    end
    return true
end

-- Sets a value as it is stored; one that cannot be set stays empty.
local function put(handle, tag, value)
    local set, err = handle:set(tag, value == nil and {} or value)
    if set then return end
    log.debug("left %s empty in a response: %s", tag, err.message)
    handle:set(tag, {})
end

-- What is told of an entity: the keys asked for, its unique key, and from where to retrieve it.
local function answer(archive, query, entity)
    local ds = dataset.new {}
    local handle = dataset.core_of(ds)
    handle:set(LEVEL, query.level)
    handle:set(RETRIEVE_AE, archive.aetitle)
    put(handle, index.UNIQUE[query.level], entity.key)
    for _, key in ipairs(query.keys) do
        if key.tag == AVAILABILITY then
            handle:set(key.tag, "ONLINE")
        elseif not ANSWERED[key.tag] then
            local value
            if index.supports(key.tag, query.level) then value = index.value(entity, key.tag) end
            put(handle, key.tag, value)
        end
    end
    return ds
end

--- Serves a C-FIND request.
-- @return true | nil, err: the association has ended
return function(archive, association, event)
    local context = association.contexts.by_id[event.context]
    local bytes, err = association:read_data()
    if not bytes then return nil, err end
    local query, code, comment = identifier.read(bytes, context.transfer_syntax,
        context.abstract_syntax)
    if not query then
        return archive:respond(association, event, { Status = code, ErrorComment = comment })
    end
    local pending = is_supported(query) and status.PENDING or status.PENDING_WARNING
    for _, entity in ipairs(archive.index:select(query.level, query.keys)) do
        local sent
        sent, err = archive:respond(association, event, { Status = pending },
            answer(archive, query, entity))
        if not sent then return nil, err end
        if not association:poll() then return nil, association.ended end
        if association:is_cancelled(event) then
            return archive:respond(association, event, { Status = status.CANCEL })
        end
    end
    return archive:respond(association, event, { Status = status.SUCCESS })
end

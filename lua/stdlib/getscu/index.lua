--- index: what an archive holds, by patient, study, series and image; in memory.
--
-- An entity is a table {level=, key=, attributes=, children=, parent=}: `key` is the value of its
-- unique key, `attributes` its own by tag (UTF-8 text, or numbers) and behind them those of its
-- parents, `children` the entities below it in the order in which they came. An image has `file`,
-- `offset`, `sop_class`, `sop_instance` and `transfer_syntax` besides.

local core = require "getscu.core"
local log = require "getscu.log"
local matching = require "getscu.matching"

local index = {}

local Index = { __index = {}, __name = "getscu.index" }

--- The levels of the information model, from above.
index.LEVELS = { "PATIENT", "STUDY", "SERIES", "IMAGE" }

--- The unique key of each level.
index.UNIQUE = { PATIENT = "0010,0020", STUDY = "0020,000d", SERIES = "0020,000e",
    IMAGE = "0008,0018" }

-- What is kept of an object's header, level by level: these can be asked for.
local KEPT = {
    PATIENT = { "0010,0010", "0010,0020", "0010,0021", "0010,0030", "0010,0032", "0010,0040",
        "0010,1000", "0010,2160", "0010,4000" },
    STUDY = { "0008,0020", "0008,0030", "0008,0050", "0008,0090", "0008,1030", "0008,1060",
        "0010,1010", "0010,1020", "0010,1030", "0020,000d", "0020,0010" },
    SERIES = { "0008,0021", "0008,0031", "0008,0060", "0008,0070", "0008,0080", "0008,1010",
        "0008,103e", "0008,1040", "0008,1050", "0008,1070", "0008,1090", "0018,0015", "0018,1030",
        "0020,000e", "0020,0011", "0020,0052", "0020,0060", "0040,0244", "0040,0245", "0040,0254" },
    IMAGE = { "0008,0008", "0008,0012", "0008,0013", "0008,0016", "0008,0018", "0008,0022",
        "0008,0023", "0008,0032", "0008,0033", "0018,0050", "0020,0012", "0020,0013", "0020,0032",
        "0028,0008", "0028,0010", "0028,0011", "0028,0100", "0040,a491", "0040,a493" },
}

-- The entities some levels below: 1 are the children.
local function descendants(entity, depth)
    local list = { entity }
    for _ = 1, depth do
        local below = {}
        for _, one in ipairs(list) do
            table.move(one.children, 1, #one.children, #below + 1, below)
        end
        list = below
    end
    return list
end

local function distinct(entity, depth, tag)
    local seen, list = {}, {}
    for _, one in ipairs(descendants(entity, depth)) do
        local value = one.attributes[tag]
        if value and value ~= "" and not seen[value] then
            seen[value] = true
            list[#list + 1] = value
        end
    end
    table.sort(list)
    return table.concat(list, "\\")
end

-- Attributes of an entity that follow from what is below it: level and how to find the value.
local COMPUTED = {
    ["0020,1200"] = { "PATIENT", function(entity) return #descendants(entity, 1) end },
    ["0020,1202"] = { "PATIENT", function(entity) return #descendants(entity, 2) end },
    ["0020,1204"] = { "PATIENT", function(entity) return #descendants(entity, 3) end },
    ["0020,1206"] = { "STUDY", function(entity) return #descendants(entity, 1) end },
    ["0020,1208"] = { "STUDY", function(entity) return #descendants(entity, 2) end },
    ["0020,1209"] = { "SERIES", function(entity) return #descendants(entity, 1) end },
    ["0008,0061"] = { "STUDY", function(entity) return distinct(entity, 1, "0008,0060") end },
    ["0008,0062"] = { "STUDY", function(entity) return distinct(entity, 2, "0008,0016") end },
    ["0008,3002"] = { "IMAGE", function(entity) return entity.transfer_syntax end },
}

local level_of = {} -- tag -> level
for level, tags in pairs(KEPT) do
    for _, tag in ipairs(tags) do level_of[tag] = level end
end
for tag, computed in pairs(COMPUTED) do level_of[tag] = computed[1] end

local rank = {} -- level -> 1 to 4
for i, level in ipairs(index.LEVELS) do rank[level] = i end

--- The value of an attribute of an entity, or of those above it: text, integer, or nil.
function index.value(entity, tag)
    local computed = COMPUTED[tag]
    if not computed then return entity.attributes[tag] end
    while entity and entity.level ~= computed[1] do entity = entity.parent end
    return entity and computed[2](entity)
end

--- Whether an attribute can be asked for at a level.
function index.supports(tag, level)
    return level_of[tag] ~= nil and rank[level_of[tag]] <= rank[level]
end

-- --- filling -------------------------------------------------------------------------------------

local function new_entity(level, key, parent)
    local above = parent and parent.attributes
    return { level = level, key = key, parent = parent, children = {}, by_key = {},
        attributes = setmetatable({}, { __index = above }) }
end

--- An empty index.
function index.new()
    return setmetatable({ root = new_entity("ROOT", ""), by_uid = {}, syntaxes = {} }, Index)
end

-- What is kept of the header of a file, by tag; nil, err where it has none.
local function read_header(path)
    local ds, err = core.dataset.read(path)
    if not ds then return nil, err end
    local values = {}
    for _, tags in pairs(KEPT) do
        for _, tag in ipairs(tags) do
            local value = ds:get(tag)
            if type(value) == "string" then value = value:gsub("[ \0]+$", "") end
            values[tag] = value
        end
    end
    ds:close()
    return values
end

local function own(entity, values)
    for _, tag in ipairs(KEPT[entity.level]) do
        if values[tag] then entity.attributes[tag] = values[tag] end
    end
end

local function child_of(entity, level, values)
    local key = values[index.UNIQUE[level]] or ""
    local child = entity.by_key[key]
    if not child then
        child = new_entity(level, key, entity)
        own(child, values)
        entity.by_key[key] = child
        table.insert(entity.children, child)
    end
    return child
end

--- Takes a file in, in place of an earlier one with the same SOP Instance UID.
-- @param path of a DICOM file with meta information
-- @return image | nil, err
function Index.__index:add(path)
    local part10, err = core.part10(path)
    if not part10 then return nil, err end
    local values
    values, err = read_header(path)
    if not values then return nil, err end
    local uid = values["0008,0018"] or ""
    if uid == "" or uid ~= part10.sop_instance then
        return nil, { code = "read-failed", message = path .. " holds no SOP instance of its own" }
    end
    if self.by_uid[uid] then self:remove(uid) end
    local entity = self.root
    for _, level in ipairs(index.LEVELS) do entity = child_of(entity, level, values) end
    entity.file, entity.offset = path, part10.offset
    entity.sop_class, entity.sop_instance = part10.sop_class, uid
    entity.transfer_syntax = part10.transfer_syntax
    self.by_uid[uid] = entity
    self.syntaxes[entity.sop_class] = self.syntaxes[entity.sop_class] or {}
    self.syntaxes[entity.sop_class][entity.transfer_syntax] = true
    return entity
end

--- Forgets an object, and what would be empty without it.
function Index.__index:remove(uid)
    local entity = self.by_uid[uid]
    self.by_uid[uid] = nil
    while entity and entity.parent and #entity.children == 0 do
        local parent = entity.parent
        parent.by_key[entity.key] = nil
        for i, child in ipairs(parent.children) do
            if child == entity then
                table.remove(parent.children, i)
                break
            end
        end
        entity = parent
    end
end

local DEPTH_MAX = 32 -- folders below folders: a link may lead back to where it lies

--- Takes in all DICOM files in a folder and those below it; what is none is passed over.
-- @return true | nil, err: the folder cannot be read
function Index.__index:scan(directory, depth)
    depth = depth or 1
    local names, err = core.system.list(directory)
    if not names then return nil, err end
    table.sort(names)
    for _, name in ipairs(names) do
        local path = directory .. "/" .. name
        local kind = core.system.kind(path)
        if kind == "directory" then
            if depth < DEPTH_MAX then self:scan(path, depth + 1) end
        elseif kind == "file" then
            local image, problem = self:add(path)
            if not image then log.debug("passed over: %s", problem.message) end
        end
    end
    return true
end

-- --- searching -----------------------------------------------------------------------------------

-- The keys of a query by the level that they belong to.
local function by_level(keys)
    local tests = { PATIENT = {}, STUDY = {}, SERIES = {}, IMAGE = {} }
    for _, key in ipairs(keys) do
        local level = level_of[key.tag]
        local matches, wanted = matching.of(key.vr, key.value)
        if level and matches then
            local test = { tag = key.tag, matches = matches }
            table.insert(tests[level], test)
            if key.tag == index.UNIQUE[level] then tests[level].uids = wanted end
        end
    end
    return tests
end

local function passes(entity, tests)
    for _, test in ipairs(tests) do
        if not test.matches(index.value(entity, test.tag)) then return false end
    end
    return true
end

-- The children worth a look: the wanted ones where they are named.
local function candidates(entity, uids)
    if not uids then return entity.children end
    local list = {}
    for uid in pairs(uids) do list[#list + 1] = entity.by_key[uid] end
    table.sort(list, function(a, b) return a.key < b.key end)
    return list
end

local function descend(entity, depth, level, tests, found)
    local at = index.LEVELS[depth]
    for _, child in ipairs(candidates(entity, tests[at].uids)) do
        if passes(child, tests[at]) then
            if at == level then
                found[#found + 1] = child
            else
                descend(child, depth + 1, level, tests, found)
            end
        end
    end
end

--- The entities of a level that match.
-- @param level string, one of index.LEVELS
-- @param keys list of {tag=, vr=, value=}
-- @return list of entities
function Index.__index:select(level, keys)
    local found = {}
    descend(self.root, 1, level, by_level(keys), found)
    return found
end

--- The images below an entity, or itself.
function index.images(entity)
    return descendants(entity, #index.LEVELS - rank[entity.level])
end

return index

--- placement: where the objects of a run go: the directory, their names, and what happens where a
-- file of that name is there.
--
-- Two different objects of one run never end in one file: the second one gets another name, as
-- NAME~2, whatever is to happen to the files of an earlier run.

local core = require "getscu.core"
local errors = require "getscu.errors"
local names = require "getscu.names"

local placement = {}

local Placement = { __index = {}, __name = "getscu.placement" }

--- The names of its options.
placement.FIELDS = { "directory", "create_directory", "storage", "filename", "on_collision",
    "strict", "sync", "max_object_size" }

-- What the core does where an earlier run left a file of that name.
local COLLISIONS = { overwrite = "replace", rename = "distinct", skip = "keep", fail = "refuse" }

-- Makes a directory and those above it.
local function make_directory(path)
    local at = 1
    while at do
        at = path:find("/", at + 1, true)
        local part = path:sub(1, (at or 0) - 1)
        local made, err = true, nil
        if not core.system.kind(part) then made, err = core.system.mkdir(part) end
        if not made and core.system.kind(part) ~= "directory" then -- nobody else made it meanwhile
            return nil, errors.new { code = "output-directory", message = err.message,
                errno = err.errno }
        end
    end
    return true
end

local SYNCS = { none = true, ["end"] = true, each = true }

local function open_directory(options)
    local path = options.directory or "."
    if options.create_directory then
        local made, err = make_directory(path)
        if not made then return nil, err end
    end
    local directory, err = core.directory(path)
    if directory and options.sync == "each" then directory:sync_each() end
    return directory, errors.wrap(err)
end

--- A placement.
-- @param options table: directory (path; must exist, unless create_directory is true); storage
--   ("normal": a small object is held in memory until it is whole, "bit-preserving": it goes to the
--   disk as it comes); filename (a template as of getscu.names); on_collision (what to do where an
--   earlier run left a file of that name: "overwrite", "skip": keep that one, "rename": a second
--   name if it has other bytes, "fail": refuse the object); strict (true: an object is looked at
--   before it has its name); sync ("end": sync() brings all to the disk, "each": each object is
--   there before it is acknowledged, default "none"); max_object_size (bytes of a data set; more is
--   refused)
-- @return placement | nil, err
function placement.new(options)
    local policy = options.on_collision or "overwrite"
    local collision = COLLISIONS[policy] or error(("on_collision must be 'overwrite', 'skip', "
        .. "'rename' or 'fail', not '%s'"):format(tostring(policy)), 3)
    local self = setmetatable({ hold = options.storage ~= "bit-preserving", prefixes = {},
        collision = collision, strict = options.strict, sync_at = options.sync or "none",
        limit = options.max_object_size }, Placement)
    if not SYNCS[self.sync_at] then
        error(("sync must be 'none', 'end' or 'each', not '%s'"):format(tostring(self.sync_at)), 3)
    end
    self:start_over()
    local err
    if options.filename then
        self.make_name, err = names.compile(options.filename)
        if not self.make_name then return nil, err end
        self.needs_header = err
    end
    self.directory, err = open_directory(options)
    if not self.directory then return nil, err end
    self:expect(self.needs_header)
    return self
end

--- Hooks look at every object before it has its name, and may give it another.
-- @param needs "header" or "whole", as of getscu.hooks
function Placement.__index:expect_hooks(needs)
    self.judged = true
    self:expect(needs == "header")
end

-- Where objects go from here on; `header`: they are looked at when their header is there.
function Placement.__index:expect(header)
    self.sink = core.sink.file(self.directory, self.hold, header, self.limit)
end

--- Brings what was stored to the disk, where that was asked for.
-- @return true | nil, err
function Placement.__index:sync()
    if self.sync_at ~= "end" then return true end
    local done, err = self.directory:sync()
    return done, errors.wrap(err)
end

--- Forgets which names were given: from here on the files of before are those of an earlier run.
function Placement.__index:start_over()
    self.owners = {} -- by name, as of key_of: the UID of the object that has it
    self.kept = {} -- of those, the names that an earlier run had given
    self.coming = {} -- names reserved for objects that are on their way
    self.number = 0
end

-- The prefix of the default name for a SOP class.
local function prefix_of(self, class)
    local prefix = self.prefixes[class]
    if not prefix then
        prefix = core.dataset.modality(class) or "UNKNOWN"
        self.prefixes[class] = prefix
    end
    return prefix
end

-- What names are known by: names of a template may differ in the size of letters alone.
local function key_of(self, name)
    return (self.make_name or self.judged) and name:lower() or name
end

-- What to do where a file has the name. Only what an earlier run has left is the user's to decide.
local function collision_for(self, key, uid)
    local owner = self.owners[key]
    if not owner or owner == uid and self.kept[key] then return self.collision end
    return "distinct"
end

local function remember(self, key, uid, kept)
    self.owners[key] = self.owners[key] or uid
    if kept then self.kept[key] = true end
end

--- An object comes whose name needs nothing but the request. It has its name from here on, so that
-- no other object of the run takes it; `settle` or `forget` must follow.
-- @param command the C-STORE-RQ
-- @return name and collision as the core takes them; nil: commit() gives the name, after arrival
function Placement.__index:reserve(command)
    if self.make_name or self.judged or self.strict then return nil end
    local uid = command.AffectedSOPInstanceUID
    local name = names.of_uid(uid)
    if self.hold then name = prefix_of(self, command.AffectedSOPClassUID or "") .. "." .. name end
    if self.coming[name] then return nil end -- on another association, just now
    local collision = collision_for(self, name, uid)
    self.coming[name] = self.owners[name] and "again" or "first"
    self.owners[name] = self.owners[name] or uid
    return name, collision
end

--- The object with a reserved name is there.
-- @param file as the core told it
function Placement.__index:settle(name, uid, file)
    self.coming[name] = nil
    if file.kept then self.kept[name] = true end
    if file.name ~= name then remember(self, file.name, uid, file.kept) end
end

--- It is not, and will not be.
function Placement.__index:forget(name)
    if self.coming[name] == "first" then self.owners[name] = nil end
    self.coming[name] = nil
end

--- An object comes whose name needs more.
-- @param command the C-STORE-RQ
-- @return what its name is made of, as of getscu.names, but for the header
function Placement.__index:announce(command)
    self.number = self.number + 1
    local class = command.AffectedSOPClassUID or ""
    return { uid = command.AffectedSOPInstanceUID, class = class, number = self.number,
        prefix = prefix_of(self, class) }
end

--- The name of an object, below the output directory; it is not safe yet.
-- @param object as of announce, with the `name` that a hook gave it; without the header that a
--   template needs it is the default name:
--   prefix of the modality and SOP Instance UID; what goes to the disk as it comes has the UID only
function Placement.__index:name(object)
    if object.name then return object.name end
    if self.make_name and (object.header or not self.needs_header) then
        return self.make_name(object)
    end
    return names.default(object, not self.hold)
end

--- Gives an object that has arrived its name.
-- @param link the core's association, which has it
-- @param object as of announce, with its header where there is one
-- @return file {name=, replaced=, duplicate=, renamed=, kept=} | nil, err
function Placement.__index:commit(link, object)
    local name = self:name(object)
    local key = key_of(self, name)
    local file, err = link:commit(name, collision_for(self, key, object.uid))
    if not file then return nil, errors.wrap(err) end
    remember(self, key, object.uid, file.kept)
    if file.name ~= name then remember(self, key_of(self, file.name), object.uid, file.kept) end
    return file
end

return placement

--- object: an object as hooks see it: a data set that is parsed when it is first used, with what
-- the association tells of it besides.
--
--   object.sop_class, object.sop_instance    as the peer announced them
--   object.transfer_syntax                   in which it comes
--   object.size                              bytes of its data set; nil while it is still coming
--   object.origin                            { called = AE title of the peer, calling = ours,
--                                            address = of the peer }
--
-- It expires when the hook that it was handed to returns; object:clone() keeps a copy.

local core = require("getscu.core").dataset
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local syntaxes = require "getscu.syntaxes"
local uid = require "getscu.uid"

local object = {}

local Object = { __index = {}, __name = "getscu.object" }

local BEHIND = "7FE0,0000" -- the first tag that a header window does not have
-- What an object is, by the tags that tell it: file meta information and name follow their edits.
local IDENTITY = { ["0008,0016"] = "sop_class", ["0008,0018"] = "sop_instance" }
local HEADER_MAX = 64 << 20 -- bytes of elements before Pixel Data that are parsed from a file

local function incomplete(message)
    return function() return nil, errors.new { code = "incomplete", message = message } end
end

local NOT_HERE = incomplete "the object has not arrived, or not been kept"

-- The window that is here, as the core's data set.
local function decode_header(self)
    local handle, err = core.decode(self.bytes, self.known.transfer_syntax)
    if handle and not self.whole then handle:bound(BEHIND) end
    return handle, err
end

-- An object; `source(self)` gives the core's data set | nil, err.
local function new(known, source, bytes, whole)
    local self = setmetatable({ known = known, source = source, bytes = bytes, whole = whole,
        view = nil, handle = nil, expired = false }, Object) -- all fields: it need not grow
    self.view = dataset.lazy(self, known)
    return self
end

--- What its view is made of when it is first used.
-- @return the core's data set | nil, err
function Object.__index:parse()
    if self.expired then
        return nil, errors.new { code = "dataset-expired",
            message = "the object has expired with its hook; object:clone() keeps it" }
    end
    local err
    self.handle, err = self:source()
    return self.handle, err
end

-- The syntax of the elements: what is compressed as a whole, or in its Pixel Data, has its other
-- elements in Explicit VR Little Endian (PS3.5 annex A.4 and A.5).
local function element_syntax(transfer_syntax)
    if syntaxes.is_uncompressed(transfer_syntax) then return transfer_syntax end
    return syntaxes.EXPLICIT_LITTLE
end

--- An object that a C-STORE-RQ announces; nothing of it is here.
-- @param association it comes on
-- @param event the core's "command" event
-- @return object; `view` is what hooks get
function object.incoming(association, event)
    local command = event.command
    return new({
        sop_class = command.AffectedSOPClassUID,
        sop_instance = command.AffectedSOPInstanceUID,
        transfer_syntax = association.contexts.by_id[event.context].transfer_syntax,
        origin = { called = association.called, calling = association.calling,
            address = association.core:peer() },
        size = false, -- not known yet
    }, NOT_HERE)
end

--- The same object for a reader of its own, as it was received.
-- @return object
function Object.__index:again()
    return new(self.known, self.source, self.bytes, self.whole)
end

--- Its content is this window, as the core gave it.
-- @param bytes of the elements before Pixel Data
-- @param whole true: there is nothing behind them
function Object.__index:from_header(bytes, whole)
    local syntax = self.known.transfer_syntax
    if element_syntax(syntax) == syntaxes.EXPLICIT_LITTLE then dataset.expect(self.view, bytes) end
    self.source, self.bytes, self.whole = decode_header, bytes, whole
end

--- Its content is in a file, Pixel Data and what stands after them too.
-- @param path of the file
-- @param size bytes of the data set
-- @param header_size bytes before Pixel Data where that is known, or nil
function Object.__index:from_file(path, size, header_size)
    self.known.size = size
    self.bytes = nil -- whoever is told late keeps no window
    if header_size and header_size > HEADER_MAX then
        self.source = incomplete(("the elements before Pixel Data have %d bytes, more than the %d "
            .. "that are looked at"):format(header_size, HEADER_MAX))
        return
    end
    self.source = function() return core.read(path) end
end

--- Parses it now.
-- @return data set | nil, err
function Object.__index:open()
    if self.handle then return self.view end
    local opened, err = pcall(dataset.core_of, self.view)
    if opened then return self.view end
    return nil, err
end

-- Notes the new value of a UID that tells what the object is. Returns true | nil, err.
local function note_identity(self, changes, tag)
    local value = self.view[tag]
    if not uid.is_valid(value) then
        return nil, errors.new { code = "bad-value", message = ("%s must stay a UID%s"):format(
            dataset.keyword(tag), value and (", not '%s'"):format(value) or "") }
    end
    changes[IDENTITY[tag]] = value
    return true
end

--- What was changed in it.
-- @return nil: nothing; or a table for the core: edits (list of {tag=, bytes=}, in order), and
--   sop_class and sop_instance where those are changed | nil, err: it cannot be encoded
function Object.__index:changes()
    local handle = self.handle
    if not handle then return nil end
    local touched, err = handle:touched()
    if not touched then return nil, errors.wrap(err) end
    if #touched == 0 then return nil end
    local syntax = element_syntax(self.known.transfer_syntax)
    local changes = { edits = {} }
    for i, tag in ipairs(touched) do
        local bytes
        bytes, err = handle:encode_element(tag, syntax)
        if not bytes then return nil, errors.wrap(err) end
        changes.edits[i] = { tag = tag, bytes = bytes }
        if IDENTITY[tag] then
            local noted
            noted, err = note_identity(self, changes, tag)
            if not noted then return nil, err end
        end
    end
    return changes
end

--- Its view is of no use any more.
function Object.__index:expire()
    self.expired = true
    dataset.expect(self.view, nil)
    if self.handle then self.handle:expire() end
end

return object

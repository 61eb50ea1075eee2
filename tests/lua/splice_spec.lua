-- splice_spec: what the core makes of the edits of an object, element by element.

local core = require "getscu.core"
local dataset = require "getscu.dataset"
local support = require "support"

local PATIENCE = 30
local CT = "1.2.840.10008.5.1.4.1.1.2"
local IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
local BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- ---- two ends of one association ----

local Pair = { __index = {} }

-- The next event of either end but "sent"; of which.
function Pair.__index:event()
    while true do
        local source, event = core.wait({ self.requestor, self.acceptor or self.listener },
            PATIENCE)
        if not source then error("nothing happens", 2) end
        if event.type ~= "sent" then return event, source end
    end
end

-- An association for objects of one transfer syntax; its acceptor keeps what comes in `directory`.
local function pair_for(syntax)
    local contexts = { { id = 1, abstract_syntax = CT, transfer_syntaxes = { syntax } } }
    local pair = setmetatable({ listener = assert(core.listen { host = "127.0.0.1", port = 0 }),
        directory = box:directory("out"), syntax = syntax }, Pair)
    pair.requestor = assert(core.connect { host = "127.0.0.1", port = pair.listener:port() })
    assert(pair.requestor:request { called = "A", calling = "B", contexts = contexts })
    pair.acceptor = pair:event().association
    assert.equal("requested", pair:event().type)
    assert(pair.acceptor:accept { contexts = contexts })
    assert.equal("associated", pair:event().type)
    pair.place = assert(core.directory(pair.directory))
    return pair
end

function Pair.__index:close()
    for _, association in ipairs { self.requestor, self.acceptor } do
        association:drop() -- without the moment in which the other end may read an abort
        association:close()
    end
    self.listener:close()
end
Pair.__close = Pair.__index.close

-- Sends an object; `answer(acceptor, event)` answers a header.
-- @return the event "received"
function Pair.__index:send(data, answer, hold)
    self.requestor:send(1, { CommandField = 0x0001, MessageID = 1, Priority = 0,
        AffectedSOPClassUID = CT, AffectedSOPInstanceUID = "1.2.3" }, data)
    assert.equal("command", self:event().type)
    self.acceptor:receive(core.sink.file(self.place, hold ~= false, true))
    local event = self:event()
    while event.type == "header" do
        answer(self.acceptor, event)
        event = self:event()
    end
    assert.equal("received", event.type)
    return event
end

-- ---- edits ----

-- What a hook would do.
local function change(ds)
    ds.PatientName = "EDITED^NAME"
    ds.PatientID = nil
    ds.StudyID = "an ID that was not there"
    ds.SOPInstanceUID = "9.8.7"
    ds["0008,0000"] = nil -- so that a group without a length is one of the cases
end

-- The edits of a data set that was changed, as resume() and edit() take them.
local function edits_of(ds, syntax)
    local handle, edits = dataset.core_of(ds), {}
    for i, tag in ipairs(handle:touched()) do
        edits[i] = { tag = tag, bytes = assert(handle:encode_element(tag, syntax)) }
    end
    return { edits = edits, sop_instance = "9.8.7" }
end

-- Edits an object that has arrived, from its file; a data set behind the header, too.
local function edit_finished(pair, also)
    local ds = assert(dataset.read(assert(pair.acceptor:spool())))
    change(ds)
    if also then also(ds) end
    local edits = edits_of(ds, pair.syntax)
    dataset.core_of(ds):close()
    assert(pair.acceptor:edit(edits))
    return assert(pair.acceptor:commit("edited"))
end

-- The bytes of each element, by tag; DCMTK's own group lengths are no news.
local function elements_of(ds, syntax)
    local handle, elements = dataset.core_of(ds), {}
    for _, element in ipairs(assert(handle:elements())) do
        if not element.tag:find ",0000$" then
            elements[element.tag] = assert(handle:encode_element(element.tag, syntax))
        end
    end
    return elements
end

-- The file has what the change makes of the original, and its name in the file meta information.
local function assert_changed(path, original, syntax, also)
    local expected, found = assert(dataset.read(original)), assert(dataset.read(path))
    change(expected)
    if also then also(expected) end
    assert.same(elements_of(expected, syntax), elements_of(found, syntax))
    local part10 = assert(core.part10(path))
    assert.equal("9.8.7", part10.sop_instance)
    assert.equal(CT, part10.sop_class)
    assert.equal(syntax, part10.transfer_syntax)
end

-- The bytes of the data set of a file from Pixel Data on, by its length.
local function tail(path, size)
    return support.read(path):sub(-size)
end

-- ---- objects ----

-- A Part 10 file of our own in a transfer syntax.
local function own_object(syntax, pixels)
    local ds = dataset.new { SOPClassUID = CT, SOPInstanceUID = "1.2.3", PatientName = "BEFORE^IT",
        PatientID = "P", StudyInstanceUID = "1.2", Modality = "CT", ReferencedImageSequence = {
            { ReferencedSOPInstanceUID = "1.1", PatientName = "INSIDE" } },
        ["7FE0,0010"] = ("\1\2\3\4"):rep((pixels or 4000) // 4), ["FFFC,FFFC"] = "\0\0" }
    local path = box:new_path("object.dcm")
    assert(ds:write(path, syntax))
    return path
end

local function data_of(path)
    return { file = path, offset = assert(core.part10(path)).offset }
end

-- ---- promises ----

describe("an object that is edited while it comes", function()
    for _, syntax in ipairs { IMPLICIT, EXPLICIT, BIG } do
        it("differs only in what was edited, in " .. syntax, function()
            local pair <close> = pair_for(syntax)
            for _, pixels in ipairs { 4, 4000, 200000, 1 << 20 } do
                for hold = 0, 1 do
                    local path = own_object(syntax, pixels)
                    local event = pair:send(data_of(path), function(acceptor, event)
                        local ds = assert(dataset.decode(event.bytes, syntax))
                        change(ds)
                        local options = edits_of(ds, syntax)
                        options.name, options.collision = "edited", "replace"
                        acceptor:resume(true, options)
                    end, hold == 1)
                    assert.is_nil(event.error)
                    assert.equal("edited", event.file.name)
                    assert_changed(pair.directory .. "/edited", path, syntax)
                end
            end
            assert.same({ "edited" }, support.list(pair.directory))
        end)
    end
end)

describe("an object that is edited when it is there", function()
    for _, syntax in ipairs { IMPLICIT, EXPLICIT, BIG, DEFLATED } do
        it("differs only in what was edited, behind Pixel Data too, in " .. syntax, function()
            local function also(ds) ds["FFFC,FFFC"] = nil end
            local pair <close> = pair_for(syntax)
            for _, pixels in ipairs { 4, 200000 } do
                local path = own_object(syntax, pixels)
                local event = pair:send(data_of(path), function(acceptor, event)
                    assert.equal(syntax == DEFLATED or nil, event.incomplete)
                    acceptor:resume(true)
                end)
                assert.is_nil(event.error)
                edit_finished(pair, also)
                assert_changed(pair.directory .. "/edited", path, syntax, also)
                assert.same({ "edited" }, support.list(pair.directory))
            end
        end)
    end

    it("of 64 MiB has the bytes of its pixels", function()
        local PIXELS <const> = 64 << 20
        local pair <close> = pair_for(EXPLICIT)
        local path = own_object(EXPLICIT, PIXELS)
        pair:send(data_of(path), function(acceptor) acceptor:resume(true) end)
        edit_finished(pair)
        local edited = pair.directory .. "/edited"
        assert.is_true(tail(edited, PIXELS + 22) == tail(path, PIXELS + 22))
        assert_changed(edited, path, EXPLICIT)
    end)
end)

describe("the objects that python3-pydicom brings", function()
    -- Those that have meta information.
    local function each_object(visit)
        local files = support.pydicom_files() or pending("python3-pydicom is missing")
        local count = 0
        for _, path in ipairs(files) do
            local part10 = core.part10(path)
            local _, size = core.system.kind(path)
            if part10 and size > part10.offset and part10.transfer_syntax ~= "" then
                local pair <close> = pair_for(part10.transfer_syntax)
                if visit(path, part10, pair) then count = count + 1 end
            end
        end
        assert.is_true(count >= 60, count .. " objects")
    end

    -- As far as they are whole, and DCMTK can read them.
    it("stay as they are but for the edits, in the window and when they are there", function()
        each_object(function(path, part10, pair)
            local syntax = part10.transfer_syntax
            local late
            local event = pair:send(data_of(path), function(acceptor, event)
                local ds = not event.incomplete and dataset.decode(event.bytes, syntax)
                late = not ds
                if late then return acceptor:resume(true) end
                change(ds)
                acceptor:resume(true, edits_of(ds, syntax))
            end)
            if event.error then return false end
            local spooled = assert(pair.acceptor:spool())
            if late then
                if not dataset.read(spooled) then return false end
                edit_finished(pair)
            else
                assert(pair.acceptor:commit("edited"))
            end
            assert_changed(pair.directory .. "/edited", path, syntax)
            return true
        end)
    end)
end)

describe("edits", function()
    it("raise where they are none, out of order, or not of the header", function()
        local pair <close> = pair_for(EXPLICIT)
        local name = { tag = "0010,0010", bytes = "\x10\0\x10\0PN\2\0A " }
        local id = { tag = "0010,0020", bytes = "" }
        local pixels = { tag = "7fe0,0010", bytes = "" }
        local wrong = { { name, name }, { id, name }, { { tag = "0002,0010", bytes = "" } },
            { { tag = "0010,0010" } }, { { bytes = "" } }, { { tag = "nothing", bytes = "" } },
            { "0010,0010" } }
        local event = pair:send(data_of(own_object(EXPLICIT)), function(acceptor)
            for _, edits in ipairs(wrong) do
                assert.has_error(function() acceptor:resume(true, { edits = edits }) end)
                assert.has_error(function() acceptor:edit { edits = edits } end)
            end
            assert.has_error(function() acceptor:resume(true, { edits = { pixels } }) end)
            assert.has_error(function() acceptor:resume(true, { edits = 1 }) end)
            assert.has_error(function() acceptor:resume(true, { collision = "merge" }) end)
            assert.has_error(function() acceptor:resume(true, "name") end)
            acceptor:resume(true, { edits = { name, id } })
        end)
        assert.is_nil(event.error)
        assert.is_true(pair.acceptor:edit { edits = { pixels } })
        assert(pair.acceptor:commit("edited"))
        local ds = assert(dataset.read(pair.directory .. "/edited"))
        assert.equal("A", ds.PatientName)
        assert.is_nil(ds.PatientID)
        assert.is_nil(ds.PixelData)
    end)

    it("of a header that is incomplete raise, and the object can be edited later", function()
        local pair <close> = pair_for(DEFLATED)
        local path = own_object(DEFLATED)
        pair:send(data_of(path), function(acceptor)
            assert.has_error(function() acceptor:resume(true, { sop_instance = "9.8.7" }) end,
                "no complete header waits for edits")
            acceptor:resume(true)
        end)
        edit_finished(pair)
        assert_changed(pair.directory .. "/edited", path, DEFLATED)
    end)

    it("in another transfer syntax lose the object, and tell it", function()
        local pair <close> = pair_for(EXPLICIT)
        local event = pair:send(data_of(own_object(EXPLICIT)), function(acceptor)
            local edits = { { tag = "0010,0010", bytes = "\x10\0\x10\0\2\0\0\0A " } }
            acceptor:resume(true, { name = "edited", edits = edits })
        end)
        assert.equal("bad-value", event.error.code)
        assert.same({}, support.list(pair.directory))
        local committed, err = pair.acceptor:commit("edited")
        assert.is_nil(committed)
        assert.equal("object-name", err.code)
        local edited, why = pair.acceptor:edit {}
        assert.is_nil(edited)
        assert.equal("object-name", why.code)
    end)
end)

-- Every wait has an end, and only objects that come on postpone it.

local core = require "getscu.core"
local getscu = require "getscu"
local peer = require "peer"
local support = require "support"
local tasks = require "getscu.tasks"

local CT = "1.2.840.10008.5.1.4.1.1.2"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- A C-GET, during which the server does one thing again and again, as long as the client stands.
-- @param again function(link, request, number)
-- @return result with seconds and files; the event that ended it
local function get(again, ...)
    local out, began = box:directory("out"), core.clock()
    local result, event = peer.converse(box, { "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
        "StudyInstanceUID=1.2.3", "-od", out, ... }, function(link)
        local request, number = link:request(), 0
        while core.clock() < began + 20 do
            local event = tasks.wait(link.core, 0.02)
            if event and event.type ~= "sent" and event.type ~= "command" then return event end
            number = number + 1
            again(link, request, number)
        end
        error "the client waits for ever"
    end)
    result.seconds, result.files = core.clock() - began, support.list(out)
    return result, event
end

describe("-td", function()
    local function ends_in_time(result, event, files)
        assert.same({ 63, "aborted", 0, 0 }, { result.code, event.type, event.source,
            event.reason }, result.err)
        assert.same(files, result.files)
        assert.is_true(result.seconds < 10, result.seconds)
    end

    it("is not postponed by pending responses", function()
        local result, event = get(function(link, request)
            for _ = 1, 100 do link:respond(request, 0xFF00, { remaining = 9 }) end
        end, "-td", "1")
        ends_in_time(result, event, {})
    end)

    it("is not postponed by pending responses with data sets", function()
        local list = assert(getscu.dataset.new { ["0008,0058"] = "1.2.3" }:encode(
            "1.2.840.10008.1.2.1"))
        local result, event = get(function(link, request)
            link:respond(request, 0xFF00, nil, list)
        end, "-td", "1")
        ends_in_time(result, event, {})
    end)

    it("is not postponed by C-ECHO requests", function()
        local result, event = get(function(link, _, number)
            link.core:send(link.contexts["1.2.840.10008.1.1"], { CommandField = 0x0030,
                MessageID = number % 0x10000, AffectedSOPClassUID = "1.2.840.10008.1.1" })
        end, "-td", "1")
        ends_in_time(result, event, {})
    end)

    it("is postponed by objects, and those that came stay", function()
        local result, event = get(function(link, _, number)
            if number < 150 and number % 15 == 0 then
                link:store("1.2.3." .. number, peer.image("1.2.3." .. number))
            end
        end, "-td", "1")
        local expected = {}
        for i = 1, 9 do expected[i] = "CT.1.2.3." .. 15 * i end
        table.sort(expected)
        ends_in_time(result, event, expected)
        assert.is_true(result.seconds > 2.5, result.seconds)
    end)
end)

describe("the deadlines of an association", function()
    it("have the names that they have", function()
        assert.has_error(function()
            getscu.associate { peer = "X@127.0.0.1:1", deadlines = { dismse = 1 } }
        end, "unknown field 'dismse' in deadlines (did you mean 'dimse'?)")
    end)

    it("limit how long a peer may go on after C-CANCEL", function()
        local server <close> = assert(getscu.archive { directory = box:directory("archive"),
            hooks = { serve = function() return false end } })
        server:start()
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = server:port(),
            called = "X", deadlines = { cancel = 0.2 } })
        local began = core.clock()
        local _, err = assoc:get { query = { StudyInstanceUID = "1.2" }, timeout = 0.1,
            ignore = true }
        assert.equal("retrieve-timeout", err.code)
        assert.is_true(core.clock() - began < 4)
    end)

    it("limit how long a peer may leave unread what we send", function()
        local server <close> = peer.listen()
        local link, stands
        local accepting = tasks.start(function()
            link = server:link()
            while not stands do tasks.wait(link.core, 0.01) end -- then it reads nothing
        end)
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = server.port,
            called = "X", deadlines = { write = 0.5 } })
        stands = true
        accepting:join()
        local image = getscu.dataset.new { SOPClassUID = CT, SOPInstanceUID = "1.2.3" }
        image:set("7FE0,0010", ("\1\2"):rep(12 << 20)) -- more than any buffer on the way
        local path, began = box:new_path("image"), core.clock()
        assert(image:write(path, "1.2.840.10008.1.2.1"))
        local status, err = assoc:store(path)
        assert.same({ nil, "write-timeout" }, { status, err.code })
        assert.is_true(core.clock() - began < 10)
        link:event() -- it reads at last: the command
        link.core:receive(core.sink.discard())
        assert.is_not.equal("received", link:event().type)
    end)

    -- It would fill the disk, or keep us busy for ever.
    it("end an object that is larger than allowed, and never ends", function()
        local server <close> = peer.listen()
        local ending
        local sending = tasks.start(function()
            local link = server:link()
            link:request()
            local command = { CommandField = 1, MessageID = 1, Priority = 0,
                AffectedSOPClassUID = CT, AffectedSOPInstanceUID = "1.2.3" }
            local path = box:file(peer.image("1.2.3", 1 << 20))
            link.core:send(link.contexts[CT], command, { file = path, unfinished = 1 << 20 })
            ending = link:await_end()
        end)
        local out = box:directory("out")
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = server.port,
            called = "X", deadlines = { drain = 0.3, dimse = 20 } })
        local began = core.clock()
        local _, err = assoc:get { query = { StudyInstanceUID = "1.2" }, directory = out,
            max_object_size = 100000 }
        assert.equal("object-too-large", err.code)
        assert.matches("did not end an object that is not stored: [^\n]*100000 bytes", err.message)
        assert.is_true(core.clock() - began < 10)
        assert.same({}, support.list(out))
        sending:join()
        assert.equal("aborted", ending)
    end)
end)

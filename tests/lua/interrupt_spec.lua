local core = require "getscu.core"
local peer = require "peer"
local support = require "support"
local wire = require "wire"

local QUERY = { "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3" }
local C_CANCEL = 0x0FFF

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- The program's files are whole, and named as objects are.
local function assert_whole(directory)
    for _, name in ipairs(support.list(directory)) do
        assert.truthy(name:find "^CT%." or name:find "^%d", name)
        assert.truthy(wire.part10(directory .. "/" .. name), name)
    end
end

-- Objects 1.2.3.1, 1.2.3.2, ... until a C-CANCEL comes; returns it and how many were taken.
local function store_until_cancelled(link, first)
    for i = first, 1000 do
        link:store("1.2.3." .. i, peer.image("1.2.3." .. i))
        if link.cancelled then return link.cancelled, i end
    end
    error("no C-CANCEL came")
end

describe("a signal while objects come", function()
    for signal, code in pairs { INT = 130, TERM = 143 } do
        it("cancels: the server ends, and the exit code is that of SIG" .. signal, function()
            local out = box:directory("out")
            local result, cancel, taken, ending, request = peer.converse(box, { QUERY, "-od", out },
                function(link, process)
                    local request = link:request()
                    link:store("1.2.3.1", peer.image "1.2.3.1")
                    process:kill(signal)
                    local cancel, taken = store_until_cancelled(link, 2)
                    link:respond(request, 0xFE00, { completed = taken, remaining = 5 })
                    return cancel, taken, link:await_end(), request
                end)
            assert.equal(code, result.code, result.err)
            assert.equal(C_CANCEL, cancel.command.CommandField)
            assert.equal(request.command.MessageID, cancel.command.MessageIDBeingRespondedTo)
            assert.equal(request.context, cancel.context)
            assert.equal("released", ending)
            assert.equal(taken, #support.list(out))
            assert_whole(out)
        end)
    end

    it("aborts after a grace time where the server goes on", function()
        local out = box:directory("out")
        local began
        local result, ending, event = peer.converse(box, { QUERY, "-od", out },
            function(link, process)
                link:request()
                link:store("1.2.3.1", peer.image "1.2.3.1")
                process:kill("INT")
                began = core.clock()
                store_until_cancelled(link, 2)
                for i = 1, 1000000 do -- deaf to the C-CANCEL
                    link:offer("1.3." .. i, peer.image("1.3." .. i))
                    local event = link:event()
                    if event.type ~= "command" then return event.type, event end
                end
            end)
        assert.equal(130, result.code, result.err)
        assert.same({ "aborted", 0, 0 }, { ending, event.source, event.reason })
        local seconds = core.clock() - began
        assert.is_true(seconds > 2 and seconds < 20, seconds)
        assert_whole(out)
    end)

    it("aborts at once when it comes a second time", function()
        local out = box:directory("out")
        local began
        local result, ending, event = peer.converse(box, { QUERY, "-od", out },
            function(link, process)
                link:request()
                process:kill("INT")
                assert.equal(C_CANCEL, link:request().command.CommandField)
                process:kill("INT")
                began = core.clock()
                return link:await_end()
            end)
        assert.equal(130, result.code, result.err)
        assert.same({ "aborted", 0, 0 }, { ending, event.source, event.reason })
        assert.is_true(core.clock() - began < 2)
    end)

    it("leaves no part of the object that was coming", function()
        for _, option in ipairs { "-B", "+B" } do
            local out = box:directory("out")
            local tap = box:tap(box:image_server(3, 8 << 20), { hold = 12 << 20 })
            local process = box:start_getscu(QUERY, support.to(tap, option, "-od", out))
            process:await(function()
                local said = support.read(tap.record .. ".1.server")
                return said and #said >= 12 << 20
            end, "the second object")
            process:kill("INT")
            process:poll(0.2) -- one signal is not two
            process:kill("INT")
            local result = process:wait()
            assert.equal(130, result.code, result.err)
            assert.equal(1, #support.list(out))
            assert_whole(out)
            local said = wire.pdus(support.read(tap.record .. ".1.client"))
            assert.equal("A-ABORT", said[#said].name)
        end
    end)
end)

describe("a signal", function()
    it("while the connection is made ends it at once", function()
        local deaf = box:deaf_server()
        local process = box:start_getscu(QUERY, support.to(deaf))
        process:await_log("Requesting Association")
        process:kill("INT")
        local began = core.clock()
        assert.equal(130, process:wait().code)
        assert.is_true(core.clock() - began < 3)
    end)

    it("while the association is requested ends it at once", function()
        local silent = box:sayer("")
        local process = box:start_getscu(QUERY, support.to(silent))
        process:await(function()
            return #(support.read(silent.record .. ".1.client") or "") > 0
        end, "the request")
        process:kill("TERM")
        assert.equal(143, process:wait().code)
    end)

    it("ends the queries that are still to come, and --repeat", function()
        local out = box:directory("out")
        local result, again = peer.converse(box, { QUERY, "-od", out, "--repeat", "3" },
            function(link, process)
                local request = link:request()
                process:kill("INT")
                link:request()
                link:respond(request, 0xFE00, { completed = 0, remaining = 5 })
                return link:await_end()
            end)
        assert.same({ 130, "released" }, { result.code, again }, result.err)
    end)
end)

describe("a signal while dcmqrscp sends", function()
    it("cancels there: whole files, and exit code 130", function()
        local images, study = box:images(40, 400000)
        local out = box:directory("out")
        local tap = box:tap(box:dcmqrscp(images), { chunk = 256 }) -- slow
        local process = box:start_getscu("-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
            "StudyInstanceUID=" .. study, support.to(tap, "-od", out))
        process:await_log("Received C-STORE Request")
        process:kill("INT")
        local result = process:wait()
        assert.equal(130, result.code, result.err)
        assert.is_true(#support.list(out) < 40)
        assert_whole(out)
        local recorded = wire.read(tap)
        assert.equal(1, #wire.select(recorded.client.messages, C_CANCEL))
        assert.truthy(wire.story(recorded.client.pdus):find "A%-RELEASE%-RQ$")
    end)
end)

-- core_spec: the bindings raise for a caller's mistake, and never let it reach the core.

local core = require "getscu.core"

local PATIENCE = 10

local function listener()
    return assert(core.listen { port = 0 })
end

-- An association and the listener it is connecting to.
local function connected()
    local port = listener()
    return assert(core.connect { host = "127.0.0.1", port = port:port() }), port
end

-- Both ends of an association that stands.
local function associated()
    local requestor, port = connected()
    local contexts = { { id = 1, abstract_syntax = "1.2.840.10008.1.1",
        transfer_syntaxes = { "1.2.840.10008.1.2" } } }
    assert(requestor:request { called = "A", calling = "B", contexts = contexts })
    local acceptor
    while true do
        local source, event = core.wait({ requestor, acceptor or port }, PATIENCE)
        if event.type == "accepted" then acceptor = event.association end
        if event.type == "requested" then assert(source:accept { contexts = contexts }) end
        if event.type == "associated" then return requestor, acceptor end
    end
end

describe("a number that is out of range", function()
    it("is no length, port, deadline or time to wait", function()
        local association = connected()
        local nan = 0 / 0
        for _, mistake in ipairs {
            function() core.connect { host = "127.0.0.1", port = 1, max_length = -1 } end,
            function() core.connect { host = "127.0.0.1", port = 1, max_length = 1 << 32 } end,
            function() core.connect { host = "127.0.0.1", port = 65536 } end,
            function() core.listen { port = -1 } end,
            function() core.listen { max_length = 1.5 } end,
            function() association:deadlines { acse = nan } end,
            function() association:deadlines { write = -1 } end,
            function() association:request { max_length = -1 } end,
            function() association:request { async = { invoked = 65536 } } end,
            function() association:request { contexts = { { id = 256 } } } end,
            function() association:reject { result = 256 } end,
            function() core.wait({ association }, nan) end,
        } do
            assert.has_error(mistake)
        end
        association:close()
    end)
end)

describe("an association that was closed", function()
    it("raises, whatever it is asked", function()
        local association = connected()
        association:close()
        association:close()
        assert.is_true(association:over())
        for _, method in ipairs { "release", "abort", "drop", "peer", "idle" } do
            assert.has_error(function() association[method](association) end)
        end
        assert.has_error(function() core.wait { association } end)
    end)
end)

describe("an association that is over", function()
    it("gives errors, and is not waited for", function()
        local association = connected()
        association:abort()
        local _, event = core.wait({ association }, PATIENCE)
        assert.equal("closed", event.type)
        assert.is_true(association:over())
        local released, err = association:release()
        assert.is_nil(released)
        assert.equal("not-associated", err.code)
        local requested, refused = association:request { called = "A", calling = "B" }
        assert.is_nil(requested)
        assert.equal("not-associated", refused.code)
        assert.is_nil((core.wait({ association }, math.huge)))
    end)
end)

describe("a file that is to be sent", function()
    it("is not waited for where it is a pipe without a writer", function()
        local requestor = associated()
        local path = os.tmpname()
        os.remove(path)
        assert(os.execute("mkfifo " .. path))
        local sent, err = requestor:send(1, { CommandField = 1, MessageID = 1 }, { file = path })
        os.remove(path)
        assert.is_nil(sent)
        assert.equal("read-failed", err.code)
    end)
end)

describe("a sink", function()
    it("raises where nothing is expected, and after its end", function()
        local association = connected()
        local sink = core.sink.discard()
        assert.has_error(function() association:receive(sink) end, "no data set is expected")
        sink:close()
        sink:close()
        assert.error_matches(function() association:receive(sink) end, "the sink was closed")
        assert.has_error(function() association:resume(true) end)
        association:close()
    end)
end)

local peer = require "peer"
local support = require "support"
local wire = require "wire"

local QUERY = { "-S", "-k", "QueryRetrieveLevel=STUDY" }

local box, server, images, study, objects
setup(function()
    box = support.box()
    images, study = box:images(4, 40000)
    objects = support.list(images)
    server = box:dcmqrscp(images)
end)
teardown(function() box:close() end)

-- Retrieves the study by way of a server, on one association; its result has the files that came.
local function fetch(from, ...)
    local out = box:directory("out")
    local result = box:getscu("-v", "--no-retry", QUERY, support.to(from, "-k",
        "StudyInstanceUID=" .. study, "-od", out, ...))
    result.directory, result.files = out, support.list(out)
    return result
end

local function tells(result, text)
    assert.truthy(result.err:find(text, 1, true), ("'%s' is not in:\n%s"):format(text, result.err))
end

-- The reason of the A-ABORT that a client sent at the end, as "source/reason".
local function abort_of(tap)
    local pdus = wire.pdus(support.read(tap.record .. ".1.client"))
    local last = pdus[#pdus]
    if last.type ~= 7 then return last.name end
    return ("%d/%d"):format(last.body:byte(3), last.body:byte(4))
end

-- How many bytes the server says in the whole association.
local function length_of_all()
    local tap = box:tap(server)
    assert.equal(0, fetch(tap).code)
    return #support.read(tap.record .. ".1.server")
end

describe("what a server says", function()
    it("may come in segments of one byte", function()
        local small = box:images(2, 3000)
        local other = box:dcmqrscp(small)
        local result = fetch(box:tap(other, { chunk = 1 }))
        assert.equal(0, result.code, result.err)
        for _, uid in ipairs(support.list(small)) do
            if uid ~= "index.dat" then
                assert.is_true(wire.part10(result.directory .. "/CT." .. uid)
                    == wire.part10(small .. "/" .. uid))
            end
        end
    end)

    it("may end anywhere: 62, and no file that is not whole", function()
        local all = length_of_all()
        local whole = fetch(server)
        for _, how in ipairs { "cut", "reset" } do
            for part = 1, 9, 2 do
                for _, option in ipairs { "-B", "+B" } do
                    local result = fetch(box:tap(server, { [how] = all * part // 10 }), option)
                    assert.equal(62, result.code, result.err)
                    assert.is_true(#result.files < #objects)
                    for _, name in ipairs(result.files) do
                        local uid = name:gsub("^CT%.", "")
                        assert.is_true(wire.part10(result.directory .. "/" .. name)
                            == wire.part10(whole.directory .. "/CT." .. uid), name)
                    end
                end
            end
        end
    end)

    it("may stop in an object: 63 after -td, an abort, and no part of a file", function()
        for _, option in ipairs { "-B", "+B" } do
            local tap = box:tap(server, { hold = length_of_all() // 2 })
            local result = fetch(tap, "-td", "1", option)
            assert.equal(63, result.code, result.err)
            assert.equal("0/0", abort_of(tap))
            for _, name in ipairs(result.files) do
                assert.truthy(wire.part10(result.directory .. "/" .. name))
                assert.truthy(name:find("2.25.", 1, true), name)
            end
        end
    end)
end)

describe("a wait", function()
    it("for a connection ends after -to", function()
        local result = fetch(box:deaf_server(), "-to", "1")
        assert.equal(63, result.code, result.err)
        tells(result, "connect")
    end)

    it("for the answer to the release ends, and the result stands", function()
        local tap = box:tap(server)
        assert.equal(0, fetch(tap).code)
        local said = support.read(tap.record .. ".1.server")
        assert.equal(6, wire.pdus(said)[#wire.pdus(said)].type)
        local holding = box:tap(server, { hold = #said - 10 })
        local result = fetch(holding)
        assert.equal(0, result.code, result.err)
        assert.equal(#objects, #result.files)
        assert.equal("0/0", abort_of(holding))
    end)
end)

describe("-pdu", function()
    -- What the client announced, and the longest PDU with data that came.
    local function lengths(...)
        local tap = box:tap(server)
        assert.equal(0, fetch(tap, ...).code)
        local recorded, longest = wire.read(tap), 0
        for _, pdu in ipairs(recorded.server.pdus) do
            if pdu.type == 4 then longest = math.max(longest, #pdu.body) end
        end
        local at = recorded.client.pdus[1].body:find("\x51\0\0\4", 1, true)
        return (">I4"):unpack(recorded.client.pdus[1].body, at + 4), longest
    end

    it("is the largest PDU that comes", function()
        local announced, longest = lengths()
        assert.equal(16384, announced)
        assert.is_true(longest <= 16384 and longest > 4096)
        announced, longest = lengths("-pdu", "4096")
        assert.equal(4096, announced)
        assert.is_true(longest <= 4096)
        announced, longest = lengths("-pdu", "131072")
        assert.equal(131072, announced)
        assert.is_true(longest > 16384)
    end)
end)

describe("the look-up of a name", function()
    it("that has no address ends with 60, and names it", function()
        local result = box:getscu(QUERY, "getscu-test.invalid", "104")
        assert.equal(60, result.code)
        tells(result, "getscu-test.invalid")
    end)

    it("takes the IPv4 address unless told otherwise", function()
        local out = box:directory("out")
        local result = peer.converse(box, { QUERY, "-od", out, "-i4" }, function(link)
            link:respond(link:request(), 0)
            link:await_end()
        end)
        assert.equal(0, result.code, result.err)
        result = box:getscu(QUERY, "-i6", "-od", out, "127.0.0.1", server.port)
        assert.equal(60, result.code, result.err)
    end)
end)

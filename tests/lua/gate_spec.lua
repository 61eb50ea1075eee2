-- gate_spec: what a user's script does, it cannot take the program with it.

local core = require "getscu.core"
local errors = require "getscu.errors"
local support = require "support"

local gate = core.gate
local LONG = 200 -- seconds in which a busy machine gives two to each of some processes
local TIME = 0.1 -- seconds
local MEMORY = 8 << 20 -- bytes more than are in use

after_each(function() gate.limit {} end)

local function limit_time()
    gate.limit { seconds = TIME }
end

-- Bytes of garbage would count as well until they are needed.
local function limit_memory()
    collectgarbage()
    gate.limit { memory = gate.memory() + MEMORY }
end

local function loop()
    while true do end -- luacheck: ignore 542
end

-- Calls what must fail so. Returns the message.
local function fails(kind, ...)
    local result = table.pack(gate.call(nil, ...))
    assert.same({ false, kind }, { result[1], result[3] })
    assert.equal("string", type(result[2]))
    assert.is_nil(debug.gethook())
    return result[2], result[4]
end

describe("a function that is called through the gate", function()
    it("gets its arguments and gives its results, nil among them", function()
        assert.same(table.pack(true), table.pack(gate.call(nil, function() end)))
        assert.same(table.pack(true, nil, 2, nil),
            table.pack(gate.call(nil, function(...) return ... end, nil, 2, nil)))
        local many = table.pack(gate.call(nil, table.unpack, {}, 1, 5000))
        assert.equal(5001, many.n)
    end)

    it("has no debug hook, and keeps the one that is there", function()
        limit_time()
        local _, hook = gate.call(nil, debug.gethook)
        assert.is_nil(hook)
        local mine = function() end
        debug.sethook(mine, "", 100000000)
        gate.call(nil, loop)
        local kept, mask, count = debug.gethook()
        debug.sethook()
        assert.same({ mine, "", 100000000 }, { kept, mask, count })
    end)

    it("may call the gate again", function()
        local outer = table.pack(gate.call(nil, function()
            local inner = table.pack(gate.call(nil, error, "inner", 0))
            return inner[1], inner[3], gate.call(nil, math.max, 1, 2)
        end))
        assert.same({ true, false, "error", true, 2, n = 5 }, outer)
    end)

    it("is wanted, and so is a thread in place of another value", function()
        assert.has_error(function() gate.call() end)
        assert.has_error(function() gate.call(nil) end)
        assert.has_error(function() gate.call(1, print) end)
        fails("error", nil)
    end)
end)

describe("an error of a script", function()
    it("is told with its place and a traceback", function()
        local function inner() error("oh no") end
        local message = fails("error", function() inner() end)
        assert.matches("^tests/lua/gate_spec%.lua:%d+: oh no\nstack traceback:\n", message)
        assert.matches("upvalue 'inner'", message)
    end)

    it("is told by its message alone where it is one of the library", function()
        local err = errors.new { code = "no-context", message = "no context" }
        assert.equal("no context", fails("error", error, err))
        assert.equal("bare", fails("error", error, { code = "x", message = "bare" }))
        assert.matches("table", fails("error", error, { code = "x" }))
    end)

    it("may be any object", function()
        assert.matches("nil value", fails("error", error))
        assert.matches("table value", fails("error", error, {}))
        assert.matches("boolean value", fails("error", error, false))
        assert.matches("^42\n", fails("error", error, 42))
        local spoken = setmetatable({}, { __tostring = function() return "spoken" end })
        assert.matches("^spoken\n", fails("error", error, spoken))
    end)

    it("may have a __tostring that is wrong", function()
        for _, wrong in ipairs { error, function() return {} end, function(t) error(t) end, 1 } do
            local message = fails("error", error, setmetatable({}, { __tostring = wrong }))
            assert.matches("whose __tostring fails", message)
        end
    end)

    it("may come from a handler of errors", function()
        local ended, done = gate.call(nil, xpcall, error, function() error "again" end)
        assert.same({ true, false }, { ended, done })
    end)

    it("may be an endless recursion", function()
        local function lua() return 1 + lua() end
        assert.matches("stack overflow", fails("error", lua))
        local function c() return (("a"):gsub("a", c)) end
        assert.matches("stack overflow", fails("error", c))
        local function gates()
            local _, message = gate.call(nil, gates)
            error(message:match "[^\n]*", 0)
        end
        assert.matches("^C stack overflow\n", fails("error", gates))
    end)
end)

describe("a script that yields", function()
    it("is told that it cannot wait", function()
        local function yield() return fails("yield", function() coroutine.yield(1) end) end
        for _, message in ipairs { fails("yield", coroutine.yield), coroutine.wrap(yield)() } do
            assert.matches("^a deciding hook cannot wait %(it yielded%)\n", message)
        end
    end)

    it("may do so in a coroutine of its own", function()
        local _, value = gate.call(nil, function()
            return coroutine.wrap(function() coroutine.yield "inside" end)()
        end)
        assert.equal("inside", value)
    end)

    it("may do so where it is a thread", function()
        local thread = coroutine.create(function(...) return coroutine.yield(...) end)
        assert.same({ true, true, 1, 2 }, { gate.call(thread, coroutine.resume, thread, 1, 2) })
        assert.same({ true, true, 3 }, { gate.call(thread, coroutine.resume, thread, 3) })
    end)
end)

describe("a script that runs too long", function()
    before_each(limit_time)

    local function is_told(message)
        assert.matches("^tests/lua/gate_spec%.lua:%d+: the script ran for more than 0%.1 seconds "
            .. "of CPU time\nstack traceback:\n", message)
    end

    it("is stopped in an endless loop", function()
        local began = os.clock()
        is_told(fails("time", loop))
        assert.is_true(os.clock() - began < TIME + 1)
    end)

    it("is stopped although it catches errors", function()
        is_told(fails("time", function() while true do pcall(loop) end end))
        is_told(coroutine.wrap(function() return fails("time", pcall, pcall, loop) end)())
    end)

    it("has failed although it swallows the error and returns", function()
        is_told(fails("time", function() pcall(loop) return true end))
    end)

    it("is stopped although it takes the debug hook away", function()
        fails("time", function()
            pcall(loop)
            debug.sethook()
            loop()
        end)
    end)

    it("closes what is to be closed", function()
        local closed
        is_told(fails("time", function()
            local _ <close> = setmetatable({}, { __close = function() closed = true end })
            loop()
        end))
        assert.is_true(closed)
    end)

    it("is stopped in what it closes, and in the __tostring of its error", function()
        fails("time", error, setmetatable({}, { __tostring = loop }))
        fails("time", function()
            local _ <close> = setmetatable({}, { __close = loop })
            loop()
        end)
    end)

    it("is stopped in a function that it calls through the gate, and around it", function()
        is_told(fails("time", function()
            gate.call(nil, loop)
            loop()
        end))
        is_told(fails("time", function() return gate.call(nil, pcall, loop) end))
    end)

    it("is stopped as a thread, in each slice by itself", function()
        local thread = coroutine.create(function()
            for _ = 1, 4 do
                local till = os.clock() + TIME / 2
                while os.clock() < till do end -- luacheck: ignore 542
                coroutine.yield()
            end
            loop()
        end)
        for _ = 1, 4 do assert.is_true((gate.call(thread, coroutine.resume, thread))) end
        local done, message, kind = gate.call(thread, coroutine.resume, thread)
        assert.same({ false, "time" }, { done, kind })
        is_told(message)
        assert.is_nil(debug.gethook(thread))
    end)

    it("leaves nothing behind that stops what comes later", function()
        local later
        fails("time", function()
            xpcall(loop, function() -- what is made there inherits the debug hook
                later = coroutine.create(function() return "fine" end)
            end)
        end)
        assert.same({ true, "fine" }, { coroutine.resume(later) })
        assert.same({ true, 1 }, { gate.call(nil, function() return 1 end) })
    end)

    it("is not one that waits", function()
        assert.same({ true }, { gate.call(nil, core.wait, {}, 2 * TIME) })
    end)
end)

describe("what no debug hook stops", function()
    local sources = {
        ["a pattern in a stock interpreter"] = [[
            ("a"):rep(60):find(("a?"):rep(60) .. ("a"):rep(60) .. "b")]],
        ["a coroutine of its own"] = [[
            local thread = coroutine.wrap(function() coroutine.yield() while true do end end)
            thread()
            thread()]],
        ["a handler of errors, when it is stopped"] = [[
            local function loop() while true do end end
            xpcall(loop, loop)]],
        ["a finalizer, where memory was short"] = [[
            local list = { setmetatable({}, { __gc = function() while true do end end }) }
            while true do list[#list + 1] = {} end]],
    }
    local PROGRAM = [[
        local gate = require "getscu.core".gate
        gate.limit { seconds = %g, memory = gate.memory() + %d }
        print(select("#", gate.call(nil, function() while true do end end)))
        print(gate.call(nil, function() %s end))
    ]]

    local box
    local processes = {} -- side by side, since each takes its two seconds
    setup(function()
        box = support.box()
        for what, source in pairs(sources) do
            local is_stock = what:find "stock" and not support.sanitized
            local interpreter = is_stock and { "lua5.4" } or { support.getscu, "--run" }
            local file = box:file(PROGRAM:format(TIME, MEMORY, source))
            processes[what] = box:start(support.words(interpreter, file))
        end
    end)
    teardown(function() box:close() end)

    local function ends(process)
        process:poll(LONG)
        assert.same({ code = 82, out = "3\n",
            err = "F: a script ran past its limit and could not be stopped\n" }, process:wait())
    end

    for what in pairs(sources) do
        it("ends the program two seconds later: " .. what, function() ends(processes[what]) end)
    end
end)

describe("a script that needs too much memory", function()
    local before
    before_each(function()
        limit_memory()
        before = gate.memory()
    end)

    local function is_told(message)
        assert.matches("^the script needs more than %d+%.%d MiB of memory$", message)
    end

    local function grow()
        local list = {}
        for i = 1, math.huge do list[i] = {} end
        return list
    end

    local function is_small()
        assert.is_true(gate.memory() < before + MEMORY // 8)
        assert.is_true((gate.call(nil, string.rep, "x", MEMORY // 4)))
    end

    it("fails, and all of it is free again", function()
        is_told(fails("memory", grow))
        is_small()
        is_told(fails("memory", function() return ("x"):rep(1 << 30) end))
        is_small()
        is_told(fails("memory", function()
            local text = "x"
            while true do text = text .. text end
        end))
        is_small()
    end)

    it("may catch the error and do with less", function()
        local done, caught, kept = gate.call(nil, function()
            return pcall(grow), pcall(string.rep, "x", 1 << 30)
        end)
        assert.same({ true, false, false }, { done, caught, kept })
    end)

    it("fails as a thread", function()
        local thread = coroutine.create(grow)
        local done, message, kind = gate.call(thread, coroutine.resume, thread)
        assert.same({ false, "memory" }, { done, kind })
        is_told(message)
    end)

    it("is not one that leaves much garbage", function()
        assert.is_true((gate.call(nil, function()
            for i = 1, 200 do local _ = ("x"):rep(MEMORY // 10) .. i end
        end)))
    end)

    it("fails in an inner call, and the outer one goes on", function()
        assert.same({ true, false, "memory", "fine" }, { gate.call(nil, function()
            local done, _, kind = gate.call(nil, grow)
            return done, kind, "fine"
        end) })
    end)

    it("is limited in either mode of the collector", function()
        local mode = collectgarbage "generational"
        is_told(fails("memory", grow))
        is_small()
        collectgarbage "incremental"
        is_told(fails("memory", grow))
        is_small()
        collectgarbage(mode)
    end)
end)

describe("the count of memory", function()
    it("is that of the collector", function()
        limit_memory()
        for _ = 1, 3 do
            local text = ("x"):rep(1 << 20)
            local counted, known = gate.memory(), collectgarbage "count" * 1024
            assert.is_true(math.abs(counted - known) < 4096, counted - known)
            assert.equal(1 << 20, #text)
        end
    end)

    it("holds the library up nowhere", function()
        limit_memory()
        local text = ("x"):rep(4 * MEMORY)
        assert.equal(4 * MEMORY, #text)
        assert.is_true(gate.memory() > 4 * MEMORY)
    end)
end)

describe("os.exit", function()
    it("unwinds the script, and tells its code", function()
        local message, code = fails("exit", os.exit, 7)
        assert.same({ "the script called os.exit(7)", 7 }, { message, code })
        assert.equal(0, select(2, fails("exit", os.exit)))
        assert.equal(0, select(2, fails("exit", os.exit, true)))
        assert.equal(1, select(2, fails("exit", os.exit, false, true)))
        local closed
        fails("exit", function()
            local _ <close> = setmetatable({}, { __close = function() closed = true end })
            os.exit(3)
        end)
        assert.is_true(closed)
    end)

    it("does so although the script catches errors, in a coroutine, and around the gate", function()
        fails("exit", function() while true do pcall(os.exit, 1) end end)
        fails("exit", function() pcall(os.exit, 1) loop() end)
        fails("exit", function() coroutine.wrap(pcall)(os.exit, 1) end)
        assert.equal(5, select(2, fails("exit", function() gate.call(nil, os.exit, 5) end)))
        local thread = coroutine.create(function() os.exit(4) end)
        local result = table.pack(gate.call(thread, coroutine.resume, thread))
        assert.same({ false, "the script called os.exit(4)", "exit", 4, n = 4 }, result)
    end)

    it("takes a code as it always did", function()
        assert.matches("bad argument #1 to 'exit'", fails("error", function() os.exit {} end))
    end)

    it("ends the program outside of scripts", function()
        local box = support.box()
        local result = box:program [[
            require "getscu.core".gate.call(nil, print, "called")
            os.exit(9, true)
        ]]
        box:close()
        assert.same({ code = 9, out = "called\n", err = "" }, result)
    end)
end)

describe("a limit", function()
    it("is a number that makes sense", function()
        for _, wrong in ipairs { { seconds = 0 }, { seconds = -1 }, { seconds = 0 / 0 },
            { seconds = 1e10 }, { seconds = "soon" }, { memory = 0 }, { memory = -1 },
            { memory = 1.5 }, 1 } do
            assert.has_error(function() gate.limit(wrong) end)
        end
        gate.limit { seconds = math.huge, memory = math.maxinteger }
    end)
end)

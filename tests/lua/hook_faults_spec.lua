local asking = require "asking"
local dataset = require "getscu.dataset"
local peer = require "peer"
local support = require "support"

-- What becomes of object, association and exit code when a hook fails or does not end.

local UID = "1.2.3.4."

local box

setup(function() box = support.box() end)
teardown(function() box:close() end)

-- Runs the program with a script against a server that sends objects until it is aborted.
-- @return result, with statuses, ending (how the association ended), files, directory
local function run(text, words, count)
    local out = box:directory("out")
    local statuses, ending = {}, nil
    local result = peer.converse(box, { asking.study "1.2.3", "-od", out, "--script",
        box:file(text, "hooks.lua"), words or {} }, function(link)
        local request = link:request()
        for i = 1, count or 1 do
            link:offer(UID .. i, peer.image(UID .. i))
            local event = link:event()
            if event.type ~= "command" then
                ending = event.type
                return
            end
            statuses[i] = event.command.Status
        end
        link:respond(request, 0xB000, { completed = 0 })
        ending = link:await_end()
    end)
    result.statuses, result.ending = statuses, ending
    result.directory, result.files = out, support.list(out)
    return result
end

describe("a hook that fails", function()
    it("refuses its object with 0110H, and the next one has its turn", function()
        local result = run("local count = 0\nreturn { accept = function()\ncount = count + 1\n"
            .. "if count == 1 then error 'not this one' end\nend }", nil, 2)
        assert.same({ 0x0110, 0 }, result.statuses)
        assert.same({ "CT." .. UID .. "2" }, result.files)
        assert.equal(80, result.code)
        assert.matches("hook 'accept' of %S*hooks.lua: %S*hooks.lua:4: not this one", result.err)
        assert.matches("stack traceback:", result.err)
        assert.equal("released", result.ending)
    end)

    it("is shown with the calls that led to it, and none of the library's", function()
        local result = run("local function deeper(object) return object.none.such end\n"
            .. "return { accept = function(object) local answer = deeper(object)\n"
            .. "return answer end }")
        assert.matches("in upvalue 'deeper'\n[^\n]*hooks.lua:2: in function [^\n]*\nE: object",
            result.err)
    end)

    it("keeps its object as it came, if so asked", function()
        local result = run("return { edit = function(object) object.PatientID = 'X'\n"
            .. "error 'half done' end, name = function() return 'never' end }",
            { "--on-script-error", "keep" })
        assert.same({ 0 }, result.statuses)
        assert.same({ "CT." .. UID .. "1" }, result.files)
        assert.equal("P", dataset.read(result.directory .. "/" .. result.files[1]).PatientID)
        assert.equal(80, result.code)
    end)

    it("aborts the association, if so asked", function()
        local result = run("return { accept = function() error 'enough' end }",
            { "--on-script-error", "abort" }, 3)
        assert.same({}, result.statuses)
        assert.equal("aborted", result.ending)
        assert.same({}, result.files)
        assert.equal(80, result.code)
    end)

    for _, thrown in ipairs { "error()", "error(nil)", "error({})", "error(7)", "error(print)",
        "error(setmetatable({}, { __tostring = function() error 'again' end }))",
        "local x = nil + 1", "(function() local function f() return 1 + f() end f() end)()" } do
        it("is told whatever it throws: " .. thrown, function()
            local result = run("return { accept = function() " .. thrown .. " end }")
            assert.same({ 0x0110 }, result.statuses)
            assert.equal(80, result.code, result.err)
            assert.matches("hook 'accept' of %S*hooks.lua: %S", result.err)
        end)
    end

    -- Lua makes a warning of it, which nobody saw.
    it("in a finalizer is told, and the exit code tells it", function()
        for _, collects in ipairs { "collectgarbage()", "" } do -- else when all is over
            local result = run("return { accept = function() "
                .. "setmetatable({}, { __gc = function() error 'not\27\u{9b} this' end })\n"
                .. collects .. " end }")
            assert.same({ 0 }, result.statuses)
            assert.same({ "CT." .. UID .. "1" }, result.files)
            assert.equal(80, result.code, result.err)
            assert.matches("E: error in __gc %(%S*hooks.lua:1: not%?%?%? this%)\n", result.err)
        end
    end)

    it("because it waits is told that it cannot", function()
        for _, waits in ipairs { "coroutine.yield()", "require 'getscu'.tasks.sleep(0.01)" } do
            local result = run("return { accept = function() " .. waits .. " end }")
            assert.same({ 0x0110 }, result.statuses)
            assert.matches("cannot wait", result.err)
            assert.equal(80, result.code)
        end
    end)
end)

-- A slow on_stored had 64 objects waiting, and the retrieval with them. Then it failed, on_error
-- was one notice too many, and the script's own worker waited for itself: for ever.
describe("a hook that fails while the retrieval waits for it", function()
    it("does not wait for itself", function()
        local result = run([[local getscu, count = require "getscu", 0
            return {
                on_stored = function()
                    count = count + 1
                    if count == 1 then getscu.tasks.sleep(0.3) else error "no" end
                end,
                on_error = function(err) print(err.code) end,
                on_done = function(summary) print(summary.script_errors) end,
            }]], nil, 80)
        assert.equal("hook-failed\n79\n", result.out)
        assert.equal(80, result.code)
        assert.equal("released", result.ending)
    end)
end)

describe("a hook that exits", function()
    it("ends the association by an abort, and the program with its code", function()
        local result = run("return { accept = function() os.exit(7) end }", nil, 2)
        assert.same({}, result.statuses)
        assert.equal("aborted", result.ending)
        assert.same({}, result.files)
        assert.equal(7, result.code, result.err)
    end)

    it("when it is told something does the same", function()
        local result = run("return { on_stored = function() os.exit(9) end }", nil, 3)
        assert.equal("aborted", result.ending)
        assert.equal(9, result.code, result.err)
    end)
end)

describe("a hook that does not end", function()
    it("is stopped when its CPU time is over, and refuses its object", function()
        local result = run("return { accept = function() while true do end end }",
            { "--script-timeout", "1" })
        assert.same({ 0x0110 }, result.statuses)
        assert.same({}, result.files)
        assert.equal(82, result.code)
        assert.matches("more than 1 seconds of CPU time", result.err)
    end)

    it("is stopped also where it catches errors", function()
        local result = run("return { accept = function() while true do "
            .. "pcall(function() while true do end end) end end }", { "--script-timeout", "1" })
        assert.same({ 0x0110 }, result.statuses)
        assert.equal(82, result.code)
    end)

    it("is stopped also when it is told something", function()
        local result = run("return { on_stored = function() while true do end end }",
            { "--script-timeout", "1" }, 2)
        assert.equal(2, #result.files)
        assert.equal(82, result.code, result.err)
    end)

    it("in a way that nothing stops ends the program: abort, nothing half-written, 82", function()
        local result = run("return { accept = function() "
            .. "(('a'):rep(40)):find((('a?'):rep(40)) .. ('a'):rep(40) .. 'b') end }",
            { "--script-timeout", "1" })
        assert.same({}, result.statuses)
        assert.equal("aborted", result.ending)
        assert.same({}, result.files)
        assert.equal(82, result.code)
        assert.matches("^F: ", result.err)
    end)

    it("may wait as long as it likes", function()
        local result = run("local getscu = require 'getscu'\nreturn { on_stored = function() "
            .. "getscu.tasks.sleep(1.2) print 'awake' end }", { "--script-timeout", "1" })
        assert.equal("awake\n", result.out)
        assert.equal(1, #result.files)
    end)
end)

describe("a hook that wants too much memory", function()
    for _, bomb in ipairs { "local t = {} while true do t[#t + 1] = {} end",
        "('x'):rep(1 << 30)" } do
        it("fails, and the rest goes on: " .. bomb, function()
            local result = run("local first = true\nreturn { accept = function() "
                .. "if first then first = false " .. bomb .. " end end }",
                { "--script-memory", "32" }, 2)
            assert.same({ 0x0110, 0 }, result.statuses)
            assert.equal(1, #result.files)
            assert.equal(82, result.code, result.err)
        end)
    end
end)

-- The first signal left hooks waiting for ever; after the second, on_done was told and waited
-- again.
describe("a hook that waits when a signal comes", function()
    local WAIT = "local function wait() require 'getscu'.tasks.sleep(1000) end\n"

    -- The client has an object; then it is sent the signals, one after the other.
    local function interrupt(text, signals)
        local out = box:directory("out")
        local result, ending = peer.converse(box, { asking.study "1.2.3", "-od", out, "--script",
            box:file(WAIT .. text, "hooks.lua") }, function(link, process)
            local request = link:request()
            link:store("1.2.3.1", peer.image "1.2.3.1")
            process:kill(signals[1])
            link:request() -- C-CANCEL
            if signals[2] then
                process:kill(signals[2])
            else
                link:respond(request, 0xFE00, { completed = 1 })
            end
            return link:await_end()
        end)
        result.ending, result.files = ending, support.list(out)
        return result
    end

    it("has a moment", function()
        local result = interrupt("return { on_stored = wait }", { "TERM" })
        assert.equal(143, result.code, result.err)
        assert.equal("released", result.ending)
        assert.same({ "CT.1.2.3.1" }, result.files)
    end)

    it("ends at once the second time, and so does what is told from then on", function()
        local result = interrupt("return { on_stored = wait, "
            .. "on_done = function() print 'done' wait() print 'late' end }", { "INT", "INT" })
        assert.equal(130, result.code, result.err)
        assert.equal("aborted", result.ending)
        assert.same({ "CT.1.2.3.1" }, result.files)
        assert.equal("done\n", result.out)
    end)

    it("ends also before anything was asked", function()
        local process = box:start_getscu("--script", box:file(WAIT
            .. "return { query = function() io.stderr:write 'asked\\n' wait() end }"),
            asking.study "1", "127.0.0.1", 1)
        process:await_log "asked"
        process:kill "INT"
        assert.equal(130, process:wait().code)
    end)
end)

local getscu = require "getscu"
local peer = require "peer"
local support = require "support"

local QUERY = { "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3" }
local MODES = { "-B", "+B" }

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- Stores three objects, with something done after the first, and ends the C-GET as a server does.
-- Returns the result and the statuses.
local function three(arguments, after_first, options)
    return peer.converse(box, { QUERY, arguments }, function(link)
        local request = link:request()
        local statuses, failed = {}, 0
        for i = 1, 3 do
            statuses[i] = link:store("1.2.3." .. i, peer.image("1.2.3." .. i))
            if statuses[i] ~= 0 then failed = failed + 1 end
            if i == 1 then after_first() end
        end
        link:respond(request, failed > 0 and 0xB000 or 0, { completed = 3 - failed,
            failed = failed, warning = 0 })
        assert.equal("released", link:await_end())
        return statuses
    end, options)
end

local function out_of_resources(status)
    return status >= 0xA700 and status <= 0xA7FF
end

describe("an output directory", function()
    it("that is removed in mid-run: every other object is told, and exit code 40", function()
        for _, mode in ipairs(MODES) do
            local out = box:directory("out")
            local result, statuses = three({ mode, "-od", out }, function()
                getscu.exec { "rm", "-r", out }
            end)
            assert.equal(40, result.code, result.err)
            assert.equal(0, statuses[1])
            assert.is_true(out_of_resources(statuses[2]) and out_of_resources(statuses[3]))
            assert.is_nil(support.read(out .. "/CT.1.2.3.2"))
            assert.truthy(result.err:find("1.2.3.2", 1, true), result.err)
            assert.truthy(result.err:find("1.2.3.3", 1, true), result.err)
        end
    end)

    it("that is given to somebody else in mid-run: the same", function()
        local program = box:as_nobody() or pending("only root can become somebody else")
        for _, mode in ipairs(MODES) do
            local out = box:directory("out")
            box:tool { "chown", "65534:65534", out }
            local result, statuses = three({ mode, "-od", out }, function()
                getscu.exec { "chown", "0:0", out }
                getscu.exec { "chmod", "755", out }
            end, { program = program })
            assert.equal(40, result.code, result.err)
            assert.equal(0, statuses[1])
            assert.is_true(out_of_resources(statuses[2]) and out_of_resources(statuses[3]))
            assert.equal(1, #support.list(out))
        end
    end)

    it("whose file system is full: 40, no part of a file, and the server is asked to stop",
        function()
            for _, mode in ipairs(MODES) do
                local out = box:directory("out")
                local mounted = box:run { "unshare", "-m", "mount", "-t", "tmpfs", "none", out }
                if mounted.code ~= 0 then pending("only root can mount a small file system") end
                local listing = box:new_path("listing")
                local program = { "unshare", "-m", "sh", "-c", [[
                    mount -t tmpfs -o size=64k none "$0" || exit 99
                    listing=$1; shift
                    "$@"; code=$?
                    ls -A "$0" >"$listing"
                    exit $code]], out, listing, support.getscu }
                local result, first, second, cancel = peer.converse(box, { QUERY, mode, "-od",
                    out }, function(link)
                    local request = link:request()
                    local first = link:store("1.2.3.1", peer.image "1.2.3.1")
                    local second = link:store("1.2.3.2", peer.image("1.2.3.2", 100000))
                    local cancel = link.cancelled or link:request()
                    link:respond(request, 0xFE00, { completed = 1, failed = 1, remaining = 7 })
                    link:await_end()
                    return first, second, cancel.command
                end, { program = program })
                assert.equal(40, result.code, result.err)
                assert.equal(0, first)
                assert.is_true(out_of_resources(second))
                assert.equal(0x0FFF, cancel.CommandField)
                assert.equal(mode == "+B" and "1.2.3.1\n" or "CT.1.2.3.1\n", support.read(listing))
            end
        end)

    it("that is another one by a symbolic link is written to where it led", function()
        local first, second = box:directory("first"), box:directory("second")
        local link = box:new_path("link")
        box:tool { "ln", "-s", first, link }
        local result = three({ "-od", link }, function()
            getscu.exec { "ln", "-sfn", second, link }
        end)
        assert.equal(0, result.code, result.err)
        assert.equal(3, #support.list(first))
        assert.same({}, support.list(second))
    end)
end)

describe("an object whose name", function()
    it("is that of a directory is not stored; the others are", function()
        local out = box:directory("out")
        getscu.exec { "mkdir", out .. "/CT.1.2.3.2" }
        local result, statuses = three({ "-od", out }, function() end)
        assert.equal(40, result.code, result.err)
        assert.same({ 0, 0 }, { statuses[1], statuses[3] })
        assert.is_true(out_of_resources(statuses[2]))
        assert.same({ "CT.1.2.3.1", "CT.1.2.3.3" }, support.list(out))
    end)

    it("is that of a symbolic link replaces the link, and leaves alone where it led", function()
        local out, elsewhere = box:directory("out"), box:file("precious")
        box:tool { "ln", "-s", elsewhere, out .. "/CT.1.2.3.2" }
        local result = three({ "-od", out }, function() end)
        assert.equal(0, result.code, result.err)
        assert.equal("precious", support.read(elsewhere))
        assert.equal("DICM", support.read(out .. "/CT.1.2.3.2"):sub(129, 132))
    end)
end)

describe("two programs", function()
    it("may write into one directory at once", function()
        local out = box:directory("out")
        local server = box:image_server(20, 100000)
        local processes = {}
        for i = 1, 2 do
            processes[i] = box:start_getscu(QUERY, support.to(server, "-od", out))
        end
        for _, process in ipairs(processes) do
            local result = process:wait()
            assert.equal(0, result.code, result.err)
        end
        assert.equal(20, #support.list(out))
    end)
end)

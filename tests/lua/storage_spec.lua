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

-- Whether a process may have file systems of its own.
local function can_mount()
    return box:run({ "unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt" }).code == 0
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

    -- As a file system does that found errors, or whose device is gone.
    it("that becomes read-only in mid-run: the same", function()
        if not can_mount() then pending "the machine does not allow: unshare -rm mount" end
        for _, mode in ipairs(MODES) do
            local out, going, gone = box:directory("out"), box:new_path("going"),
                box:new_path("gone")
            local program = { "unshare", "-rm", "sh", "-c", [[
                mount -t tmpfs none "$0" || exit 99
                going=$1; gone=$2; shift 2
                { until [ -e "$going" ]; do sleep 0.01; done
                    mount -o remount,ro "$0"; : >"$gone"; } &
                exec "$@"]], out, going, gone, support.getscu }
            local result, statuses = three({ mode, "-od", out }, function()
                support.write(going, "")
                while not support.read(gone) do getscu.tasks.sleep(0.01) end
            end, { program = program })
            assert.equal(40, result.code, result.err)
            assert.equal(0, statuses[1])
            assert.is_true(out_of_resources(statuses[2]) and out_of_resources(statuses[3]))
            assert.truthy(result.err:find("1.2.3.2", 1, true), result.err)
            assert.truthy(result.err:find("Read-only file system", 1, true), result.err)
        end
    end)

    -- A plain umount(8) is refused while we hold it; a lazy one takes it out of everybody's sight,
    -- and what we go on to write is there when it is mounted again.
    it("cannot be unmounted in mid-run", function()
        if not can_mount() then pending "the machine does not allow: unshare -rm mount" end
        local out, going, gone = box:directory("out"), box:new_path("going"), box:new_path("gone")
        local program = { "unshare", "-rm", "sh", "-c", [[
            mount -t tmpfs none "$0" || exit 99
            going=$1; gone=$2; shift 2
            { until [ -e "$going" ]; do sleep 0.01; done
                umount "$0"; echo $? >"$gone"; } &
            "$@"; code=$?
            wait
            ls "$0" >>"$gone"
            exit $code]], out, going, gone, support.getscu }
        local result = three({ "-od", out }, function()
            support.write(going, "")
            while not (support.read(gone) or ""):find "\n" do getscu.tasks.sleep(0.01) end
        end, { program = program })
        assert.equal(0, result.code, result.err)
        local code, names = support.read(gone):match "^(%d+)\n(.*)$"
        assert.is_not.equal("0", code)
        assert.equal("CT.1.2.3.1\nCT.1.2.3.2\nCT.1.2.3.3\n", names)
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

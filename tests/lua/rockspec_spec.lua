local core = require "getscu.core"
local support = require "support"

local ROCKSPEC = "rockspec/getscu-0.1.0-1.rockspec"
-- Nothing is fetched: who tries asks a proxy that is not there.
local OFFLINE = { "http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1" }

local box, copy, tree, made
setup(function()
    if support.sanitized then return end
    box = support.box()
    -- With what `make` compiled already, where it did: that takes a minute.
    copy, tree = box:directory("copy"), box:new_path("tree")
    box:tool { "cp", "-a", "Makefile", "LICENSE", "rockspec", "src", "lua", copy }
    if core.system.kind "build/obj" then
        box:tool { "mkdir", copy .. "/build" }
        box:tool { "cp", "-a", "build/obj", "build/library.c", copy .. "/build" }
    end
    made = box:run({ "sh", "-c", 'cd "$0" && exec luarocks --lua-version 5.4 make --tree "$1" '
        .. '--deps-mode none "$2"', copy, tree, ROCKSPEC },
        { environment = support.words(OFFLINE, "HOME=" .. box.path) })
end)
teardown(function() if box then box:close() end end)

local function only_stock()
    if support.sanitized then pending "an instrumented core cannot be loaded there" end
end

-- Runs a program in the copy that finds the library in the tree, and nowhere else.
local function run(...)
    local share, library = tree .. "/share/lua/5.4/", tree .. "/lib/lua/5.4/"
    return box:run(support.words("sh", "-c", 'cd "$0" && exec "$@"', copy, ...), { environment = {
        ("LUA_PATH=%s?.lua;%s?/init.lua;;"):format(share, share),
        ("LUA_CPATH=%s?.so;;"):format(library),
    } })
end

describe("the rockspec", function()
    it("builds and installs the whole library, offline", function()
        only_stock()
        assert.equal(0, made.code, made.out .. made.err)
        assert.same({ "getscu/core.so", "getscu/imaging_core.so" },
            support.list(tree .. "/lib/lua/5.4"))
        assert.same(support.list "lua/stdlib", support.list(tree .. "/share/lua/5.4"))
    end)

    it("gives lua5.4 the library: it asks a server, and decodes", function()
        only_stock()
        local server = box:archive(box:directory("archive"))
        local result = run("lua5.4", box:file [[
            local getscu = require "getscu"
            local association <close> = assert(getscu.associate { peer = arg[1] })
            print(association:echo(), association:release())
            print(getscu.imaging.can "1.2.840.10008.1.2.4.80")
            print((package.searchpath("getscu.core", package.cpath)))
        ]], "ARCHIVE@127.0.0.1:" .. server.port)
        assert.same({ code = 0, err = "",
            out = ("true\ttrue\ntrue\n%s/lib/lua/5.4/getscu/core.so\n"):format(tree) }, result)
    end)

    it("gives it to busted", function()
        only_stock()
        local result = run("busted", "--lua=lua5.4", "-o", "TAP", box:file([[
            local getscu = require "getscu"
            describe("getscu", function()
                it("makes data sets", function()
                    assert.equal("X", getscu.dataset.new { PatientID = "X" }.PatientID)
                end)
            end)
        ]], "rock_spec.lua"))
        assert.equal(0, result.code, result.out .. result.err)
        assert.truthy(result.out:find("ok 1", 1, true))
    end)
end)

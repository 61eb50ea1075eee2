local pictures = require "pictures"
local support = require "support"

local MODULE = support.build .. "/lua/getscu/imaging_core.so"
-- Nothing is found but what stands beside the program.
local ALONE = { "env", "LUA_CPATH=" }

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- The libraries that a file names itself.
local function needed(path)
    local names = {}
    for name in box:tool { "objdump", "-p", path }:gmatch "NEEDED%s+lib([%w_+-]+)" do
        names[#names + 1] = name
    end
    assert.is_true(#names > 3)
    return names
end

local function is_of_imaging(name)
    return name:find "^dcmim" or name:find "^dcmj" or name:find "^png" or name:find "^ijg"
end

-- A Lua program in a program that stands somewhere else.
local function run(program, source, ...)
    return box:run(support.words(ALONE, program, "--run", box:file(source, "program.lua"), ...))
end

-- A copy of the program; with `folder` of the modules beside it too.
local function installed(program, folder)
    local root = box:directory("root")
    for _, path in ipairs { program, folder } do
        box:tool { "mkdir", "-p", (root .. "/" .. path):match "^(.*)/" }
    end
    box:tool { "cp", support.getscu, root .. "/" .. program }
    if folder then box:tool { "cp", MODULE, root .. "/" .. folder } end
    return root .. "/" .. program
end

local CAN = [[
    local imaging = require("getscu").imaging
    print(imaging.can "1.2.840.10008.1.2.5")
]]

describe("the program", function()
    it("is linked with nothing that only images need", function()
        local files = { support.getscu, support.build .. "/lua/getscu/core.so" }
        for _, path in ipairs(files) do
            for _, name in ipairs(needed(path)) do
                assert.is_falsy(is_of_imaging(name), path .. ": " .. name)
            end
        end
        local found = false
        for _, name in ipairs(needed(MODULE)) do found = found or is_of_imaging(name) end
        assert.truthy(found)
    end)

    it("loads the codecs when they are first needed, not before", function()
        local result = run(support.getscu, [[
            local function is_loaded()
                local file <close> = io.open "/proc/self/maps"
                return file:read("a"):find("libdcmjpeg", 1, true) ~= nil
            end
            local imaging = require("getscu").imaging
            print(is_loaded(), imaging.can "1.2.840.10008.1.2.5", is_loaded())
        ]])
        assert.same({ code = 0, out = "false\ttrue\ttrue\n", err = "" }, result)
    end)

    it("finds them beside itself, in a build tree and where they were installed", function()
        for _, program in ipairs { support.getscu,
            installed("build/getscu", "build/lua/getscu/imaging_core.so"),
            installed("bin/getscu", "lib/lua/5.4/getscu/imaging_core.so") } do
            assert.same({ code = 0, out = "true\n", err = "" }, run(program, CAN))
        end
        local link = box:new_path("link")
        box:tool { "ln", "-s", installed("bin/getscu", "lib/lua/5.4/getscu/imaging_core.so"), link }
        assert.equal("true\n", run(link, CAN).out)
    end)

    it("says what to do where they are not there", function()
        local program = installed("bin/getscu")
        local result = run(program, CAN)
        assert.equal(0, result.code)
        assert.truthy(result.out:find("^false\tthere is no getscu/imaging_core.so"), result.out)
        assert.truthy(result.out:find("`make module` builds it", 1, true))
        result = run(program, [[
            local imaging = require("getscu").imaging
            for _, work in ipairs { imaging.decode, imaging.render } do
                local nothing, err = work(...)
                print(nothing, err.code)
            end
            print(select(2, imaging.transcode("a", "b", "1.2.840.10008.1.2.5")).code)
        ]], "a.dcm")
        assert.same({ code = 0, err = "",
            out = "nil\timaging-missing\nnil\timaging-missing\nimaging-missing\n" }, result)
    end)

    it("does not take what is none, or of another version", function()
        local program = installed("bin/getscu", "lib/lua/5.4/getscu/imaging_core.so")
        local module = program:gsub("bin/getscu$", "lib/lua/5.4/getscu/imaging_core.so")
        support.write(module, "no library")
        assert.truthy(run(program, CAN).out:find("imaging_core.so cannot be loaded: ", 1, true))
        local result = run(program, [[
            package.preload["getscu.imaging_core"] = function() return { version = "0.0" } end
        ]] .. CAN)
        assert.truthy(result.out:find("is of version 0.0", 1, true), result.out)
    end)
end)

describe("a stock lua5.4", function()
    it("decodes and renders", function()
        if support.sanitized then pending("an instrumented core cannot be loaded there") end
        local path = box:new_path("image.dcm")
        assert(pictures.grey({ { 0, 1, 2 }, { 3, 4, 5 } }):write(path))
        local result = box:run { "lua5.4", box:file [[
            local imaging = require("getscu").imaging
            local bytes, frame = assert(imaging.decode(arg[1]))
            print(#bytes, frame.columns, assert(imaging.render(arg[1])):sub(2, 4))
        ]], path }
        assert.same({ code = 0, out = "12\t3\tPNG\n", err = "" }, result)
    end)
end)

local getscu = require "getscu"
local support = require "support"

local EXAMPLES, DEMO = "scripts/examples/", "scripts/demo/"
local phantoms = dofile(DEMO .. "phantoms.lua")

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

local function demo(environment, ...)
    table.insert(environment, "TMPDIR=" .. box.path)
    return box:run(support.words(support.getscu, "--run", DEMO .. "demo.lua", { ... }),
        { environment = environment })
end

describe("the demo", function()
    it("retrieves three studies, and shows whose they are and where", function()
        local result = demo {}
        assert.equal(0, result.code, result.err)
        for _, name in ipairs { "Yamada^Tarou=山田^太郎=やまだ^たろう",
            "Suzuki^Hanako=鈴木^花子=すずき^はなこ", "Müller^Jörg" } do
            assert.truthy(result.out:find(name, 1, true), name)
        end
        local total = 0
        for count, folder in result.out:gmatch "%- (%d+) objects in (%S+)" do
            assert.equal(tonumber(count), #support.list(folder))
            total = total + count
        end
        assert.equal(38, total)
        assert.truthy(result.err:find("I: Received C-GET Response (Success)", 1, true))
        assert.truthy(result.out:find("your own PACS", 1, true))
    end)

    it("takes a new folder of one's own", function()
        local folder = box:new_path("mine")
        assert.equal(0, demo({}, folder).code)
        assert.equal(38, #support.list(folder .. "/received"))
    end)

    it("does not end with 0 when something was not retrieved", function()
        local library = box:directory("lua")
        box:tool { "cp", "-r", "lua/.", library }
        support.write(library .. "/getscu.lua", "return 69")
        local result = demo { "GETSCU_LUADIR=" .. library }
        assert.equal(1, result.code)
        assert.truthy(result.out:find("went wrong", 1, true))
    end)
end)

describe("the phantoms", function()
    local folder
    setup(function()
        folder = box:new_path("phantoms")
        assert.equal(0, box:getscu("--run", DEMO .. "phantoms.lua", folder).code)
    end)

    it("are the same each time", function()
        local again = box:new_path("phantoms")
        assert.equal(38, phantoms.write(again))
        for _, name in ipairs(support.list(folder)) do
            local first = support.read(folder .. "/" .. name)
            local second = support.read(again .. "/" .. name)
            assert.is_true(first == second, name)
        end
    end)

    it("are read by DCMTK, pictures and report", function()
        for _, name in ipairs { "PHANTOM-1-0001-12", "PHANTOM-2-0001-6", "PHANTOM-3-0002-1" } do
            box:tool { "dcm2pnm", "--write-raw-pnm", folder .. "/" .. name .. ".dcm",
                box:new_path("picture") }
        end
        local text = box:tool { "dsrdump", folder .. "/PHANTOM-3-0001-1.dcm" }
        assert.truthy(text:find("Basic Text SR Document", 1, true))
    end)

    it("have pixels as many as rows and columns say", function()
        for _, name in ipairs(support.list(folder)) do
            local object = assert(getscu.dataset.read(folder .. "/" .. name))
            if object.Rows then
                assert.equal(object.Rows * object.Columns * object.SamplesPerPixel
                    * object.BitsAllocated // 8, #object.PixelData, name)
            end
        end
    end)

    it("have names in three character sets", function()
        local sets = {}
        for i, name in ipairs { "PHANTOM-1-0001-1", "PHANTOM-2-0001-1", "PHANTOM-3-0001-1" } do
            local object = assert(getscu.dataset.read(folder .. "/" .. name .. ".dcm"))
            sets[i] = object.SpecificCharacterSet .. " " .. object.PatientName
        end
        assert.same({ "ISO_IR 192 Yamada^Tarou=山田^太郎=やまだ^たろう",
            "\\ISO 2022 IR 87 Suzuki^Hanako=鈴木^花子=すずき^はなこ", "ISO_IR 100 Müller^Jörg" }, sets)
    end)
end)

describe("the examples", function()
    local archive, peer
    setup(function()
        archive = box:phantom_archive()
        peer = "ARCHIVE@127.0.0.1:" .. archive:port()
    end)
    teardown(function() archive:close() end)

    local function run(name, ...)
        local result = box:getscu("--run", EXAMPLES .. name .. ".lua", ...)
        return result.code, result.out, result.err
    end

    it("echo.lua: verifies a server, or says why not", function()
        assert.equal(0, (run("echo", peer)))
        local code, _, err = run("echo", "X@127.0.0.1:" .. support.free_port())
        assert.equal(60, code)
        assert.truthy(err:find("127.0.0.1", 1, true))
    end)

    it("find.lua: finds the study of an accession number", function()
        local code, out = run("find", peer, "A-0002", "A-0003", "A-9999")
        assert.equal(0, code)
        assert.equal(("A-0002\t%s\t20250402\tSuzuki^Hanako=鈴木^花子=すずき^はなこ\n"
            .. "A-0003\t%s\t20250403\tMüller^Jörg\n"):format(phantoms.studies[2].uid,
            phantoms.studies[3].uid), out)
    end)

    it("fetch-list.lua: retrieves a list, and tells what is missing", function()
        local folder = box:directory()
        local function fetch(list)
            return box:run({ support.getscu, "--run", EXAMPLES .. "fetch-list.lua", peer, folder },
                { input = box:file(list) })
        end
        assert.equal(0, fetch(phantoms.studies[2].uid .. "\n" .. phantoms.studies[3].uid).code)
        assert.equal(14, #support.list(folder))
        local result = fetch "1.2.3\n"
        assert.equal(1, result.code)
        assert.equal("1.2.3\t0 objects\n", result.out)
    end)

    it("two-associations.lua: retrieves two studies side by side", function()
        local folder = box:directory()
        assert.equal(0, (run("two-associations", peer, folder, phantoms.studies[1].uid,
            phantoms.studies[2].uid)))
        assert.equal(36, #support.list(folder))
    end)

    it("store-folder.lua: sends a folder", function()
        local folder, target = box:new_path("phantoms"), box:directory("target")
        assert(phantoms.write(folder))
        local other = assert(getscu.archive { directory = target })
        other:start()
        local code, out = run("store-folder", "OTHER@127.0.0.1:" .. other:port(), folder)
        other:close()
        assert.equal(0, code)
        assert.equal("38 of 38 stored\n", out)
        assert.equal(38, #support.list(target))
    end)

    it("say how they are used", function()
        for _, name in ipairs { "archive", "echo", "fetch-list", "find", "nightly-pull",
            "store-folder",
            "two-associations" } do
            local code, _, err = run(name)
            assert.equal(1, code, name)
            assert.truthy(err:find("usage: getscu --run " .. name .. ".lua", 1, true), name)
        end
    end)
end)

local getscu = require "getscu"
local peer = require "peer"
local support = require "support"
local wire = require "wire"

local SERIES = "2.25.141421356237309504880168872420000000002"

local box, server, images, study, objects
setup(function()
    box = support.box()
    images, study = box:images(6, 20000)
    objects = support.list(images)
    server = box:dcmqrscp(images)
end)
teardown(function() box:close() end)

local function associate(to, options)
    local all = { host = "127.0.0.1", port = to.port, called = to.title }
    for name, value in pairs(options or {}) do all[name] = value end
    return getscu.associate(all)
end

local function one(i)
    return { QueryRetrieveLevel = "IMAGE", StudyInstanceUID = study, SeriesInstanceUID = SERIES,
        SOPInstanceUID = objects[i] }
end

local function whole()
    return { QueryRetrieveLevel = "STUDY", StudyInstanceUID = study }
end

describe("getscu.retrieve", function()
    it("brings every object and says what came of it", function()
        local out = box:directory("out")
        local summary = assert(getscu.retrieve { peer = "QR@127.0.0.1:" .. server.port,
            model = "study", query = whole(), directory = out })
        assert.equal(6, summary.stored)
        assert.equal(6, summary.completed)
        assert.equal(0, summary.failed)
        assert.equal(0, summary.exit_code)
        assert.equal(0x0000, summary.status)
        assert.same({}, summary.failures)
        assert.equal(6, #support.list(out))
    end)

    it("tells a failure in the summary, and a directory of no use as an error", function()
        local summary = getscu.retrieve { host = "127.0.0.1", port = support.free_port(),
            query = whole(), directory = box.path }
        assert.equal(60, summary.exit_code)
        assert.equal("connect-refused", summary.errors[1].code)
        local nothing, err = getscu.retrieve { host = "127.0.0.1", port = server.port,
            query = whole(), directory = box.path .. "/missing" }
        assert.is_nil(nothing)
        assert.equal("output-directory", err.code)
    end)

    it("raises where the caller is wrong, and names what was meant", function()
        assert.has_error(function() getscu.retrieve { peer = "nobody", query = {} } end)
        local _, message = pcall(getscu.retrieve, { host = "a", port = 1, querry = {} })
        assert.truthy(message:find "'querry'.*query", message)
        assert.has_error(function()
            getscu.retrieve { host = "127.0.0.1", port = 1, query = { PatientIDD = "" } }
        end)
        for _, contexts in ipairs { {}, { { abstract_syntax = "1.2.840.10008.1.1" } } } do
            assert.has_error(function()
                getscu.associate { host = "127.0.0.1", port = 1, contexts = contexts }
            end)
        end
    end)
end)

describe("an association", function()
    it("serves C-ECHO, C-FIND and several C-GETs, one after the other", function()
        local out, tap = box:directory("out"), box:tap(server)
        local pacs <close> = assert(associate(tap))
        assert.is_true(pacs:echo())
        local found = {}
        for object in pacs:find { model = "study", query = { QueryRetrieveLevel = "IMAGE",
            StudyInstanceUID = study, SeriesInstanceUID = SERIES, SOPInstanceUID = "" } } do
            found[#found + 1] = object.SOPInstanceUID
        end
        table.sort(found)
        assert.same(objects, found)
        for i = 1, 3 do
            local result = assert(pacs:get { model = "study", query = one(i), directory = out })
            assert.equal(1, result.stored)
            assert.equal(0x0000, result.response.status)
        end
        assert.is_true(pacs:release())
        assert.same({ "CT." .. objects[1], "CT." .. objects[2], "CT." .. objects[3] },
            support.list(out))
        local client = wire.read(tap).client
        assert.equal(3, #wire.select(client.messages, 0x0010))
        assert.equal("A-ASSOCIATE-RQ A-RELEASE-RQ", wire.story(client.pdus))
    end)

    it("goes on after a C-GET that failed", function()
        local out = box:directory("out")
        local pacs <close> = assert(associate(server))
        local without_level = getscu.dataset.new { StudyInstanceUID = study }
        local nothing, err = pacs:get { model = "study", query = without_level, directory = out }
        assert.is_nil(nothing)
        assert.equal("failed", err.code)
        assert.equal(err.status, err.result.response.status)
        local result = assert(pacs:get { model = "study", query = one(1), directory = out })
        assert.equal(1, result.stored)
        assert.is_true(pacs:release())
    end)

    it("sends objects with C-STORE, bit for bit", function()
        local archive = box:directory("archive")
        local empty = box:dcmqrscp(archive, { arguments = { "+B" } })
        local path = images .. "/" .. objects[1]
        local pacs <close> = assert(associate(empty, { contexts = {
            { abstract_syntax = "1.2.840.10008.5.1.4.1.1.2",
                transfer_syntaxes = { "1.2.840.10008.1.2.1" } },
        } }))
        assert.equal(0x0000, pacs:store(path))
        assert.is_true(pacs:release())
        local kept
        for _, name in ipairs(support.list(archive)) do
            if name ~= "index.dat" then kept = archive .. "/" .. name end
        end
        assert.is_true(wire.part10(kept) == wire.part10(path))
    end)

    it("that is rejected says why, in the standard's terms", function()
        local nothing, err = associate(server, { called = "NOBODY" })
        assert.is_nil(nothing)
        assert.same({ "association-rejected", 1, 1, 7 }, { err.code, err.result, err.source,
            err.reason })
        assert.equal(err.message, tostring(err))
    end)

    it("that is left open is aborted by its <close>", function()
        local tap = box:tap(server)
        do
            local pacs <close> = assert(associate(tap))
            pacs:echo()
        end
        local sayings = function()
            local said = support.read(tap.record .. ".1.client")
            return said and wire.story(wire.pdus(said))
        end
        tap.process:await(function() return sayings():find "A%-ABORT" end, "the abort")
        assert.equal("A-ASSOCIATE-RQ A-ABORT", sayings())
    end)

    it("is of no use after its release, and says so", function()
        local pacs <close> = assert(associate(server))
        assert.is_true(pacs:release())
        local nothing, err = pacs:echo()
        assert.is_nil(nothing)
        assert.equal("released", err.code)
        nothing, err = pacs:get { query = whole(), directory = box.path }
        assert.is_nil(nothing)
        assert.equal("released", err.code)
        assert.is_nil(pacs:release())
    end)

    it("without a context for C-GET says which one was rejected", function()
        local pacs <close> = assert(associate(server, { contexts = {
            { abstract_syntax = "1.2.840.10008.1.1", transfer_syntaxes = { "1.2.840.10008.1.2" } },
        } }))
        local nothing, err = pacs:get { model = "study", query = whole(), directory = box.path }
        assert.is_nil(nothing)
        assert.equal("no-context", err.code)
        assert.equal("1.2.840.10008.5.1.4.1.2.2.3", err.sop_class)
    end)
end)

describe("tasks", function()
    it("hold two associations at once: each is served while the other waits", function()
        local one_dir, two_dir = box:directory("one"), box:directory("two")
        local first <close> = peer.listen()
        local second <close> = peer.listen()
        local order = {}
        -- Each server sends only when the other one has: neither could end alone.
        local function serve(its, name, uid)
            return function()
                local link = its:link()
                local request = link:request()
                for i = 1, 3 do
                    while #order > 0 and order[#order] == name do getscu.tasks.sleep(0.005) end
                    order[#order + 1] = name
                    link:store(uid .. "." .. i, peer.image(uid .. "." .. i))
                end
                link:respond(request, 0, { completed = 3 })
                link:await_end()
            end
        end
        local results = {}
        local function retrieve(its, directory)
            return function()
                results[directory] = assert(getscu.retrieve { host = "127.0.0.1", port = its.port,
                    query = whole(), directory = directory })
            end
        end
        getscu.tasks.all(serve(first, "first", "1.2.1"), serve(second, "second", "1.2.2"),
            retrieve(first, one_dir), retrieve(second, two_dir))
        assert.same({ 3, 3 }, { results[one_dir].stored, results[two_dir].stored })
        assert.same({ "CT.1.2.1.1", "CT.1.2.1.2", "CT.1.2.1.3" }, support.list(one_dir))
        assert.same({ "CT.1.2.2.1", "CT.1.2.2.2", "CT.1.2.2.3" }, support.list(two_dir))
    end)

    it("do so in a program of getscu --run as well", function()
        local out = box:directory("out")
        local result = box:program([[
            local getscu = require "getscu"
            local peer, study, out = ...
            local function fetch(directory)
                return function()
                    local made = getscu.exec { "mkdir", directory }
                    assert(made == 0)
                    local summary = assert(getscu.retrieve { peer = peer, directory = directory,
                        query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = study } })
                    print(summary.stored, summary.exit_code)
                end
            end
            getscu.tasks.all(fetch(out .. "/a"), fetch(out .. "/b"))
        ]], "QR@127.0.0.1:" .. server.port, study, out)
        assert.same({ code = 0, err = "", out = "6\t0\n6\t0\n" }, result)
        assert.equal(12, #support.list(out))
    end)

    it("may cancel what another one retrieves", function()
        local out = box:directory("out")
        local busy <close> = peer.listen()
        local outcome, err
        getscu.tasks.all(function()
            local link = busy:link()
            local request = link:request()
            for i = 1, 10000 do
                link:store("1.2.3." .. i, peer.image("1.2.3." .. i))
                if link.cancelled then
                    link:respond(request, 0xFE00, { completed = i, remaining = 1 })
                    break
                end
            end
            link:await_end()
        end, function()
            local pacs <close> = assert(associate(busy))
            local get = getscu.tasks.start(function()
                outcome, err = pacs:get { query = whole(), directory = out }
            end)
            while #support.list(out) == 0 do getscu.tasks.sleep(0.005) end
            assert(pacs:cancel())
            get:join()
            pacs:release()
        end)
        local result = outcome or err.result
        assert.equal(0xFE00, result.response.status)
        assert.equal(result.stored, #support.list(out))
    end)

    it("whose body raises pass it on to who joins them", function()
        local task = getscu.tasks.start(function() error("mine", 0) end)
        assert.has_error(function() task:join() end, "mine")
    end)
end)

describe("a stock lua5.4", function()
    it("loads the core and retrieves", function()
        if support.sanitized then pending("an instrumented core cannot be loaded there") end
        local out = box:directory("out")
        local program = box:file([[
            local getscu = require "getscu"
            local port, study, out = ...
            local summary = assert(getscu.retrieve { peer = "QR@127.0.0.1:" .. port,
                directory = out, query = { QueryRetrieveLevel = "STUDY",
                    StudyInstanceUID = study } })
            print(summary.stored, getscu.version)
        ]])
        local result = box:run { "lua5.4", program, tostring(server.port), study, out }
        assert.same({ code = 0, err = "", out = "6\t" .. getscu.version .. "\n" }, result)
        assert.equal(6, #support.list(out))
    end)

    it("ends by SIGINT while it waits, with its own words", function()
        if support.sanitized then pending("an instrumented core cannot be loaded there") end
        local process = box:start { "lua5.4", box:file("local tasks = require 'getscu.tasks'\n"
            .. "io.stderr:write 'waits'\ntasks.sleep(1000)") }
        process:await_log "waits"
        -- Lua's handler gives up the signal, so there is time for all of its end; again where it
        -- came between Lua's last look and poll(2)
        repeat process:kill "INT" until process:poll(5)
        local result = process:wait()
        assert.equal(1, result.code)
        assert.matches("interrupted!", result.err)
    end)
end)

-- A wait that a signal ended was an error, or taken for the end of the child.
describe("getscu.exec", function()
    it("waits for its child, whatever signals come", function()
        local result = box:program([[
            local getscu = require "getscu"
            local seen = ...
            local signals <close> = require "getscu.process".on_signals({ "USR1" }, function()
                io.open(seen, "w"):close()
            end)
            print(getscu.exec { "sh", "-c",
                'kill -USR1 $PPID; until [ -e "$0" ]; do sleep 0.01; done; exit 3', seen })
        ]], box:new_path("seen"))
        assert.same({ code = 0, err = "", out = "3\n" }, result)
    end)
end)

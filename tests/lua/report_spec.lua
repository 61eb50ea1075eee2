-- What the program tells while and after it retrieves: --report, the line on a terminal, the total.

local dimse = require "getscu.dimse"
local getscu = require "getscu"
local outcome = require "getscu.outcome"
local progress = require "getscu.progress"
local support = require "support"

local COUNT, SIZE = 6, 3000
local CT, EXPLICIT_LITTLE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"

local box, directory, objects, study
setup(function()
    box = support.box()
    local images
    images, study = box:images(COUNT, SIZE)
    objects = support.list(images)
    directory = box:directory("archive")
    box:tool { "sh", "-c", 'cp "$0"/* "$1"', images, directory }
end)
teardown(function() box:close() end)

-- Runs the words, then a retrieval from an archive with these hooks.
local function run(hooks, before, ...)
    local archive <close> = assert(getscu.archive { directory = directory, hooks = hooks })
    archive:start()
    local out = box:directory("out")
    local keeps = not table.concat({ ... }, " "):find("--ignore", 1, true)
    local result = box:run(support.words(before, support.getscu, "-S", "-k",
        "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" .. study,
        keeps and { "-od", out } or {}, { ... }, "127.0.0.1", archive:port()))
    result.directory, result.files = out, support.list(out)
    return result
end

-- The lines of a report, each decoded.
local function lines_of(text)
    local list = {}
    for line in text:gmatch "([^\n]*)\n" do list[#list + 1] = assert(getscu.json.decode(line)) end
    return list
end

local function events_of(lines)
    local counts = {}
    for _, line in ipairs(lines) do
        local event = line.type .. " " .. (line.event or line.code)
        counts[event] = (counts[event] or 0) + 1
    end
    return counts
end

-- Retrieves with a report, and the words.
local function report(hooks, ...)
    local path = box:new_path("report.jsonl")
    local result = run(hooks, {}, "--report", path, ...)
    return lines_of(support.read(path)), result
end

describe("--report", function()
    it("has a line for each object and for the C-GET", function()
        local lines, result = report {}
        assert.equal(0, result.code, result.err)
        assert.same({ ["object stored"] = COUNT, ["request answered"] = 1 }, events_of(lines))
        local first, last = lines[1], lines[#lines]
        assert.same({ CT, EXPLICIT_LITTLE, 0, 1 },
            { first.sop_class_uid, first.transfer_syntax_uid, first.status, first.request })
        assert.equal(result.directory .. "/CT." .. first.sop_instance_uid, first.path)
        assert.truthy(support.read(first.path))
        assert.is_true(first.bytes > SIZE / 2 and first.bytes < #support.read(first.path))
        assert.is_true(first.seconds > 0 and first.seconds < 10)
        assert.same({ dimse.models.study.get, 0, COUNT, 0, COUNT, 1 }, { last.sop_class_uid,
            last.status, last.completed, last.failed, last.stored, last.request })
        assert.same({ QueryRetrieveLevel = "STUDY", StudyInstanceUID = study }, last.query)
        assert.is_nil(last.reason)
    end)

    it("goes to standard output, where it is the only thing", function()
        local result = run({}, {}, "--report", "-", "-v")
        assert.equal(0, result.code)
        assert.same({ ["object stored"] = COUNT, ["request answered"] = 1 },
            events_of(lines_of(result.out)))
    end)

    it("tells what was left out, and what the server did not deliver, with the reason", function()
        local lines = report({}, "--ignore")
        assert.equal(COUNT, events_of(lines)["object discarded"])
        assert.is_nil(lines[1].path)
        local result
        lines, result = report({ send = function(image)
            if image.sop_instance == objects[2] then return 0xA700 end
        end }, "--no-retry")
        assert.equal(68, result.code)
        assert.same({ ["object stored"] = COUNT - 1, ["object undelivered"] = 1,
            ["request answered"] = 1 }, events_of(lines))
        local missing, last = lines[#lines - 1], lines[#lines]
        assert.equal(objects[2], missing.sop_instance_uid)
        assert.matches("did not deliver", missing.reason)
        assert.same({ 0xB000, 1 }, { last.status, last.failed })
        assert.matches("1 objects did not arrive", last.reason)
    end)

    it("tells what cannot be stored", function()
        local lines, result = report({}, "-od", box:directory("first"), "--filename", "same")
        assert.equal(0, result.code, result.err)
        assert.equal(COUNT, events_of(lines)["object stored"])
        local out = box:directory("collisions")
        for _, name in ipairs(objects) do box:tool { "mkdir", out .. "/CT." .. name } end
        lines, result = report({}, "--no-retry", "-od", out)
        assert.equal(40, result.code, result.err)
        assert.equal(COUNT, events_of(lines)["object failed"])
        assert.equal("error", lines[1].type)
        assert.same({ "failed", 0xA700 }, { lines[2].event, lines[2].status })
        assert.truthy(lines[2].reason)
    end)

    it("tells of an association that ends, and of one that never was", function()
        local lines, result = report({ send = function(_, _, number)
            if number == 3 then return "abort" end
        end }, "--no-retry")
        assert.equal(62, result.code)
        assert.equal(2, events_of(lines)["object stored"])
        local last = lines[#lines]
        assert.same({ "request", "lost", "peer-aborted" }, { last.type, last.event, last.code })
        lines, result = report { accept = function() return "abort" end }
        assert.equal(62, result.code)
        assert.same({ ["error peer-aborted"] = 1 }, events_of(lines))
    end)

    it("that cannot be written is told once; the retrieval goes on, and ends with 43", function()
        local rows = {
            { {}, "--report", "/dev/full" },
            { { "sh", "-c", '"$0" "$@" >&-' }, "--report", "-" },
            { { "sh", "-c", '"$0" "$@" >/dev/full' }, "--report", "-" },
            { { "bash", "-c", 'set -o pipefail; "$0" "$@" | true' }, "--report", "-" },
        }
        for _, row in ipairs(rows) do
            local result = run({ respond = function() getscu.tasks.sleep(0.02) end },
                table.unpack(row))
            assert.equal(43, result.code, result.err)
            assert.equal(COUNT, #result.files)
            local _, count = result.err:gsub("E: cannot write the report", "")
            assert.equal(1, count, result.err)
        end
    end)

    it("that cannot be opened ends the program before it connects", function()
        local connected
        local result = run({ accept = function() connected = true end }, {}, "--report",
            box.path .. "/none/report")
        assert.equal(43, result.code)
        assert.matches("none/report: No such file or directory", result.err)
        assert.is_nil(connected)
    end)
end)

describe("the last line of -v", function()
    it("has objects, bytes, seconds, rate, failed and refused", function()
        local result = run({}, {}, "-v")
        assert.matches("\nI: 6 objects stored %(%d+ bytes received in %d+%.%d+ s, %S+ %S+/s%), "
            .. "0 duplicate, 0 left out, 0 failed, 0 of these refused\n$", result.err)
    end)
end)

describe("on a terminal", function()
    -- So slowly that there is something to tell; what the terminal got.
    local function shown(...)
        local words = {}
        for i, word in ipairs(support.words(support.getscu, "-S", "-k", "QueryRetrieveLevel=STUDY",
            "-k", "StudyInstanceUID=" .. study, "-od", box:directory("out"), { ... })) do
            words[i] = "'" .. word .. "'"
        end
        local archive <close> = assert(getscu.archive { directory = directory, hooks = {
            send = function() getscu.tasks.sleep(0.2) end } })
        archive:start()
        local command = ("%s 127.0.0.1 %d"):format(table.concat(words, " "), archive:port())
        local result = box:run { "script", "-qec", command, "/dev/null" }
        assert.equal(0, result.code, result.out)
        return result.out
    end

    it("a line tells how far it is, and is gone at the end", function()
        local text = shown()
        assert.matches("\r%d of 6 objects, [%d.]+ KiB, [%d.]+ KiB/s, %d+ s left", text)
        assert.is_nil(text:find "\n")
        assert.matches("\r +\r$", text)
    end)

    it("messages of the log have lines of their own", function()
        local text = shown("-v")
        assert.matches("%d of 6 objects", text)
        for line in text:gmatch "([^\n]*)\n" do
            local seen = line:gsub("^.*\r(.)", "%1")
            assert.matches("^%u: ", seen)
        end
    end)

    it("there is none with -q, with --no-progress, or where it is no terminal", function()
        assert.equal("", shown("-q"))
        assert.equal("", shown("--no-progress"))
        local result = run({ send = function() getscu.tasks.sleep(0.2) end }, {})
        assert.same({ 0, "" }, { result.code, result.err })
    end)

    it("the line comes a few times a second, however fast objects come", function()
        local drawn = 0
        local line = progress.new { write = function() drawn = drawn + 1 end }
        line.next = 0
        local request = outcome.new({ line }):request()
        request:begin("1.2", nil)
        request:pending { remaining = 20000, completed = 0 }
        for i = 1, 20000 do request:count_stored { uid = tostring(i), bytes = 1 } end
        assert.is_true(drawn >= 1 and drawn < 20, drawn)
        line:rest()
        getscu.log.before = nil
    end)
end)

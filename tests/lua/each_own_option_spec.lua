-- Each option beside those of the manual, row by row: what it does, seen by the server, in the
-- files, in the output or the exit code.

local asking = require "asking"
local getscu = require "getscu"
local peer = require "peer"
local support = require "support"

local FIND, GET, CANCEL = 0x0020, 0x0010, 0x0FFF
local CT = "1.2.840.10008.5.1.4.1.1.2"
local IMPLICIT, LITTLE, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
local UNCOMPRESSED = { LITTLE, BIG, IMPLICIT }
local RLE = "1.2.840.10008.1.2.5"
local COUNT = 3

local box, directory, objects, study
setup(function()
    box = support.box()
    local images
    images, study = box:images(COUNT, 3000)
    objects = support.list(images)
    directory = box:directory("archive")
    box:tool { "sh", "-c", 'cp "$0"/* "$1"', images, directory }
end)
teardown(function() box:close() end)

local function ask(hooks, ...)
    return asking.ask(box, { directory = directory, hooks = hooks }, { asking.study(study), ... })
end

-- The contexts behind the two of C-GET and Verification, as "class: syntax, syntax".
local function storage_contexts(request)
    local classes, syntaxes = asking.contexts(request)
    local list = {}
    for i = 3, #classes do
        list[i - 2] = classes[i] .. ": " .. table.concat(syntaxes[i], ", ")
    end
    return list
end

local function prefixed(prefix)
    local names = {}
    for i, uid in ipairs(objects) do names[i] = prefix .. uid end
    return names
end

-- Hooks of an archive that accepts the first context, whatever it is, and answers with a status.
local function any_model(status)
    return {
        accept = function(request, answer)
            local first = answer.contexts[1]
            first.result, first.transfer_syntaxes = 0,
                { request.contexts[1].transfer_syntaxes[1] }
        end,
        serve = function() return status end,
    }
end

local row, finish = asking.rows(it, function(option)
    return option.section == "own" and option.group ~= "TLS" -- see tls_options_spec.lua
end)

describe("options of what comes, and how:", function()
    -- Hooks of an archive that cannot send one object the first time.
    local function fails_once()
        local failed = false
        return { send = function(image)
            if image.sop_instance ~= objects[2] or failed then return nil end
            failed = true
            return 0xA700
        end }
    end

    row("--no-retry", "keeps to the first association", function(name)
        local whole = ask(fails_once())
        assert.equal(0, whole.code, whole.err)
        assert.same(prefixed "CT.", whole.files)
        assert.is_true(#whole.requests > 1)
        local result = ask(fails_once(), name)
        assert.equal(68, result.code, result.err)
        assert.equal(1, #result.requests)
        assert.same({ "CT." .. objects[1], "CT." .. objects[3] }, result.files)
    end)

    row("--as-stored", "asks with C-FIND first, and has a context for each syntax", function(name)
        local result = ask({}, name)
        assert.equal(0, result.code, result.err)
        assert.same(prefixed "CT.", result.files)
        local fields = asking.fields(result.commands)
        assert.same({ FIND, GET }, { fields[1], fields[#fields] })
        assert.equal(2, #result.requests)
        assert.equal(1, #result.requests[1].contexts)
        for _, context in ipairs(storage_contexts(result.requests[2])) do
            assert.matches("^" .. CT:gsub("%.", "%%.") .. ": [%d.]+$", context)
        end
    end)

    row("--store-tc", "proposes these transfer syntaxes, contexts parted by ;", function(name)
        local result = ask({}, name, "CTImageStorage,1.2.3:" .. RLE
            .. ",LittleEndianExplicitTransferSyntax;BigEndianExplicitTransferSyntax", name,
            "1.2.4:" .. IMPLICIT)
        assert.equal(0, result.code, result.err)
        assert.equal(1, #result.requests)
        assert.same({ CT .. ": " .. RLE .. ", " .. LITTLE, CT .. ": " .. BIG,
            "1.2.3: " .. RLE .. ", " .. LITTLE, "1.2.3: " .. BIG, "1.2.4: " .. IMPLICIT },
            storage_contexts(result.requests[1]))
        for _, wrong in ipairs { "CT", "CTImage:" .. RLE, "CTImageStorage:ROLE" } do
            result = ask({}, name, wrong)
            assert.same({ 1, {} }, { result.code, result.requests })
        end
    end)

    row("--sop-class", "proposes these classes, of a list or a file", function(name)
        local file = box:file("# ours\n1.2.3\nCTImageStorage # and this\n\n1.2.4,1.2.3\n")
        for _, words in ipairs { { name, "1.2.3,CTImageStorage,1.2.4" }, { name, file },
            { name, "1.2.3", name, CT .. ",1.2.3", name, "1.2.4" } } do
            local result = ask({}, words)
            assert.equal(0, result.code, result.err)
            local expected = {}
            for i, class in ipairs { "1.2.3", CT, "1.2.4" } do
                expected[i] = class .. ": " .. table.concat(UNCOMPRESSED, ", ")
            end
            assert.same(expected, storage_contexts(result.requests[1]))
        end
        assert.same({ CT .. ": " .. IMPLICIT },
            storage_contexts(ask({}, name, CT, "+xi").requests[1]))
        assert.equal(1, ask({}, name, "CTImageStor").code)
    end)
end)

describe("options of the query:", function()
    row("--strict-query", "sends no query of which the keys do not go together", function(name)
        local result = ask({}, "-k", "SOPInstanceUID=1.2.3")
        assert.matches("W: ", result.err, 1, true)
        assert.equal(1, #result.requests)
        result = asking.ask(box, { directory = directory },
            { "-S", "-k", "QueryRetrieveLevel=SERIES", "-k", "StudyInstanceUID=1", name })
        assert.same({ 1, {} }, { result.code, result.requests })
        assert.matches("E: [^\n]*SeriesInstanceUID", result.err)
        assert.equal(0, ask({}, name).code)
    end)

    row("--model", "asks in the information model of this name", function(name)
        local suffixes = { patient = "1.3", study = "2.3", psonly = "3.3", composite = "4.3",
            withoutbulkdata = "5.3" }
        for model, suffix in pairs(suffixes) do
            local class = "1.2.840.10008.5.1.4.1.2." .. suffix
            local result = asking.ask(box, { directory = directory, hooks = any_model(0xA900) },
                { "-k", "QueryRetrieveLevel=IMAGE", "-k", "SOPInstanceUID=1", name, model,
                    "--no-retry" })
            assert.equal(69, result.code, result.err)
            assert.equal(class, result.requests[1].contexts[1].abstract_syntax)
            assert.equal(class, result.commands[1].AffectedSOPClassUID)
        end
        assert.equal(1, ask({}, name, "studies").code)
    end)

    row("--relational", "negotiates relational retrieval", function(name)
        assert.same({}, ask({}).requests[1].extended)
        assert.same({ { sop_class = "1.2.840.10008.5.1.4.1.2.2.3", information = "\1" } },
            ask({}, name).requests[1].extended)
    end)

    row("--require-match", "has a query that matches nothing end with 68", function(name)
        local nothing = { serve = function() return 0x0000 end }
        local result = ask(nothing)
        assert.equal(0, result.code, result.err)
        assert.matches("W: [^\n]*no object matched", result.err)
        result = ask(nothing, name)
        assert.equal(68, result.code, result.err)
        assert.matches("E: [^\n]*no object matched", result.err)
        assert.equal(1, #result.requests) -- and looks no further
        assert.equal(0, ask({}, name).code)
    end)
end)

describe("options of the identity:", function()
    local function identity(...)
        local result = ask({}, ...)
        assert.equal(0, result.code, result.err)
        local told = result.requests[1].identity
        return { told.type, told.primary, told.secondary }
    end

    row("--user", "tells a name", function(name)
        assert.is_nil(ask({}).requests[1].identity)
        assert.same({ 1, "me", "" }, identity(name, "me"))
    end)

    row("--user-pass-file", "tells a name and a passcode", function(name)
        local file = box:file("secret\nno more\n")
        assert.same({ 2, "me", "secret" }, identity("--user", "me", name, file))
        assert.equal(1, ask({}, name, file).code)
    end)

    row("--user-jwt", "tells a token", function(name)
        local file = box:file("a.b.c\n")
        assert.same({ 5, "a.b.c", "" }, identity(name, file))
        assert.equal(1, ask({}, name, file, "--user", "me").code)
    end)
end)

describe("options of the files:", function()
    row("--filename", "names files by their attributes", function(name)
        local result = ask({}, name, "{modality}/{SOPInstanceUID}.dcm")
        assert.equal(0, result.code, result.err)
        local expected = {}
        for i, uid in ipairs(objects) do expected[i] = "CT/" .. uid .. ".dcm" end
        assert.same(expected, result.files)
        assert.equal(1, ask({}, name, "{Nonsense}").code)
    end)

    row("--on-collision", "decides about a file that is there", function(name)
        -- What a second retrieval comes to, and whether the file that was there is as it was.
        local function again(policy)
            local out = box:directory("out")
            support.write(out .. "/CT." .. objects[1], "old")
            local result = asking.ask(box, { directory = directory }, function(port)
                return { asking.study(study), "-od", out, name, policy, "--no-retry", "127.0.0.1",
                    port }
            end)
            return result.code, #support.list(out), support.read(out .. "/CT." .. objects[1])
                == "old"
        end
        assert.same({ 0, COUNT, false }, { again "overwrite" })
        assert.same({ 0, COUNT, true }, { again "skip" })
        assert.same({ 0, COUNT + 1, true }, { again "rename" })
        assert.same({ 40, COUNT, true }, { again "fail" })
        assert.equal(1, ask({}, name, "ask").code)
    end)

    row("--create-directory", "makes the output directory", function(name)
        local out = box.path .. "/new/made" .. name
        local words = { asking.study(study), "-od", out }
        local function run(...)
            local more = { ... }
            return asking.ask(box, { directory = directory }, function(port)
                return { words, more, "127.0.0.1", port }
            end)
        end
        assert.equal(45, run().code)
        local result = run(name)
        assert.equal(0, result.code, result.err)
        assert.same(prefixed "CT.", support.list(out))
    end)
end)

describe("options of what is kept:", function()
    -- Offers an object with such a UID in its data set; returns the status, the result, the files.
    local function offer(inner, ...)
        local out = box:directory("out")
        local result, status = peer.converse(box, { asking.study "1.2", "-od", out, ... },
            function(link)
                local request = link:request()
                local answer = link:store("1.2.3", peer.image(inner))
                local final = answer // 0x1000 == 0xB and 0xB000 or 0
                if answer == 0xA700 then -- then we hear that this is enough
                    assert.equal(CANCEL, link:request().command.CommandField)
                    final = 0xFE00
                end
                link:respond(request, final)
                link:await_end()
                return answer
            end)
        return status, result, support.list(out)
    end

    row("--strict", "refuses an object that is another one than its request says", function(name)
        local status, result, files = offer("1.2.4")
        assert.same({ 0xB007, 0, { "CT.1.2.3" } }, { status, result.code, files })
        assert.matches("W: object 1.2.3 has another SOP Instance UID than its request: 1.2.4",
            result.err, 1, true)
        status, result, files = offer("1.2.4", name)
        assert.same({ 0xA900, 69, {} }, { status, result.code, files })
        assert.equal(0, (offer("1.2.3", name)))
        assert.equal(1, ask({}, name, "--ignore").code)
    end)

    row("--max-object-size", "refuses a larger object with A700, and cancels", function(name)
        local size = #peer.image "1.2.3"
        for _, text in ipairs { size, size + 1, "1K", "1M", "1G", "8589934591G" } do
            local status, result, files = offer("1.2.3", name, text)
            assert.same({ 0, 0, { "CT.1.2.3" } }, { status, result.code, files }, result.err)
        end
        local status, result, files = offer("1.2.3", name, size - 1)
        assert.same({ 0xA700, 40, {} }, { status, result.code, files }, result.err)
        assert.matches(("larger than the limit of %d bytes"):format(size - 1), result.err)
        for _, wrong in ipairs { "0", "-1", "1.5", "1k", "K", "8589934592G", "1 M" } do
            assert.equal(1, ask({}, name, wrong).code)
        end
    end)

    row("--sync", "waits for the disk, at the end or for each object", function(name)
        if not support.has "strace" then pending "strace is not installed" end
        local function synced(...)
            local words, record = { ... }, box:new_path("calls")
            local result = asking.ask(box, { directory = directory }, function(port, out)
                return support.words(asking.study(study), "-od", out, words, "127.0.0.1", port)
            end, { "env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-qq", "-f", "-o", record, "-e",
                "trace=fsync,syncfs" })
            assert.equal(0, result.code, result.err)
            assert.equal(COUNT, #result.files)
            local calls = support.read(record)
            return select(2, calls:gsub("fsync%(", "")), select(2, calls:gsub("syncfs%(", ""))
        end
        assert.same({ 0, 0 }, { synced() })
        assert.same({ 0, 0 }, { synced(name, "none") })
        assert.same({ 0, 1 }, { synced(name, "end") })
        assert.same({ 2 * COUNT, 0 }, { synced(name, "each") }) -- the file and its directory
        assert.equal(1, ask({}, name, "all").code)
    end)
end)

describe("options of report and progress:", function()
    row("--report", "writes a line of JSON for each object and request", function(name)
        local path = box:new_path("report.jsonl")
        local result = ask({}, name, path)
        assert.equal(0, result.code, result.err)
        local written = support.read(path)
        local function without_numbers(text) -- a short time is written as 9e-05
            return (text:gsub('"seconds":[^,}]+', ""):gsub("[%d.]+", ""))
        end
        assert.equal(without_numbers(written), without_numbers(ask({}, name, "-").out))
        local uids, lines = {}, 0
        for line in written:gmatch "[^\n]+" do
            local entry = assert(getscu.json.decode(line))
            lines = lines + 1
            for _, uid in ipairs(objects) do
                if line:find(uid, 1, true) then uids[#uids + 1] = uid end
            end
            assert.is_table(entry)
        end
        assert.same(objects, uids)
        assert.is_true(lines > COUNT)
        assert.equal(43, ask({}, name, box.path .. "/none/report").code)
    end)

    row("--no-progress", "shows no line on a terminal", function(name)
        local function terminal(...)
            local words = { ... }
            local result = asking.ask(box, { directory = directory, hooks = {
                send = function() getscu.tasks.sleep(0.35) end,
            } }, function(port, out)
                return support.words(asking.study(study), "-od", out, words, "127.0.0.1", port)
            end, { "sh", "-c", 'script -qec "$*" /dev/null', "sh" })
            assert.equal(0, result.code, result.out)
            assert.equal(COUNT, #result.files)
            return result.out:find("objects", 1, true) ~= nil
        end
        if not support.has "script" then pending "script is not installed" end
        assert.is_true(terminal())
        assert.is_false(terminal(name))
    end)

    row("--retrieve-timeout", "limits the time of a whole C-GET", function(name)
        local slow = { send = function() getscu.tasks.sleep(0.6) end }
        local result = ask(slow, name, "1")
        assert.equal(63, result.code, result.err)
        assert.is_true(#result.files < COUNT)
        assert.equal(0, ask(slow, name, "30").code)
    end)
end)

describe("options of hook scripts:", function()
    local function script(text)
        return box:file("return { accept = function(object) " .. text .. " end }", "hooks.lua")
    end

    row("--script", "loads a script, and another one where it is repeated", function(name)
        local first, second = script "print 'one'", script "print 'two' return false"
        local result = ask({}, name, first, name, second)
        assert.equal(("one\ntwo\n"):rep(COUNT), result.out)
        assert.same({}, result.files)
        assert.equal(0, result.code)
    end)

    row("--on-script-error", "says what becomes of the object", function(name)
        local failing = script "error 'no'"
        assert.same({}, ask({}, "--script", failing, name, "refuse").files)
        assert.equal(COUNT, #ask({}, "--script", failing, name, "keep").files)
        local result = ask({}, "--script", failing, name, "abort")
        assert.equal(1, #result.sent)
        assert.equal(80, result.code)
        assert.equal(1, ask({}, name, "keep").code) -- without a script
    end)

    row("--script-timeout", "limits the time of a hook", function(name)
        local result = ask({}, "--script", script "while true do end", name, "1",
            "--on-script-error", "abort")
        assert.equal(82, result.code)
        assert.matches("more than 1 seconds of CPU time", result.err)
    end)

    row("--script-memory", "limits the memory of a hook", function(name)
        local hungry = script "local text = ('x'):rep(40 << 20)"
        assert.equal(82, ask({}, "--script", hungry, name, "32").code)
        assert.equal(0, ask({}, "--script", hungry, name, "400").code)
    end)
end)

describe("options of programs:", function()
    row("--run", "runs a program in its place, with its arguments", function(name)
        local program = box:file("print(table.concat(arg, ' ', 0)); return 7", "program.lua")
        local result = box:getscu(name, program, "-v", "--nonsense", "x")
        assert.same({ 7, program .. " -v --nonsense x\n" }, { result.code, result.out })
        assert.equal(1, ask({}, name, program).code) -- not the first word
    end)
end)

describe("the options of this program's own", function() finish() end)

local asking = require "asking"
local dataset = require "getscu.dataset"
local getscu = require "getscu"
local peer = require "peer"
local support = require "support"

-- Each hook and each of its answers, with a real C-GET; what the server was answered is checked at
-- the server.

local UID = "1.2.3.4."

local box

setup(function() box = support.box() end)
teardown(function() box:close() end)

local function script(text)
    return box:file(text, "hooks.lua")
end

-- Runs the program with scripts against a server that sends `count` objects.
-- @param scripts list of texts
-- @param words more of the command line
-- @param options table or nil: count, image(i) -> bytes, ending (of the C-GET-RSP)
-- @return result (code, out, err), with statuses (of the answers), answers, out (folder), files
local function run(scripts, words, options)
    options = options or {}
    local out = box:directory("out")
    local keep = words == "--ignore" and {} or { "-od", out }
    local arguments = { asking.study "1.2.3", keep, words or {} }
    for _, text in ipairs(scripts) do
        table.insert(arguments, "--script")
        table.insert(arguments, script(text))
    end
    local statuses, answers = {}, {}
    local result = peer.converse(box, arguments, function(link)
        local request = link:request()
        local completed, warned, failed = 0, 0, 0
        for i = 1, options.count or 1 do
            local uid = UID .. i
            local bytes = options.image and options.image(uid, i) or peer.image(uid)
            local status, answer = link:store(uid, bytes)
            statuses[i], answers[i] = status, answer.command
            if status == 0 then
                completed = completed + 1
            elseif status & 0xF000 == 0xB000 then
                warned = warned + 1
            else
                failed = failed + 1
            end
        end
        link:respond(request, (failed + warned > 0) and 0xB000 or 0, { completed = completed,
            warning = warned, failed = failed })
        link:await_end()
    end)
    result.statuses, result.answers = statuses, answers
    result.directory, result.files = out, support.list(out)
    return result
end

local function read(result, i)
    return assert(dataset.read(result.directory .. "/" .. result.files[i or 1]))
end

describe("the hook accept", function()
    for _, answer in ipairs { "nil", "true", "0" } do
        it("keeps with the answer " .. answer, function()
            local result = run { "return { accept = function() return " .. answer .. " end }" }
            assert.same({ 0 }, result.statuses)
            assert.same({ "CT." .. UID .. "1" }, result.files)
            assert.equal(0, result.code, result.err)
        end)
    end

    it("leaves out what it answers false for, and tells the peer success", function()
        local result = run({ "return { accept = function(object) "
            .. "return object.SOPInstanceUID ~= '1.2.3.4.2' end }" }, nil, { count = 3 })
        assert.same({ 0, 0, 0 }, result.statuses)
        assert.same({ "CT.1.2.3.4.1", "CT.1.2.3.4.3" }, result.files)
        assert.equal(0, result.code, result.err)
    end)

    for _, status in ipairs { 0x0110, 0x0124, 0xA700, 0xA7FF, 0xA900, 0xC000, 0xCFFF } do
        it(("refuses with the status %04XH that it answers"):format(status), function()
            local result = run { ("return { accept = function() return %d, 'not today' end }")
                :format(status) }
            assert.same({ status }, result.statuses)
            assert.equal("not today", result.answers[1].ErrorComment)
            assert.same({}, result.files)
            assert.equal(68, result.code)
            assert.matches("object 1.2.3.4.1: refused by a script", result.err)
        end)
    end

    for _, status in ipairs { 0xB000, 0xB006, 0xB007 } do
        it(("keeps, and answers the warning %04XH"):format(status), function()
            local result = run { ("return { accept = function() return %d end }"):format(status) }
            assert.same({ status }, result.statuses)
            assert.same({ "CT.1.2.3.4.1" }, result.files)
            assert.equal(0, result.code, result.err)
        end)
    end

    for _, wrong in ipairs { { "70000", "70000 is no status of C%-STORE" },
        { "0/0", "not %-?nan" }, { "2.5", "not 2.5" }, { "'yes'", "not a string" },
        { "{}", "not a table" }, { "-1", "%-1 is no status" }, { "0x0001", "1 is no status" } } do
        it("that answers " .. wrong[1] .. " is a script's error, and refuses", function()
            local result = run { "return { accept = function() return " .. wrong[1] .. " end }" }
            assert.same({ 0x0110 }, result.statuses)
            assert.same({}, result.files)
            assert.equal(80, result.code)
            assert.matches("hook 'accept' of %S*hooks.lua: .*" .. wrong[2], result.err)
        end)
    end

    it("knows what the association tells of the object", function()
        local result = run { [[return { accept = function(object)
            print(object.sop_class, object.sop_instance, object.transfer_syntax, object.size)
            print(object.origin.called, object.origin.address, object.origin.calling)
        end }]] }
        assert.equal("1.2.840.10008.5.1.4.1.1.2\t1.2.3.4.1\t1.2.840.10008.1.2.1\tnil\n"
            .. "PEER\t127.0.0.1\tGETSCU\n", (result.out:gsub(":%d+", "")))
    end)

    it("never reads as absent what has not arrived", function()
        local result = run { "return { accept = function(object) "
            .. "return object.PixelData == nil end }" }
        assert.same({ 0x0110 }, result.statuses)
        assert.matches("7fe0,0010%) has not arrived yet", result.err)
    end)

    it("reads as absent what is not in an object without Pixel Data", function()
        local result = run({ "return { accept = function(object) "
            .. "return object.PixelData == nil and object['7FE1,0010'] == nil end }" }, nil,
            { image = function(uid)
                return dataset.new { SOPInstanceUID = uid, PatientID = "P" }
                    :encode "1.2.840.10008.1.2.1"
            end })
        assert.same({ "CT.1.2.3.4.1" }, result.files)
    end)

    it("sees all of the object where its script wants that", function()
        local result = run { "return { whole = true, accept = function(object) "
            .. "print(#object.PixelData, object.size) end }" }
        assert.equal(0, result.code, result.err)
        assert.matches("^512\t%d+\n$", result.out)
    end)

    it("has its say also where nothing is kept", function()
        local result = run({ "return { accept = function(object) "
            .. "return object.Modality == nil and 0xA700 end }" }, "--ignore")
        assert.same({ 0xA700 }, result.statuses)
        assert.same({}, result.files)
    end)

    -- Every object was refused, because what its script wanted to see had not been kept.
    it("cannot see the whole of what is not kept, which is told before connecting", function()
        local result = box:getscu("--script", script "return { whole = true, accept = print }",
            "--ignore", asking.study "1", "127.0.0.1", 1)
        assert.equal(81, result.code)
        assert.matches("^E: a script wants the whole of each object, .* leave out", result.err)
    end)
end)

describe("the hook edit", function()
    it("changes, adds and removes attributes, and nothing else", function()
        local result = run { [[return { edit = function(object)
            object.PatientID = "ANON"
            object.PatientName = "Anon^Ymous"
            object.StudyInstanceUID = nil
        end }]] }
        assert.same({ 0 }, result.statuses)
        local stored = read(result)
        assert.equal("ANON", stored.PatientID)
        assert.equal("Anon^Ymous", stored.PatientName)
        assert.is_nil(stored.StudyInstanceUID)
        assert.equal("1.2.3.4", stored.SeriesInstanceUID)
        assert.equal(("\1\2"):rep(256), stored.PixelData)
    end)

    it("of several scripts adds up, each seeing what the one before changed", function()
        local result = run { "return { edit = function(object) object.PatientID = 'A' end }",
            "return { edit = function(object) object.PatientID = object.PatientID .. 'B' end }" }
        assert.equal("AB", read(result).PatientID)
    end)

    it("changes a UID in file and name, and not in the answer", function()
        local result = run { "return { edit = function(object) "
            .. "object.SOPInstanceUID = '9.8.7' end }" }
        assert.same({ "CT.9.8.7" }, result.files)
        assert.equal("1.2.3.4.1", result.answers[1].AffectedSOPInstanceUID)
        local stored = read(result)
        assert.equal("9.8.7", stored.SOPInstanceUID)
        assert.equal("9.8.7", stored:meta().sop_instance)
    end)

    it("is seen by a template of file names", function()
        local result = run({ "return { edit = function(object) object.PatientID = 'X' end }" },
            { "--filename", "{PatientID}/{n}.dcm" })
        assert.same({ "X/1.dcm" }, result.files)
    end)

    it("reaches what stands behind Pixel Data where its script wants the whole", function()
        local result = run({ "return { whole = true, edit = function(object) "
            .. "object.DataSetTrailingPadding = nil; object.PatientID = 'X' end }" }, nil,
            { image = function(uid)
                local image = assert(dataset.decode(peer.image(uid), "1.2.840.10008.1.2.1"))
                image.DataSetTrailingPadding = "\0\0\0\0"
                return image:encode "1.2.840.10008.1.2.1"
            end })
        local stored = read(result)
        assert.equal("X", stored.PatientID)
        assert.is_false(stored:has "DataSetTrailingPadding")
        assert.equal(512, #stored.PixelData)
    end)

    it("that assigns what cannot be fails, with the line", function()
        local result = run { "return { edit = function(object)\nobject.Rows = 'many'\nend }" }
        assert.same({ 0x0110 }, result.statuses)
        assert.matches("hooks.lua:2: %(0028,0010%): 'many' is no value of VR US", result.err)
    end)

    -- A name "CT.", and file meta information without an instance, came of these.
    for assignment, told in pairs { ["SOPInstanceUID = nil"] = "SOPInstanceUID must stay a UID",
        ["SOPInstanceUID = ''"] = "SOPInstanceUID must stay a UID, not ''",
        ["SOPInstanceUID = '../x'"] = "SOPInstanceUID must stay a UID, not '../x'",
        ["SOPClassUID = nil"] = "SOPClassUID must stay a UID" } do
        it("that leaves an object without its identity fails: " .. assignment, function()
            local result = run { "return { edit = function(object) object." .. assignment
                .. " end }" }
            assert.same({ 0x0110 }, result.statuses)
            assert.same({}, result.files)
            assert.matches("hook 'edit' of %S*hooks.lua: " .. told, result.err)
        end)
    end

    -- The UID of the data set took the place of the one that the peer had announced.
    it("changes no UID that it does not touch", function()
        local result = run({ "return { edit = function(object) object.PatientID = 'X' end }" },
            nil, { image = function()
                return dataset.new { SOPInstanceUID = "5.5", PatientID = "P" }
                    :encode "1.2.840.10008.1.2.1"
            end })
        assert.same({ "CT.1.2.3.4.1" }, result.files)
        assert.equal("1.2.3.4.1", read(result):meta().sop_instance)
    end)

    it("cannot change what the association told", function()
        local result = run { "return { edit = function(object) object.sop_class = 'x' end }" }
        assert.same({ 0x0110 }, result.statuses)
        assert.matches("'sop_class' cannot be changed", result.err)
    end)
end)

describe("the hook name", function()
    it("names the file, in folders that are made", function()
        local result = run { "return { name = function(object) "
            .. "return object.PatientID .. '/' .. object.sop_instance .. '.dcm' end }" }
        assert.same({ "P/1.2.3.4.1.dcm" }, result.files)
        assert.equal(0, result.code, result.err)
    end)

    it("leaves the default with nil, and of several the first name counts", function()
        local result = run { "return { name = function() end }",
            "return { name = function() return 'second' end }",
            "return { name = function() return 'third' end }" }
        assert.same({ "second" }, result.files)
        result = run { "return { name = function() end }" }
        assert.same({ "CT.1.2.3.4.1" }, result.files)
    end)

    it("gives two objects of the same name two files", function()
        local result = run({ "return { name = function() return 'one' end }" }, nil, { count = 2 })
        assert.same({ "one", "one~2" }, result.files)
    end)

    for _, wrong in ipairs { { "'../x'", "leads out of the output directory" },
        { [['a\0b']], "has a NUL in it" },
        { "'a/../../x'", "leads out of the output directory" },
        { "'/etc/x'", "must be below the output directory" },
        { "''", "name of the file is missing" }, { "'a/'", "name of the file is missing" },
        { "7", "must be a path or nil, not a number" } } do
        it("that answers " .. wrong[1] .. " is a script's error, and refuses", function()
            local result = run { "return { name = function() return " .. wrong[1] .. " end }" }
            assert.same({ 0x0110 }, result.statuses)
            assert.same({}, result.files)
            assert.equal(80, result.code)
            assert.matches("hook 'name' of %S*hooks.lua: .*" .. wrong[2], result.err)
        end)
    end

    it("is made safe where an attribute is hostile", function()
        local result = run({ "return { name = function(object) return object.PatientID end }" },
            nil, { image = function(uid)
                return dataset.new { SOPInstanceUID = uid, PatientID = ".hidden\27[2J" }
                    :encode "1.2.840.10008.1.2.1"
            end })
        assert.same({ "%2Ehidden%1B[2J" }, result.files)
    end)
end)

describe("the hook query", function()
    -- The queries that a server was asked, as lists of values.
    local function asked(text, words, keyword)
        local values = {}
        local result = peer.converse(box, { words or asking.study "1.2.3", "-od",
            box:directory("out"), "--script", script(text) }, function(link)
            while true do
                local event = link:event()
                if event.type ~= "command" then return end
                link.core:receive(require "getscu.core".sink.memory(1 << 20))
                event.data = link:event().bytes
                local query = assert(dataset.decode(event.data, "1.2.840.10008.1.2.1"))
                values[#values + 1] = query[keyword or "StudyInstanceUID"] or "nil"
                link:respond(event, 0, { completed = 0 })
            end
        end)
        return values, result
    end

    it("changes it in place", function()
        assert.same({ "9.9" }, (asked("return { query = function(query) "
            .. "query.StudyInstanceUID = '9.9' end }")))
    end)

    it("answers another one, or several", function()
        assert.same({ "7" }, (asked("return { query = function() "
            .. "return { QueryRetrieveLevel = 'STUDY', StudyInstanceUID = '7' } end }")))
        assert.same({ "7", "8" }, (asked [[return { query = function(query)
            local other = query:clone()
            query.StudyInstanceUID, other.StudyInstanceUID = "7", "8"
            return { query, other }
        end }]]))
    end)

    it("asks for nothing with an empty list, or false", function()
        for _, answer in ipairs { "{}", "false" } do
            local result = box:getscu("--script", script("return { query = function() return "
                .. answer .. " end }"), asking.study "1", "127.0.0.1", 1)
            assert.equal(0, result.code, result.err)
        end
    end)

    it("of several scripts sees what the one before made", function()
        local first = script("return { query = function(query) query.PatientID = 'A' end }")
        assert.same({ "AB" }, (asked("return { query = function(query) "
            .. "query.PatientID = query.PatientID .. 'B' end }",
            { asking.study "1", "--script", first }, "PatientID")))
    end)

    it("that fails asks for nothing, and ends with 80", function()
        local result = box:getscu("--script", script("return { query = function(query)\n"
            .. "query.Nonsense = 1 end }"), asking.study "1", "127.0.0.1", 1)
        assert.equal(80, result.code)
        assert.matches("hook 'query' of %S*: %S*hooks.lua:2: unknown keyword 'Nonsense'",
            result.err)
        assert.not_matches("connect", result.err)
    end)

    it("that answers something else fails", function()
        local result = box:getscu("--script", script "return { query = function() return 3 end }",
            asking.study "1", "127.0.0.1", 1)
        assert.equal(80, result.code)
        assert.matches("must be a query, a list of queries or nil, not a number", result.err)
    end)
end)

describe("the hook propose", function()
    it("changes contexts and identity in place", function()
        local _, asked = peer.converse(box, { asking.study "1.2.3", "-od", box:directory("out"),
            "--script", script [[return { propose = function(proposal, job)
                job:log("error", "%d contexts", #proposal.contexts)
                proposal.contexts = { proposal.contexts[1], proposal.contexts[3] }
                proposal.contexts[2].transfer_syntaxes = { "1.2.840.10008.1.2" }
                proposal.identity = { type = 1, primary = "somebody" }
                proposal.calling = "OTHER"
            end }]] }, function(link)
            link:respond(link:request(), 0, { completed = 0 })
            link:await_end()
            return link.asked
        end)
        assert.equal(2, #asked.contexts)
        assert.same({ "1.2.840.10008.1.2" }, asked.contexts[2].transfer_syntaxes)
        assert.equal("somebody", asked.identity.primary)
        assert.equal("OTHER", asked.calling)
    end)

    it("that fails connects to nobody", function()
        local result = box:getscu("--script", script("return { propose = function(proposal) "
            .. "proposal.contexts = proposal.context.all end }"), asking.study "1", "127.0.0.1", 1)
        assert.equal(80, result.code)
        assert.matches("hook 'propose' of", result.err)
        assert.not_matches("connect", result.err)
    end)
end)

-- These ended the program with a traceback of the library and the exit code 81.
describe("the hook propose, where it makes what cannot be proposed,", function()
    for change, told in pairs {
        ["proposal.contxts = {}"] = "unknown field 'contxts' in getscu.associate",
        ["proposal.contexts = {}"] = "an association needs presentation contexts",
        ["proposal.contexts[1].abstract_syntax = 7"] = "'abstract_syntax' must be a string",
        ["for i = 1, 9 do table.insert(proposal.contexts, proposal.contexts[2]) end"] =
            "133 presentation contexts do not fit",
        ["proposal.calling = ('x'):rep(17)"] = "'calling' is longer than 16 characters",
        ["proposal.identity = 'me'"] = "identity",
    } do
        it("is a script that fails: " .. change, function()
            local result = box:getscu("--script", script("return { propose = function(proposal) "
                .. change .. " end }"), asking.study "1", "127.0.0.1", 1)
            assert.equal(80, result.code, result.err)
            assert.matches("E: hook 'propose' of %S*hooks.lua: [^/]*" .. told, result.err)
        end)
    end
end)

describe("hooks that are told", function()
    it("hear of everything, in its order", function()
        local result = run({ [[local function note(what)
                return function(first, second) print(what, first and "", second) end
            end
            return {
                accept = function(object)
                    if object.sop_instance == "1.2.3.4.2" then return 0xA700 end
                end,
                on_associated = function(association) print("associated", association.called) end,
                on_stored = function(object, path)
                    print("stored", object.PatientID, #object.PixelData, path:match "[^/]*$")
                end,
                on_refused = function(object, reason)
                    print("refused", object.PatientID, reason)
                end,
                on_error = note "error",
                on_done = function(summary)
                    print("done", summary.stored, summary.refused, summary.script_errors)
                end,
            }]] }, nil, { count = 2 })
        assert.equal("associated\tPEER\nstored\tP\t512\tCT.1.2.3.4.1\n"
            .. "refused\tP\trefused by a script\ndone\t1\t1\t0\n", result.out)
        assert.equal(68, result.code)
    end)

    it("hear how far it is", function()
        local out = box:directory("out")
        local result = peer.converse(box, { asking.study "1", "-od", out, "--script", script
            "return { on_progress = function(now) print(now.remaining, now.completed) end }"
        }, function(link)
            local request = link:request()
            link:respond(request, 0xFF00, { remaining = 2, completed = 1, failed = 0, warning = 0 })
            link:respond(request, 0, { completed = 3 })
            link:await_end()
        end)
        assert.equal("2\t1\n", result.out)
    end)

    it("hear of errors", function()
        local result = box:getscu("--script", script("return { on_error = function(err) "
            .. "print(err.code) end }"), asking.study "1", "127.0.0.1", support.free_port())
        assert.equal(60, result.code)
        assert.equal("connect-refused\n", result.out)
    end)

    it("may wait, while objects go on coming, and are told one thing after the other", function()
        local result = run({ [[local getscu = require "getscu"
            local at_work = false
            return {
                on_stored = function(object)
                    assert(not at_work)
                    at_work = true
                    assert(getscu.exec { "true" } == 0)
                    at_work = false
                    print(object.sop_instance)
                end,
            }]] }, nil, { count = 100 })
        assert.equal(0, result.code, result.err)
        local lines = {}
        for i = 1, 100 do lines[i] = UID .. i .. "\n" end
        assert.equal(table.concat(lines), result.out)
    end)

    it("change nothing by what they return", function()
        local result = run { "return { on_stored = function() return false end }" }
        assert.same({ "CT.1.2.3.4.1" }, result.files)
        assert.equal(0, result.code, result.err)
    end)

    it("that fail are told and counted, and the object stays", function()
        local result = run({ "return { on_stored = function()\nerror 'no'\nend, "
            .. "on_done = function(summary) print(summary.script_errors) end }" }, nil,
            { count = 2 })
        assert.same({ 0, 0 }, result.statuses)
        assert.equal(2, #result.files)
        assert.equal(80, result.code)
        assert.matches("hook 'on_stored' of %S*hooks.lua: %S*hooks.lua:2: no", result.err)
        assert.equal("2\n", result.out)
    end)
end)

-- The hooks counted for good: the second run of --repeat had the failures of the first one too, and
-- the summary of getscu.retrieve had none.
describe("failures of hooks", function()
    local archive

    setup(function()
        local directory = box:directory("archive")
        for i = 1, 3 do
            local object = dataset.new { SOPClassUID = "1.2.840.10008.5.1.4.1.1.2",
                SOPInstanceUID = UID .. i, PatientID = "P", StudyInstanceUID = "1.2.3",
                SeriesInstanceUID = "1.2.3.4", Modality = "CT", InstanceNumber = i }
            assert(object:write(("%s/%d"):format(directory, i), "1.2.840.10008.1.2.1"))
        end
        archive = assert(getscu.archive { directory = directory })
        archive:start()
    end)
    teardown(function() archive:close() end)

    it("are counted for each run", function()
        local result = box:getscu("--script", script("return { accept = function(object) "
            .. "if object.InstanceNumber == 2 then error 'no' end end, "
            .. "on_done = function(summary) print(summary.script_errors) end }"), "--repeat", "2",
            "-od", box:directory("out"), asking.study "1.2.3", "127.0.0.1", archive:port())
        assert.equal("1\n1\n", result.out)
        assert.equal(80, result.code)
    end)

    it("are those of each of two retrievals that run side by side", function()
        local function retrieve(bad)
            return getscu.retrieve { host = "127.0.0.1", port = archive:port(),
                query = { StudyInstanceUID = "1.2.3" }, directory = box:directory("out"),
                hooks = {
                    accept = function(object)
                        if object.InstanceNumber <= bad then error "no" end
                    end,
                    on_stored = function() getscu.tasks.sleep(0.05) end,
                } }
        end
        local one, two
        getscu.tasks.all(function() one = retrieve(1) end, function() two = retrieve(2) end)
        assert.same({ 1, 2, 80 }, { one.script_errors, one.stored, one.exit_code })
        assert.same({ 2, 1, 80 }, { two.script_errors, two.stored, two.exit_code })
    end)
end)

describe("an object", function()
    it("expires with its hook, and a clone does not", function()
        local result = run({ [[local kept, clone
            return { accept = function(object)
                if clone then
                    print(clone.PatientID, clone.sop_instance,
                        pcall(function() return kept.PatientID end))
                end
                kept, clone = object, object:clone()
            end }]] }, nil, { count = 2 })
        assert.equal(0, result.code, result.err)
        assert.matches("^P\t1.2.3.4.1\tfalse\t.*expired.*clone", result.out)
    end)
end)

describe("several scripts", function()
    it("are asked in their order, and the first that does not keep decides", function()
        local result = run { "return { accept = function() end }",
            "return { accept = function() return 0xA701 end }",
            "return { accept = function() print 'asked' return 0xA702 end }" }
        assert.same({ 0xA701 }, result.statuses)
        assert.equal("", result.out)
    end)

    it("are all told", function()
        local result = run { "return { on_stored = function() print 'one' end }",
            "return { on_stored = function() print 'two' end }" }
        assert.equal("one\ntwo\n", result.out)
    end)
end)

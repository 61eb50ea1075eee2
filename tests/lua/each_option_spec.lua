-- Each option of the manual, row by row: what it does, seen by the server, in the files, in the
-- output or the exit code. Those of transfer syntaxes are in proposal_spec.lua.

local asking = require "asking"
local core = require "getscu.core"
local dataset = require "getscu.dataset"
local getscu = require "getscu"
local peer = require "peer"
local support = require "support"
local wire = require "wire"

local GET, EXPLICIT_LITTLE = 0x0010, "1.2.840.10008.1.2.1"
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

-- Retrieves the study with these words, from an archive with these hooks.
local function ask(hooks, ...)
    return asking.ask(box, { directory = directory, hooks = hooks },
        { asking.study(study), ... })
end

-- Runs the program against a port where nobody listens.
local function ask_nobody(...)
    return box:getscu(asking.study(study), { ... }, "127.0.0.1", support.free_port())
end

local function prefixed(prefix)
    local names = {}
    for i, uid in ipairs(objects) do names[i] = prefix .. uid end
    return names
end

-- The letters with which lines of a log begin.
local function letters(log)
    local set = {}
    for line in log:gmatch "[^\n]+" do set[line:sub(1, 1)] = true end
    return set
end

local row, finish = asking.rows(it, function(option)
    local is_syntax = option.field == "prefer" or option.field == "propose"
    return option.section ~= "tls" and option.section ~= "own" and not is_syntax
end)

describe("general options:", function()
    for long, text in pairs { ["--help"] = "usage: getscu", ["--version"] = "getscu "
        .. getscu.version } do
        row(long, "prints and ends, and asks nobody", function(name)
            local result = ask({}, name)
            assert.same({ 0, "" }, { result.code, result.err })
            assert.matches(text, result.out, 1, true)
            assert.same({}, result.requests)
        end)
    end

    row("--arguments", "logs the command line with its command files expanded", function(name)
        local file = box:file('-aet "MY STATION"\n-ta 10', "command.txt")
        local result = ask({}, name, "@" .. file)
        assert.equal(0, result.code, result.err)
        assert.matches("MY STATION", result.err, 1, true)
        assert.matches("StudyInstanceUID=" .. study, result.err, 1, true)
        assert.is_nil(result.err:find(file, 1, true))
    end)

    row("--quiet", "logs nothing, not even an error", function(name)
        assert.matches("^E: ", ask_nobody().err)
        local result = ask_nobody(name)
        assert.same({ 60, "", "" }, { result.code, result.out, result.err })
    end)

    row("--verbose", "logs what is done", function(name)
        assert.equal("", ask({}).err)
        local result = ask({}, name)
        assert.same({ I = true }, letters(result.err))
        assert.matches("I: Sending C-GET Request (MsgID 1)\n", result.err, 1, true)
    end)

    row("--debug", "logs more", function(name)
        local result = ask({}, name)
        assert.same({ I = true, D = true }, letters(result.err))
    end)

    row("--log-level", "logs from a level on", function(name)
        local expected = { fatal = {}, error = { E = true }, warn = { E = true, W = true },
            info = { E = true, W = true, I = true },
            debug = { E = true, W = true, I = true, D = true } }
        expected.trace = expected.debug -- or more
        for level, prefixes in pairs(expected) do
            -- A file of an earlier run is replaced with a warning; the second association is
            -- refused, which is an error.
            local number = 0
            local result = ask({ accept = function()
                number = number + 1
                return number == 2 and { result = 1, source = 1, reason = 1 } or nil
            end }, name, level, "--repeat", "2", "-k", "PatientName=nobody")
            local seen = letters(result.err)
            seen.T = nil
            assert.equal(61, result.code, result.err)
            assert.same(prefixes, seen, level)
        end
        assert.equal(1, ask({}, name, "loud").code)
    end)

    row("--log-config", "takes the log's configuration from a file", function(name)
        local log = box:new_path("messages.log")
        local configuration = box:file(([[
            log4cplus.rootLogger = INFO, file
            log4cplus.appender.file = log4cplus::FileAppender
            log4cplus.appender.file.File = %s
            log4cplus.appender.file.layout = log4cplus::PatternLayout
            log4cplus.appender.file.layout.ConversionPattern = %%p %%m%%n
        ]]):format(log), "logger.cfg")
        local result = ask({}, name, configuration)
        assert.same({ 0, "" }, { result.code, result.err })
        assert.matches("INFO Sending C-GET Request (MsgID 1)\n", support.read(log), 1, true)
        assert.equal(20, ask({}, name, box.path .. "/none").code)
        assert.equal(1, ask({}, name, configuration, "-v").code)
    end)

    row("--verbose-pc", "logs the presentation contexts with --verbose", function(name)
        local contexts = "1.2.840.10008.5.1.4.34.7" -- the last class
        local rt_beams = "RTBeamsDeliveryInstructionStorage"
        local function has_contexts(result)
            return result.err:find(contexts, 1, true) ~= nil
                or result.err:find(rt_beams, 1, true) ~= nil
        end
        assert.is_false(has_contexts(ask({}, "-v")))
        assert.is_true(has_contexts(ask({}, "-v", name)))
        assert.is_false(has_contexts(ask({}, name)))
    end)
end)

describe("options of the query:", function()
    -- The identifier that a server gets.
    local function identifier(arguments, files)
        local received
        local result = peer.converse(box, { "-P", arguments, "--ignore" }, function(link)
            local request = link:request()
            received = assert(dataset.decode(request.data, EXPLICIT_LITTLE))
            link:respond(request, 0)
            link:await_end()
        end, { files = files })
        assert.equal(0, result.code, result.err)
        return received
    end

    row("--key", "sets a key by keyword, tag or path", function(name)
        local got = identifier { name, "QueryRetrieveLevel=PATIENT", name, "0010,0020=P=1", name,
            "PatientName", name, "(0008,1140)[0].ReferencedSOPInstanceUID=1.2.3" }
        assert.equal("PATIENT", got.QueryRetrieveLevel)
        assert.equal("P=1", got.PatientID)
        assert.is_true(got:has "PatientName")
        assert.equal("", got:get("PatientName", ""))
        assert.equal("1.2.3", got:get "(0008,1140)[1].ReferencedSOPInstanceUID") -- from 1 in Lua
    end)

    row("--key", "replaces a key of a query file, and adds one to it", function(name)
        local file = box:dump2dcm("(0008,0052) CS PATIENT\n(0010,0010) PN [Doe*]\n"
            .. "(0010,0020) LO PAT001")
        local got = identifier({ name, "0010,0020=PAT002", name, "PatientSex=F" }, { file })
        assert.same({ "PATIENT", "Doe*", "PAT002", "F" }, { got.QueryRetrieveLevel,
            tostring(got.PatientName), got.PatientID, got.PatientSex })
    end)

    for long, root in pairs { ["--patient"] = "1", ["--study"] = "2", ["--psonly"] = "3" } do
        row(long, "asks in its information model", function(name)
            local class = ("1.2.840.10008.5.1.4.1.2.%s.3"):format(root)
            local result = asking.ask(box, { directory = directory, hooks = {
                accept = function(request, answer) -- also what it does not serve
                    local first = answer.contexts[1]
                    first.result, first.transfer_syntaxes = 0,
                        { request.contexts[1].transfer_syntaxes[1] }
                end,
                serve = function() return 0xA900 end,
            } }, { name, "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=1", "-k",
                "StudyInstanceUID=1", "--no-retry" })
            assert.equal(69, result.code, result.err)
            assert.equal(class, result.requests[1].contexts[1].abstract_syntax)
            assert.same({ GET }, asking.fields(result.commands))
            assert.equal(class, result.commands[1].AffectedSOPClassUID)
        end)
    end
end)

describe("options of the connection:", function()
    local function from(host, named, ...)
        local words = { asking.study(study), ... }
        return asking.ask(box, { directory = directory, host = host }, function(port, out)
            return { words, "-od", out, named, port }
        end)
    end

    row("--ipv4", "connects by IPv4 alone; unless it is written, also to an IPv6 address",
        function(name)
            assert.equal(0, from("127.0.0.1", "localhost", name).code)
            assert.equal(0, from("127.0.0.1", "127.0.0.1", name).code)
            assert.equal(0, from("::1", "::1").code)
            local result = from("::1", "::1", name)
            assert.equal(60, result.code, result.err)
            assert.same({}, result.requests)
        end)

    row("--ipv6", "connects by IPv6, and by nothing else", function(name)
        assert.equal(0, from("::1", "::1", name).code)
        local result = from("127.0.0.1", "127.0.0.1", name)
        assert.equal(60, result.code, result.err)
        assert.same({}, result.requests)
    end)

    row("--ip-auto", "connects by what the name has", function(name)
        assert.equal(0, from("127.0.0.1", "localhost", name).code)
        assert.equal(0, from("127.0.0.1", "127.0.0.1", name).code)
        assert.equal(0, from("::1", "::1", name).code)
    end)

    for long, field in pairs { ["--aetitle"] = "calling", ["--call"] = "called" } do
        row(long, "is told to the server as the title " .. field, function(name)
            local default = field == "called" and "ANY-SCP" or "GETSCU"
            assert.equal(default, ask({}).requests[1][field])
            for _, title in ipairs { "X", "A TITLE OF 16 CH", "-v" } do
                assert.equal(title, ask({}, name, title).requests[1][field])
            end
            assert.equal(1, ask({}, name, "A TITLE OF 17 CHA").code)
        end)
    end

    -- The exit code and the seconds of a wait that has to end after one.
    local function wait_for(server, ...)
        local begun = core.clock()
        local result = box:getscu(asking.study(study), { ... }, support.to(server))
        local seconds = core.clock() - begun
        assert.equal(63, result.code, result.err)
        assert.is_true(seconds <= 4, seconds)
    end

    row("--timeout", "limits the wait for a connection", function(name)
        wait_for(box:deaf_server(), name, "1")
    end)

    row("--acse-timeout", "limits the wait for an answer about the association", function(name)
        wait_for(box:sayer(""), name, "1")
    end)

    row("--dimse-timeout", "limits the wait for a message", function(name)
        local result = ask({ serve = function() return false end }, name, "1", "--no-retry")
        assert.equal(63, result.code, result.err)
        assert.same({ GET }, asking.fields(result.commands))
    end)

    row("--max-pdu", "is the largest PDU that the server may send", function(name)
        assert.equal(16384, ask({}).requests[1].max_length)
        for _, bytes in ipairs { 4096, 131072 } do
            assert.equal(bytes, ask({}, name, bytes).requests[1].max_length)
        end
        for _, bytes in ipairs { "4095", "131073", "many" } do
            local result = ask({}, name, bytes)
            assert.equal(1, result.code)
            assert.same({}, result.requests)
        end
    end)

    row("--repeat", "does everything again", function(name)
        local result = ask({}, name, "3")
        assert.equal(0, result.code, result.err)
        assert.equal(3, #result.requests)
        assert.equal(3 * COUNT, #result.sent)
        assert.same(prefixed "CT.", result.files)
        assert.equal(1, ask({}, name, "0").code)
    end)

    row("--abort", "ends the association by A-ABORT", function(name)
        for _, words in ipairs { {}, { name } } do
            local archive <close> = assert(getscu.archive { directory = directory })
            archive:start()
            local tap = box:tap { title = "ARCHIVE", port = archive:port() }
            local result = box:getscu(asking.study(study), words, "-od", box:directory("out"),
                support.to(tap))
            assert.equal(0, result.code, result.err)
            assert.equal("A-ASSOCIATE-RQ " .. (words[1] and "A-ABORT" or "A-RELEASE-RQ"),
                wire.story(wire.read(tap).client.pdus))
        end
    end)
end)

describe("options of the output:", function()
    row("--output-directory", "is where objects go; it has to be there", function(name)
        local out = box:directory("elsewhere")
        local result = ask({}, name, out) -- and -od behind it: the rightmost counts
        assert.same({ 0, {} }, { result.code, support.list(out) })
        result = asking.ask(box, { directory = directory }, function(port)
            return { asking.study(study), name, out, "127.0.0.1", port }
        end)
        assert.equal(0, result.code, result.err)
        assert.same(prefixed "CT.", support.list(out))
        result = asking.ask(box, { directory = directory }, function(port)
            return { asking.study(study), name, out .. "/none", "127.0.0.1", port }
        end)
        assert.equal(45, result.code, result.err)
        assert.same({}, result.requests)
    end)

    row("--normal", "names files by modality and UID", function(name)
        local result = ask({}, "+B", name)
        assert.same({ 0, prefixed "CT." }, { result.code, result.files })
    end)

    row("--bit-preserving", "names files by the UID, and keeps every bit", function(name)
        local result = ask({}, name)
        assert.same({ 0, objects }, { result.code, result.files })
        for _, uid in ipairs(objects) do
            assert.is_true(wire.part10(result.directory .. "/" .. uid)
                == wire.part10(directory .. "/" .. uid), uid)
        end
    end)

    row("--ignore", "takes the objects and keeps none", function(name)
        local here = support.list "."
        local result = asking.ask(box, { directory = directory }, function(port)
            return { asking.study(study), name, "127.0.0.1", port }
        end)
        assert.equal(0, result.code, result.err)
        assert.same(objects, result.sent)
        assert.same(here, support.list ".")
        for _, other in ipairs { { "-od", "." }, { "-B" }, { "+B" } } do
            assert.equal(1, ask_nobody(name, other).code)
        end
    end)
end)

describe("the manual's options", function() finish() end)

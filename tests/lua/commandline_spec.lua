local commandfile = require "getscu.commandfile"
local commandline = require "getscu.commandline"
local errors = require "getscu.errors"
local options = require "getscu.options"
local support = require "support"

-- Every option that is not ready yet is made ready, to test what the parser does with it.
local function all_ready()
    local list = {}
    for _, option in ipairs(options.list) do
        list[#list + 1] = setmetatable({ ready = true }, { __index = option })
    end
    return setmetatable({ list = list }, { __index = options })
end

local function parse(line, given_options)
    local words = {}
    for word in line:gmatch("%S+") do words[#words + 1] = word end
    return commandline.parse(words, given_options or options)
end

-- The settings of options that stand beside a query, a peer and a port.
local function settings_of(line, given_options)
    local settings, positional = parse("host 104 -k PatientID=1 " .. line, given_options)
    assert.is_table(settings, tostring(positional))
    return settings, positional
end

local function message_of(line, given_options)
    local settings, err = parse("host 104 -k PatientID=1 " .. line, given_options)
    assert.is_nil(settings)
    assert.is_true(errors.is(err))
    assert.equal("command-line", err.code)
    return tostring(err)
end

describe("a command line", function()
    it("without options has the manual's defaults", function()
        local settings, positional = parse("caesar 5678 patqry.dcm")
        assert.same({ peer = "caesar", port = 5678, files = { "patqry.dcm" } }, positional)
        local expected = { log_level = "warn", model = "patient", family = "ipv4",
            calling = "GETSCU", called = "ANY-SCP", acse_timeout = 30, max_pdu = 16384,
            repeats = 1, directory = ".", storage = "normal", prefer = "uncompr",
            propose = "uncompr", tls = "off" }
        for field, value in pairs(expected) do assert.equal(value, settings[field], field) end
        local unset = { "action", "connect_timeout", "dimse_timeout", "abort", "ignore" }
        for _, field in ipairs(unset) do
            assert.is_nil(settings[field], field)
        end
        assert.same({}, settings.keys)
    end)

    it("takes the manual's examples", function()
        local settings, positional = parse("-k 0010,0020=PAT002 caesar 5678 patqry.dcm")
        assert.same({ "0010,0020=PAT002" }, settings.keys)
        assert.same({ "patqry.dcm" }, positional.files)
        settings, positional = parse("--patient --call ARCHIVE caesar 104 q.dcm")
        assert.equal("ARCHIVE", settings.called)
        assert.equal("patient", settings.model)
        assert.equal(104, positional.port)
    end)

    it("has options and parameters in any order", function()
        local settings, positional = parse("-S caesar -aet ME 104 +B a.dcm --abort b.dcm -od out")
        assert.equal("study", settings.model)
        assert.equal("ME", settings.calling)
        assert.equal("bit-preserving", settings.storage)
        assert.is_true(settings.abort)
        assert.equal("out", settings.directory)
        assert.same({ peer = "caesar", port = 104, files = { "a.dcm", "b.dcm" } }, positional)
    end)

    it("lets the rightmost of exclusive options win", function()
        assert.equal("psonly", settings_of("-P -S -O").model)
        assert.equal("patient", settings_of("-O -S -P").model)
        assert.equal("debug", settings_of("-q -ll trace -v -d").log_level)
        assert.equal("trace", settings_of("-d -ll trace").log_level)
        assert.equal("fatal", settings_of("-d --quiet").log_level)
        assert.equal("normal", settings_of("+B -B").storage)
        assert.equal("any", settings_of("-i4 -i6 -i0").family)
        assert.equal(20, settings_of("-ta 10 --acse-timeout 20").acse_timeout)
    end)

    it("keeps all keys, in their order", function()
        local settings = settings_of("-k StudyDate --key PatientName=A*")
        assert.same({ "PatientID=1", "StudyDate", "PatientName=A*" }, settings.keys)
    end)

    it("takes a value that begins with a sign for a value", function()
        assert.equal("-X", settings_of("-aet -X").calling)
        assert.equal("+B", settings_of("-aec +B").called)
        assert.equal("--", settings_of("-od --").directory)
    end)

    it("ends its options at --", function()
        local _, positional = parse("-S -- -host 104 -S --")
        assert.same({ peer = "-host", port = 104, files = { "-S", "--" } }, positional)
    end)

    it("takes a lone sign for a parameter", function()
        local _, positional = parse("host 104 -")
        assert.same({ "-" }, positional.files)
    end)

    it("is read the same whatever was read before it", function()
        settings_of("-k A=1")
        assert.same({ "PatientID=1" }, settings_of("").keys)
    end)

    it("that asks for help or version needs nothing else", function()
        assert.equal("help", parse("-h").action)
        assert.equal("help", parse("host --help").action)
        assert.equal("version", parse("--version").action)
    end)
end)

describe("a wrong command line", function()
    it("is told the nearest option", function()
        assert.equal("unknown option '-pdx' (did you mean '-pdu'?)", message_of("-pdx 3"))
        assert.equal("unknown option '--aetitel' (did you mean '--aetitle'?)",
            message_of("--aetitel X"))
        assert.equal("unknown option '--call=X' (did you mean '--call'?)", message_of("--call=X"))
        assert.equal("unknown option '+b' (did you mean '+B'?)", message_of("+b"))
        assert.equal("unknown option '-xyz'", message_of("-xyz"))
    end)

    it("is told the whole name of a prefix", function()
        assert.equal("unknown option '--out' (did you mean '--output-directory'?)",
            message_of("--out x"))
    end)

    it("is told which option lacks its value", function()
        assert.equal("option -aet: missing title", message_of("-aet"))
        assert.equal("option --key: missing key[=value]", message_of("--key"))
    end)

    it("is told the range of a number", function()
        for _, number in ipairs { "4095", "131073", "0x4000", "16384x", "1e5", "-1",
            "99999999999999999999" } do
            local expected = "option -pdu: '%s' must be an integer from 4096 to 131072"
            assert.equal(expected:format(number), message_of("-pdu " .. number))
        end
        assert.equal(4096, settings_of("-pdu 4096").max_pdu)
        assert.equal(131072, settings_of("-pdu 131072").max_pdu)
        assert.equal("option --repeat: '0' must be an integer of at least 1",
            message_of("--repeat 0"))
        for _, name in ipairs { "-to", "-ta", "-td" } do
            assert.equal(("option %s: '-5' must be an integer of at least 1"):format(name),
                message_of(name .. " -5"))
        end
    end)

    it("is told the log levels", function()
        assert.equal("option -ll: 'inof' must be one of fatal, error, warn, info, debug, trace"
            .. " (did you mean 'info'?)", message_of("-ll inof"))
    end)

    it("is told that options conflict, as they were written", function()
        assert.equal("option --ignore cannot stand beside -od", message_of("--ignore -od ."))
        assert.equal("option --ignore cannot stand beside -B", message_of("-B --ignore"))
        assert.equal("option --ignore cannot stand beside --bit-preserving",
            message_of("--bit-preserving --ignore"))
        assert.is_true(settings_of("--ignore").ignore)
    end)

    it("is told which parameter is missing, and the usage", function()
        local usage = "usage: getscu [options] peer port [dcmfile-in...]"
        local _, err = parse("")
        assert.equal("missing peer and port; " .. usage, tostring(err))
        _, err = parse("host -v")
        assert.equal("missing port; " .. usage, tostring(err))
        assert.equal(1, errors.exit_code(err))
    end)

    it("is told that a port is none", function()
        for _, port in ipairs { "0", "65536", "99999", "http", "1.5" } do
            local _, err = parse("host " .. port .. " q.dcm")
            assert.equal(("port: '%s' must be an integer from 1 to 65535"):format(port),
                tostring(err))
        end
    end)

    it("is told that it has no query", function()
        local _, err = parse("host 104")
        assert.matches("^no query", tostring(err))
    end)

    it("is told that an option is not available yet", function()
        local list = {}
        for i, option in ipairs(options.list) do
            list[i] = setmetatable({ ready = option.long ~= "--repeat" }, { __index = option })
        end
        assert.equal("option --repeat is not available yet",
            message_of("--repeat 2", setmetatable({ list = list }, { __index = options })))
    end)
end)

describe("an AE title", function()
    it("has 1 to 16 ASCII characters", function()
        assert.equal("ABCDEFGHIJKLMNOP", settings_of("-aet ABCDEFGHIJKLMNOP").calling)
        for _, title in ipairs { "ABCDEFGHIJKLMNOPQ", "A\\B", "A\tB", "\u{e9}", "", "   " } do
            local settings, err = commandline.parse({ "-aec", title, "-k", "A", "host", "104" },
                options)
            assert.is_nil(settings)
            assert.equal(("option -aec: '%s' must be an AE title: 1 to 16 ASCII characters, "
                .. "without backslash"):format(title), tostring(err))
        end
    end)

    it("has no blanks at its ends that count", function()
        local settings = commandline.parse({ "-aec", " MY PACS ", "-k", "A", "host", "104" },
            options)
        assert.equal("MY PACS", settings.called)
    end)
end)

describe("a peer", function()
    local function peer_of(line)
        local settings, positional = parse(line .. " -k A=1")
        assert.is_table(settings, tostring(positional))
        return settings.called, positional.peer, positional.port, settings.family
    end

    it("may be written in one word, without a port after it", function()
        assert.same({ "PACS", "caesar", 104, "ipv4" }, { peer_of("PACS@caesar:104") })
        assert.same({ "PACS", "10.0.0.1", 11112, "any" }, { peer_of("-i0 PACS@10.0.0.1:11112") })
        local _, positional = parse("PACS@caesar:104 a.dcm b.dcm")
        assert.same({ peer = "caesar", port = 104, files = { "a.dcm", "b.dcm" } }, positional)
    end)

    it("may be an IPv6 address, and is connected to by IPv6 then", function()
        assert.same({ "ANY-SCP", "::1", 104, "ipv6" }, { peer_of("::1 104") })
        assert.same({ "ANY-SCP", "fe80::1%eth0", 104, "ipv6" }, { peer_of("[fe80::1%eth0] 104") })
        assert.same({ "PACS", "::1", 104, "ipv6" }, { peer_of("PACS@[::1]:104") })
        assert.same({ "PACS", "::ffff:10.0.0.1", 104, "any" },
            { peer_of("PACS@[::ffff:10.0.0.1]:104 -i0") })
        assert.same({ "PACS", "::1", 104, "ipv4" }, { peer_of("PACS@[::1]:104 -i4") })
    end)

    it("that is written wrongly is told how to write it", function()
        for _, peer in ipairs { "PACS@caesar", "PACS@::1:104", "PACS@[::1]", "PACS@caesar:", "@:1",
            "PACS@[caesar]:104", "PACS@caesar:1x", "A@B@caesar:104", "PACS@:104" } do
            local settings, err = parse("-k A=1 -- " .. peer .. " 104")
            if peer:sub(1, 1) ~= "@" then
                assert.is_nil(settings)
                assert.equal(("peer '%s' must be a host, AET@host:port or "
                    .. "AET@[IPv6 address]:port"):format(peer), tostring(err):match("^[^;]+"))
            end
        end
    end)

    it("has the port and the title checked like any other", function()
        local _, err = parse("PACS@caesar:65536 -k A")
        assert.equal("port: '65536' must be an integer from 1 to 65535", tostring(err))
        _, err = parse("AVERYLONGTITLEINDEED@caesar:104 -k A")
        assert.matches("^peer: 'AVERYLONGTITLEINDEED' must be an AE title", tostring(err))
    end)

    it("and -aec may not name different titles", function()
        local _, err = parse("-aec OTHER PACS@caesar:104 -k A")
        assert.equal("peer 'PACS@caesar:104' and option -aec name different AE titles",
            tostring(err):match("^[^;]+"))
        assert.equal("PACS", (peer_of("-aec PACS PACS@caesar:104")))
    end)
end)

describe("a command file", function()
    local box
    setup(function() box = support.box() end)
    teardown(function() box:close() end)

    local function words_of(content)
        return commandfile.words(content)
    end

    it("stands for its words, wherever it stands", function()
        local file = box:file("-S -k PatientID=1\n  -aec\tPACS\r\n\n")
        local settings, positional = parse("-P @" .. file .. " caesar 104 -aet ME")
        assert.equal("study", settings.model)
        assert.equal("PACS", settings.called)
        assert.same({ "PatientID=1" }, settings.keys)
        assert.same({ peer = "caesar", port = 104, files = {} }, positional)
        local values = box:file("PACS caesar 104")
        assert.equal("PACS", parse("-k A -aec @" .. values).called)
    end)

    it("has quotes that group", function()
        assert.same({ "-k", "PatientName=Doe^ J*", "a b", "it's", '"', "", "@x" },
            words_of([[-k PatientName="Doe^ J*" 'a b' "it's" '"' "" "@x"]]))
        assert.same({ "two\nlines", "ab" }, words_of("'two\nlines' a''b"))
        assert.same({}, words_of(" \n\t "))
        assert.same({ "-S" }, words_of("\u{FEFF}-S"))
    end)

    it("is told where a quote is not closed", function()
        assert.same({ nil, "line 2: ' is not closed", n = 2 }, table.pack(words_of("a\n'b")))
        local file = box:file('a\n\n"b')
        local _, err = parse("@" .. file)
        assert.equal(("command file '%s': line 3: \" is not closed"):format(file), tostring(err))
        assert.equal("command-line", err.code)
    end)

    it("names no other command file", function()
        local file = box:file("-S\n@other.txt")
        local _, err = parse("@" .. file)
        assert.equal(("command file '%s': line 2: a command file cannot name another"):format(file),
            tostring(err))
    end)

    it("that cannot be read is an error", function()
        local missing = box:new_path("missing")
        local _, err = parse("@" .. missing .. " host 104 -k A")
        assert.equal("command-line", err.code)
        assert.equal(("command file '%s': No such file or directory"):format(missing),
            tostring(err))
        _, err = parse("@" .. box.path)
        assert.equal(("command file '%s': Is a directory"):format(box.path), tostring(err))
    end)
end)

describe("--arguments", function()
    local box
    setup(function() box = support.box() end)
    teardown(function() box:close() end)

    it("shows the command line as a shell would take it", function()
        local settings = commandline.parse({ "--arguments", "-k", "A=it's", "host", "104" },
            options)
        assert.equal([[calling 'getscu' with 5 arguments: '--arguments' '-k' 'A=it'\''s' 'host' ]]
            .. "'104'", settings.arguments)
        assert.is_nil(settings_of("").arguments)
    end)

    it("shows what was understood of a wrong one", function()
        local _, err = parse("--arguments host -pdu x 104")
        assert.equal("calling 'getscu' with 5 arguments: '--arguments' 'host' '-pdu' ... ...",
            err.arguments)
    end)

    it("shows it on standard error, whatever the level of the log is", function()
        local file = box:file("-q --arguments")
        local result = box:getscu("@" .. file, "host")
        assert.same({ 1, "" }, { result.code, result.out })
        assert.matches("^I: calling 'getscu' with 3 arguments: '%-q' '%-%-arguments' 'host'\n",
            result.err)
    end)

    it("shows no password", function()
        local settings = settings_of("--arguments +tls k c +pw secret -ic", all_ready())
        assert.matches("'+pw' '...'", settings.arguments, 1, true)
        assert.is_nil(settings.arguments:find("secret", 1, true))
    end)
end)

describe("an option", function()
    local ready = all_ready()

    it("has its place in the table", function()
        assert.equal("jls-lossless", settings_of("+xr +xt", ready).prefer)
        assert.equal("deflated", settings_of("-xd", ready).propose)
        assert.same({ "a", "b" }, settings_of("+tla +cf a +cf b", ready).tls_ca_files)
    end)

    it("may have two arguments", function()
        local settings = settings_of("+tls key.pem cert.pem +cf ca.pem", ready)
        assert.equal("authenticated", settings.tls)
        assert.equal("key.pem", settings.tls_key)
        assert.equal("cert.pem", settings.tls_certificate)
        assert.equal("option +tls: missing certificate-file", message_of("+tls key.pem", ready))
    end)

    it("may imply another and need another", function()
        assert.is_true(settings_of("+tla -ic +crl list.pem", ready).tls_crl_leaf)
        assert.is_nil(settings_of("", ready).tls_crl_leaf)
        assert.equal("option +pw needs --enable-tls", message_of("+pw secret", ready))
        assert.equal("option +ws needs --seed", message_of("+ws", ready))
        assert.equal("secret", settings_of("+pw secret +tls k c -ic", ready).tls_password)
        for _, name in ipairs { "+ps", "-pw" } do
            assert.equal(("option %s needs --enable-tls"):format(name), message_of(name, ready))
        end
        assert.equal("option +wf needs --seed", message_of("+wf seed.bin", ready))
        assert.equal("option --user-pass-file needs --user",
            message_of("--user-pass-file secret.txt", ready))
    end)

    it("needs what stands, not what another option has overridden", function()
        assert.equal("option +pw needs --enable-tls", message_of("+tls k c -tls +pw x", ready))
        assert.equal("option -pw needs --enable-tls", message_of("+pw x -pw", ready))
        assert.equal("", settings_of("+tls k c +pw x -pw -ic", ready).tls_password)
    end)

    it("conflicts with others", function()
        for _, name in ipairs { "-q", "-v", "-d", "-ll info" } do
            assert.equal("option -lc cannot stand beside " .. name:match("^%S+"),
                message_of("-lc logger.cfg " .. name, ready))
        end
        for _, words in ipairs { "--filename {n}", "--on-collision skip", "--create-directory" } do
            assert.equal(("option %s cannot stand beside --ignore"):format(words:match("^%S+")),
                message_of("--ignore " .. words, ready))
        end
        assert.equal("option --user cannot stand beside --user-jwt",
            message_of("--user-jwt token --user me", ready))
    end)

    it("of TLS changes nothing without +tls or +tla, so it is refused there", function()
        for _, words in ipairs { "+cf a", "+cd a", "+crl a", "+crv", "+cra", "+pg", "+pn", "-pem",
            "-der", "-rc", "-ic", "+cs TLS_AES_128_GCM_SHA256", "--no-sni", "--request-sni a",
            "+rs a", "--verify-hostname", "--verify-hostname-as a" } do
            local expected = ("option %s needs --enable-tls or --anonymous-tls"):format(
                words:match "^%S+")
            assert.equal(expected, message_of(words, ready):match "^[^;]+")
            assert.equal(expected, message_of("+tla -tls " .. words, ready):match "^[^;]+")
        end
        assert.equal("off", settings_of("+tla -tls", ready).tls)
    end)

    it("for TLS needs an authority, or that nobody is verified", function()
        for _, words in ipairs { "+tla", "+tls key certificate" } do
            assert.matches("^option %+tl[as] needs the certificates of an authority",
                message_of(words, ready))
            for _, more in ipairs { " +cf a", " +cd a", " -ic" } do
                assert.is_table(settings_of(words .. more, ready))
            end
        end
        assert.equal("option --verify-hostname cannot stand beside -ic",
            message_of("+tla --verify-hostname -ic", ready))
    end)

    it("is told that +v says nothing without a verbose log", function()
        local expected = "option +v needs --verbose, --debug or a log level from info on"
        assert.equal(expected, message_of("+v", ready):match("^[^;]+"))
        assert.equal(expected, message_of("+v -v -q", ready):match("^[^;]+"))
        assert.equal(expected, message_of("+v -ll warn", ready):match("^[^;]+"))
        for _, words in ipairs { "-v", "-d", "-ll info", "-ll trace", "-lc logger.cfg" } do
            assert.is_true(settings_of("+v " .. words, ready).show_contexts)
        end
    end)

    it("sets what the program's own options say", function()
        local settings = settings_of("--no-retry --as-stored --store-tc CT:1.2 --store-tc MR:1.2.4 "
            .. "--sop-class CT,MR --strict-query --report - --no-progress --filename {n}.dcm "
            .. "--on-collision rename --create-directory --retrieve-timeout 5 --model composite "
            .. "--relational --user me --user-pass-file p", ready)
        local expected = { no_retry = true, as_stored = true, strict_query = true, report = "-",
            no_progress = true, filename = "{n}.dcm", collision = "rename",
            create_directory = true, retrieve_timeout = 5, model = "composite",
            relational = true, user = "me", user_password_file = "p" }
        for field, value in pairs(expected) do assert.equal(value, settings[field], field) end
        assert.same({ "CT:1.2", "MR:1.2.4" }, settings.store_tc)
        assert.same({ "CT,MR" }, settings.sop_classes)
        assert.equal("token", settings_of("--user-jwt token", ready).user_jwt_file)
        assert.equal("overwrite", settings_of("", ready).collision)
        assert.equal("study", settings_of("-P --model psonly -S", ready).model)
        assert.equal("psonly", settings_of("-S --model psonly", ready).model)
    end)

    it("has its values checked", function()
        assert.equal("option --retrieve-timeout: '0' must be an integer of at least 1",
            message_of("--retrieve-timeout 0", ready))
        assert.equal("option --on-collision: 'skp' must be one of overwrite, skip, rename, fail "
            .. "(did you mean 'skip'?)", message_of("--on-collision skp", ready))
        assert.equal("option --model: 'stdy' must be one of patient, study, psonly, composite, "
            .. "withoutbulkdata (did you mean 'study'?)", message_of("--model stdy", ready))
    end)
end)

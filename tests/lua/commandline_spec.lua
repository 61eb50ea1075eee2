local commandline = require "getscu.commandline"
local errors = require "getscu.errors"
local help = require "getscu.help"
local options = require "getscu.options"

-- The options of the manual, in its order.
local manual = {
    "-h --help", "--version", "--arguments", "-q --quiet", "-v --verbose", "-d --debug",
    "-ll --log-level", "-lc --log-config", "+v --verbose-pc", "-k --key", "-P --patient",
    "-S --study", "-O --psonly", "-i4 --ipv4", "-i6 --ipv6", "-i0 --ip-auto", "-aet --aetitle",
    "-aec --call", "+x= --prefer-uncompr", "+xe --prefer-little", "+xb --prefer-big",
    "+xs --prefer-lossless", "+xy --prefer-jpeg8", "+xx --prefer-jpeg12",
    "+xv --prefer-j2k-lossless", "+xw --prefer-j2k-lossy", "+xt --prefer-jls-lossless",
    "+xu --prefer-jls-lossy", "+xm --prefer-mpeg2", "+xh --prefer-mpeg2-high",
    "+xn --prefer-mpeg4", "+xl --prefer-mpeg4-bd", "+x2 --prefer-mpeg4-2-2d",
    "+x3 --prefer-mpeg4-2-3d", "+xo --prefer-mpeg4-2-st", "+x4 --prefer-hevc",
    "+x5 --prefer-hevc10", "+xr --prefer-rle", "+xd --prefer-deflated", "+xi --implicit",
    "-x= --propose-uncompr", "-xe --propose-little", "-xb --propose-big",
    "-xd --propose-deflated", "-xi --propose-implicit", "-to --timeout", "-ta --acse-timeout",
    "-td --dimse-timeout", "-pdu --max-pdu", "--repeat", "--abort", "-tls --disable-tls",
    "+tls --enable-tls", "+tla --anonymous-tls", "+ps --std-passwd", "+pw --use-passwd",
    "-pw --null-passwd", "-pem --pem-keys", "-der --der-keys", "+cf --add-cert-file",
    "+cd --add-cert-dir", "+crl --add-crl-file", "+crv --enable-crl-vfy", "+cra --enable-crl-all",
    "+ph --list-profiles", "+pg --profile-8996", "+pm --profile-8996-mod",
    "+py --profile-bcp195-nd", "+px --profile-bcp195", "+pz --profile-bcp195-ex",
    "+pb --profile-basic", "+pa --profile-aes", "+pn --profile-null", "+cc --list-ciphers",
    "+cs --cipher", "--no-sni", "--request-sni", "+rs --seed", "+ws --write-seed",
    "+wf --write-seed-file", "-rc --require-peer-cert", "-ic --ignore-peer-cert",
    "-od --output-directory", "-B --normal", "+B --bit-preserving", "--ignore",
}

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

describe("the table of options", function()
    it("has the 86 options of the manual, in its order", function()
        local names = {}
        for _, option in ipairs(options.list) do
            names[#names + 1] = (option.short and option.short .. " " or "") .. option.long
        end
        assert.equal(86, #manual)
        assert.same(manual, names)
    end)

    it("has no name twice", function()
        local seen = {}
        for _, option in ipairs(options.list) do
            for _, name in ipairs { option.long, option.short } do -- short may be nil
                assert.is_nil(seen[name], name)
                seen[name] = true
            end
        end
    end)

    it("says of each option what it sets, and helps", function()
        local known = { field = "string", value = true, default = true, list = "boolean",
            arguments = "table", implies = "table", conflicts = "table", requires = "string",
            ready = "boolean", en = "string", short = "string", long = "string",
            section = "string", group = "string" }
        for _, option in ipairs(options.list) do
            for key, value in pairs(option) do
                local expected = known[key]
                assert.is_truthy(type(key) == "number" or expected, option.long)
                if type(expected) == "string" then assert.equal(expected, type(value)) end
            end
            assert.is_string(option.field, option.long)
            assert.is_string(option.en, option.long)
            assert.is_truthy(option.value ~= nil or #option.arguments > 0, option.long)
        end
    end)

    it("names types, and options besides, that there are", function()
        local by_name = {}
        for _, option in ipairs(options.list) do by_name[option.long] = option end
        for _, option in ipairs(options.list) do
            for _, argument in ipairs(option.arguments) do
                assert.is_function(commandline.types[argument.type], option.long)
            end
            for _, other in ipairs(option.conflicts or {}) do
                assert.is_table(by_name[other], other)
            end
            assert.is_true(option.requires == nil or by_name[option.requires] ~= nil)
        end
    end)

    it("has one default at most for a field", function()
        local seen = {}
        for _, option in ipairs(options.list) do
            if option.default ~= nil then
                assert.is_nil(seen[option.field], option.long)
                seen[option.field] = true
            end
        end
    end)
end)

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
            assert.equal(("option %s: '-5' must be an integer of at least 0"):format(name),
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
        assert.equal("option +xs is not available yet", message_of("+xs"))
        assert.equal("option --enable-tls is not available yet", message_of("--enable-tls a b"))
        local _, err = parse("@command.txt")
        assert.equal("command file '@command.txt' is not available yet", tostring(err))
    end)
end)

describe("an option that is not ready yet", function()
    local ready = all_ready()

    it("has its place in the table", function()
        assert.equal("jls-lossless", settings_of("+xr +xt", ready).prefer)
        assert.equal("deflated", settings_of("-xd", ready).propose)
        assert.same({ "a", "b" }, settings_of("+cf a +cf b", ready).tls_ca_files)
    end)

    it("may have two arguments", function()
        local settings = settings_of("+tls key.pem cert.pem", ready)
        assert.equal("authenticated", settings.tls)
        assert.equal("key.pem", settings.tls_key)
        assert.equal("cert.pem", settings.tls_certificate)
        assert.equal("option +tls: missing certificate-file", message_of("+tls key.pem", ready))
    end)

    it("may imply another and need another", function()
        assert.is_true(settings_of("+crl list.pem", ready).tls_crl_leaf)
        assert.equal("option +pw needs --enable-tls", message_of("+pw secret", ready))
        assert.equal("option +ws needs --seed", message_of("+ws", ready))
        assert.equal("secret", settings_of("+pw secret +tls k c", ready).tls_password)
    end)
end)

describe("the help text", function()
    local text = help.render(options)

    it("has each option that is ready, and no other", function()
        for _, option in ipairs(options.list) do
            local found = text:gsub("\n", " \n"):find(option.long .. " ", 1, true) ~= nil
            assert.equal(option.ready or false, found, option.long)
        end
    end)

    it("has the usage, the parameters and the defaults", function()
        assert.matches(help.usage(options), text, 1, true)
        assert.matches("(default: ANY-SCP)", text, 1, true)
        assert.matches("\n  dcmfile%-in ", text)
    end)

    it("is at most 100 columns wide, without blanks at the ends of lines", function()
        for line in help.render(all_ready()):gmatch("[^\n]*") do
            assert.is_true(#line <= 100, line)
            assert.is_nil(line:find(" $"), line)
        end
    end)

    it("is in English where a language is missing", function()
        assert.equal(text, help.render(options, "eo"))
    end)
end)

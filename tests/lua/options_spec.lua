-- The table of options, and everything that is made from it.

local chapters, completions, man
local columns = require "getscu.columns"
local commandline = require "getscu.commandline"
local errors = require "getscu.errors"
local help = require "getscu.help"
local log = require "getscu.log"
local options = require "getscu.options"
local support = require "support"

local box
setup(function()
    box = support.box()
    package.path = "docs/?.lua;" .. package.path
    chapters = require "generate.chapters"
    completions = require "generate.completions"
    man = require "generate.man"
end)
teardown(function() box:close() end)

-- The manual's options in its order: short, long, how many arguments, and in which section.
local manual = {
    general = [[ -h --help 0 ; --version 0 ; --arguments 0 ; -q --quiet 0 ; -v --verbose 0 ;
        -d --debug 0 ; -ll --log-level 1 ; -lc --log-config 1 ; +v --verbose-pc 0 ]],
    network = [[ -k --key 1 ; -P --patient 0 ; -S --study 0 ; -O --psonly 0 ; -i4 --ipv4 0 ;
        -i6 --ipv6 0 ; -i0 --ip-auto 0 ; -aet --aetitle 1 ; -aec --call 1 ;
        +x= --prefer-uncompr 0 ; +xe --prefer-little 0 ; +xb --prefer-big 0 ;
        +xs --prefer-lossless 0 ; +xy --prefer-jpeg8 0 ; +xx --prefer-jpeg12 0 ;
        +xv --prefer-j2k-lossless 0 ; +xw --prefer-j2k-lossy 0 ; +xt --prefer-jls-lossless 0 ;
        +xu --prefer-jls-lossy 0 ; +xm --prefer-mpeg2 0 ; +xh --prefer-mpeg2-high 0 ;
        +xn --prefer-mpeg4 0 ; +xl --prefer-mpeg4-bd 0 ; +x2 --prefer-mpeg4-2-2d 0 ;
        +x3 --prefer-mpeg4-2-3d 0 ; +xo --prefer-mpeg4-2-st 0 ; +x4 --prefer-hevc 0 ;
        +x5 --prefer-hevc10 0 ; +xr --prefer-rle 0 ; +xd --prefer-deflated 0 ; +xi --implicit 0 ;
        -x= --propose-uncompr 0 ; -xe --propose-little 0 ; -xb --propose-big 0 ;
        -xd --propose-deflated 0 ; -xi --propose-implicit 0 ; -to --timeout 1 ;
        -ta --acse-timeout 1 ; -td --dimse-timeout 1 ; -pdu --max-pdu 1 ; --repeat 1 ; --abort 0 ]],
    tls = [[ -tls --disable-tls 0 ; +tls --enable-tls 2 ; +tla --anonymous-tls 0 ;
        +ps --std-passwd 0 ; +pw --use-passwd 1 ; -pw --null-passwd 0 ; -pem --pem-keys 0 ;
        -der --der-keys 0 ; +cf --add-cert-file 1 ; +cd --add-cert-dir 1 ; +crl --add-crl-file 1 ;
        +crv --enable-crl-vfy 0 ; +cra --enable-crl-all 0 ; +ph --list-profiles 0 ;
        +pg --profile-8996 0 ; +pm --profile-8996-mod 0 ; +py --profile-bcp195-nd 0 ;
        +px --profile-bcp195 0 ; +pz --profile-bcp195-ex 0 ; +pb --profile-basic 0 ;
        +pa --profile-aes 0 ; +pn --profile-null 0 ; +cc --list-ciphers 0 ; +cs --cipher 1 ;
        --no-sni 0 ; --request-sni 1 ; +rs --seed 1 ; +ws --write-seed 0 ;
        +wf --write-seed-file 1 ; -rc --require-peer-cert 0 ; -ic --ignore-peer-cert 0 ]],
    output = [[ -od --output-directory 1 ; -B --normal 0 ; +B --bit-preserving 0 ; --ignore 0 ]],
}

-- What the manual calls a default.
local defaults = { "--patient", "--ipv4", "--aetitle", "--call", "--prefer-uncompr",
    "--propose-uncompr", "--acse-timeout", "--max-pdu", "--disable-tls", "--std-passwd",
    "--pem-keys", "--profile-8996", "--no-sni", "--require-peer-cert", "--output-directory",
    "--normal" }

-- The options beside the manual's.
local own = { "--no-retry", "--as-stored", "--store-tc", "--sop-class", "--strict-query",
    "--model", "--relational", "--require-match", "--strict", "--max-object-size", "--sync",
    "--user", "--user-pass-file", "--user-jwt", "--filename", "--on-collision",
    "--create-directory", "--report", "--no-progress", "--retrieve-timeout", "--script",
    "--on-script-error", "--script-timeout", "--script-memory", "--run", "--verify-hostname",
    "--verify-hostname-as" }

local by_name = {}
for _, option in ipairs(options.list) do by_name[option.long] = option end

-- The options of the table, or of one section of it, written as above.
local function written(section)
    local rows = {}
    for _, option in ipairs(options.list) do
        if option.section == section then
            rows[#rows + 1] = ("%s%s %d"):format(option.short and option.short .. " " or "",
                option.long, #option.arguments)
        end
    end
    return rows
end

local function rows_of(text)
    local rows = {}
    for row in text:gmatch("[^;]+") do rows[#rows + 1] = row:match("^%s*(.-)%s*$") end
    return rows
end

-- Whether a name stands in a text, and is not a part of a longer one.
local function has(text, name)
    local at = 1
    while true do
        local first, last = text:find(name, at, true)
        if not first then return false end
        local before, after = text:sub(first - 1, first - 1), text:sub(last + 1, last + 1)
        if not before:find("[%w+-]") and not after:find("[%w=-]") then return true end
        at = last + 1
    end
end

describe("the table of options", function()
    it("has the 86 options of the manual, section by section, in its order", function()
        local count = 0
        for section, text in pairs(manual) do
            local rows = rows_of(text)
            assert.same(rows, written(section))
            count = count + #rows
        end
        assert.equal(86, count)
    end)

    it("has the manual's defaults", function()
        for _, name in ipairs(defaults) do assert.is_not_nil(by_name[name].default, name) end
    end)

    it("has the others in a section of their own", function()
        local names = {}
        for _, option in ipairs(options.list) do
            if option.section == "own" then names[#names + 1] = option.long end
        end
        table.sort(names)
        table.sort(own)
        assert.same(own, names)
        assert.equal(86 + #own, #options.list)
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

    it("says of each option what it sets", function()
        local known = { field = "string", value = true, default = true, list = "boolean",
            arguments = "table", implies = "table", conflicts = "table", requires = "string",
            leads = "boolean", ready = "boolean", en = "string", ja = "string", short = "string",
            long = "string", section = "string", group = "string" }
        for _, option in ipairs(options.list) do
            for key, value in pairs(option) do
                local expected = known[key]
                assert.is_truthy(type(key) == "number" or expected, option.long)
                if type(expected) == "string" then assert.equal(expected, type(value)) end
            end
            assert.is_string(option.field, option.long)
            assert.is_truthy(option.value ~= nil or #option.arguments > 0, option.long)
        end
    end)

    it("names types, and options besides, that there are", function()
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

    it("helps in English and in Japanese", function()
        local function check(row, what)
            assert.is_string(row.en, what)
            assert.is_string(row.ja, what)
            assert.is_nil(row.en:find("[\x80-\xFF]"), what)
            assert.is_truthy(utf8.len(row.ja), what)
        end
        check(options.summary, "summary")
        for _, parameter in ipairs(options.parameters) do check(parameter, parameter.name) end
        for _, section in ipairs(options.sections) do
            check(section, section.name)
            for _, group in ipairs(section) do
                if group.name ~= "" then check(group, group.name) end
            end
        end
        for _, option in ipairs(options.list) do check(option, option.long) end
    end)
end)

-- Every option that is not ready yet is made ready.
local function all_ready()
    local copy = setmetatable({ list = {}, sections = {} }, { __index = options })
    for i, section in ipairs(options.sections) do
        copy.sections[i] = setmetatable({}, { __index = section })
        for j, group in ipairs(section) do
            copy.sections[i][j] = setmetatable({}, { __index = group })
            for k, option in ipairs(group) do
                copy.sections[i][j][k] = setmetatable({ ready = true }, { __index = option })
            end
        end
    end
    return copy
end

describe("the help text", function()
    it("has each option that is ready, and no other", function()
        for _, language in ipairs { "en", "ja" } do
            local text = help.render(options, language)
            for _, option in ipairs(options.list) do
                assert.equal(option.ready or false, text:find("\n........" .. -- short name's column
                    option.long:gsub("%-", "%%-") .. "[ \n]") ~= nil, option.long)
            end
        end
    end)

    it("has every option once all are ready", function()
        local text = help.render(all_ready())
        for _, option in ipairs(options.list) do
            assert.is_true(has(text, option.long), option.long)
            if option.short then assert.is_true(has(text, option.short), option.short) end
        end
    end)

    it("has the usage, the parameters and the defaults", function()
        local text = help.render(options)
        assert.matches(help.usage(options), text, 1, true)
        assert.matches("(default: ANY-SCP)", text, 1, true)
        assert.matches("\n  dcmfile%-in ", text)
        assert.matches("(既定: ANY-SCP)", help.render(options, "ja"), 1, true)
    end)

    it("is at most 96 columns wide, without blanks at the ends of lines", function()
        for _, language in ipairs { "en", "ja" } do
            for line in help.render(all_ready(), language):gmatch("[^\n]*") do
                assert.is_true(columns.width(line) <= 96, line)
                assert.is_nil(line:find(" $"), line)
            end
        end
    end)

    it("is in English where a language is missing", function()
        assert.equal(help.render(options), help.render(options, "eo"))
    end)
end)

describe("the language", function()
    local function language(environment)
        return help.language(function(name) return environment[name] end)
    end

    it("is Japanese where the locale is", function()
        assert.equal("ja", language { LANG = "ja_JP.UTF-8" })
        assert.equal("ja", language { LC_MESSAGES = "ja", LANG = "C" })
        assert.equal("ja", language { LC_ALL = "ja_JP.utf8@x", LC_MESSAGES = "C", LANG = "de_DE" })
        assert.equal("ja", language { LC_ALL = "", LANG = "ja_JP" })
    end)

    it("is English elsewhere, and where the terminal could not show Japanese", function()
        assert.equal("en", language {})
        assert.equal("en", language { LANG = "C.UTF-8" })
        assert.equal("en", language { LC_ALL = "C", LANG = "ja_JP.UTF-8" })
        assert.equal("en", language { LC_MESSAGES = "en_US", LANG = "ja_JP.UTF-8" })
        assert.equal("en", language { LANG = "ja_JP.eucJP" })
    end)

    it("is that of the program's --help", function()
        local function helped(...)
            return box:run({ support.getscu, "--help" },
                { environment = { "-u", "LC_ALL", "-u", "LC_MESSAGES", ... } })
        end
        assert.same({ code = 0, out = help.render(options, "ja"), err = "" },
            helped "LANG=ja_JP.UTF-8")
        assert.same({ code = 0, out = help.render(options, "en"), err = "" },
            helped("LC_ALL=C", "LANG=ja_JP.UTF-8"))
    end)
end)

describe("columns", function()
    it("counts wide characters twice", function()
        assert.equal(9, columns.width "ab 日本語")
    end)

    it("breaks at blanks and between wide characters, with no point at a line's begin", function()
        assert.same({ "one two", "three" }, columns.wrap("one  two three", 8))
        assert.same({ "日本", "語で", "す。" }, columns.wrap("日本語です。", 4))
        assert.same({ "日本", "語。" }, columns.wrap("日本語。", 6))
        assert.same({ "DICOM を", "読む" }, columns.wrap("DICOM を読む", 9))
        assert.same({ "toolongword" }, columns.wrap("toolongword", 4))
        assert.same({}, columns.wrap("", 4))
    end)
end)

-- A file of a language: its path and its text.
local documents = { en = "docs/manual.md", ja = "docs/ja/manual.md" }

describe("the manual", function()
    for language, path in pairs(documents) do
        it("is up to date with the table: " .. path, function()
            local text = assert(support.read(path))
            assert.is_true(chapters.fill(text, language) == text, "run make docs")
        end)

        it("has every option, and says which is not available yet: " .. path, function()
            local text = support.read(path)
            local mark = language == "en" and "*Not available yet.*" or "*まだ使えません。*"
            for _, option in ipairs(options.list) do
                local row = text:match("\n(|[^\n|]*`" .. option.long:gsub("%-", "%%-")
                    .. "[` ][^\n]*)")
                assert.is_string(row, option.long)
                assert.equal(not option.ready, row:find(mark, 1, true) ~= nil, option.long)
                if option.short then assert.is_true(has(row, option.short), option.short) end
            end
        end)

        it("has every exit code: " .. path, function()
            local text = support.read(path)
            for code, entry in pairs(errors.codes) do
                local row = entry.exit > 128 and "128 + n" or entry.exit
                assert.is_truthy(text:find(("\n| %s |"):format(row), 1, true), code)
            end
        end)
    end
end)

describe("the conformance statement", function()
    it("is up to date with the tables", function()
        local text = assert(support.read "docs/conformance.md")
        assert.is_true(chapters.fill(text, "en") == text, "run make docs")
        local _, count = text:gsub("| 1%.2%.840%.10008%.5%.1%.4[%d.]* |", "")
        assert.equal(119 + 3, count) -- three storage classes have UIDs of another root
    end)
end)

describe("the manual page", function()
    for language, path in pairs(documents) do
        it("has every option: " .. language, function()
            local page = man.page(chapters.fill(support.read(path), language), language)
            page = page:gsub("\\%-", "-")
            for _, option in ipairs(options.list) do
                local name = option.long .. help.arguments(option)
                assert.is_truthy(page:find("\\fB" .. name .. "\\fP", 1, true), name)
                if option.short then
                    assert.is_truthy(page:find("\\fB" .. option.short .. "\\fP", 1, true),
                        option.short)
                end
            end
        end)

        it("is built, and troff has nothing to say about it: " .. language, function()
            local file = support.build .. "/man/" .. (language == "en" and "" or "ja/")
                .. "getscu.1"
            assert.is_string(support.read(file), file)
            local found = box:run { "sh", "-c", "command -v groff" }
            if found.code ~= 0 then pending("groff is not installed") end
            local result = box:run(support.words("groff", "-Kutf8", "-Tutf8", "-man",
                language == "ja" and "-mja" or {}, "-ww", "-z", file))
            if result.err:find "find macro file" then pending("this groff knows no Japanese") end
            assert.same({ code = 0, out = "", err = "" }, result)
        end)
    end
end)

describe("completions", function()
    -- What bash offers for the last word.
    local function complete(...)
        local file = support.build .. "/completions/getscu.bash"
        local result = box:run(support.words("bash", "-c", [[
            source "$0" || exit 9
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _getscu
            printf '%s\n' "${COMPREPLY[@]}"]], file, "getscu", { ... }))
        assert.equal(0, result.code, result.err)
        local set = {}
        for line in result.out:gmatch("[^\n]+") do set[line] = true end
        return set
    end

    it("have each option that is ready, in each shell", function()
        for _, shell in ipairs { "bash", "zsh", "fish" } do
            local text = assert(support.read(support.build .. "/completions/getscu." .. shell))
            assert.equal(completions[shell](), text)
            for _, option in ipairs(options.list) do
                local name = option.long
                if shell == "fish" then name = "complete -c getscu -l " .. name:sub(3) end
                assert.equal(option.ready or false, has(text, name), option.long)
            end
        end
    end)

    it("load in bash", function()
        local file = support.build .. "/completions/getscu.bash"
        assert.equal(0, box:run({ "bash", "-n", file }).code)
        local result = box:run { "bash", "-c", 'source "$0" && complete -p getscu', file }
        assert.equal("complete -F _getscu getscu\n", result.out)
    end)

    it("complete options and values in bash", function()
        assert.same({ ["--output-directory"] = true }, complete "--outp")
        assert.is_true(complete("-v", "+")["+B"])
        assert.same({ warn = true }, complete("-ll", "w"))
        assert.same({}, complete("-aet", "-"))
        local directory = box:directory("complete")
        support.write(directory .. "/a file.dcm", "")
        assert.same({ [directory .. "/a file.dcm"] = true }, complete("host", "104",
            directory .. "/a"))
        assert.same({ ["@" .. directory .. "/a file.dcm"] = true }, complete("@" .. directory
            .. "/a"))
        assert.same({}, complete("-od", directory .. "/a"))
    end)

    it("load in zsh and fish, where they are installed", function()
        local found
        for _, shell in ipairs { "zsh", "fish" } do
            if box:run({ "sh", "-c", "command -v " .. shell }).code == 0 then
                found = true
                local file = support.build .. "/completions/getscu." .. shell
                local result = box:run { shell, "-n", file }
                assert.same({ code = 0, out = "", err = "" }, result)
            end
        end
        if not found then pending("neither zsh nor fish is installed") end
    end)
end)

describe("the examples", function()
    it("are a command file and a configuration of the log that can be used", function()
        local settings = assert(commandline.parse({ "@docs/examples/study.txt", "-k",
            "StudyInstanceUID=1.2.3", "PACS@host:104" }, options))
        assert.equal("study", settings.model)
        local program = box:file(("assert(require('getscu').log.config '%s')"):format(
            "docs/examples/logger.cfg"), "program.lua")
        local top = box:tool { "pwd" }:match "[^\n]+"
        local result = box:run { "sh", "-c", [[cd "$0" && mkdir -p docs &&
            ln -sfn "$1/docs/examples" docs/examples && exec "$1/$2" --run "$3"]],
            box.path, top, support.getscu, program }
        assert.same({ code = 0, out = "", err = "" }, result)
        assert.is_function(log.info)
    end)
end)

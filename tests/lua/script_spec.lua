local script = require "getscu.script"
local script_options = require "getscu.script_options"
local support = require "support"

-- Scripts are loaded before anybody connects, and whatever is wrong with them is told with file,
-- line and remedy.

local box

setup(function() box = support.box() end)
teardown(function() box:close() end)

local function load_text(text)
    return script.load(box:file(text, "hooks.lua"))
end

describe("a script with a mistake", function()
    -- what is wrong, the script, the line that is named (nil: none), what the message says
    local MISTAKES = {
        { "a syntax error", "return {\n  accept = function( end }", 2, "near 'end'" },
        { "an error while it loads", "local x = nil\nreturn { summary = x.y }", 2,
            "attempt to index" },
        { "nothing to return", "local x = 1", nil, "returns nothing; end it with 'return {" },
        { "a function in place of the table", "return function() end", nil,
            "must return one table, its hooks, but returns a function" },
        { "a misspelt hook", "return {\n\n  acept = function() end }", 3,
            "unknown hook or field 'acept' (did you mean 'accept'?)" },
        { "a misspelt field, in brackets", "return {\n  ['sumary'] = 'x' }", 2,
            "unknown hook or field 'sumary' (did you mean 'summary'?)" },
        { "a hook that is no function", "return {\n accept = true }", 2,
            "'accept' must be a function, not a boolean" },
        { "a summary that is no text", "return { summary = 3 }", 1,
            "'summary' must be a string, not a number" },
        { "a global variable", "local a\nb = 2\nreturn {}", 2,
            "'b' is a global variable; write 'local b'" },
        { "a global function", "function helper() end\nreturn {}", 1,
            "'helper' is a global variable; write 'local helper'" },
        { "a misspelt name", "return {\n summary = tostrin(1) }", 2,
            "'tostrin' is not defined (did you mean 'tostring'?)" },
        { "options that are no list", "return {\n options = { modality = 'CT' } }", 2,
            "'options' must be a list" },
        { "an option without a name", "return {\n options = { {\n type = 'string' } } }", 2,
            "option 1 must be a table that begins with its name" },
        { "an option's name with capitals", "return { options = {\n { 'Modality' } } }", 2,
            "a name has small letters, digits and '-'" },
        { "an unknown type", "return { options = {\n { 'limit', type = 'int' } } }", 2,
            "unknown type 'int' (did you mean 'integer'?); known are" },
        { "an unknown field of an option", "return { options = {\n { 'limit', hlp = 'x' } } }", 2,
            "unknown field 'hlp' (did you mean 'help'?)" },
        { "a default of another type",
            "return { options = {\n\n { 'limit', type = 'integer', default = 'x' } } }", 3,
            "its default must be a number, not a string" },
        { "a default out of range",
            "return { options = {\n { 'limit', type = 'integer', max = 3, default = 4 } } }", 2,
            "its default '4' must be an integer" },
        { "a default that is no choice",
            "return { options = {\n { 'to', type = 'enum', choices = { 'a' }, default = 'b' } } }",
            2, "its default 'b' must be one of a" },
        { "an enum without choices", "return { options = {\n { 'to', type = 'enum' } } }", 2,
            "an enum needs choices" },
        { "an option that stands there twice", "return { options = {\n{ 'ab' }, { 'ab' } } }", 2,
            "option 'ab' stands there twice" },
        { "a range of a text", "return { options = {\n { 'to', min = 3 } } }", 2,
            "'min' is a number, for options of type integer or number" },
        { "a range of an integer that has a fraction",
            "return { options = {\n { 'limit', type = 'integer', min = 1.5 } } }", 2,
            "'min' is a number" },
        { "an empty range",
            "return { options = {\n { 'limit', type = 'integer', min = 5, max = 3 } } }", 2,
            "'min' is above 'max'" },
        { "choices of what is no enum", "return { options = {\n { 'to', choices = { 'a' } } } }", 2,
            "'choices' are those of an enum; write type" },
        { "choices that are no texts",
            "return { options = {\n { 'to', type = 'enum', choices = { {} } } } }", 2,
            "an enum needs choices" },
        { "a default that is no list of texts",
            "return { options = {\n { 'of', type = 'list', default = { {} } } } }", 2,
            "its default must be a list of strings" },
        { "a required that is no boolean", "return { options = {\n { 'to', required = 1 } } }", 2,
            "'required' must be a boolean" },
        { "a default of what is required",
            "return { options = {\n { 'to', required = true, default = 'a' } } }", 2,
            "what is required needs no default" },
        { "options of which some have no place",
            "return {\n options = { { 'ab' }, cd = { 'ef' } } }", 2, "'options' must be a list" },
        { "a module that is not there", "\nreturn require 'no.such.module'", 2,
            "module 'no.such.module' not found" },
    }

    for _, mistake in ipairs(MISTAKES) do
        local what, text, line, says = table.unpack(mistake, 1, 4)
        it("is told what is wrong: " .. what, function()
            local loaded, err = load_text(text)
            assert.is_nil(loaded)
            assert.equal("script-load", err.code)
            assert.equal(line, err.line)
            assert.is_truthy(err.message:find(says, 1, true), err.message)
            local where = line and (":%d: "):format(line) or ": "
            assert.equal(err.file .. where, err.message:sub(1, #err.file + #where))
        end)
    end

    it("is told its line also where its path is long", function()
        local path = box:directory(("d"):rep(100)) .. "/hooks.lua"
        for _, text in ipairs { "\nx = 1", "\nreturn {{" } do
            support.write(path, text)
            local _, err = script.load(path)
            assert.equal(2, err.line)
            assert.equal(path .. ":2: ", err.message:sub(1, #path + 4))
        end
    end)

    it("is told when it is compiled, a directory, or not there", function()
        local _, err = load_text(string.dump(function() return {} end))
        assert.matches("compiled Lua; only source text is loaded", err.message)
        _, err = script.load(box.path)
        assert.matches("cannot be read", err.message)
        _, err = script.load(box.path .. "/nothing.lua")
        assert.matches("nothing.lua: cannot be read: No such file", err.message)
    end)

    it("ends the program with 81 before it connects", function()
        local path = box:file("return { acept = 1 }", "bad.lua")
        local result = box:getscu("--script", path, "-k", "PatientID=1", "127.0.0.1", "1")
        assert.equal(81, result.code)
        assert.equal(("E: %s:1: unknown hook or field 'acept' (did you mean 'accept'?)"):format(
            path), result.err:match "^(.-);")
    end)

    it("is told before it connects that an option is one of ours", function()
        local path = box:file("return { options = {\n{ 'verbose' } } }", "bad.lua")
        local result = box:getscu("--script", path, "-k", "PatientID=1", "127.0.0.1", "1")
        assert.equal(81, result.code)
        assert.matches("bad.lua:2: option 'verbose' is one of getscu already", result.err)
    end)

    it("is told that two scripts have an option of the same name", function()
        local one = box:file("return { options = { { 'limit' } } }", "one.lua")
        local two = box:file("return { options = { { 'limit' } } }", "two.lua")
        local result = box:getscu("--script", one, "--script", two, "-k", "PatientID=1", "h", "1")
        assert.equal(81, result.code)
        assert.matches("two.lua:1: option 'limit' is one of %S*one.lua already", result.err)
    end)
end)

describe("a script", function()
    it("may begin with a shebang, and have its own locals and modules", function()
        local loaded = assert(load_text("#!/usr/bin/env getscu\nlocal getscu = require 'getscu'\n"
            .. "return { summary = getscu.version }"))
        assert.equal(require "getscu".version, loaded.manifest.summary)
    end)

    it("may begin with a byte order mark, as some editors write it", function()
        assert(load_text "\xEF\xBB\xBF#!/usr/bin/env getscu\nreturn {}")
    end)

    it("leaves the globals of others alone", function()
        assert(load_text "rawset(_ENV or {}, 'mine', 1)\nreturn {}")
        assert.is_nil(rawget(_G, "mine"))
    end)
end)

describe("the options of a script", function()
    local path

    local function values_of(words, options)
        path = box:file(("local options = %s\nreturn { options = options, "
            .. "query = function(_, job) for _, option in ipairs(options) do "
            .. "local value = job.options[option[1]:gsub('-', '_')] "
            .. "print(option[1], math.type(value) or type(value), "
            .. "type(value) == 'table' and table.concat(value, '|') or value) end "
            .. "return false end }"):format(options), "options.lua")
        return box:getscu("--script", path, words, "-k", "QueryRetrieveLevel=STUDY",
            "-k", "StudyInstanceUID=1", "-S", "127.0.0.1", "1")
    end

    it("have the type that they declare", function()
        local result = values_of({ "--text", "a b", "--count", "7", "--share", "0.25", "--fast",
            "--kind", "MR", "--names", "a, b,c", "--input", "/x", "--folder", "/y", "--title",
            " STORE ", "--unique", "1.2.3", "--attribute", "PatientName" },
            "{ { 'text' }, { 'count', type = 'integer' }, { 'share', type = 'number' }, "
            .. "{ 'fast', type = 'boolean' }, { 'kind', type = 'enum', choices = { 'CT', 'MR' } }, "
            .. "{ 'names', type = 'list' }, { 'input', type = 'file' }, "
            .. "{ 'folder', type = 'dir' }, { 'title', type = 'aet' }, { 'unique', type = 'uid' }, "
            .. "{ 'attribute', type = 'tag' } }")
        assert.equal("", result.err)
        assert.equal("text\tstring\ta b\ncount\tinteger\t7\nshare\tfloat\t0.25\n"
            .. "fast\tboolean\ttrue\nkind\tstring\tMR\nnames\ttable\ta|b|c\ninput\tstring\t/x\n"
            .. "folder\tstring\t/y\ntitle\tstring\tSTORE\nunique\tstring\t1.2.3\n"
            .. "attribute\tstring\t0010,0010\n", result.out)
        assert.equal(0, result.code)
    end)

    it("have their defaults, and booleans can be switched off", function()
        local result = values_of({ "--no-fast" }, "{ { 'text', default = 'x' }, { 'fast', "
            .. "type = 'boolean', default = true }, { 'slow', type = 'boolean' }, "
            .. "{ 'many-names', type = 'list', default = { 'p', 'q' } }, { 'open' } }")
        assert.equal("text\tstring\tx\nfast\tboolean\tfalse\nslow\tboolean\tfalse\n"
            .. "many-names\ttable\tp|q\nopen\tnil\tnil\n", result.out)
    end)

    for _, wrong in ipairs {
        { "{ 'count', type = 'integer', min = 1, max = 9 }", "--count", "10",
            "'10' must be an integer from 1 to 9" },
        { "{ 'share', type = 'number', max = 1 }", "--share", "x",
            "'x' must be a number" },
        { "{ 'unique', type = 'uid' }", "--unique", "1..2", "must be a UID" },
        { "{ 'attribute', type = 'tag' }", "--attribute", "PatientNme",
            "must be the keyword or tag of an attribute: unknown keyword 'PatientNme'" },
        { "{ 'title', type = 'aet' }", "--title", "far too long a title", "must be an AE title" },
        { "{ 'kind', type = 'enum', choices = { 'CT' } }", "--kind", "ct",
            "'ct' must be one of CT" },
        { "{ 'text', required = true }", "--no-progress", nil, "missing option --text" },
        { "{ 'text' }", "--txet", "x", "unknown option '--txet' (did you mean '--text'?)" },
    } do
        local declared, name, value, says = table.unpack(wrong, 1, 4)
        it("are checked before anybody connects: " .. declared, function()
            local result = values_of({ name, value }, "{ " .. declared .. " }")
            assert.equal(1, result.code)
            assert.is_truthy(result.err:find(says, 1, true), result.err)
        end)
    end

    it("are shown by --help in a section of their own", function()
        path = box:file("return { summary = 'keeps some', options = { { 'kind', type = 'enum', "
            .. "choices = { 'CT', 'MR' }, default = 'CT', help = 'what to keep' }, "
            .. "{ 'fast', type = 'boolean', help = 'hurry' } } }", "kinds.lua")
        local result = box:getscu("--script", path, "--help")
        assert.equal(0, result.code)
        local section = result.out:match "\n(%S*kinds.lua: keeps some:\n.*)$"
        assert.is_truthy(section, result.out)
        assert.matches("%-%-kind CT|MR +what to keep %(default: CT%)", section)
        assert.matches("%-%-fast +hurry\n +%-%-no%-fast +the opposite %(default%)", section)
    end)

    it("that a script asks for and has not declared are an error", function()
        local rows = assert(script_options.rows({ { "limit" } }, "x"))
        local values = script_options.values(rows)
        assert.is_nil(values.limit)
        assert.error_matches(function() return values.limt end,
            "the script has no option 'limt' %(did you mean 'limit'%?%)")
    end)
end)

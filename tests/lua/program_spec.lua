local core = require "getscu.core"
local options = require "getscu.options"
local support = require "support"

local KEY = { "-k", "QueryRetrieveLevel=STUDY" }

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- A port where nobody listens: who gets so far ends with 60.
local function nowhere()
    return { "127.0.0.1", support.free_port() }
end

describe("the program", function()
    it("tells its version, and those of what it is made of", function()
        local result = box:getscu("--version")
        local versions = core.versions()
        local expected = { "getscu " .. core.version, versions.lua, "DCMTK " .. versions.dcmtk,
            versions.openssl, "zlib " .. versions.zlib, "build options: with deflated data sets" }
        for _, text in ipairs(expected) do
            assert.truthy(result.out:find(text, 1, true), text)
        end
        assert.matches("^Lua 5%.4", versions.lua)
        assert.matches("^OpenSSL %d", versions.openssl)
        assert.same({ 0, "" }, { result.code, result.err })
    end)

    it("tells its usage and every option that is ready", function()
        local result = box:getscu("--help")
        assert.equal(0, result.code)
        assert.equal("", result.err)
        assert.truthy(result.out:find("usage: getscu [options] peer port [dcmfile-in...]", 1, true))
        for _, option in ipairs(options.list) do
            local found = result.out:find(option.long, 1, true) ~= nil
            assert.equal(option.ready == true, found, option.long)
        end
        assert.equal(result.out, box:getscu("-h").out)
    end)

    it("ends with 43 when its help cannot be written", function()
        for _, to in ipairs { ">/dev/full", ">&-" } do
            local result = box:run { "sh", "-c", '"$0" --help ' .. to, support.getscu }
            assert.equal(43, result.code, to .. result.err)
        end
    end)

    it("takes its Lua code from the folder named by GETSCU_LUADIR", function()
        local folder = box:directory("lua")
        box:tool { "cp", "-r", "lua/.", folder }
        support.write(folder .. "/getscu.lua", "io.write('mine ', ...) return 7")
        local environment = { "GETSCU_LUADIR=" .. folder }
        local result = box:run({ support.getscu, "--version" }, { environment = environment })
        assert.same({ code = 7, out = "mine --version", err = "" }, result)
    end)
end)

describe("a command line that is wrong", function()
    local function refuses(text, ...)
        local result = box:getscu(...)
        assert.equal(1, result.code, result.err)
        assert.equal("", result.out)
        assert.truthy(result.err:find("^[EF]: "), result.err)
        assert.truthy(result.err:find(text, 1, true), result.err)
    end

    it("ends with 1 and says what is wrong", function()
        refuses("missing peer and port")
        refuses("missing port", KEY, "127.0.0.1")
        refuses("port", KEY, "127.0.0.1", "0")
        refuses("port", KEY, "127.0.0.1", "65536")
        refuses("port", KEY, "127.0.0.1", "dicom")
        refuses("no query", "127.0.0.1", "104")
        refuses("-td", KEY, "-td", "soon", "127.0.0.1", "104")
        refuses("-pdu", KEY, "-pdu", "4095", "127.0.0.1", "104")
        refuses("-od", KEY, "127.0.0.1", "104", "-od")
        refuses("--ignore", KEY, "--ignore", "-od", box.path, "127.0.0.1", "104")
    end)

    it("names the option that may have been meant", function()
        refuses("--output-directory", KEY, "--output-directroy", "x", "127.0.0.1", "104")
    end)

    it("is one with a key that means nothing, and nobody is connected to", function()
        refuses("PatientIDD", "-k", "PatientIDD=1", nowhere())
        refuses("PatientID", "-k", "PatientIDD=1", nowhere()) -- what was meant
        refuses("0010,00", "-k", "0010,00=1", nowhere())
        refuses("'=1'", "-k", "=1", nowhere())
    end)
end)

describe("what cannot be used", function()
    local function ends_with(code, text, ...)
        local result = box:getscu(...)
        assert.equal(code, result.code, result.err)
        assert.truthy(result.err:find(text, 1, true), result.err)
    end

    it("is found before connecting: an output directory", function()
        local missing, file = box:new_path("missing"), box:file("x", "file")
        ends_with(45, missing, KEY, "-od", missing, nowhere())
        ends_with(45, file, KEY, "-od", file, nowhere())
    end)

    -- Each was called a mistake of the command line, exit code 1; so was memory that ran out.
    it("is found before connecting: a dictionary that is not there", function()
        for _, words in ipairs { { "-k", "PatientWeight=60" },
            { KEY, "--filename", "{PatientWeight}" } } do
            local result = box:run(support.words(support.getscu, words, nowhere()),
                { environment = { "DCMDICTPATH=" .. box.path .. "/none" } })
            assert.equal(20, result.code, result.err)
            assert.matches("dictionary was not found", result.err, 1, true)
        end
    end)

    it("is found before connecting: an output directory of somebody else", function()
        local command = box:as_nobody() or pending("only root can become somebody else")
        local directory = box:directory("theirs")
        box:tool { "chmod", "755", directory }
        table.move({ KEY[1], KEY[2], "-od", directory, "127.0.0.1",
            tostring(support.free_port()) }, 1, 6, #command + 1, command)
        local result = box:run(command)
        assert.equal(45, result.code, result.err)
        assert.truthy(result.err:find(directory, 1, true), result.err)
    end)

    it("is found before connecting: a query file", function()
        local missing, text = box:new_path("missing.dcm"), box:file("no DICOM at all", "text.dcm")
        ends_with(20, missing, nowhere(), missing)
        ends_with(20, text, nowhere(), text)
        ends_with(20, box.path, nowhere(), box.path)
    end)
end)

describe("--run", function()
    it("runs a Lua program with its arguments, and the library at hand", function()
        local result = box:program([[
            local getscu = require "getscu"
            io.write(getscu.version, ";", table.concat({ ... }, ","), ";", #arg, ";", arg[1])
        ]], "one", "--help", "-k")
        assert.equal(core.version .. ";one,--help,-k;3;one", result.out)
        assert.same({ 0, "" }, { result.code, result.err })
    end)

    it("names the program in arg[0]", function()
        local path = box:file("io.write(arg[0])", "name.lua")
        assert.equal(path, box:getscu("--run", path).out)
    end)

    it("takes the program's value as exit code", function()
        assert.equal(0, box:program("return nil").code)
        assert.equal(0, box:program("return true").code)
        assert.equal(1, box:program("return false").code)
        assert.equal(0, box:program("return 0").code)
        assert.equal(69, box:program("return 69").code)
        assert.equal(5, box:program("os.exit(5)").code)
    end)

    it("shows what the program warns of, which is no error", function()
        assert.same({ code = 3, out = "", err = "W: error in x?y\n" },
            box:program("warn 'error in x\27y' return 3"))
    end)

    it("reads the program from standard input when it is named -", function()
        local input = box:file("io.write('read ', ...) return 3")
        local result = box:run({ support.getscu, "--run", "-", "it" }, { input = input })
        assert.same({ code = 3, out = "read it", err = "" }, result)
    end)

    it("tells where an error is", function()
        local result = box:program("local function inner() error('oh no') end\ninner()")
        assert.truthy(result.err:find "^F: .*program%.lua:1: oh no", result.err)
        assert.truthy(result.err:find("program.lua:2", 1, true), result.err)
        assert.truthy(result.code >= 80 and result.code <= 82, result.code)
    end)

    it("ends with 81 where the program does not load", function()
        assert.equal(81, box:program("this is no Lua").code)
        assert.equal(81, box:getscu("--run", box:new_path("missing.lua")).code)
        local bytecode = string.dump(load "return 0")
        assert.equal(81, box:program(bytecode).code)
        assert.equal(1, box:getscu("--run").code)
    end)

    it("ends with the exit code of a failure that is raised, told by its message", function()
        local result = box:program("local getscu = require 'getscu'\n"
            .. "assert(getscu.associate { peer = 'X@127.0.0.1:" .. support.free_port() .. "' })")
        assert.equal(60, result.code)
        assert.matches("^F: [^\n]*127.0.0.1[^\n]*\n$", result.err)
    end)

    it("runs itself where its first line says so, from a file and from standard input", function()
        local folder = box:directory("bin")
        box:tool { "ln", "-s", box:tool({ "realpath", support.getscu }):match "[^\n]+",
            folder .. "/getscu" }
        local text = "#!/usr/bin/env -S getscu --run\nprint('run with', ...)\nreturn 4\n"
        local program = support.write(folder .. "/program", text)
        box:tool { "chmod", "755", program }
        local path = "PATH=" .. folder .. ":" .. os.getenv "PATH"
        local result = box:run({ program, "me" }, { environment = { path } })
        assert.same({ code = 4, out = "run with\tme\n", err = "" }, result)
        result = box:run({ support.getscu, "--run", "-" }, { input = program })
        assert.same({ code = 4, out = "run with\n", err = "" }, result)
    end)

    it("may be the default script, which does what it does without --run", function()
        for _, words in ipairs { { "--version" }, { "--help" }, { "--nonsense" },
            { "-k", "PatientID=1", "-od", "/nowhere", "127.0.0.1", "1" } } do
            assert.same(box:getscu(words), box:getscu("--run", "lua/getscu.lua", words))
        end
    end)

    it("loads no module from where the program happens to be", function()
        local directory = box:directory("here")
        support.write(directory .. "/evil.lua", "io.write 'loaded' return {}")
        support.write(directory .. "/main.lua", "return pcall(require, 'evil')")
        local program = box:tool { "realpath", support.getscu }
        local result = box:run { "sh", "-c", 'cd "$0" && exec env -u LUA_PATH "$1" --run main.lua',
            directory, program:match "[^\n]+" }
        assert.same({ code = 1, out = "", err = "" }, result)
    end)
end)

describe("a prompt", function()
    -- What it says on a terminal to these lines.
    local function typed(lines)
        local command = support.getscu .. " --run"
        local result = box:run({ "script", "-qec", command, "/dev/null" },
            { input = box:file(lines) })
        assert.equal(0, result.code)
        return (result.out:gsub("\r", ""))
    end

    it("is there on a terminal, with the library at hand, and shows values", function()
        local said = typed "1 + 1\n'a' .. 'b'\ngetscu.status.SUCCESS\n{ x = 1 }\n"
        assert.matches("getscu 0.*Ctrl%-D ends", said)
        assert.matches("> [^\n]*\n?.*2\n", said)
        assert.matches('"ab"\n', said)
        assert.matches("{ x = 1 }\n", said)
    end)

    it("goes on with what is unfinished, and after an error", function()
        local said = typed("function double(x)\nreturn 2 * x\nend\nerror 'no'\nx = = 1\n"
            .. "double(21)\n")
        assert.matches(">> ", said)
        assert.matches("prompt:1: no", said)
        assert.matches("unexpected symbol near '='", said)
        assert.matches("42\n", said)
    end)
end)

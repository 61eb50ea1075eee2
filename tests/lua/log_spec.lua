-- The log, as a configuration file of DCMTK's kind has it.

local support = require "support"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- Runs the program with a configuration, against a port where nobody listens.
local function run(configuration, ...)
    local file = box:file(configuration, "logger.cfg")
    return box:getscu("-lc", file, "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
        "StudyInstanceUID=1.2.3", "127.0.0.1", support.free_port(), ...)
end

local CONSOLE = [[
log4cplus.appender.console = log4cplus::ConsoleAppender
log4cplus.appender.console.logToStdErr = true
log4cplus.appender.console.layout = log4cplus::PatternLayout
log4cplus.appender.console.layout.ConversionPattern = %p %c %m%n
]]

describe("a configuration file of the log", function()
    it("decides about level and layout; our logger is dcmtk.apps.getscu", function()
        local result = run("log4cplus.rootLogger = INFO, console\n" .. CONSOLE)
        assert.equal(60, result.code)
        assert.matches("^INFO dcmtk%.apps%.getscu Requesting Association\nERROR dcmtk.apps.getscu ",
            result.err)
    end)

    it("filters by the names of loggers", function()
        local quiet = run("log4cplus.rootLogger = INFO, console\n"
            .. "log4cplus.logger.dcmtk.apps.getscu = OFF\n" .. CONSOLE)
        assert.same({ 60, "" }, { quiet.code, quiet.err })
        local loud = run("log4cplus.rootLogger = FATAL, console\n"
            .. "log4cplus.logger.dcmtk.apps.getscu = INFO\n" .. CONSOLE)
        assert.matches("Requesting Association", loud.err)
    end)

    it("writes files with the program's name and process, and begins them anew", function()
        local folder = box:directory("logs")
        local result = run("log4cplus.rootLogger = DEBUG, file\n"
            .. "log4cplus.appender.file = log4cplus::RollingFileAppender\n"
            .. "log4cplus.appender.file.File = " .. folder .. "/${appname}-${pid}.log\n"
            .. "log4cplus.appender.file.layout = log4cplus::PatternLayout\n"
            .. "log4cplus.appender.file.layout.ConversionPattern = %m%n\n"
            .. "log4cplus.appender.file.MaxFileSize = 200KB\n"
            .. "log4cplus.appender.file.MaxBackupIndex = 2\n", "--repeat", "3")
        assert.same({ 60, "" }, { result.code, result.err })
        local names = support.list(folder)
        assert.equal(1, #names)
        assert.matches("^getscu%-%d+%.log$", names[1])
        local _, count = support.read(folder .. "/" .. names[1]):gsub("Requesting Association", "")
        assert.equal(3, count)
    end)

    it("may name syslog", function()
        local result = run("log4cplus.rootLogger = INFO, syslog\n"
            .. "log4cplus.appender.syslog = log4cplus::SysLogAppender\n"
            .. "log4cplus.appender.syslog.ident = getscu\n")
        assert.same({ 60, "" }, { result.code, result.err })
    end)

    it("is taken as DCMTK's own packages have it", function()
        local own = support.read "/etc/dcmtk/logger.cfg"
        if not own then pending("DCMTK's example is not here") return end
        local folder = box:directory("own")
        local result = run((own:gsub("${appname}.log", folder .. "/${appname}.log")))
        assert.equal(60, result.code, result.err)
        assert.matches("INFO: Requesting Association", support.read(folder .. "/getscu.log"))
    end)

    it("ends the program with 20 before it connects, where it is of no use", function()
        local wrong = {
            ["is empty"] = "",
            ["rootLogger is missing"] = "log4cplus.appender.a = log4cplus::NullAppender\n",
            ["does not begin with a level"] = "log4cplus.rootLogger = LOUD, console\n" .. CONSOLE,
            ["Invalid appender: nowhere"] = "log4cplus.rootLogger = INFO, nowhere\n",
            ["NoAppender"] = "log4cplus.rootLogger = INFO, a\n"
                .. "log4cplus.appender.a = log4cplus::NoAppender\n",
            ["Unable to open file"] = "log4cplus.rootLogger = INFO, a\n"
                .. "log4cplus.appender.a = log4cplus::FileAppender\n"
                .. "log4cplus.appender.a.File = /nowhere/at/all.log\n",
        }
        for text, configuration in pairs(wrong) do
            local result = run(configuration)
            assert.equal(20, result.code, text)
            assert.truthy(result.err:find(text, 1, true), result.err)
            assert.matches("^E: [^\n]+\n$", result.err)
        end
        local missing = box:getscu("-lc", box.path .. "/none.cfg", "-k", "QueryRetrieveLevel=STUDY",
            "127.0.0.1", support.free_port())
        assert.equal(20, missing.code)
        assert.matches("none.cfg: No such file or directory", missing.err)
    end)
end)

--- getscu: the default script. What `getscu peer port ...` does, from its arguments to its exit
-- code.

local chosen = require "getscu.chosen"
local commandline = require "getscu.commandline"
local errors = require "getscu.errors"
local help = require "getscu.help"
local identity = require "getscu.identity"
local log = require "getscu.log"
local options = require "getscu.options"
local process = require "getscu.process"
local progress = require "getscu.progress"
local query = require "getscu.query"
local retrieve = require "getscu.retrieve"
local tls = require "getscu.tls"
local versions = require "getscu.versions"

local function fail(err)
    log.error("%s", err.message)
    return errors.exit_code(err)
end

local actions = {
    help = function(all) return help.render(all, help.language()) end,
    version = versions.text,
    ["list-profiles"] = tls.profile_list,
    ["list-ciphers"] = tls.ciphersuite_list,
}

-- Who is told what happens: the report, and a line for whoever sits at the terminal.
local function observers_of(settings)
    local observers = {}
    if settings.report then
        local report = require "getscu.report"
        local written, err = report.new(settings.report, settings.directory)
        if not written then return nil, err end
        observers[1] = written
    end
    local is_wanted = not settings.no_progress and settings.log_level ~= "fatal"
    if is_wanted and progress.is_visible(settings.report) then
        observers[#observers + 1] = progress.new()
    end
    return observers
end

-- What the command line says, in the words of the library.
local function job_of(settings, parameters, queries, observers, hooks, secured)
    local contexts, who, err
    contexts, err = chosen.contexts(settings.sop_classes, settings.store_tc, settings.prefer)
    if err then return nil, err end
    who, err = identity.from(settings)
    if err then return nil, err end
    return retrieve.new {
        host = parameters.peer,
        port = parameters.port,
        family = settings.family,
        calling = settings.calling,
        called = settings.called,
        max_length = settings.max_pdu,
        tls = secured,
        deadlines = {
            connect = settings.connect_timeout,
            acse = settings.acse_timeout,
            dimse = settings.dimse_timeout,
        },
        identity = who,
        show_contexts = settings.show_contexts,
        retrieve_timeout = settings.retrieve_timeout,
        model = settings.model,
        relational = settings.relational,
        propose = settings.propose,
        prefer = settings.prefer,
        contexts = contexts,
        as_stored = settings.as_stored,
        no_retry = settings.no_retry,
        queries = queries,
        directory = settings.directory,
        create_directory = settings.create_directory,
        filename = settings.filename,
        on_collision = settings.collision,
        storage = settings.storage,
        strict = settings.strict,
        sync = settings.sync,
        max_object_size = settings.max_object_size,
        require_match = settings.require_match,
        ignore = settings.ignore,
        abort = settings.abort,
        observers = observers,
        hooks = hooks,
    }
end

-- Tells what does not go together in the queries; with --strict-query it is an error.
local function advise(settings, queries)
    for _, identifier in ipairs(queries) do
        for _, text in ipairs(query.advice(identifier, settings.model, settings.relational)) do
            if settings.strict_query then
                return nil, errors.new { code = "bad-key", message = text }
            end
            log.warn("%s", text)
        end
    end
    return true
end

-- Runs the job as often as asked; the worst exit code of all counts.
local function run(job, repeats, observers)
    local worst = 0
    for i = 1, repeats do
        if i > 1 then job:start_over() end
        local outcome = job:run()
        for _, observer in ipairs(observers) do
            local done, err = observer:rest()
            if not done then outcome:error(err) end
        end
        for _, line in ipairs(outcome:lines()) do log[line.level]("%s", line.text) end
        worst = math.max(worst, outcome:exit_code())
        if job.interrupted then break end
    end
    return worst
end

-- What --arguments asks for is shown whatever the level of the log is, and a wrong line as well.
local function show_arguments(text)
    if not text then return end
    log.level "info"
    log.info("%s", text)
    log.level "warn"
end

local function configure_log(settings)
    if settings.log_config then return log.config(settings.log_config) end
    return log.level(settings.log_level)
end

-- The scripts of a command line, loaded, and the options with theirs among them.
local function scripts_of(arguments)
    local paths, err = commandline.values(arguments, options, "--script")
    if not paths then return nil, err end
    local loaded = {}
    for i, path in ipairs(paths) do
        loaded[i], err = require("getscu.script").load(path)
        if not loaded[i] then return nil, err end
    end
    if #loaded == 0 then return loaded, options end
    local extended
    extended, err = options.with_scripts(loaded)
    if not extended then return nil, err end
    return loaded, extended
end

local function hooks_of(settings, scripts)
    if #scripts == 0 then return nil end
    local memory = settings.script_memory
    return require("getscu.hooks").new(scripts, { on_error = settings.on_script_error,
        seconds = settings.script_timeout, memory = memory and memory << 20,
        settings = settings })
end

local function main(arguments)
    local scripts, table_of_options = scripts_of(arguments)
    if not scripts then return fail(table_of_options) end
    local settings, parameters = commandline.parse(arguments, table_of_options)
    show_arguments((settings or parameters).arguments)
    if not settings then return fail(parameters) end
    local action = actions[settings.action]
    local queries, observers, job, secured, done, err
    if action then
        local text
        text, err = action(table_of_options)
        if not text then return fail(err) end
        local written = io.stdout:write(text) and io.stdout:flush()
        return written and 0 or errors.codes["report-write"].exit
    end
    done, err = configure_log(settings)
    if not done then return fail(err) end
    secured, err = tls.from(settings) -- before query files: a password may come first on stdin
    if err then return fail(err) end
    queries, err = query.from(parameters.files, settings.keys)
    if not queries then return fail(err) end
    done, err = advise(settings, queries)
    if not done then return fail(err) end
    observers, err = observers_of(settings)
    if not observers then return fail(err) end
    job, err = job_of(settings, parameters, queries, observers, hooks_of(settings, scripts),
        secured)
    if not job then return fail(err) end
    local _ <close> = process.on_signals({ "INT", "TERM" }, function(signal)
        job:interrupt(signal)
    end)
    local exit = run(job, settings.repeats, observers)
    done, err = tls.write_seed(settings)
    if not done then return math.max(exit, fail(err)) end
    return exit
end

return main { ... }

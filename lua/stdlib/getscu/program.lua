--- program: from the arguments to the exit code. Runs the default script, or the one of --run.

local core = require "getscu.core"

local errors = require "getscu.errors"

-- What the program that runs sees as `arg`; as in a stock interpreter, what stands before its own
-- name is at negative places: getscu itself at arg[-1].
local function command_line(arguments, from)
    local list = {}
    for i = from, #arguments do list[#list + 1] = arguments[i] end
    list[-1] = arguments[0]
    list[0] = arguments[from - 1]
    return list
end

-- A downloaded file must never be loaded as a module: nothing relative.
local function absolute(path)
    local kept = {}
    for template in path:gmatch("[^;]+") do
        if template:sub(1, 1) == "/" then kept[#kept + 1] = template end
    end
    return table.concat(kept, ";")
end

-- Modules of the core that are not in the program itself: beside it in a build tree, where `make
-- install` puts them from there. Those are of the same build, so they come first.
local function beside_program()
    local folder = (core.system.executable() or ""):match "^(/[^;?]*)/"
    return folder and ("%s/lua/?.so;%s/../lib/lua/5.4/?.so;"):format(folder, folder) or ""
end

local function load_program(name)
    if name ~= "-" then return loadfile(name, "t") end
    local text = io.read("a"):gsub("^#[^\n]*", "") -- a shebang
    return load(text, "=stdin", "t")
end

-- What the chunk returned, as an exit code.
local function exit_code(value)
    if value == nil or value == true then return 0 end
    return math.tointeger(value) or 1
end

-- An error of the library is told by its message, everything else with where it happened.
local function traceback(err)
    if errors.is(err) then return err end
    return debug.traceback(tostring(err), 2)
end

local NOT_STARTED = 81 -- as the program has it where the library does not load

-- Runs it with what it sees as `arg`; returns the exit code.
local function run(chunk, arguments, from)
    arg = command_line(arguments, from) -- luacheck: ignore 121
    local results = table.pack(xpcall(chunk, traceback, table.unpack(arg)))
    if results[1] then return exit_code(results[2]) end
    local err = results[2] -- one of ours as of assert(getscu.associate { ... }), or text
    local known = errors.is(err)
    io.stderr:write("F: ", known and err.message or err, "\n")
    return known and errors.exit_code(err) or NOT_STARTED
end

local function run_program(arguments)
    local name = arguments[2]
    if not name and require("getscu.core").system.isatty(0) then
        return require("getscu.prompt").run()
    elseif not name then
        io.stderr:write("F: --run needs the file of a Lua program, or - for standard input\n")
        return 1
    end
    local chunk, message = load_program(name)
    if not chunk then
        io.stderr:write("F: ", message, "\n")
        return NOT_STARTED
    end
    return run(chunk, arguments, 3)
end

return function(arguments)
    -- Most of what lives is the library: to collect later saves a third of the time in Lua.
    collectgarbage("setpause", 300)
    package.path = absolute(package.path)
    package.cpath = beside_program() .. absolute(package.cpath)
    if arguments[1] == "--run" then return run_program(arguments) end
    return run(require("getscu.library").load("getscu.lua"), arguments, 1)
end

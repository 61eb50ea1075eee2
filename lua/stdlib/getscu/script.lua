--- script: a hook script from its file: a chunk that returns one table, its manifest.
--
--     return {
--         summary = "Keep one modality.",
--         options = { { "modality", type = "string", default = "CT", help = "which one" } },
--         accept = function(object, job) return object.Modality == job.options.modality end,
--     }
--
-- A script is looked at as a whole before anybody connects: what is misspelt or of the wrong type
-- ends the program with file, line and what to write instead. It has an environment of its own, in
-- which a global variable that nobody declared is an error.

local errors = require "getscu.errors"
local lua_source = require "getscu.lua_source"
local script_options = require "getscu.script_options"
local suggest = require "getscu.suggest"

local script = {}

local SIZE_MAX = 4 << 20 -- bytes of a script

--- The hooks whose answer counts, in the order in which they are called.
script.DECIDING = { "query", "propose", "accept", "edit", "name" }
--- The hooks that are told what happened.
script.TOLD = { "on_associated", "on_progress", "on_stored", "on_refused", "on_done", "on_error" }

local FIELDS = { "summary", "options", "whole" }
table.move(script.DECIDING, 1, #script.DECIDING, #FIELDS + 1, FIELDS)
table.move(script.TOLD, 1, #script.TOLD, #FIELDS + 1, FIELDS)

local function fail(path, line, message, ...)
    local where = line and ("%s:%d"):format(path, line) or path
    error(errors.new { code = "script-load", file = path, line = line,
        message = ("%s: %s"):format(where, message:format(...)) }, 0)
end

-- ---- the environment ----

-- Names of this Lua and of the script itself; what is neither is an error, so that a misspelt local
-- is found when it is used.
local function environment()
    local own = {}
    return setmetatable(own, {
        __index = function(_, name)
            local value = _G[name]
            if value ~= nil then return value end
            local known = {}
            for word in pairs(_G) do known[#known + 1] = word end
            table.sort(known)
            error(("'%s' is not defined%s"):format(tostring(name),
                suggest.hint(tostring(name), known)), 2)
        end,
        __newindex = function(_, name)
            error(("'%s' is a global variable; write 'local %s'"):format(tostring(name),
                tostring(name)), 2)
        end,
    })
end

-- ---- the file ----

local function read_text(path)
    local file, message = io.open(path, "rb")
    if not file then fail(path, nil, "cannot be read: %s", message:match ": (.*)$" or message) end
    local text = file:read(SIZE_MAX + 1)
    file:close()
    if not text then fail(path, nil, "cannot be read: it is empty, or a directory") end
    if #text > SIZE_MAX then fail(path, nil, "longer than %d bytes: no script", SIZE_MAX) end
    if text:sub(1, 1) == "\27" then
        fail(path, nil, "is compiled Lua; only source text is loaded")
    end
    text = text:gsub("^\xEF\xBB\xBF", "") -- a byte order mark
    return (text:gsub("^#[^\n]*", "")) -- a shebang
end

-- Whether Lua means this file; it shows the end of a long path.
local function is_shown(path, where)
    return where == path or where:sub(1, 3) == "..." and path:sub(3 - #where) == where:sub(4)
end

-- What Lua says, "file:line: message", as an error of ours.
local function rethrow(path, message)
    if errors.is(message) then error(message, 0) end
    message = tostring(message)
    local where, line, rest = message:match "^(.-):(%d+): (.*)$"
    if where and is_shown(path, where) then fail(path, math.tointeger(line), "%s", rest) end
    fail(path, nil, "%s", message)
end

local function run(path, text)
    local chunk, message = load(text, "@" .. path, "t", environment())
    if not chunk then rethrow(path, message) end
    local done, manifest = pcall(chunk)
    if not done then rethrow(path, manifest) end
    return manifest
end

-- ---- the manifest ----

local function check_fields(path, text, manifest)
    local is_known = {}
    for _, name in ipairs(FIELDS) do is_known[name] = true end
    for name, value in pairs(manifest) do
        local line = type(name) == "string" and lua_source.field_line(text, name)
        if not is_known[name] then
            fail(path, line, "unknown hook or field '%s'%s; known are %s", tostring(name),
                suggest.hint(tostring(name), FIELDS), table.concat(FIELDS, ", "))
        end
        local wanted = name == "summary" and "string" or name == "options" and "table"
            or name == "whole" and "boolean" or "function"
        if type(value) ~= wanted then
            fail(path, line, "'%s' must be a %s, not a %s", name, wanted, type(value))
        end
    end
end

local function check(path, text, manifest)
    if type(manifest) ~= "table" then
        fail(path, nil, "must return one table, its hooks, but returns %s; end it with "
            .. "'return { accept = function(object, job) ... end }'",
            manifest == nil and "nothing" or "a " .. type(manifest))
    end
    check_fields(path, text, manifest)
    local rows, problem, word = script_options.rows(manifest.options or {}, path)
    if not rows then
        fail(path, word and lua_source.word_line(text, word)
            or lua_source.field_line(text, "options"), "%s", problem)
    end
    for _, row in ipairs(rows) do
        row.line = lua_source.word_line(text, (row.key:gsub("_", "-")))
    end
    return rows
end

--- Makes a script of a manifest that is there already.
-- @param manifest table of hooks
-- @param name string, for messages; default "hooks"
-- @return script: name, path, manifest, rows (of options, as of getscu.options); raises what is
--   wrong with it
function script.of(manifest, name)
    name = name or "hooks"
    return { name = name, path = name, manifest = manifest, rows = check(name, "", manifest) }
end

--- Loads a script.
-- @param path of its file
-- @return script as of script.of | nil, err: code "script-load", with file, and line where it is
--   known
function script.load(path)
    local done, result = pcall(function()
        local text = read_text(path)
        local manifest = run(path, text)
        return { name = path:match "[^/]*$", path = path, manifest = manifest,
            rows = check(path, text, manifest) }
    end)
    if done then return result end
    if errors.is(result) then return nil, result end
    error(result, 0)
end

return script

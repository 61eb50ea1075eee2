--- prompt: Lua line by line at a terminal, with the library at hand as `getscu`.
--
-- What is an expression is shown; what is not finished is continued on the next line. A `local` is
-- gone with its line, as in Lua's own interpreter; end of file ends it.

local dataset = require "getscu.dataset"
local getscu = require "getscu"

local prompt = {}

local function shown(value)
    if type(value) == "string" then return ("%q"):format(value) end
    if type(value) ~= "table" or dataset.is(value) or getmetatable(value) then
        return tostring(value)
    end
    local parts = {}
    for key, inner in pairs(value) do
        parts[#parts + 1] = ("%s = %s"):format(tostring(key),
            type(inner) == "table" and tostring(inner) or shown(inner))
    end
    table.sort(parts)
    return "{ " .. table.concat(parts, ", ") .. " }"
end

local function show(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = shown(parts[i]) end
    if parts.n > 0 then print(table.concat(parts, "\t")) end
end

local function is_unfinished(message)
    return message:sub(-5) == "<eof>"
end

-- The chunk that begins with this line, and perhaps takes more of them; nil, message.
local function read_chunk(line, environment)
    local chunk = load("return " .. line, "=prompt", "t", environment)
    local message
    while not chunk do
        chunk, message = load(line, "=prompt", "t", environment)
        if chunk or not is_unfinished(message) then break end
        io.write(">> ")
        local more = io.read()
        if not more then break end
        line = line .. "\n" .. more
    end
    return chunk, message
end

--- Runs it until standard input ends.
-- @return exit code
function prompt.run()
    local environment = setmetatable({ getscu = getscu }, { __index = _G })
    print(("getscu %s, %s; 'getscu' is the library, Ctrl-D ends"):format(getscu.version, _VERSION))
    while true do
        io.write("> ")
        local line = io.read()
        if not line then break end
        local chunk, message = read_chunk(line, environment)
        if not chunk then
            io.stderr:write(message, "\n")
        else
            local results = table.pack(xpcall(chunk, debug.traceback))
            if results[1] then
                show(table.unpack(results, 2, results.n))
            else
                io.stderr:write(tostring(results[2]), "\n")
            end
        end
    end
    print()
    return 0
end

return prompt

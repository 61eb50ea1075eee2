-- Makes the C source that holds the Lua library, compiled: embed.lua OUTPUT FILE...
-- Compiled by the interpreter of the package whose library the program is linked with; loading it
-- takes a fifth of the time that compiling takes.
local output = assert(io.open(arg[1], "w"))

local function module_of(path)
    if path == "lua/getscu.lua" then
        return "getscu.lua"
    end
    return (path:gsub("^lua/stdlib/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local entries = {}
output:write('#include "lua/library.h"\n\n')
for i = 2, #arg do
    local file = assert(io.open(arg[i], "rb"))
    local text = file:read("a")
    file:close()
    local path = arg[i]:gsub("^lua/", "")
    local chunk = path:gsub("^stdlib/", "")
    local source = string.dump(assert(load(text, "@" .. chunk, "t")))
    output:write(("static const unsigned char file_%d[] = {"):format(i))
    for at = 1, #source do
        output:write(at % 20 == 1 and "\n" or "", source:byte(at), ",")
    end
    output:write("0};\n\n")
    entries[#entries + 1] = ('    {"%s", "@%s", "%s", file_%d, %d},\n'):format(module_of(arg[i]),
        chunk, path, i, #source)
end
output:write("const struct gsl_library_file gsl_library[] = {\n", table.concat(entries),
    "    {0, 0, 0, 0, 0}};\n")
assert(output:close())

--- generate: manual page, completions, and the chapters of documents that come from tables.
--
--     lua5.4 docs/generate.lua man docs/manual.md en >getscu.1
--     lua5.4 docs/generate.lua bash|zsh|fish >completions
--     build/getscu --run docs/generate.lua chapters docs/manual.md en    rewrites the file
--
-- `make` and `make docs` call it. Pages and completions need nothing that must be built first.

local root = arg[0]:match("^(.*)docs/generate%.lua$") or ""
local roots = { root .. "lua/stdlib/?.lua", root .. "lua/stdlib/?/init.lua",
    root .. "docs/?.lua" }
package.path = table.concat(roots, ";") .. ";" .. package.path

local function read(path)
    local file <close> = assert(io.open(path, "rb"))
    return assert(file:read("a"))
end

local kinds = {
    man = function(path, language)
        local text = require("generate.chapters").fill(read(path), language)
        io.write(require("generate.man").page(text, language))
    end,
    chapters = function(path, language)
        local text = require("generate.chapters").fill(read(path), language)
        local file <close> = assert(io.open(path, "wb"))
        assert(file:write(text))
    end,
}
for _, shell in ipairs { "bash", "zsh", "fish" } do
    kinds[shell] = function() io.write(require("generate.completions")[shell]()) end
end

local kind = kinds[arg[1]] or error("docs/generate.lua: what shall be generated?")
kind(table.unpack(arg, 2))

local getscu = require "getscu"
local support = require "support"

-- What the documents show is what happens: commands are run, and their output compared.

local box, archive
setup(function()
    box = support.box()
    archive = box:phantom_archive()
end)
teardown(function()
    archive:close()
    box:close()
end)

local function absolute(path)
    return path:sub(1, 1) == "/" and path or (box:tool { "pwd" }):gsub("\n$", "") .. "/" .. path
end

-- The fenced blocks of a document, in their order: {language, text}.
local function blocks_of(path)
    local blocks = {}
    for language, text in support.read(path):gmatch "\n```(%a+)\n(.-\n)```" do
        blocks[#blocks + 1] = { language, text }
    end
    return blocks
end

-- Runs a command of a document in a folder, with getscu and the port of our archive in place of
-- the words that stand there. Returns all that it says.
local function run(folder, command)
    local program = absolute(support.getscu)
    command = command:gsub("^getscu", (program:gsub("%%", "%%%%"))):gsub("localhost:11112",
        "127.0.0.1:" .. archive:port())
    local result = box:run { "sh", "-c", 'cd "$0" && ' .. command .. " 2>&1", folder }
    return result.out
end

describe("the guide to scripting", function()
    it("shows what its examples do", function()
        local folder, commands = box:directory("guide"), 0
        for _, block in ipairs(blocks_of "docs/scripting.md") do
            local language, text = block[1], block[2]
            if language == "lua" then
                local name = assert(text:match "^%-%- (%S+%.lua)\n", text)
                support.write(folder .. "/" .. name, text)
            else
                assert.equal("console", language)
                local said = {}
                box:tool { "sh", "-c", 'cd "$0" && mkdir -p out out2 out3', folder }
                for line in text:gmatch "[^\n]+" do
                    local command = line:match "^%$ (.*)$"
                    if command then
                        said[#said + 1] = line .. "\n"
                        said[#said + 1] = run(folder, command)
                        commands = commands + 1
                    end
                end
                assert.equal(text, table.concat(said))
            end
        end
        assert.is_true(commands >= 7)
    end)
end)

describe("the list of errors", function()
    it("has every code, as the library has it", function()
        local path = package.path
        package.path = "docs/?.lua;" .. path
        local chapters = require "generate.chapters"
        package.path = path
        local text = support.read "docs/errors.md"
        assert.is_true(chapters.fill(text, "en") == text, "run make docs")
        for code, entry in pairs(getscu.errors.codes) do
            assert.is_truthy(text:find(("| `%s` | %d | "):format(code, entry.exit), 1, true), code)
        end
    end)
end)

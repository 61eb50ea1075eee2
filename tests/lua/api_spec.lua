local getscu = require "getscu"
local support = require "support"

-- docs/api.md against the code: what is public is documented, and what is documented is there.

-- What the library's modules have for one another.
local INTERNAL = {
    contexts = { "accepted", "request" },
    dataset = { "core_of", "expect", "is_open", "lazy", "wrap" },
    errors = { "check_fields", "wrap" },
    receiver = { "FIELDS", "pick" },
    tasks = { "refuse_waiting", "start_through" },
    log = { "before" },
}

local text = support.read "docs/api.md"

local function contains(list, name)
    for _, one in ipairs(list or {}) do
        if one == name then return true end
    end
    return false
end

-- The modules that `getscu` has, by what its source says.
local function modules()
    local source = support.read "lua/stdlib/getscu/init.lua"
    local names = {}
    for name in source:match("local modules = (%b{})"):gmatch "([%w_]+) = true" do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

-- Whether the document has a name as a word of code.
local function is_documented(name)
    for code in text:gmatch "`([^`]+)`" do
        if (" " .. code .. " "):find("[^%w_]" .. name .. "[^%w_]") then return true end
    end
    return text:find("\n    [^\n]*[^%w_]" .. name .. "[^%w_]") ~= nil
end

describe("the document of the library", function()
    for _, module in ipairs(modules()) do
        it("has everything public of getscu." .. module, function()
            assert.is_truthy(text:find("getscu." .. module, 1, true))
            local missing = {}
            for name in pairs(getscu[module]) do
                local public = type(name) == "string" and not contains(INTERNAL[module], name)
                if public and not is_documented(name) then missing[#missing + 1] = name end
            end
            assert.same({}, missing)
        end)
    end

    it("has every method of data sets and tasks", function()
        local source = support.read "lua/stdlib/getscu/dataset.lua"
        for name in source:gmatch "\nfunction methods:([%w_]+)" do
            assert.is_truthy(text:find(":" .. name .. "[^%w_]"), name)
        end
        source = support.read "lua/stdlib/getscu/tasks.lua"
        for name in source:gmatch "\nfunction Task.__index:([%w_]+)" do
            assert.is_truthy(text:find(":" .. name .. "[^%w_]"), name)
        end
    end)

    it("has every hook", function()
        local script = require "getscu.script"
        local guide = support.read "docs/scripting.md"
        for _, list in ipairs { script.DECIDING, script.TOLD } do
            for _, name in ipairs(list) do
                assert.is_truthy(guide:find("`" .. name .. "(", 1, true), name)
            end
        end
    end)

    it("has no function that is not there", function()
        local known = {}
        for _, module in ipairs(modules()) do known[module] = true end
        local count = 0
        for code in text:gmatch "`([^`]+)`" do
            for module, name in (" " .. code):gmatch "[^%w_.:](%l[%w_]*)%.(%l[%w_]*)[ ({\"]" do
                if known[module] then
                    count = count + 1
                    assert.is_not_nil(getscu[module][name], module .. "." .. name)
                end
            end
        end
        assert.is_true(count > 60, count)
    end)

    it("has no method that is not there", function()
        local sources = {}
        for _, name in ipairs(support.list "lua/stdlib/getscu") do
            if name:find "%.lua$" then
                sources[#sources + 1] = support.read("lua/stdlib/getscu/" .. name)
            end
        end
        for _, name in ipairs(support.list "src/lua") do
            sources[#sources + 1] = support.read("src/lua/" .. name):gsub('{"(%l[%l_]+)"', ":%1(")
        end
        local source = table.concat(sources)
        for code in text:gmatch "`([^`]+)`" do
            for name in code:gmatch "[%w_)]?:(%l[%l_]+)[({]" do
                assert.is_truthy(source:find("[.:]" .. name .. "%("), name)
            end
        end
    end)
end)

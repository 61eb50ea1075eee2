--- script_options: the options that a script declares, as rows of the table of options.
--
--     options = { { "modality", type = "enum", choices = { "CT", "MR" }, default = "CT",
--         help = "the modality to keep" } }
--
-- `--modality` is then parsed and shown by --help like our own options, and the script finds its
-- value in job.options.modality ('-' in a name is '_' there). Fields of an option: type (default
-- "string"), default, required, min and max (of numbers), choices (of an enum), help.

local commandline = require "getscu.commandline"
local suggest = require "getscu.suggest"

local script_options = {}

local FIELDS = { "type", "default", "required", "min", "max", "choices", "help" }

-- By the type of an option: the type of its argument as getscu.commandline knows it, and that of a
-- default in Lua.
local TYPES = {
    string = { "string", "string" },
    integer = { "integer", "number" },
    number = { "number", "number" },
    boolean = { nil, "boolean" },
    enum = { "choice", "string" },
    list = { "list", "table" },
    file = { "file", "string" },
    dir = { "directory", "string" },
    aet = { "title", "string" },
    uid = { "uid", "string" },
    tag = { "tag", "string" },
}

local function names_of(list)
    local names = {}
    for name in pairs(list) do names[#names + 1] = name end
    table.sort(names)
    return names
end

-- Ends rows() with what is wrong, and the word of the script by which its line is found.
local function reject(word, message, ...)
    error({ problem = message:format(...), word = word }, 0)
end

local function check_known(name, option)
    for key in pairs(option) do
        local known = key == 1
        for _, field in ipairs(FIELDS) do known = known or key == field end
        if not known then
            reject(tostring(key), "option '%s': unknown field '%s'%s", name, tostring(key),
                suggest.hint(tostring(key), FIELDS))
        end
    end
end

local function is_list_of_strings(value)
    if type(value) ~= "table" then return false end
    for key, one in pairs(value) do
        if math.type(key) ~= "integer" or type(one) ~= "string" then return false end
    end
    return true
end

local function check_choices(name, option, kind)
    local choices = option.choices
    if kind == "enum" and (not is_list_of_strings(choices) or #choices == 0) then
        reject(name, "option '%s': an enum needs choices, as in choices = { \"a\", \"b\" }", name)
    elseif kind ~= "enum" and choices ~= nil then
        reject(name, "option '%s': 'choices' are those of an enum; write type = \"enum\"", name)
    end
end

local function check_range(name, option, kind)
    for _, limit in ipairs { "min", "max" } do
        local value = option[limit]
        local is_number = kind == "integer" and math.type(value) == "integer"
            or kind == "number" and type(value) == "number"
        if value ~= nil and not is_number then
            reject(name, "option '%s': '%s' is a number, for options of type integer or number",
                name, limit)
        end
    end
    if option.min and option.max and option.min > option.max then
        reject(name, "option '%s': 'min' is above 'max'", name)
    end
end

local function check_kinds(name, option, kind)
    for field, wanted in pairs { help = "string", required = "boolean" } do
        if option[field] ~= nil and type(option[field]) ~= wanted then
            reject(name, "option '%s': '%s' must be a %s", name, field, wanted)
        end
    end
    if option.required and option.default ~= nil then
        reject(name, "option '%s': what is required needs no default; leave out one of them", name)
    end
    check_choices(name, option, kind)
    check_range(name, option, kind)
end

local function check(option, position)
    if type(option) ~= "table" or type(option[1]) ~= "string" then
        reject("options", "option %d must be a table that begins with its name, as in "
            .. "{ \"modality\", type = \"string\" }", position)
    end
    local name = option[1]
    if not name:find "^%l[%l%d-]+$" or name:find "^no%-" then
        reject(name, "option '%s': a name has small letters, digits and '-', and does not begin "
            .. "with 'no-'", name)
    end
    check_known(name, option)
    local kind = option.type or "string"
    if not TYPES[kind] then
        reject(name, "option '%s': unknown type '%s'%s; known are %s", name, tostring(kind),
            suggest.hint(tostring(kind), names_of(TYPES)), table.concat(names_of(TYPES), ", "))
    end
    check_kinds(name, option, kind)
    return name, kind
end

-- The default as the parser would have read it, and as text for the help.
local function default_of(name, option, kind, argument)
    local default = option.default
    if default == nil then return nil end
    local wanted = TYPES[kind][2]
    if type(default) ~= wanted then
        reject(name, "option '%s': its default must be a %s, not a %s", name, wanted, type(default))
    end
    if kind == "boolean" then return default end
    if kind == "list" and not is_list_of_strings(default) then
        reject(name, "option '%s': its default must be a list of strings", name)
    end
    local word = kind == "list" and table.concat(default, ",") or tostring(default)
    local value, must = commandline.types[argument.type](word, argument)
    if value == nil then reject(name, "option '%s': its default '%s' %s", name, word, must) end
    return value, word
end

local function boolean_rows(name, row, option)
    local on, off = row, {}
    for key, value in pairs(row) do off[key] = value end
    on.value, off.value = true, false
    off[2], off.en, off.ja = "--no-" .. name, "the opposite", "その逆"
    on.default = option.default == true or nil
    off.default = option.default ~= true or nil
    return on, off
end

local function add_rows(rows, option, position, owner)
    local name, kind = check(option, position)
    local help = option.help or name
    local row = { false, "--" .. name, ready = true, en = help, ja = help,
        field = owner .. ": " .. name, key = name:gsub("-", "_"), required = option.required }
    if kind == "boolean" then
        default_of(name, option, kind)
        rows[#rows + 1], rows[#rows + 2] = boolean_rows(name, row, option)
        return
    end
    local argument = { name = kind == "string" and "text"
        or kind == "enum" and table.concat(option.choices, "|") or kind, type = TYPES[kind][1],
        min = option.min, max = option.max, choices = option.choices }
    row.arguments = { argument }
    row.default, row.default_text = default_of(name, option, kind, argument)
    rows[#rows + 1] = row
end

--- The rows of a script's options.
-- @param options list of what the script declares
-- @param owner string that tells its options from those of other scripts
-- @return list of rows | nil, what is wrong, a word of the script that is near to it
function script_options.rows(options, owner)
    local rows, seen = {}, {}
    local done, failure = pcall(function()
        for i, option in ipairs(options) do
            add_rows(rows, option, i, owner)
            local name = option[1]
            if seen[name] then reject(name, "option '%s' stands there twice", name) end
            seen[name] = true
        end
        for key in pairs(options) do
            if math.type(key) ~= "integer" or not (key >= 1 and key <= #options) then
                reject("options", "'options' must be a list, as in { { \"modality\" } }")
            end
        end
    end)
    if done then return rows end
    if type(failure) ~= "table" then error(failure, 0) end
    return nil, failure.problem, failure.word
end

--- The values that a command line gave to the options of a script.
-- @param rows of the script
-- @param settings as getscu.commandline read them; nil: the defaults
-- @return table by name; an unknown name raises
function script_options.values(rows, settings)
    local values, names = {}, {}
    for _, row in ipairs(rows) do
        local value = settings and settings[row.field]
        if not settings and row.default ~= nil then
            value = row.value
            if value == nil then value = row.default end
        end
        if value ~= nil then values[row.key] = value end
        names[row.key] = true
    end
    return setmetatable(values, { __index = function(_, key)
        if names[key] then return nil end
        error(("the script has no option '%s'%s"):format(tostring(key),
            suggest.hint(tostring(key), names_of(names))), 2)
    end })
end

return script_options

--- commandline: words to settings, by the rules that DCMTK's tools have.
--
-- Options begin with - or + and stand anywhere; their names have several letters and are never
-- abbreviated. The word after an option that takes a value is its value, whatever it begins with.
-- Of options that set the same field the rightmost wins. `--` ends the options.

local errors = require "getscu.errors"
local help = require "getscu.help"
local suggest = require "getscu.suggest"

local commandline = {}

local function text(word)
    return word
end

local function integer(word, argument)
    local value = word:match("^[+-]?%d+$") and math.tointeger(tonumber(word))
    local least, most = argument.min or math.mininteger, argument.max or math.maxinteger
    if value and value >= least and value <= most then return value end
    if argument.max then
        return nil, ("must be an integer from %d to %d"):format(least, most)
    end
    return nil, ("must be an integer of at least %d"):format(least)
end

local function choice(word, argument)
    for _, name in ipairs(argument.choices) do
        if name == word then return word end
    end
    return nil, ("must be one of %s%s"):format(table.concat(argument.choices, ", "),
        suggest.hint(word, argument.choices))
end

--- How the argument of each type is read: (word, argument) -> value, or nil and what it must be.
commandline.types = {
    string = text,
    file = text,
    directory = text,
    integer = integer,
    choice = choice,
}

-- Anything wrong is thrown as an error table; parse() catches it.
local function fail(option, message, ...)
    error(errors.new {
        code = "command-line",
        option = option,
        message = message:format(...),
    }, 0)
end

local function read(word, argument, option, what)
    local value, must = commandline.types[argument.type](word, argument)
    if value == nil then fail(option, "%s: '%s' %s", what, word, must) end
    return value
end

-- Command files (@file) become their words here, before anything else is looked at.
local function expand(argv)
    for _, word in ipairs(argv) do
        if word:find("^@.") then fail(nil, "command file '%s' is not available yet", word) end
    end
    return argv
end

local function names_of(options)
    local by_name, ready = {}, {}
    for _, option in ipairs(options.list) do
        for _, name in ipairs { option.long, option.short } do
            by_name[name] = option
            if option.ready then ready[#ready + 1] = name end
        end
    end
    return by_name, ready
end

local function fail_unknown(name, ready)
    local bare = name:match("^(%-%-[^=]+)=") or name -- values are words of their own here
    fail(name, "unknown option '%s'%s", name, suggest.hint(bare, ready))
end

local function defaults_of(options)
    local settings = {}
    for _, option in ipairs(options.list) do
        if option.list then
            settings[option.field] = {}
        elseif option.default == true then
            settings[option.field] = option.value
        elseif option.default ~= nil then
            settings[option.field] = option.default
        end
    end
    return settings
end

-- Sets what `option` sets; `at` is its place in `words`. Returns the place of its last argument.
local function apply(option, words, at, settings)
    local name, value = words[at], option.value
    for i, argument in ipairs(option.arguments) do
        local word = words[at + i]
        if word == nil then fail(name, "option %s: missing %s", name, argument.name) end
        local read_value = read(word, argument, name, "option " .. name)
        if argument.field then
            settings[argument.field] = read_value
        else
            value = read_value
        end
    end
    if option.list then
        table.insert(settings[option.field], value)
    else
        settings[option.field] = value
    end
    for field, implied in pairs(option.implies or {}) do settings[field] = implied end
    return at + #option.arguments
end

-- Fills `settings`; returns the parameters, and the name by which each option was given.
local function scan(words, options, settings)
    local by_name, ready = names_of(options)
    local rest, given = {}, {}
    local at, options_end = 1, false
    while at <= #words do
        local word = words[at]
        if options_end or not word:find("^[-+].") then
            rest[#rest + 1] = word
        elseif word == "--" then
            options_end = true
        else
            local option = by_name[word] or fail_unknown(word, ready)
            if not option.ready then fail(word, "option %s is not available yet", word) end
            given[option] = word
            at = apply(option, words, at, settings)
        end
        at = at + 1
    end
    return rest, given
end

local function check_company(options, given)
    local by_name = names_of(options)
    for _, option in ipairs(options.list) do
        local name = given[option]
        for _, other in ipairs(name and option.conflicts or {}) do
            local its = given[by_name[other]]
            if its then fail(name, "option %s cannot stand beside %s", name, its) end
        end
        if name and option.requires and not given[by_name[option.requires]] then
            fail(name, "option %s needs %s", name, option.requires)
        end
    end
end

local function assign(rest, options)
    local positional, missing, at = {}, {}, 1
    for _, parameter in ipairs(options.parameters) do
        if parameter.list then
            local list = {}
            while rest[at] do
                list[#list + 1] = read(rest[at], parameter, nil, parameter.name)
                at = at + 1
            end
            positional[parameter.field] = list
        elseif rest[at] then
            positional[parameter.field] = read(rest[at], parameter, nil, parameter.name)
            at = at + 1
        else
            missing[#missing + 1] = parameter.name
        end
    end
    local usage = help.usage(options)
    if #missing > 0 then fail(nil, "missing %s; %s", table.concat(missing, " and "), usage) end
    if rest[at] then fail(nil, "'%s' is one parameter too many; %s", rest[at], usage) end
    return positional
end

local function parse(argv, options)
    local settings = defaults_of(options)
    local rest, given = scan(expand(argv), options, settings)
    if settings.action then return settings, {} end -- --help and the like need nothing else
    check_company(options, given)
    local positional = assign(rest, options)
    local wrong = options.check and options.check(settings, positional)
    if wrong then fail(nil, "%s; %s", wrong, help.usage(options)) end
    return settings, positional
end

--- Reads a command line.
-- With `settings.action` set ("help", "version") the parameters are not looked at.
-- @param argv list of strings, the program's name not among them
-- @param options table like getscu.options: list, parameters, program, check
-- @return settings table by the options' fields, positional table by the parameters' fields;
--   or nil, err with code "command-line" (and `option`, its name as it was given)
function commandline.parse(argv, options)
    local done, settings, positional = pcall(parse, argv, options)
    if done then return settings, positional end
    if errors.is(settings) then return nil, settings end
    error(settings, 0)
end

return commandline

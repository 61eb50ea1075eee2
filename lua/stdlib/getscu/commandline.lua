--- commandline: words to settings, by the rules that DCMTK's tools have.
--
-- Options begin with - or + and stand anywhere; their names have several letters and are never
-- abbreviated. The word after an option that takes a value is its value, whatever it begins with.
-- Of options that set the same field the rightmost wins. `--` ends the options. A word @FILE stands
-- for the words of a command file, whatever stands before it.

local commandfile = require "getscu.commandfile"
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

local UNITS = { [""] = 0, K = 10, M = 20, G = 30 }

local function size(word)
    local digits, unit = word:match "^(%d+)([KMG]?)$"
    local value = digits and math.tointeger(tonumber(digits))
    if value and value > 0 and value <= math.maxinteger >> UNITS[unit] then
        return value << UNITS[unit]
    end
    return nil, "must be a number of bytes, or of KiB, MiB, GiB with K, M, G behind it"
end

local function choice(word, argument)
    for _, name in ipairs(argument.choices) do
        if name == word then return word end
    end
    return nil, ("must be one of %s%s"):format(table.concat(argument.choices, ", "),
        suggest.hint(word, argument.choices))
end

-- An AE title (PS3.5 table 6.2-1): its blanks at either end do not count.
local function title(word)
    local bare = word:match("^ *(.-) *$")
    if bare ~= "" and #bare <= 16 and not bare:find("[^ -~]") and not bare:find("\\", 1, true) then
        return bare
    end
    return nil, "must be an AE title: 1 to 16 ASCII characters, without backslash"
end

local function number(word, argument)
    local value = tonumber(word)
    local least, most = argument.min or -math.huge, argument.max or math.huge
    if value and value >= least and value <= most then return value end
    return nil, ("must be a number from %s to %s"):format(least, most)
end

local function words_of(word)
    local words = {}
    for one in word:gmatch "[^,]+" do words[#words + 1] = one:match "^%s*(.-)%s*$" end
    return words
end

local function uid(word)
    if #word <= 64 and word:find "^%d[%d.]*%d$" and not word:find("..", 1, true) then
        return word
    end
    return nil, "must be a UID: numbers separated by dots, 64 characters at most"
end

-- A keyword or tag (as dataset.tag has it); the dictionary is asked only where it is one.
local function tag(word)
    local found, err = require("getscu.core").dataset.tag(word)
    if found then return found end
    return nil, "must be the keyword or tag of an attribute: " .. err.message
end

--- How the argument of each type is read: (word, argument) -> value, or nil and what it must be.
commandline.types = {
    string = text,
    file = text,
    directory = text,
    integer = integer,
    size = size,
    choice = choice,
    title = title,
    number = number,
    list = words_of,
    uid = uid,
    tag = tag,
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

-- Command files become their words here, before anything else is looked at.
local function expand(argv)
    local words = {}
    for _, word in ipairs(argv) do
        local path = word:match("^@(.+)$")
        local found, message = { word }, nil
        if path then found, message = commandfile.read(path) end
        if not found then fail(nil, "command file '%s': %s", path, message) end
        table.move(found, 1, #found, #words + 1, words)
    end
    return words
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

-- A long name that begins with `word`: DCMTK's tools take such abbreviations.
local function continuation(word, names)
    for _, name in ipairs(names) do
        if #word > 3 and name:sub(1, 2) == "--" and name:sub(1, #word) == word then return name end
    end
end

local function fail_unknown(name, ready)
    local bare = name:match("^(%-%-[^=]+)=") or name -- values are words of their own here
    local whole = continuation(bare, ready)
    fail(name, "unknown option '%s'%s", name, suggest.hint(whole or bare, ready))
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

-- How --arguments shows a word: as a shell would take it, or hidden.
local function quoted(word, argument)
    if argument and argument.secret then return "'...'" end
    return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Fills `settings` and `seen`: the parameters (rest), by which name each option was given (given),
-- and which option set each field at last (set).
local function scan(words, options, settings, seen)
    local by_name, ready = names_of(options)
    local at, options_end = 1, false
    while at <= #words do
        local word = words[at]
        seen.shown[at] = quoted(word)
        if options_end or not word:find("^[-+].") then
            table.insert(seen.rest, word)
        elseif word == "--" then
            options_end = true
        else
            local option = by_name[word] or fail_unknown(word, ready)
            if not option.ready then fail(word, "option %s is not available yet", word) end
            if option.leads then fail(word, "option %s must be the first word", word) end
            seen.given[option.long], seen.set[option.field] = word, option
            local last = apply(option, words, at, settings)
            for i = at + 1, last do seen.shown[i] = quoted(words[i], option.arguments[i - at]) end
            at = last
        end
        at = at + 1
    end
end

-- An option that another one has overridden needs nothing, and is of no use to others.
local function check_company(options, seen)
    local by_name, given = names_of(options), seen.given
    local function stands(option)
        return given[option.long] and (option.list or seen.set[option.field] == option)
    end
    for _, option in ipairs(options.list) do
        local name = given[option.long]
        for _, other in ipairs(name and option.conflicts or {}) do
            local its = given[other]
            if its then fail(name, "option %s cannot stand beside %s", name, its) end
        end
        if option.required and not name then fail(option.long, "missing option %s", option.long) end
        if option.requires and stands(option) and not stands(by_name[option.requires]) then
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

-- Fails with `wrong`, where something is.
local function fail_if(wrong, options)
    if wrong then fail(nil, "%s; %s", wrong, help.usage(options)) end
end

local function parse(words, options, settings, seen)
    scan(words, options, settings, seen)
    if settings.action then return {} end -- --help and the like need nothing else
    check_company(options, seen)
    fail_if(options.prepare and options.prepare(seen.rest, settings, seen.given), options)
    local positional = assign(seen.rest, options)
    fail_if(options.check and options.check(settings, positional, seen.given), options)
    return positional
end

-- The expanded command line as text, as far as it was understood.
local function shown(words, options, seen)
    for i = #seen.shown + 1, #words do seen.shown[i] = "..." end
    return ("calling '%s' with %d arguments: %s"):format(options.program, #words,
        table.concat(seen.shown, " "))
end

--- The values of a list option, without judging the rest: an unknown option may be one that its
-- values declare.
-- @param argv list of strings
-- @param options table like getscu.options
-- @param long name of the option, which has one argument
-- @return list of strings | nil, err: a command file cannot be read
function commandline.values(argv, options, long)
    local by_name, values, at = names_of(options), {}, 1
    local done, words = pcall(expand, argv)
    if not done and not errors.is(words) then error(words, 0) end
    if not done then return nil, words end
    while words[at] and words[at] ~= "--" do
        local option = by_name[words[at]]
        if option and option.long == long then values[#values + 1] = words[at + 1] end
        at = at + 1 + (option and #option.arguments or 0)
    end
    return values
end

--- Reads a command line.
-- With `settings.action` set ("help", "version") the parameters are not looked at. With
-- `settings.show_arguments`, settings.arguments (or err.arguments) tells the expanded command line.
-- @param argv list of strings, the program's name not among them
-- @param options table like getscu.options: list, parameters, program; prepare and check, or nil
-- @return settings table by the options' fields, positional table by the parameters' fields;
--   or nil, err with code "command-line" (and `option`, its name as it was given)
function commandline.parse(argv, options)
    local settings, seen = defaults_of(options), { rest = {}, given = {}, set = {}, shown = {} }
    local words
    local done, positional = pcall(function()
        words = expand(argv)
        return parse(words, options, settings, seen)
    end)
    if not done and not errors.is(positional) then error(positional, 0) end
    if settings.show_arguments then
        (done and settings or positional).arguments = shown(words, options, seen)
    end
    if done then return settings, positional end
    return nil, positional
end

return commandline

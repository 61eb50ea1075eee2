--- help: the help text, rendered from a table of options (getscu.options).

local columns = require "getscu.columns"

local help = {}

local INDENT = 2
local LONG_COLUMN = 8 -- where long names begin: after "  -pdu  "
local TEXT_COLUMN = 36 -- where the help words begin
local WIDTH = 96

-- The words that are not in the table.
local words = {
    en = { usage = "usage:", parameters = "parameters", default = " (default)",
        default_value = " (default: %s)" },
    ja = { usage = "書式:", parameters = "引数", default = "(既定)", default_value = "(既定: %s)" },
}

--- The language of a locale: "ja" where LC_ALL, else LC_MESSAGES, else LANG begins with ja (and, if
-- it names an encoding, that is UTF-8); else "en".
-- @param getenv function(name) -> string or nil; default os.getenv
-- @return "en" or "ja"
function help.language(getenv)
    getenv = getenv or os.getenv
    for _, name in ipairs { "LC_ALL", "LC_MESSAGES", "LANG" } do
        local locale = getenv(name)
        if locale and locale ~= "" then
            local encoding = (locale:match("%.([^@]*)") or "utf8"):lower():gsub("-", "")
            return locale:find("^ja") and encoding == "utf8" and "ja" or "en"
        end
    end
    return "en"
end

-- A left column and its text, which begins on a line of its own where the left column is too wide.
local function entry(left, text)
    local lines = columns.wrap(text, WIDTH - TEXT_COLUMN)
    if columns.width(left) + 1 > TEXT_COLUMN then table.insert(lines, 1, "") end
    for i, line in ipairs(lines) do
        lines[i] = (columns.pad(i == 1 and left or "", TEXT_COLUMN) .. line):gsub(" +$", "")
    end
    return table.concat(lines, "\n")
end

--- What an option is for, and its default: the text that stands beside its name.
-- @param option row of the table
-- @param language string; English where the row lacks it
-- @return string
function help.text(option, language)
    local text, its = option[language] or option.en, words[language] or words.en
    if option.default == nil then return text end
    return text .. (option.default == true and its.default
        or its.default_value:format(option.default_text or option.default))
end

--- An option's arguments as they are written after its name, as in " SECONDS".
-- @return string, empty where it has none
function help.arguments(option)
    local text = ""
    for _, argument in ipairs(option.arguments) do text = text .. " " .. argument.name:upper() end
    return text
end

local function option_entry(option, language)
    local short = (" "):rep(INDENT) .. (option.short or "")
    local left = columns.pad(short, LONG_COLUMN) .. option.long .. help.arguments(option)
    return entry(left, help.text(option, language))
end

local function group_entries(group, language)
    local entries = {}
    for _, option in ipairs(group) do
        if option.ready then entries[#entries + 1] = option_entry(option, language) end
    end
    if #entries > 0 and group.name ~= "" then
        table.insert(entries, 1, (" %s:"):format(group[language] or group.en))
    end
    return entries
end

local function section_lines(section, language)
    local lines = {}
    for _, group in ipairs(section) do
        local entries = group_entries(group, language)
        table.move(entries, 1, #entries, #lines + 1, lines)
    end
    if #lines > 0 then
        table.insert(lines, 1, ("\n%s:"):format(section[language] or section.en))
    end
    return lines
end

--- The usage line, as in "usage: getscu [options] peer port [dcmfile-in...]".
-- @param options table like getscu.options
-- @param language string or nil: English
-- @return string
function help.usage(options, language)
    local list = { (words[language] or words.en).usage, options.program, "[options]" }
    for _, parameter in ipairs(options.parameters) do
        list[#list + 1] = parameter.list and ("[%s...]"):format(parameter.name) or parameter.name
    end
    return table.concat(list, " ")
end

--- The help text: usage, parameters, and the options that are ready.
-- @param options table like getscu.options
-- @param language string: "en" (default) or another that the table has; English where it lacks
-- @return string that ends with a newline
function help.render(options, language)
    language = language or "en"
    local lines = {
        ("%s: %s"):format(options.program, options.summary[language] or options.summary.en),
        help.usage(options, language),
        ("\n%s:"):format((words[language] or words.en).parameters),
    }
    for _, parameter in ipairs(options.parameters) do
        local left = (" "):rep(INDENT) .. parameter.name
        lines[#lines + 1] = entry(left, parameter[language] or parameter.en)
    end
    for _, section in ipairs(options.sections) do
        local entries = section_lines(section, language)
        table.move(entries, 1, #entries, #lines + 1, lines)
    end
    return table.concat(lines, "\n") .. "\n"
end

return help

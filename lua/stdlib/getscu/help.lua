--- help: the help text, rendered from a table of options (getscu.options).

local help = {}

local INDENT = 2
local LONG_COLUMN = 8 -- where long names begin: after "  -pdu  "
local TEXT_COLUMN = 36 -- where the help words begin
local WIDTH = 96

local function pad(text, column)
    return text .. (" "):rep(column - #text)
end

-- Lines of at most `width` bytes, broken at spaces.
local function wrap(text, width)
    local lines, line = {}, nil
    for word in text:gmatch("%S+") do
        if line and #line + 1 + #word <= width then
            line = line .. " " .. word
        else
            lines[#lines + 1] = line
            line = word
        end
    end
    lines[#lines + 1] = line
    return lines
end

-- A left column and its text, which begins on a line of its own where the left column is too wide.
local function entry(left, text)
    local lines = wrap(text, WIDTH - TEXT_COLUMN)
    if #left + 1 > TEXT_COLUMN then table.insert(lines, 1, "") end
    for i, line in ipairs(lines) do
        local column = i == 1 and pad(left, TEXT_COLUMN) or (" "):rep(TEXT_COLUMN)
        lines[i] = (column .. line):gsub(" +$", "")
    end
    return table.concat(lines, "\n")
end

local function default_of(option)
    if option.default == nil then return "" end
    return option.default == true and " (default)" or (" (default: %s)"):format(option.default)
end

local function option_entry(option, language)
    local left = pad((" "):rep(INDENT) .. (option.short or ""), LONG_COLUMN) .. option.long
    for _, argument in ipairs(option.arguments) do
        left = left .. " " .. argument.name:upper()
    end
    return entry(left, (option[language] or option.en) .. default_of(option))
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
-- @return string
function help.usage(options)
    local words = { "usage:", options.program, "[options]" }
    for _, parameter in ipairs(options.parameters) do
        words[#words + 1] = parameter.list and ("[%s...]"):format(parameter.name) or parameter.name
    end
    return table.concat(words, " ")
end

--- The help text: usage, parameters, and the options that are ready.
-- @param options table like getscu.options
-- @param language string: "en" (default) or another that the table has; English where it lacks
-- @return string that ends with a newline
function help.render(options, language)
    language = language or "en"
    local lines = {
        ("%s: %s"):format(options.program, options.summary[language] or options.summary.en),
        help.usage(options),
        "\nparameters:",
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

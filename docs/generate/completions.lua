--- completions: what shells complete in the command line: the options that are ready, and values.

local options = require "getscu.options"

local completions = {}

local function ready()
    local list = {}
    for _, option in ipairs(options.list) do
        if option.ready then list[#list + 1] = option end
    end
    return list
end

local function names_of(option)
    return option.short and { option.short, option.long } or { option.long }
end

-- The names of the ready options that `wanted` is true for, joined.
local function names_where(wanted, joint)
    local names = {}
    for _, option in ipairs(ready()) do
        if wanted(option) then
            for _, name in ipairs(names_of(option)) do names[#names + 1] = name end
        end
    end
    return table.concat(names, joint)
end

local function takes(kind, at)
    return function(option)
        local argument = option.arguments[at or 1]
        return argument ~= nil and (kind == nil or argument.type == kind)
    end
end

-- ---- bash ----

local BASH = [=[
# bash completion for getscu                                   made by docs/generate.lua

_getscu() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $previous in
@VALUES@
    esac
    case $current in
    [-+]*) mapfile -t COMPREPLY < <(compgen -W '@NAMES@' -- "$current") ;;
    @*)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -P @ -f -- "${current#@}")
        ;;
    *)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -A hostname -- "$current")
        ;;
    esac
}
complete -F _getscu getscu
]=]

local function bash_case(pattern, compgen)
    if pattern == "" then return nil end
    return ("    %s)\n%s        return\n        ;;"):format(pattern, compgen)
end

local FILES = [[
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen %s -- "$current")
]]

function completions.bash()
    local cases = {}
    for _, option in ipairs(ready()) do
        local argument = option.arguments[1]
        if argument and argument.type == "choice" then
            cases[#cases + 1] = bash_case(table.concat(names_of(option), " | "),
                ('        mapfile -t COMPREPLY < <(compgen -W \'%s\' -- "$current")\n'):format(
                    table.concat(argument.choices, " ")))
        end
    end
    cases[#cases + 1] = bash_case(names_where(takes "file", " | "), FILES:format("-f"))
    cases[#cases + 1] = bash_case(names_where(takes "directory", " | "), FILES:format("-d"))
    cases[#cases + 1] = bash_case(names_where(function(option)
        local argument = option.arguments[1]
        return argument and not ("file directory choice"):find(argument.type, 1, true)
    end, " | "), "")
    local filled = { VALUES = table.concat(cases, "\n"),
        NAMES = names_where(function() return true end, " ") }
    return (BASH:gsub("@(%u+)@", filled))
end

-- ---- zsh ----

local function zsh_escaped(text)
    return (text:gsub("[%[%]:\\]", "\\%0"):gsub("'", "'\\''"))
end

local function zsh_value(argument)
    local label = zsh_escaped(argument.name)
    local action = ({ file = "_files", directory = "_files -/",
        choice = "(" .. table.concat(argument.choices or {}, " ") .. ")" })[argument.type] or " "
    return (":%s:%s"):format(label, action)
end

local function zsh_specification(option, name)
    local values = {}
    for i, argument in ipairs(option.arguments) do values[i] = zsh_value(argument) end
    return ("    '%s%s[%s]%s' \\"):format(option.list and "*" or "", (name:gsub("=", "\\=")),
        zsh_escaped(option.en), table.concat(values))
end

function completions.zsh()
    local lines = { "#compdef getscu", "# made by docs/generate.lua", "", "_arguments \\" }
    for _, option in ipairs(ready()) do
        for _, name in ipairs(names_of(option)) do
            lines[#lines + 1] = zsh_specification(option, name)
        end
    end
    lines[#lines + 1] = "    ':peer:_hosts' ':port: ' '*:query file:_files'"
    return table.concat(lines, "\n") .. "\n"
end

-- ---- fish ----

local function fish_quoted(text)
    return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

local function fish_value(argument)
    if not argument then return "" end
    if argument.type == "file" then return " -r -F" end
    if argument.type == "directory" then return " -x -a '(__fish_complete_directories)'" end
    if argument.type == "choice" then
        return " -x -a " .. fish_quoted(table.concat(argument.choices, " "))
    end
    return " -x"
end

-- Names with a plus are words to fish, and are offered where one has been begun.
function completions.fish()
    local lines = { "# fish completion for getscu, made by docs/generate.lua" }
    for _, option in ipairs(ready()) do
        local text, value = fish_quoted(option.en), fish_value(option.arguments[1])
        local short, long = option.short, option.long:sub(3)
        if short and short:sub(1, 1) == "+" then
            lines[#lines + 1] = ("complete -c getscu -n 'string match -q -- \"+*\" "
                .. "(commandline -ct)' -a %s -d %s"):format(fish_quoted(short), text)
        elseif short then
            local flag = #short == 2 and "-s" or "-o"
            lines[#lines + 1] = ("complete -c getscu %s %s%s -d %s"):format(flag,
                fish_quoted(short:sub(2)), value, text)
        end
        lines[#lines + 1] = ("complete -c getscu -l %s%s -d %s"):format(long, value, text)
    end
    return table.concat(lines, "\n") .. "\n"
end

return completions

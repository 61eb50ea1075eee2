--- chapters: the parts of the Markdown documents that come from the tables of the code.
--
-- Such a part stands between `<!-- generated: NAME -->` and `<!-- end -->`.

local help = require "getscu.help"
local options = require "getscu.options"

local chapters = {}

local words = {
    en = { option = "option", parameter = "parameter", not_ready = "*Not available yet.*",
        conflicts = "Cannot stand beside %s.", requires = "Needs %s.", joint = ", ",
        class = "SOP class", syntax = "transfer syntax" },
    ja = { option = "オプション", parameter = "引数", not_ready = "*まだ使えません。*",
        conflicts = "%s とは併用できません。", requires = "%s が必要です。", joint = "、" },
}

local function code(text)
    return "`" .. text:gsub("|", "\\|") .. "`"
end

local function code_list(names, joint)
    local list = {}
    for i, name in ipairs(names) do list[i] = code(name) end
    return table.concat(list, joint)
end

-- A sentence, of words of the help text.
local function sentence(text, language)
    if language == "ja" then return text .. "。" end
    return text:sub(1, 1):upper() .. text:sub(2) .. "."
end

local function option_row(option, language)
    local its = words[language]
    local name = (option.short and code(option.short) .. ", " or "")
        .. code(option.long .. help.arguments(option))
    local parts = { sentence(help.text(option, language), language) }
    if option.conflicts then
        parts[#parts + 1] = its.conflicts:format(code_list(option.conflicts, its.joint))
    end
    if option.requires then parts[#parts + 1] = its.requires:format(code(option.requires)) end
    if not option.ready then parts[#parts + 1] = its.not_ready end
    return ("| %s | %s |"):format(name, table.concat(parts, language == "ja" and "" or " "))
end

local function title(text)
    return text:sub(1, 1):upper() .. text:sub(2)
end

local function option_chapter(language)
    local lines = {}
    for _, section in ipairs(options.sections) do
        lines[#lines + 1] = "\n### " .. title(section[language])
        for _, group in ipairs(section) do
            if group.name ~= "" then
                lines[#lines + 1] = ("\n**%s**"):format(title(group[language]))
            end
            lines[#lines + 1] = ("\n| %s | |\n|---|---|"):format(words[language].option)
            for _, option in ipairs(group) do
                lines[#lines + 1] = option_row(option, language)
            end
        end
    end
    return table.concat(lines, "\n") .. "\n"
end

local function parameter_chapter(language)
    local lines = { ("\n| %s | |\n|---|---|"):format(words[language].parameter) }
    for _, parameter in ipairs(options.parameters) do
        lines[#lines + 1] = ("| %s | %s |"):format(code(parameter.name),
            sentence(parameter[language], language))
    end
    return table.concat(lines, "\n") .. "\n"
end

local function uid_table(what, rows, language)
    local lines = { ("\n| %s | UID |\n|---|---|"):format(words[language][what]) }
    for _, row in ipairs(rows) do
        lines[#lines + 1] = ("| %s | %s |"):format(row.name, row.uid)
    end
    return table.concat(lines, "\n") .. "\n"
end

-- A table of the SOP classes for which `wanted` is true, in the order of the code.
local function class_chapter(wanted)
    return function(language)
        local rows = {}
        for _, row in ipairs(require("getscu.core").uids()) do
            if wanted(row) then rows[#rows + 1] = row end
        end
        return uid_table("class", rows, language)
    end
end

-- Names of transfer syntaxes that are not in the table of the core: the manual has them not.
local names = {
    ["1.2.840.10008.1.2.4.57"] = "JPEGProcess14TransferSyntax",
    ["1.2.840.10008.1.2.4.92"] = "JPEG2000Part2MulticomponentLosslessOnlyTransferSyntax",
    ["1.2.840.10008.1.2.4.93"] = "JPEG2000Part2MulticomponentTransferSyntax",
    ["1.2.840.10008.1.2.4.201"] = "HighThroughputJPEG2000LosslessOnlyTransferSyntax",
    ["1.2.840.10008.1.2.4.202"] = "HighThroughputJPEG2000RPCLLosslessOnlyTransferSyntax",
    ["1.2.840.10008.1.2.4.203"] = "HighThroughputJPEG2000TransferSyntax",
}

local function syntax_chapter(list)
    return function(language)
        local known, rows = setmetatable({}, { __index = names }), {}
        for _, row in ipairs(require("getscu.core").uids()) do known[row.uid] = row.name end
        for i, uid in ipairs(require("getscu.syntaxes")[list]) do
            rows[i] = { uid = uid, name = assert(known[uid], uid) }
        end
        return uid_table("syntax", rows, language)
    end
end

-- The SOP classes of C-GET that -P, -S and -O ask for.
local function is_retrieval(row)
    local models = require("getscu.dimse").models
    for _, option in ipairs(options.list) do
        if option.field == "model" and option.value and models[option.value].get == row.uid then
            return true
        end
    end
end

-- The stable codes of errors, by exit code.
local function error_chapter()
    local codes = require("getscu.errors").codes
    local sorted = {}
    for name in pairs(codes) do sorted[#sorted + 1] = name end
    table.sort(sorted, function(a, b)
        local first, second = codes[a].exit, codes[b].exit
        return first < second or first == second and a < b
    end)
    local lines = { "\n| code | exit | when |\n|---|---|---|" }
    for _, name in ipairs(sorted) do
        lines[#lines + 1] = ("| `%s` | %d | %s |"):format(name, codes[name].exit, codes[name].when)
    end
    return table.concat(lines, "\n") .. "\n"
end

local generators = {
    ["error codes"] = error_chapter,
    options = option_chapter,
    parameters = parameter_chapter,
    ["get classes"] = class_chapter(is_retrieval),
    ["storage classes"] = class_chapter(function(row) return row.kind == "storage" end),
    ["uncompressed syntaxes"] = syntax_chapter "UNCOMPRESSED",
    ["compressed syntaxes"] = syntax_chapter "COMPRESSED",
}

--- A document with its generated parts made anew.
-- @param text string, Markdown
-- @param language "en" or "ja"
-- @return string
function chapters.fill(text, language)
    return (text:gsub("(<!%-%- generated: ([%w ]-) %-%->\n)(.-)(<!%-%- end %-%->)",
        function(start, name, _, stop)
            local generate = generators[name] or error("nothing generates '" .. name .. "'")
            return start .. generate(language) .. "\n" .. stop
        end))
end

return chapters

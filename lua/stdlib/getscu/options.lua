--- options: the one table of the command line's options and parameters.
--
-- Parser, help text, manual page, completions and the manual's chapter are made from it. Its rows
-- are in options/, a file for a section. A row is
--
--     { short or false, long, field =, value =, en =, ja =, ... }
--
-- and means: this option sets `settings[field]` to `value`, or to its argument where it has one.
-- Options that set the same field exclude one another, and the rightmost wins. Other keys of a row:
--
--   arguments   list of { name =, type =, min =, max =, choices =, secret = }; types:
--               commandline.types. An argument with a `field` of its own sets that field, beside
--               `value`; one that is secret is not shown by --arguments
--   list        the option may be repeated; the field is a list, in the order given
--   default     true: `value` is what holds when no option sets the field; else the field's value
--   implies     fields that it sets besides
--   conflicts   long names that it cannot stand beside
--   requires    long name of an option that must be there too
--   leads       it is an option only as the first word (getscu.program looks for it)
--   ready       the program does it; without, it is answered with "is not available yet"
--   en, ja      help in English and in Japanese
--
-- A script's options are rows of the same kind; for a boolean, one row sets true and one (`--no-x`)
-- sets false.

local errors = require "getscu.errors"
local parameters = require "getscu.options.parameters"

local sections = {}
for i, name in ipairs { "general", "network", "tls", "output", "own" } do
    sections[i] = require("getscu.options." .. name)
end

-- Adds the rows to a list of options, each with its names, section and group.
local function flatten(some, list)
    for _, section in ipairs(some) do
        for _, group in ipairs(section) do
            for _, option in ipairs(group) do
                option.short, option.long = option[1] or nil, option[2]
                option.section, option.group = section.name, group.name
                option.arguments = option.arguments or {}
                list[#list + 1] = option
            end
        end
    end
    return list
end

local options = {
    program = "getscu",
    summary = { en = "retrieve DICOM objects with C-GET", ja = "C-GET で DICOM オブジェクトを取得" },
    sections = sections, -- sections of groups of options, in the manual's order, then our own
    list = flatten(sections, {}), -- the same options in one list
    parameters = parameters,
    prepare = parameters.prepare,
    check = parameters.check,
}

-- Who has a name already, as it is told.
local function owners(list)
    local by_name = {}
    for _, option in ipairs(list) do
        for _, name in ipairs { option.long, option.short or nil } do
            by_name[name] = option.owner or "getscu"
        end
    end
    return by_name
end

--- The same table with the options of scripts besides, each script's in a section of its own.
-- @param scripts list of getscu.script
-- @return table like this one | nil, err: two options have the same name
function options.with_scripts(scripts)
    local list = table.move(options.list, 1, #options.list, 1, {})
    local all = table.move(sections, 1, #sections, 1, {})
    for _, script in ipairs(scripts) do
        local taken = owners(list)
        local title = script.manifest.summary and (": " .. script.manifest.summary) or ""
        local section = { name = script.name, en = script.name .. title, ja = script.name .. title }
        for _, row in ipairs(script.rows) do
            local other = taken[row[2]]
            if other then
                local where = row.line and ("%s:%d"):format(script.path, row.line) or script.path
                return nil, errors.new { code = "script-load", file = script.path, line = row.line,
                    message = ("%s: option '%s' is one of %s already; give it another name")
                        :format(where, row[2]:sub(3), other) }
            end
            row.owner = script.name
        end
        section[1] = table.move(script.rows, 1, #script.rows, 1, { name = "", en = "", ja = "" })
        flatten({ section }, list)
        all[#all + 1] = section
    end
    return setmetatable({ sections = all, list = list }, { __index = options })
end

return options

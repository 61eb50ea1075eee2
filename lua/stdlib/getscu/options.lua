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

local parameters = require "getscu.options.parameters"

local sections = {}
for i, name in ipairs { "general", "network", "tls", "output", "own" } do
    sections[i] = require("getscu.options." .. name)
end

-- The rows as one list of options, each with its names, section and group.
local function flatten()
    local list = {}
    for _, section in ipairs(sections) do
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

return {
    program = "getscu",
    summary = { en = "retrieve DICOM objects with C-GET", ja = "C-GET で DICOM オブジェクトを取得" },
    sections = sections, -- sections of groups of options, in the manual's order, then our own
    list = flatten(), -- the same options in one list
    parameters = parameters,
    prepare = parameters.prepare,
    check = parameters.check,
}

--- chosen: storage contexts chosen by hand, as --sop-class and --store-tc write them.

local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local suggest = require "getscu.suggest"
local syntaxes = require "getscu.syntaxes"

local chosen = {}

local function fail(message, ...)
    error(errors.new { code = "command-line", message = message:format(...) }, 0)
end

-- The UID that a word means: a UID, or a name of the table for this kind of thing.
local function uid_of(word, what, names)
    if word:find "^[0-9.]+$" and #word <= 64 then return word end
    if names[word] then return names[word] end
    local list = {}
    for name in pairs(names) do list[#list + 1] = name end
    fail("'%s' is no %s%s", word, what, suggest.hint(word, list))
end

local function classes_of(text)
    local classes = {}
    for word in text:gmatch "[^,%s]+" do
        classes[#classes + 1] = uid_of(word, "SOP class", dimse.names_of "storage")
    end
    return classes
end

-- A list on the command line, or a file with one to a line and comments behind '#'.
local function read_list(text)
    local file = io.open(text, "r")
    if not file then return classes_of(text) end
    local words = {}
    for line in file:lines() do words[#words + 1] = line:gsub("#.*", "") end
    file:close()
    return classes_of(table.concat(words, "\n"))
end

-- CLASS[,...]:TS[,TS...][;TS...]; each part between semicolons is a context of its own.
local function read_contexts(entries, text)
    local classes, lists = text:match "^([^:]+):(.+)$"
    if not classes then fail("'%s' is not of the form CLASS[,...]:TS[,...][;TS...]", text) end
    for _, class in ipairs(classes_of(classes)) do
        for part in lists:gmatch "[^;]+" do
            local list = {}
            for word in part:gmatch "[^,%s]+" do
                list[#list + 1] = uid_of(word, "transfer syntax",
                    dimse.names_of "transfer syntax")
            end
            entries[#entries + 1] = { abstract_syntax = class, role = "scp",
                transfer_syntaxes = list }
        end
    end
end

local function by_class(entries)
    local order, lists = {}, {}
    for _, entry in ipairs(entries) do
        local class = entry.abstract_syntax
        if not lists[class] then
            lists[class] = {}
            order[#order + 1] = class
        end
        table.insert(lists[class], entry)
    end
    local sorted = {}
    for _, class in ipairs(order) do
        table.move(lists[class], 1, #lists[class], #sorted + 1, sorted)
    end
    return sorted
end

--- The storage contexts of the options.
-- @param sop_classes list of strings: SOP classes, separated by commas, or a file that lists them
-- @param store_tc list of strings: CLASS[,...]:TS[,TS...][;TS...]
-- @param prefer name of the transfer syntax preferred for the former (getscu.syntaxes)
-- @return list of contexts as of getscu.contexts, those of one class together; nil: nothing chosen
--   | nil, err
function chosen.contexts(sop_classes, store_tc, prefer)
    if #sop_classes == 0 and #store_tc == 0 then return nil end
    local entries = {}
    local done, err = pcall(function()
        for _, text in ipairs(store_tc) do read_contexts(entries, text) end
        local named = {}
        for _, entry in ipairs(entries) do named[entry.abstract_syntax] = true end
        for _, text in ipairs(sop_classes) do
            for _, class in ipairs(read_list(text)) do
                if not named[class] then
                    entries[#entries + 1] = { abstract_syntax = class, role = "scp",
                        transfer_syntaxes = syntaxes.preferred(prefer) }
                end
                named[class] = true
            end
        end
    end)
    if done then return by_class(entries) end
    if errors.is(err) then return nil, err end
    error(err, 0)
end

return chosen

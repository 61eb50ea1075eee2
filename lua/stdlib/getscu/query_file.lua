--- query_file: queries from a file, whatever it is: told by its content, not by its name.
--
--   DICOM, with or without file meta information         one query
--   text as dump2dcm reads it (getscu.dump)              one query
--   DICOM JSON (getscu.dicom_json)                       one query, or an array of them
--   a list: one UID to a line, '#' begins a comment      see below
--
-- The UIDs of a list are of the level that is asked for, STUDY where none is; at level PATIENT they
-- are Patient IDs, and only whole lines are comments. At the levels PATIENT and STUDY each is a
-- query of its own, so that each has its own outcome, and one that fails does not take others with
-- it. At the levels SERIES and IMAGE, where the study (and series) comes from a key that all share,
-- they are asked for by UID list matching, LIST_MAX in a query. What is there twice is asked for
-- once.

local core = require "getscu.core"
local dataset = require "getscu.dataset"
local dicom_json = require "getscu.dicom_json"
local dimse = require "getscu.dimse"
local dump = require "getscu.dump"
local errors = require "getscu.errors"

local query_file = {}

local SNIFFED = 4096 -- bytes that tell what a file is
local TEXT_MAX = 64 << 20 -- bytes
local LIST_MAX = 100 -- UIDs in one query: 6,500 bytes at most
local UID_MAX = 64 -- characters

local UNIQUE_KEYS = dimse.UNIQUE_KEYS
local TOGETHER = { SERIES = true, IMAGE = true } -- levels whose UIDs share a query

local function failure(path, message)
    local name = path == "-" and "standard input" or path
    return nil, errors.new { code = "query-file", path = path,
        message = ("%s: %s"):format(name, message) }
end

-- ---- lists ----

local function item_of(line, level)
    line = line:gsub("^%s*#.*$", "")
    if level ~= "PATIENT" then line = line:gsub("#.*$", "") end
    return line:match "^%s*(.-)%s*$"
end

local function is_uid(text)
    return #text <= UID_MAX and text:find "^%d[%d.]*$" ~= nil
end

-- The different values of a list, in their order | nil, message.
local function read_items(text, level)
    local items, known, number = {}, {}, 0
    for line in (text:gsub("\r\n?", "\n") .. "\n"):gmatch "([^\n]*)\n" do
        number = number + 1
        local item = item_of(line, level)
        if item ~= "" and level ~= "PATIENT" and not is_uid(item) then
            return nil, ("line %d: '%s' is no UID"):format(number, item:sub(1, UID_MAX))
        end
        if item ~= "" and not known[item] then
            known[item] = true
            items[#items + 1] = item
        end
    end
    return items
end

local function add_query(queries, names, level, items)
    queries[#queries + 1] = dataset.new { QueryRetrieveLevel = level,
        [UNIQUE_KEYS[level]] = table.concat(items, "\\") }
    names[#names + 1] = items[2] and ("%s and %d more"):format(items[1], #items - 1) or items[1]
end

local function read_list(text, level)
    level = level or "STUDY"
    if not UNIQUE_KEYS[level] then
        return nil, ("a list of UIDs needs a level that has them, not '%s'"):format(level)
    end
    if not utf8.len(text) then return nil, "the list is not UTF-8" end
    local items, message = read_items(text, level)
    if not items then return nil, message end
    local queries, names = {}, {}
    local step = TOGETHER[level] and LIST_MAX or 1
    for i = 1, #items, step do
        add_query(queries, names, level, { table.unpack(items, i, math.min(i + step - 1, #items)) })
    end
    return queries, names, UNIQUE_KEYS[level]
end

-- ---- the other kinds ----

local function read_dicom(_, _, path)
    if path == "-" then return nil, "DICOM is read from a file only; give its path" end
    local read, err = core.dataset.read(path)
    if not read then return nil, (err.message:gsub("^" .. path:gsub("%p", "%%%0") .. ": ", "")) end
    return { dataset.wrap(read) }
end

local function read_dump(text)
    local ds, err = dump.decode(text)
    if not ds then return nil, err.message end
    return { ds }
end

local function read_json(text)
    local list, err = dicom_json.decode(text)
    if not list then return nil, err.message end
    return list
end

-- What the beginning of a file says that it is.
local function reader_for(head)
    if head:find("DICM", 129, true) == 129 or head:find "[\0-\8\14-\26\28-\31]" then
        return read_dicom
    end
    head = head:gsub("^\u{FEFF}", "")
    for line in (head .. "\n"):gmatch "([^\n]*)\n" do
        if line:find "^%s*[{%[]" then return read_json end
        if line:find "^%s*%(%s*%x%x%x%x%s*,%s*%x%x%x%x%s*%)" then return read_dump end
        if line:find "^%s*[^#%s]" then return read_list end
    end
    return read_list
end

-- ---- files ----

local function read_file(file)
    local head, err = file:read(SNIFFED)
    if err then return nil, err end
    head = head or ""
    local reader = reader_for(head)
    if reader == read_dicom then return head, reader end
    local rest
    rest, err = file:read(TEXT_MAX)
    if err then return nil, err end
    if rest and #rest == TEXT_MAX then return nil, "the text is too long" end
    return head .. (rest or ""), reader
end

local function open(path)
    if path == "-" then return io.stdin end
    return io.open(path, "rb")
end

--- The queries of a file.
-- @param path "-" is standard input
-- @param level of the UIDs of a list: "PATIENT", "STUDY", "SERIES", "IMAGE"; nil is STUDY
-- @return list of data sets, list of their labels, and of a list the keyword of its UIDs | nil, err
function query_file.read(path, level)
    local file, message = open(path)
    -- "PATH: what happened"
    if not file then return failure(path, message:match "^.*: (.-)$" or message) end
    local text, reader = read_file(file)
    if path ~= "-" then file:close() end
    if not text then return failure(path, reader) end
    local queries, names, unique_key = reader(text:gsub("^\u{FEFF}", ""), level, path)
    if not queries then return failure(path, names) end
    if #queries == 0 then return failure(path, "there is no query in it") end
    local labels = {}
    for i in ipairs(queries) do
        labels[i] = #queries == 1 and not names and path
            or ("%s: %s"):format(path, names and names[i] or i)
    end
    return queries, labels, unique_key
end

return query_file

--- csv: comma-separated values (RFC 4180) in UTF-8, from and to files.
--
--     local out = csv.writer(io.stdout, { "PatientID", "StudyDate" })
--     out:row(assert(dataset.read "ct.dcm"))
--
--     for _, row in ipairs(assert(csv.read "list.csv")) do print(row.AccessionNumber) end

local dataset = require "getscu.dataset"
local errors = require "getscu.errors"

local csv = {}

local BYTE_ORDER_MARK = "\u{FEFF}"

-- ---- writing ----

local OPTIONS = { "separator", "header", "guard_formulas" }

local Writer = { __index = {}, __name = "getscu.csv.writer" }

local function check_separator(separator, level)
    if separator ~= nil and (type(separator) ~= "string" or #separator ~= 1
        or separator:find '["\r\n]') then
        error("a separator is one character, as ',' or ';'", level + 1)
    end
    return separator or ","
end

-- What a spreadsheet would run as a formula becomes text; numbers stay what they are.
local function guard(text)
    if text:find "^[=+@\t\r-]" and not tonumber(text) then return "'" .. text end
    return text
end

local function quote(text, separator)
    if text:find '["\r\n]' or text:find(separator, 1, true) or text:find "^ " or text:find " $" then
        return '"' .. text:gsub('"', '""') .. '"'
    end
    return text
end

local function to_text(value)
    if value == nil then return "" end
    if math.type(value) == "float" then return ("%.14g"):format(value) end
    return tostring(value)
end

local function write(writer, values, count)
    local fields = {}
    for i = 1, count do
        local text = to_text(values[i])
        if writer.guard_formulas then text = guard(text) end
        fields[i] = quote(text, writer.separator)
    end
    local written, problem = writer.file:write(table.concat(fields, writer.separator), "\r\n")
    if written then return true end
    return nil, errors.new { code = "report-write", message = "cannot write: " .. problem }
end

-- A column is a path, a title with a path, or a title with a function of the row.
local function to_column(column, level)
    if type(column) == "string" then return { title = column, path = column } end
    local title, source = column[1], column[2]
    if type(title) ~= "string" or type(source) ~= "string" and type(source) ~= "function" then
        error("a column is a name, or { title, path or function }", level + 1)
    end
    return { title = title, path = source, compute = type(source) == "function" and source or nil }
end

--- A writer of rows.
-- @param file that is open for writing; it stays the caller's
-- @param columns list: an attribute (keyword, tag or path), { title, attribute }, or
--   { title, function(row) -> value }
-- @param options table or nil: separator (","); header (true: the titles are the first row);
--   guard_formulas (false; true: a text that begins with =, +, - or @ gets a ' in front, since
--   spreadsheets would run it)
-- @return writer | nil, err: the header cannot be written
function csv.writer(file, columns, options)
    options = options or {}
    errors.check_fields(options, OPTIONS, "csv.writer")
    local writer = setmetatable({ file = file, columns = {},
        separator = check_separator(options.separator, 2),
        guard_formulas = options.guard_formulas }, Writer)
    local titles = {}
    for i, column in ipairs(columns) do
        writer.columns[i] = to_column(column, 2)
        titles[i] = writer.columns[i].title
    end
    if options.header == false then return writer end
    local written, err = write(writer, titles, #titles)
    return written and writer, err
end

local function value_of(row, column, at)
    if column.compute then return column.compute(row) end
    if dataset.is(row) then
        local value = row:get(column.path) -- an invalid text is shown as far as it can be read
        return type(value) == "table" and #value or value
    end
    if row[column.path] ~= nil then return row[column.path] end
    return row[at]
end

--- Writes a row.
-- @param row data set; table by what the columns are named; or list of values. Of a sequence the
--   number of items is written, of what is absent nothing
-- @return true | nil, err
function Writer.__index:row(row)
    local values = {}
    for i, column in ipairs(self.columns) do values[i] = value_of(row, column, i) end
    return write(self, values, #self.columns)
end

-- ---- reading ----

-- Ends the reading.
local function fail(line, what)
    error(errors.new { code = "bad-csv", message = ("line %d: %s"):format(line, what) }, 0)
end

local function count_lines(text)
    local _, count = text:gsub("\n", "")
    return count
end

-- A quoted field, whose quote stands at `at`: its text, and where what follows it begins.
local function read_quoted(text, at, line)
    local parts, from = {}, at + 1
    while true do
        local quoted = text:find('"', from, true)
        if not quoted then fail(line, "a quote is not closed") end
        parts[#parts + 1] = text:sub(from, quoted - 1)
        from = quoted + 1
        if text:sub(from, from) ~= '"' then return table.concat(parts), from end
        parts[#parts + 1] = '"'
        from = from + 1
    end
end

-- A field that begins at `at`: its text, where its end is, and how many lines it spans.
local function read_field(text, at, line, pattern)
    if text:sub(at, at) ~= '"' then
        local stop = text:find(pattern, at) or #text + 1
        return text:sub(at, stop - 1), stop, 0
    end
    local field, stop = read_quoted(text, at, line)
    if stop <= #text and not text:find("^" .. pattern, stop) then
        fail(line, "there is something behind a closing quote")
    end
    return field, stop, count_lines(field)
end

-- Calls `take(fields, line)` for each record that is not empty.
local function each_record(text, separator, take)
    local pattern = ("[%%%s\r\n]"):format(separator)
    local at, line = 1, 1
    while at <= #text do
        local fields, first = {}, line
        repeat
            local field, stop, spanned = read_field(text, at, line, pattern)
            fields[#fields + 1] = field
            at, line = stop, line + spanned
            local more = text:sub(at, at) == separator
            if more then at = at + 1 end
        until not more
        at = text:match("^\r?\n?()", at)
        line = line + 1
        if #fields > 1 or fields[1] ~= "" then take(fields, first) end
    end
end

local function decode(text, separator, header)
    if not utf8.len(text) then
        fail(1 + count_lines(text:sub(1, select(2, utf8.len(text)))), "the text is not UTF-8")
    end
    if text:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK then
        text = text:sub(#BYTE_ORDER_MARK + 1)
    end
    local rows, titles = {}, nil
    if not header then titles = {} end
    each_record(text, separator, function(fields, line)
        if not titles then
            titles = fields
        elseif header and #fields > #titles then
            fail(line, ("%d fields, but %d columns"):format(#fields, #titles))
        else
            for i, title in ipairs(titles) do fields[title] = fields[i] end
            rows[#rows + 1] = fields
        end
    end)
    return rows, titles
end

--- The rows of a text; empty lines are passed over.
-- @param options table or nil: separator (","); header (true: the first row names the columns)
-- @return list of rows, each a list of texts that has them by the names of the columns, too; list
--   of the names | nil, err
function csv.decode(text, options)
    options = options or {}
    errors.check_fields(options, { "separator", "header" }, "csv.decode")
    local separator = check_separator(options.separator, 2)
    local decoded, rows, titles = pcall(decode, text, separator, options.header ~= false)
    if decoded then return rows, titles or {} end
    if not errors.is(rows) then error(rows, 0) end
    return nil, rows
end

--- The rows of a file, as decode() gives them.
-- @param path string; "-" is standard input
-- @return list of rows, list of names | nil, err
function csv.read(path, options)
    local file, problem = io.stdin, nil
    if path ~= "-" then file, problem = io.open(path, "rb") end
    local text
    if file then text, problem = file:read "a" end
    if file and path ~= "-" then file:close() end
    if not text then
        return nil, errors.new { code = "read-failed", message = "cannot read " .. problem }
    end
    local rows, titles = csv.decode(text, options)
    if rows then return rows, titles end
    titles.message = ("%s, %s"):format(path, titles.message)
    return nil, titles
end

return csv

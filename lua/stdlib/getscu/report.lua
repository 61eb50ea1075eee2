--- report: a JSON object a line for each C-GET and for each object, while they come.
--
--     {"type":"object","event":"stored","request":1,"sop_instance_uid":"1.2.3", ...}
--     {"type":"request","event":"answered","request":1, ... "status":0,"completed":300}
--     {"type":"error","code":"connect-refused", ...}
--
-- Events of objects are those of getscu.outcome; those of requests are "answered" and "lost".
-- An observer of getscu.outcome. What cannot be written ends the report, not the retrieval: the
-- error is logged once, and returned by rest().

local account = require "getscu.account"
local core = require "getscu.core"
local errors = require "getscu.errors"
local json = require "getscu.json"
local log = require "getscu.log"

local report = {}

local Report = { __index = {}, __name = "getscu.report" }

local BUFFER = 65536 -- bytes
local FLUSH = 1 -- seconds after which lines that wait are written

-- The fields of a line, in their order.
local FIELDS = { "type", "event", "request", "label", "sop_instance_uid", "sop_class_uid",
    "transfer_syntax_uid", "query", "status", "comment", "code", "reason", "path", "bytes",
    "seconds", "stored", "duplicates", "discarded", "refused", "completed", "failed", "warning",
    "remaining" }
-- Keys of a query that say what was asked for.
local KEYS = { "QueryRetrieveLevel", "PatientID", "StudyInstanceUID", "SeriesInstanceUID",
    "SOPInstanceUID" }
-- Of a final response, and of our own tally.
local RESPONSE = { "status", "comment", "completed", "failed", "warning", "remaining" }
local TALLY = { "stored", "duplicates", "discarded", "refused", "bytes" }

local function unwritable(path, message)
    local name = path == "-" and "standard output" or path
    return errors.new { code = "report-write", path = path,
        message = ("cannot write the report to %s: %s"):format(name, message) }
end

--- A report that is written from now on.
-- @param path of a file, which is replaced; "-" is standard output
-- @param directory where the objects go, for their paths
-- @return report | nil, err
function report.new(path, directory)
    local file, message = io.stdout, "closed"
    if path ~= "-" then file, message = io.open(path, "w") end
    if not file then return nil, unwritable(path, (message:gsub("^.*: ", ""))) end
    file:setvbuf("full", BUFFER)
    directory = directory or "."
    local prefix = directory == "." and "" or directory:gsub("/*$", "") .. "/"
    return setmetatable({ file = file, path = path, prefix = prefix, numbers = {}, count = 0,
        flushed = core.clock() }, Report)
end

local function check(self, written, message)
    if written or self.err then return end
    self.err = unwritable(self.path, message)
    log.error("%s", self.err.message)
end

--- Writes what waits.
function Report.__index:flush()
    if self.err then return end
    self.flushed = core.clock()
    check(self, self.file:flush())
end

-- One value as JSON; nearly all of them are UIDs and numbers, which need no care.
local function encoded(value)
    if math.type(value) == "integer" then return value end
    if type(value) == "string" and not value:find "[^%w. _/-]" then return '"' .. value .. '"' end
    return json.encode(value)
end

local function write(self, line)
    if self.err then return end
    local parts = {}
    for _, name in ipairs(FIELDS) do
        local value = line[name]
        if value ~= nil then parts[#parts + 1] = '"' .. name .. '":' .. encoded(value) end
    end
    check(self, self.file:write("{", table.concat(parts, ","), "}\n"))
    if core.clock() - self.flushed >= FLUSH then self:flush() end
end

local function rounded(seconds)
    return seconds and math.floor(seconds * 1e6 + 0.5) / 1e6
end

-- Requests are numbered in the order in which they were sent.
local function number_of(self, request)
    if not self.numbers[request] then
        self.count = self.count + 1
        self.numbers[request] = self.count
    end
    return self.numbers[request]
end

function Report.__index:on_begin(request)
    number_of(self, request)
end

function Report.__index:on_object(request, event, object, reason)
    local context, file = object.context, object.file
    if file and file.kept then reason = "a file of that name was there" end
    write(self, {
        type = "object",
        event = event,
        request = number_of(self, request),
        sop_instance_uid = object.uid,
        sop_class_uid = object.sop_class,
        transfer_syntax_uid = context and context.transfer_syntax,
        status = object.status,
        path = file and self.prefix .. file.name,
        bytes = object.bytes,
        seconds = rounded(object.seconds),
        reason = reason,
    })
end

local function query_of(request)
    if not request.identifier then return nil end
    local query = {}
    for _, key in ipairs(KEYS) do query[key] = request.identifier:get(key) end
    return query
end

function Report.__index:on_end(request)
    local line = {
        type = "request",
        event = request.err and "lost" or "answered",
        request = number_of(self, request),
        label = request.label,
        sop_class_uid = request.sop_class,
        query = query_of(request),
        seconds = rounded(request:seconds()),
    }
    for _, field in ipairs(TALLY) do line[field] = request[field] end
    for _, field in ipairs(RESPONSE) do line[field] = (request.response or {})[field] end
    if request.err then line.code = request.err.code end
    line.reason = account.reason(request)
    write(self, line)
    self:flush()
end

--- What ended an association or the run, without a C-GET of its own.
function Report.__index:on_error(err)
    write(self, { type = "error", code = err.code, reason = err.message })
end

--- A run is over: all of it is to be written.
-- @return true | nil, err: it is not
function Report.__index:rest()
    self:flush()
    if self.err then return nil, self.err end
    return true
end

return report

--- torture: a retrieval in which a call fails, and what may be left of it then.
--
-- tests/torture/faults.c counts the calls that can fail, and fails one; here is which errors fit
-- which call, and what must hold whatever failed. What is right is known from the objects that are
-- sent, and not from another run.

local certificates = require "certificates"
local core = require "getscu.core"
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local secured = require "secured"
local support = require "support"
local wire = require "wire"

local torture = {}

local CT, EXPLICIT_LITTLE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
local DEFLATED = "1.2.840.10008.1.2.1.99"
local SIZES = { 512, 3000, 70000, 300000 } -- the larger ones are written as they come

--- The calls as faults.c counts them, and the errors that each can have.
torture.calls = {
    { name = "memory", errors = { "ENOMEM" } },
    { name = "read", errors = { "EINTR", "EIO", "SHORT" } },
    { name = "write", errors = { "EINTR", "EIO", "ENOSPC", "SHORT" } },
    { name = "writev", errors = { "EINTR", "EIO", "ENOSPC", "SHORT" } },
    { name = "send", errors = { "EINTR", "EAGAIN", "ECONNRESET", "EPIPE", "SHORT" } },
    { name = "recv", errors = { "EINTR", "EAGAIN", "ECONNRESET", "SHORT" } },
    { name = "open", errors = { "EINTR", "EIO", "ENOSPC", "EMFILE" } },
    { name = "close", errors = { "EINTR", "EIO", "ENOSPC" } },
    { name = "rename", errors = { "EIO", "ENOSPC" } },
    { name = "fsync", errors = { "EIO", "ENOSPC" } },
    { name = "mkdir", errors = { "EIO", "ENOSPC" } },
    { name = "poll", errors = { "EINTR", "ENOMEM" } },
    { name = "socket", errors = { "EIO", "EMFILE" } },
}
-- What a program answers by trying again, so that it cannot last.
local endless = { EINTR = true, EAGAIN = true }
-- What nobody may notice, and in which calls; of close() it is not true, since nobody knows what a
-- file has whose closing was interrupted.
local invisible = { EINTR = true, EAGAIN = true, SHORT = true }
local retried = { read = true, write = true, writev = true, send = true, recv = true, poll = true }

local DEFAULT_NAME = "CT.1.2.3.4.%d"
local EDIT = [[return { edit = function(object) object.PatientID = "EDITED" end }]]

--- Command lines that differ in which calls they make, and how the n-th object is named then.
torture.variants = {
    { name = "held in memory", options = {}, file = DEFAULT_NAME },
    { name = "written as they come", options = { "+B" }, file = "1.2.3.4.%d" },
    { name = "brought to the disk one by one", options = { "--sync", "each" },
        file = DEFAULT_NAME },
    { name = "named by their headers", file = "P/1.2.3/%03d.dcm", options = { "--filename",
        "{PatientID}/{StudyInstanceUID}/{InstanceNumber:03d}.dcm" } },
    { name = "edited by a script and reported", options = {}, file = DEFAULT_NAME,
        script = EDIT, patient = "EDITED" },
    { name = "received over TLS", options = {}, file = DEFAULT_NAME, tls = true },
    { name = "deflated", options = { "+xd" }, file = DEFAULT_NAME, syntax = DEFLATED },
}

local SIGKILL = 9
local PATIENCE = 60 -- seconds: a run that has not ended by then hangs, and not only is slow

local Victim = { __index = {} }

-- Writes the objects; returns what they are: UID, transfer syntax and the bytes of the data set.
local function write_objects(directory, patient, syntax)
    local objects = {}
    for i, size in ipairs(SIZES) do
        local path, uid = ("%s/%d"):format(directory, i), "1.2.3.4." .. i
        local object = dataset.new { SOPClassUID = CT, SOPInstanceUID = uid,
            StudyInstanceUID = "1.2.3", SeriesInstanceUID = "1.2.3.4", PatientID = patient,
            InstanceNumber = tostring(i) }
        object:set("7FE0,0010", ("\1\2"):rep(size // 2))
        assert(object:write(path, syntax))
        local data = assert(wire.part10(path))
        if #data % 2 == 1 then data = data .. "\0" end -- deflated: PS3.5 A.5
        objects[i] = { uid = uid, data = data, syntax = syntax }
    end
    return objects
end

--- What is tortured: an archive, and a retrieval from it that is as it should be.
function torture.new(box)
    math.randomseed(os.time()) -- samples differ from run to run
    local self = setmetatable({ box = box, preload = box:preload("faults") }, Victim)
    local directory = box:directory("objects")
    local sent = write_objects(directory, "P", EXPLICIT_LITTLE)
    self.server = box:archive(directory)
    self.script = box:file(EDIT, "edit.lua")
    local root = certificates.authority(box, "root")
    self.gateway = secured.gateway(box, self.server, root:issue { name = "server" })
    self.trust = { "+tla", "+cf", root.certificate }
    self.references = {}
    for _, variant in ipairs(torture.variants) do
        local objects = sent
        if variant.patient then
            objects = write_objects(box:directory("edited"), variant.patient, EXPLICIT_LITTLE)
        elseif variant.syntax then
            local other = box:directory("others")
            objects = write_objects(other, "P", variant.syntax)
            self.other = box:archive(other)
        end
        self.references[variant] = { objects = objects }
        local run = self:run(variant)
        local problem = run.code ~= 0 and "exit code " .. run.code or self:judge(variant, run)
        if problem then error(("%s: %s\n%s"):format(variant.name, problem, run.err)) end
        self.references[variant].counts = run.counts
    end
    return self
end

-- The files of a folder in which a run has worked, by their paths; those of its output directory
-- for themselves.
local function files_of(folder)
    local files, beside = {}, {}
    for _, name in ipairs(support.list(folder)) do
        local content, inner = support.read(folder .. "/" .. name), name:match "^out/(.+)$"
        if inner then files[inner] = content else beside[name] = content end
    end
    return files, beside
end

local function counts_of(path)
    local bytes, counts = support.read(path) or "", {}
    for i, call in ipairs(torture.calls) do
        counts[call.name] = #bytes >= 4 * i and ("I4"):unpack(bytes, 4 * i - 3) or 0
    end
    return counts
end

--- Where a variant retrieves from.
function Victim.__index:server_of(variant)
    return variant.tls and self.gateway or variant.syntax and self.other or self.server
end

--- Runs the program once.
-- @param fault CALL:N:TIMES:ERROR, or nil
-- @param meanwhile function(process), or nil; with it a server before the variant's own
-- @return table: fault; hung; code, err; files (name -> content) in the output directory; beside
--   (name -> content), those beside it; counts (call -> number)
function Victim.__index:run(variant, fault, meanwhile, server)
    local folder, counts = self.box:directory("run"), self.box:new_path("counts")
    local out, report = folder .. "/out", folder .. "/report"
    assert(core.system.mkdir(out))
    local environment = { self.preload, "FAULT_COUNTS=" .. counts }
    if fault then environment[3] = "FAULT=" .. fault end
    local more = variant.script and { "--script", self.script, "--report", report }
        or variant.tls and self.trust or {}
    local process = self.box:start(support.words(support.getscu, "-S", "-k",
        "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3",
        support.to(server or self:server_of(variant), variant.options, more, "-od", out)),
        { environment = environment })
    if meanwhile then meanwhile(process) end
    local run = { fault = fault, hung = not process:poll(PATIENCE) }
    process:stop()
    run.code, run.err = process.code, process:err()
    run.counts = counts_of(counts)
    run.files, run.beside = files_of(folder)
    os.execute(("rm -rf '%s' '%s' '%s.out' '%s.err'"):format(folder, counts, process.base,
        process.base))
    return run
end

-- What is wrong with a file under its final name, or nil.
local function file_problem(content, object)
    local done, data, meta = pcall(wire.part10_bytes, content)
    if not done or not data then return "is no whole DICOM file" end
    if data ~= object.data then return "has not the data set that was sent" end
    if meta[0x0002] ~= CT or meta[0x0003] ~= object.uid or meta[0x0010] ~= object.syntax then
        return "says to be something else"
    end
end

-- The exit codes that a retrieval can have: not that of a wrong command line, nor those by which
-- sanitizers tell what they found.
local exit_codes = { [0] = true }
for _, entry in pairs(errors.codes) do exit_codes[entry.exit] = true end
exit_codes[1] = nil

local function exit_problem(run, signal)
    if run.code >= 128 then
        return run.code ~= 128 + (signal or 0) and "it ended by signal " .. run.code - 128 or nil
    end
    if not exit_codes[run.code] then return "exit code " .. run.code end
    if run.code ~= 0 and run.err == "" then return "exit code " .. run.code .. " without a word" end
    local call, name = (run.fault or ""):match "^(%l+):.*:(%u+)$"
    if run.code ~= 0 and retried[call] and invisible[name] then
        return ("exit code %d, though nothing has failed"):format(run.code)
    end
end

-- What is wanted: name -> object. One whose header could not be read has its default name, and the
-- program says so.
local function named(variant, objects, err)
    local wanted = {}
    for i, object in ipairs(objects) do
        local unread = ("object %s has no header that can be read"):format(object.uid)
        local file = err:find(unread, 1, true) and DEFAULT_NAME or variant.file
        wanted[file:format(i)] = object
    end
    return wanted
end

-- Exit code 0 says that all of it is there.
local function success_problem(variant, run, wanted)
    for name, object in pairs(wanted) do
        if not run.files[name] then return "exit code 0 without " .. name end
        local line = ('"event":"stored"[^\n]*"%s"'):format(object.uid:gsub("%p", "%%%0"))
        if variant.script and not (run.beside.report or ""):find(line) then
            return "exit code 0, and nothing of it in the report: " .. object.uid
        end
    end
end

--- What is wrong with what a run has left, or nil.
-- @param signal number of the signal that was to end it, or nil; after SIGKILL temporary files stay
function Victim.__index:judge(variant, run, signal)
    local wanted = named(variant, self.references[variant].objects, run.err)
    if run.hung then return ("it did not end in %d s"):format(PATIENCE) end
    for name, content in pairs(run.files) do
        local is_left = signal == SIGKILL and name:find "^%.getscu%-%d+%-%x+%-%d+%.part$"
        if not is_left then
            if not wanted[name] then return "it left " .. name end
            local problem = file_problem(content, wanted[name])
            if problem then return name .. " " .. problem end
        end
    end
    for name in pairs(run.beside) do
        if name ~= "report" then return "it made something outside: " .. name end
    end
    return exit_problem(run, signal) or run.code == 0 and success_problem(variant, run, wanted)
        or nil
end

--- Faults of one call: each error, once and from there on, at these numbers of the call.
-- @param numbers function(count): an iterator over the numbers
-- @return list of faults as run() takes them
function Victim.__index:faults(variant, call, numbers)
    local list = {}
    for _, name in ipairs(call.errors) do
        for _, times in ipairs(endless[name] and { 1, 3 } or { 1, 0 }) do
            for n in numbers(self.references[variant].counts[call.name]) do
                list[#list + 1] = ("%s:%d:%d:%s"):format(call.name, n, times, name)
            end
        end
    end
    return list
end

--- Runs each fault; raises with all that went wrong. Each is told at once as well: the whole of
-- them takes hours, and what was found shall not be lost with the rest.
function Victim.__index:torture(variant, faults)
    local wrong, began = {}, core.clock()
    for _, fault in ipairs(faults) do
        local done, run = pcall(self.run, self, variant, fault)
        local problem = not done and tostring(run) or self:judge(variant, run)
        if problem then
            wrong[#wrong + 1] = ("FAULT=%s (%s): %s\n%s"):format(fault, variant.name, problem,
                done and run.err or "")
            io.stderr:write(wrong[#wrong], "\n")
        end
    end
    if #faults > 0 then
        support.measured("%d faults of %s, %s: %.0f s", #faults, faults[1]:match "%l+",
            variant.name, core.clock() - began)
    end
    if #wrong > 0 then error(table.concat(wrong, "\n"), 2) end
end

--- Numbers from 1 to a count, all of them or `most`, spread over all: each run takes others.
function torture.sample(most)
    return function(count)
        local i, step = 0, math.max(1, count / most)
        return function()
            i = i + 1
            local n = math.floor((i - 1) * step + math.random() * step) + 1
            if (i - 1) * step < count then return math.min(n, count) end
        end
    end
end

return torture

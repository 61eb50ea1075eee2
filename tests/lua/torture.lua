--- torture: a retrieval in which a call fails, and what may be left of it then.
--
-- tests/torture/faults.c counts the calls that can fail, and fails one; here is which errors fit
-- which call, and what must hold whatever failed.

local dataset = require "getscu.dataset"
local support = require "support"

local torture = {}

local CT, EXPLICIT_LITTLE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
local SIZES = { 512, 3000, 70000, 300000 } -- the larger ones are written as they come

--- The calls as faults.c counts them, and the errors that each can have. `endless`: an error that a
-- program may answer by trying again, so that it cannot last.
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
local endless = { EINTR = true, EAGAIN = true }

--- Command lines that differ in which calls they make.
torture.variants = {
    { name = "held in memory", options = {} },
    { name = "written as they come", options = { "+B" } },
    { name = "brought to the disk one by one", options = { "--sync", "each" } },
    { name = "named by their headers", options = { "--filename",
        "{PatientID}/{StudyInstanceUID}/{InstanceNumber:03d}.dcm" } },
}

local SIGKILL = 9
local PATIENCE = 20 -- seconds: a run that has not ended by then hangs

local Victim = { __index = {} }

local function objects(box)
    local directory = box:directory("objects")
    for i, size in ipairs(SIZES) do
        local object = dataset.new { SOPClassUID = CT, SOPInstanceUID = "1.2.3.4." .. i,
            StudyInstanceUID = "1.2.3", SeriesInstanceUID = "1.2.3.4", PatientID = "P",
            InstanceNumber = tostring(i) }
        object:set("7FE0,0010", ("\1\2"):rep(size // 2))
        assert(object:write(("%s/%d"):format(directory, i), EXPLICIT_LITTLE))
    end
    return directory
end

-- The library that must be loaded before any other, where the program has sanitizers.
local function preloaded(box)
    local library = support.build .. "/tests/faults.so"
    local runtime = box:tool { "ldd", support.getscu }:match "(/%S*libasan%S*)"
    return runtime and runtime .. " " .. library or library
end

--- What is tortured: an archive, and a retrieval from it that is as it should be.
function torture.new(box)
    local self = setmetatable({ box = box, server = box:archive(objects(box)) }, Victim)
    self.preload = preloaded(box)
    self.references = {}
    for _, variant in ipairs(torture.variants) do
        local run = self:run(variant)
        assert(run.code == 0, run.err)
        self.references[variant] = { files = run.files, counts = run.counts }
    end
    return self
end

local function files_of(directory)
    local files = {}
    for _, name in ipairs(support.list(directory)) do
        files[name] = support.read(directory .. "/" .. name)
    end
    return files
end

local function counts_of(path)
    local bytes, counts = support.read(path) or "", {}
    for i, call in ipairs(torture.calls) do
        counts[call.name] = #bytes >= 4 * i and ("I4"):unpack(bytes, 4 * i - 3) or 0
    end
    return counts
end

--- Runs the program once.
-- @param fault CALL:N:TIMES:ERROR, or nil
-- @param meanwhile function(process), or nil; with it a server in place of the archive
-- @return table: code, err, files (name -> content), counts (call -> number)
function Victim.__index:run(variant, fault, meanwhile, server)
    local out, counts = self.box:directory("out"), self.box:new_path("counts")
    local environment = { "LD_PRELOAD=" .. self.preload, "FAULT_COUNTS=" .. counts }
    if fault then environment[3] = "FAULT=" .. fault end
    local process = self.box:start(support.words(support.getscu, "-S", "-k",
        "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3",
        support.to(server or self.server, variant.options, "-od", out)),
        { environment = environment })
    if meanwhile then meanwhile(process) end
    local run = { hung = not process:poll(PATIENCE) }
    process:stop()
    run.code, run.err = process.code, process:err()
    run.files, run.counts = files_of(out), counts_of(counts)
    os.execute("rm -rf '" .. out .. "'")
    return run
end

--- What is wrong with what a run has left, or nil.
-- @param signal number of the signal that was to end it, or nil; after SIGKILL temporary files stay
function Victim.__index:judge(variant, run, signal)
    local wanted = self.references[variant].files
    if run.hung then return ("it did not end in %d s"):format(PATIENCE) end
    for name, content in pairs(run.files) do
        local is_left = signal == SIGKILL and name:find "^%.getscu%-%d+%-%x+%-%d+%.part$"
        if not wanted[name] and not is_left then return "it left " .. name end
        if not is_left and wanted[name] ~= content then return name .. " is not what was sent" end
    end
    if run.code >= 128 and run.code ~= 128 + (signal or 0) then
        return "it ended by signal " .. run.code - 128
    end
    for name in pairs(wanted) do
        if run.code == 0 and not run.files[name] then return "exit code 0 without " .. name end
    end
    return nil
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

--- Runs each fault; raises with all that went wrong.
function Victim.__index:torture(variant, faults)
    local wrong = {}
    for _, fault in ipairs(faults) do
        local run = self:run(variant, fault)
        local problem = self:judge(variant, run)
        if problem then
            wrong[#wrong + 1] = ("FAULT=%s (%s): %s\n%s"):format(fault, variant.name, problem,
                run.err)
        end
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

--- support: what tests of whole programs share: a folder of their own, processes, real servers.
--
--     local box
--     setup(function() box = support.box() end)
--     teardown(function() box:close() end)
--
-- A box is a temporary directory, and the processes that were started in it; both end with it, and
-- the processes also when the tests die.

local core = require "getscu.core"
local getscu = require "getscu"
local tasks = require "getscu.tasks"

local support = {}

--- Where the program, the core and the tools of the tests are.
support.build = os.getenv "BUILD" or "build"
support.sanitized = support.build:find("sanitize", 1, true) ~= nil
support.getscu = support.build .. "/getscu"

--- Whether what takes long is done whole, and not by a sample (make test-long).
support.long = (os.getenv "LONG" or "") ~= ""

--- Tells what was measured, where things are done whole: tests/run prints it.
function support.measured(form, ...)
    if support.long then print("# measured: " .. form:format(...)) end
end

getscu.log.level "error" -- of the library, where a test uses it in its own process

-- Seconds until a process that should end is called hung; one that counts its lines is slow.
local PATIENCE = support.build:find("coverage", 1, true) and 300 or 60
local START = 30 -- seconds until a server must answer

local Box = { __index = {} }
local Process = { __index = {} }

-- ---- files ----

--- The content of a file, or nil.
function support.read(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local content = file:read("a")
    file:close()
    return content
end

function support.write(path, content)
    local file = assert(io.open(path, "wb"))
    assert(file:write(content))
    assert(file:close())
    return path
end

--- The names in a directory, hidden ones too, sorted; those of folders in it with their path.
function support.list(directory)
    local names = {}
    for _, name in ipairs(assert(core.system.list(directory))) do
        local path = directory .. "/" .. name
        if core.system.kind(path) == "directory" then
            for _, inner in ipairs(support.list(path)) do
                names[#names + 1] = name .. "/" .. inner
            end
        else
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

--- A new, empty temporary directory as a box.
-- @param parent directory, or nil for where temporary ones are
function support.box(parent)
    local prefix = (parent or os.getenv "TMPDIR" or "/tmp") .. "/getscu-tests-"
    return setmetatable({ path = assert(core.system.mkdtemp(prefix)), processes = {}, count = 0 },
        Box)
end

--- A path in the box that nothing has yet.
function Box.__index:new_path(name)
    self.count = self.count + 1
    return ("%s/%d-%s"):format(self.path, self.count, name)
end

--- A new directory in the box.
function Box.__index:directory(name)
    local path = self:new_path(name or "directory")
    assert(core.system.mkdir(path))
    return path
end

--- A new file in the box.
function Box.__index:file(content, name)
    return support.write(self:new_path(name or "file"), content)
end

--- Ends the processes and removes the directory.
function Box.__index:close()
    for i = #self.processes, 1, -1 do self.processes[i]:stop() end
    getscu.exec { "rm", "-rf", self.path }
end

-- ---- processes ----

--- The words of a command line, in one list.
-- @param ... words, numbers, and lists of them
function support.words(...)
    local list = {}
    for _, part in ipairs { ... } do
        if type(part) == "table" then
            for _, word in ipairs(support.words(table.unpack(part))) do list[#list + 1] = word end
        else
            list[#list + 1] = tostring(part)
        end
    end
    return list
end

--- Starts a program, with its standard streams in files, and does not wait for it.
-- @param arguments list, the program first
-- @param options table or nil: input (a file); environment (a list of "NAME=value")
-- @return process
function Box.__index:start(arguments, options)
    options = options or {}
    local base = self:new_path("process")
    local command = { "setpriv", "--pdeathsig", "KILL", "sh", "-c",
        [[input=$1; shift; exec "$@" <"$input" >"$0.out" 2>"$0.err"]],
        base, options.input or "/dev/null", "env" }
    table.move(options.environment or {}, 1, #(options.environment or {}), #command + 1, command)
    table.move(arguments, 1, #arguments, #command + 1, command)
    local child = assert(core.spawn(command))
    local process = setmetatable({ child = child, base = base, name = arguments[1] }, Process)
    table.insert(self.processes, process)
    return process
end

function Process.__index:out()
    return support.read(self.base .. ".out") or ""
end

function Process.__index:err()
    return support.read(self.base .. ".err") or ""
end

--- Looks for the end of the process, at most some seconds.
-- @return whether it has ended
function Process.__index:poll(seconds)
    if not self.code then
        local event = tasks.wait(self.child, seconds)
        if event then self.code = core.exited(event.status) end
    end
    return self.code ~= nil
end

--- Waits until it has ended; other tasks go on meanwhile. Raises where it hangs.
-- @return table: code, out, err
function Process.__index:wait()
    if not self:poll(PATIENCE) then
        self:stop()
        error(("%s did not end in %d s; it said:\n%s"):format(self.name, PATIENCE, self:err()), 2)
    end
    return { code = self.code, out = self:out(), err = self:err() }
end

--- Waits until a condition holds, as long as the process lives.
function Process.__index:await(condition, what)
    local limit = core.clock() + START
    while not condition() do
        if self:poll(0.02) or core.clock() > limit then
            error(("%s: waited in vain for %s:\n%s%s"):format(self.name, what, self:out(),
                self:err()), 2)
        end
    end
end

--- Waits until its log has a text (no pattern).
function Process.__index:await_log(text)
    self:await(function() return self:err():find(text, 1, true) end, "'" .. text .. "' in its log")
end

function Process.__index:kill(signal)
    return self.child:kill(signal)
end

--- Ends it at once: nothing of it is needed any more.
function Process.__index:stop()
    if self.code then return end
    self.child:kill("KILL")
    self:poll(PATIENCE)
end

--- Runs a program to its end.
-- @return table: code, out, err
function Box.__index:run(arguments, options)
    return self:start(arguments, options):wait()
end

--- The same, of a tool that must succeed.
function Box.__index:tool(arguments, options)
    local result = self:run(arguments, options)
    if result.code ~= 0 then
        error(("%s: exit code %d\n%s%s"):format(table.concat(arguments, " "), result.code,
            result.out, result.err), 2)
    end
    return result.out
end

--- What of an environment loads one of the libraries of tests/torture into the program.
-- @param name "faults" or "surroundings"
-- @return "LD_PRELOAD=..."
function Box.__index:preload(name)
    local library = ("%s/tests/%s.so"):format(support.build, name)
    -- must be loaded before any other, where the program has sanitizers
    local runtime = self:tool { "ldd", support.getscu }:match "(/%S*libasan%S*)"
    return "LD_PRELOAD=" .. (runtime and runtime .. " " or "") .. library
end

--- Starts the program. Arguments: words and lists of them.
function Box.__index:start_getscu(...)
    return self:start(support.words(support.getscu, ...))
end

--- The words before a command that make it run as nobody, and a copy of the program that nobody may
-- run; or nil where we are not root.
-- @return list that begins a command line
function Box.__index:as_nobody()
    if self:tool { "id", "-u" } ~= "0\n" then return nil end
    local program = self:new_path("getscu")
    self:tool { "cp", support.getscu, program }
    self:tool { "chmod", "755", self.path }
    return { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program }
end

--- Runs the program to its end.
-- @return table: code, out, err
function Box.__index:getscu(...)
    return self:start_getscu(...):wait()
end

--- Runs a Lua program in it (--run).
function Box.__index:program(source, ...)
    return self:getscu("--run", self:file(source, "program.lua"), ...)
end

--- A port of the loopback interface that nobody uses.
function support.free_port()
    local listener = assert(core.listen { host = "127.0.0.1", port = 0 })
    local port = listener:port()
    listener:close()
    return port
end

-- ---- objects ----

--- Makes images of one study, named by their SOP Instance UIDs. DCMTK writes them once more,
-- because it would else correct the padding of a value when it sends them.
-- @return directory, Study Instance UID
function Box.__index:images(count, size)
    local directory = self:directory("images")
    local said = self:tool { support.build .. "/bench/objects", tostring(count), tostring(size),
        directory }
    self:tool { "sh", "-c", 'for file in "$0"/*; do dcmconv "$file" "$file" || exit; done',
        directory }
    return directory, said:match "%S+"
end

--- A DICOM file from lines as dcmdump writes them.
function Box.__index:dump2dcm(text, ...)
    local path = self:new_path("made.dcm")
    self:tool(support.words("dump2dcm", "-q", { ... }, self:file(text, "dump"), path))
    return path
end

local PYDICOM = "/usr/lib/python3/dist-packages/pydicom/data/"

--- Paths of the DICOM files that python3-pydicom brings, sorted; nil where it is missing.
function support.pydicom_files()
    if not core.system.kind(PYDICOM .. "test_files") then return nil end
    local files = {}
    for _, folder in ipairs { "test_files", "charset_files" } do
        for _, name in ipairs(support.list(PYDICOM .. folder)) do
            if name:find "%.dcm$" then
                files[#files + 1] = ("%s%s/%s"):format(PYDICOM, folder, name)
            end
        end
    end
    return files
end

-- ---- servers ----

--- Whether a program is here.
function support.has(program)
    for directory in (os.getenv "PATH" .. ":/usr/sbin"):gmatch "[^:]+" do
        if core.system.kind(directory .. "/" .. program) == "file" then return true end
    end
    return false
end

-- Whether it answers C-ECHO, with TLS where {key=, certificate=, ca=} is given.
local function answers(box, server, tls)
    local words = tls and { "+tls", tls.key, tls.certificate, "+cf", tls.ca } or {}
    local echo = box:run(support.words("echoscu", "-to", "2", words, "-aec", server.title,
        "127.0.0.1", server.port))
    return echo.code == 0
end

local DCMQRSCP = [[
NetworkTCPPort  = %d
MaxPDUSize      = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
QR %s RW (500, 1024mb) ANY
AETable END
]]

--- Starts DCMTK's dcmqrscp over a directory of DICOM files, which it shall not change.
-- @param options table or nil: arguments (more options of it, a list)
-- @return server: title, port, directory, process
function Box.__index:dcmqrscp(directory, options)
    local server = { title = "QR", port = support.free_port(), directory = directory }
    local files = {}
    for i, name in ipairs(support.list(directory)) do files[i] = directory .. "/" .. name end
    self:tool(support.words("dcmqridx", directory, files))
    local configuration = self:file(DCMQRSCP:format(server.port, directory), "dcmqrscp.cfg")
    server.process = self:start(support.words("dcmqrscp", options and options.arguments or {}, "-c",
        configuration), { environment = { "TCP_NODELAY=1" } })
    server.process:await(function() return answers(self, server) end, "an answer to C-ECHO")
    return server
end

local ORTHANC = [[{
  "Name": "tests",
  "StorageDirectory": "%s",
  "IndexDirectory": "%s",
  "Plugins": [],
  "HttpServerEnabled": false,
  "DicomServerEnabled": true,
  "DicomAet": "ORTHANC",
  "DicomPort": %d,
  "DicomCheckCalledAet": true,
  "DicomAlwaysAllowEcho": true,
  "DicomAlwaysAllowStore": true,
  "DicomAlwaysAllowFind": %s,
  "DicomAlwaysAllowGet": true,
  "UnknownSopClassAccepted": true,
  "RemoteAccessAllowed": false%s
}
]]

local ORTHANC_TLS = [[,
  "DicomTlsEnabled": true,
  "DicomTlsPrivateKey": "%s",
  "DicomTlsCertificate": "%s",
  "DicomTlsTrustedCertificates": "%s",
  "DicomTlsRemoteCertificateRequired": true]]

--- Starts Orthanc, empty.
-- @param options table or nil: find (false: it aborts who asks for C-FIND); tls ({key=,
--   certificate=, ca=}: it speaks TLS, and demands certificates)
function Box.__index:orthanc(options)
    local server = { title = "ORTHANC", port = support.free_port() }
    local directory = self:directory("orthanc")
    local find = tostring(not options or options.find ~= false)
    local tls = options and options.tls
    local secured = tls and ORTHANC_TLS:format(tls.key, tls.certificate, tls.ca) or ""
    local configuration = self:file(ORTHANC:format(directory, directory, server.port, find,
        secured), "orthanc.json")
    server.process = self:start({ "Orthanc", configuration },
        { environment = { "PATH=" .. os.getenv "PATH" .. ":/usr/sbin" } })
    server.process:await(function() return answers(self, server, tls) end, "an answer to C-ECHO")
    return server
end

--- Starts our own archive over a directory of DICOM files.
function Box.__index:archive(directory)
    local process = self:start { support.getscu, "--run", "scripts/examples/archive.lua",
        directory, "0" }
    process:await(function() return process:out():find "port %d+\n" end, "its port")
    return { title = "ARCHIVE", port = math.tointeger(process:out():match "port (%d+)"),
        process = process }
end

--- Starts the benchmarks' server, which sends synthetic images to whoever asks.
function Box.__index:image_server(count, size)
    local port_file = self:new_path("port")
    local process = self:start { support.build .. "/bench/server", "--objects", tostring(count),
        "--size", tostring(size), "--port-file", port_file }
    process:await(function() return (support.read(port_file) or ""):find "\n" end, "its port")
    return { title = "BENCH", port = math.tointeger(support.read(port_file)), process = process }
end

--- Our archive in the test's own process, over the studies that the demo makes.
-- @return archive, to be closed
function Box.__index:phantom_archive()
    local directory = self:directory("phantoms")
    assert(dofile "scripts/demo/phantoms.lua".write(directory))
    local archive = assert(getscu.archive { directory = directory })
    archive:start()
    return archive
end

-- A tap, see tests/c/tap.c.
local function start_tap(box, title, options)
    local port_file, record = box:new_path("port"), box:new_path("record")
    local arguments = { support.build .. "/tests/tap", "--record", record, "--port-file",
        port_file }
    for name, value in pairs(options) do
        table.insert(arguments, "--" .. name)
        table.insert(arguments, tostring(value))
    end
    local process = box:start(arguments)
    process:await(function() return support.read(port_file) end, "its port")
    return { title = title, port = math.tointeger(support.read(port_file)), process = process,
        record = record }
end

--- Starts a tap before a server.
-- @param options table or nil: chunk (bytes of a segment), cut, reset, hold (after how many bytes)
-- @return server: title, port; record (path before ".1.client" and ".1.server")
function Box.__index:tap(server, options)
    local all = { to = server.port }
    for name, value in pairs(options or {}) do all[name] = value end
    return start_tap(self, server.title, all)
end

--- Starts a server that says these bytes to whoever connects.
function Box.__index:sayer(bytes)
    return start_tap(self, "SAYER", { say = self:file(bytes) })
end

--- Starts a server that takes no connection.
function Box.__index:deaf_server()
    return start_tap(self, "DEAF", { deaf = 1 })
end

--- The words of a command line for a server: AE title, and at its end host and port.
function support.to(server, ...)
    return support.words("-aec", server.title, { ... }, "127.0.0.1", server.port)
end

return support

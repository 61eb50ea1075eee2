--- secured: servers with TLS that share no code with ours.

local support = require "support"

local secured = {}

--- A gateway (tests/c/gateway.c) before a server without TLS.
-- @param identity table: key, certificate
-- @param options table or nil: those of the gateway, by name without "--"
-- @return server, as of support, with log()
function secured.gateway(box, server, identity, options)
    local port_file, log = box:new_path("port"), box:new_path("clients.log")
    local arguments = { support.build .. "/tests/gateway", "--to", tostring(server.port),
        "--port-file", port_file, "--log", log, "--key", identity.key, "--certificate",
        identity.certificate }
    for name, value in pairs(options or {}) do
        table.insert(arguments, "--" .. name)
        table.insert(arguments, tostring(value))
    end
    local process = box:start(arguments)
    process:await(function() return support.read(port_file) end, "its port")
    return { title = server.title, port = math.tointeger(support.read(port_file)),
        process = process, log = function() return support.read(log) or "" end }
end

local REJECT = "\3\0\0\0\0\4\0\1\1\1" -- A-ASSOCIATE-RJ
local LEVEL_0 = [[
openssl_conf = it
[it]
ssl_conf = ssl
[ssl]
system_default = all
[all]
CipherString = ALL:COMPLEMENTOFALL:@SECLEVEL=0
MinProtocol = TLSv1
]]
local WITH_FIFO = [[mkfifo "$0" && exec 0<>"$0" && exec stdbuf -o0 "$@"]]

--- openssl s_server, at security level 0. It knows no DICOM; ask() below speaks for it.
-- @param identity table: key, certificate
-- @param ... more options of it
-- @return server, as of support, with fifo: what it is to say
function secured.s_server(box, identity, ...)
    local fifo = box:new_path("fifo")
    local process = box:start(support.words("sh", "-c", WITH_FIFO, fifo, "openssl", "s_server",
        "-accept", "127.0.0.1:0", "-key", identity.key, "-cert", identity.certificate, { ... }),
        { environment = { "OPENSSL_CONF=" .. box:file(LEVEL_0, "openssl.cnf") } })
    process:await(function() return process:out():find "ACCEPT [^\n]+:%d+\n" end, "its port")
    return { title = "S-SERVER", port = math.tointeger(process:out():match "ACCEPT [^\n]-:(%d+)\n"),
        process = process, fifo = fifo }
end

--- Runs the program against an openssl s_server, which rejects the association (exit code 61) when
-- TLS stands, and ends with it.
-- @param ... words before the peer
-- @return result (code, out, err) with agreed: what the server says of the handshake
function secured.ask(box, server, ...)
    local client = box:start_getscu(support.words { ... }, support.to(server))
    local function stands() return server.process:out():find("CIPHER is", 1, true) end
    while not client:poll(0.01) and not stands() do end
    if stands() then
        local fifo = assert(io.open(server.fifo, "wb"))
        fifo:write(REJECT)
        fifo:close()
    end
    local result = client:wait()
    server.process:stop()
    result.agreed = server.process:out():match "^[%g \n]*" -- the request behind it is no text
    return result
end

return secured

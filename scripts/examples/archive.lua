-- archive.lua: serves a folder of DICOM files, until it is interrupted.
--
--     getscu --run archive.lua FOLDER PORT [HOST [KEY CERTIFICATE AUTHORITY]]
--
-- PORT 0 takes a free one; without HOST it listens on the loopback address only. With KEY and
-- CERTIFICATE (files) it speaks TLS, and demands a certificate that AUTHORITY has signed.

local getscu = require "getscu"

local function fail(err)
    getscu.log.error("%s", err.message)
    return getscu.errors.exit_code(err)
end

local function main(directory, port, host, key, certificate, authority)
    port = math.tointeger(tonumber(port))
    if not port or key and not authority then
        io.stderr:write "usage: getscu --run archive.lua FOLDER PORT "
        io.stderr:write "[HOST [KEY CERTIFICATE AUTHORITY]]\n"
        return 1
    end
    getscu.log.level "info"
    local archive, tls, err
    if key then
        tls, err = getscu.tls { key = key, certificate = certificate, ca = authority }
        if not tls then return fail(err) end
    end
    archive, err = getscu.archive { directory = directory, host = host, port = port, tls = tls }
    if not archive then return fail(err) end
    local _ <close> = getscu.process.on_signals({ "INT", "TERM" }, function()
        archive:stop()
    end)
    print(("serving %s on port %d"):format(directory, archive:port()))
    io.stdout:flush()
    archive:start():join()
end

return main(...)

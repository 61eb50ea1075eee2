-- archive.lua: serves a folder of DICOM files, until it is interrupted.
--
--     getscu --run archive.lua FOLDER PORT [HOST]
--
-- PORT 0 takes a free one; without HOST it listens on the loopback address only.

local getscu = require "getscu"

local function main(directory, port, host)
    port = math.tointeger(tonumber(port))
    if not port then
        io.stderr:write("usage: getscu --run archive.lua FOLDER PORT [HOST]\n")
        return 1
    end
    getscu.log.level "info"
    local archive, err = getscu.archive { directory = directory, host = host, port = port }
    if not archive then
        getscu.log.error("%s", err.message)
        return getscu.errors.exit_code(err)
    end
    local _ <close> = getscu.process.on_signals({ "INT", "TERM" }, function()
        archive:stop()
    end)
    print(("serving %s on port %d"):format(directory, archive:port()))
    io.stdout:flush()
    archive:start():join()
end

return main(...)

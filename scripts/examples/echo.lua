-- echo.lua: asks a server whether it is there (C-ECHO).
--
--     getscu --run echo.lua AET@HOST:PORT

local getscu = require "getscu"

local function main(peer)
    if not peer then
        io.stderr:write("usage: getscu --run echo.lua AET@HOST:PORT\n")
        return 1
    end
    local association <close>, err = getscu.associate { peer = peer }
    local alive
    if association then alive, err = association:echo() end
    if not alive then
        io.stderr:write(peer, ": ", err.message, "\n")
        return getscu.errors.exit_code(err)
    end
    print(peer .. " is there")
    association:release()
end

return main(...)

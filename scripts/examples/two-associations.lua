-- two-associations.lua: retrieves two studies side by side, in one process and one thread.
--
--     getscu --run two-associations.lua AET@HOST:PORT FOLDER UID1 UID2
--
-- A task is a coroutine: where it waits for its peer, the other one goes on.

local getscu = require "getscu"

local function retrieve(peer, folder, uid)
    local summary, err = getscu.retrieve { peer = peer, directory = folder,
        query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = uid } }
    if not summary then error(err) end
    print(uid, summary.stored .. " objects")
end

local function main(peer, folder, first, second)
    if not second then
        io.stderr:write("usage: getscu --run two-associations.lua AET@HOST:PORT FOLDER UID1 UID2\n")
        return 1
    end
    getscu.tasks.all(function() retrieve(peer, folder, first) end,
        function() retrieve(peer, folder, second) end)
end

return main(...)

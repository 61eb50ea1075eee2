-- fetch-list.lua: retrieves the studies of a list over one association (C-GET).
--
--     getscu --run fetch-list.lua AET@HOST:PORT FOLDER < LIST
--
-- LIST has a Study Instance UID on each line. Writes what became of each; ends with 1 where one is
-- not complete.

local getscu = require "getscu"

local function main(peer, folder)
    if not folder then
        io.stderr:write("usage: getscu --run fetch-list.lua AET@HOST:PORT FOLDER < LIST\n")
        return 1
    end
    local association <close>, err = getscu.associate { peer = peer }
    if not association then
        io.stderr:write(peer, ": ", err.message, "\n")
        return getscu.errors.exit_code(err)
    end
    local all_complete = true
    for uid in io.lines() do
        local query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = uid }
        local result, failure = association:get { query = query, directory = folder }
        local complete = result and result.stored > 0 and result.response.status == 0
        all_complete = all_complete and complete
        print(uid, result and result.stored .. " objects" or failure.message)
    end
    association:release()
    return all_complete and 0 or 1
end

return main(...)

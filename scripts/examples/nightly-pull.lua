-- nightly-pull.lua: fetches the studies of a day (C-FIND, C-GET), each object once.
--
--     getscu --run nightly-pull.lua AET@HOST:PORT FOLDER STATE [YYYYMMDD]
--
-- STATE is a file with the SOP Instance UIDs of all earlier runs, one to a line; what stands there
-- is not stored again. Without a date it is yesterday.

local getscu = require "getscu"

local function main(peer, folder, state, day)
    if not state then
        io.stderr:write("usage: getscu --run nightly-pull.lua AET@HOST:PORT FOLDER STATE [DAY]\n")
        return 1
    end
    day = day or os.date("%Y%m%d", os.time() - 24 * 60 * 60)
    local known = {}
    for uid in (io.open(state) and io.lines(state) or function() end) do known[uid] = true end
    local log <close> = assert(io.open(state, "a"))
    local pacs <close> = assert(getscu.associate { peer = peer })
    local queries = {}
    for study in pacs:find { query = { StudyDate = day, StudyInstanceUID = "" } } do
        queries[#queries + 1] = { QueryRetrieveLevel = "STUDY",
            StudyInstanceUID = study.StudyInstanceUID }
    end
    pacs:release()
    if #queries == 0 then return 0 end
    local summary = assert(getscu.retrieve { peer = peer, queries = queries, directory = folder,
        hooks = {
            accept = function(object) return not known[object.sop_instance] end,
            on_stored = function(object) log:write(object.sop_instance, "\n") end,
        } })
    print(("%d new objects, %d known"):format(summary.stored, summary.discarded))
    return summary.exit_code
end

return main(...)

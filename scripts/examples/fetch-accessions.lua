-- fetch-accessions.lua: retrieves the studies of a list of accession numbers (C-FIND, then C-GET).
--
--     getscu --run fetch-accessions.lua AET@HOST:PORT LIST.csv FOLDER
--
-- LIST.csv has a column AccessionNumber. Each study goes to a folder of its own, named by its
-- number. Writes a line for each number; ends with 1 where one is not complete.

local getscu = require "getscu"

-- Gets the studies of a number: how many objects came; nil and an error where not all did.
local function fetch(association, accession, folder)
    local stored, studies, err = 0, association:find_all {
        query = getscu.query { AccessionNumber = accession, StudyInstanceUID = "" } }
    for _, study in ipairs(studies or {}) do
        local result, failure = association:get { directory = folder,
            filename = "{AccessionNumber}/{SOPInstanceUID}.dcm",
            query = getscu.query { StudyInstanceUID = study.StudyInstanceUID } }
        stored, err = stored + (result and result.stored or 0), err or failure
    end
    return not err and stored, err
end

local function main(peer, list, folder)
    if not folder then
        io.stderr:write("usage: getscu --run fetch-accessions.lua AET@HOST:PORT LIST.csv FOLDER\n")
        return 1
    end
    local rows = assert(getscu.csv.read(list))
    local association <close> = assert(getscu.associate { peer = peer })
    local all_complete = true
    for _, row in ipairs(rows) do
        local stored, err = fetch(association, row.AccessionNumber, folder)
        print(row.AccessionNumber, stored and stored .. " objects" or err.message)
        all_complete = all_complete and stored and stored > 0
    end
    return all_complete and 0 or 1
end

return main(...)

-- find.lua: from accession numbers to studies (C-FIND).
--
--     getscu --run find.lua AET@HOST:PORT ACCESSION...
--
-- Writes a line for each study: accession number, Study Instance UID, date, patient's name.

local getscu = require "getscu"

local function main(peer, ...)
    if not ... then
        io.stderr:write("usage: getscu --run find.lua AET@HOST:PORT ACCESSION...\n")
        return 1
    end
    local association <close>, err = getscu.associate { peer = peer }
    if not association then
        io.stderr:write(peer, ": ", err.message, "\n")
        return getscu.errors.exit_code(err)
    end
    for _, accession in ipairs { ... } do
        local query = { QueryRetrieveLevel = "STUDY", AccessionNumber = accession,
            StudyInstanceUID = "", StudyDate = "", PatientName = "" }
        for study in association:find { query = query } do
            print(table.concat({ accession, study.StudyInstanceUID, study:get("StudyDate", ""),
                study:get("PatientName", "") }, "\t"))
        end
    end
    association:release()
end

return main(...)

-- newest-study.lua: retrieves the newest study of a patient (C-FIND, then C-GET).
--
--     getscu --run newest-study.lua AET@HOST:PORT PATIENT-ID FOLDER
--
-- Writes when the study was and what it is called, and how many objects of it came.

local getscu = require "getscu"

local function main(peer, patient, folder)
    if not folder then
        io.stderr:write("usage: getscu --run newest-study.lua AET@HOST:PORT PATIENT-ID FOLDER\n")
        return 1
    end
    local association <close> = assert(getscu.associate { peer = peer })
    local newest, when
    for study in association:find { query = getscu.query { PatientID = patient, StudyDate = "",
        StudyTime = "", StudyDescription = "", StudyInstanceUID = "" } } do
        local at = study:get("StudyDate", "") .. study:get("StudyTime", "") -- as text they sort
        if not newest or at > when then newest, when = study, at end
    end
    if not newest then
        print(("no study of patient %s"):format(patient))
        return 1
    end
    print(when, newest:get("StudyDescription", ""))
    local result = assert(association:get { directory = folder,
        query = getscu.query { StudyInstanceUID = newest.StudyInstanceUID } })
    print(("%d objects"):format(result.stored))
    association:release()
end

return main(...)

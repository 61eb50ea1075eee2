-- sort-folders.lua: a hook script that sorts what arrives into folders by patient, study and
-- series.
--
--     getscu --script sort-folders.lua -aec PACS -k ... -od out HOST PORT
--
-- Files are named as in out/PATIENT/2024-01-31_CT/3_Axial/0012.dcm.

local function text(value, otherwise)
    return tostring(value or ""):match "%S" and tostring(value):gsub("[/\\]", "_") or otherwise
end

local function day(object)
    return (text(object.StudyDate, "no date"):gsub("^(%d%d%d%d)(%d%d)(%d%d)$", "%1-%2-%3"))
end

return {
    summary = "sort into folders by patient, study and series",
    name = function(object)
        return ("%s/%s_%s/%s_%s/%04d.dcm"):format(text(object.PatientID, "no ID"), day(object),
            text(object.Modality, "OT"), text(object.SeriesNumber, "0"),
            text(object.SeriesDescription, "series"), tonumber(object.InstanceNumber) or 0)
    end,
}

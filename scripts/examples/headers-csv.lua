-- headers-csv.lua: the headers of DICOM files as a table.
--
--     getscu --run headers-csv.lua FOLDER [ATTRIBUTE...] > headers.csv
--
-- Writes a row for each DICOM file in FOLDER, with its name and the attributes: keywords, tags or
-- paths, or else those that stand below. What is no DICOM file is told, and ends it with 1.

local getscu = require "getscu"

local USUAL = { "PatientID", "PatientName", "StudyDate", "StudyDescription", "Modality",
    "SeriesNumber", "SeriesDescription", "InstanceNumber", "SOPInstanceUID" }

local function main(folder, ...)
    local names, err = getscu.files.list(folder or "")
    if not names then
        io.stderr:write("usage: getscu --run headers-csv.lua FOLDER [ATTRIBUTE...]\n",
            folder and err.message .. "\n" or "")
        return 1
    end
    local columns = { { "File", function(row) return row.name end } }
    for _, attribute in ipairs(... and { ... } or USUAL) do
        table.insert(columns, { attribute, function(row) return row.object:get(attribute) end })
    end
    local out = assert(getscu.csv.writer(io.stdout, columns, { guard_formulas = true }))
    local code = 0
    for _, name in ipairs(names) do
        local object, problem = getscu.dataset.read(folder .. "/" .. name)
        if object then
            assert(out:row { name = name, object = object })
        else
            io.stderr:write(problem.message, "\n")
            code = 1
        end
    end
    return code
end

return main(...)

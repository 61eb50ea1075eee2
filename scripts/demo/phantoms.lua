-- phantoms.lua: makes three small studies, the same ones each time: no patient ever was in them.
--
--     getscu --run phantoms.lua FOLDER
--
-- A CT of a head, an MR of it, and a report with a picture in colour; patients with Latin and with
-- Japanese names, in three character sets. As a module, phantoms.write(folder) does the same.

local getscu = require "getscu"
local dataset = getscu.dataset
local files = getscu.files

local phantoms = {}

local IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

-- UIDs under 2.25 are made of 128 bits. These bits are ours, and what follows counts.
local UID_ROOT = "2.25.294105307355628712451903"

local function uid(study, series, instance)
    return ("%s%02d%02d%04d"):format(UID_ROOT, study, series or 0, instance or 0)
end

-- ---- the head -----------------------------------------------------------------------------------

-- Ellipsoids after Shepp and Logan, in a cube from -1 to 1: center, half axes, and the angle in the
-- plane of a slice. Each adds its value of a tissue, which differs for CT and MR, to what is there.
local HEAD = {
    { 0, 0, 0, 0.69, 0.92, 0.90, 0, ct = 2000, mr = 900 }, -- skin for MR, bone for CT
    { 0, 0, 0, 0.66, 0.87, 0.86, 0, ct = -960, mr = -350 }, -- brain
    { 0.22, 0, -0.25, 0.11, 0.31, 0.42, -18, ct = -32, mr = -380 }, -- ventricles
    { -0.22, 0, -0.25, 0.16, 0.41, 0.42, 18, ct = -32, mr = -380 },
    { 0, -0.35, -0.25, 0.21, 0.25, 0.50, 0, ct = 22, mr = 180 },
    { 0, -0.10, -0.25, 0.046, 0.046, 0.10, 0, ct = 30, mr = 250 },
    { -0.08, 0.605, -0.25, 0.046, 0.023, 0.05, 0, ct = 40, mr = 300 },
    { 0, 0.605, -0.25, 0.023, 0.023, 0.05, 0, ct = 40, mr = 300 },
    { 0.06, 0.605, -0.105, 0.046, 0.023, 0.10, 90, ct = 40, mr = 300 },
    { 0.30, -0.55, 0.10, 0.09, 0.07, 0.15, 30, ct = 45, mr = 320 }, -- a bleeding
}

-- Where an ellipsoid cuts the line of a row: from, to; nil where it does not.
local function cut(shape, y, z)
    local height = 1 - ((z - shape[3]) / shape[6]) ^ 2
    if height <= 0 then return nil end
    local angle = math.rad(shape[7])
    local cos, sin, dy = math.cos(angle), math.sin(angle), y - shape[2]
    local u, v = 1 / shape[4] ^ 2, 1 / shape[5] ^ 2
    local a = cos * cos * u + sin * sin * v
    local b = sin * cos * dy * (u - v)
    local c = dy * dy * (sin * sin * u + cos * cos * v) - height
    local root = b * b - a * c
    if root <= 0 then return nil end
    root = math.sqrt(root)
    return shape[1] + (-b - root) / a, shape[1] + (-b + root) / a
end

local function column(x, size)
    return math.max(math.min((x + 1) / 2 * size + 0.5, size), 0) // 1
end

-- One row of pixels: `encode(value)` is a pixel, and equal ones are repeated.
local function row(y, z, size, tissue, air, encode)
    local steps = {}
    for _, shape in ipairs(HEAD) do
        local from, to = cut(shape, y, z)
        if from then
            steps[#steps + 1] = { column(from, size), shape[tissue] }
            steps[#steps + 1] = { column(to, size), -shape[tissue] }
        end
    end
    table.sort(steps, function(a, b) return a[1] < b[1] end)
    local parts, at, value = {}, 0, air
    for _, step in ipairs(steps) do
        parts[#parts + 1] = encode(value):rep(math.tointeger(step[1] - at))
        at, value = step[1], value + step[2]
    end
    parts[#parts + 1] = encode(value):rep(math.tointeger(size - at))
    return table.concat(parts)
end

-- One slice through the head at height z, from -1 to 1.
local function slice(z, size, tissue, air, encode)
    local rows = {}
    for i = 1, size do
        rows[i] = row((2 * i - 1) / size - 1, z, size, tissue, air, encode)
    end
    return table.concat(rows)
end

-- ---- what all objects have ----------------------------------------------------------------------

-- Takes one table over the other; later ones win.
local function merged(...)
    local all = {}
    for _, attributes in ipairs { ... } do
        for key, value in pairs(attributes) do all[key] = value end
    end
    return all
end

local function object(study, series, instance, attributes)
    return merged({
        StudyInstanceUID = uid(study),
        SeriesInstanceUID = uid(study, series),
        SOPInstanceUID = uid(study, series, instance),
        SeriesNumber = series,
        InstanceNumber = instance,
        InstanceCreationDate = "20250401",
        InstanceCreationTime = "090000",
        StudyTime = "083000",
        SeriesTime = "084500",
        ContentTime = "090000",
        Manufacturer = "getscu",
        ManufacturerModelName = "phantoms.lua",
        SoftwareVersions = getscu.version,
        ReferringPhysicianName = "",
        PatientIdentityRemoved = "YES",
        DeidentificationMethod = "never was a patient",
    }, attributes)
end

-- A grey slice in space: slices are `thickness` mm apart, pixels `spacing` mm.
local function plane(study, i, count, size, spacing, thickness)
    local left = -size * spacing / 2
    local z = (i - (count + 1) / 2) * thickness
    return {
        FrameOfReferenceUID = uid(study, 99),
        PositionReferenceIndicator = "",
        ImagePositionPatient = { left, left, z },
        ImageOrientationPatient = { 1, 0, 0, 0, 1, 0 },
        PixelSpacing = { spacing, spacing },
        SliceThickness = thickness,
        SliceLocation = z,
        SamplesPerPixel = 1,
        PhotometricInterpretation = "MONOCHROME2",
        Rows = size,
        Columns = size,
        BitsAllocated = 16,
    }
end

-- Where slice i of `count` lies in the head.
local function height(i, count)
    return -0.8 + 1.6 * (i - 0.5) / count
end

-- ---- the studies --------------------------------------------------------------------------------

local function ct_study(add)
    local count, size = 24, 256
    for i = 1, count do
        add(EXPLICIT, object(1, 1, i, merged(plane(1, i, count, size, 0.9, 6.5), {
            SpecificCharacterSet = "ISO_IR 192",
            SOPClassUID = "1.2.840.10008.5.1.4.1.1.2",
            PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう",
            PatientID = "PHANTOM-1", PatientBirthDate = "19640229", PatientSex = "M",
            StudyDate = "20250401", SeriesDate = "20250401", ContentDate = "20250401",
            AccessionNumber = "A-0001", StudyID = "1", StudyDescription = "頭部 CT",
            Modality = "CT", SeriesDescription = "Head, 6.5 mm", BodyPartExamined = "HEAD",
            ImageType = { "ORIGINAL", "PRIMARY", "AXIAL" }, PatientPosition = "HFS",
            KVP = 120, AcquisitionNumber = 1, RescaleType = "HU",
            BitsStored = 16, HighBit = 15, PixelRepresentation = 1,
            RescaleIntercept = 0, RescaleSlope = 1, WindowCenter = 40, WindowWidth = 120,
            PixelData = slice(height(i, count), size, "ct", -1000, function(value)
                return string.pack("<i2", math.max(value, -1000) // 1)
            end),
        })))
    end
end

local function mr_study(add)
    local count, size = 12, 192
    for i = 1, count do
        add(IMPLICIT, object(2, 1, i, merged(plane(2, i, count, size, 1.2, 13), {
            SpecificCharacterSet = { "", "ISO 2022 IR 87" },
            SOPClassUID = "1.2.840.10008.5.1.4.1.1.4",
            PatientName = "Suzuki^Hanako=鈴木^花子=すずき^はなこ",
            PatientID = "PHANTOM-2", PatientBirthDate = "19891104", PatientSex = "F",
            StudyDate = "20250402", SeriesDate = "20250402", ContentDate = "20250402",
            AccessionNumber = "A-0002", StudyID = "2", StudyDescription = "頭部 MR",
            Modality = "MR", SeriesDescription = "T1", BodyPartExamined = "HEAD",
            ImageType = { "ORIGINAL", "PRIMARY", "OTHER" }, PatientPosition = "HFS",
            ScanningSequence = "SE", SequenceVariant = "NONE", ScanOptions = "",
            MRAcquisitionType = "2D", EchoTime = 14, RepetitionTime = 500, EchoTrainLength = 1,
            BitsStored = 12, HighBit = 11, PixelRepresentation = 0,
            WindowCenter = 450, WindowWidth = 1000,
            PixelData = slice(height(i, count), size, "mr", 10, function(value)
                return string.pack("<I2", math.max(value, 0) // 1)
            end),
        })))
    end
end

local REPORT_PATIENT = {
    SpecificCharacterSet = "ISO_IR 100",
    PatientName = "Müller^Jörg", PatientID = "PHANTOM-3", PatientBirthDate = "19750714",
    PatientSex = "M", StudyDate = "20250403", SeriesDate = "20250403", ContentDate = "20250403",
    AccessionNumber = "A-0003", StudyID = "3", StudyDescription = "Befund mit Bild",
}

local function coded(value, scheme, meaning)
    return { { CodeValue = value, CodingSchemeDesignator = scheme, CodeMeaning = meaning } }
end

local function paragraph(title, text)
    return { RelationshipType = "CONTAINS", ValueType = "CONTAINER",
        ContinuityOfContent = "SEPARATE", ConceptNameCodeSequence = title,
        ContentSequence = { { RelationshipType = "CONTAINS", ValueType = "TEXT", TextValue = text,
            ConceptNameCodeSequence = coded("121071", "DCM", "Finding") } } }
end

local function report(add)
    add(EXPLICIT, object(3, 1, 1, merged(REPORT_PATIENT, {
        SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11",
        Modality = "SR", SeriesDescription = "Befund",
        ReferencedPerformedProcedureStepSequence = {},
        PerformedProcedureCodeSequence = {},
        CompletionFlag = "COMPLETE", VerificationFlag = "UNVERIFIED",
        ValueType = "CONTAINER", ContinuityOfContent = "SEPARATE",
        ConceptNameCodeSequence = coded("18782-3", "LN", "Radiology Study observation"),
        ContentSequence = {
            paragraph(coded("121070", "DCM", "Findings"),
                "Der Schädel ist ein Ellipsoid. Die Ventrikel sind schräg, aber unauffällig."),
            paragraph(coded("121076", "DCM", "Conclusions"), "Ein Phantom, wie zu erwarten."),
        },
    })))
end

local BARS = { "\255\255\255", "\255\255\0", "\0\255\255", "\0\255\0", "\255\0\255", "\255\0\0",
    "\0\0\255", "\0\0\0" }

-- Grey to a colour: bone white, tissue from violet to orange.
local function colour(value)
    if value > 500 then return "\255\250\235" end
    if value < -500 then return "\8\8\24" end
    local warm = math.max(math.min((value + 10) / 110, 1), 0)
    return string.char(60 + 190 * warm // 1, 30 + 130 * warm // 1, 110 - 70 * warm // 1)
end

local function capture(add)
    local size, bar = 256, 32
    local bars = {}
    for i, pixel in ipairs(BARS) do bars[i] = pixel:rep(size // #BARS) end
    add(EXPLICIT, object(3, 2, 1, merged(REPORT_PATIENT, {
        SOPClassUID = "1.2.840.10008.5.1.4.1.1.7",
        Modality = "OT", ConversionType = "WSD", SeriesDescription = "Schlüsselbild",
        ImageType = { "DERIVED", "SECONDARY" }, PatientOrientation = "", Laterality = "",
        SamplesPerPixel = 3, PhotometricInterpretation = "RGB", PlanarConfiguration = 0,
        Rows = size + bar, Columns = size,
        BitsAllocated = 8, BitsStored = 8, HighBit = 7, PixelRepresentation = 0,
        PixelData = slice(-0.2, size, "ct", -1000, colour) .. table.concat(bars):rep(bar),
    })))
end

-- ---- files --------------------------------------------------------------------------------------

--- Writes the three studies into a folder, which is made where it is missing.
-- @return number of files | nil, err
function phantoms.write(directory)
    if files.kind(directory) ~= "directory" then
        local made, err = files.make(directory)
        if not made then return nil, err end
    end
    local count, failed = 0, nil
    local function add(transfer_syntax, attributes)
        if failed then return end
        local name = ("%s/%s-%04d-%d.dcm"):format(directory, attributes.PatientID,
            attributes.SeriesNumber, attributes.InstanceNumber)
        local written, err = dataset.new(attributes):write(name, transfer_syntax)
        if written then count = count + 1 else failed = err end
    end
    ct_study(add)
    mr_study(add)
    report(add)
    capture(add)
    if failed then return nil, failed end
    return count
end

--- What is written: studies with the number of their objects.
phantoms.studies = {
    { uid = uid(1), patient = "PHANTOM-1", objects = 24 },
    { uid = uid(2), patient = "PHANTOM-2", objects = 12 },
    { uid = uid(3), patient = "PHANTOM-3", objects = 2 },
}

local is_program = arg and debug.getinfo(1, "S").source == "@" .. tostring(arg[0])
if not is_program then return phantoms end

if not arg[1] then
    io.stderr:write("usage: getscu --run phantoms.lua FOLDER\n")
    return 1
end
local count, err = phantoms.write(arg[1])
if not count then
    getscu.log.error("%s", err.message)
    return 40
end
print(("%d files in %s"):format(count, arg[1]))

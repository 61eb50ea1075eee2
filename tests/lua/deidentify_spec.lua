local core = require "getscu.core"
local dataset = require "getscu.dataset"
local deidentify = require "getscu.deidentify"
local rows = require "getscu.deidentify.confidentiality"
local support = require "support"
local uid = require "getscu.uid"
local values = require "getscu.deidentify.values"

local SECRET = "for tests only"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

local function basic(options, secret)
    return deidentify.new { profile = deidentify.basic(options), secret = secret or SECRET }
end

local function by(profile, options)
    local all = { profile = profile, secret = SECRET }
    for name, value in pairs(options or {}) do all[name] = value end
    return deidentify.new(all)
end

-- A data set after it was de-identified.
local function after(job, content)
    local object = dataset.is(content) and content or dataset.new(content)
    local report, err = job:apply(object)
    assert(report, tostring(err))
    return object, report
end

-- Calls visit(element, item, depth) for all elements, those in sequences too.
local function each_element(ds, visit, depth)
    for element in ds:elements() do
        visit(element, ds, depth or 0)
        if element.vr == "SQ" then
            for _, item in ipairs(ds:get(element.tag)) do
                each_element(item, visit, (depth or 0) + 1)
            end
        end
    end
end

-- The rows of table E.1-1: tag to {letters, columns}.
local function table_rows()
    local found, count = {}, 0
    for line in rows:gmatch "[^\n]+" do
        local group = line:match "^(%S+)"
        for element, letters, columns in line:gmatch "([%xx]+)=(%u+):?(%a*)" do
            local tag = ("%s,%s"):format(group, element)
            assert.is_nil(found[tag], tag)
            found[tag] = { letters, columns }
            count = count + 1
        end
    end
    return found, count
end

describe("table E.1-1 of PS3.15 (2026d)", function()
    it("is here with all its rows", function()
        local found, count = table_rows()
        local letters = {}
        for _, row in pairs(found) do letters[row[1]] = (letters[row[1]] or 0) + 1 end
        assert.equal(657, count)
        assert.same({ X = 417, D = 93, U = 55, Z = 42, XD = 23, XZ = 11, XZD = 8, ZD = 6, XZU = 2 },
            letters)
    end)

    it("says what the standard says", function()
        local found = table_rows()
        for tag, row in pairs {
            ["0010,0010"] = { "Z", "" }, ["0010,0020"] = { "ZD", "" }, ["0010,0030"] = { "Z", "" },
            ["0008,0018"] = { "U", "u" }, ["0008,0020"] = { "Z", "d" },
            ["0008,002a"] = { "XZD", "d" }, ["0008,0080"] = { "XZD", "i" },
            ["0008,0201"] = { "X", "d" }, ["0008,1010"] = { "XZD", "v" },
            ["0008,103e"] = { "X", "T" }, ["0008,1140"] = { "XZU", "u" },
            ["0010,1010"] = { "X", "p" }, ["0010,2110"] = { "X", "PT" },
            ["0018,1002"] = { "U", "uv" }, ["0018,1030"] = { "XD", "T" },
            ["0018,1200"] = { "X", "dv" }, ["0040,0001"] = { "X", "V" },
            ["0040,a124"] = { "U", "" }, ["0040,a730"] = { "D", "S" },
            ["0042,0011"] = { "D", "" }, ["0070,0001"] = { "D", "G" },
            ["300a,00b2"] = { "XZ", "v" }, ["3004,007f"] = { "X", "T" },
            ["fffa,fffa"] = { "X", "" }, ["50xx,xxxx"] = { "X", "G" },
            ["60xx,3000"] = { "X", "G" }, ["odd,xxxx"] = { "X", "R" },
        } do
            assert.same(row, found[tag], tag)
        end
    end)

    it("knows the dates that its options keep: all but those of birth and of a place", function()
        local scratch, without = core.dataset.new(), {}
        for tag, row in pairs(table_rows()) do
            if not tag:find "x" and scratch:set(tag, "") then
                local _, vr = scratch:get(tag)
                if (vr == "DA" or vr == "DT" or vr == "TM") and not row[2]:find "d" then
                    without[#without + 1] = tag
                end
            end
        end
        table.sort(without)
        assert.same({ "0010,0030", "0010,0032", "0016,0077" }, without)
    end)
end)

describe("the dummy", function()
    it("of each VR can be set, and is written and read again", function()
        local attributes = { AE = "2100,0140", AS = "0072,005f", AT = "0072,0060", CS = "0072,0062",
            DA = "0072,0061", DS = "0072,0072", DT = "0072,0063", FD = "0072,0074",
            FL = "0072,0076", IS = "0072,0064", LO = "0072,0066", LT = "0072,0068",
            OB = "0072,0065", OD = "0072,0073", OF = "0072,0067", OL = "0072,0075",
            OV = "0072,0081", OW = "0072,0069", PN = "0072,006a", SH = "0072,006c",
            SL = "0072,007c", SS = "0072,007e", ST = "0072,006e", SV = "0072,0082",
            TM = "0072,006b", UC = "0072,006f", UL = "0072,0078", UN = "0072,006d",
            UR = "0072,0071", US = "0072,007a", UT = "0072,0070", UV = "0072,0083" }
        local profile, object = {}, dataset.new()
        for vr, dummy in pairs(values.DUMMIES) do
            local tag = assert(attributes[vr], vr)
            object:set(tag, dummy)
            local _, stored = dataset.core_of(object):get(tag)
            assert.equal(vr, stored, tag)
            profile[tag] = "replace"
        end
        local _, report = after(by(profile), object)
        assert.equal(32, report.replaced)
        local path = box:new_path("dummies.dcm")
        object.SOPClassUID, object.SOPInstanceUID = uid.named "CTImageStorage", "1.2.3"
        assert(object:write(path))
        local again = assert(dataset.read(path))
        for vr, tag in pairs(attributes) do
            assert.equal(object[tag], again[tag], vr)
            assert.not_equal("", again[tag], vr)
        end
    end)
end)

describe("an action", function()
    local function one(action, value, options)
        local object, report = after(by({ StudyDescription = action }, options),
            { StudyDescription = value or "chest" })
        return object.StudyDescription, report
    end

    it("keeps, removes, empties, replaces", function()
        assert.equal("chest", (one "keep"))
        assert.is_nil((one "remove"))
        assert.equal("", (one "empty"))
        assert.equal("ANONYMIZED", (one "replace"))
        assert.equal("thorax", (one { replace = "thorax" }))
        assert.equal("", (one("replace", "")))
    end)

    it("makes pseudonyms, which depend on the secret alone", function()
        local first = one("hash", "Müller")
        assert.truthy(first:find "^%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$")
        assert.equal(first, (one("hash", "Müller")))
        assert.not_equal(first, (one("hash", "Meier")))
        assert.not_equal(first, (one("hash", "Müller", { secret = "another" })))
    end)

    it("may be a function, or the job's `clean`; nil removes", function()
        assert.equal("CHEST", (one(function(value) return value:upper() end)))
        assert.is_nil((one(function() end)))
        local seen
        local function clean(text, element)
            seen = element.keyword
            return (text:gsub("Smith", "*"))
        end
        assert.equal("of *", (one("clean", "of Smith", { clean = clean })))
        assert.equal("StudyDescription", seen)
        assert.has_error(function() one "clean" end)
        local failing = by { StudyDescription = function() error("oops", 0) end }
        local done, err = pcall(failing.apply, failing, dataset.new { StudyDescription = "x" })
        assert.is_false(done)
        assert.equal("oops", err)
    end)

    it("refuses what is there, or has a value, and then nothing was changed", function()
        local job = by { PatientName = "remove", PatientComments = "refuse",
            BurnedInAnnotation = { refuse = "YES" } }
        for _, case in ipairs { { "PatientComments", "x" }, { "BurnedInAnnotation", "YES" } } do
            local object = dataset.new { PatientName = "A", [case[1]] = case[2] }
            local report, err = job:apply(object)
            assert.is_nil(report)
            assert.equal("deidentify-refused", err.code)
            assert.equal(case[1], err.keyword)
            assert.equal("A", object.PatientName)
        end
        for _, fine in ipairs { {}, { PatientComments = "" }, { BurnedInAnnotation = "NO" } } do
            assert.is_nil((after(job, fine)).PatientName)
        end
        local nested = dataset.new { ReferencedStudySequence = { { PatientComments = "x" } } }
        assert.is_nil((job:apply(nested)))
    end)

    it("that does not fit the VR empties, or does what it says otherwise", function()
        local object = after(by { StudyDescription = "date", SeriesDescription = "uid",
            StudyID = { "date", otherwise = "remove" }, Rows = "hash" },
            { StudyDescription = "a", SeriesDescription = "b", StudyID = "c", Rows = 5 })
        assert.equal("", object.StudyDescription)
        assert.equal("", object.SeriesDescription)
        assert.is_nil(object.StudyID)
        assert.equal("", object.Rows)
    end)
end)

describe("UIDs", function()
    local UIDS = { SOPInstanceUID = "1.2.3", StudyInstanceUID = "1.2.4",
        SOPClassUID = "1.2.840.10008.5.1.4.1.1.2", FailedSOPInstanceUIDList = "1.2.3\\1.2.4",
        ReferencedImageSequence = { { ReferencedSOPInstanceUID = "1.2.3",
            ReferencedSOPClassUID = "1.3.12.2.1107.5.9.1" } } }

    it("are the same for the same, in all objects of a secret", function()
        local first = after(basic(), UIDS)
        local second = after(basic(), { SOPInstanceUID = "1.2.4 " })
        assert.is_true(uid.is_valid(first.SOPInstanceUID))
        assert.not_equal("1.2.3", first.SOPInstanceUID)
        assert.equal(first.StudyInstanceUID, second.SOPInstanceUID)
        assert.equal(first.SOPInstanceUID .. "\\" .. first.StudyInstanceUID,
            first.FailedSOPInstanceUIDList)
        assert.equal(first.SOPInstanceUID,
            first:get "ReferencedImageSequence[1].ReferencedSOPInstanceUID")
        assert.not_equal(first.SOPInstanceUID, (after(basic({}, "other"), UIDS)).SOPInstanceUID)
    end)

    it("of the standard, of classes and of coding schemes stay", function()
        local object = after(basic(), UIDS)
        assert.equal(UIDS.SOPClassUID, object.SOPClassUID)
        assert.equal("1.3.12.2.1107.5.9.1",
            object:get "ReferencedImageSequence[1].ReferencedSOPClassUID")
    end)

    it("are kept if that is wanted", function()
        local object = after(basic { retain_uids = true }, UIDS)
        assert.equal("1.2.3", object.SOPInstanceUID)
        assert.equal("1.2.3", object:get "ReferencedImageSequence[1].ReferencedSOPInstanceUID")
    end)

    it("differ from job to job where there is no secret", function()
        local profile = deidentify.basic()
        local first = after(deidentify.new { profile = profile }, UIDS)
        local second = after(deidentify.new { profile = profile }, UIDS)
        assert.not_equal(first.SOPInstanceUID, second.SOPInstanceUID)
    end)
end)

describe("dates", function()
    local DATES = { PatientID = "1", PatientBirthDate = "19500101", StudyDate = "20240301",
        StudyTime = "120000", AcquisitionDateTime = "20240301120000.5+0100",
        AcquisitionDate = "garbage", TimezoneOffsetFromUTC = "+0100",
        RequestAttributesSequence = { { ScheduledProcedureStepStartDate = "20240228" } },
        ScheduledProcedureStepStartDate = "20240301" }
    local function days(from, to) return require("getscu.dates").days_between(from, to) end

    it("go by default: dummies where an object may need them", function()
        local object = after(basic(), DATES)
        assert.equal("", object.StudyDate)
        assert.equal("", object.AcquisitionDate)
        assert.equal("19000101000000", object.AcquisitionDateTime)
        assert.is_nil(object.ScheduledProcedureStepStartDate)
        assert.equal("REMOVED", object.LongitudinalTemporalInformationModified)
    end)

    it("stay, but that of birth", function()
        local object = after(basic { retain_dates = "full" }, DATES)
        assert.equal("20240301", object.StudyDate)
        assert.equal("+0100", object.TimezoneOffsetFromUTC)
        assert.equal("", object.PatientBirthDate)
        assert.equal("UNMODIFIED", object.LongitudinalTemporalInformationModified)
    end)

    it("move by days, as many for all that a patient has, others for others", function()
        local job = basic { retain_dates = "shifted" }
        local object = after(job, DATES)
        local moved = days(object.StudyDate, "20240301")
        assert.is_true(moved >= 1 and moved <= 3650)
        assert.equal(moved, days(object.ScheduledProcedureStepStartDate, "20240301"))
        assert.equal("120000", object.StudyTime)
        assert.equal("120000.5+0100", object.AcquisitionDateTime:sub(9))
        assert.equal(moved, days(object.AcquisitionDateTime, "20240301"))
        assert.equal("", object.AcquisitionDate) -- it was none
        assert.is_nil(object.TimezoneOffsetFromUTC)
        assert.equal("", object.PatientBirthDate)
        assert.equal("MODIFIED", object.LongitudinalTemporalInformationModified)
        assert.equal(object.StudyDate,
            (after(job, { PatientID = "1 ", StudyDate = "20240301" })).StudyDate)
        local differs = false
        for i = 2, 5 do
            local other = after(job, { PatientID = tostring(i), StudyDate = "20240301" })
            differs = differs or other.StudyDate ~= object.StudyDate
        end
        assert.is_true(differs)
    end)

    it("move by so many days as are asked for", function()
        local profile = deidentify.basic { retain_dates = "shifted" }
        local object = after(by(profile, { days = 1 }), DATES)
        assert.equal("20240229", object.StudyDate)
        object = after(by(profile, { days = { -1, -1 } }), DATES)
        assert.equal("20240302", object.StudyDate)
        assert.has_error(function() by(profile, { days = { 2, 1 } }) end)
    end)
end)

describe("the Basic Profile", function()
    it("leaves nothing in private groups, overlays, curves, or what nobody knows", function()
        local object = dataset.new { ["0009,0010"] = "CREATOR", ["6000,0010"] = 5,
            ["6000,3000"] = "\1\2", ["6002,4000"] = "x", Rows = 5, ["60fe,0040"] = "G" }
        object["0009,1001"] = "secret"
        object.ReferencedStudySequence = { { ["0009,0010"] = "CREATOR", StudyID = "1" } }
        local job = by(deidentify.basic())
        after(job, object)
        local left = {}
        each_element(object, function(element) left[#left + 1] = element.tag end)
        assert.same({ "0008,1110", "0012,0062", "0012,0063", "0012,0064", "0008,0100", "0008,0102",
            "0008,0104", "0028,0010", "0028,0303" }, left)
    end)

    it("says in the object what was done (CID 7050)", function()
        local object = after(basic { retain_dates = "full", retain_uids = true,
            retain_device = true, retain_institution = true, retain_patient = true,
            retain_private = { "0019,xx23,GEMS_ACQU_01" } }, {})
        assert.equal("YES", object.PatientIdentityRemoved)
        assert.truthy(object.DeidentificationMethod:find "PS3.15")
        local codes = {}
        for i, item in ipairs(object.DeidentificationMethodCodeSequence) do
            assert.equal("DCM", item.CodingSchemeDesignator)
            codes[i] = item.CodeValue
        end
        assert.same({ "113100", "113106", "113108", "113109", "113110", "113111", "113112" }, codes)
    end)

    it("keeps what its options keep", function()
        local content = { StationName = "S", InstitutionName = "I", PatientSex = "F",
            PatientAge = "045Y", DeviceUID = "1.2.3", SeriesDescription = "axial" }
        local object = after(basic { retain_device = true, retain_institution = true,
            retain_patient = true }, content)
        assert.equal("S I F 045Y 1.2.3", table.concat({ object.StationName, object.InstitutionName,
            object.PatientSex, object.PatientAge, object.DeviceUID }, " "))
        assert.is_nil(object.SeriesDescription)
        object = after(basic(), content)
        assert.equal("ANONYMIZED ANONYMIZED ", table.concat({ object.StationName,
            object.InstitutionName, object.PatientSex }, " "))
        assert.is_nil(object.PatientAge)
        assert.not_equal("1.2.3", object.DeviceUID)
    end)

    it("cleans descriptions, with a function that can", function()
        local profile = deidentify.basic { clean_descriptors = true }
        local function clean(text) return (text:gsub("Smith", "*")) end
        local object = after(by(profile, { clean = clean }), { SeriesDescription = "Smith axial",
            AdmittingDiagnosesCodeSequence = { { CodeValue = "1" } } })
        assert.equal("* axial", object.SeriesDescription)
        assert.is_nil(object.AdmittingDiagnosesCodeSequence)
        assert.has_error(function() by(profile) end)
    end)

    it("keeps private attributes that are named, with their creators, at any block", function()
        local object = dataset.new { ["0019,0010"] = "OTHER", ["0019,0011"] = "GEMS_ACQU_01" }
        object["0019,1123"], object["0019,1124"] = "1.5", "2.5"
        after(basic { retain_private = { "0019,xx23,GEMS_ACQU_01" } }, object)
        local left = {}
        for element in object:elements() do
            if element.tag:find "^0019" then left[#left + 1] = element.tag end
        end
        assert.same({ "0019,0011", "0019,1123" }, left)
        assert.equal(1.5, object["0019,1123"])
    end)

    it("sees through VR UN, but not into sequences that are written so", function()
        local function explicit(tag, value) -- little endian, VR UN
            local group, element = tag:match "(....),(....)"
            return string.pack("<I2I2c2I2I4", tonumber(group, 16), tonumber(element, 16), "UN", 0,
                #value) .. value
        end
        local object = assert(dataset.decode(explicit("0008,0018", "1.2.3\0")
            .. explicit("0008,0080", "Clinic") .. explicit("0010,0010", "Smith ")
            .. explicit("0018,9371", "AB") .. explicit("0028,0010", "\5\0")
            .. explicit("0028,1201", "\1\2\3\4"), "1.2.840.10008.1.2.1"))
        after(basic(), object)
        assert.equal(uid.derive("1.2.3", SECRET), object.SOPInstanceUID:match "^[%d.]+")
        assert.equal("ANONYMIZED", object.InstitutionName)
        assert.equal("", object.PatientName)
        assert.equal("ANONYMIZED", object["0018,9371"])
        assert.equal("\5\0", object.Rows)
        assert.equal("\1\2\3\4", object["0028,1201"])
        object = assert(dataset.decode(explicit("0008,1140", "\xFE\xFF\0\xE0\0\0\0\0"),
            "1.2.840.10008.1.2.1"))
        assert.is_nil((basic():apply(object)))
    end)

    it("replaces all text in a sequence that must have something in it", function()
        local object = after(basic(), { OperatorIdentificationSequence = { {
            PersonIdentificationCodeSequence = { { CodeValue = "123", CodeMeaning = "John Smith",
                CodingSchemeDesignator = "99X" } },
            InstitutionName = "Clinic", ["0040,1102"] = "Street 1" } } })
        local item = object.OperatorIdentificationSequence[1]
        assert.equal("ANONYMIZED", item.InstitutionName)
        assert.is_nil(item["0040,1102"])
        assert.equal("ANONYMIZED", item:get "PersonIdentificationCodeSequence[1].CodeMeaning")
    end)

    it("refuses what it cannot see into", function()
        for name, content in pairs {
            BurnedInAnnotation = { BurnedInAnnotation = "YES" },
            RecognizableVisualFeatures = { RecognizableVisualFeatures = "YES" },
            EncapsulatedDocument = { EncapsulatedDocument = "%PDF" },
            ContentSequence = { ContentSequence = { { TextValue = "John Smith" } } },
        } do
            local object = dataset.new(content)
            object.PatientName = "Smith"
            local report, err = basic():apply(object)
            assert.is_nil(report)
            assert.equal("deidentify-refused", err.code)
            assert.equal(name, err.keyword)
            assert.truthy(err.message:find(name, 1, true))
            assert.equal("Smith", object.PatientName)
        end
        local part = dataset.new { PatientName = "Smith" }
        dataset.core_of(part):bound "7fe0,0000"
        local _, err = basic():apply(part)
        assert.equal("deidentify-refused", err.code)
        assert.equal("Smith", part.PatientName)
    end)

    it("does as the table says with what it refused, if the profile is changed", function()
        local profile = deidentify.basic()
        profile.BurnedInAnnotation = "keep"
        profile.ContentSequence = "replace"
        local object = after(by(profile), { BurnedInAnnotation = "YES", ContentSequence = { {
            ValueType = "TEXT", TextValue = "John Smith",
            ConceptNameCodeSequence = { { CodeValue = "1", CodeMeaning = "Finding" } } } } })
        assert.equal("YES", object.BurnedInAnnotation)
        assert.equal("TEXT", object:get "ContentSequence[1].ValueType")
        assert.equal("ANONYMIZED", object:get "ContentSequence[1].TextValue")
    end)

    it("is a table that names each attribute once, however it is written", function()
        local profile = deidentify.basic()
        assert.equal("remove", profile.StudyDescription)
        profile.StudyDescription = "keep"
        assert.equal("keep", profile["0008,1030"])
        profile["(0008,103E)"] = "keep"
        assert.equal("keep", profile.SeriesDescription)
        profile.set.ClinicalTrialProtocolID = "T1"
        local object = after(by(profile), { StudyDescription = "a", SeriesDescription = "b" })
        assert.equal("a", object.StudyDescription)
        assert.equal("b", object.SeriesDescription)
        assert.equal("T1", object.ClinicalTrialProtocolID)
        assert.is_nil(deidentify.basic().set.ClinicalTrialProtocolID)
    end)
end)

describe("a profile with a mistake", function()
    it("is not taken, and the message says what was meant", function()
        for message, profile in pairs {
            ["no action 'remov' (did you mean 'remove'?)"] = { PatientName = "remov" },
            ["'PatientNam'; did you mean 'PatientName'"] = { PatientNam = "remove" },
            ["no field 'replce' (did you mean 'replace'?)"] = { PatientName = { replce = "" } },
            ["no action 'nil'"] = { PatientName = {} },
            ["the same attribute"] = { PatientName = "keep", ["0010,0010"] = "remove" },
            ["made of attributes"] = { "remove" },
        } do
            local done, err = pcall(function() by(profile) end)
            assert.is_false(done)
            assert.truthy(err:find("deidentify_spec.lua", 1, true), err)
            assert.truthy(err:find(message, 1, true), err)
        end
        assert.has_error(function() deidentify.new { secret = "x" } end)
        assert.has_error(function() deidentify.new { profile = {}, secrte = "x" } end)
        assert.has_error(function() deidentify.new { profile = {}, secret = "" } end)
        assert.has_error(function() deidentify.basic { retain_dates = "shift" } end)
        assert.has_error(function() deidentify.basic { retain_date = "full" } end)
        assert.has_error(function() by({}):apply {} end)
    end)
end)

describe("pydicom's objects", function()
    local files = support.pydicom_files()

    -- What must not be in an object any more: values of these, and elements that are removed.
    local IDENTIFYING = { "PatientName", "PatientID", "PatientBirthDate", "StudyDate",
        "AccessionNumber", "InstitutionName", "ReferringPhysicianName", "StudyDescription",
        "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID" }

    local function identifying(object)
        local known = {}
        for _, keyword in ipairs(IDENTIFYING) do
            local value = object[keyword]
            if type(value) == "string" and #value > 3 then known[value] = keyword end
        end
        return known
    end

    local function removed_tags()
        local tags = {}
        for tag, row in pairs(table_rows()) do
            if row[1] == "X" then tags[tag] = true end
        end
        return tags
    end

    -- DCMTK reads both, and Pixel Data of both are the same, fragments and all.
    local function assert_same_pixels(before, now)
        local dumped = box:run { "dcmdump", "-q", "+F", "+L", "+P", "7fe0,0010", before, now }
        assert.equal(0, dumped.code, dumped.err)
        local parts = {}
        for line in dumped.out:gmatch "[^\n]+" do
            if line:find "^# dcmdump" then
                parts[#parts + 1] = ""
            else
                parts[#parts] = parts[#parts] .. line .. "\n"
            end
        end
        assert.equal(2, #parts, before)
        assert.is_true(parts[1] == parts[2], before)
    end

    -- Writes an object, reads it with dcmdump and with us, and looks at all that is in it.
    local function check(path, object, known, removed)
        local out = box:new_path("out.dcm")
        assert(object:write(out))
        local bytes = support.read(out)
        assert.equal(("\0"):rep(128) .. "DICM", bytes:sub(1, 132), path)
        for value, keyword in pairs(known) do
            local found = #value >= 8 and bytes:find(value, 1, true)
            assert.is_falsy(found, path .. " " .. keyword)
        end
        assert_same_pixels(path, out)
        each_element(assert(dataset.read(out)), function(element, item)
            local where = ("%s %s %s"):format(path, element.tag, element.keyword)
            assert.is_nil(removed[element.tag], where)
            assert.equal(0, tonumber(element.tag:sub(4, 4), 16) % 2, where)
            assert.is_nil(element.tag:find "^[56]0%x%x,", where)
            if element.vr ~= "SQ" and not element.vr:find "^O" then
                assert.is_nil(known[item:get(element.tag)], where)
            end
        end)
        local meta = dataset.read(out):meta()
        assert.equal(object.SOPInstanceUID, meta.sop_instance, path)
    end

    it("tell nothing of their patients any more, and can still be read", function()
        if not files then pending "python3-pydicom is not installed" end
        local removed, refused, count, same = removed_tags(), {}, 0, {}
        for _, path in ipairs(files) do
            local original, object = dataset.read(path), dataset.read(path)
            if object and (object.SOPInstanceUID or "") ~= "" then
                local report, err = basic():apply(object)
                if report then
                    check(path, object, identifying(original), removed)
                    local before = same[original.SOPInstanceUID]
                    assert.is_true(before == nil or before == object.SOPInstanceUID)
                    same[original.SOPInstanceUID] = object.SOPInstanceUID
                    count = count + 1
                else
                    assert.equal("deidentify-refused", err.code)
                    refused[err.keyword] = (refused[err.keyword] or 0) + 1
                end
            end
        end
        assert.is_true(count >= 60, count)
        for keyword in pairs(refused) do
            -- structured reports, and objects whose sequences are written with VR UN
            assert.truthy(("ContentSequence ReferencedRTPlanSequence"):find(keyword, 1, true),
                keyword)
        end
    end)

    it("keep their dates apart when these move", function()
        if not files then pending "python3-pydicom is not installed" end
        local job, count = basic { retain_dates = "shifted" }, 0
        for _, path in ipairs(files) do
            local object = dataset.read(path)
            local study, content = object and object.StudyDate, object and object.ContentDate
            if study and content and #study == 8 and #content == 8 and job:apply(object) then
                local between = require("getscu.dates").days_between
                assert.equal(between(study, content), between(object.StudyDate, object.ContentDate))
                assert.not_equal(study, object.StudyDate)
                count = count + 1
            end
        end
        assert.is_true(count >= 10, count)
    end)
end)

describe("scripts/examples/deidentify.lua", function()
    local manifest = dofile "scripts/examples/deidentify.lua"

    it("de-identifies what comes, and refuses what it cannot", function()
        local options = { secret = "s", dates = "remove", keep_uids = false, keep_device = false,
            keep = { "StudyDescription" } }
        local object = dataset.new { PatientName = "Smith", StudyDescription = "chest",
            SOPInstanceUID = "1.2.3" }
        manifest.edit(object, { options = options })
        assert.equal("", object.PatientName)
        assert.equal("chest", object.StudyDescription)
        assert.equal(uid.derive("1.2.3", "s"), object.SOPInstanceUID)
        local done, err = pcall(manifest.edit, dataset.new { BurnedInAnnotation = "YES" },
            { options = options })
        assert.is_false(done)
        assert.equal("deidentify-refused", err.code)
    end)

    it("is a manifest that wants whole objects", function()
        assert.is_true(manifest.whole)
        local names = {}
        for i, option in ipairs(manifest.options) do names[i] = option[1] end
        assert.same({ "secret", "dates", "keep-uids", "keep-device", "keep" }, names)
    end)
end)

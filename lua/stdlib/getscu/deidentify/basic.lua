--- basic: the Basic Application Level Confidentiality Profile (PS3.15 annex E) as a profile table.
--
-- Where the table leaves a choice to the IOD, the action is taken that keeps every object valid: a
-- dummy where one is allowed (X/D, X/Z/D, Z/D), else zero length (X/Z), and in a sequence of
-- references (X/Z/U*) other UIDs.

local core = require "getscu.core"
local errors = require "getscu.errors"
local rules = require "getscu.deidentify.rules"
local rows = require "getscu.deidentify.confidentiality"

local basic = {}

local OPTIONS = { "retain_dates", "retain_uids", "retain_device", "retain_institution",
    "retain_patient", "retain_private", "clean_descriptors" }

local ACTIONS = { X = "remove", Z = "empty", D = "replace", U = "uid", XZ = "empty", XD = "replace",
    XZD = "replace", ZD = "replace", XZU = "uid" }

-- UIDs that name a kind of thing, not a thing.
local KINDS = { "SOPClassUID", "ReferencedSOPClassUID", "RelatedGeneralSOPClassUID",
    "OriginalSpecializedSOPClassUID", "SOPClassesInStudy", "SOPClassesSupported",
    "PertinentSOPClassesInStudy", "PertinentSOPClassesInSeries", "AvailableTransferSyntaxUID",
    "FlowTransferSyntaxUID", "MACCalculationTransferSyntaxUID", "EncryptedContentTransferSyntaxUID",
    "CodingSchemeUID", "ContextGroupExtensionCreatorUID", "ContextUID", "MappingResourceUID",
    "CreatorVersionUID" }

-- What the table does not say, and where less is kept than it would permit.
local BESIDES = {
    ["0000,xxxx"] = "remove", ["0002,xxxx"] = "remove", -- do not belong into a data set
    ["0000,1001"] = "remove", ["0002,0003"] = "remove",
    ["60xx,xxxx"] = "remove", -- an overlay without its data is none
    ["0010,0033"] = "remove", ["0010,0034"] = "remove", -- birth and death in other calendars
    ["0010,0035"] = "remove",
    PatientID = "hash", -- so that two patients do not become one
    BurnedInAnnotation = { refuse = "YES" },
    RecognizableVisualFeatures = { refuse = "YES" },
    EncapsulatedDocument = "refuse",
    ContentSequence = "refuse", -- of structured reports
    DirectoryRecordSequence = "refuse", -- of a DICOMDIR
    private = "remove",
    unknown = "remove",
    UN = "remove", -- nobody knows what is in it
    PN = "empty",
    UI = "uid",
    default = "keep",
}

-- ---- codes of CID 7050 -------------------------------------------------------------------------

local CODES = {
    { "113100", "Basic Application Confidentiality Profile" },
    { "113105", "Clean Descriptors Option", "clean_descriptors" },
    { "113106", "Retain Longitudinal Temporal Information Full Dates Option", "full" },
    { "113107", "Retain Longitudinal Temporal Information Modified Dates Option", "shifted" },
    { "113108", "Retain Patient Characteristics Option", "retain_patient" },
    { "113109", "Retain Device Identity Option", "retain_device" },
    { "113110", "Retain UIDs Option", "retain_uids" },
    { "113111", "Retain Safe Private Option", "retain_private" },
    { "113112", "Retain Institution Identity Option", "retain_institution" },
}

local TEMPORAL = { full = "UNMODIFIED", shifted = "MODIFIED" }

-- What the object says of its de-identification.
local function assigned(options)
    local codes = {}
    for _, row in ipairs(CODES) do
        local option = row[3]
        if not option or options[option] or option == options.retain_dates then
            codes[#codes + 1] = { CodeValue = row[1], CodingSchemeDesignator = "DCM",
                CodeMeaning = row[2] }
        end
    end
    return {
        PatientIdentityRemoved = "YES",
        DeidentificationMethod = ("PS3.15 Basic Profile 2026d, getscu %s"):format(core.version),
        DeidentificationMethodCodeSequence = codes,
        LongitudinalTemporalInformationModified = TEMPORAL[options.retain_dates] or "REMOVED",
    }
end

-- ---- rows of the table -------------------------------------------------------------------------

-- Which letter of the columns keeps, if an option is chosen.
local KEEPING = { u = "retain_uids", v = "retain_device", i = "retain_institution",
    p = "retain_patient" }

-- The action of a row. What is cleaned comes before what is kept.
local function action_of(letters, columns, options)
    local plain = ACTIONS[letters]
    if columns:find "d" and options.retain_dates == "shifted" then
        return { "date", otherwise = plain }
    end
    if columns:find "T" and options.clean_descriptors then
        return { "clean", otherwise = plain }
    end
    if columns:find "d" and options.retain_dates == "full" then return "keep" end
    for letter in columns:gmatch "%l" do
        if options[KEEPING[letter]] then return "keep" end
    end
    return plain
end

local function each_row(visit)
    for line in rows:gmatch "[^\n]+" do
        local group = line:sub(1, 4)
        for element, letters, columns in line:sub(5):gmatch "([%xx]+)=(%u+):?(%a*)" do
            if group ~= "odd " then visit(("%s,%s"):format(group, element), letters, columns) end
        end
    end
end

local function check(options)
    errors.check_fields(options, OPTIONS, "deidentify.basic")
    local dates = options.retain_dates
    if dates and not TEMPORAL[dates] then
        error("retain_dates is \"full\", \"shifted\" or false", 3)
    end
    if options.retain_private and type(options.retain_private) ~= "table" then
        error("retain_private is a list of private attributes, as '0019,xx23,GEMS_ACQU_01'", 3)
    end
end

-- Dates and times that the table does not know: those of industry, mostly.
local function add_temporal(profile, dates)
    local plain = dates == "full" and "keep" or "replace"
    profile.DA = dates == "shifted" and "date" or plain
    profile.DT = profile.DA
    profile.TM = dates and "keep" or plain
end

--- The Basic Profile, with options.
-- @param options table or nil; raises on others than these: retain_dates (false, "full",
--   "shifted"), retain_uids, retain_device, retain_institution, retain_patient, clean_descriptors
--   (true, false), retain_private (list of "gggg,xxee,CREATOR")
-- @return profile, a table of its own that may be changed
function basic.profile(options)
    options = options or {}
    check(options)
    local profile = rules.profile { set = assigned(options) }
    for key, action in pairs(BESIDES) do profile[key] = action end
    for _, keyword in ipairs(KINDS) do profile[keyword] = "keep" end
    add_temporal(profile, options.retain_dates)
    if options.retain_uids then profile.UI = "keep" end
    each_row(function(tag, letters, columns)
        local action = action_of(letters, columns, options)
        if profile[tag] == nil then profile[tag] = action end
    end)
    for _, key in ipairs(options.retain_private or {}) do profile[key] = "keep" end
    return profile
end

return basic

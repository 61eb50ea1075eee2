--- status: the DIMSE statuses of C-ECHO, C-FIND, C-GET and C-STORE.
--
-- PS3.4 annexes B (Storage), C (Query/Retrieve) and Y, Z (frame level retrieve); PS3.7 annex C for
-- what every service may answer. A status is an integer, Status (0000,0900).

local suggest = require "getscu.suggest"

local status = {
    SUCCESS = 0x0000,
    PENDING = 0xFF00,
    PENDING_WARNING = 0xFF01, -- C-FIND: an optional key is not supported
    CANCEL = 0xFE00,

    SUBOPERATIONS_FAILED = 0xB000, -- C-GET: one or more failures or warnings
    OUT_OF_RESOURCES_MATCHES = 0xA701, -- C-GET
    OUT_OF_RESOURCES_SUBOPERATIONS = 0xA702, -- C-GET
    IDENTIFIER_MISMATCH = 0xA900, -- C-FIND, C-GET: identifier does not match SOP class

    COERCION = 0xB000, -- C-STORE: attributes were changed
    ELEMENTS_DISCARDED = 0xB006, -- C-STORE
    DATA_SET_MISMATCH_WARNING = 0xB007, -- C-STORE: data set does not match SOP class
    OUT_OF_RESOURCES = 0xA700, -- C-STORE, C-FIND
    DATA_SET_MISMATCH = 0xA900, -- C-STORE
    CANNOT_UNDERSTAND = 0xC000, -- C-STORE; C001 and on are its kin
    BROKEN_DATA_SET = 0xC001, -- C-STORE: ours, its structure is not that of a data set
    UNABLE_TO_PROCESS = 0xC000, -- C-FIND, C-GET

    PROCESSING_FAILURE = 0x0110,
    INVALID_INSTANCE = 0x0117,
    SOP_CLASS_NOT_SUPPORTED = 0x0122,
    NOT_AUTHORIZED = 0x0124,
    DUPLICATE_INVOCATION = 0x0210,
    UNRECOGNIZED_OPERATION = 0x0211,
    MISTYPED_ARGUMENT = 0x0212,
}

-- Rows of {first, last, ...}. What no row has is a failure.
local classes = {
    { 0x0000, 0x0000, "success" },
    { 0x0001, 0x0001, "warning" },
    { 0x0107, 0x0107, "warning" },
    { 0x0116, 0x0116, "warning" },
    { 0xB000, 0xBFFF, "warning" },
    { 0xFE00, 0xFE00, "cancel" },
    { 0xFF00, 0xFF01, "pending" },
}

local general = {
    { 0x0000, 0x0000, "Success" },
    { 0x0001, 0x0001, "Warning: Requested optional attributes are not supported" },
    { 0x0105, 0x0105, "Failure: No such attribute" },
    { 0x0106, 0x0106, "Failure: Invalid attribute value" },
    { 0x0107, 0x0107, "Warning: Attribute list error" },
    { 0x0110, 0x0110, "Failure: Processing failure" },
    { 0x0111, 0x0111, "Failure: Duplicate SOP Instance" },
    { 0x0112, 0x0112, "Failure: No such SOP Instance" },
    { 0x0113, 0x0113, "Failure: No such event type" },
    { 0x0114, 0x0114, "Failure: No such argument" },
    { 0x0115, 0x0115, "Failure: Invalid argument value" },
    { 0x0116, 0x0116, "Warning: Attribute value out of range" },
    { 0x0117, 0x0117, "Failure: Invalid SOP Instance" },
    { 0x0118, 0x0118, "Failure: No such SOP Class" },
    { 0x0119, 0x0119, "Failure: Class-instance conflict" },
    { 0x0120, 0x0120, "Failure: Missing attribute" },
    { 0x0121, 0x0121, "Failure: Missing attribute value" },
    { 0x0122, 0x0122, "Refused: SOP Class not supported" },
    { 0x0123, 0x0123, "Failure: No such action type" },
    { 0x0124, 0x0124, "Refused: Not authorized" },
    { 0x0210, 0x0210, "Failure: Duplicate invocation" },
    { 0x0211, 0x0211, "Failure: Unrecognized operation" },
    { 0x0212, 0x0212, "Failure: Mistyped argument" },
    { 0x0213, 0x0213, "Failure: Resource limitation" },
    { 0xFE00, 0xFE00, "Cancel" },
    { 0xFF00, 0xFF01, "Pending" },
}

local services = {
    ["C-ECHO"] = {},
    ["C-STORE"] = {
        { 0xA700, 0xA7FF, "Refused: Out of Resources" },
        { 0xA900, 0xA9FF, "Error: Data Set does not match SOP Class" },
        { 0xB000, 0xB000, "Warning: Coercion of Data Elements" },
        { 0xB006, 0xB006, "Warning: Elements Discarded" },
        { 0xB007, 0xB007, "Warning: Data Set does not match SOP Class" },
        { 0xC000, 0xCFFF, "Error: Cannot understand" },
    },
    ["C-FIND"] = {
        { 0xA700, 0xA700, "Refused: Out of Resources" },
        { 0xA900, 0xA900, "Error: Identifier does not match SOP Class" },
        { 0xC000, 0xCFFF, "Failed: Unable to process" },
        { 0xFE00, 0xFE00, "Cancel: Matching terminated due to Cancel Request" },
        { 0xFF00, 0xFF00, "Pending: Matches are continuing" },
        { 0xFF01, 0xFF01, "Pending: Matches are continuing - Optional Keys not supported" },
    },
    ["C-GET"] = {
        { 0xA701, 0xA701, "Refused: Out of Resources - Unable to calculate number of matches" },
        { 0xA702, 0xA702, "Refused: Out of Resources - Unable to perform sub-operations" },
        { 0xA900, 0xA900, "Error: Identifier does not match SOP Class" },
        { 0xAA00, 0xAA00, "Failed: None of the frames requested were found" },
        { 0xAA01, 0xAA01, "Failed: Unable to create new object for this SOP Class" },
        { 0xAA02, 0xAA02, "Failed: Unable to extract frames" },
        { 0xAA03, 0xAA03, "Failed: Time-based request for non-time-based SOP Instance" },
        { 0xAA04, 0xAA04, "Failed: Invalid request" },
        { 0xB000, 0xB000, "Warning: Sub-operations complete - One or more failures or warnings" },
        { 0xC000, 0xCFFF, "Failed: Unable to process" },
        { 0xFE00, 0xFE00, "Cancel: Sub-operations terminated due to Cancel Indication" },
        { 0xFF00, 0xFF00, "Pending: Sub-operations are continuing" },
    },
}

-- The words in DCMTK's log for the statuses of a C-GET-RSP, which people's wrappers read.
local dcmtk_words = {
    { 0x0000, 0x0000, "Success" },
    { 0x0122, 0x0122, "Refused: SOPClassNotSupported" },
    { 0xA701, 0xA701, "Refused: OutOfResourcesNumberOfMatches" },
    { 0xA702, 0xA702, "Refused: OutOfResourcesSubOperations" },
    { 0xA900, 0xA900, "Error: DataSetDoesNotMatchSOPClass" },
    { 0xB000, 0xB000, "Warning: SubOperationsCompleteOneOrMoreFailures" },
    { 0xC000, 0xCFFF, "Failed: UnableToProcess" },
    { 0xFE00, 0xFE00, "Cancel: SubOperationsTerminatedDueToCancelIndication" },
    { 0xFF00, 0xFF00, "Pending" },
}

local function look_up(rows, code)
    for _, row in ipairs(rows) do
        if code >= row[1] and code <= row[2] then return row[3] end
    end
end

--- The class of a status: "success", "pending", "cancel", "warning" or "failure".
-- @param code integer
function status.class(code)
    return look_up(classes, code) or "failure"
end

--- The standard's words for a status of a service.
-- @param service "C-ECHO", "C-FIND", "C-GET" or "C-STORE"; raises on others
-- @param code integer
-- @return string, as in "Refused: Out of Resources - Unable to perform sub-operations"
function status.describe(service, code)
    local rows = services[service] or error("unknown service '" .. tostring(service) .. "'", 2)
    return look_up(rows, code) or look_up(general, code)
        or ("Unknown status 0x%04x"):format(code)
end

local function words_of(rows, words)
    for _, row in ipairs(rows) do
        local text = row[3]:lower()
        if text == words or text:match "^%a+: (.*)$" == words then return row[1] end
    end
end

local function all_words()
    local list = {}
    for _, rows in ipairs { general, services["C-STORE"], services["C-FIND"], services["C-GET"] } do
        for _, row in ipairs(rows) do
            list[#list + 1] = row[3]
            list[#list + 1] = row[3]:match "^%a+: (.*)$" -- nil adds nothing
        end
    end
    return list
end

--- The status that the standard's words name, with their category or without.
-- @param words as in "Refused: Out of Resources", "Processing failure" (case does not count), or
--   the name of a constant of this module, as "OUT_OF_RESOURCES"
-- @param service "C-ECHO", "C-FIND", "C-GET", or "C-STORE" (default): where it differs
-- @return integer; raises on unknown words, with the nearest ones
function status.code(words, service)
    if math.type(status[words]) == "integer" then return status[words] end
    local rows = services[service or "C-STORE"]
        or error("unknown service '" .. tostring(service) .. "'", 2)
    local wanted = tostring(words):lower()
    return words_of(rows, wanted) or words_of(general, wanted)
        or error(("no status is called '%s'%s"):format(tostring(words),
            suggest.hint(wanted, all_words())), 2)
end

-- What is an object's own fault, by the code of the error.
local refusals = {
    ["object-broken"] = status.BROKEN_DATA_SET,
    ["object-empty"] = status.DATA_SET_MISMATCH,
    ["object-mismatch"] = status.DATA_SET_MISMATCH,
}

--- How a C-STORE is answered that failed by the object's own fault.
-- @param code of the error, as in getscu.errors
-- @return status, or nil: it was not the object's
function status.refusal(code)
    return refusals[code]
end

--- What stands in the parentheses of DCMTK's "Received C-GET Response (...)".
-- @param code integer
-- @return string
function status.short(code)
    return look_up(dcmtk_words, code) or ("Unknown Status: 0x%x"):format(code)
end

return status

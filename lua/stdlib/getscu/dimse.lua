--- dimse: the numbers of the commands, and the information models (PS3.7 annex E, PS3.4 annex C).

local core = require "getscu.core"

local dimse = {
    C_STORE_RQ = 0x0001,
    C_STORE_RSP = 0x8001,
    C_GET_RQ = 0x0010,
    C_GET_RSP = 0x8010,
    C_FIND_RQ = 0x0020,
    C_FIND_RSP = 0x8020,
    C_MOVE_RQ = 0x0021,
    C_MOVE_RSP = 0x8021,
    C_ECHO_RQ = 0x0030,
    C_ECHO_RSP = 0x8030,
    C_CANCEL_RQ = 0x0FFF,
    RESPONSE = 0x8000, -- the bit that a response has
    MEDIUM = 0,
    HIGH = 1,
    LOW = 2,
}

--- The short name of each command, for messages and logs.
dimse.names = {
    [dimse.C_STORE_RQ] = "C-STORE-RQ",
    [dimse.C_STORE_RSP] = "C-STORE-RSP",
    [dimse.C_GET_RQ] = "C-GET-RQ",
    [dimse.C_GET_RSP] = "C-GET-RSP",
    [dimse.C_FIND_RQ] = "C-FIND-RQ",
    [dimse.C_FIND_RSP] = "C-FIND-RSP",
    [dimse.C_MOVE_RQ] = "C-MOVE-RQ",
    [dimse.C_MOVE_RSP] = "C-MOVE-RSP",
    [dimse.C_ECHO_RQ] = "C-ECHO-RQ",
    [dimse.C_ECHO_RSP] = "C-ECHO-RSP",
    [dimse.C_CANCEL_RQ] = "C-CANCEL-RQ",
}

--- Whether a CommandField is one of PS3.7 annex E: of DIMSE-C, or N-EVENT-REPORT to N-DELETE.
function dimse.is_known(field)
    local request = field & ~dimse.RESPONSE
    local is_normalized = request >= 0x0100 and request <= 0x0150 and request & 0x0F == 0
    return is_normalized or dimse.names[field] ~= nil
end

dimse.VERIFICATION = "1.2.840.10008.1.1"

--- SOP classes of the information models: models[name].find, .get, .move.
dimse.models = {
    patient = {
        find = "1.2.840.10008.5.1.4.1.2.1.1",
        move = "1.2.840.10008.5.1.4.1.2.1.2",
        get = "1.2.840.10008.5.1.4.1.2.1.3",
    },
    study = {
        find = "1.2.840.10008.5.1.4.1.2.2.1",
        move = "1.2.840.10008.5.1.4.1.2.2.2",
        get = "1.2.840.10008.5.1.4.1.2.2.3",
    },
    psonly = {
        find = "1.2.840.10008.5.1.4.1.2.3.1",
        move = "1.2.840.10008.5.1.4.1.2.3.2",
        get = "1.2.840.10008.5.1.4.1.2.3.3",
    },
    composite = { move = "1.2.840.10008.5.1.4.1.2.4.2", get = "1.2.840.10008.5.1.4.1.2.4.3" },
    withoutbulkdata = { get = "1.2.840.10008.5.1.4.1.2.5.3" },
}

--- The unique key of each level (PS3.4 C.6.1.1 and C.6.2.1).
dimse.UNIQUE_KEYS = { PATIENT = "PatientID", STUDY = "StudyInstanceUID",
    SERIES = "SeriesInstanceUID", IMAGE = "SOPInstanceUID" }

local rows, by_uid

local function uids()
    rows = rows or core.uids()
    return rows
end

local function entry(uid)
    if not by_uid then
        by_uid = {}
        for _, row in ipairs(uids()) do by_uid[row.uid] = row end
    end
    return by_uid[uid]
end

--- The name of a UID for messages: the table's, else the dictionary's, else the UID.
function dimse.name_of(uid)
    local row = entry(uid)
    return row and row.name or core.dataset.uid_name(uid) or uid
end

--- Whether a UID is a SOP class of Query/Retrieve.
function dimse.is_query(uid)
    local row = entry(uid)
    return row ~= nil and (row.kind == "find" or row.kind == "get" or row.kind == "move")
end

--- What a UID of the core's table is: "verification", "storage", "find", "get", "move" or "transfer
-- syntax"; nil for others.
function dimse.kind(uid)
    local row = entry(uid)
    return row and row.kind
end

--- Names to UIDs of one kind of the table: "storage", "transfer syntax", ...
function dimse.names_of(kind)
    local names = {}
    for _, row in ipairs(uids()) do
        if row.kind == kind then names[row.name] = row.uid end
    end
    return names
end

--- UIDs of the 122 storage SOP classes, in the order of the manual.
function dimse.storage_classes()
    local list = {}
    for _, row in ipairs(uids()) do
        if row.kind == "storage" then list[#list + 1] = row.uid end
    end
    return list
end

return dimse

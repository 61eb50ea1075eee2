--- candidates: which SOP classes an object may have whose class the peer does not tell.

local dimse = require "getscu.dimse"

local candidates = {}

local PREFIX = "1.2.840.10008.5.1.4.1.1."

-- Modality (0008,0060) to the last parts of storage SOP class UIDs, the likely ones first.
local by_modality = {
    CR = { "1" },
    CT = { "2", "2.1", "2.2" },
    DX = { "1.1", "1.1.1" },
    IO = { "1.3", "1.3.1" },
    MG = { "1.2", "1.2.1", "13.1.3" },
    MR = { "4", "4.1", "4.2", "4.3", "4.4" },
    US = { "6.1", "3.1", "6.2", "6", "3" },
    IVUS = { "6.1", "3.1" },
    NM = { "20", "5" },
    PT = { "128", "130", "128.1" },
    XA = { "12.1", "12.1.1", "13.1.1", "12.3" },
    RF = { "12.2", "12.2.1" },
    OT = { "7", "7.4", "7.2", "7.3", "7.1", "104.1" },
    SC = { "7", "7.4", "7.2", "7.3", "7.1" },
    ES = { "77.1.1", "77.1.1.1", "77.1.4" },
    GM = { "77.1.2", "77.1.2.1" },
    SM = { "77.1.6", "77.1.3" },
    XC = { "77.1.4", "77.1.4.1" },
    OP = { "77.1.5.1", "77.1.5.2" },
    OPT = { "77.1.5.4" },
    IVOCT = { "14.1", "14.2" },
    RTIMAGE = { "481.1" },
    RTDOSE = { "481.2" },
    RTSTRUCT = { "481.3" },
    RTPLAN = { "481.5", "481.8" },
    RTRECORD = { "481.4", "481.6", "481.7", "481.9" },
    SR = { "88.33", "88.22", "88.11", "88.34", "88.67" },
    KO = { "88.59" },
    PR = { "11.1", "11.2", "11.3", "11.4" },
    ECG = { "9.1.1", "9.1.2", "9.1.3" },
    SEG = { "66.4", "66.5" },
    REG = { "66.1", "66.3" },
    DOC = { "104.1", "104.2" },
}

-- Classes of objects that are often compressed: with these a search begins that knows nothing.
local usual = { "2", "4", "6.1", "3.1", "7", "1", "1.1", "1.2", "12.1", "12.2", "20", "128", "7.4",
    "7.2", "77.1.4", "77.1.1", "77.1.6", "2.1", "4.1" }

local function append(list, seen, uids)
    for _, uid in ipairs(uids) do
        if not seen[uid] then
            seen[uid] = true
            list[#list + 1] = uid
        end
    end
end

local function complete(parts)
    local uids = {}
    for i, part in ipairs(parts or {}) do uids[i] = PREFIX .. part end
    return uids
end

--- The classes that some objects have, or are likely to have: those that the peer told, then those
-- of their modalities; where neither is known, the usual ones.
-- @param objects list of tables as of getscu.inventory; may be empty
-- @return list of SOP class UIDs without repetition
function candidates.likely(objects)
    local list, seen = {}, {}
    for _, object in ipairs(objects) do
        local class = object.SOPClassUID
        if class and class ~= "" then append(list, seen, { class }) end
    end
    for _, object in ipairs(objects) do
        local class = object.SOPClassUID
        if not class or class == "" then
            append(list, seen, complete(by_modality[object.Modality]))
        end
    end
    if #list == 0 then append(list, seen, complete(usual)) end
    return list
end

--- The likely classes, and then all others.
function candidates.all(objects)
    local list, seen = {}, {}
    append(list, seen, candidates.likely(objects))
    append(list, seen, dimse.storage_classes())
    return list
end

return candidates

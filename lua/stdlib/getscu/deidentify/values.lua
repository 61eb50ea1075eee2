--- values: what stands in place of values that identify somebody.

local core = require "getscu.core"
local dates = require "getscu.dates"
local uid = require "getscu.uid"

local values = {}

local TEXT = "ANONYMIZED"
local WELL_KNOWN = "1.2.840.10008." -- UIDs that the standard gives
local HASH_BYTES = 8 -- of a pseudonym: sixteen digits fit every text

--- A dummy for each VR, but for UI and SQ.
values.DUMMIES = {
    AE = TEXT, AS = "000Y", CS = TEXT, DA = "19000101", DS = 0, DT = "19000101000000", FD = 0,
    FL = 0, IS = 0, LO = TEXT, LT = TEXT, PN = TEXT, SH = TEXT, SL = 0, SS = 0, ST = TEXT, SV = 0,
    TM = "000000", UC = TEXT, UL = 0, UR = "urn:anonymized", US = 0, UT = TEXT, UV = 0,
    AT = "(0000,0000)", OB = "\0\0", OD = ("\0"):rep(8), OF = ("\0"):rep(4), OL = ("\0"):rep(4),
    OV = ("\0"):rep(8), OW = "\0\0", UN = "\0\0",
}

--- VRs of text that a pseudonym fits into.
values.PSEUDONYMS = { AE = true, CS = true, LO = true, LT = true, PN = true, SH = true, ST = true,
    UC = true, UT = true }

local function each(text, change)
    local list = {}
    for one in (text .. "\\"):gmatch "([^\\]*)\\" do list[#list + 1] = change(one) end
    return table.concat(list, "\\")
end

--- Other UIDs for UIDs, the same for the same under one secret. Those that the standard gives stay.
-- @param text one, or several separated by backslashes
function values.uids(text, secret)
    return each(text, function(one)
        local trimmed = one:match "^[%s%z]*(.-)[%s%z]*$"
        if trimmed == "" or trimmed:sub(1, #WELL_KNOWN) == WELL_KNOWN then return trimmed end
        return uid.derive(trimmed, secret)
    end)
end

--- A text that tells nothing of another, but is the same for the same under one secret.
function values.pseudonym(text, secret)
    local trimmed = text:match "^%s*(.-)%s*$"
    if trimmed == "" then return "" end
    local hash = core.system.hmac_sha256(secret, "pseudonym\0" .. trimmed):sub(1, HASH_BYTES)
    return (hash:gsub(".", function(byte) return ("%02X"):format(byte:byte()) end))
end

--- How many days dates of a patient are moved: the same for the same under one secret.
-- @param patient text that names the patient
-- @param least, most how many days earlier
-- @return integer to add to a date
function values.days(patient, secret, least, most)
    local hash = core.system.hmac_sha256(secret, "days\0" .. patient)
    local number = string.unpack("<I7", hash)
    return -(least + number % (most - least + 1))
end

--- Dates so many days later; what is no date becomes empty.
-- @param text of VR DA or DT, one, or several separated by backslashes
function values.dates(text, days)
    return each(text, function(one)
        if one:find "^%s*$" then return "" end
        return dates.add_days(one, days) or ""
    end)
end

return values

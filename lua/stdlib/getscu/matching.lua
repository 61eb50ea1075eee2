--- matching: whether a value matches a key of a query (PS3.4 C.2.2.2).
--
--     local matches = matching.of("PN", "yam*")
--     matches("Yamada^Tarou=山田^太郎") --> true
--
-- Values and keys are UTF-8, several values separated by backslashes. Any key is safe: the time
-- that a match takes grows with the product of both lengths, no faster.

local matching = {}

local function trim(text)
    return (text:gsub("^[ \0]+", ""):gsub("[ \0]+$", ""))
end

-- Values separated by backslashes, one after the other.
local function each(text)
    return (text .. "\\"):gmatch "([^\\]*)\\"
end

-- --- letters, without regard to case -------------------------------------------------------------

-- First and last capital letter of a range, and how far away its small ones are.
local CAPITALS = {
    { 0x41, 0x5A, 32 }, { 0xC0, 0xD6, 32 }, { 0xD8, 0xDE, 32 }, -- Latin
    { 0x391, 0x3A1, 32 }, { 0x3A3, 0x3AB, 32 }, -- Greek
    { 0x400, 0x40F, 80 }, { 0x410, 0x42F, 32 }, -- Cyrillic
    { 0xFF21, 0xFF3A, 32 }, -- full width
}

-- Latin Extended-A is in pairs: a capital and its small letter. Capitals are even, but here odd.
local function is_odd_pair(code)
    return code >= 0x139 and code <= 0x148 or code >= 0x179
end

local function small(code)
    if code >= 0x100 and code <= 0x17E and code ~= 0x138 then
        return is_odd_pair(code) and code + (code & 1) or code | 1
    end
    for _, range in ipairs(CAPITALS) do
        if code >= range[1] and code <= range[2] then return code + range[3] end
    end
    return code
end

-- The code points of a text; of bytes that are no UTF-8, the bytes.
local function letters(text, fold)
    local list = {}
    if not utf8.len(text) then
        for i = 1, #text do list[i] = text:byte(i) end
        return list
    end
    for _, code in utf8.codes(text) do list[#list + 1] = fold and small(code) or code end
    return list
end

-- --- wildcards -----------------------------------------------------------------------------------

local ANY, ONE = ("*?"):byte(1, 2)

-- Goes back to the last `*` alone: what an earlier one took cannot matter any more.
local function wildcard_matches(key, value)
    local at, from, star, resume = 1, 1, nil, nil
    while from <= #value do
        local letter = key[at]
        if letter == ANY then
            star, resume = at, from
            at = at + 1
        elseif letter and (letter == ONE or letter == value[from]) then
            at, from = at + 1, from + 1
        elseif star then
            resume = resume + 1
            at, from = star + 1, resume
        else
            return false
        end
    end
    while key[at] == ANY do at = at + 1 end
    return at > #key
end

local function wildcard(key, fold)
    local wanted = letters(trim(key), fold)
    return function(text)
        for value in each(text) do
            if wildcard_matches(wanted, letters(trim(value), fold)) then return true end
        end
        return false
    end
end

-- --- person names --------------------------------------------------------------------------------

-- Empty components and groups at the end mean nothing (PS3.5 6.2.1.1).
local function plain_name(text)
    return (trim(text):gsub("%^+=", "="):gsub("[%^=]+$", ""))
end

-- A name matches as a whole, or by one of its groups: alphabetic, ideographic, phonetic.
local function person_name(key)
    local wanted = letters(plain_name(key), true)
    return function(text)
        for value in each(text) do
            local name = plain_name(value)
            if wildcard_matches(wanted, letters(name, true)) then return true end
            for group in name:gmatch "[^=]+" do
                if wildcard_matches(wanted, letters(plain_name(group), true)) then return true end
            end
        end
        return false
    end
end

-- --- ranges --------------------------------------------------------------------------------------

-- Digits alone, so that texts compare as dates and times do ("2020.01.31" was a date once).
local function moment(text)
    return (trim(text):gsub("[.:]", ""))
end

local FIRST, LAST = ("0"):rep(20), ("9"):rep(20)

local function range(key)
    local from, to = key:match "^([^-]*)%-([^-]*)$"
    if not from then from, to = key, key end
    local low, high = moment(from), moment(to)
    if low == "" and high == "" then return nil end
    low = (low .. FIRST):sub(1, #FIRST)
    high = (high .. LAST):sub(1, #LAST)
    return function(text)
        for value in each(text) do
            local given = moment(value)
            local full = (given .. FIRST):sub(1, #FIRST)
            if given ~= "" and full >= low and full <= high then return true end
        end
        return false
    end
end

-- --- lists and numbers ---------------------------------------------------------------------------

local function uid_list(key)
    local wanted, count = {}, 0
    for uid in each(key) do
        uid = trim(uid)
        if uid ~= "" then wanted[uid], count = true, count + 1 end
    end
    if count == 0 then return nil end
    return function(text)
        for uid in each(text) do
            if wanted[trim(uid)] then return true end
        end
        return false
    end, wanted
end

local function number(key)
    local wanted = tonumber(key)
    if not wanted then return wildcard(key) end
    return function(text)
        for value in each(text) do
            if tonumber(value) == wanted then return true end
        end
        return false
    end
end

local function case_sensitive(key) return wildcard(key, false) end

local BY_VR = { UI = uid_list, PN = person_name, DA = range, TM = range, DT = range, IS = number,
    DS = number, US = number, SS = number, UL = number, SL = number, FL = number, FD = number }

--- A function that tells whether a value matches a key.
-- @param vr string: value representation of the key
-- @param key string or number, or nil
-- @return function(value: string, number or nil) -> boolean; nil where every value matches
--   (universal matching); for UIDs also the set of those wanted
function matching.of(vr, key)
    local text = trim(tostring(key or ""))
    if text == "" or vr == "SQ" or (text:find "^%*+$" and vr ~= "UI") then return nil end
    local matches, wanted = (BY_VR[vr] or case_sensitive)(text)
    if not matches then return nil end
    return function(value) return matches(tostring(value or "")) end, wanted
end

return matching

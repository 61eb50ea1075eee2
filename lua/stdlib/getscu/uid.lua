--- uid: unique identifiers (PS3.5 section 9): their names, what they are, and new ones.

local core = require "getscu.core"
local dataset = require "getscu.dataset"
local dimse = require "getscu.dimse"

local uid = {}

local LENGTH_MAX = 64 -- characters, PS3.5 section 9.1
local LIMB = 1000000000 -- nine decimal digits

local QUERY = { find = true, get = true, move = true }

--- Whether a text is a UID: numbers without leading zeros between dots, at most 64 characters.
function uid.is_valid(text)
    if type(text) ~= "string" or #text > LENGTH_MAX or not text:find "^%d[%d.]*$" then
        return false
    end
    for number in (text .. "."):gmatch "(%d*)%." do
        if number == "" or number:find "^0%d" then return false end
    end
    return true
end

--- The name of a UID, as "CTImageStorage", or nil.
function uid.name(text)
    local name = dimse.name_of(text)
    return name ~= text and name or nil
end

local by_name

--- The UID of a name, as uid.name() gives it, or nil.
function uid.named(name)
    if not by_name then
        by_name = {}
        for _, row in ipairs(core.uids()) do by_name[row.name] = row.uid end
    end
    return by_name[name] or core.dataset.uid_named(name)
end

--- What a UID is: "storage", "query" (C-FIND, C-GET, C-MOVE), "verification", "transfer syntax";
-- nil: an instance, or something else.
function uid.class(text)
    local kind = dimse.kind(text)
    return QUERY[kind] and "query" or kind
end

--- A new UID.
uid.generate = dataset.uid_generate

-- The decimal digits of a number of bytes, the first of which counts most.
local function decimal(bytes)
    local limbs = { 0 } -- of nine digits, the first of which counts least
    for i = 1, #bytes do
        local carry = bytes:byte(i)
        for at, limb in ipairs(limbs) do
            local number = limb * 256 + carry
            limbs[at], carry = number % LIMB, number // LIMB
        end
        if carry > 0 then limbs[#limbs + 1] = carry end
    end
    local digits = tostring(limbs[#limbs])
    for at = #limbs - 1, 1, -1 do digits = digits .. ("%09d"):format(limbs[at]) end
    return digits
end

-- Makes 16 bytes a UUID of version 8 (RFC 9562), one whose bits are somebody's own.
local function to_uuid(bytes)
    return bytes:sub(1, 6) .. string.char(bytes:byte(7) & 0x0F | 0x80) .. bytes:sub(8, 8)
        .. string.char(bytes:byte(9) & 0x3F | 0x80) .. bytes:sub(10, 16)
end

--- A UID that follows from another one (or any text) and a secret: the same from the same, and
-- without the secret nobody can tell from which. It is a UUID under 2.25 (PS3.5 annex B.2).
-- @param text the original
-- @param secret string
-- @return string
function uid.derive(text, secret)
    local hash = core.system.hmac_sha256(secret, "uid\0" .. text)
    return "2.25." .. decimal(to_uuid(hash:sub(1, 16)))
end

return uid

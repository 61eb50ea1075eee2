--- syntaxes: transfer syntaxes by name, and the lists that the options +x.. and -x.. stand for.

local syntaxes = {
    IMPLICIT_LITTLE = "1.2.840.10008.1.2",
    EXPLICIT_LITTLE = "1.2.840.10008.1.2.1",
    EXPLICIT_BIG = "1.2.840.10008.1.2.2",
    DEFLATED = "1.2.840.10008.1.2.1.99",
}

local LITTLE, BIG, IMPLICIT = syntaxes.EXPLICIT_LITTLE, syntaxes.EXPLICIT_BIG,
    syntaxes.IMPLICIT_LITTLE

local is_little = string.pack("=I2", 1) == string.pack("<I2", 1)

--- All uncompressed transfer syntaxes, Explicit VR in this machine's byte order first.
syntaxes.UNCOMPRESSED = is_little and { LITTLE, BIG, IMPLICIT } or { BIG, LITTLE, IMPLICIT }

local uncompressed = {}
for _, uid in ipairs(syntaxes.UNCOMPRESSED) do uncompressed[uid] = true end

--- Whether a transfer syntax is one of them.
function syntaxes.is_uncompressed(uid)
    return uncompressed[uid] == true
end

-- Those of the manual that compress pixel data, by the names of the options --prefer-...
local compressed = {
    { "jpeg8", "1.2.840.10008.1.2.4.50" },
    { "jpeg12", "1.2.840.10008.1.2.4.51" },
    { "lossless", "1.2.840.10008.1.2.4.70" },
    { "jls-lossless", "1.2.840.10008.1.2.4.80" },
    { "jls-lossy", "1.2.840.10008.1.2.4.81" },
    { "j2k-lossless", "1.2.840.10008.1.2.4.90" },
    { "j2k-lossy", "1.2.840.10008.1.2.4.91" },
    { "mpeg2", "1.2.840.10008.1.2.4.100" },
    { "mpeg2-high", "1.2.840.10008.1.2.4.101" },
    { "mpeg4", "1.2.840.10008.1.2.4.102" },
    { "mpeg4-bd", "1.2.840.10008.1.2.4.103" },
    { "mpeg4-2-2d", "1.2.840.10008.1.2.4.104" },
    { "mpeg4-2-3d", "1.2.840.10008.1.2.4.105" },
    { "mpeg4-2-st", "1.2.840.10008.1.2.4.106" },
    { "hevc", "1.2.840.10008.1.2.4.107" },
    { "hevc10", "1.2.840.10008.1.2.4.108" },
    { "rle", "1.2.840.10008.1.2.5" },
}

--- Compressed syntaxes in which an archive may hold objects: those of the manual, and what it has
-- not (JPEG lossless of any selection value, multi-component JPEG 2000, High-Throughput JPEG 2000).
syntaxes.COMPRESSED = {}
for i, row in ipairs(compressed) do syntaxes.COMPRESSED[i] = row[2] end
for _, uid in ipairs { "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93",
    "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203" } do
    table.insert(syntaxes.COMPRESSED, uid)
end

local function with_uncompressed(first)
    return { first, table.unpack(syntaxes.UNCOMPRESSED) }
end

-- What +x.. means for the storage contexts, the preferred syntax first.
local preferred = {
    uncompr = syntaxes.UNCOMPRESSED,
    little = { LITTLE, BIG, IMPLICIT },
    big = { BIG, LITTLE, IMPLICIT },
    implicit = { IMPLICIT },
    deflated = with_uncompressed(syntaxes.DEFLATED),
}
for _, row in ipairs(compressed) do preferred[row[1]] = with_uncompressed(row[2]) end

--- The transfer syntaxes that an option --prefer-NAME or --propose-NAME stands for.
-- @param name string, or nil: "uncompr"
-- @return list of UIDs, the preferred one first
function syntaxes.preferred(name)
    return preferred[name or "uncompr"] or error("no transfer syntax is called " .. name, 2)
end

return syntaxes

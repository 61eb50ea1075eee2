--- options.syntaxes: two groups of the network section, the transfer syntaxes by choice.

-- A row: short name, long name, value, English, and Japanese where it is not the same.
local function rows(field, list)
    for i, row in ipairs(list) do
        local short, long, value, en, ja = table.unpack(row)
        list[i] = { short, long, field = field, value = value, en = en, ja = ja or en,
            default = i == 1 or nil, ready = true }
    end
    return list
end

local preferred = rows("prefer", {
    { "+x=", "--prefer-uncompr", "uncompr", "Explicit VR in this machine's byte order",
        "Explicit VR、この機械のバイト順" },
    { "+xe", "--prefer-little", "little", "Explicit VR Little Endian" },
    { "+xb", "--prefer-big", "big", "Explicit VR Big Endian" },
    { "+xs", "--prefer-lossless", "lossless", "JPEG Lossless, process 14 selection value 1",
        "JPEG 可逆(process 14、選択値 1)" },
    { "+xy", "--prefer-jpeg8", "jpeg8", "JPEG Baseline, 8 bits", "JPEG Baseline、8 ビット" },
    { "+xx", "--prefer-jpeg12", "jpeg12", "JPEG Extended, 12 bits", "JPEG Extended、12 ビット" },
    { "+xv", "--prefer-j2k-lossless", "j2k-lossless", "JPEG 2000, lossless only",
        "JPEG 2000、可逆のみ" },
    { "+xw", "--prefer-j2k-lossy", "j2k-lossy", "JPEG 2000" },
    { "+xt", "--prefer-jls-lossless", "jls-lossless", "JPEG-LS Lossless", "JPEG-LS 可逆" },
    { "+xu", "--prefer-jls-lossy", "jls-lossy", "JPEG-LS Near-Lossless", "JPEG-LS 準可逆" },
    { "+xm", "--prefer-mpeg2", "mpeg2", "MPEG2 Main Profile, Main Level" },
    { "+xh", "--prefer-mpeg2-high", "mpeg2-high", "MPEG2 Main Profile, High Level" },
    { "+xn", "--prefer-mpeg4", "mpeg4", "H.264 High Profile, Level 4.1" },
    { "+xl", "--prefer-mpeg4-bd", "mpeg4-bd", "H.264 High Profile, Level 4.1, BD-compatible",
        "H.264 High Profile, Level 4.1、BD 互換" },
    { "+x2", "--prefer-mpeg4-2-2d", "mpeg4-2-2d", "H.264 High Profile, Level 4.2, for 2D video",
        "H.264 High Profile, Level 4.2、2D 動画" },
    { "+x3", "--prefer-mpeg4-2-3d", "mpeg4-2-3d", "H.264 High Profile, Level 4.2, for 3D video",
        "H.264 High Profile, Level 4.2、3D 動画" },
    { "+xo", "--prefer-mpeg4-2-st", "mpeg4-2-st", "H.264 Stereo High Profile, Level 4.2" },
    { "+x4", "--prefer-hevc", "hevc", "H.265 Main Profile, Level 5.1" },
    { "+x5", "--prefer-hevc10", "hevc10", "H.265 Main 10 Profile, Level 5.1" },
    { "+xr", "--prefer-rle", "rle", "RLE Lossless", "RLE 可逆" },
    { "+xd", "--prefer-deflated", "deflated", "Deflated Explicit VR Little Endian" },
    { "+xi", "--implicit", "implicit", "Implicit VR Little Endian, and no other",
        "Implicit VR Little Endian に限る" },
})
preferred.name = "preferred storage transfer syntaxes (incoming associations)"
preferred.en, preferred.ja = "transfer syntax preferred for objects", "オブジェクトに望む転送構文"

local proposed = rows("propose", {
    { "-x=", "--propose-uncompr", "uncompr", "all uncompressed, this machine's byte order first",
        "非圧縮の全部、この機械のバイト順が先頭" },
    { "-xe", "--propose-little", "little", "all uncompressed, Explicit VR Little Endian first",
        "非圧縮の全部、Explicit VR Little Endian が先頭" },
    { "-xb", "--propose-big", "big", "all uncompressed, Explicit VR Big Endian first",
        "非圧縮の全部、Explicit VR Big Endian が先頭" },
    { "-xd", "--propose-deflated", "deflated",
        "Deflated Explicit VR Little Endian, then all uncompressed",
        "Deflated Explicit VR Little Endian、続いて非圧縮の全部" },
    { "-xi", "--propose-implicit", "implicit", "Implicit VR Little Endian, and no other",
        "Implicit VR Little Endian に限る" },
})
proposed.name = "proposed retrieve transfer syntaxes (outgoing associations)"
proposed.en, proposed.ja = "transfer syntaxes proposed for the query", "クエリに提案する転送構文"

return { preferred = preferred, proposed = proposed }

--- pictures: small synthetic images, and what a PNG shows.

local getscu = require "getscu"

local pictures = {}

local BYTES = { [8] = "B", [16] = "I2", [32] = "I4" }

--- A data set with an image of one sample per pixel: rows of numbers, or frames of rows.
-- @param rows list of lists of integers; with `fields.NumberOfFrames` a list of such lists
-- @param fields table or nil: attributes that are other than those of 16 bits, MONOCHROME2
function pictures.grey(rows, fields)
    fields = fields or {}
    local frames = fields.NumberOfFrames and rows or { rows }
    local bits = fields.BitsAllocated or 16
    local form = "<" .. BYTES[bits]
    if fields.PixelRepresentation == 1 then form = form:lower() end
    local samples = {}
    for _, frame in ipairs(frames) do
        for _, row in ipairs(frame) do
            for _, value in ipairs(row) do samples[#samples + 1] = form:pack(value) end
        end
    end
    return pictures.image(#frames[1], #frames[1][1], table.concat(samples), fields)
end

--- A data set with an image of these bytes.
function pictures.image(rows, columns, bytes, fields)
    fields = fields or {}
    local all = {
        SOPClassUID = "1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID = "2.25.4711",
        StudyInstanceUID = "2.25.1", SeriesInstanceUID = "2.25.2", Modality = "OT",
        SamplesPerPixel = 1, PhotometricInterpretation = "MONOCHROME2", Rows = rows,
        Columns = columns, BitsAllocated = 16, PixelRepresentation = 0,
        PixelData = #bytes % 2 == 0 and bytes or bytes .. "\0",
    }
    for name, value in pairs(fields) do all[name] = value end
    all.BitsStored = fields.BitsStored or all.BitsAllocated
    all.HighBit = all.BitsStored - 1
    return getscu.dataset.new(all)
end

--- Fields of a colour image of 8 bits.
function pictures.color(photometric, fields)
    local all = { SamplesPerPixel = 3, PhotometricInterpretation = photometric, BitsAllocated = 8,
        PlanarConfiguration = 0 }
    for name, value in pairs(fields or {}) do all[name] = value end
    return all
end

-- Checks the signature and the sums of all chunks; says what the pixels are.
local READER = [[
import struct, sys, zlib
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n", "signature"
at, packed, ended = 8, b"", False
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + size]
    assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
    at += 12 + size
    if kind == b"IHDR":
        width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", body)
    packed += body if kind == b"IDAT" else b""
    ended = kind == b"IEND"
assert ended and depth == 8 and interlace == 0
step = {0: 1, 2: 3}[color]
lines = zlib.decompress(packed)
assert len(lines) == height * (width * step + 1)
before = bytes(width * step)
print(width, height, step)
for y in range(height):
    line = bytearray(lines[y * (width * step + 1):(y + 1) * (width * step + 1)])
    filter, line = line[0], line[1:]
    for x in range(len(line)):
        left = line[x - step] if x >= step else 0
        corner = before[x - step] if x >= step else 0
        above = before[x]
        nearest = min((left, above, corner), key=lambda one: abs(left + above - corner - one))
        line[x] = (line[x] + (0, left, above, (left + above) // 2, nearest)[filter]) & 255
    before = bytes(line)
    print(*line)
]]

--- What a PNG shows. Raises where it is damaged.
-- @param png its bytes
-- @return table: width, height, step (1: grey, 3: RGB), and its rows, lists of values
function pictures.read(box, png)
    local said = box:tool { "python3", "-c", READER, box:file(png, "picture.png") }
    local rows = {}
    for line in said:gmatch "[^\n]+" do
        local row = {}
        for value in line:gmatch "%d+" do row[#row + 1] = math.tointeger(value) end
        rows[#rows + 1] = row
    end
    local head = table.remove(rows, 1)
    rows.width, rows.height, rows.step = head[1], head[2], head[3]
    return rows
end

return pictures

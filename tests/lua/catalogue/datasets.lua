-- The catalogue's chapter "Data sets".

local catalogue = require "catalogue"
local raw = require "raw"

local expect, store, explicit = catalogue.expect, catalogue.store, raw.explicit
local cases = {}

local function case(row) cases[#cases + 1] = row end

local FAILED, LAST = catalogue.FAILED, catalogue.LAST
local MODES = { "-B", "+B" }

-- An answer that accepts CT with another transfer syntax, where one is given.
local function in_syntax(syntax)
    return syntax and raw.accept { syntaxes = { [raw.CT] = syntax } }
end

-- A data set that is none: refused with C001, and dropped.
local function broken(title, data, syntax, options)
    for _, mode in ipairs(MODES) do
        case { ("%s (%s)"):format(title, mode), options = { mode, options },
            answer = in_syntax(syntax), peer = { store("1.2.3.1", data), FAILED }, code = 68,
            ends = "released", statuses = { 0xC001 }, peak = true,
            tells = "object 1.2.3.1: data set broken at byte" }
    end
end

-- One that is kept as it came.
local function kept(title, data, row)
    for _, mode in ipairs(MODES) do
        local this = { ("%s (%s)"):format(title, mode), peer = { store("1.2.3.1", data), LAST },
            code = 0, ends = "released", statuses = { 0 },
            files = { mode == "+B" and "1.2.3.1" or "CT.1.2.3.1" } }
        for name, value in pairs(row or {}) do this[name] = value end
        this.options = { mode, row and row.options or {} }
        case(this)
    end
end

local IMAGE = raw.image "1.2.3.1"
local UNDEFINED = (1 << 32) - 1
local ITEM, ITEM_END = ("<I2 I2 I4"):pack(0xFFFE, 0xE000, UNDEFINED), "\254\255\13\224\0\0\0\0"
local SEQUENCE_END = "\254\255\221\224\0\0\0\0"

local function sequence(content)
    return explicit(0x0040, 0x0275, "SQ", "", UNDEFINED) .. content .. SEQUENCE_END
end

-- ---- it ends too early ----

broken("it ends in the value of an element", IMAGE:sub(1, -3))
broken("it ends in the header of an element", IMAGE:sub(1, 5))
broken("it ends in a sequence", raw.image("1.2.3.1", 0):sub(1, -13)
    .. explicit(0x0040, 0x0275, "SQ", "", UNDEFINED) .. ITEM)
broken("it ends in an item of defined length", explicit(0x0040, 0x0275, "SQ",
    ("<I2 I2 I4"):pack(0xFFFE, 0xE000, 100) .. ("x"):rep(20)))
broken("an element that claims 4 GiB", raw.image("1.2.3.1", 0, explicit(0x0020, 0x4000, "UT", "x",
    UNDEFINED - 1)))
broken("an element that is longer than its item", sequence(ITEM
    .. explicit(0x0040, 0x0007, "LO", "x", 60000) .. ITEM_END))
broken("a delimiter where none can be", raw.image("1.2.3.1", 512, SEQUENCE_END))
broken("it is no data set", ("\255\216\255\224JFIF"):rep(20))
broken("it is a whole file, with preamble and file meta information", ("\0"):rep(128) .. "DICM"
    .. explicit(0x0002, 0x0010, "UI", raw.EXPLICIT_LITTLE) .. IMAGE)
broken("Implicit VR, and it ends in an element", ("<I2 I2 I4"):pack(8, 0x18, 90) .. "1.2",
    raw.IMPLICIT_LITTLE)
broken("big endian, and it ends in an element", (">I2 I2 c2 I2"):pack(8, 0x18, "UI", 90) .. "1.2",
    raw.EXPLICIT_BIG, "+xb")
broken("encapsulated pixel data without its end", raw.image("1.2.3.1", 0):sub(1, -13)
    .. explicit(0x7FE0, 0x0010, "OB", "", UNDEFINED) .. "\254\255\0\224\0\0\0\0", raw.JPEG, "+xy")

-- ---- odd, and accepted ----

kept("padding at its end", IMAGE .. explicit(0xFFFC, 0xFFFC, "OB", ("\0"):rep(100)))
kept("a million bytes of tiny elements", raw.image("1.2.3.1", 512,
    (explicit(0x0021, 0x1001, "CS", "")):rep(125000)), { peak = true })
kept("group 0002 inside of it: stored as sent, and warned of",
    explicit(0x0002, 0x0010, "UI", raw.IMPLICIT_LITTLE) .. IMAGE, { tells = "0002" })
kept("a text of garbage in the character set of the object", explicit(0x0008, 0x0005, "CS",
    "ISO 2022 IR 87") .. raw.image("1.2.3.1", 512, explicit(0x0010, 0x4000, "LT",
    "\27$B garbage \255\254\27")))
kept("a specific character set of garbage", explicit(0x0008, 0x0005, "CS", "\27\\NO\\SUCH")
    .. IMAGE)

-- ---- what scripts see of them ----

-- Nested deeper than 64 an object is stored, and not opened.
local READ = "return { accept = function(object) "
    .. "print(pcall(object.get, object, 'PatientID')) end }"
local EDIT = "return { edit = function(object) object.PatientID = 'X' end }"

local function nested(levels)
    return raw.image("1.2.3.1", 0):sub(1, -13)
        .. (explicit(0x0040, 0x0275, "SQ", "", UNDEFINED) .. ITEM):rep(levels)
        .. (ITEM_END .. SEQUENCE_END):rep(levels)
end

local function said(text)
    return function(outcome) assert(outcome.said:find(text, 1, true), outcome.said) end
end

kept("10,000 nested sequences", nested(10000), { tells = "nest too deep" })
kept("60 nested sequences, read by a script", nested(60), { script = READ, check = said "true\tP" })
case { "100 nested sequences, refused by a script: no word of how they are stored", options = "-B",
    script = "return { accept = function() return 0xA700 end }", code = 68, ends = "released",
    peer = { store("1.2.3.1", nested(100)), FAILED }, statuses = { 0xA700 }, hides = "is stored" }
for _, levels in ipairs { 100, 10000 } do
    kept(("%d nested sequences, read by a script"):format(levels), nested(levels), {
        script = READ, check = said "sequences nest deeper than 64" })
    kept(("%d nested sequences, edited by a script: kept as it came"):format(levels),
        nested(levels), { script = EDIT, options = { "--on-script-error", "keep" }, code = 80,
            tells = "sequences nest deeper than 64" })
    case { ("%d nested sequences, edited by a script: refused"):format(levels), script = EDIT,
        peer = { store("1.2.3.1", nested(levels)), FAILED }, code = 80, ends = "released",
        statuses = { 0x0110 }, tells = "sequences nest deeper than 64" }
end

-- A text that its character set cannot be: what can be read, and what is wrong with it.
local LOOK = "return { accept = function(object) print(object:get 'ImageComments') end }"
local UNKNOWN = "\tImageComments holds bytes that its character set does not know"

for title, row in pairs {
    ["that is no UTF-8"] = { "ISO_IR 192", "A\255\254B\195",
        "A\u{FFFD}\u{FFFD}B\u{FFFD}" .. UNKNOWN },
    ["that is no ASCII"] = { "", "A\228B", "A\u{FFFD}B" .. UNKNOWN },
    ["whose escape does not end"] = { "\\ISO 2022 IR 87", "A\27$B;3ED", "A山田\n" },
    ["that ends in a character"] = { "\\ISO 2022 IR 87", "A\27$B;3E ", "A山\u{FFFD}" .. UNKNOWN },
    ["of no character set that is known"] = { "\27\\NO\\SUCH", "Hello", "Hello" },
} do
    kept("a text " .. title .. ", read by a script", explicit(0x0008, 0x0005, "CS", row[1])
        .. raw.image("1.2.3.1", 512, explicit(0x0020, 0x4000, "LT", row[2])),
        { script = LOOK, check = said(row[3]) })
end

-- ---- empty ----

for _, mode in ipairs(MODES) do
    case { ("an empty data set: A900 (%s)"):format(mode), options = mode,
        peer = { store("1.2.3.1", ""), FAILED }, code = 68, ends = "released",
        statuses = { 0xA900 }, tells = "empty" }
end

-- ---- deflated ----

-- A deflate stream of stored blocks.
local function stored(data)
    local blocks = {}
    for at = 1, #data, 60000 do
        local part = data:sub(at, at + 59999)
        local last = at + 60000 > #data and 1 or 0
        blocks[#blocks + 1] = ("<B I2 I2"):pack(last, #part, ~#part & 0xFFFF) .. part
    end
    local bytes = table.concat(blocks)
    return #bytes % 2 == 0 and bytes or bytes .. "\0"
end

-- Zeros: a block of fixed Huffman codes (RFC 1951 3.2.6), a literal and then nothing but matches of
-- 258 bytes at distance 1, of 13 bits each. Returns its first bytes, and those that come again and
-- again, 8 matches in each 13 of them.
local function zeros()
    local bits, bytes = "110" .. "00110000" .. ("11000101" .. "00000"):rep(16), {}
    for at = 1, 8 * 15, 8 do
        bytes[#bytes + 1] = string.char(tonumber(bits:sub(at, at + 7):reverse(), 2))
    end
    local start = table.concat(bytes)
    return start:sub(1, 2), start:sub(3)
end

kept("deflated: stored as it came", stored(IMAGE), { answer = in_syntax(raw.DEFLATED),
    options = "+xd" })
broken("deflated, and it ends in an element", stored(IMAGE:sub(1, -3)), raw.DEFLATED, "+xd")
broken("deflated, and the stream has no end", stored(IMAGE):sub(1, -21), raw.DEFLATED, "+xd")
broken("deflated by word only", IMAGE, raw.DEFLATED, "+xd")

-- Pixel data of 1 GiB and more, in 7 MB. Beyond that nothing is inflated, and so not checked.
do
    local data_set = raw.image("1.2.3.1", 0):sub(1, -13)
        .. explicit(0x7FE0, 0x0010, "OW", "", 1 << 31)
    local start, again = zeros()
    local first = ("<B I2 I2"):pack(0, #data_set, ~#data_set & 0xFFFF) .. data_set .. start
    first = #first % 2 == 0 and first or first .. again .. again .. again
    local piece, count, context = again:rep(1200), 440, raw.contexts[raw.CT]
    local bomb = first .. piece:rep(count)
    case { "deflated: 7 MB that become more than 1 GiB, stored as they came, and warned of",
        options = "+xd", answer = in_syntax(raw.DEFLATED), code = 0, ends = "released",
        peer = { catalogue.object(bomb, raw.message(context, raw.store_command "1.2.3.1"),
            raw.data(raw.pdv(context, 0, first)),
            catalogue.times(count, raw.data(raw.pdv(context, 0, piece))),
            raw.data(raw.pdv(context, 2, ""))), expect(), LAST },
        statuses = { 0 }, files = { "CT.1.2.3.1" }, tells = "inflates to more", peak = true }
end

return cases

--- Makes the seeds of the fuzz targets, and bytes of what was found before.
--
--     lua5.4 tests/fuzz/seeds.lua DIRECTORY      writes DIRECTORY/TARGET/NAME
--
-- A seed is what a well-meaning or an ill-meaning peer says; the fuzzer goes on from there. A
-- finding is a file tests/fuzz/findings/TARGET/NAME.hex: its story in lines that begin with '#',
-- then the bytes in hexadecimal digits.

local here = arg[0]:match "^(.*)/" or "."
package.path = here .. "/?.lua;" .. package.path
local encode = require "encode"

local directory = assert(arg[1], "usage: seeds.lua DIRECTORY")
local GET, CT = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.1.2"
local IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

local counts = {}

local function write(target, name, bytes)
    local file = assert(io.open(("%s/%s/%s"):format(directory, target, name), "wb"))
    assert(file:write(bytes))
    assert(file:close())
end

-- A seed of a target: the choices that it begins with, and its bytes.
local function seed(target, choices, bytes)
    counts[target] = (counts[target] or 0) + 1
    write(target, ("seed-%03d"):format(counts[target]), string.char(table.unpack(choices)) .. bytes)
end

local function prepare(target)
    assert(os.execute(("mkdir -p '%s/%s'"):format(directory, target)))
end

-- ---- data sets: for the scanner, DCMTK and the session ----

local function image(writer, uid, charset)
    return table.concat {
        writer.text(0x00080005, "CS", charset or "ISO_IR 100"),
        writer.text(0x00080016, "UI", CT),
        writer.text(0x00080018, "UI", uid or "1.2.3.4"),
        writer.text(0x00080060, "CS", "CT"),
        writer.sequence(0x00081140, { writer.text(0x00081155, "UI", "1.2.3"), "" }),
        writer.text(0x00100010, "PN", "D\xf6e^J"),
        writer.text(0x00201208, "IS", "12\\13"),
        writer.sequence(0x00400275, { writer.sequence(0x00400008,
            { writer.text(0x00080100, "SH", "A") }, true) }, true),
        writer.element(0x00280010, "US", "\2\0"),
        writer.element(0x00091001, "UN", "private!"),
    }
end

-- Sequences in sequences.
local function nested(writer, depth)
    local content = writer.text(0x00080100, "SH", "A")
    for i = 1, depth do content = writer.sequence(0x00400275, { content }, i % 2 == 0) end
    return content
end

local function data_sets(kind)
    local writer = encode.writer(kind)
    local pixels = writer.element(0x7fe00010, "OW", ("\1\2"):rep(40))
    local whole = image(writer) .. pixels
    return {
        whole, image(writer), pixels, "", whole .. whole, whole:sub(1, #whole - 3),
        image(writer) .. writer.fragments("ab", "cdef"),
        image(writer) .. writer.element(0x7fe00010, "OW", "abcd", 0xfffffffe),
        image(writer) .. writer.text(0xfffcfffc, "OB", ("\0"):rep(10)),
        writer.text(0x00020010, "UI", EXPLICIT) .. whole,
        nested(writer, 3), nested(writer, 30), nested(writer, 70),
        writer.element(0x00081140, "SQ", "", 0xffffffff),
        writer.element(0x00081140, "SQ", writer.part(0xe00d, "")),
        writer.element(0x00091001, "UN", writer.part(0xe000, "abcdefgh", 0xffffffff), 0xffffffff),
        writer.text(0x00080005, "CS", "\\ISO 2022 IR 87")
            .. writer.text(0x00100010, "PN", "A^B=\27$B;3ED\27(B^x"),
        writer.text(0x00080005, "CS", "ISO_IR 192") .. writer.text(0x00100010, "PN", "\xc3\xc3\27"),
        writer.text(0x00104000, "LT", "a\nb\0c"), writer.text(0x00280030, "DS", "1.5\\x\\"),
        writer.element(0x00189087, "FD", ("\0"):rep(16)),
        writer.element(0x00280009, "AT", "\1\2\3\4"),
    }
end

local KINDS = { [0] = "implicit", "little", "big", "little" }

-- ---- targets ----

local makers = {}

-- One stored block of a raw deflate stream (RFC 1951 3.2.4).
local function stored(bytes)
    return ("<I1 I2 I2"):pack(1, #bytes, ~#bytes & 0xffff) .. bytes
end

function makers.scanner()
    for choice = 0, 3 do
        for _, bytes in ipairs(data_sets(KINDS[choice])) do
            seed("scanner", { choice, 7 }, bytes)
        end
    end
    for _, bytes in ipairs(data_sets "little") do seed("scanner", { 4, 7 }, stored(bytes)) end
    seed("scanner", { 4, 7 }, "\3\0") -- a stream of nothing
end

function makers.dataset()
    local paths = { "", "PatientName", "0008,1140", "(0008,1140)[0].ReferencedSOPInstanceUID",
        "0040,0275[0].0040,0008[0].0008,0100", "9,1001", "0040,0275" }
    for choice = 0, 2 do
        for i, bytes in ipairs(data_sets(KINDS[choice])) do
            local path = paths[i % #paths + 1]
            seed("dataset", { choice, i % 6, #path }, path .. bytes)
        end
    end
    local writer = encode.writer "little"
    local plain = image(writer) .. writer.element(0x7fe00010, "OW", ("\1\2"):rep(40))
    seed("dataset", { 3, 3, 0 }, stored(plain))
    for choice = 4, 5 do
        seed("dataset", { choice, 1, 0 }, image(writer) .. writer.fragments("ab", "cdef"))
    end
end

function makers.path()
    for _, name in ipairs { "", ".", "..", "/", "1.2.840.10008.1", "CT.1.2.3", "a/b\\c", "%41", "%",
        "\0", "\27[31m", "\xc3\xa4\xe5\xb1\xb1\xf0\x9f\x98\x80", "\xc3", "\xed\xa0\x80", "\xc2\x85",
        ("x"):rep(255), ("x"):rep(256), ("\xc3\xa4"):rep(128), ("/"):rep(90), ("a~"):rep(200) } do
        seed("path", {}, name)
    end
end

function makers.command()
    local element, us = encode.command_element, encode.us
    local store = encode.store_request(CT, "1.2.3.4", 7)
    for _, bytes in ipairs { store, encode.store_request(CT, ("1"):rep(300), 1, false),
        encode.get_response(1, 0xff00, 3, 2, 1), encode.get_response(1, 0, 0, 2, 0, true),
        encode.command(us(0x100, 0x30), us(0x110, 1), us(0x800, 0x101)),
        encode.command(us(0x100, 0x8010), element(0x901, "\0\0\2\0\0\0\3\0"),
            element(0x902, "went wrong "), us(0x903, 9)),
        element(0x0, "\0\0\0\0") .. us(0x100, 1), us(0x110, 1), "", store:sub(1, 40),
        store .. store, element(0x100, ""), ("<I2 I2 I4"):pack(0, 2, 0xffffffff) } do
        for _, cut in ipairs { 0, 1, 9 } do seed("command", { cut }, bytes) end
    end
end

local function answers()
    local role = encode.item(0x54, (">s2"):pack(CT) .. "\0\1")
    local accepted = encode.context(5, nil, { IMPLICIT })
    local user = encode.user_information(role)
    return {
        encode.associate(encode.context(1, nil, { IMPLICIT }), accepted, user),
        encode.associate(accepted, encode.context(7, nil, {}, 3), accepted,
            encode.user_information(encode.item(0x53, "\0\1\0\1"),
                encode.item(0x56, (">s2"):pack(CT) .. "extended"), encode.item(0x59, "\0\2ok"))),
        encode.associate(encode.context(3, nil, { EXPLICIT, IMPLICIT }), user),
        encode.associate(encode.context(1, nil, { "1.2.3" }), user),
        encode.associate(encode.context(2, nil, { IMPLICIT }), user, user),
        encode.associate(accepted), encode.associate(user .. "\x60\0\0\0"),
        encode.associate(accepted, encode.item(0x50, encode.item(0x51, "\0\0\0\1"))),
        encode.associate(accepted, user):sub(1, 120),
    }
end

local function requests()
    return {
        encode.associate(encode.context(1, GET, { EXPLICIT, IMPLICIT }),
            encode.context(3, CT, { IMPLICIT }), encode.user_information(
                encode.item(0x54, (">s2"):pack(CT) .. "\0\1"),
                encode.item(0x57, (">s2 s2 s2"):pack(CT, "1.2.3", (">s2"):pack "1.2.4")),
                encode.item(0x58, "\2\1" .. (">s2 s2"):pack("user", "pass")))),
        encode.associate(encode.context(1, GET, {}), encode.user_information()),
    }
end

function makers.associate()
    for choice = 0, 3 do
        for _, bytes in ipairs(answers()) do seed("associate", { choice }, bytes) end
    end
    for _, bytes in ipairs(requests()) do seed("associate", { 0 }, bytes) end
end

function makers.pdu()
    local store = encode.store_request(CT, "1.2.3.4", 7)
    local answer = encode.pdu(2, answers()[1])
    local data = encode.fragments(3, true, store, 30) .. encode.fragments(3, false, "abcdef", 4)
    for choice = 0, 7 do
        for _, bytes in ipairs { data, encode.short(5), encode.short(6), encode.short(7, 0, 2, 5),
            encode.short(3, 1, 1, 7), encode.short(8), data .. encode.short(5) .. encode.short(6),
            encode.pdu(4, encode.pdv(3, 1, "ab") .. encode.pdv(3, 3, "") .. encode.pdv(3, 2, "x")),
            encode.pdu(4, encode.pdv(9, 3, "ab")), encode.pdu(4, ""), encode.pdu(5, "12345"),
            encode.pdu(4, encode.pdv(1, 3, ("z"):rep(20000))), answer, answer .. data,
            "HTTP/1.1 400 Bad Request\r\n", "\x15\3\1\0\2\2\50", ("\4\0\xff"):rep(9) } do
            seed("pdu", { choice, 5 }, bytes)
        end
    end
    for _, choice in ipairs { 1, 9 } do
        for _, body in ipairs(requests()) do
            seed("pdu", { choice, 3 }, encode.pdu(1, body) .. data)
        end
    end
end

function makers.text()
    local samples = {
        "Buc^J\xe9r\xf4me",
        "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\27$B;3ED\27(J^\27$B",
        "Hong^Gildong=\27$)C\xfb\xf3^\27$)C\xd1\xce\xd4\xd7=",
        "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab",
        "\27-F\xc4\xe9\xef^\27-L\xbb\xee", "a\\b\n\27(B\27",
        "\xe5\xb1\xb1\xe7\x94\xb0", "\27$(D\"F" }
    for choice = 0, 15 do
        for i, bytes in ipairs(samples) do seed("text", { choice, i % 3 }, bytes) end
    end
    seed("text", { 16 + 64, 1 }, "ISO 2022 IR 13\\ISO 2022 IR 87" .. ("\xb1"):rep(40))
end

-- Raw bytes of a server (an odd first choice), and speeches as of speech.h (an even one).
function makers.session()
    local accept = {}
    for i, syntax in ipairs { IMPLICIT, IMPLICIT, EXPLICIT, IMPLICIT } do
        accept[i] = encode.context(2 * i - 1, nil, { syntax })
    end
    local hello = encode.pdu(2, encode.associate(table.concat(accept), encode.user_information()))
    local function object(uid, data, piece)
        return encode.fragments(3, true, encode.store_request(CT, uid, 7))
            .. encode.fragments(3, false, data, piece)
    end
    local implicit = data_sets "implicit"
    local whole, large = implicit[1], implicit[1]:rep(60)
    local done = encode.fragments(1, true, encode.get_response(1, 0, 0, 2, 0))
    local pending = encode.fragments(1, true, encode.get_response(1, 0xff00, 1, 1, 0))
    local goodbye = encode.short(6)
    for i, bytes in ipairs {
        object("1.2.3.4", whole) .. object("1.2.3.5", large) .. done .. goodbye,
        object("../../escape", whole, 7) .. pending .. object("1.2.3.4", whole) .. done .. goodbye,
        object("1.2.3.4", large, 900) .. object("1.2.3.4", whole) .. encode.short(7),
        object("1.2.3.4", whole):sub(1, -20), object("", whole) .. done .. goodbye,
        encode.short(5), done .. goodbye, object("1.2.3.4", whole) .. encode.short(8), done:sub(5),
        encode.fragments(1, true, encode.get_response(1, 0xb000, 0, 1, 1, true))
            .. encode.fragments(1, false, "\8\0\x58\0\6\0\0\0001.2.3\0") .. goodbye,
        encode.fragments(7, true, encode.command(encode.us(0x100, 0x30), encode.us(0x110, 5),
            encode.us(0x800, 0x101))) .. done .. goodbye } do
        for _, choices in ipairs { 0, 1, 2 + 1 + 32, 4 + 16, 8 + 64, 128 + 1, 2 + 4 + 64 } do
            seed("session", { 1 + 2 * (i % 3), choices }, hello .. bytes)
        end
    end
    seed("session", { 1, 0 }, encode.short(3, 1, 1, 7))
    seed("session", { 1, 0 }, "HTTP/1.1 400 Bad Request\r\n\r\n")
    local good = "\0\255\0"
    local sent = "\7\1\3\0" .. "\3\1\9\100\50"
    local final = "\3\0\1\0\0\0" .. "\4\2\0\0\0"
    for mode = 0, 4, 2 do
        for choices = 0, 255, 17 do
            seed("session", { mode, choices }, good .. sent .. sent .. final)
        end
        for instance = 0, 15 do
            seed("session", { mode, 1 }, good .. string.char(7, instance, 3, 0, 3, 1, 9, 1, 40)
                .. "\3\0\1\255\0\0" .. sent .. final)
        end
    end
    seed("session", { 0, 0 }, good .. "\1\1\3\0\2\3\2\9\0\4abcd" .. final)
    seed("session", { 0, 0 }, good .. "\5\3\0\4\3\1abcd\2\3\3ef\0\3\2" .. final)
end

-- ---- what was found ----

local function write_findings(target)
    local folder = ("%s/findings/%s"):format(here, target)
    local listing = assert(io.popen(("ls '%s' 2>/dev/null"):format(folder)))
    for name in listing:lines() do
        local digits = {}
        for line in io.lines(folder .. "/" .. name) do
            if line:sub(1, 1) ~= "#" then digits[#digits + 1] = line:gsub("%s", "") end
        end
        local bytes = table.concat(digits):gsub("%x%x", function(pair)
            return string.char(tonumber(pair, 16))
        end)
        write(target, "finding-" .. name:gsub("%.hex$", ""), bytes)
    end
    listing:close()
end

for target, make in pairs(makers) do
    prepare(target)
    make()
    write_findings(target)
end

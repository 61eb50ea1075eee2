-- The catalogue's chapter "Commands and statuses".

local catalogue = require "catalogue"
local raw = require "raw"

local expect, store = catalogue.expect, catalogue.store
local cases = {}

local function case(row) cases[#cases + 1] = row end

local IMAGE = raw.image "1.2.3.1"
local CT, GET = raw.contexts[raw.CT], raw.contexts[raw.STUDY_GET]
local RELEASE, LAST = catalogue.RELEASE, catalogue.LAST

-- The peer sends a command set that is no command set.
local function refused(title, command, data)
    case { title, peer = raw.message(CT, command, data), code = 64, ends = "0/0", peak = true }
end

-- An object that arrives as it should, of which this is the command set.
local function arrives(title, command, row)
    row = row or {}
    row[1] = title
    row.peer = { catalogue.object(IMAGE, raw.message(CT, command, IMAGE), expect()), LAST }
    row.code, row.ends, row.statuses = 0, "released", row.statuses or { 0 }
    if not row.count then row.files = row.files or { "CT.1.2.3.1" } end
    case(row)
end

-- ---- command sets ----

local ELEMENTS = { raw.element(0x0002, raw.CT .. "\0"), raw.element(0x0100, 0x0001),
    raw.element(0x0110, 7), raw.element(0x0700, 0), raw.element(0x0800, 0),
    raw.element(0x1000, "1.2.3.1\0") }

local function with_group_length(length, ...)
    return raw.element(0, ("<I4"):pack(length)) .. table.concat { ... }
end

refused("an element that is longer than the rest", with_group_length(100,
    raw.element(0x0100, 0x0001), raw.element(0x1000, "1.2.3.1\0", 9)))
refused("an element that claims 4 GiB", with_group_length(100, raw.element(0x0100, 0x0001),
    raw.element(0x1000, "1.2.3.1\0", (1 << 32) - 1)))
refused("a command set that ends in the header of an element",
    table.concat(ELEMENTS):sub(1, -14))
refused("a command set without Command Field", raw.command { [0x0110] = 1, [0x0800] = 0x0101 })
refused("an empty command set", "")
for _, field in ipairs { 0x0000, 0x0040, 0x0160, 0x4711, 0x8040 } do
    refused(("the unknown command %04XH"):format(field), raw.command { [0x0100] = field,
        [0x0110] = 1, [0x0800] = 0x0101 })
end
case { "a command set that never ends", code = 64, ends = "0/0", peak = true,
    peer = catalogue.times(20, raw.data(raw.pdv(CT, 1, raw.element(0x0902, ("x"):rep(16000))))) }

arrives("no group length", table.concat(ELEMENTS))
arrives("a group length that is wrong", with_group_length(3, table.unpack(ELEMENTS)))
arrives("elements out of order", with_group_length(0, ELEMENTS[6], ELEMENTS[5], ELEMENTS[4],
    ELEMENTS[3], ELEMENTS[2], ELEMENTS[1]))
arrives("unknown elements", table.concat(ELEMENTS) .. raw.element(0x5555, "what")
    .. raw.element(0x1031, 7))
arrives("an element twice: the first counts", table.concat(ELEMENTS)
    .. raw.element(0x1000, "1.2.3.9\0"))

-- ---- UIDs ----

for name, value in pairs { missing = false, empty = "" } do
    case { "the SOP Instance UID is " .. name,
        peer = { store("1.2.3.1", IMAGE, { [0x1000] = value }), raw.respond(0xB000,
            { completed = 0, failed = 1 }), RELEASE },
        code = 68, ends = "released", statuses = { 0x0117 } }
end

-- A UID that is none: the object is kept, under a name that is made of it.
local function kept(what, uid)
    for _, mode in ipairs { "-B", "+B" } do
        arrives(("a UID %s (%s)"):format(what, mode), raw.store_command(uid), { options = mode,
            statuses = { 0xB007 }, count = 1, tells = uid:find "[^.]" and "W: the SOP Instance UID",
            check = function(outcome)
                local name = outcome.files[1]
                assert(not name:find "[%c /\127]" and not name:find "^%." and utf8.len(name), name)
            end })
    end
end

kept("that leaves the directory", "../../evil")
kept("that is a path", "/etc/evil")
kept("that is '..'", "..")
kept("that is '.'", ".")
kept("with a slash", "a/b")
kept("with NUL", "1.2\0x")
kept("with ESC", "1\27[2J")
kept("with a newline", "1.2\n3")
kept("that would be hidden", ".hidden")
kept("with bytes of UTF-8", "1.2.\195\164")
kept("with bytes that are no UTF-8", "1.2.\255\254")
kept("of 65 digits", ("1"):rep(65))
kept("of 180 characters", ("1.2"):rep(60))
case { "a UID of 400 characters, of which not all is kept: 0117",
    peer = { store(("1.2"):rep(134), IMAGE), raw.respond(0xB000, { completed = 0, failed = 1 }),
        RELEASE },
    code = 68, ends = "released", statuses = { 0x0117 } }

-- ---- contexts ----

case { "the SOP class is not that of the context: kept with a warning",
    peer = { store("1.2.3.1", IMAGE, { [0x0002] = raw.MR }), LAST }, code = 0, ends = "released",
    statuses = { 0xB007 }, files = { "MR.1.2.3.1" }, tells = "came on the presentation context of" }
case { "C-STORE on the context of C-GET: kept with a warning",
    peer = { store("1.2.3.1", IMAGE, nil, GET), LAST }, code = 0, ends = "released",
    statuses = { 0 }, files = { "CT.1.2.3.1" }, tells = "came on the presentation context of" }
case { "the SOP class is missing: kept with a warning",
    peer = { store("1.2.3.1", IMAGE, { [0x0002] = false }), LAST }, code = 0, ends = "released",
    statuses = { 0xB007 }, files = { "UNKNOWN.1.2.3.1" }, tells = "(none)" }

-- ---- other requests ----

local function asks(title, field, answer, changes)
    local elements = { [0x0002] = raw.VERIFICATION, [0x0100] = field, [0x0110] = 99,
        [0x0800] = 0x0101 }
    for number, value in pairs(changes or {}) do elements[number] = value end
    case { title, peer = { raw.message(raw.contexts[raw.VERIFICATION], raw.command(elements),
            changes and changes[0x0800] == 0 and IMAGE or nil), expect(),
            store("1.2.3.1", IMAGE), LAST },
        code = 0, ends = "released", answers = { answer }, statuses = { 0 },
        files = { "CT.1.2.3.1" } }
end

asks("C-ECHO-RQ: 0000", 0x0030, { 0x8030, 0x0000 })
for name, field in pairs { ["C-FIND-RQ"] = 0x0020, ["C-MOVE-RQ"] = 0x0021,
    ["N-EVENT-REPORT-RQ"] = 0x0100, ["N-GET-RQ"] = 0x0110, ["N-SET-RQ"] = 0x0120,
    ["N-ACTION-RQ"] = 0x0130, ["N-CREATE-RQ"] = 0x0140, ["N-DELETE-RQ"] = 0x0150,
    ["C-GET-RQ"] = 0x0010 } do
    asks(name .. ": 0211, and on it goes", field, { field | 0x8000, 0x0211 })
end
asks("C-FIND-RQ with a data set: it is drained", 0x0020, { 0x8020, 0x0211 }, { [0x0800] = 0 })

for _, field in ipairs { 0x8001, 0x8020, 0x8110 } do
    case { ("a response that nobody waits for, %04XH, is ignored"):format(field),
        peer = { raw.message(CT, raw.command { [0x0100] = field, [0x0120] = 1, [0x0800] = 0x0101,
            [0x0900] = 0 }), store("1.2.3.1", IMAGE), LAST }, code = 0, ends = "released",
        statuses = { 0 }, files = { "CT.1.2.3.1" }, tells = "W: ignored an unexpected" }
end

-- Requests without end, by a server that reads no answer as long as we take more.
local FLOOD = 30000
local ECHO = raw.message(raw.contexts[raw.VERIFICATION], raw.command { [0x0002] = raw.VERIFICATION,
    [0x0100] = 0x0030, [0x0110] = 99, [0x0800] = 0x0101 })

case { "30,000 C-ECHO-RQs of which no answer is read meanwhile: each is answered", peak = true,
    window = 4096, peer = { catalogue.deaf(300), catalogue.times(FLOOD, ECHO),
        store("1.2.3.1", IMAGE), LAST },
    code = 0, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" }, answers = "many",
    check = function(outcome)
        assert(#outcome.heard.messages == FLOOD + 2, #outcome.heard.messages)
    end }

-- ---- C-GET-RSP ----

case { "a C-GET-RSP for another message is not the end",
    peer = { raw.respond(0xA900, nil, { [0x0120] = 99 }), store("1.2.3.1", IMAGE), LAST },
    code = 0, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" },
    tells = "message 99" }
case { "the status is missing", peer = raw.respond(nil), code = 64, ends = "0/0" }
case { "the message ID is missing", peer = raw.respond(0, nil, { [0x0120] = false }), code = 64,
    ends = "0/0" }
case { "an ErrorComment of 64 KiB is capped", peak = true,
    peer = { raw.data(raw.pdv(GET, 1, raw.command { [0x0100] = 0x8010, [0x0120] = 1,
        [0x0800] = 0x0101, [0x0900] = 0xA900 }), raw.pdv(GET, 1,
        ("<I2 I2 I4"):pack(0, 0x0902, 65536))), catalogue.times(4,
        raw.data(raw.pdv(GET, 1, ("x"):rep(16384 - 6)))),
        raw.data(raw.pdv(GET, 3, ("x"):rep(65536 - 4 * (16384 - 6)))), RELEASE },
    code = 69, ends = "released", tells = "xxxx", check = function(outcome)
        assert(not outcome.err:find(("x"):rep(300), 1, true), "it is not capped")
    end }
case { "an ErrorComment that a terminal would act on is escaped",
    peer = { raw.respond(0xA900, { comment = "a\27[31mb\7c\r\n\200" }), RELEASE }, code = 69,
    ends = "released", tells = "[31m" }
case { "counts that shrink and wrap are shown, never trusted",
    peer = { raw.respond(0xFF00, { remaining = 5, completed = 65535 }), store("1.2.3.1", IMAGE),
        raw.respond(0xFF00, { remaining = 60000, completed = 0 }), LAST },
    code = 0, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }
case { "counts are absent", peer = { store("1.2.3.1", IMAGE), raw.respond(0), RELEASE }, code = 0,
    ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }

-- The final response after one object. The fields of `row` are those of a case.
local function final(title, status, counts, row)
    row[1] = title
    row.peer = { store("1.2.3.1", IMAGE), raw.respond(status, counts), RELEASE }
    row.ends, row.statuses, row.files = "released", { 0 }, { "CT.1.2.3.1" }
    case(row)
end

-- The same after none.
local function nothing(title, status, counts, row)
    row[1], row.peer, row.ends = title, { raw.respond(status, counts), RELEASE }, "released"
    case(row)
end

final("0000 with all counts right", 0, { completed = 1, failed = 0, warning = 0 }, { code = 0 })
final("0000 though some failed", 0, { completed = 1, failed = 2 }, { code = 68,
    tells = "2 objects" })
final("0000 though counts differ from ours", 0, { completed = 3 }, { code = 68,
    tells = "the server counts 3 delivered, 1 were acknowledged" })
final("0000 though some remain", 0, { completed = 1, remaining = 2 }, { code = 68,
    tells = "2 remaining" })
final("B000 with failures", 0xB000, { completed = 1, failed = 2 }, { code = 68 })
final("B000 that nothing here explains", 0xB000, { completed = 1 }, { code = 68,
    tells = "nothing here explains it" })
final("a failure after an object: that stays", 0xA702, { completed = 1, failed = 2 }, { code = 69 })
nothing("0000 with no object: told, 0", 0, { completed = 0, failed = 0, warning = 0 }, { code = 0,
    tells = "no object matched" })
nothing("0000 with no object and no counts: told, 0", 0, nil, { code = 0,
    tells = "no object matched" })
nothing("0000 though all failed", 0, { completed = 0, failed = 2 }, { code = 69 })
nothing("FE00 that was not asked for", 0xFE00, { completed = 0, failed = 0 }, { code = 69,
    tells = "not asked for" })
for _, status in ipairs { 0xA701, 0xA702, 0xA900, 0xC000, 0xC001, 0xCFFF, 0x0122, 0x0124, 0x0211,
    0x0212, 0x4711, 0xAA00, 0xFF02 } do
    nothing(("%04X"):format(status), status, nil, { code = 69, tells = ("%04XH"):format(status) })
end

-- ---- pendings, and no end ----

case { "20,000 pendings, and then the end",
    peer = { catalogue.times(20000, raw.respond(0xFF00)), store("1.2.3.1", IMAGE), LAST },
    code = 0, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }
case { "pendings without end and without an object: -td",
    options = { "-td", "1" }, peer = { catalogue.segments(1 << 20, 100),
        catalogue.times(200, raw.respond(0xFF00)) }, code = 63, ends = "0/0", seconds = 8 }
case { "a pending with a data set: it is drained",
    peer = { raw.respond(0xFF00, nil, nil, IMAGE), store("1.2.3.1", IMAGE), LAST }, code = 0,
    ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }
case { "the final response never comes: -td, and files stay", options = { "-td", "1" },
    peer = store("1.2.3.1", IMAGE), code = 63, ends = "0/0", statuses = { 0 },
    files = { "CT.1.2.3.1" }, seconds = 6 }
case { "C-CANCEL is ignored: objects are answered, then an abort",
    options = { "--retrieve-timeout", "1" }, cancels = true,
    peer = { catalogue.segments(1 << 20, 50),
        catalogue.object(IMAGE, catalogue.times(1000, raw.store("1.2.3.1", IMAGE))) },
    code = 63, ends = "0/0", files = { "CT.1.2.3.1" }, seconds = 12, statuses = "many" }

-- ---- what failed, by its UID ----

case { "a final response with a Failed SOP Instance UID List: it is read, and told",
    peer = { store("1.2.3.1", IMAGE), raw.respond(0xB000, { completed = 1, failed = 2 }, nil,
        raw.explicit(0x0008, 0x0058, "UI", "1.2.3.2\\1.2.3.3")), RELEASE },
    code = 68, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" },
    tells = { "object 1.2.3.2: ", "object 1.2.3.3: " } }
case { "a Failed SOP Instance UID List that is none",
    peer = { store("1.2.3.1", IMAGE), raw.respond(0xB000, { completed = 1, failed = 2 }, nil,
        "\8\0\88\0UI\255\255"), RELEASE },
    code = 68, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }

return cases

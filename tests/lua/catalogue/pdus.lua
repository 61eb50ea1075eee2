-- The catalogue's chapter "PDUs and PDVs".

local catalogue = require "catalogue"
local raw = require "raw"

local expect, store = catalogue.expect, catalogue.store
local cases = {}

local function case(row) cases[#cases + 1] = row end

local IMAGE = raw.image "1.2.3.1"
local COMMAND = raw.store_command "1.2.3.1"
local CT = raw.contexts[raw.CT]
local LAST = catalogue.LAST

-- ---- PDUs ----

for _, kind in ipairs { 0, 8, 255 } do
    case { ("a PDU of type %d"):format(kind), peer = raw.pdu(kind, "abcd"), code = 64,
        ends = "2/1" }
end
for name, bytes in pairs { ["A-ASSOCIATE-AC"] = raw.accept(),
    ["A-ASSOCIATE-RJ"] = raw.reject(1, 1, 1),
    ["A-ASSOCIATE-RQ"] = raw.pdu(1, ("\0"):rep(100)), ["A-RELEASE-RP"] = raw.RELEASE_RP } do
    case { name .. " while established", peer = bytes, code = 64, ends = "2/2", tells = name }
end

for size = 0, 5 do
    case { ("a P-DATA-TF of length %d"):format(size), peer = raw.pdu(4, ("\0"):rep(size)),
        code = 64, ends = "2/6" }
end
for _, length in ipairs { 16385, 1 << 31, (1 << 32) - 1 } do
    case { ("a P-DATA-TF that claims %d bytes"):format(length),
        peer = raw.pdu(4, raw.pdv(CT, 3, COMMAND), length), code = 64, ends = "2/6",
        tells = "maximum", peak = true }
end
case { "a P-DATA-TF as long as we announced",
    peer = { catalogue.object(raw.image("1.2.3.1", 16200), raw.message(CT, COMMAND)
        .. raw.data(raw.pdv(CT, 0, raw.image("1.2.3.1", 16200):sub(1, 16378)))
        .. raw.data(raw.pdv(CT, 2, raw.image("1.2.3.1", 16200):sub(16379)))), expect(), LAST },
    code = 0, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }

-- ---- the end ----

case { "A-RELEASE-RQ before the final response is answered, and the retrieval is incomplete",
    peer = { store("1.2.3.1", IMAGE), raw.RELEASE_RQ }, code = 62, ends = "released",
    statuses = { 0 }, files = { "CT.1.2.3.1" }, tells = "before its final response" }
case { "both release at once",
    peer = { store("1.2.3.1", IMAGE), raw.respond(0, { completed = 1 }), expect(5),
        raw.RELEASE_RQ, expect(6), raw.RELEASE_RP },
    code = 0, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }
case { "its release crosses ours, and it does not answer ours",
    peer = { store("1.2.3.1", IMAGE), raw.respond(0, { completed = 1 }) .. raw.RELEASE_RQ },
    code = 0, ends = "0/0", statuses = { 0 }, files = { "CT.1.2.3.1" }, seconds = 10 }
case { "no A-RELEASE-RP: an abort after 5 s, and the result stands",
    peer = { store("1.2.3.1", IMAGE), raw.respond(0, { completed = 1 }) }, code = 0, ends = "0/0",
    statuses = { 0 }, files = { "CT.1.2.3.1" }, seconds = 10 }

case { "an A-RELEASE-RP of length 3: the result stands",
    peer = { store("1.2.3.1", IMAGE), raw.respond(0, { completed = 1 }), expect(5),
        raw.pdu(6, "\0\0\0") }, code = 0, ends = "2/6", statuses = { 0 },
    files = { "CT.1.2.3.1" } }
case { "no A-RELEASE-RP but the end: the result stands",
    peer = { store("1.2.3.1", IMAGE), raw.respond(0, { completed = 1 }), expect(5),
        catalogue.END }, code = 0, ends = "released", statuses = { 0 },
    files = { "CT.1.2.3.1" } }

for place, said in pairs {
    ["after the request"] = "",
    ["behind a command that announces an object"] = raw.message(CT, COMMAND),
    ["in mid-object"] = raw.message(CT, COMMAND) .. raw.data(raw.pdv(CT, 0, IMAGE:sub(1, 200))),
} do
    for _, words in ipairs { { 0, 0, "its application gave up" }, { 2, 6, "parameter invalid" } } do
        case { ("A-ABORT %d/%d %s"):format(words[1], words[2], place),
            peer = said .. raw.abort(words[1], words[2]), code = 62, ends = "open",
            tells = words[3] }
    end
end
case { "A-ABORT behind a whole object: that stays",
    peer = catalogue.object(IMAGE, raw.store("1.2.3.1", IMAGE) .. raw.abort(0, 0)), code = 62,
    ends = "open", statuses = "many", files = { "CT.1.2.3.1" }, tells = "aborted" }

-- ---- PDVs ----

for _, size in ipairs { 0, 1 } do
    case { ("a PDV of length %d"):format(size), peer = raw.data(raw.pdv(CT, 3, COMMAND, size)),
        code = 64, ends = "2/6" }
end
case { "a PDV that is longer than its PDU", code = 64, ends = "2/6",
    peer = raw.data(raw.pdv(CT, 3, COMMAND, #COMMAND + 3)) }
case { "a PDV that claims 4 GiB", code = 64, ends = "2/6", peak = true,
    peer = raw.data(raw.pdv(CT, 3, COMMAND, (1 << 32) - 1)) }
case { "PDVs whose lengths do not add up", code = 64, ends = "2/6",
    peer = raw.data(raw.pdv(CT, 3, COMMAND), "\0\0\0") }
for name, id in pairs { unknown = 253, even = 2, ["of 0"] = 0,
    rejected = raw.contexts["1.2.840.10008.5.1.4.1.1.481.1"] } do
    case { "a context that is " .. name, peer = raw.data(raw.pdv(id, 3, COMMAND)), code = 64,
        ends = "2/6", tells = "context" }
end

-- An object that arrives as it should, sent as these PDUs.
local function arrives(title, row)
    row[1] = title
    row.peer = { catalogue.object(row.object or IMAGE, row.said), expect(), LAST }
    row.code, row.ends, row.statuses, row.files = 0, "released", { 0 }, { "CT.1.2.3.1" }
    case(row)
end

local function in_pieces(bytes, size, flags)
    local pdvs = {}
    for at = 1, #bytes, size do
        local last = at + size > #bytes
        pdvs[#pdvs + 1] = raw.pdv(CT, last and flags + 2 or flags, bytes:sub(at, at + size - 1))
    end
    return pdvs
end

local COMMAND_PDU = raw.data(raw.pdv(CT, 3, COMMAND))

local function warns_once(outcome)
    local _, count = outcome.err:gsub("W: [^\n]*odd length", "")
    assert(count == 1, outcome.err)
end

arrives("fragments of odd length, of which the total is even: warned of once", {
    check = warns_once,
    said = COMMAND_PDU .. raw.data(table.unpack(in_pieces(IMAGE, 101, 0))) })
case { "a data set of odd length: refused", code = 68, ends = "released", statuses = { 0xC001 },
    peer = { raw.message(CT, COMMAND, IMAGE .. "\0"), expect(), raw.respond(0xB000,
        { completed = 0, failed = 1 }), expect(5), raw.RELEASE_RP } }
arrives("an empty last fragment", { said = COMMAND_PDU .. raw.data(raw.pdv(CT, 0, IMAGE))
    .. raw.data(raw.pdv(CT, 2, "")) })
arrives("empty fragments between others", { said = COMMAND_PDU .. raw.data(raw.pdv(CT, 0, ""),
    raw.pdv(CT, 0, IMAGE), raw.pdv(CT, 0, ""), raw.pdv(CT, 2, "")) })
arrives("a command in PDVs of 2 bytes", { said = raw.data(table.unpack(in_pieces(COMMAND, 2, 1)))
    .. raw.data(raw.pdv(CT, 2, IMAGE)) })
arrives("a command in PDVs of 2 bytes, each in a PDU of its own", { said = (function()
    local pdus = in_pieces(COMMAND, 2, 1)
    for i, pdv in ipairs(pdus) do pdus[i] = raw.data(pdv) end
    return table.concat(pdus) .. raw.data(raw.pdv(CT, 2, IMAGE))
end)() })
arrives("command and data set in one PDU", { said = raw.data(raw.pdv(CT, 3, COMMAND),
    raw.pdv(CT, 2, IMAGE)) })

-- ---- in mid-object ----

local BEGUN = COMMAND_PDU .. raw.data(raw.pdv(CT, 0, IMAGE:sub(1, 200)))
local MR = raw.contexts[raw.MR]

for _, mode in ipairs { "-B", "+B" } do
    case { ("the context changes in mid-object (%s)"):format(mode), options = mode,
        peer = BEGUN .. raw.data(raw.pdv(MR, 2, IMAGE:sub(201))), code = 64, ends = "2/5" }
    case { ("a command in mid-object (%s)"):format(mode), options = mode,
        peer = BEGUN .. raw.respond(0), code = 64, ends = "2/5" }
    case { ("the last fragment never comes: -td (%s)"):format(mode),
        options = { mode, "-td", "1" }, peer = BEGUN, code = 63, ends = "0/0", seconds = 6 }
end
case { "an object that is larger than allowed: refused, and the server is asked to stop",
    options = { "--max-object-size", "1000" }, peer = { BEGUN, catalogue.times(20,
        raw.data(raw.pdv(CT, 0, ("x"):rep(200)))), raw.data(raw.pdv(CT, 2, "")), expect(), expect(),
        raw.respond(0xFE00, { completed = 0, failed = 1, remaining = 1 }), expect(5),
        raw.RELEASE_RP },
    code = 40, ends = "released", statuses = { 0xA700 }, cancels = true,
    tells = "E: object 1.2.3.1: " }
case { "the context changes within a command", code = 64, ends = "2/5",
    peer = raw.data(raw.pdv(CT, 1, COMMAND:sub(1, 20)), raw.pdv(MR, 3, COMMAND:sub(21))) }
case { "a data set begins within a command", code = 64, ends = "2/5",
    peer = raw.data(raw.pdv(CT, 1, COMMAND:sub(1, 20)), raw.pdv(CT, 2, IMAGE)) }
case { "a data set though none was announced", code = 64, ends = "0/0",
    peer = { raw.respond(0xFF00, nil, nil, nil)
        .. raw.data(raw.pdv(raw.contexts[raw.STUDY_GET], 2, IMAGE)) } }
case { "no data set though one was announced: -td", options = { "-td", "1" }, code = 63,
    ends = "0/0", peer = COMMAND_PDU, seconds = 6 }
case { "a C-STORE request that announces no data set", code = 64, ends = "0/0",
    peer = raw.message(CT, raw.store_command("1.2.3.1", { [0x0800] = 0x0101 })) }

return cases

-- The catalogue as it concerns an acceptor: what a client may say to our archive.

local catalogue = require "catalogue"
local raw = require "raw"
local support = require "support"

local expect = catalogue.expect
local cases = {}

local function case(row) cases[#cases + 1] = row end

local ECHO_CONTEXT, GET_CONTEXT, CT_CONTEXT = 1, 3, 5 -- as of raw.proposed
local REQUEST, ACCEPTED = raw.request(), expect(2)
local RELEASE = { raw.RELEASE_RQ, expect(6), catalogue.END }

local function command(field, class, more)
    local elements = { [0x0002] = class, [0x0100] = field, [0x0110] = 7, [0x0800] = 0x0101 }
    for number, value in pairs(more or {}) do elements[number] = value end
    return raw.command(elements)
end

local ECHO = raw.message(ECHO_CONTEXT, command(0x0030, raw.VERIFICATION))
local IMAGE = raw.image "1.2.3.1"
local STORE = raw.message(CT_CONTEXT, raw.store_command "1.2.3.1", IMAGE)

-- A C-GET-RQ for a study of the archive's.
local function get(study)
    return raw.message(GET_CONTEXT, command(0x0010, raw.STUDY_GET, { [0x0700] = 0, [0x0800] = 0 }),
        raw.explicit(0x0008, 0x0052, "CS", "STUDY") .. raw.explicit(0x0020, 0x000D, "UI", study))
end

-- What is answered by an A-ABORT, or otherwise, instead of an A-ASSOCIATE-AC.
local function refused(title, said, ends)
    case { title, says = said, ends = ends }
end

-- The same, said over an association that stands.
local function then_refused(title, said, ends, row)
    row = row or {}
    row[1], row.says, row.ends = title, { REQUEST, ACCEPTED, said }, ends
    case(row)
end

-- ---- before a request ----

-- PS3.8 AA-2: it closes without a word.
refused("silence: until a deadline", {}, "unheard")
refused("a trickle of a request: until a deadline", { catalogue.segments(1, 50), REQUEST },
    "unheard")
for name, ending in pairs { FIN = catalogue.END, RST = catalogue.RESET } do
    refused(name .. " at once", ending, "unheard")
    refused(name .. " in the header of a request", { REQUEST:sub(1, 4), ending }, "unheard")
    refused(name .. " in a request", { REQUEST:sub(1, 100), ending }, "unheard")
end
for name, said in pairs { HTTP = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", SSH = "SSH-2.0-x\r\n",
    ["a handshake of TLS"] = "\22\3\1\2\0\1\0\1\252\3\3", garbage = ("\171\205"):rep(5000),
    ["a PDU of type 8"] = raw.pdu(8, "abcd") } do
    refused(name, said, "2/1")
end
for name, said in pairs { ["A-ASSOCIATE-AC"] = raw.accept(), ["A-ASSOCIATE-RJ"] =
    raw.reject(1, 1, 1), ["P-DATA-TF"] = ECHO, ["A-RELEASE-RQ"] = raw.RELEASE_RQ,
    ["A-RELEASE-RP"] = raw.RELEASE_RP } do
    refused(name, said, "2/2")
end
refused("A-ABORT", raw.abort(0, 0), "unheard")

-- ---- requests that are none ----

for _, length in ipairs { 0, 67 } do
    refused(("a request of length %d"):format(length), raw.pdu(1, ("\0"):rep(length)), "2/6")
end
for _, length in ipairs { (1 << 20) + 1, 1 << 31, (1 << 32) - 1 } do
    refused(("a request that claims %d bytes"):format(length), raw.request { length = length },
        "2/6")
end
for title, parts in pairs {
    ["an item that is longer than its PDU"] = { rest = raw.item(0x99, "", 5) },
    ["a context that is longer than its PDU"] = { contexts = raw.item(0x20, "\1\0\0\0", 60000) },
    ["an empty abstract syntax"] = { contexts = raw.proposal(1, "", raw.EXPLICIT_LITTLE) },
    ["an abstract syntax of 65 characters"] = { contexts = raw.proposal(1, ("1"):rep(65),
        raw.EXPLICIT_LITTLE) },
    ["a context without a transfer syntax"] = { contexts = raw.proposal(1, raw.CT) },
    ["a context of an even ID"] = { contexts = raw.proposal(2, raw.CT, raw.EXPLICIT_LITTLE) },
    ["a role whose UID is longer than it"] = { roles = raw.item(0x54, "\0\99" .. raw.CT) },
    ["a maximum length of 6"] = { max_length = raw.max_length(6) },
    ["no user information"] = { user = "" },
} do
    refused("a request with " .. title, raw.request(parts), "2/6")
end
refused("a request of protocol version 2", raw.request { version = 2 }, "rejected")

-- ---- requests that are odd ----

-- An association that goes as it should, after this request.
local function goes_well(title, request, said, answers)
    case { title, says = { request, ACCEPTED, said or { ECHO, expect() }, RELEASE },
        ends = "released", answers = answers or { { 0x8030, 0 } } }
end

goes_well("a request as it should be", REQUEST)
goes_well("a request in segments of a byte", { catalogue.segments(1), REQUEST })
goes_well("a request and what is said over it in one segment", REQUEST .. ECHO, expect())
goes_well("a request with unknown items", raw.request { rest = raw.item(0x99, "what is this") })
goes_well("a request of several versions", raw.request { version = 0xFFFF })
goes_well("a request with a maximum length of 0", raw.request { max_length = raw.max_length(0) })
goes_well("a request of which no context can be accepted but one", raw.request { contexts =
    raw.proposal(1, raw.VERIFICATION, raw.EXPLICIT_LITTLE) .. raw.proposal(3, "1.2.3", raw.JPEG)
    .. raw.proposal(5, raw.STUDY_GET, "1.2.3") })

-- ---- over an association ----

for name, said in pairs { ["A-ASSOCIATE-RQ"] = REQUEST, ["A-ASSOCIATE-AC"] = raw.accept(),
    ["A-ASSOCIATE-RJ"] = raw.reject(1, 1, 1), ["A-RELEASE-RP"] = raw.RELEASE_RP } do
    then_refused(name .. " while established", said, "2/2")
end
then_refused("a PDU of type 8 while established", raw.pdu(8, "abcd"), "2/1")
then_refused("A-RELEASE-RQ of length 3", raw.pdu(5, "\0\0\0"), "2/6")
then_refused("a P-DATA-TF that claims 4 GiB", raw.pdu(4, "", (1 << 32) - 1), "2/6")
then_refused("a PDV that is longer than its PDU", raw.data(raw.pdv(1, 3, ECHO, 5000)), "2/6")
then_refused("an unknown context", raw.data(raw.pdv(99, 3, "")), "2/6")
then_refused("a command set that is none", raw.data(raw.pdv(1, 3, "\255\255")), "0/0")
then_refused("an unknown command", raw.message(ECHO_CONTEXT, command(0x4711, raw.VERIFICATION)),
    "0/0")
then_refused("a C-STORE-RQ without a data set", raw.message(CT_CONTEXT, raw.store_command("1.2.3.1",
    { [0x0800] = 0x0101 })), "0/0")
then_refused("a C-GET-RQ without an identifier", raw.message(GET_CONTEXT, command(0x0010,
    raw.STUDY_GET)), "0/0")
then_refused("a command in mid-object", raw.message(CT_CONTEXT, raw.store_command "1.2.3.1")
    .. raw.data(raw.pdv(CT_CONTEXT, 0, IMAGE)) .. ECHO, "2/5")
then_refused("silence in mid-object: until a deadline", STORE:sub(1, -100), "0/0")
then_refused("A-ABORT while established", raw.abort(0, 0), "open")
for name, ending in pairs { FIN = catalogue.END, RST = catalogue.RESET } do
    then_refused(name .. " while established", ending, "open")
    then_refused(name .. " in mid-object", { STORE:sub(1, -100), ending }, "open")
    then_refused(name .. " behind a C-GET-RQ", { get "1.2.3", ending }, "open",
        { answers = "many" })
end

for name, field in pairs { ["C-MOVE-RQ"] = 0x0021, ["N-ACTION-RQ"] = 0x0130 } do
    goes_well(name .. ": 0211, and on it goes", REQUEST, { raw.message(ECHO_CONTEXT, command(field,
        raw.VERIFICATION)), expect(), ECHO, expect() }, { { field | 0x8000, 0x0211 },
        { 0x8030, 0 } })
end
goes_well("a C-STORE-RQ with another SOP class than its data set: B007", REQUEST, {
    raw.message(CT_CONTEXT, raw.store_command("1.2.3.9", { [0x0002] = raw.MR }),
        raw.image "1.2.3.9"), expect() }, { { 0x8001, 0xB007 } })
goes_well("a C-STORE-RQ with a data set that is none: C001", REQUEST, { raw.message(CT_CONTEXT,
    raw.store_command "1.2.3.9", raw.image("1.2.3.9"):sub(1, -3)), expect() },
    { { 0x8001, 0xC001 } })
goes_well("a C-STORE-RQ that is empty: A900", REQUEST, { raw.message(CT_CONTEXT,
    raw.store_command "1.2.3.9", ""), expect() }, { { 0x8001, 0xA900 } })
goes_well("a C-STORE-RQ without a SOP Instance UID: 0117", REQUEST, { raw.message(CT_CONTEXT,
    raw.store_command "", IMAGE), expect() }, { { 0x8001, 0x0117 } })
goes_well("a response that nobody waits for", REQUEST, { raw.message(ECHO_CONTEXT, raw.command {
    [0x0100] = 0x8030, [0x0120] = 5, [0x0800] = 0x0101, [0x0900] = 0 }), ECHO, expect() })
case { "10,000 C-ECHO-RQs of which no answer is read meanwhile", window = 4096,
    says = { REQUEST, ACCEPTED, catalogue.deaf(300), catalogue.times(10000, ECHO), RELEASE },
    ends = "released", answers = "many", check = function(heard)
        assert(#heard.messages == 10000, #heard.messages)
    end }
case { "a C-GET-RQ whose objects nobody answers: until a deadline",
    says = { REQUEST, ACCEPTED, get "1.2.3" }, ends = "0/0", answers = "many" }
case { "a C-GET-RQ whose objects nobody reads: until a deadline", window = 4096,
    says = { REQUEST, ACCEPTED, catalogue.deaf(1), get "1.2.3", catalogue.segments(0, 3000), ECHO },
    answers = "many", check = function(heard)
        assert(#heard.bytes < 12 << 20, #heard.bytes)
    end }
case { "a C-FIND-RQ while a C-GET-RQ is served", says = { REQUEST, ACCEPTED, get "1.2.3",
    raw.message(GET_CONTEXT, command(0x0020, raw.STUDY_GET)) }, ends = "0/0", answers = "many" }

--- The studies that the archive has: one, with an object of 12 MiB.
function cases.fill(directory)
    local object = require("getscu.dataset").new { SOPClassUID = raw.CT,
        SOPInstanceUID = "1.2.3.4.1", StudyInstanceUID = "1.2.3", SeriesInstanceUID = "1.2.3.4",
        PatientID = "P" }
    object:set("7FE0,0010", ("\1\2"):rep(6 << 20))
    assert(object:write(directory .. "/1", raw.EXPLICIT_LITTLE))
    return support.list(directory)
end

return cases

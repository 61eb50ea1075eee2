-- The catalogue's chapter "Association": what a server may say to an A-ASSOCIATE-RQ.

local catalogue = require "catalogue"
local raw = require "raw"

local expect, store = catalogue.expect, catalogue.store
local cases = {}

local function case(row) cases[#cases + 1] = row end

-- ---- A-ASSOCIATE-RJ ----

for text, rejection in pairs {
    ["-aet"] = { 1, 1, 3 },
    ["-aec"] = { 1, 1, 7 },
    ["application context"] = { 1, 1, 2 },
    ["protocol version"] = { 1, 2, 2 },
    ["try again later"] = { 2, 3, 1 },
    ["limit"] = { 2, 3, 2 },
    ["no reason given"] = { 1, 1, 1 },
    ["reason 9"] = { 1, 1, 9 },
    ["source 7"] = { 1, 7, 1 },
    ["unknown result 5"] = { 5, 1, 1 },
} do
    case { ("a rejection %d/%d/%d"):format(table.unpack(rejection)),
        answer = raw.reject(table.unpack(rejection)), code = 61, ends = "open", tells = text }
end

-- ---- lengths ----

for name, kind in pairs { RJ = 3, ["RELEASE-RQ"] = 5 } do
    for _, size in ipairs { 0, 3, 5 } do
        if kind == 3 then
            case { ("an A-ASSOCIATE-%s of length %d"):format(name, size),
                answer = raw.pdu(kind, ("\0"):rep(size)), code = 64, ends = "2/6" }
        else
            case { ("an A-%s of length %d"):format(name, size),
                peer = { raw.pdu(kind, ("\0"):rep(size)) }, code = 64, ends = "2/6" }
        end
    end
end

for _, size in ipairs { 0, 3, 5, 100 } do
    case { ("an A-ABORT of length %d is an abort"):format(size),
        peer = { raw.pdu(7, ("\0"):rep(size)) }, code = 62, ends = "open",
        tells = "aborted" }
end

for _, length in ipairs { 0, 67 } do
    case { ("an A-ASSOCIATE-AC of length %d"):format(length),
        answer = raw.pdu(2, ("\0"):rep(length)), code = 64, ends = "2/6" }
end
for _, length in ipairs { (1 << 20) + 1, 1 << 31, (1 << 32) - 1 } do
    case { ("an A-ASSOCIATE-AC that claims %d bytes"):format(length),
        answer = raw.accept { length = length }, code = 64, ends = "2/6", peak = true }
end

case { "an item that is longer than its PDU", code = 64, ends = "2/6",
    answer = raw.accept { rest = raw.item(0x99, "", 5) } }
case { "a sub-item that is longer than its item", code = 64, ends = "2/6",
    answer = raw.accept { more = raw.item(0x99, "", 500) } }
case { "a transfer syntax that is longer than its context", code = 64, ends = "2/6",
    answer = raw.accept { contexts = raw.item(0x21, "\1\0\0\0" .. raw.item(0x40, "1.2", 99)) } }
case { "a role whose UID is longer than it", code = 64, ends = "2/6",
    answer = raw.accept { roles = raw.item(0x54, "\0\99" .. raw.CT .. "\0\1") } }

-- ---- UIDs ----

case { "an empty transfer syntax", code = 64, ends = "2/6",
    answer = raw.accept { contexts = raw.context(1, "") } }
case { "a transfer syntax of 65 characters", code = 64, ends = "2/6",
    answer = raw.accept { contexts = raw.context(1, ("1"):rep(65)) } }
for name, padding in pairs { NUL = "\0", space = " " } do
    case { "a transfer syntax that a " .. name .. " ends",
        answer = raw.accept { syntaxes = { [raw.STUDY_GET] = raw.EXPLICIT_LITTLE .. padding,
            [raw.CT] = raw.EXPLICIT_LITTLE .. padding } },
        peer = { store("1.2.3.1", raw.image "1.2.3.1"), raw.respond(0), expect(5), raw.RELEASE_RP },
        code = 0, ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }
end
case { "a transfer syntax that two spaces end", code = 64, ends = "2/6",
    answer = raw.accept { contexts = raw.context(1, raw.EXPLICIT_LITTLE .. "  ") } }
case { "a transfer syntax that was not proposed", code = 64, ends = "2/6",
    answer = raw.accept { syntaxes = { [raw.CT] = "1.2.840.10008.1.2.4.999" } } }

-- ---- what may be there besides ----

-- An association that goes as it should, after this answer.
local function goes_on(title, parts, row)
    row = row or {}
    row[1], row.answer = title, raw.accept(parts)
    row.peer = { store("1.2.3.1", raw.image "1.2.3.1"), raw.respond(0, { completed = 1 }),
        expect(5), raw.RELEASE_RP }
    row.code, row.ends, row.statuses, row.files = 0, "released", { 0 }, { "CT.1.2.3.1" }
    case(row)
end

goes_on("unknown items and sub-items", { rest = raw.item(0x99, "what is this"),
    more = raw.item(0x77, "?") .. raw.item(0x78, "") })
goes_on("a context twice: the first counts", { rest = raw.context(raw.contexts[raw.CT], "", 3) },
    { tells = "W: " })
goes_on("the maximum length twice: the first counts", { more = raw.max_length(3) },
    { tells = "W: " })
goes_on("answers to contexts that were not proposed", { rest = raw.context(255, raw.JPEG)
    .. raw.context(2, raw.JPEG) })
goes_on("an asynchronous operations window that was not proposed",
    { more = raw.item(0x53, "\0\9\0\9") })
goes_on("a user identity that was not proposed", { more = raw.item(0x59, "\0\2hi") })
goes_on("no maximum length, and no implementation", { max_length = "", implementation = "" })
goes_on("titles that differ, and reserved bytes that are set", { fixed = "\0\1\7\7"
    .. ("%-16s%-16s"):format("SOMEBODY", "ELSE") .. ("\255"):rep(32) })
goes_on("no role item", { roles = "" }, { tells = "left out the role of 2 SOP classes; going on" })
goes_on("one role item of two", { roles = raw.role(raw.CT, 0, 1) },
    { tells = "left out the role of 1 SOP classes; going on" })
for _, length in ipairs { 0, 14, 0xFFFFFFFF } do
    goes_on(("a maximum length of %d"):format(length), { max_length = raw.max_length(length) })
end
for _, length in ipairs { 1, 6, 13 } do
    case { ("a maximum length of %d"):format(length), code = 64, ends = "2/6",
        answer = raw.accept { max_length = raw.max_length(length) } }
end
case { "no user information", answer = raw.accept { user = "" }, code = 64, ends = "2/6" }

-- ---- contexts and roles ----

local function accepting(class, ...)
    if not class then return "" end
    return raw.context(raw.contexts[class], raw.EXPLICIT_LITTLE) .. accepting(...)
end

case { "C-GET is rejected: no C-GET is sent, and what to do is told",
    answer = { raw.accept { contexts = accepting(raw.CT)
        .. raw.context(raw.contexts[raw.STUDY_GET], raw.EXPLICIT_LITTLE, 3) }, expect(5),
        raw.RELEASE_RP },
    code = 66, ends = "released", tells = { "C-MOVE", "not supported" } }
case { "no context is answered at all",
    answer = { raw.accept { contexts = "" }, expect(5), raw.RELEASE_RP },
    code = 66, ends = "released" }
case { "no context for objects: no C-GET is sent",
    answer = { raw.accept { contexts = accepting(raw.STUDY_GET, raw.VERIFICATION) }, expect(5),
        raw.RELEASE_RP },
    code = 66, ends = "released" }
case { "the role is refused: it is said that the server will not send",
    answer = raw.accept { roles = raw.role(raw.CT, 1, 0) .. raw.role(raw.MR, 0, 0) },
    hides = "left out the role",
    peer = { raw.respond(0), expect(5), raw.RELEASE_RP }, code = 0, ends = "released",
    tells = { "will not send objects of 2 SOP classes", "no object matched" } }

-- ---- other PDUs in its place ----

case { "A-ABORT", answer = raw.abort(0, 0), code = 62, ends = "open", tells = "aborted" }
case { "A-ABORT of the provider", answer = raw.abort(2, 6), code = 62, ends = "open",
    tells = "invalid" }
for name, bytes in pairs { ["A-RELEASE-RQ"] = raw.RELEASE_RQ, ["A-RELEASE-RP"] = raw.RELEASE_RP,
    ["P-DATA-TF"] = raw.respond(0), ["A-ASSOCIATE-RQ"] = raw.pdu(1, ("\0"):rep(100)) } do
    case { name, answer = bytes, code = 64, ends = "2/2", tells = name }
end

return cases

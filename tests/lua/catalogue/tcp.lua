-- The catalogue's chapter "TCP and TLS", its first part. (TLS: tls_*_spec.lua.)

local catalogue = require "catalogue"
local raw = require "raw"

local expect, store, segments = catalogue.expect, catalogue.store, catalogue.segments
local cases = {}

local function case(row) cases[#cases + 1] = row end

local IMAGE = raw.image("1.2.3.1", 2000)
local STORE = raw.store("1.2.3.1", IMAGE)
local ANSWER = raw.accept()
local LAST = catalogue.LAST

-- ---- where it ends ----

local ENDS = { FIN = catalogue.END, RST = catalogue.RESET }

for name, ending in pairs(ENDS) do
    for place, said in pairs {
        ["before the AC"] = "",
        ["in the header of the AC"] = ANSWER:sub(1, 4),
        ["in the AC"] = ANSWER:sub(1, 100),
    } do
        case { name .. " " .. place, answer = { said, ending }, code = 62, ends = "open",
            tells = "E: " }
    end
    for place, said in pairs {
        ["between PDUs"] = "",
        ["in the header of a PDU"] = STORE:sub(1, 3),
        ["in a PDU of the command"] = STORE:sub(1, 40),
        ["between command and data set"] = raw.message(raw.contexts[raw.CT],
            raw.store_command "1.2.3.1"),
        ["in the data set"] = STORE:sub(1, -1000),
        ["one byte before its end"] = STORE:sub(1, -2),
    } do
        for _, mode in ipairs { "-B", "+B" } do
            case { ("%s %s (%s)"):format(name, place, mode), options = mode,
                peer = { said, ending }, code = 62, ends = "open", tells = "E: " }
        end
    end
    case { name .. " behind an object: that stays",
        peer = { store("1.2.3.1", IMAGE), ending }, code = 62, ends = "open", statuses = { 0 },
        files = { "CT.1.2.3.1" } }
end

-- ---- segments ----

for _, size in ipairs { 1, 7, 16384 } do
    case { ("all of it in segments of %d bytes"):format(size),
        answer = { segments(size), ANSWER }, peer = { store("1.2.3.1", IMAGE), LAST }, code = 0,
        ends = "released", statuses = { 0 }, files = { "CT.1.2.3.1" } }
end
case { "all PDUs of two objects and of the end in one segment",
    peer = { catalogue.object(IMAGE, catalogue.object(raw.image "1.2.3.2", STORE
        .. raw.store("1.2.3.2", raw.image "1.2.3.2") .. raw.respond(0, { completed = 2 }))),
        expect(5), raw.RELEASE_RP },
    code = 0, ends = "released", statuses = { 0, 0 }, files = { "CT.1.2.3.1", "CT.1.2.3.2" } }
case { "the AC and the final response in one segment",
    answer = { ANSWER .. raw.respond(0), expect(5), raw.RELEASE_RP },
    code = 0, ends = "released", tells = "no object matched" }
case { "the AC and an A-ABORT in one segment", answer = ANSWER .. raw.abort(0, 0), code = 62,
    ends = "open", tells = "aborted" }

-- ---- silence ----

case { "the AC never comes: -ta", answer = {}, options = { "-ta", "1" }, code = 63, ends = "0/0",
    seconds = 6, tells = "association request" }
case { "a trickle inside the AC: -ta", answer = { segments(1, 50), ANSWER },
    options = { "-ta", "1" }, code = 63, ends = "0/0", seconds = 6 }
case { "silence inside a PDU: -td", peer = STORE:sub(1, 500), options = { "-td", "1" }, code = 63,
    ends = "0/0", seconds = 6 }
case { "a trickle inside a PDU: -td", peer = { segments(1, 50), STORE }, options = { "-td", "1" },
    code = 63, ends = "0/0", seconds = 8 }

-- ---- addresses ----

local function addresses(list)
    return { around = "ADDRESSES=" .. list, host = "several.test", options = "-i0" }
end

local function reached(title, row)
    row[1], row.peer = title, { store("1.2.3.1", IMAGE), LAST }
    row.code, row.ends, row.statuses, row.files = 0, "released", { 0 }, { "CT.1.2.3.1" }
    case(row)
end

local function unreached(title, row, tells)
    row[1], row.code, row.ends, row.tells = title, 60, "unheard", tells
    case(row)
end

reached("of several addresses the last one answers", addresses "127.0.0.2 ::1 127.0.0.1")
reached("of several addresses the first one answers", addresses "127.0.0.1 127.0.0.2")
unreached("of several addresses none answers: each is named", addresses "127.0.0.2 ::1 127.0.0.3",
    { "E: cannot connect to several.test port ", "127.0.0.2:", "[::1]:", "127.0.0.3:",
        "Connection refused" })
unreached("a name that has no address", { host = "nobody.invalid" },
    "E: cannot look up nobody.invalid")
local lonely = addresses "127.0.0.1 ::1"
lonely.within = 'exec unshare -rn "$@"' -- a network of its own, in which nothing is up
lonely.needs = { "unshare", "-rn", "true" }
unreached("of several addresses none can be reached: each is named", lonely, { "127.0.0.1:",
    "[::1]:", "Network is unreachable" })

-- ---- no DICOM ----

for name, said in pairs {
    HTTP = "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
    SSH = "SSH-2.0-OpenSSH_9.2\r\n",
    TLS = "\21\3\1\0\2\2\70",
} do
    case { name .. " answers", answer = said, code = 64, ends = "2/1", tells = name }
end
case { "a handshake of TLS answers", answer = "\22\3\1\2\0\1\0\1\252\3\3", code = 64, ends = "2/1",
    tells = "TLS" }

return cases

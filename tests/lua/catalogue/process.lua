-- The catalogue's chapter "Files and process": what the process has around it: calls that fail or
-- do little, a disk that is full, descriptors that are out, a clock and a locale.

local catalogue = require "catalogue"
local getscu = require "getscu"
local raw = require "raw"
local support = require "support"

local expect, store = catalogue.expect, catalogue.store
local cases = {}

local function case(row) cases[#cases + 1] = row end

local SMALL, LARGE = raw.image "1.2.3.1", raw.image("1.2.3.2", 70000)
local RELEASE = catalogue.RELEASE
local MODES = { "-B", "+B" }

local function names(mode, ...)
    local list = { ... }
    for i, uid in ipairs(list) do list[i] = (mode == "+B" and "" or "CT.") .. uid end
    return list
end

-- A small object and a large one arrive as they should. The fields of `row` are those of a case.
local function goes_well(title, row)
    for _, mode in ipairs(MODES) do
        local this = { ("%s (%s)"):format(title, mode), code = 0, ends = "released",
            peer = { store("1.2.3.1", SMALL), store("1.2.3.2", LARGE),
                raw.respond(0, { completed = 2 }), RELEASE },
            statuses = { 0, 0 }, files = names(mode, "1.2.3.1", "1.2.3.2") }
        for name, value in pairs(row) do this[name] = value end
        this.options = { mode, row.options or {} }
        case(this)
    end
end

-- ---- what is invisible ----

-- Each of them, from the first on: every other call is interrupted or has nothing to do, and each
-- that moves bytes moves one.
for call, errors in pairs {
    recv = { "EINTR/2", "EAGAIN/2", "SHORT" },
    send = { "EINTR/2", "EAGAIN/2", "SHORT" },
    read = { "EINTR/2", "SHORT" },
    writev = { "EINTR/2", "SHORT" },
    poll = { "EINTR/2" },
} do
    for _, name in ipairs(errors) do
        goes_well(("%s: %s"):format(call, name), { faults = ("%s:1:0:%s"):format(call, name) })
    end
end

-- ---- a clock that jumps, and a locale ----

for _, seconds in ipairs { 86400, -86400 } do
    goes_well(("the clock jumps by %d s, again and again"):format(seconds),
        { around = "CLOCK_JUMP=" .. seconds, options = { "-td", "20" }, seconds = 10 })
    case { ("deadlines hold where the clock jumps by %d s"):format(seconds),
        around = "CLOCK_JUMP=" .. seconds, options = { "-td", "1" },
        peer = store("1.2.3.1", SMALL), statuses = { 0 }, files = { "CT.1.2.3.1" }, code = 63,
        ends = "0/0", seconds = 6 }
end

local LOCALE = [[
LC_CTYPE
copy "%s"
END LC_CTYPE
LC_NUMERIC
copy "%s"
END LC_NUMERIC
LC_COLLATE
copy "POSIX"
END LC_COLLATE
]]

-- Makes a locale of what the machine has the source of; its warnings are no failure.
local function make_locale(name, charset, box)
    local folder = box:directory("locales")
    local source = box:file(LOCALE:format(name, name), "locale")
    box:tool { "sh", "-c", 'localedef -c -f "$0" -i "$1" "$2/$3" >/dev/null 2>&1; '
        .. 'test -e "$2/$3/LC_NUMERIC"', charset, source, folder, name }
    return { "LC_ALL=" .. name, "LOCPATH=" .. folder }
end

-- Each line of the report on standard output has numbers that are some.
local function numbers_are_read(outcome)
    local lines = 0
    for line in outcome.said:gmatch "[^\n]+" do
        local row = assert(getscu.json.decode(line))
        assert(row.event ~= "stored" or math.type(row.seconds) == "float", line)
        lines = lines + 1
    end
    assert(lines == 3, outcome.said)
end

-- With a comma in its numbers, and with an "I" that is no large "i".
for name, charset in pairs { de_DE = "ISO-8859-1", tr_TR = "ISO-8859-9" } do
    goes_well("the locale " .. name, { needs = { "test", "-e", "/usr/share/i18n/locales/" .. name },
        prepare = function(_, box, this) this.variables = make_locale(name, charset, box) end,
        options = { "--report", "-", "-k", "PatientID=i" }, check = numbers_are_read })
end

-- ---- standard streams that are closed, full, or read by nobody ----

for what, within in pairs {
    ["standard error is closed"] = 'exec "$@" 2>&-',
    ["standard error is full"] = 'exec "$@" 2>/dev/full',
    ["nobody reads standard error"] = 'set -o pipefail; { "$@" 2>&1 >&3 | true; } 3>&1',
    ["standard output is closed"] = 'exec "$@" >&-',
    ["all standard streams are closed"] = 'exec "$@" <&- >&- 2>&-',
} do
    goes_well(what, { within = within })
end

-- ---- no file descriptors left ----

local function limited(descriptors)
    return ('ulimit -n %d; exec "$@"'):format(descriptors)
end

local INSTRUMENTED = support.sanitized and "an instrumented program needs descriptors of its own"

-- What is told depends on what was open by then. (What an interpreter opens is not counted here:
-- with 3 of them no program starts.)
for descriptors, row in pairs {
    [5] = { code = 69, tells = "F: cannot take signals: " },
    [6] = { code = 60, tells = "E: cannot connect to 127.0.0.1" },
} do
    case { ("%d descriptors: before connecting"):format(descriptors), within = limited(descriptors),
        code = row.code, ends = "unheard", tells = { row.tells, "Too many open files" },
        pending = INSTRUMENTED }
end
for _, mode in ipairs(MODES) do
    case { ("7 descriptors: each object is refused (%s)"):format(mode), options = mode,
        within = limited(7), code = 40, ends = "released", statuses = { 0xA700, 0xA700 },
        peer = { store("1.2.3.1", SMALL), store("1.2.3.2", LARGE),
            raw.respond(0xB000, { completed = 0, failed = 2 }), RELEASE },
        tells = { "E: object 1.2.3.1: ", "E: object 1.2.3.2: ", "Too many open files" },
        pending = INSTRUMENTED }
end
goes_well("8 descriptors are enough", { within = limited(8), pending = INSTRUMENTED })

-- ---- a disk that takes no more ----

-- A file system of its own for the output directory, of which all is copied to the directory behind
-- it in the end.
local SMALL_DISK = [[exec unshare -rm sh -c '
    mount -t tmpfs -o %s none "$0" || exit 99
    "$@"; code=$?
    cp -a "$0" "$0.copy" && umount "$0" && cp -a "$0.copy/." "$0" && rm -r "$0.copy" && exit $code
' "$0" "$@"]]

-- The second object fails, the server is asked to stop, and the first one stays.
local function second_fails(title, row)
    for _, mode in ipairs(MODES) do
        local this = { ("%s (%s)"):format(title, mode), code = 40, ends = "released",
            peer = { store("1.2.3.1", SMALL), store("1.2.3.2", LARGE), expect(),
                raw.respond(0xFE00, { completed = 1, failed = 1, remaining = 7 }), RELEASE },
            statuses = { 0, 0xA700 }, cancels = true, files = names(mode, "1.2.3.1") }
        for name, value in pairs(row) do this[name] = value end
        this.options = { mode, row.options or {} }
        this.tells = { "E: object 1.2.3.2: ", row.tells }
        case(this)
    end
end

-- The only object fails in a call, and the server is asked to stop.
local function it_fails(title, row)
    for _, mode in ipairs(MODES) do
        case { ("%s (%s)"):format(title, mode), code = 40, ends = "released",
            options = { mode, row.options or {} }, faults = row.faults, within = row.within,
            needs = row.needs, peer = { store("1.2.3.2", LARGE), expect(),
                raw.respond(0xFE00, { completed = 0, failed = 1, remaining = 7 }), RELEASE },
            statuses = { 0xA700 }, cancels = true, tells = { "E: object 1.2.3.2: ", row.tells } }
    end
end

-- An object of 6 MB, fragment by fragment.
local CT = raw.contexts[raw.CT]
local HUGE = { raw.message(CT, raw.store_command "1.2.3.2") .. raw.data(raw.pdv(CT, 0,
    raw.explicit(0x0009, 0x1001, "OB", "", 6400000))), catalogue.times(400,
    raw.data(raw.pdv(CT, 0, ("\0"):rep(16000)))), raw.data(raw.pdv(CT, 2, "")), expect() }

local NAMESPACE = { "unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt" }

it_fails("the disk is full from the first", { needs = NAMESPACE,
    within = SMALL_DISK:format "size=4k", tells = "No space left on device" })
second_fails("the disk becomes full", { needs = NAMESPACE, within = SMALL_DISK:format "size=64k",
    tells = "No space left on device" })
second_fails("an object would fill the disk, and what is left for others with it",
    { needs = NAMESPACE, within = SMALL_DISK:format "size=7m", tells = "would fill the disk",
        peer = { store("1.2.3.1", SMALL), HUGE, expect(), raw.respond(0xFE00, { completed = 1,
            failed = 1, remaining = 7 }), RELEASE } })
second_fails("the disk has no room for another file", { needs = NAMESPACE,
    within = SMALL_DISK:format "nr_inodes=2", tells = "No space left on device" })
case { "the disk becomes full, and the server goes on: it is asked to stop once", needs = NAMESPACE,
    within = SMALL_DISK:format "size=64k", code = 40, ends = "released", cancels = true,
    peer = { store("1.2.3.1", SMALL), store("1.2.3.2", LARGE), expect(),
        store("1.2.3.3", raw.image("1.2.3.3", 90000)), store("1.2.3.4", raw.image "1.2.3.4"),
        raw.respond(0xB000, { completed = 2, failed = 2 }), RELEASE },
    statuses = { 0, 0xA700, 0xA700, 0 }, files = { "CT.1.2.3.1", "CT.1.2.3.4" },
    tells = { "E: object 1.2.3.2: ", "E: object 1.2.3.3: " } }
second_fails("a limit of the file size", { within = 'ulimit -f 64; exec "$@"',
    cancels = false, peer = { store("1.2.3.1", SMALL), store("1.2.3.2", LARGE),
        raw.respond(0xB000, { completed = 1, failed = 1 }), RELEASE },
    tells = "File too large" })

for _, name in ipairs { "EIO", "ENOSPC", "EDQUOT" } do
    it_fails("once at write: " .. name, { faults = "writev:1:1:" .. name })
    second_fails("from the second write on: " .. name, { faults = "writev:2:0:" .. name })
    it_fails("at close: " .. name, { faults = "close:1:0:" .. name })
    it_fails("once at sync: " .. name, { faults = "fsync:1:1:" .. name,
        options = { "--sync", "each" } })
    it_fails("once at rename: " .. name, { faults = "rename:1:1:" .. name })
end
case { "at the sync of all: that is no success", faults = "fsync:1:1:EIO",
    options = { "--sync", "end" }, code = 40, ends = "released", statuses = { 0 },
    peer = { store("1.2.3.1", SMALL), raw.respond(0, { completed = 1 }), RELEASE },
    files = { "CT.1.2.3.1" }, tells = "E: cannot bring the output directory" }

return cases

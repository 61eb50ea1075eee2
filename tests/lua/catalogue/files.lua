-- The catalogue's chapter "Files and process": what a file meets in the output directory.

local catalogue = require "catalogue"
local core = require "getscu.core"
local raw = require "raw"
local support = require "support"

local store = catalogue.store
local cases = {}

local function case(row) cases[#cases + 1] = row end

local IMAGE, OTHER = raw.image "1.2.3.1", raw.image("1.2.3.1", 600)
local SECOND = raw.image "1.2.3.2"
local RELEASE, LAST, FAILED = catalogue.RELEASE, catalogue.LAST, catalogue.FAILED

local function name_of(mode)
    return mode == "+B" and "1.2.3.1" or "CT.1.2.3.1"
end

-- What is planted under an object's name, with each way to write it.
local function planted(title, make, row)
    for _, mode in ipairs { "-B", "+B" } do
        local this = { ("%s has its name (%s)"):format(title, mode), options = mode,
            peer = { store("1.2.3.1", IMAGE), LAST }, code = 0, ends = "released",
            statuses = { 0 }, files = { name_of(mode) }, tells = "replaced the file",
            prepare = function(out, box) make(out .. "/" .. name_of(mode), box, out) end }
        for name, value in pairs(row or {}) do this[name] = value end
        case(this)
    end
end

local PRECIOUS = "what was here before"

local function beside(out)
    return out .. "/../precious"
end

-- The file beside the output directory is as it was.
local function untouched(outcome)
    assert(support.read(beside(outcome.out)) == PRECIOUS, "it was written to by way of a link")
end

-- ---- planted under the name ----

planted("a file of before", function(path) support.write(path, PRECIOUS) end)
planted("a symbolic link to a file elsewhere", function(path, box, out)
    box:tool { "ln", "-s", support.write(beside(out), PRECIOUS), path }
end, { check = untouched })
planted("a hard link to a file elsewhere", function(path, box, out)
    box:tool { "ln", support.write(beside(out), PRECIOUS), path }
end, { check = untouched })
planted("a symbolic link to nothing", function(path, box, out)
    box:tool { "ln", "-s", out .. "/../nowhere", path }
end)
planted("a symbolic link to itself", function(path, box) box:tool { "ln", "-s", path, path } end)
planted("a FIFO", function(path, box) box:tool { "mkfifo", path } end)
planted("a file that nobody may read", function(path, box)
    box:tool { "chmod", "000", support.write(path, PRECIOUS) }
end)
planted("a symbolic link to a directory elsewhere", function(path, box, out)
    assert(core.system.mkdir(out .. "/../elsewhere"))
    box:tool { "ln", "-s", out .. "/../elsewhere", path }
end)
planted("a directory", function(path) assert(core.system.mkdir(path)) end, { code = 40,
    peer = { store("1.2.3.1", IMAGE), FAILED }, statuses = { 0xA700 }, files = {},
    tells = "Is a directory" })

-- ---- planted, and to be left there ----

local function skipping(title, make, policy, row)
    planted(title, make, row)
    for i = #cases - 1, #cases do
        local this = cases[i]
        this[1] = ("%s, and --on-collision %s"):format(this[1], policy)
        this.options = { this.options, "--on-collision", policy }
    end
end

local REFUSED = { tells = "E: object 1.2.3.1", count = 1, code = 40, statuses = { 0xA700 },
    peer = { store("1.2.3.1", IMAGE), FAILED } }
local RENAMED = { tells = "W: another object", count = 2 }

local function make_fifo(path, box) box:tool { "mkfifo", path } end

local function make_link(path, box, out)
    box:tool { "ln", "-s", support.write(beside(out), PRECIOUS), path }
end

skipping("a FIFO", make_fifo, "rename", RENAMED)
skipping("a FIFO", make_fifo, "skip", REFUSED) -- it is no object that could be kept
skipping("a FIFO", make_fifo, "fail", REFUSED)
skipping("a symbolic link", make_link, "rename", RENAMED)
skipping("a symbolic link", make_link, "skip", { tells = "kept the file", count = 1 })
skipping("a symbolic link", make_link, "fail", REFUSED)

-- ---- planted on the way: a template makes folders ----

local TEMPLATE = { "--filename", "{StudyInstanceUID}/{SOPInstanceUID}" }

local function on_the_way(title, make, row)
    row[1] = title .. " is where a folder should be"
    row.options, row.prepare = TEMPLATE, make
    row.peer = { store("1.2.3.1", IMAGE), FAILED }
    row.code, row.ends, row.statuses, row.tells = 40, "released", { 0xA700 }, "E: object 1.2.3.1"
    case(row)
end

on_the_way("a symbolic link to a directory elsewhere", function(out, box)
    assert(core.system.mkdir(out .. "/../elsewhere"))
    box:tool { "ln", "-s", out .. "/../elsewhere", out .. "/1.2.3" }
end, { count = 0 })
on_the_way("a FIFO", function(out, box) box:tool { "mkfifo", out .. "/1.2.3" } end, { count = 1 })
on_the_way("a file", function(out) support.write(out .. "/1.2.3", PRECIOUS) end, { count = 1 })

-- ---- within a run ----

case { "the same object twice with the same bytes is one file, and a duplicate",
    peer = { store("1.2.3.1", IMAGE), store("1.2.3.1", IMAGE), raw.respond(0, { completed = 2 }),
        RELEASE },
    code = 0, ends = "released", statuses = { 0, 0 }, files = { "CT.1.2.3.1" },
    tells = { "1 objects stored", "1 duplicate" } }
case { "the same object twice with other bytes is two files, and a warning",
    peer = { store("1.2.3.1", IMAGE), store("1.2.3.1", OTHER), raw.respond(0, { completed = 2 }),
        RELEASE },
    code = 0, ends = "released", statuses = { 0, 0 }, files = { "CT.1.2.3.1", "CT.1.2.3.1~2" },
    tells = "W: another object of the same name" }

-- ---- names ----

case { "a name of more than 255 bytes is shortened, to no more than that",
    options = { "--filename", ("x"):rep(240) .. "{SOPInstanceUID}" },
    peer = { store("1.2.3.1", IMAGE),
        store(("1.2."):rep(15) .. "1", raw.image(("1.2."):rep(15) .. "1")),
        raw.respond(0, { completed = 2 }), RELEASE },
    code = 0, ends = "released", statuses = { 0, 0 }, count = 2, check = function(outcome)
        assert(#outcome.files[1] <= 255 and #outcome.files[2] <= 255, "they are longer")
    end }

-- Folders so deep that a path to a file in them has more than the 4096 bytes of PATH_MAX: they are
-- gone down step by step. Afterwards files are taken up to where they can be looked at.
local FOLDERS = (("d"):rep(203) .. "/"):rep(18)
local TAKEN_UP = [["$@"; code=$?
    find "$0" -mindepth 2 -type f -execdir mv {} "$0" \;
    find "$0" -mindepth 1 -depth -type d -delete; exit $code]]

case { "a path of more than PATH_MAX bytes", within = TAKEN_UP, prepare = function(out, _, this)
        for _ = 1, 3 do
            out = out .. "/" .. ("e"):rep(200)
            assert(core.system.mkdir(out))
        end
        this.options = { "-od", out, "--filename", FOLDERS .. "{SOPInstanceUID}" }
    end, peer = { store("1.2.3.1", IMAGE), LAST }, code = 0, ends = "released", statuses = { 0 },
    files = { "1.2.3.1" } }
for title, template in pairs {
    ["so long that it is no path"] = FOLDERS .. FOLDERS .. "{SOPInstanceUID}",
    ["of more folders than go"] = ("d/"):rep(33) .. "{SOPInstanceUID}",
} do
    case { "a name " .. title .. ": shortened", options = { "--filename", template },
        within = TAKEN_UP, peer = { store("1.2.3.1", IMAGE), store("1.2.3.2", SECOND),
            raw.respond(0, { completed = 2 }), RELEASE },
        code = 0, ends = "released", statuses = { 0, 0 }, count = 2, check = function(outcome)
            assert(#outcome.files[1] <= 255 and #outcome.files[2] <= 255, "they are longer")
        end }
end

-- ---- the directory ----

case { "the directory is missing: before connecting", code = 45, ends = "unheard",
    prepare = function(out) assert(os.remove(out)) end, tells = "E: ", lost = true }
case { "the directory is a file: before connecting", code = 45, ends = "unheard",
    prepare = function(out)
        assert(os.remove(out))
        support.write(out, PRECIOUS)
    end, tells = "E: ", lost = true }
case { "the directory is a FIFO: before connecting", code = 45, ends = "unheard",
    prepare = function(out, box)
        assert(os.remove(out))
        box:tool { "mkfifo", out }
    end, tells = "E: ", lost = true }

return cases

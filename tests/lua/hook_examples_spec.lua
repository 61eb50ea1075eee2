local getscu = require "getscu"
local support = require "support"

-- The example scripts that have hooks, against the archive.

local EXAMPLES = "scripts/examples/"

local box, archive
setup(function()
    box = support.box()
    archive = box:phantom_archive()
end)
teardown(function()
    archive:close()
    box:close()
end)

-- Retrieves a patient with a script.
-- @return result, with files and directory
local function run(name, patient, ...)
    local out = box:directory("out")
    local result = box:getscu("--script", EXAMPLES .. name .. ".lua", { ... }, "-P", "-aec",
        "ARCHIVE", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=" .. patient, "-od", out,
        "127.0.0.1", archive:port())
    result.directory, result.files = out, support.list(out)
    return result
end

describe("the example", function()
    it("keep-modality.lua keeps one modality", function()
        local result = run("keep-modality", "PHANTOM-1")
        assert.equal(24, #result.files)
        assert.equal("W: 24 objects of CT kept, 0 left out\n", result.err)
        result = run("keep-modality", "PHANTOM-1", "--modality", "MR")
        assert.same({}, result.files)
        assert.matches("W: 0 objects of MR kept, 24 left out\n", result.err)
        assert.equal(0, result.code)
    end)

    it("sort-folders.lua sorts by patient, study and series", function()
        local result = run("sort-folders", "PHANTOM-2")
        assert.equal(0, result.code, result.err)
        assert.equal(12, #result.files)
        for _, name in ipairs(result.files) do
            assert.matches("^PHANTOM%-2/%d%d%d%d%-%d%d%-%d%d_MR/1_[^/]+/%d%d%d%d%.dcm$", name)
        end
    end)

    it("forward.lua sends each object on", function()
        local folder = box:directory("second")
        local second <close> = assert(getscu.archive { directory = folder, aetitle = "SECOND" })
        second:start()
        local result = run("forward", "PHANTOM-3", "--to", "SECOND@127.0.0.1:" .. second:port())
        assert.equal(0, result.code, result.err)
        assert.equal(2, #support.list(folder))
        result = run("forward", "PHANTOM-3", "--to", "X@127.0.0.1:" .. support.free_port())
        assert.equal(80, result.code)
        assert.equal(2, #result.files)
    end)

    it("deidentify.lua takes away who it was, the same way for all objects", function()
        local result = run("deidentify", "PHANTOM-1", "--secret", "s", "--dates", "shifted")
        assert.equal(0, result.code, result.err)
        assert.equal(24, #result.files)
        local studies, count = {}, 0
        for _, name in ipairs(result.files) do
            local object = assert(getscu.dataset.read(result.directory .. "/" .. name))
            assert.not_equal("PHANTOM-1", object.PatientID)
            assert.equal("YES", object.PatientIdentityRemoved)
            assert.equal("CT." .. object.SOPInstanceUID, name)
            assert.equal(object.SOPInstanceUID, object:meta().sop_instance)
            assert.equal(object.Rows * object.Columns * 2, #object.PixelData)
            count = count + (studies[object.StudyInstanceUID] and 0 or 1)
            studies[object.StudyInstanceUID] = true
        end
        assert.equal(1, count)
        assert.equal(1, run("deidentify", "PHANTOM-1").code) -- without a secret
    end)

    it("each-series.lua runs a command on each series", function()
        local result = run("each-series", "PHANTOM-3", "--command", "ls,-1")
        assert.equal(0, result.code, result.err)
        local _, count = result.out:gsub("%.dcm\n", "")
        assert.equal(2, count)
        assert.equal(80, run("each-series", "PHANTOM-3", "--command", "false").code)
    end)

    it("ask-first.lua asks before much is retrieved", function()
        local function asked(answer, ...)
            local out = box:directory("out")
            local process = box:start(support.words(support.getscu, "--script",
                EXAMPLES .. "ask-first.lua", { ... }, "-P", "-aec", "ARCHIVE", "-k",
                "QueryRetrieveLevel=PATIENT", "-k", "PatientID=PHANTOM-1", "-od", out, "127.0.0.1",
                archive:port()), { input = box:file(answer) })
            local result = process:wait()
            assert.equal(0, result.code, result.err)
            return #support.list(out), result.err
        end
        local count, said = asked("n\n", "--most", 10)
        assert.equal(0, count)
        assert.matches("24 objects match; retrieve them%? %[y/N%]", said)
        assert.equal(24, (asked("y\n", "--most", 10)))
        assert.equal(0, (asked("", "--most", 23)))
        count, said = asked("", "--most", 24)
        assert.equal(24, count)
        assert.equal("", said)
    end)

    it("nightly-pull.lua fetches what is new", function()
        local out, state = box:directory("out"), box:new_path("state")
        local function pull(day)
            return box:getscu("--run", EXAMPLES .. "nightly-pull.lua",
                "ARCHIVE@127.0.0.1:" .. archive:port(), out, state, day)
        end
        local result = pull "20250401"
        assert.equal(0, result.code, result.err)
        assert.matches("^%d+ new objects, 0 known\n$", result.out)
        local count = math.tointeger(tonumber(result.out:match "^%d+"))
        assert.is_true(count > 0)
        assert.equal(count, #support.list(out))
        result = pull "20250401"
        assert.equal(("0 new objects, %d known\n"):format(count), result.out)
        result = pull "19000101"
        assert.equal(0, result.code, result.err)
        assert.equal("", result.out)
    end)
end)

local getscu = require "getscu"
local support = require "support"

local EXAMPLES = "scripts/examples/"
local phantoms = dofile "scripts/demo/phantoms.lua"

local box, archive, peer
setup(function()
    box = support.box()
    archive = box:phantom_archive()
    peer = "ARCHIVE@127.0.0.1:" .. archive:port()
end)
teardown(function()
    archive:close()
    box:close()
end)

local function run(name, ...)
    local result = box:getscu("--run", EXAMPLES .. name .. ".lua", ...)
    return result.code, result.out, result.err
end

describe("fetch-accessions.lua", function()
    it("retrieves the studies of a CSV of accession numbers, each to its folder", function()
        local folder = box:directory()
        local list = box:file("Nr,AccessionNumber\r\n1,A-0002\r\n2,A-0003\r\n", "list.csv")
        local code, out, err = run("fetch-accessions", peer, list, folder)
        assert.equal(0, code, err)
        assert.equal("A-0002\t12 objects\nA-0003\t2 objects\n", out)
        local counts = {}
        for _, name in ipairs(support.list(folder)) do
            local accession = name:match "^(.-)/[%d.]+%.dcm$"
            counts[accession] = (counts[accession] or 0) + 1
        end
        assert.same({ ["A-0002"] = 12, ["A-0003"] = 2 }, counts)
    end)

    it("tells which numbers are not there", function()
        local list = box:file("AccessionNumber\nA-9999\nA-0003\n", "list.csv")
        local code, out = run("fetch-accessions", peer, list, box:directory())
        assert.equal(1, code)
        assert.equal("A-9999\t0 objects\nA-0003\t2 objects\n", out)
    end)
end)

describe("newest-study.lua", function()
    it("retrieves the newest study of a patient, and only that", function()
        local held, folder = box:directory(), box:directory()
        for i, date in ipairs { "20230101", "20250101", "20240101" } do
            local object = getscu.dataset.new { PatientID = "P1", StudyDate = date,
                StudyTime = "12", StudyInstanceUID = "1.2.3." .. i,
                SeriesInstanceUID = "1.2.3.1." .. i, SOPInstanceUID = "1.2.3.1.1." .. i,
                StudyDescription = "study " .. i,
                SOPClassUID = getscu.uid.named "CTImageStorage" }
            assert(object:write(held .. "/" .. i))
        end
        local other <close> = assert(getscu.archive { directory = held })
        other:start()
        local code, out, err = run("newest-study", "OTHER@127.0.0.1:" .. other:port(), "P1", folder)
        assert.equal(0, code, err)
        assert.equal("2025010112\tstudy 2\n1 objects\n", out)
        assert.same({ "CT.1.2.3.1.1.2" }, support.list(folder))
    end)

    it("says when there is none", function()
        local code, out = run("newest-study", peer, "NOBODY", box:directory())
        assert.equal(1, code)
        assert.equal("no study of patient NOBODY\n", out)
    end)
end)

describe("headers-csv.lua", function()
    it("writes a row for each file, in UTF-8 whatever the character set", function()
        local folder = box:new_path("phantoms")
        assert(phantoms.write(folder))
        local code, out, err = run("headers-csv", folder, "PatientName", "Modality", "0020,0013")
        assert.equal(0, code, err)
        local rows, titles = assert(getscu.csv.decode(out))
        assert.same({ "File", "PatientName", "Modality", "0020,0013" }, titles)
        assert.equal(38, #rows)
        local by_file = {}
        for _, row in ipairs(rows) do by_file[row.File] = row end
        assert.equal("Suzuki^Hanako=鈴木^花子=すずき^はなこ",
            by_file["PHANTOM-2-0001-3.dcm"].PatientName)
        assert.equal("MR", by_file["PHANTOM-2-0001-3.dcm"].Modality)
        assert.equal("3", by_file["PHANTOM-2-0001-3.dcm"]["0020,0013"])
    end)

    it("tells what it cannot read", function()
        local folder = box:directory()
        support.write(folder .. "/a.txt", "no DICOM")
        local code, out, err = run("headers-csv", folder)
        assert.equal(1, code)
        assert.truthy(out:find("^File,PatientID,"))
        assert.truthy(err:find("a.txt", 1, true))
    end)
end)

describe("each of these examples", function()
    it("says how it is used", function()
        for _, name in ipairs { "fetch-accessions", "headers-csv", "newest-study" } do
            local code, _, err = run(name)
            assert.equal(1, code, name)
            assert.truthy(err:find("usage: getscu --run " .. name .. ".lua", 1, true), name)
        end
    end)

    it("has 10 to 40 lines", function()
        for _, name in ipairs { "fetch-accessions", "headers-csv", "newest-study" } do
            local _, count = support.read(EXAMPLES .. name .. ".lua"):gsub("\n", "\n")
            assert.is_true(count >= 10 and count <= 40, name)
        end
    end)
end)

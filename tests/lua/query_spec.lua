local query = require "getscu.query"
local support = require "support"

local function advice(keys, ...)
    return table.concat(query.advice(keys, ...), "\n")
end

describe("the queries of a command line", function()
    local box
    setup(function() box = support.box() end)
    teardown(function() box:close() end)

    local function from(text, ...)
        return query.from({ box:file(text) }, { ... })
    end

    it("are one of keys alone where there is no file", function()
        local list = assert(query.from({}, { "QueryRetrieveLevel=STUDY", "0010,0020=P=1",
            "(0008,0050)", "(0008,1140)[0].ReferencedSOPInstanceUID=1.2",
            "ReferencedImageSequence[1].0008,1155=1.3", "ReferencedStudySequence" }))
        assert.equal(1, #list)
        assert.equal("STUDY", list[1].QueryRetrieveLevel)
        assert.equal("P=1", list[1].PatientID)
        assert.equal("", list[1].AccessionNumber)
        assert.equal("1.2", list[1]:get "ReferencedImageSequence[1].ReferencedSOPInstanceUID")
        assert.equal("1.3", list[1]:get "ReferencedImageSequence[2].ReferencedSOPInstanceUID")
        assert.same({}, list[1].ReferencedStudySequence)
    end)

    it("are DICOM files with and without meta information, told by their content", function()
        local made = box:dump2dcm "(0008,0052) CS [STUDY]\n(0010,0020) LO [1]\n"
        local bare = box:dump2dcm("(0008,0052) CS [STUDY]\n(0010,0020) LO [2]\n", "-F")
        local list, labels = query.from({ made, bare }, { "PatientName=A" })
        assert.equal(2, #list)
        assert.equal("1", list[1].PatientID)
        assert.equal("2", list[2].PatientID)
        assert.equal("A", list[2].PatientName)
        assert.same({ made, bare }, labels)
    end)

    it("are texts of dump2dcm and DICOM JSON", function()
        local list = assert(from "\n# dump\n (0010,0020) LO [1]\n")
        assert.equal("1", list[1].PatientID)
        list = assert(from '\u{FEFF} {"00100020": {"vr": "LO", "Value": ["2"]}}')
        assert.equal("2", list[1].PatientID)
        local labels
        list, labels = from '[{"00100020": {"vr": "LO", "Value": ["2"]}}, {}]'
        assert.equal(2, #list)
        assert.truthy(labels[2]:find ": 2$")
    end)

    local LIST = "# studies\n1.2.3\n\n  1.2.4  # the second\r\n1.2.3\n1.2.5"

    it("are a query for each UID of a list, at level STUDY", function()
        local list, labels = from(LIST)
        assert.equal(3, #list)
        for i, uid in ipairs { "1.2.3", "1.2.4", "1.2.5" } do
            assert.equal(uid, list[i].StudyInstanceUID)
            assert.equal("STUDY", list[i].QueryRetrieveLevel)
            assert.truthy(labels[i]:find(": " .. uid, 1, true))
        end
        list = assert(from("P 1 #2\n#x\nP2\n", "QueryRetrieveLevel=PATIENT"))
        assert.equal(2, #list)
        assert.equal("P 1 #2", list[1].PatientID)
    end)

    it("ask for a list of UIDs at once at the levels below", function()
        local list = assert(from(LIST, "(0008,0052)=series", "StudyInstanceUID=1"))
        assert.equal(1, #list)
        assert.equal("1.2.3\\1.2.4\\1.2.5", list[1].SeriesInstanceUID)
        assert.equal("1", list[1].StudyInstanceUID)
        local none, err = from(LIST, "StudyInstanceUID=1")
        assert.is_nil(none)
        assert.equal("bad-key", err.code)
        assert.truthy(err.message:find("replace", 1, true), err.message)
        local uids = {}
        for i = 1, 250 do uids[i] = "1.2." .. i end
        list = assert(from(table.concat(uids, "\n"), "QueryRetrieveLevel=IMAGE"))
        assert.equal(3, #list)
        assert.equal(100, #list[1]:values "SOPInstanceUID")
        assert.equal("1.2.250", list[3]:values("SOPInstanceUID")[50])
    end)

    it("in a file of no use are an error that names it", function()
        for text, wanted in pairs { [""] = "no query", ["# only\n"] = "no query",
            ["[]"] = "no query",
            ["1.2\nhello\n"] = "line 2: 'hello'", ["1.2,1.3\n"] = "line 1", ["{"] = "line 1",
            ['{"00100020":1}'] = "00100020", ["(0010,0020) LO [1\n"] = "line 1",
            ["\0\1\2\3"] = "", ["(0010,0020) LO [a]\nx\n"] = "line 2",
            [("1"):rep(65)] = "line 1" } do
            local path = box:file(text)
            local list, err = query.from({ path }, {})
            assert.is_nil(list, text)
            assert.equal("query-file", err.code)
            assert.equal(path, err.path)
            assert.equal(1, select(2, err.message:gsub(path:gsub("%p", "%%%0"), "")), err.message)
            assert.truthy(err.message:find(wanted, 1, true), err.message)
        end
        local _, err = query.from({ box.path .. "/none" }, {})
        assert.equal("query-file", err.code)
        assert.truthy(err.message:find("/none: No such file", 1, true), err.message)
        _, err = query.from({ box.path }, {})
        assert.equal("query-file", err.code)
        _, err = from("1.2\n", "QueryRetrieveLevel=FRAME")
        assert.truthy(err.message:find("FRAME", 1, true), err.message)
    end)

    it("come from standard input with -", function()
        local said = box:run({ support.getscu, "--run", box:file [[
            local query = require "getscu.query"
            for _, one in ipairs(assert(query.from({ "-" }, {}))) do print(one.StudyInstanceUID) end
        ]], }, { input = box:file "1.2.3\n1.2.4\n" })
        assert.equal("1.2.3\n1.2.4\n", said.out, said.err)
    end)

    it("have the character set of what is not ASCII", function()
        local list = assert(query.from({}, { "PatientName=Müller" }))
        assert.equal("ISO_IR 192", list[1].SpecificCharacterSet)
        list = assert(query.from({}, { "PatientName=Muller" }))
        assert.is_nil(list[1].SpecificCharacterSet)
        list = assert(query.from({}, { "PatientName=Müller", "SpecificCharacterSet=ISO_IR 100" }))
        assert.equal("ISO_IR 100", list[1].SpecificCharacterSet)
        assert.equal("Müller", list[1].PatientName)
        assert.truthy(list[1]:encode("1.2.840.10008.1.2.1"):find("M\xfcller", 1, true))
        list = assert(from("(0008,0005) CS [ISO_IR 100]\n(0010,0010) PN [Müller]\n",
            "PatientID=山"))
        assert.equal("ISO_IR 192", list[1].SpecificCharacterSet)
        assert.equal("Müller", list[1].PatientName)
    end)

    it("with a key of no use are an error before anything is sent", function()
        for key, wanted in pairs { ["PatientNam=x"] = "'PatientName'", ["0010=x"] = "0010",
            ["(0010,0020=x"] = "(0010,0020", ["PatientID[0].PatientName=x"] = "no sequence",
            ["ReferencedImageSequence=x"] = "sequence", ["Rows=x"] = "x", ["=x"] = "",
            ["ReferencedImageSequence.PatientID=x"] = "item", ["0009,1001=x"] = "creator",
            ["PatientName=M\xfcller"] = "UTF-8", ["0002,0010=1.2"] = "0002",
            ["StudyInstanceUID=ü"] = "ASCII" } do
            local list, err = query.from({}, { "PatientID=1", key })
            assert.is_nil(list, key)
            assert.equal("bad-key", err.code)
            assert.truthy(err.message:find(wanted, 1, true), err.message)
        end
    end)
end)

describe("advice on a query", function()
    local STUDY = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = "1.2" }

    it("is empty where all is well", function()
        assert.equal("", advice(STUDY, "study"))
        assert.equal("", advice({ QueryRetrieveLevel = "STUDY", StudyInstanceUID = "1.2\\1.3",
            PatientID = "1", SpecificCharacterSet = "ISO_IR 192" }, "patient"))
        assert.equal("", advice({ QueryRetrieveLevel = "IMAGE", StudyInstanceUID = "1.2",
            SeriesInstanceUID = "1.3", SOPInstanceUID = { "1.4", "1.5" } }, "study"))
        assert.equal("", advice({ QueryRetrieveLevel = "PATIENT", PatientID = "1" }, "psonly"))
        assert.equal("", advice({ QueryRetrieveLevel = "IMAGE", SOPInstanceUID = "1.4" },
            "composite"))
        assert.equal("", advice({ QueryRetrieveLevel = "FRAME", SOPInstanceUID = "1.4",
            SimpleFrameList = 1 }, "composite"))
        assert.equal("", advice({ QueryRetrieveLevel = "IMAGE", SOPInstanceUID = "1.4" }, "study",
            true))
    end)

    local cases = {
        { "a missing level", { SeriesInstanceUID = "1" }, "study", "probably it is SERIES" },
        { "an unknown level", { QueryRetrieveLevel = "INSTANCE" }, "study", "'INSTANCE'" },
        { "a level that the model has not", { QueryRetrieveLevel = "PATIENT", PatientID = "1" },
            "study", "Study Root has no level PATIENT" },
        { "a level below Patient/Study Only", { QueryRetrieveLevel = "SERIES" }, "psonly",
            "no level SERIES" },
        { "a missing unique key", { QueryRetrieveLevel = "STUDY" }, "study",
            "StudyInstanceUID is missing" },
        { "an empty one", { QueryRetrieveLevel = "STUDY", StudyInstanceUID = "" }, "study",
            "StudyInstanceUID is missing" },
        { "a missing key above", { QueryRetrieveLevel = "IMAGE", StudyInstanceUID = "1",
            SOPInstanceUID = "1" }, "study", "SeriesInstanceUID is missing" },
        { "Patient Root without a patient", STUDY, "patient", "choose Study Root" },
        { "a wildcard", { QueryRetrieveLevel = "PATIENT", PatientID = "P*" }, "patient",
            "wildcard" },
        { "what is no UID", { QueryRetrieveLevel = "STUDY", StudyInstanceUID = "abc" }, "study",
            "'abc' is no UID" },
        { "several values above the level", { QueryRetrieveLevel = "SERIES",
            StudyInstanceUID = "1\\2", SeriesInstanceUID = "1" }, "study", "one value, not 2" },
        { "other keys", { QueryRetrieveLevel = "STUDY", StudyInstanceUID = "1",
            PatientName = "A" }, "study", "PatientName does not belong" },
        { "keys below the level", { QueryRetrieveLevel = "STUDY", StudyInstanceUID = "1",
            SeriesInstanceUID = "1" }, "study", "ask at level SERIES" },
        { "a patient in Study Root", { QueryRetrieveLevel = "STUDY", StudyInstanceUID = "1",
            PatientID = "1" }, "study", "PatientID" },
    }
    for _, case in ipairs(cases) do
        it("names " .. case[1], function()
            local text = advice(case[2], case[3])
            assert.truthy(text:find(case[4], 1, true), text)
            assert.is_nil(text:find "\n", text)
        end)
    end

    it("raises for a model that is none", function()
        assert.has_error(function() query.advice(STUDY, "stduy") end)
    end)
end)

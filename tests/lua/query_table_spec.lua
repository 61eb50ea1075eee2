local dataset = require "getscu.dataset"
local query = require "getscu.query"

-- What a query becomes: its keys, besides the level, by keyword; model; level.
local function resolved(keys)
    local identifier, model, level = query(keys)
    assert.equal(level, identifier.QueryRetrieveLevel)
    return identifier, model, level
end

local function levels(keys)
    local _, model, level = resolved(keys)
    return model .. " " .. level
end

describe("a query from a table", function()
    it("has the level of its lowest unique key, and the model for it", function()
        assert.equal("patient PATIENT", levels { PatientID = "1" })
        assert.equal("patient PATIENT", levels { PatientName = "A*", PatientID = "" })
        assert.equal("study STUDY", levels { PatientID = "1", StudyDate = "20240101-" })
        assert.equal("study STUDY", levels { AccessionNumber = "A1" })
        assert.equal("study STUDY", levels { StudyInstanceUID = "1.2" })
        assert.equal("study STUDY", levels { PatientID = "1", StudyInstanceUID = "" })
        assert.equal("study SERIES", levels { StudyInstanceUID = "1.2", SeriesInstanceUID = "" })
        assert.equal("study SERIES",
            levels { StudyInstanceUID = "1.2", SeriesInstanceUID = "1.3", Modality = "" })
        assert.equal("study IMAGE", levels { SOPInstanceUID = "1.4" })
        assert.equal("study STUDY", levels {})
        assert.equal("study STUDY", levels { Modality = "CT" })
    end)

    it("keeps the level that is given", function()
        assert.equal("study IMAGE", levels { QueryRetrieveLevel = "IMAGE", StudyInstanceUID = "1" })
        assert.equal("patient PATIENT",
            levels { QueryRetrieveLevel = "PATIENT", StudyInstanceUID = "1" })
    end)

    it("is what query.advice has nothing against", function()
        local keys = {}
        for _, key in ipairs { "PatientID", "StudyInstanceUID", "SeriesInstanceUID",
            "SOPInstanceUID" } do
            keys[key] = key == "PatientID" and "P1" or "1.2.3"
            local identifier, model = resolved(keys)
            assert.same({}, query.advice(identifier, model), key)
        end
        keys.PatientID = nil
        for _, key in ipairs { "SOPInstanceUID", "SeriesInstanceUID" } do
            local identifier, model = resolved(keys)
            assert.equal("study", model)
            assert.same({}, query.advice(identifier, model), key)
            keys[key] = nil
        end
    end)

    it("has dates, ranges and lists from Lua's values", function()
        local identifier = resolved { StudyDate = { from = "20240101",
                to = { year = 2024, month = 1, day = 31 } },
            StudyTime = { from = { hour = 7, min = 30 } },
            PatientBirthDate = { year = 1970, month = 5, day = 1 }, ["0008,0061"] = { "CT", "MR" },
            StudyInstanceUID = { "1.2", "1.3" } }
        assert.equal("20240101-20240131", identifier.StudyDate)
        assert.equal("0730-", identifier.StudyTime)
        assert.equal("19700501", identifier.PatientBirthDate)
        assert.equal("CT\\MR", identifier.ModalitiesInStudy)
        assert.equal("1.2\\1.3", identifier.StudyInstanceUID)
    end)

    it("takes sequences, and data sets, which it does not change", function()
        local worklist = resolved { ScheduledProcedureStepSequence = { { Modality = "CT" } } }
        assert.equal("CT", worklist:get "ScheduledProcedureStepSequence[1].Modality")
        local given = dataset.new { PatientID = "1" }
        assert.equal("PATIENT", (resolved(given)).QueryRetrieveLevel)
        assert.is_nil(given.QueryRetrieveLevel)
    end)

    it("raises what is wrong, where it was written", function()
        for message, keys in pairs {
            ["'PatientNam'; did you mean 'PatientName'"] = { PatientNam = "1" },
            ["'Study'"] = { Study = { from = "20240101" } },
            ["StudyDate: 'garbage' is no date"] = { StudyDate = { from = "garbage" } },
            ["has 'from' and 'to', not 'till'"] = { StudyDate = { from = "20240101", till = "1" } },
            ["PatientName has VR PN, and takes no dates"] = { PatientName = { year = 2024 } },
            ["cannot be a boolean"] = { PatientID = true },
            ["made of keywords"] = { "PatientID" },
        } do
            local done, err = pcall(function() query(keys) end)
            assert.is_false(done)
            assert.truthy(err:find "query_table_spec.lua:%d+: ", err)
            assert.truthy(err:find(message, 1, true), err)
        end
        assert.has_error(function() query "PatientID=1" end)
    end)
end)

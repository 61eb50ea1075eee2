-- A server that leaves in the middle of a retrieval and may be had again: what is missing is asked
-- for again, unless the user does not want that.

local asking = require "asking"
local dataset = require "getscu.dataset"
local support = require "support"

local STUDY, CT = "1.2.3", "1.2.840.10008.5.1.4.1.1.2"
local OBJECTS = 5

local box, directory

setup(function()
    box = support.box()
    directory = box:directory("archive")
    for i = 1, OBJECTS do
        local uid = ("1.2.3.4.%d"):format(i)
        local object = dataset.new { SOPClassUID = CT, SOPInstanceUID = uid, PatientID = "P",
            StudyInstanceUID = STUDY, SeriesInstanceUID = "1.2.3.4", Modality = "CT",
            InstanceNumber = i }
        assert(object:write(directory .. "/" .. uid, "1.2.840.10008.1.2.1"))
    end
end)
teardown(function() box:close() end)

-- The third object of the first association ends it.
local function leaving(how)
    local left = false
    return { send = function(_, _, number)
        if left or number < 3 then return nil end
        left = true
        return how
    end }
end

for _, how in ipairs { "abort", "close" } do
    describe(("a server that leaves in mid-object once (%s)"):format(how), function()
        it("still gives every object, and the exit code is 0", function()
            local result = asking.ask(box, { directory = directory, hooks = leaving(how) },
                asking.study(STUDY))
            assert.equal(0, result.code, result.err)
            assert.equal(OBJECTS, #result.files)
            assert.equal(3, #result.requests) -- it left; C-FIND; what was missing
        end)

        it("ends it with --no-retry: what came stays, exit code 62", function()
            local result = asking.ask(box, { directory = directory, hooks = leaving(how) },
                { "--no-retry", asking.study(STUDY) })
            assert.equal(62, result.code, result.err)
            assert.equal(2, #result.files)
            assert.equal(1, #result.requests)
        end)
    end)
end

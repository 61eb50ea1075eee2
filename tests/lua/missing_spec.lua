-- A server that leaves in the middle of a retrieval and may be had again: what is missing is asked
-- for again, unless the user does not want that.

local asking = require "asking"
local dataset = require "getscu.dataset"
local support = require "support"
local wire = require "wire"

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

-- What was asked for again was asked for uncompressed, whatever the command line preferred.
describe("a transfer syntax that is preferred", function()
    it("is preferred as well where an object is asked for again", function()
        local deflated, folder = "1.2.840.10008.1.2.1.99", box:directory("deflated")
        for _, name in ipairs(support.list(directory)) do
            assert(assert(dataset.read(directory .. "/" .. name)):write(folder .. "/" .. name,
                deflated))
        end
        local result = asking.ask(box, { directory = folder, hooks = leaving "abort" },
            { "+xd", asking.study(STUDY) })
        assert.equal(0, result.code, result.err)
        assert.equal(OBJECTS, #result.files)
        for _, name in ipairs(result.files) do
            local _, meta = wire.part10(result.directory .. "/" .. name)
            assert.equal(deflated, meta[0x0010])
        end
    end)
end)

-- What a script refuses was asked for again where the peer has no C-FIND to tell what is missing.
-- When it came, it was answered with success, and its failure was forgotten.
describe("an object that a script refuses", function()
    local FIND = "1.2.840.10008.5.1.4.1.2.2.1"
    local script

    setup(function()
        script = box:file("local told = 0\nreturn {\n"
            .. "accept = function(object) if object.InstanceNumber == 2 then return 0xA700 end end,"
            .. "on_refused = function() told = told + 1 end,\n"
            .. "on_done = function(summary) print(told, #summary.failures) end }")
    end)

    -- Without C-FIND; the third object fails as often as `failing` says.
    local function ask(failing)
        local answers = {}
        local result = asking.ask(box, { directory = directory, hooks = {
            accept = function(request)
                if request.contexts[1].abstract_syntax == FIND then
                    return { result = 1, source = 1, reason = 1 }
                end
            end,
            send = function(_, _, number)
                if number == 3 and failing > 0 then
                    failing = failing - 1
                    return 0xA702
                end
            end,
            respond = function(response)
                local command = response.command
                if command.Status ~= 0xFF00 then
                    answers[#answers + 1] = command.NumberOfFailedSuboperations
                end
            end,
        } }, { asking.study(STUDY), "--script", script })
        result.answers = answers
        return result
    end

    it("is not asked for again", function()
        local result = ask(0)
        assert.same({ 1 }, result.answers)
        assert.equal("1\t1\n", result.out)
        assert.equal(68, result.code)
    end)

    it("is refused again when it comes with others, and told once", function()
        local result = ask(1)
        assert.same({ 2, 1 }, result.answers)
        assert.equal("1\t1\n", result.out)
        assert.equal(OBJECTS - 1, #result.files)
        assert.equal(68, result.code)
        assert.matches("object 1.2.3.4.2: refused by a script", result.err)
    end)
end)

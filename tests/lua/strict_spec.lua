-- What is odd about an object: kept and told, or refused with --strict.

local peer = require "peer"
local support = require "support"

local CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
local STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- One object from a server that ends with what the counts come to.
-- @param object table: uid (of the request); inner (of the data set; nil: the same); class and
--   inner_class likewise; context (abstract syntax of the context); pixels
-- @return result of the program, status that the object was answered; result.files
local function offer(object, ...)
    local out = box:directory("out")
    local result, status = peer.converse(box, { "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
        "StudyInstanceUID=1.2.3", "-od", out, ... }, function(link)
        local request = link:request()
        local class = object.class or CT
        local data = peer.image(object.inner or object.uid, object.pixels,
            object.inner_class or class)
        local answer = link:store(object.uid, data, { class = class,
            context = link.contexts[object.context or class] })
        local is_kept = answer == 0 or answer // 0x1000 == 0xB
        link:respond(request, answer == 0 and 0 or 0xB000, { completed = answer == 0 and 1 or 0,
            warning = is_kept and answer ~= 0 and 1 or 0, failed = is_kept and 0 or 1 })
        link:await_end()
        return answer
    end)
    result.files = support.list(out)
    return result, status
end

-- An object that is kept with one status, and refused with another one under --strict.
local function is_kept_but_not_strictly(object, file, kept, refused, warning)
    local result, status = offer(object)
    assert.same({ 0, kept, { file } }, { result.code, status, result.files }, result.err)
    assert.matches("W: [^\n]*" .. warning, result.err)
    result, status = offer(object, "--strict")
    assert.same({ 68, refused, {} }, { result.code, status, result.files }, result.err)
end

describe("an object", function()
    it("as it should be is kept, with --strict and without", function()
        for _, words in ipairs { {}, { "--strict" }, { "--strict", "+B" },
            { "--strict", "--filename", "{SOPInstanceUID}" } } do
            for _, pixels in ipairs { 0, 512, 300000 } do
                local result, status = offer({ uid = "1.2.3.1", pixels = pixels }, words)
                assert.same({ 0, 0, 1 }, { result.code, status, #result.files }, result.err)
                assert.is_nil(result.err:find("W: ", 1, true), result.err)
            end
        end
    end)

    it("whose data set has another SOP Instance UID is kept with B007 (A900)", function()
        is_kept_but_not_strictly({ uid = "1.2.3.1", inner = "1.2.3.2" }, "CT.1.2.3.1", 0xB007,
            0xA900, "another SOP Instance UID than its request: 1.2.3.2")
        is_kept_but_not_strictly({ uid = "1.2.3.1", inner = "1.2.3.10", pixels = 300000 },
            "CT.1.2.3.1", 0xB007, 0xA900, "another SOP Instance UID than its request: 1.2.3.10")
    end)

    it("whose data set has another SOP class is kept with B007 (A900)", function()
        is_kept_but_not_strictly({ uid = "1.2.3.1", inner_class = MR }, "CT.1.2.3.1", 0xB007,
            0xA900, "another SOP Class UID than its request: " .. MR)
    end)

    it("that came on the context of another SOP class is kept (0122)", function()
        is_kept_but_not_strictly({ uid = "1.2.3.1", context = MR }, "CT.1.2.3.1", 0, 0x0122,
            "came on the presentation context of " .. MR)
        is_kept_but_not_strictly({ uid = "1.2.3.1", context = STUDY_GET }, "CT.1.2.3.1", 0,
            0x0122, "came on the presentation context of " .. STUDY_GET)
    end)

    it("whose SOP Instance UID is none is kept under a safe name (0117)", function()
        is_kept_but_not_strictly({ uid = "1.2/../x" }, "CT.1.2_.._x", 0, 0x0117,
            "SOP Instance UID '1.2/../x' is none")
        local long = ("1"):rep(65)
        is_kept_but_not_strictly({ uid = long }, "CT." .. long, 0, 0x0117, "is none")
    end)

    it("of another UID leaves no file with --strict, whatever it is written for", function()
        for _, words in ipairs { { "+B" }, { "--filename", "{PatientID}" },
            { "--script", box:file("return { accept = function() end }") } } do
            local result, status = offer({ uid = "1.2.3.1", inner = "1.2.3.2", pixels = 300000 },
                "--strict", words)
            assert.same({ 68, 0xA900, {} }, { result.code, status, result.files }, result.err)
        end
    end)

    it("with another UID that has control characters is told without them", function()
        local result, status = offer { uid = "1.2.3.1", inner = "1\27[31m\n2" }
        assert.equal(0xB007, status)
        assert.is_nil(result.err:find "[^\n\32-\126]")
    end)
end)

-- Many SOP classes by --sop-class: more than one association has contexts for are proposed on
-- several, and every object comes, once.

local asking = require "asking"
local dataset = require "getscu.dataset"
local support = require "support"

local STUDY = "1.2.3"
local CT = "1.2.840.10008.5.1.4.1.1.2"
local ROOT = "1.2.826.0.1.3680043.9.9999." -- of private classes
local EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
local CLASSES = 300
local HEAD = 2 -- contexts with which each association begins: C-GET and Verification
-- Where in the list the classes are of which the archive has objects: at the ends of it and of
-- associations, and between.
local PLACES = { 1, 2, 125, 126, 127, 128, 129, 252, 253, 254, 255, 299, 300 }
local OBJECTS_OF_EACH = 2

local box, directory, list
local classes, objects = {}, {} -- objects: SOP Instance UID -> class

local function write_object(class, number)
    local uid = ("1.2.3.4.%d"):format(number)
    local object = dataset.new { SOPClassUID = class, SOPInstanceUID = uid,
        StudyInstanceUID = STUDY, SeriesInstanceUID = "1.2.3.4", PatientID = "P", Modality = "OT",
        InstanceNumber = number }
    assert(object:write(directory .. "/" .. uid, EXPLICIT_LITTLE))
    objects[uid] = class
end

setup(function()
    box = support.box()
    directory = box:directory("archive")
    for i = 1, CLASSES do classes[i] = ROOT .. i end
    classes[2] = CT -- in place of a private one
    list = box:file("# what we have\n" .. table.concat(classes, "\n") .. "\n", "classes.txt")
    for i, place in ipairs(PLACES) do
        for j = 1, OBJECTS_OF_EACH do write_object(classes[place], i * 10 + j) end
    end
end)
teardown(function() box:close() end)

local function names_of_all()
    local names = {}
    for uid, class in pairs(objects) do
        names[#names + 1] = (class == CT and "CT." or "UNKNOWN.") .. uid
    end
    table.sort(names)
    return names
end

-- Retrieves the study; `sent` has how often each object was sent in a context.
local function ask(hooks, ...)
    local sent = {}
    local all = { send = function(image, association, number)
        local takes = association.takes[image.sop_class]
        if takes and association.contexts.by_class[image.sop_class] then
            sent[image.sop_instance] = (sent[image.sop_instance] or 0) + 1
        end
        if hooks.send then return hooks.send(image, association, number) end
    end, serve = hooks.serve, accept = hooks.accept }
    local result = asking.ask(box, { directory = directory, hooks = all },
        { asking.study(STUDY), ... })
    result.sent = sent
    return result
end

-- How often each class is proposed by these requests.
local function proposed(requests)
    local counts = {}
    for _, request in ipairs(requests) do
        assert.is_true(#request.contexts <= 128)
        for i, class in ipairs((asking.contexts(request))) do
            if i > HEAD then counts[class] = (counts[class] or 0) + 1 end
        end
    end
    return counts
end

local function each(keys, value)
    local map = {}
    for _, key in ipairs(keys) do map[key] = value end
    return map
end

local function each_object(value)
    local map = {}
    for uid in pairs(objects) do map[uid] = value end
    return map
end

describe("300 SOP classes by --sop-class", function()
    it("are proposed once each, over three associations", function()
        local result = ask({}, "--sop-class", list)
        assert.equal(0, result.code, result.err)
        assert.equal(3, #result.requests)
        assert.same(each(classes, 1), proposed(result.requests))
        local roles = 0
        for _, request in ipairs(result.requests) do roles = roles + #request.roles end
        assert.equal(CLASSES + 3, roles) -- and that of Verification on each
    end)

    it("bring every object, and none of them twice", function()
        local result = ask({}, "--sop-class", list)
        assert.same(names_of_all(), result.files)
        assert.same(each_object(1), result.sent)
        assert.equal("", result.err)
    end)

    it("bring them from a file, from lists and from both", function()
        local first, second = table.concat(classes, ",", 1, 150),
            table.concat(classes, ",", 140, CLASSES)
        for _, words in ipairs { { "--sop-class", first, "--sop-class", second },
            { "--sop-class", first, "--sop-class", list } } do
            local result = ask({}, words)
            assert.equal(0, result.code, result.err)
            assert.same(each(classes, 1), proposed(result.requests))
            assert.same(each_object(1), result.sent)
        end
    end)

    it("and contexts by --store-tc, of one class on one association", function()
        local result = ask({}, "--sop-class", list, "--store-tc", classes[126] .. ","
            .. classes[127] .. ":1.2.840.10008.1.2.5;1.2.840.10008.1.2.1;1.2.840.10008.1.2")
        assert.equal(0, result.code, result.err)
        local expected = each(classes, 1)
        expected[classes[126]], expected[classes[127]] = 3, 3
        assert.same(expected, proposed(result.requests))
        local with_it = 0
        for _, request in ipairs(result.requests) do
            if table.concat((asking.contexts(request)), " "):find(classes[126], 1, true) then
                with_it = with_it + 1
            end
        end
        assert.equal(1, with_it)
        assert.same(each_object(1), result.sent)
    end)

    it("bring all but an object that the archive cannot send: 68, and it is named", function()
        local lost = "1.2.3.4.52"
        local result = ask({ send = function(image)
            if image.sop_instance == lost then return 0xA700 end
        end }, "--sop-class", list)
        assert.equal(68, result.code, result.err)
        assert.equal(#names_of_all() - 1, #result.files)
        assert.matches("E: object " .. lost, result.err, 1, true)
        local _, named = result.err:gsub("E: object ", "")
        assert.equal(1, named)
    end)

    it("stop at an association that is refused, and what came stays: 61", function()
        local number = 0
        local result = ask({ accept = function()
            number = number + 1
            if number == 2 then return { result = 1, source = 1, reason = 1 } end
        end }, "--sop-class", list)
        assert.equal(61, result.code, result.err)
        assert.is_true(#result.files > 0 and #result.files < #names_of_all())
    end)

    it("are asked for again with --repeat, all of them", function()
        local result = ask({}, "--sop-class", list, "--repeat", "2")
        assert.equal(0, result.code, result.err)
        assert.equal(6, #result.requests)
        assert.same(each_object(2), result.sent)
        assert.same(names_of_all(), result.files)
    end)
end)

describe("private SOP classes that nobody named", function()
    it("are found by C-FIND, and their objects come", function()
        local result = ask {}
        assert.equal(0, result.code, result.err)
        assert.same(names_of_all(), result.files)
        assert.same(each_object(1), result.sent)
    end)

    it("do not come with --no-retry: 68, and all of the objects are told", function()
        local result = ask({}, "--no-retry")
        assert.equal(68, result.code, result.err)
        assert.equal(OBJECTS_OF_EACH, #result.files) -- of CT
        local _, named = result.err:gsub("E: object ", "")
        local more = tonumber(result.err:match "E: and (%d+) more objects that failed" or 0)
        assert.equal((#PLACES - 1) * OBJECTS_OF_EACH, named + more)
    end)
end)

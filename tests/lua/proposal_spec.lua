-- The proposal of the first association: what the options +x.. and -x.. give, as an archive gets
-- it; and what DCMTK's getscu proposes to the same archive for the same option.

local getscu = require "getscu"
local options = require "getscu.options"
local support = require "support"

local DCMTK = "/usr/bin/getscu"

local VERIFICATION = "1.2.840.10008.1.1"
local GET = { ["-P"] = "1.2.840.10008.5.1.4.1.2.1.3", ["-S"] = "1.2.840.10008.5.1.4.1.2.2.3",
    ["-O"] = "1.2.840.10008.5.1.4.1.2.3.3" }

-- The manual's storage classes in its order; those that begin with a digit other than those of a
-- whole UID are below this one.
local STORAGE = "1.2.840.10008.5.1.4.1.1."
local CLASSES = [[
    1.2.840.10008.5.1.1.27 1.2.840.10008.5.1.1.29 1.2.840.10008.5.1.1.30 1 1.1 1.1.1 1.2
    1.2.1 1.3 1.3.1 2 2.1 2.2 3 3.1 4 4.1 4.2 4.3 4.4 5 6 6.1 6.2 7 7.1 7.2 7.3 7.4 8 9
    9.1.1 9.1.2 9.1.3 9.2.1 9.3.1 9.4.1 9.4.2 9.5.1 9.6.1 9.100.1 9.100.2 10 11 11.1 11.2
    11.3 11.4 11.5 12.1 12.1.1 12.2 12.2.1 12.3 13.1.1 13.1.2 13.1.3 14.1 14.2 20 66 66.1
    66.2 66.3 66.4 66.5 67 68.1 68.2 77.1 77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.3 77.1.4
    77.1.4.1 77.1.5.1 77.1.5.2 77.1.5.3 77.1.5.4 77.1.6 77.2 78.1 78.2 78.3 78.4 78.5 78.6
    78.7 78.8 79.1 80.1 81.1 88.11 88.22 88.33 88.34 88.40 88.50 88.59 88.65 88.67 88.69
    88.70 104.1 104.2 128 128.1 129 130 131 481.1 481.2 481.3 481.4 481.5 481.6 481.7 481.8
    481.9 1.2.840.10008.5.1.4.34.7]]

local function storage_classes()
    local list = {}
    for part in CLASSES:gmatch "%S+" do
        list[#list + 1] = part:find("^1%.2%.840%.") and part or STORAGE .. part
    end
    return list
end

-- Transfer syntaxes, for this machine, which is little-endian.
local IMPLICIT, LITTLE, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
local DEFLATED = "1.2.840.10008.1.2.1.99"
local UNCOMPRESSED = { LITTLE, BIG, IMPLICIT }

local function before_uncompressed(uid)
    return { uid, table.unpack(UNCOMPRESSED) }
end

local function jpeg(number)
    return before_uncompressed("1.2.840.10008.1.2.4." .. number)
end

-- What the manual's options give: short name, long name, transfer syntaxes in their order.
local PREFERRED = {
    { "+x=", "--prefer-uncompr", UNCOMPRESSED },
    { "+xe", "--prefer-little", { LITTLE, BIG, IMPLICIT } },
    { "+xb", "--prefer-big", { BIG, LITTLE, IMPLICIT } },
    { "+xs", "--prefer-lossless", jpeg(70) },
    { "+xy", "--prefer-jpeg8", jpeg(50) },
    { "+xx", "--prefer-jpeg12", jpeg(51) },
    { "+xv", "--prefer-j2k-lossless", jpeg(90) },
    { "+xw", "--prefer-j2k-lossy", jpeg(91) },
    { "+xt", "--prefer-jls-lossless", jpeg(80) },
    { "+xu", "--prefer-jls-lossy", jpeg(81) },
    { "+xm", "--prefer-mpeg2", jpeg(100) },
    { "+xh", "--prefer-mpeg2-high", jpeg(101) },
    { "+xn", "--prefer-mpeg4", jpeg(102) },
    { "+xl", "--prefer-mpeg4-bd", jpeg(103) },
    { "+x2", "--prefer-mpeg4-2-2d", jpeg(104) },
    { "+x3", "--prefer-mpeg4-2-3d", jpeg(105) },
    { "+xo", "--prefer-mpeg4-2-st", jpeg(106) },
    { "+x4", "--prefer-hevc", jpeg(107) },
    { "+x5", "--prefer-hevc10", jpeg(108) },
    { "+xr", "--prefer-rle", before_uncompressed "1.2.840.10008.1.2.5" },
    { "+xd", "--prefer-deflated", before_uncompressed(DEFLATED) },
    { "+xi", "--implicit", { IMPLICIT } },
}
local PROPOSED = {
    { "-x=", "--propose-uncompr", UNCOMPRESSED },
    { "-xe", "--propose-little", { LITTLE, BIG, IMPLICIT } },
    { "-xb", "--propose-big", { BIG, LITTLE, IMPLICIT } },
    { "-xd", "--propose-deflated", before_uncompressed(DEFLATED) },
    { "-xi", "--propose-implicit", { IMPLICIT } },
}

local box, archive, requests
setup(function()
    box = support.box()
    archive = assert(getscu.archive { directory = box:directory("archive"), hooks = {
        accept = function(request)
            table.insert(requests, request)
            return { result = 1, source = 1, reason = 1 } -- no more is wanted of it
        end,
    } })
    archive:start()
end)
teardown(function()
    archive:close()
    box:close()
end)

-- The one A-ASSOCIATE-RQ of a program.
local function request_of(program, ...)
    requests = {}
    local result = box:run(support.words(program, { ... }, "-k", "QueryRetrieveLevel=STUDY", "-k",
        "PatientID=1", "127.0.0.1", archive:port()))
    assert.equal(1, #requests, result.err)
    return requests[1], result
end

local function ours(...)
    local request, result = request_of(support.getscu, ...)
    assert.equal(61, result.code, result.err)
    return request
end

-- Abstract syntaxes in their order; and each one's transfer syntaxes.
local function proposed(request)
    local order, syntaxes = {}, {}
    for i, context in ipairs(request.contexts) do
        order[i] = context.abstract_syntax
        assert.is_nil(syntaxes[order[i]], "proposed twice: " .. order[i])
        syntaxes[order[i]] = context.transfer_syntaxes
    end
    return order, syntaxes
end

local function sorted(list)
    local copy = table.move(list, 1, #list, 1, {})
    table.sort(copy)
    return copy
end

-- That a request has the manual's contexts, with these transfer syntaxes.
local function assert_proposal(request, model, query_syntaxes, storage_syntaxes)
    local classes = storage_classes()
    local order, syntaxes = proposed(request)
    assert.same({ GET[model], VERIFICATION, table.unpack(classes) }, order)
    assert.same(query_syntaxes, syntaxes[GET[model]])
    assert.same(UNCOMPRESSED, syntaxes[VERIFICATION])
    for _, class in ipairs(classes) do
        assert.same(storage_syntaxes, syntaxes[class], class)
    end
end

describe("the first association", function()
    it("proposes C-GET, Verification and the manual's 122 storage classes, in its order", function()
        assert.equal(122, #storage_classes())
        local request = ours()
        assert.equal(124, #request.contexts)
        assert_proposal(request, "-P", UNCOMPRESSED, UNCOMPRESSED)
        for i, context in ipairs(request.contexts) do assert.equal(2 * i - 1, context.id) end
    end)

    it("asks for the SCP role of each storage class, and of no other", function()
        local roles = {}
        for i, role in ipairs(ours().roles) do
            roles[i] = { role.sop_class, role.scu, role.scp }
        end
        local expected = { { VERIFICATION, true, true } }
        for i, class in ipairs(storage_classes()) do expected[i + 1] = { class, false, true } end
        assert.same(expected, roles)
    end)

    for _, model in ipairs { "-P", "-S", "-O" } do
        it("proposes C-GET of the model alone: " .. model, function()
            assert_proposal(ours(model), model, UNCOMPRESSED, UNCOMPRESSED)
        end)
    end

    it("has storage and query contexts by choice beside one another", function()
        assert_proposal(ours("+xr", "-xi"), "-P", { IMPLICIT }, PREFERRED[20][3])
        assert_proposal(ours("-xd", "+xi", "-S"), "-S", PROPOSED[4][3], { IMPLICIT })
    end)

    it("has what the rightmost of these options says", function()
        assert_proposal(ours("+xr", "+xb", "-xi", "-xb"), "-P", { BIG, LITTLE, IMPLICIT },
            { BIG, LITTLE, IMPLICIT })
    end)
end)

describe("the options of transfer syntaxes", function()
    it("are those of the table", function()
        local names, expected = {}, {}
        for _, option in ipairs(options.list) do
            if option.field == "prefer" or option.field == "propose" then
                names[#names + 1] = option.short .. " " .. option.long
            end
        end
        for _, rows in ipairs { PREFERRED, PROPOSED } do
            for _, row in ipairs(rows) do expected[#expected + 1] = row[1] .. " " .. row[2] end
        end
        assert.same(expected, names)
    end)

    for _, row in ipairs(PREFERRED) do
        local short, long, syntaxes = table.unpack(row)
        it(("give the storage contexts of the manual: %s, %s"):format(short, long), function()
            for _, name in ipairs { short, long } do
                assert_proposal(ours(name), "-P", UNCOMPRESSED, syntaxes)
            end
        end)
    end

    for _, row in ipairs(PROPOSED) do
        local short, long, syntaxes = table.unpack(row)
        it(("give the context of the query: %s, %s"):format(short, long), function()
            for _, name in ipairs { short, long } do
                assert_proposal(ours(name), "-P", syntaxes, UNCOMPRESSED)
            end
        end)
    end
end)

describe("beside DCMTK's getscu", function()
    -- Both programs' proposals have the same transfer syntaxes for each class that both know.
    local function compare(...)
        local _, our_syntaxes = proposed(ours(...))
        local order, syntaxes = proposed((request_of(DCMTK, ...)))
        local common = 0
        for _, class in ipairs(order) do
            if our_syntaxes[class] then
                common = common + 1
                assert.same(sorted(syntaxes[class]), sorted(our_syntaxes[class]), class)
                assert.equal(syntaxes[class][1], our_syntaxes[class][1], class)
            end
        end
        assert.is_truthy(our_syntaxes[order[1]], order[1] .. " is DCMTK's first")
        assert.is_true(common >= 110, common .. " classes in common")
    end

    before_each(function()
        if not support.read(DCMTK) then pending "dcmtk is not installed" end
    end)

    for _, rows in ipairs { PREFERRED, PROPOSED } do
        for _, row in ipairs(rows) do
            if row[3][1] ~= IMPLICIT then
                it("the same is proposed with " .. row[1], function()
                    compare(row[1])
                end)
            end
        end
    end

    -- DCMTK 3.6.7 proposes Explicit VR Little Endian in its place, for +xi and -xi.
    it("one transfer syntax is proposed for Implicit VR alone, and ours is that", function()
        for name, class in pairs { ["+xi"] = STORAGE .. "2", ["-xi"] = GET["-P"] } do
            local _, syntaxes = proposed((request_of(DCMTK, name)))
            assert.equal(1, #syntaxes[class], name)
            _, syntaxes = proposed(ours(name))
            assert.same({ IMPLICIT }, syntaxes[class], name)
        end
    end)

    it("the same is proposed with the models, and with both kinds of options", function()
        for _, model in ipairs { "-P", "-S", "-O" } do compare(model) end
        compare("-S", "+xv", "-xd")
    end)
end)

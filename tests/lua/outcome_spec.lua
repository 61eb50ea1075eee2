local errors = require "getscu.errors"
local outcome = require "getscu.outcome"
local status = require "getscu.status"

-- An outcome with one C-GET in which `stored` objects arrived, uids "1.1" and on.
local function retrieval(stored, response)
    local result = outcome.new()
    local get = result:request()
    for i = 1, stored do get:count_stored { uid = "1." .. i, bytes = 100 } end
    if response then get:finish(response) end
    return result, get
end

local function exit_of(stored, response)
    return retrieval(stored, response):exit_code()
end

local function err(code, fields)
    fields = fields or {}
    fields.code, fields.message = code, fields.message or code
    return errors.new(fields)
end

local function texts(result, level)
    local list = {}
    for _, line in ipairs(result:lines()) do
        if not level or line.level == level then list[#list + 1] = line.text end
    end
    return table.concat(list, "\n")
end

describe("a retrieval", function()
    it("succeeds when every object is here and the counts agree", function()
        assert.equal(0, exit_of(3, { status = 0, completed = 3, failed = 0, warning = 0 }))
    end)

    it("succeeds without counts", function()
        assert.equal(0, exit_of(3, { status = 0 }))
    end)

    it("compares counts modulo 65536", function()
        assert.equal(0, exit_of(65537, { status = 0, completed = 1, failed = 0, warning = 0 }))
        assert.equal(68, exit_of(65537, { status = 0, completed = 2, failed = 0, warning = 0 }))
    end)

    it("is partial when the server counts more than arrived, or fewer", function()
        assert.equal(68, exit_of(3, { status = 0, completed = 4 }))
        assert.equal(68, exit_of(3, { status = 0, completed = 2 }))
        assert.equal(68, exit_of(0, { status = 0, completed = 2 }))
        assert.equal(68, exit_of(3, { status = 0, completed = 3, remaining = 1 }))
    end)

    it("is partial when the server says success and counts a failure", function()
        assert.equal(68, exit_of(3, { status = 0, completed = 3, failed = 1 }))
        assert.equal(69, exit_of(0, { status = 0, completed = 0, failed = 1 }))
        assert.equal(68, exit_of(3, { status = 0, failed_uids = { "2.1" } }))
    end)

    it("that matched nothing succeeds, and says so", function()
        local result = retrieval(0, { status = 0, completed = 0, failed = 0, warning = 0 })
        assert.equal(0, result:exit_code())
        assert.matches("no object matched", texts(result, "warn"))
        assert.equal("", texts(retrieval(1, { status = 0 }), "warn"))
    end)

    it("counts duplicates and what the user left out as delivered", function()
        local result, get = retrieval(1)
        get:count_duplicate { uid = "1.1" }
        get:count_discarded { uid = "1.2" }
        get:finish { status = 0, completed = 3, failed = 0, warning = 0 }
        assert.equal(0, result:exit_code())
        local summary = result:summary()
        assert.equal(3, summary.completed)
        assert.equal(1, summary.duplicates)
        assert.equal(1, summary.discarded)
    end)

    it("that ended with a warning succeeds only where our own warnings explain it", function()
        local function warned(response)
            local result, get = retrieval(1)
            get:count_stored { uid = "1.2", status = 0xB007 }
            get:finish(response)
            return result:exit_code()
        end
        assert.equal(0, warned { status = 0xB000, completed = 1, warning = 1, failed = 0 })
        assert.equal(0, warned { status = 0xB000, completed = 2, failed = 0 })
        assert.equal(0, warned { status = 0xB000, completed = 1 })
        assert.equal(68, warned { status = 0xB000, completed = 1, warning = 1, failed = 1 })
        assert.equal(68, exit_of(2, { status = 0xB000, completed = 2, failed = 0, warning = 0 }))
    end)

    it("with failures is partial", function()
        assert.equal(68, exit_of(2, { status = 0xB000, completed = 2, failed = 1, warning = 0 }))
        assert.equal(68, exit_of(0, { status = 0xB000, completed = 0, failed = 1, warning = 0 }))
    end)

    it("that the server failed has failed", function()
        for _, code in ipairs { 0xA701, 0xA702, 0xA900, 0xC000, 0xCFFF, 0x0122, 0x0124, 0x0211,
            0x0212, 0x1234 } do
            assert.equal(69, exit_of(0, { status = code, failed = 1 }))
        end
        assert.equal(69, exit_of(2, { status = 0xA702, completed = 2, failed = 1 }))
    end)

    it("that the server cancelled has failed, unless we asked for it", function()
        assert.equal(69, exit_of(2, { status = 0xFE00, completed = 2, remaining = 1 }))
        local result, get = retrieval(2)
        get:cancel()
        get:finish { status = 0xFE00, completed = 2, remaining = 1 }
        assert.equal(68, result:exit_code())
        result:error(err("interrupted", { signal = 2 }))
        assert.equal(130, result:exit_code())
    end)

    it("whose final response never came is not a success", function()
        assert.equal(69, exit_of(0))
        assert.equal(68, exit_of(2))
        local result = retrieval(2)
        result:error(err("peer-aborted"))
        assert.equal(62, result:exit_code())
    end)

    it("that refused an object is partial", function()
        local result, get = retrieval(1)
        get:count_refused { uid = "1.2", status = 0xA700 }
        get:finish { status = 0xB000, completed = 1, failed = 1, warning = 0,
            failed_uids = { "1.2" } }
        assert.equal(68, result:exit_code())
        local summary = result:summary()
        assert.equal(1, summary.failed)
        assert.equal(1, summary.refused)
        assert.same({ { uid = "1.2", status = 0xA700, reason = "Refused: Out of Resources" } },
            summary.failures)
    end)

    it("that could not write an object tells it by its exit code", function()
        local result, get = retrieval(1)
        get:count_failed({ uid = "1.2", status = 0xA700 }, err "object-write")
        get:count_failed({ uid = "1.3", status = 0xA700 }, err "object-write")
        get:finish { status = 0xB000, completed = 1, failed = 2, warning = 0 }
        assert.equal(40, result:exit_code())
        assert.equal(1, #result:summary().errors)
    end)
end)

describe("several things at once", function()
    local order = { "interrupted", "hook-failed", "object-write", "association-rejected",
        "tls-failed", "query-file", "failed", "partial" }

    it("end with the exit code that matters most", function()
        for first = 1, #order do
            for second = first, #order do
                local result = outcome.new()
                result:error(err(order[second]))
                result:error(err(order[first]))
                assert.equal(errors.codes[order[first]].exit, result:exit_code())
            end
        end
    end)

    it("of the same weight end with what came first", function()
        local result = outcome.new()
        result:error(err "dimse-timeout")
        result:error(err "peer-aborted")
        assert.equal(63, result:exit_code())
    end)
end)

describe("several C-GETs of a job", function()
    it("succeed together", function()
        local result = retrieval(2, { status = 0, completed = 2 })
        local second = result:request()
        second:count_stored { uid = "2.1", bytes = 50 }
        second:finish { status = 0, completed = 1 }
        assert.equal(0, result:exit_code())
        local summary = result:summary()
        assert.equal(3, summary.stored)
        assert.equal(250, summary.bytes)
        assert.equal(2, summary.requests)
    end)

    it("fail where one fails", function()
        local result = retrieval(2, { status = 0, completed = 2 })
        result:request("b.dcm"):finish { status = 0xC001, comment = "disk\27[2J\ncrashed" }
        assert.equal(69, result:exit_code())
        assert.matches("b.dcm failed: the server answered C001H, Failed: Unable to process "
            .. "%(disk%?%[2J%?crashed%)", texts(result, "error"))
    end)

    it("are judged on their union: what failed in one may arrive in another", function()
        for _, code in ipairs { 0xB000, 0xA702, 0x0000 } do
            local result = retrieval(1, { status = code, completed = 1, failed = 2, warning = 0,
                failed_uids = { "2.1", "2.2" } })
            local again = result:request()
            again:count_stored { uid = "2.1" }
            assert.not_equal(0, result:exit_code())
            again:count_discarded { uid = "2.2" }
            again:finish { status = 0, completed = 2, failed = 0, warning = 0 }
            assert.equal(0, result:exit_code())
            assert.equal(0, result:summary().failed)
            assert.equal("", texts(result, "error"))
        end
    end)

    it("count what failed in both once", function()
        local result = retrieval(1, { status = 0xB000, completed = 1, failed = 1, warning = 0,
            failed_uids = { "2.1" } })
        result:request():finish { status = 0xA702, completed = 0, failed = 1, warning = 0,
            failed_uids = { "2.1" } }
        assert.equal(1, result:summary().failed)
        assert.equal(1, #result:summary().failures)
        assert.equal(69, result:exit_code())
    end)
end)

describe("the final report", function()
    it("has the words that people's wrappers read", function()
        local result = retrieval(2, { status = 0xB000, remaining = 0, completed = 2, failed = 1,
            warning = 0 })
        assert.matches(table.concat({ "Final status report from last C-GET message:",
            "  Number of Remaining Suboperations : 0", "  Number of Completed Suboperations : 2",
            "  Number of Failed Suboperations    : 1",
            "  Number of Warning Suboperations   : 0" }, "\n"), texts(result, "info"), 1, true)
    end)

    it("names each failed object and why, up to a bound", function()
        local result, get = retrieval(0)
        for i = 1, 25 do
            get:count_failed({ uid = "3." .. i, status = 0xA700 }, "no room")
        end
        get:finish { status = 0xA702, completed = 0, failed = 25, warning = 0 }
        local text = texts(result, "error")
        assert.matches("object 3.1: no room\n", text, 1, true)
        assert.matches("object 3.20: no room\n", text, 1, true)
        assert.is_nil(text:find("3.21", 1, true))
        assert.matches("and 5 more objects", text, 1, true)
    end)

    it("has no raw bytes from the peer", function()
        local result = retrieval(0, { status = 0xA900, comment = "\27]0;x\7" .. ("y"):rep(65536),
            failed_uids = { "1.2\n\27[31m" } })
        for _, line in ipairs(result:lines()) do
            assert.is_nil(line.text:find("[^\x20-\x7e]"))
            assert.is_true(#line.text < 400)
        end
    end)
end)

describe("an error's code", function()
    -- How the core and the library spell that they fail with a code.
    local spellings = { 'gs_error_set%([^,]+,%s*"([a-z-]+)"',
        'gs_error_system%([^,]+,%s*"([a-z-]+)"', 'fail%("([a-z-]+)"',
        'fail_with%("([a-z-]+)"', '%f[%w]code = "([a-z-]+)"' }

    it("is listed, with its exit code, wherever it is used", function()
        local files = io.popen("find src lua -name '*.c' -o -name '*.cc' -o -name '*.lua'")
        for path in files:lines() do
            local file = assert(io.open(path))
            local text = file:read("a")
            file:close()
            for _, spelling in ipairs(spellings) do
                for code in text:gmatch(spelling) do
                    assert.is_table(errors.codes[code], path .. ": " .. code)
                end
            end
        end
        files:close()
    end)
end)

describe("a status", function()
    it("has a class, and unknown is failure", function()
        local expected = { [0x0000] = "success", [0xFF00] = "pending", [0xFF01] = "pending",
            [0xFE00] = "cancel", [0xB000] = "warning", [0xB007] = "warning", [0x0001] = "warning",
            [0x0107] = "warning", [0xA702] = "failure", [0xC123] = "failure",
            [0x0122] = "failure", [0xFF02] = "failure", [0x1234] = "failure" }
        for code, class in pairs(expected) do assert.equal(class, status.class(code)) end
    end)

    it("is described in the words of its service", function()
        assert.equal("Refused: Out of Resources - Unable to perform sub-operations",
            status.describe("C-GET", 0xA702))
        assert.equal("Error: Cannot understand", status.describe("C-STORE", 0xC001))
        assert.equal("Failed: Unable to process", status.describe("C-FIND", 0xC001))
        assert.equal("Refused: SOP Class not supported", status.describe("C-ECHO", 0x0122))
        assert.equal("Unknown status 0x1234", status.describe("C-GET", 0x1234))
        assert.has_error(function() status.describe("C-GTE", 0) end)
    end)

    it("is found by its words, with their category or without, and by its name", function()
        assert.equal(0xA700, status.code "Refused: Out of Resources")
        assert.equal(0xA700, status.code "out of resources")
        assert.equal(0xA700, status.code "OUT_OF_RESOURCES")
        assert.equal(0xA900, status.code "Error: Data Set does not match SOP Class")
        assert.equal(0xC000, status.code("Unable to process", "C-GET"))
        assert.equal(0x0124, status.code "Refused: Not authorized")
        local _, message = pcall(status.code, "Out of Resourses")
        assert.truthy(message:find("did you mean 'Out of Resources'", 1, true), message)
        assert.has_error(function() status.code "class" end)
        assert.has_error(function() status.code(nil) end)
        assert.has_error(function() status.code("Success", "C-MOVEE") end)
    end)

    it("has DCMTK's words for the log of a C-GET", function()
        assert.equal("Success", status.short(status.SUCCESS))
        assert.equal("Pending", status.short(status.PENDING))
        assert.equal("Warning: SubOperationsCompleteOneOrMoreFailures", status.short(0xB000))
        assert.equal("Failed: UnableToProcess", status.short(0xC123))
        assert.equal("Unknown Status: 0x124", status.short(0x0124))
    end)
end)

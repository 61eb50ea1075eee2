local dataset = require "getscu.dataset"
local peer = require "peer"
local support = require "support"

local EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
local CT, STUDY_GET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.3"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- A C-GET from the default script, with -v. The conversation begins with the C-GET request.
-- Returns the program's result with its output directory's names, and what the conversation said.
local function get(conversation, options, ...)
    local out = box:directory("out")
    local function body(link, process) return conversation(link, link:request(), process) end
    local said = table.pack(peer.converse(box, { "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
        "StudyInstanceUID=1.2.3", "-od", out, ... }, body, options))
    said[1].directory, said[1].files = out, support.list(out)
    return table.unpack(said, 1, said.n)
end

-- Ends the C-GET with this response and waits for the end of the association.
local function answered(status, counts, data)
    return function(link, request)
        link:respond(request, status, counts, data)
        return link:await_end()
    end
end

local function tells(result, text)
    assert.truthy(result.err:find(text, 1, true), ("'%s' is not in:\n%s"):format(text, result.err))
end

local function failed_uids(...)
    return assert(dataset.new { ["0008,0058"] = { ... } }:encode(EXPLICIT_LITTLE))
end

describe("a final status", function()
    local function ends_with(code, text, ...)
        local result, ending = get(answered(...))
        assert.equal(code, result.code, result.err)
        assert.equal("released", ending)
        tells(result, text)
    end

    it("of failure ends with 69", function()
        ends_with(69, "A702H", 0xA702, { completed = 0, failed = 3, warning = 0 })
        ends_with(69, "A701H", 0xA701)
        ends_with(69, "A900H", 0xA900, { comment = "no QueryRetrieveLevel" })
        ends_with(69, "no QueryRetrieveLevel", 0xA900, { comment = "no QueryRetrieveLevel" })
        ends_with(69, "C001H", 0xC001)
        ends_with(69, "0122H", 0x0122)
        ends_with(69, "0211H", 0x0211)
        ends_with(69, "4711H", 0x4711)
    end)

    it("of Cancel, which was not asked for, ends with 69", function()
        ends_with(69, "not asked for", 0xFE00, { completed = 0, failed = 0 })
    end)

    it("of warning ends with 68 where nothing here explains it", function()
        ends_with(68, "partial", 0xB000, { completed = 0, failed = 2 })
        ends_with(68, "partial", 0xB000)
    end)

    it("of success without any object is told, and ends with 0", function()
        ends_with(0, "no object matched", 0x0000, { completed = 0, failed = 0, warning = 0 })
        ends_with(0, "no object matched", 0x0000)
    end)

    it("of success with failed sub-operations ends with 69 where nothing came", function()
        ends_with(69, "2 objects", 0x0000, { completed = 0, failed = 2 })
    end)

    it("of success with other counts than ours ends with 68", function()
        ends_with(68, "the server counts 3 delivered, 0 were acknowledged", 0x0000,
            { completed = 3 })
    end)

    it("that never comes ends with 63 after -td, and with an abort", function()
        local result, ending, event = get(function(link) return link:await_end() end, nil,
            "-td", "1")
        assert.equal(63, result.code, result.err)
        assert.same({ "aborted", 0, 0 }, { ending, event.source, event.reason })
    end)

    it("may have a comment that a terminal would act on, which does not come through", function()
        local result = get(answered(0xA900, { comment = "a\27[31mb\7c" }))
        assert.is_nil(result.err:find "[^\n\32-\126]")
    end)
end)

describe("a C-GET response that carries failed UIDs", function()
    it("is read, and each of them is told", function()
        local result, ending = get(function(link, request)
            link:store("1.2.3.1", peer.image "1.2.3.1")
            link:respond(request, 0xB000, { completed = 1, failed = 2, warning = 0 },
                failed_uids("1.2.3.2", "1.2.3.3"))
            return link:await_end()
        end)
        assert.same({ 68, "released" }, { result.code, ending })
        assert.same({ "CT.1.2.3.1" }, result.files)
        tells(result, "object 1.2.3.2: ")
        tells(result, "object 1.2.3.3: ")
    end)

    it("leaves the association in step for the next query", function()
        local files = {}
        for i = 1, 2 do
            files[i] = box:dump2dcm(([[
(0008,0052) CS STUDY
(0020,000d) UI 1.2.%d]]):format(i), "-F")
        end
        local out = box:directory("out")
        local result, studies = peer.converse(box, { "-S", "-od", out }, function(link)
            local found = {}
            for i = 1, 2 do
                local request = link:request()
                found[i] = dataset.decode(request.data, EXPLICIT_LITTLE).StudyInstanceUID
                link:store("1.2.3." .. i, peer.image("1.2.3." .. i))
                link:respond(request, 0xB000, { completed = 1, failed = 1 },
                    failed_uids("1.9." .. i))
            end
            link:await_end()
            return found
        end, { files = files })
        assert.equal(68, result.code, result.err)
        assert.same({ "1.2.1", "1.2.2" }, studies)
        assert.same({ "CT.1.2.3.1", "CT.1.2.3.2" }, support.list(out))
    end)
end)

describe("what a server asks for besides", function()
    it("is answered: C-ECHO with success, another request with 0211", function()
        local result, statuses = get(function(link, request)
            local found = {}
            for i, field in ipairs { 0x0030, 0x0020 } do
                link.core:send(link.contexts["1.2.840.10008.1.1"], { CommandField = field,
                    MessageID = 100 + i, Priority = 0, AffectedSOPClassUID = "1.2.840.10008.1.1" })
                local command = link:request().command
                found[i] = { command.CommandField, command.MessageIDBeingRespondedTo,
                    command.Status }
            end
            link:respond(request, 0x0000)
            link:await_end()
            return found
        end)
        assert.equal(0, result.code, result.err)
        assert.same({ { 0x8030, 101, 0x0000 }, { 0x8020, 102, 0x0211 } }, statuses)
    end)
end)

describe("an object", function()
    -- Sends it, ends the C-GET with success, and returns the result, the status, and the comment.
    local function sent(uid, data, options, ...)
        local result, status, answer = get(function(link, request)
            local status, answer = link:store(uid, data, options)
            local stored = status == 0
            link:respond(request, stored and 0 or 0xB000, { completed = stored and 1 or 0,
                failed = stored and 0 or 1, warning = 0 })
            link:await_end()
            return status, answer
        end, nil, ...)
        return result, status, answer.command.ErrorComment
    end

    it("whose UID would leave the output directory is kept inside of it", function()
        for _, uid in ipairs { "../../evil", "/etc/evil", "..", ".", "a/b", "1.2\0x", "1\27[2J",
            ".hidden" } do
            local result, status = sent(uid, peer.image(uid))
            assert.same({ 0, 0 }, { result.code, status }, result.err)
            assert.equal(1, #result.files)
            assert.is_nil(result.files[1]:find "[^\33-\126]", result.files[1])
            assert.is_nil(result.err:find "[^\n\32-\126]")
            local bit_preserving = sent(uid, peer.image(uid), nil, "+B")
            assert.equal(1, #bit_preserving.files)
            assert.is_nil(bit_preserving.files[1]:find "^%.", bit_preserving.files[1])
        end
    end)

    it("with a UID as long as a command can carry is kept under a shorter name", function()
        local uid = ("1.2"):rep(60)
        local result, status = sent(uid, peer.image(uid))
        assert.same({ 0, 0 }, { result.code, status }, result.err)
        assert.equal(1, #result.files)
    end)

    it("without a UID is refused with 0117", function()
        local result, status = sent("", peer.image "1.2.3.1")
        assert.equal(0x0117, status)
        assert.same({}, result.files)
        assert.is_true(result.code == 68 or result.code == 69, result.err)
    end)

    it("that ends inside an element is refused with C001, and no file stays", function()
        for _, option in ipairs { "-B", "+B" } do
            local whole = peer.image "1.2.3.1"
            local result, status, comment = sent("1.2.3.1", whole:sub(1, -3), nil, option)
            assert.equal(0xC001, status)
            assert.is_true(#(comment or "") > 0 and #comment <= 64)
            assert.same({}, result.files)
            assert.equal(68, result.code, result.err)
            tells(result, "object 1.2.3.1: data set broken at byte")
        end
    end)

    it("of a SOP class that is not that of its context is kept with a warning", function()
        local mr = "1.2.840.10008.5.1.4.1.1.4"
        local result, status = get(function(link, request)
            local status = link:store("1.2.3.1", peer.image("1.2.3.1", 64, mr),
                { class = mr, context = link.contexts[CT] })
            link:respond(request, 0, { completed = 1 })
            link:await_end()
            return status
        end)
        assert.same({ 0, 0 }, { result.code, status }, result.err)
        assert.same({ "MR.1.2.3.1" }, result.files)
        tells(result, "W: ")
    end)

    it("that comes twice with the same bytes is one file, and a duplicate", function()
        local result = get(function(link, request)
            for _ = 1, 2 do link:store("1.2.3.1", peer.image "1.2.3.1") end
            link:respond(request, 0, { completed = 2 })
            link:await_end()
        end)
        assert.equal(0, result.code, result.err)
        assert.same({ "CT.1.2.3.1" }, result.files)
        tells(result, "1 objects stored")
        tells(result, "1 duplicate")
    end)

    it("that comes twice with other bytes is two files, and a warning", function()
        local result = get(function(link, request)
            link:store("1.2.3.1", peer.image("1.2.3.1", 100))
            link:store("1.2.3.1", peer.image("1.2.3.1", 200))
            link:respond(request, 0, { completed = 2 })
            link:await_end()
        end)
        assert.equal(0, result.code, result.err)
        assert.equal(2, #result.files)
        tells(result, "W: ")
    end)

    it("replaces a file of before, and says so", function()
        local out = box:directory("out")
        support.write(out .. "/CT.1.2.3.1", "what was here before")
        local result = peer.converse(box, { "-S", "-k", "StudyInstanceUID=1.2.3", "-od", out },
            function(link)
                local request = link:request()
                link:store("1.2.3.1", peer.image "1.2.3.1")
                link:respond(request, 0, { completed = 1 })
                link:await_end()
            end)
        assert.equal(0, result.code, result.err)
        tells(result, "replaced the file CT.1.2.3.1")
        assert.equal("DICM", support.read(out .. "/CT.1.2.3.1"):sub(129, 132))
    end)
end)

describe("an association", function()
    it("without a context for C-GET ends with 66, releases, and says what to do", function()
        local result, ending = peer.converse(box, { "-S", "-k", "StudyInstanceUID=1.2.3", "-od",
            box:directory("out") }, function(link) return link:await_end() end,
            { choose = function(context)
                if context.abstract_syntax == STUDY_GET then return nil, 3 end
                return context.transfer_syntaxes[1]
            end })
        assert.same({ 66, "released" }, { result.code, ending })
        tells(result, "C-MOVE")
    end)

    it("without any context for objects ends with 66 and sends no C-GET", function()
        local result, ending = peer.converse(box, { "-S", "-k", "StudyInstanceUID=1.2.3", "-od",
            box:directory("out") }, function(link) return link:await_end() end,
            { choose = function(context)
                if context.abstract_syntax ~= STUDY_GET then return nil, 3 end
                return context.transfer_syntaxes[1]
            end })
        assert.same({ 66, "released" }, { result.code, ending })
    end)

    it("whose answer leaves out the roles goes on", function()
        local result, status = get(function(link, request)
            local status = link:store("1.2.3.1", peer.image "1.2.3.1")
            link:respond(request, 0, { completed = 1 })
            link:await_end()
            return status
        end, { roles = {} })
        assert.same({ 0, 0 }, { result.code, status }, result.err)
    end)

    it("that the server aborts ends with 62; what came before stays", function()
        local result = get(function(link)
            link:store("1.2.3.1", peer.image "1.2.3.1")
            link.core:abort()
            link:await_end()
        end)
        assert.equal(62, result.code, result.err)
        tells(result, "aborted the association")
        assert.same({ "CT.1.2.3.1" }, result.files)
    end)

    it("that the server releases before its final response ends with 62", function()
        local result, ending = get(function(link)
            link.core:release()
            return link:await_end()
        end)
        assert.same({ 62, "released" }, { result.code, ending }, result.err)
    end)

    it("whose connection closes without a word ends with 62", function()
        local result = get(function(link)
            link:store("1.2.3.1", peer.image "1.2.3.1")
            link.core:drop()
        end)
        assert.equal(62, result.code, result.err)
        assert.same({ "CT.1.2.3.1" }, result.files)
    end)

    it("in which a C-STORE request has no data set is aborted", function()
        local result, ending = get(function(link)
            link:offer("1.2.3.1", nil)
            return link:await_end()
        end)
        assert.same({ 64, "aborted" }, { result.code, ending }, result.err)
        assert.same({}, result.files)
    end)

    it("in which a response has no status is aborted", function()
        local result, ending = get(function(link, request)
            link:respond(request, nil)
            return link:await_end()
        end)
        assert.same({ 64, "aborted" }, { result.code, ending }, result.err)
    end)

    it("in which a response answers another message is waited on", function()
        local result = get(function(link, request)
            link:respond({ context = request.context, command = { MessageID = 99,
                AffectedSOPClassUID = STUDY_GET } }, 0xA900)
            link:store("1.2.3.1", peer.image "1.2.3.1")
            link:respond(request, 0, { completed = 1 })
            link:await_end()
        end)
        assert.equal(0, result.code, result.err)
        assert.same({ "CT.1.2.3.1" }, result.files)
    end)
end)

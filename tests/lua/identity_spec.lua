-- What an A-ASSOCIATE-RQ says about who asks, in which model, and how; as an archive gets it.

local dimse = require "getscu.dimse"
local getscu = require "getscu"
local support = require "support"

local box, directory, images, study
setup(function()
    box = support.box()
    images, study = box:images(2, 3000)
    directory = box:directory("archive")
    box:tool { "sh", "-c", 'cp "$0"/* "$1"', images, directory }
end)
teardown(function() box:close() end)

-- Runs the program against an archive.
-- @return result; its requests (A-ASSOCIATE-RQ), its commands, its files
local function ask(options, ...)
    local requests, commands = {}, {}
    local archive <close> = assert(getscu.archive { directory = directory, hooks = {
        accept = function(request, answer)
            requests[#requests + 1] = request
            answer.extended = options.extended and request.extended or nil
            for i, context in ipairs(answer.contexts) do -- also models that it does not serve
                local syntax = request.contexts[i].transfer_syntaxes[1]
                if i == 1 then context.result, context.transfer_syntaxes = 0, { syntax } end
            end
        end,
        serve = function(command)
            commands[#commands + 1] = command
            return options.status
        end,
    } })
    archive:start()
    local out = box:directory("out")
    local result = box:getscu(options.model or "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
        "StudyInstanceUID=" .. study, "-od", out, { ... }, "127.0.0.1", archive:port())
    result.requests, result.commands, result.files = requests, commands, support.list(out)
    return result
end

describe("user identity", function()
    it("is not told where it is not asked for", function()
        local result = ask {}
        assert.equal(0, result.code, result.err)
        assert.is_nil(result.requests[1].identity)
    end)

    it("is a name, type 1", function()
        local result = ask({}, "--user", "J\u{fc}rgen")
        assert.equal(0, result.code, result.err)
        assert.same({ type = 1, primary = "J\u{fc}rgen", secondary = "",
            response_requested = false }, result.requests[1].identity)
    end)

    it("is a name and the first line of a file, type 2", function()
        for _, content in ipairs { "s3cret pass", "s3cret pass\n", "s3cret pass\r\nother\n" } do
            local result = ask({}, "--user", "me", "--user-pass-file", box:file(content))
            assert.equal(0, result.code, result.err)
            local identity = result.requests[1].identity
            assert.same({ 2, "me", "s3cret pass" },
                { identity.type, identity.primary, identity.secondary })
            assert.is_nil((result.err .. result.out):find "s3cret")
        end
    end)

    it("is a JSON Web Token, type 5, without the blanks around it", function()
        local token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9."
        local result = ask({}, "--user-jwt", box:file("\n" .. token .. "\n"))
        assert.equal(0, result.code, result.err)
        local identity = result.requests[1].identity
        assert.same({ 5, token }, { identity.type, identity.primary })
    end)

    it("ends with 20 before it connects, where a file is of no use", function()
        local wrong = {
            { "No such file", "--user", "me", "--user-pass-file", box.path .. "/none" },
            { "Is a directory", "--user", "me", "--user-pass-file", box.path },
            { "is empty", "--user", "me", "--user-pass-file", box:file("") },
            { "first line is empty", "--user", "me", "--user-pass-file", box:file("\nsecret\n") },
            { "No such file", "--user-jwt", box.path .. "/none" },
            { "no JSON Web Token", "--user-jwt", box:file("Bearer abc") },
            { "too large", "--user-jwt", box:file(("x"):rep(70000)) },
        }
        for _, row in ipairs(wrong) do
            local result = ask({}, table.unpack(row, 2))
            assert.equal(20, result.code, result.err)
            assert.truthy(result.err:find(row[1], 1, true), result.err)
            assert.same({}, result.requests)
        end
    end)
end)

-- What could not be requested, for want of room in its PDU or of memory, was not told: the client
-- waited for the answer to what it had never sent.
describe("an association that cannot be requested", function()
    it("is an error at once", function()
        local archive <close> = assert(getscu.archive { directory = directory })
        local link, err = getscu.associate { host = "127.0.0.1", port = archive:port(),
            called = "ARCHIVE", identity = { type = 2, primary = ("x"):rep(40000),
                secondary = ("y"):rep(40000) } }
        assert.is_nil(link)
        assert.equal("out-of-memory", err.code)
        assert.truthy(err.message:find("one PDU", 1, true))
    end)
end)

describe("--model", function()
    it("takes the SOP class of the model, the last one that was named", function()
        for _, name in ipairs { "patient", "study", "psonly", "composite", "withoutbulkdata" } do
            local result = ask({ status = 0x0000 }, "--model", name)
            assert.equal(0, result.code, result.err)
            assert.equal(dimse.models[name].get, result.requests[1].contexts[1].abstract_syntax)
            assert.equal(dimse.models[name].get, result.commands[1].AffectedSOPClassUID)
        end
        local result = ask({ status = 0x0000, model = { "--model", "patient" } }, "-S")
        assert.equal(dimse.models.study.get, result.commands[1].AffectedSOPClassUID)
    end)

    it("without C-FIND ends as it should when objects are missing", function()
        for _, name in ipairs { "composite", "withoutbulkdata" } do
            for _, option in ipairs { "--as-stored", "-B" } do
                local result = ask({ status = 0xA702 }, "--model", name, option)
                assert.equal(69, result.code, result.err)
                assert.is_nil(result.err:find "traceback")
            end
        end
    end)
end)

describe("--relational", function()
    local function items(request)
        local list = {}
        for _, item in ipairs(request.extended) do list[item.sop_class] = item.information end
        return list
    end

    it("is negotiated for C-GET, and for the C-FIND that looks for what is missing", function()
        local result = ask({ extended = true }, "--relational", "--as-stored")
        assert.equal(0, result.code, result.err)
        assert.equal("", result.err)
        assert.equal(2, #result.files)
        local study_root = dimse.models.study
        assert.same({ [study_root.find] = "\1" }, items(result.requests[1]))
        assert.same({ [study_root.get] = "\1" }, items(result.requests[2]))
    end)

    it("is warned of where the peer does not agree", function()
        local result = ask({}, "--relational")
        assert.equal(0, result.code)
        assert.matches("does not agree to relational retrieval", result.err)
    end)

    it("is not asked of models without it", function()
        local result = ask({ status = 0 }, "--relational", "--model", "composite")
        assert.same({}, result.requests[1].extended)
    end)
end)

describe("+v", function()
    it("lists with -v the contexts proposed and accepted", function()
        local result = ask({}, "-v", "+v")
        assert.equal(0, result.code)
        local function tells(text)
            assert.is_true(result.err:find("\nI:   Context ID" .. text) ~= nil, text)
        end
        tells "   1 %(Proposed%): GETStudyRoot[^\n]*, role SCU: LittleEndianExplicit[^\n]*, Big"
        tells "   3 %(Proposed%): Verification[^\n]*, role SCU/SCP: "
        tells "[^\n]* %(Proposed%): CTImageStorage, role SCP: LittleEndianExplicit"
        tells "   1 %(Accepted%): GETStudyRoot[^\n]*: LittleEndianExplicitTransferSyntax\n"
        assert.truthy(result.err:find("\nI: Request Parameters:\n", 1, true))
        assert.truthy(result.err:find("\nI: Association Parameters Negotiated:\n", 1, true))
        local _, proposed = result.err:gsub("%(Proposed%)", "")
        assert.equal(124, proposed)
        assert.is_nil(ask({}, "-v").err:find("Proposed", 1, true))
    end)
end)

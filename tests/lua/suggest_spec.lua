local errors = require "getscu.errors"
local suggest = require "getscu.suggest"

local fields = { "peer", "query", "directory", "model", "StudyInstanceUID", "SeriesInstanceUID" }

describe("a misspelt name", function()
    it("is near to the one it was meant to be", function()
        assert.equal("query", suggest.nearest("querry", fields))
        assert.equal("query", suggest.nearest("qurey", fields))
        assert.equal("peer", suggest.nearest("per", fields))
        assert.equal("StudyInstanceUID", suggest.nearest("StudyInstnaceUid", fields))
        assert.equal("model", suggest.nearest("MODEL", fields))
    end)

    it("is near to the name that it begins", function()
        assert.equal("directory", suggest.nearest("dir", fields))
        assert.equal("SeriesInstanceUID", suggest.nearest("Series", fields))
    end)

    it("is near to nothing where nothing is alike", function()
        assert.is_nil(suggest.nearest("", fields))
        assert.is_nil(suggest.nearest("x", fields))
        assert.is_nil(suggest.nearest("timeout", fields))
        assert.is_nil(suggest.nearest("query", {}))
        assert.is_nil(suggest.nearest(("query"):rep(1000), fields))
    end)

    it("may be UTF-8, and may be no UTF-8 at all", function()
        assert.equal("問い合わせ", suggest.nearest("問い合せ", { "問い合わせ" }))
        assert.is_nil(suggest.nearest("患者", { "検査" }))
        assert.equal("query", suggest.nearest("quer\xff", fields))
    end)

    it("takes the nearest, not the first", function()
        assert.equal("--ipv6", suggest.nearest("--ipv66", { "--ipv4", "--ipv6" }))
        assert.equal("+xs", suggest.nearest("-xs", { "+xs", "-xe" }))
    end)
end)

describe("an unknown field", function()
    local function check(given)
        errors.check_fields(given, fields, "getscu.retrieve")
    end

    it("is an error of the caller that names the nearest field", function()
        local function caller() check { peer = "x", querry = {} } end
        local done, message = pcall(caller)
        assert.is_false(done)
        assert.matches("suggest_spec.lua:%d+: unknown field 'querry' in getscu.retrieve "
            .. "%(did you mean 'query'%?%)$", message)
    end)

    it("may be of any type", function()
        assert.has_error(function() check { "x" } end)
        assert.has_no_error(function() check { peer = 1, model = false } end)
    end)
end)

describe("an error", function()
    it("is a table whose text is its message", function()
        local err = errors.new { code = "connect-refused", message = "nobody listens at x:1" }
        assert.equal("nobody listens at x:1", tostring(err))
        assert.equal(60, errors.exit_code(err))
        assert.is_true(errors.is(err))
    end)

    it("needs a code and a message", function()
        assert.has_error(function() errors.new { message = "x" } end)
        assert.has_error(function() errors.new { code = "failed" } end)
    end)

    it("may come from the core", function()
        local err = errors.wrap { code = "object-write", message = "disk full", errno = 28 }
        assert.is_true(errors.is(err))
        assert.equal("disk full", tostring(err))
        assert.is_nil(errors.wrap(nil))
    end)

    it("is nothing else", function()
        for _, value in ipairs { "text", 1, {}, true, setmetatable({}, {}) } do
            assert.is_false(errors.is(value))
        end
        assert.is_false(errors.is(nil))
    end)

    it("of a signal has the shell's exit code", function()
        local err = errors.new { code = "interrupted", message = "SIGTERM", signal = 15 }
        assert.equal(143, errors.exit_code(err))
    end)
end)

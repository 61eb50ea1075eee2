local matching = require "getscu.matching"

-- Whether a value matches a key; "all" where the key matches everything.
local function match(vr, key, value)
    local matches = matching.of(vr, key)
    if not matches then return "all" end
    return matches(value)
end

describe("a key without a value, or of asterisks alone", function()
    it("matches everything, also what is absent", function()
        for _, key in ipairs { "", " ", "*", "**" } do
            assert.equal("all", match("LO", key), key)
        end
        assert.equal("all", match("LO", nil))
        assert.equal("all", match("DA", "-"))
        assert.equal("all", match("UI", "\\"))
    end)
end)

describe("a single value", function()
    it("matches exactly, without regard to padding", function()
        assert.is_true(match("SH", "A-1 ", " A-1"))
        assert.is_false(match("SH", "A-1", "A-10"))
        assert.is_false(match("SH", "A-1", "a-1"))
        assert.is_false(match("SH", "A-1", nil))
    end)

    it("matches one of several", function()
        assert.is_true(match("CS", "MR", "CT\\MR"))
        assert.is_false(match("CS", "SR", "CT\\MR"))
    end)

    it("matches as a number where it is one", function()
        assert.is_true(match("IS", "01", "1"))
        assert.is_true(match("US", "512", 512))
        assert.is_false(match("DS", "1.5", "1.25"))
        assert.is_true(match("IS", "1*", "12"))
    end)
end)

describe("a wildcard", function()
    it("stands for any letters, or for one", function()
        assert.is_true(match("LO", "HEAD*", "HEAD"))
        assert.is_true(match("LO", "*A?", "HEAD"))
        assert.is_true(match("LO", "H*A*D", "HEAD AND HAND"))
        assert.is_false(match("LO", "H?D", "HEAD"))
        assert.is_false(match("LO", "HEAD?", "HEAD"))
    end)

    it("means nothing else that Lua's patterns know", function()
        assert.is_true(match("LO", "%d.*[a]", "%d.x[a]"))
        assert.is_false(match("LO", "%d*", "1"))
    end)

    it("stands for a letter, not for a byte", function()
        assert.is_true(match("LO", "頭?", "頭部"))
        assert.is_false(match("LO", "頭??", "頭部"))
    end)

    it("takes no exponential time", function()
        local started = os.clock()
        assert.is_false(match("LO", ("*a"):rep(1000) .. "b", ("a"):rep(4000)))
        assert.is_true(os.clock() - started < 5)
    end)
end)

describe("a person name", function()
    local YAMADA = "Yamada^Tarou=山田^太郎=やまだ^たろう"

    it("matches without regard to case, in any alphabet that has it", function()
        assert.is_true(match("PN", "yamada*", YAMADA))
        assert.is_true(match("PN", "MÜLLER^JÖRG", "Müller^Jörg"))
        assert.is_true(match("PN", "иванов*", "ИВАНОВ^Иван"))
        assert.is_true(match("PN", "ΑΛΕΞ*", "Αλεξίου"))
        assert.is_true(match("PN", "łukasz*", "ŁUKASZ"))
        assert.is_true(match("PN", "ÎLE", "île"))
    end)

    it("matches by one of its groups", function()
        assert.is_true(match("PN", "山田*", YAMADA))
        assert.is_true(match("PN", "やまだ^たろう", YAMADA))
        assert.is_true(match("PN", YAMADA, YAMADA))
        assert.is_false(match("PN", "山田", YAMADA))
    end)

    it("matches without regard to empty components at the end", function()
        assert.is_true(match("PN", "Yamada^Tarou^^", YAMADA))
        assert.is_true(match("PN", "doe^john", "Doe^John^^="))
    end)
end)

describe("a range", function()
    it("of dates has two ends, or one", function()
        assert.is_true(match("DA", "20250101-20251231", "20250401"))
        assert.is_true(match("DA", "20250401-20250401", "20250401"))
        assert.is_true(match("DA", "-20250401", "20250401"))
        assert.is_true(match("DA", "20250401-", "20250401"))
        assert.is_false(match("DA", "20250402-", "20250401"))
        assert.is_false(match("DA", "20250101-20251231", ""))
        assert.is_false(match("DA", "20250101-", nil))
    end)

    it("takes dates as they were written once", function()
        assert.is_true(match("DA", "20250401", "2025.04.01"))
    end)

    it("of times includes what its ends leave open", function()
        assert.is_true(match("TM", "08-09", "095959.999"))
        assert.is_true(match("TM", "0830", "083015"))
        assert.is_false(match("TM", "08-09", "100000"))
    end)
end)

describe("a list of UIDs", function()
    it("matches each of them, and no other", function()
        assert.is_true(match("UI", "1.2.3\\1.2.4", "1.2.4"))
        assert.is_true(match("UI", "1.2.3\0", "1.2.3"))
        assert.is_false(match("UI", "1.2.3\\1.2.4", "1.2"))
        assert.is_false(match("UI", "1.2.*", "1.2.3"))
    end)
end)

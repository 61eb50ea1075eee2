local core = require "getscu.core"
local uid = require "getscu.uid"

describe("a UID", function()
    it("has a name that leads back to it, and a class", function()
        for _, row in ipairs(core.uids()) do
            assert.equal(row.uid, uid.named(uid.name(row.uid)), row.name)
        end
        assert.equal("storage", uid.class "1.2.840.10008.5.1.4.1.1.2")
        assert.equal("query", uid.class "1.2.840.10008.5.1.4.1.2.2.3")
        assert.equal("verification", uid.class "1.2.840.10008.1.1")
        assert.equal("transfer syntax", uid.class "1.2.840.10008.1.2.1")
        assert.is_nil(uid.class "1.2.3")
        assert.is_nil(uid.name "1.2.3")
        assert.is_nil(uid.named "NoSuchName")
    end)

    it("is checked against PS3.5 section 9.1", function()
        for _, text in ipairs { "1.2.3", "0.0", "2.25." .. ("9"):rep(59), uid.generate() } do
            assert.is_true(uid.is_valid(text), text)
        end
        for _, text in ipairs { "", "1.02", "1..2", "1.2.", ".1", "1.2a", "2.25." .. ("9"):rep(60),
            "1.2 ", 5, false } do
            assert.is_false(uid.is_valid(text), tostring(text))
        end
    end)

    it("is derived from another one: the same under one secret, others under others", function()
        assert.equal(uid.derive("1.2.3", "a"), uid.derive("1.2.3", "a"))
        local seen = {}
        for i = 1, 2000 do
            local derived = uid.derive("1.2." .. i % 1000, i <= 1000 and "a" or "b")
            assert.is_true(uid.is_valid(derived), derived)
            assert.equal("2.25.", derived:sub(1, 5))
            assert.is_nil(seen[derived])
            seen[derived] = true
        end
    end)

    it("is derived by HMAC-SHA-256 (RFC 4231, test case 2)", function()
        local hash = core.system.hmac_sha256("Jefe", "what do ya want for nothing?")
        assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            (hash:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)))
    end)
end)

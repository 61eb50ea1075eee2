local person_name = require "getscu.person_name"

local YAMADA = "Yamada^Tarou=山田^太郎=やまだ^たろう"

describe("a person name", function()
    it("is taken apart into groups and components", function()
        local name = person_name.parse(YAMADA)
        assert.equal("Yamada", name.family)
        assert.equal("Tarou", name.given)
        assert.same({ family = "山田", given = "太郎" }, name.ideographic)
        assert.equal("たろう", name.phonetic.given)
        assert.same({ family = "Adams", given = "John Robert", middle = "Quincy", prefix = "Rev.",
            suffix = "B.A. M.Div." }, person_name.parse "Adams^John Robert^Quincy^Rev.^B.A. M.Div.")
        assert.same({ given = "Jörg" }, person_name.parse " ^Jörg ^^")
        assert.same({}, person_name.parse "")
    end)

    it("is put together again, without what is empty at its end", function()
        for text, expected in pairs { [YAMADA] = YAMADA, ["A^B^^^E"] = "A^B^^^E", ["^^^"] = "",
            ["A^="] = "A", ["=山田"] = "=山田", ["==x^y"] = "==x^y" } do
            assert.equal(expected, person_name.format(person_name.parse(text)))
        end
        assert.equal("Müller^Jörg", person_name.format { family = "Müller", given = "Jörg" })
        for _, wrong in ipairs { { famly = "A" }, { family = "A^B" }, { given = 1 },
            { ideographic = { family = "A=B" } } } do
            assert.has_error(function() person_name.format(wrong) end)
        end
    end)

    it("gives a component at once", function()
        assert.equal("Yamada", person_name.family(YAMADA))
        assert.equal("太郎", person_name.given(YAMADA, "ideographic"))
        assert.is_nil(person_name.middle(YAMADA))
        assert.is_nil(person_name.family("A^B", "phonetic"))
        assert.is_nil(person_name.family(nil))
        assert.has_error(function() person_name.family("A^B", "latin") end)
    end)

    it("is an error where it is none, or several", function()
        for _, text in ipairs { "a^b^c^d^e^f", "1=2=3=4", "A^B\\C^D" } do
            local name, err = person_name.parse(text)
            assert.is_nil(name)
            assert.equal("bad-value", err.code)
        end
    end)
end)

local dates = require "getscu.dates"

local function code_of(value, err)
    return value == nil and err.code
end

describe("a date", function()
    it("is read into fields and written again", function()
        assert.same({ year = 2024, month = 1, day = 31 }, dates.decode("DA", "20240131"))
        assert.same({ year = 2024, month = 1, day = 31 }, dates.decode("DA", " 20240131 \0"))
        assert.same({ year = 1994, month = 1, day = 31 }, dates.decode("DA", "1994.01.31"))
        assert.equal("20240131", dates.encode("DA", { year = 2024, month = 1, day = 31 }))
        assert.equal(os.date "%Y%m%d", dates.encode("DA", os.time()))
        assert.equal("20240131", dates.encode("DA", "20240131"))
        for _, text in ipairs { "", "2024", "20240132", "20230229", "20241301", "20240100",
            "2024-01-31", "20240131x", "202401311", "garbage" } do
            assert.equal("bad-value", code_of(dates.decode("DA", text)), text)
            assert.is_false(dates.is_valid("DA", text), text)
        end
        assert.equal("bad-value", code_of(dates.decode("DA", nil)))
        assert.equal("bad-value", code_of(dates.encode("DA", { year = 2023, month = 2, day = 29 })))
        assert.equal("bad-value", code_of(dates.encode("DA", { year = 2023, month = 2 })))
        assert.equal("bad-value", code_of(dates.encode("DA", "garbage")))
    end)

    it("moves by days as the calendar does, from 1890 to 2110", function()
        local before, count
        for year = 1890, 2110 do
            for month = 1, 12 do
                for day = 1, 31 do
                    local text = ("%04d%02d%02d"):format(year, month, day)
                    if dates.is_valid("DA", text) then
                        if before and (dates.add_days(before, 1) ~= text
                            or dates.days_between(text, before) ~= -1) then
                            error(text .. " does not follow " .. before)
                        end
                        before, count = text, (count or 0) + 1
                    end
                end
            end
        end
        assert.equal(221 * 365 + 53, count) -- 2000 is a leap year, 1900 and 2100 are none
        assert.equal(count - 1, dates.days_between("18900101", "21101231"))
        assert.equal("bad-value", code_of(dates.add_days("99991231", 1)))
        assert.equal("bad-value", code_of(dates.add_days("garbage", 1)))
    end)
end)

describe("a time", function()
    it("is read into as many fields as it has", function()
        assert.same({ hour = 7 }, dates.decode("TM", "07"))
        assert.same({ hour = 7, min = 8, sec = 9, microsecond = 500000 },
            dates.decode("TM", "070809.5"))
        assert.same({ hour = 7, min = 8, sec = 9 }, dates.decode("TM", "07:08:09"))
        assert.equal("070809.000012",
            dates.encode("TM", { hour = 7, min = 8, sec = 9, microsecond = 12 }))
        for _, text in ipairs { "", "7", "24", "0760", "07080", "0708.5", "070809.1234567",
            "0708+0100" } do
            assert.equal("bad-value", code_of(dates.decode("TM", text)), text)
        end
    end)
end)

describe("a date and time", function()
    it("may end after any field, and have an offset", function()
        for text, fields in pairs {
            ["2024"] = { year = 2024 },
            ["202402"] = { year = 2024, month = 2 },
            ["2024022912"] = { year = 2024, month = 2, day = 29, hour = 12 },
            ["20240229123059.250000-0330"] = { year = 2024, month = 2, day = 29, hour = 12,
                min = 30, sec = 59, microsecond = 250000, offset = -210 },
            ["2024+1400"] = { year = 2024, offset = 840 },
        } do
            assert.same(fields, dates.decode("DT", text))
            assert.equal(text, dates.encode("DT", fields))
        end
        for _, text in ipairs { "", "20240230", "2024-1300", "2024+1460", "20240229+", "02" } do
            assert.equal("bad-value", code_of(dates.decode("DT", text)), text)
        end
    end)

    it("is seconds since 1970, by its offset or by the local time", function()
        assert.equal(-3600, dates.time "19700101000000+0100")
        assert.equal(951782400, dates.time { year = 2000, month = 2, day = 29, offset = 0 })
        assert.equal(os.time { year = 2024, month = 5, day = 1, hour = 0 }, dates.time "20240501")
        local now = os.time()
        assert.equal(now, dates.time(dates.decode("DT", dates.encode("DT", now))))
    end)

    it("keeps what stands behind its date when it moves", function()
        assert.equal("20240229120000.25+0100", dates.add_days("20240301120000.25+0100", -1))
        assert.equal("2023", dates.add_days("2024", -1))
        assert.equal("202402", dates.add_days("202403", -1))
        assert.equal("19940201", dates.add_days("1994.01.31", 1))
    end)
end)

describe("a range", function()
    it("is made of its ends, one of which may be open", function()
        local first = { year = 2024, month = 1, day = 1 }
        assert.equal("20240101-20240131", dates.range("DA", first, "20240131"))
        assert.equal("20240101-", dates.range("DA", first))
        assert.equal("-1230", dates.range("TM", nil, { hour = 12, min = 30 }))
        assert.equal("bad-value", code_of(dates.range("DA", first, "garbage")))
        assert.has_error(function() dates.range "DA" end)
    end)

    it("is taken apart, also where an offset has a hyphen", function()
        local range = dates.decode_range("DA", "20240101-20240131")
        assert.equal(1, range.from.day)
        assert.equal(31, range.to.day)
        assert.is_nil(dates.decode_range("DA", "-20240131").from)
        assert.is_nil(dates.decode_range("DA", "20240101-").to)
        range = dates.decode_range("DA", "20240101")
        assert.same(range.from, range.to)
        range = dates.decode_range("DT", "20240101-0500-20240102-0500")
        assert.equal(-300, range.from.offset)
        assert.equal(2, range.to.day)
        assert.equal(-300, dates.decode_range("DT", "20240101-0500").from.offset)
        for _, text in ipairs { "", "-", "20240101-x", "20240101--20240102" } do
            assert.equal("bad-value", code_of(dates.decode_range("DA", text)), text)
        end
    end)
end)

describe("an age", function()
    it("is read, and follows from two dates", function()
        assert.same({ number = 3, unit = "W", days = 21 }, dates.decode("AS", "003W"))
        assert.equal(365, dates.decode("AS", "001Y").days)
        assert.equal("bad-value", code_of(dates.decode("AS", "3W")))
        for _, case in ipairs { { "20000229", "20240228", "023Y" },
            { "20000229", "20240229", "024Y" },
            { "20240101", "20240120", "019D" }, { "20240101", "20240228", "008W" },
            { "20240101", "20240601", "005M" }, { "20240101", "20240101", "000D" } } do
            assert.equal(case[3], dates.age(case[1], case[2]))
        end
        assert.equal("bad-value", code_of(dates.age("20240601", "20240101")))
    end)
end)

describe("a VR that has no dates", function()
    it("is a mistake", function()
        assert.has_error(function() dates.decode("PN", "20240101") end)
        assert.has_error(function() dates.encode("AS", {}) end)
    end)
end)

local csv = require "getscu.csv"
local dataset = require "getscu.dataset"
local support = require "support"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- What a writer makes of rows.
local function written(columns, options, ...)
    local path = box:new_path("out.csv")
    local file <close> = assert(io.open(path, "wb"))
    local writer = assert(csv.writer(file, columns, options))
    for _, row in ipairs { ... } do assert(writer:row(row)) end
    file:close()
    return support.read(path)
end

describe("CSV", function()
    it("is written with titles and quotes where they are needed (RFC 4180)", function()
        assert.equal('A,B\r\n1,"x ""y""\nz"\r\n"a,b"," c"\r\n,1.5\r\n',
            written({ "A", "B" }, nil, { 1, 'x "y"\nz' }, { A = "a,b", B = " c" }, { B = 1.5 }))
        assert.equal("a;b,c\r\n", written({ "A", "B" }, { separator = ";", header = false },
            { "a", "b,c" }))
    end)

    it("has columns of data sets: values, paths, computed ones, UTF-8", function()
        local object = dataset.new { PatientName = "Müller^Jörg", ImageType = "ORIGINAL\\PRIMARY",
            InstanceNumber = 7, RequestAttributesSequence = { { ScheduledProcedureStepID = "S1" },
                {} } }
        assert.equal('PatientName,Step,Items,Twice,ImageType,"0020,000d"\r\n'
            .. 'Müller^Jörg,S1,2,14,ORIGINAL\\PRIMARY,\r\n',
            written({ "PatientName",
                { "Step", "RequestAttributesSequence[1].ScheduledProcedureStepID" },
                { "Items", "RequestAttributesSequence" },
                { "Twice", function(row) return row.InstanceNumber * 2 end }, "ImageType",
                "0020,000d" }, nil, object))
    end)

    it("keeps spreadsheets from running what is in it, if asked", function()
        local row = { "=1+1", "-5", "+x", "@a", "-a", "plain" }
        local columns = { "a", "b", "c", "d", "e", "f" }
        assert.equal("=1+1,-5,+x,@a,-a,plain\r\n", written(columns, { header = false }, row))
        assert.equal("'=1+1,-5,'+x,'@a,'-a,plain\r\n",
            written(columns, { header = false, guard_formulas = true }, row))
    end)

    it("is read as it was written", function()
        local hard = { 'a"b', "c,d", "e\r\nf", " g ", "", "ü" }
        local text = written({ "1", "2", "3", "4", "5", "6" }, nil, hard, hard)
        local rows, titles = assert(csv.decode(text))
        assert.equal(2, #rows)
        assert.same({ "1", "2", "3", "4", "5", "6" }, titles)
        for i, value in ipairs(hard) do
            assert.equal(value, rows[2][i])
            assert.equal(value, rows[2][tostring(i)])
        end
    end)

    it("is read with other ends of lines, a byte order mark and another separator", function()
        local rows = assert(csv.decode("\u{FEFF}a;b\n1;2\r\r\n\n3;\"4\"", { separator = ";" }))
        assert.equal(2, #rows)
        assert.equal("2", rows[1].b)
        assert.equal("4", rows[2].b)
        rows = assert(csv.decode("1\t2\t3\n4\n", { separator = "\t", header = false }))
        assert.same({ { "1", "2", "3" }, { "4" } }, rows)
        assert.same({}, (csv.decode ""))
        assert.is_nil(csv.decode("a,b\n1\n")[1].b)
    end)

    it("tells in which line it is wrong", function()
        for text, line in pairs { ['a\n\n"b'] = 3, ['a\n"b"c'] = 2, ["a\n1\n1,2"] = 3,
            ["a\n\n\xFF"] = 3, ['a,b\n"x\ny",2\n"z'] = 4 } do
            local rows, err = csv.decode(text)
            assert.is_nil(rows)
            assert.equal("bad-csv", err.code)
            assert.truthy(err.message:find("line " .. line .. ":", 1, true), err.message)
        end
    end)

    it("comes from a file, or is an error with its name", function()
        local rows, titles = assert(csv.read(box:file "A,B\n1,2\n"))
        assert.equal("2", rows[1].B)
        assert.same({ "A", "B" }, titles)
        local _, err = csv.read(box.path .. "/missing.csv")
        assert.equal("read-failed", err.code)
        assert.truthy(err.message:find("missing.csv", 1, true))
        local path = box:file '"'
        _, err = csv.read(path)
        assert.truthy(err.message:find(path, 1, true))
    end)

    it("says when it cannot be written", function()
        local full <close> = assert(io.open("/dev/full", "wb"))
        full:setvbuf "no"
        local _, err = csv.writer(full, { "A" })
        assert.equal("report-write", err.code)
    end)

    it("raises mistakes", function()
        for _, wrong in ipairs {
            function() csv.writer(io.stdout, { 1 }) end,
            function() csv.writer(io.stdout, { "A" }, { seperator = ";" }) end,
            function() csv.decode("", { separator = ";;" }) end,
        } do
            assert.has_error(wrong)
        end
    end)
end)

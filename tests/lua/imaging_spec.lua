local getscu = require "getscu"
local pictures = require "pictures"
local support = require "support"

local dataset, imaging = getscu.dataset, getscu.imaging

local RLE = "1.2.840.10008.1.2.5"
local BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
local LOSSLESS, SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
local JLS, JLS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
local JPEG2000 = "1.2.840.10008.1.2.4.90"
local IMPLICIT, LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
local BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- Rows whose values go up and down, with some noise; always the same.
local function rows_of(height, width, least, most)
    local rows, noise = {}, 1
    for y = 1, height do
        rows[y] = {}
        for x = 1, width do
            noise = (noise * 1103515245 + 12345) % 2147483648
            local wave = (math.sin(x / 5) * math.cos(y / 7) + 1) / 2
            local value = least + (most - least) * (wave * 0.95 + noise / 2147483648 * 0.05)
            rows[y][x] = math.floor(value)
        end
    end
    return rows
end

local function color_bytes(height, width)
    local bytes = {}
    for y = 1, height do
        for x = 1, width do
            bytes[#bytes + 1] = string.char(x * 5 % 256, y * 7 % 256, (x + y) * 3 % 256)
        end
    end
    return table.concat(bytes)
end

local images -- name to path
setup(function()
    images = {}
    local function add(name, image)
        images[name] = box:new_path(name)
        assert(image:write(images[name]))
    end
    add("8 bits", pictures.grey(rows_of(40, 31, 0, 255), { BitsAllocated = 8 }))
    add("12 bits", pictures.grey(rows_of(40, 31, 0, 4095), { BitsStored = 12 }))
    add("16 bits", pictures.grey(rows_of(40, 31, 0, 65535)))
    add("signed", pictures.grey(rows_of(40, 31, -1024, 3000), { PixelRepresentation = 1 }))
    add("RGB", pictures.image(40, 31, color_bytes(40, 31), pictures.color "RGB"))
    add("frames", pictures.grey({ rows_of(9, 8, 0, 999), rows_of(9, 8, 5, 99),
        rows_of(9, 8, 0, 7) }, { NumberOfFrames = 3 }))
end)

local function transcoded(source, syntax, options)
    local target = box:new_path("transcoded.dcm")
    assert(imaging.transcode(source, target, syntax, options))
    assert.equal(syntax, assert(dataset.read(target)):meta().transfer_syntax)
    return target
end

-- The frames of a source, all in one string.
local function pixels(source)
    local first, meaning = assert(imaging.decode(source))
    local all = { first }
    for frame = 2, meaning.frames do all[frame] = assert(imaging.decode(source, frame)) end
    return table.concat(all), meaning
end

-- The largest difference of two samples.
local function distance(one, other, form)
    assert.equal(#one, #other)
    local largest = 0
    for at = 1, #one, string.packsize(form) do
        largest = math.max(largest,
            math.abs((string.unpack(form, one, at)) - (string.unpack(form, other, at))))
    end
    return largest
end

local function refused(code, ...)
    local nothing, err = ...
    assert.is_nil(nothing)
    assert.equal(code, err.code)
    return err.message
end

describe("a lossless transcoding", function()
    for _, syntax in ipairs { RLE, LOSSLESS, SV1, JLS, IMPLICIT, BIG, DEFLATED } do
        it("to " .. syntax .. " and back leaves every bit of the pixels", function()
            for name, path in pairs(images) do
                local before, meaning = pixels(path)
                local coded = transcoded(path, syntax)
                local after, same = pixels(coded)
                assert.is_true(before == after, name)
                assert.same(meaning, same)
                assert.is_true(pixels(transcoded(coded, LITTLE)) == before, name)
            end
        end)
    end

    it("goes from one compressed syntax to another", function()
        for name, path in pairs(images) do
            local last = transcoded(transcoded(transcoded(path, RLE), SV1), JLS)
            assert.is_true(pixels(last) == pixels(path), name)
        end
    end)

    it("takes any predictor", function()
        for predictor = 1, 7 do
            local coded = transcoded(images["12 bits"], LOSSLESS, { predictor = predictor })
            assert.is_true(pixels(coded) == pixels(images["12 bits"]))
        end
    end)

    it("keeps the SOP Instance UID and all that is not about pixels", function()
        for _, syntax in ipairs { RLE, SV1, JLS, DEFLATED } do
            local object = assert(dataset.read(transcoded(images.RGB, syntax)))
            assert.equal("2.25.4711", object.SOPInstanceUID)
            assert.equal("2.25.4711", object:meta().sop_instance)
            assert.equal("2.25.2", object.SeriesInstanceUID)
        end
    end)

    it("does not code anew what is in the syntax already", function()
        local coded = transcoded(images["8 bits"], BASELINE)
        local again = transcoded(coded, BASELINE, { quality = 1 })
        assert.is_true(pixels(again) == pixels(coded))
        assert.equal(assert(dataset.read(coded)).SOPInstanceUID,
            assert(dataset.read(again)).SOPInstanceUID)
    end)

    it("may replace the file that it reads", function()
        local path = transcoded(images.frames, BIG)
        assert.is_true(imaging.transcode(path, path, RLE))
        assert.equal(RLE, assert(dataset.read(path)):meta().transfer_syntax)
        assert.is_true(pixels(path) == pixels(images.frames))
    end)

    it("does not keep what stood before the file meta information, which was of other bytes",
        function()
            local path = box:file(("II*\0"):rep(32) .. support.read(images.RGB):sub(129))
            assert.equal(("\0"):rep(128), support.read(transcoded(path, RLE)):sub(1, 128))
        end)

    it("takes a data set as it was edited", function()
        local object = assert(dataset.read(images["8 bits"]))
        object.PatientID = "EDITED"
        local coded = transcoded(object, RLE)
        assert.equal("EDITED", assert(dataset.read(coded)).PatientID)
        assert.is_true(pixels(coded) == pixels(images["8 bits"]))
        assert.is_true(pixels(assert(dataset.read(coded))) == pixels(coded))
    end)
end)

describe("DCMTK's tools", function()
    local tools = {
        { syntax = RLE, compress = { "dcmcrle" }, expand = { "dcmdrle" } },
        { syntax = SV1, compress = { "dcmcjpeg", "+e1" }, expand = { "dcmdjpeg" } },
        { syntax = LOSSLESS, compress = { "dcmcjpeg", "+el" }, expand = { "dcmdjpeg" } },
        { syntax = JLS, compress = { "dcmcjpls", "+el" }, expand = { "dcmdjpls" } },
    }

    it("read what we compress, bit for bit", function()
        for _, tool in ipairs(tools) do
            for name, path in pairs(images) do
                local plain = box:new_path("plain.dcm")
                box:tool(support.words(tool.expand, transcoded(path, tool.syntax), plain))
                assert.is_true(assert(dataset.read(plain)).PixelData
                    == assert(dataset.read(path)).PixelData, name .. " " .. tool.syntax)
            end
        end
    end)

    it("are read by us, bit for bit", function()
        for _, tool in ipairs(tools) do
            for name, path in pairs(images) do
                local coded = box:new_path("coded.dcm")
                box:tool(support.words(tool.compress, path, coded))
                assert.is_true(pixels(coded) == pixels(path), name .. " " .. tool.syntax)
            end
        end
    end)
end)

describe("a lossy transcoding", function()
    it("stays close, the closer the better the quality is", function()
        for name, form in pairs { ["8 bits"] = "B", RGB = "B" } do
            local fine = transcoded(images[name], BASELINE, { quality = 100 })
            local coarse = transcoded(images[name], BASELINE, { quality = 20 })
            local close = distance(pixels(fine), pixels(images[name]), form)
            assert.is_true(close < distance(pixels(coarse), pixels(images[name]), form))
            assert.is_true(#support.read(coarse) < #support.read(fine))
        end
        assert.is_true(distance(pixels(transcoded(images["12 bits"], EXTENDED)),
            pixels(images["12 bits"]), "<I2") < 100)
    end)

    it("fits deep pixels into few bits, and Rescale Slope says what they mean", function()
        local coded = transcoded(images.signed, BASELINE)
        local bytes, meaning = pixels(coded)
        assert.same({ 8, 8 }, { meaning.bits_allocated, meaning.bits_stored })
        local object = assert(dataset.read(coded))
        local before = pixels(images.signed)
        for at = 1, #bytes do
            local value = bytes:byte(at) * object.RescaleSlope + object.RescaleIntercept
            assert.near(string.unpack("<i2", before, at * 2 - 1), value, 250)
        end
    end)

    it("by JPEG-LS is off by no more than was allowed", function()
        local before = pixels(images["16 bits"])
        for _, near in ipairs { 1, 5, 200 } do
            local coded = transcoded(images["16 bits"], JLS_NEAR, { near = near })
            local far = distance(pixels(coded), before, "<I2")
            assert.is_true(far <= near and far > 0)
        end
    end)

    it("is another object, and says from which it comes", function()
        for _, syntax in ipairs { BASELINE, EXTENDED, JLS_NEAR } do
            local object = assert(dataset.read(transcoded(images["8 bits"], syntax)))
            assert.not_equal("2.25.4711", object.SOPInstanceUID)
            assert.equal(object.SOPInstanceUID, object:meta().sop_instance)
            assert.equal("01", object.LossyImageCompression)
            assert.equal("2.25.4711",
                object:get "SourceImageSequence[1].ReferencedSOPInstanceUID")
        end
    end)
end)

describe("imaging.decode", function()
    local function check(bytes, photometric, ...)
        local found, meaning = assert(imaging.decode(...))
        assert.same({ bytes, photometric }, { found, meaning.photometric })
        assert.equal(meaning.rows * meaning.columns * meaning.samples
            * meaning.bits_allocated // 8, #found)
    end

    it("says what the samples are", function()
        local _, meaning = assert(imaging.decode(images.frames, 2))
        assert.same({ frames = 3, rows = 9, columns = 8, samples = 1, bits_allocated = 16,
            bits_stored = 16, high_bit = 15, signed = false, photometric = "MONOCHROME2" },
            meaning)
        _, meaning = assert(imaging.decode(images.signed))
        assert.is_true(meaning.signed)
    end)

    it("interleaves planes", function()
        local fields = pictures.color("RGB", { PlanarConfiguration = 1 })
        local image = pictures.image(1, 2, "\1\4\2\5\3\6", fields)
        check("\1\2\3\4\5\6", "RGB", image)
        check("\1\2\3\4\5\6", "RGB", transcoded(image, RLE))
        check("\1\2\3\4\5\6", "RGB", transcoded(image, SV1))
    end)

    it("gives each bit a byte, wherever a frame begins", function()
        local image = pictures.image(1, 5, "\xb1\x03", { BitsAllocated = 1, NumberOfFrames = 2 })
        check("\1\0\0\0\1", "MONOCHROME2", image)
        check("\1\0\1\1\1", "MONOCHROME2", image, 2)
    end)

    it("brings subsampled colours to full size", function()
        check("\1\3\4\2\3\4\5\7\8\6\7\8", "YBR_FULL",
            pictures.image(1, 4, "\1\2\3\4\5\6\7\8", pictures.color "YBR_FULL_422"))
    end)

    it("refuses a frame that is not there, or not all of it", function()
        local message = refused("pixel-data", imaging.decode(images.frames, 4))
        assert.truthy(message:find("frame 4 of 3", 1, true), message)
        refused("pixel-data", imaging.decode(pictures.image(2, 2, "\1\2\3\4\5\6")))
        assert.has_error(function() imaging.decode(images.frames, 0) end)
    end)
end)

describe("what cannot be converted", function()
    it("is told by the name of its transfer syntax", function()
        local syntaxes = { [JPEG2000] = "JPEG 2000", ["1.2.840.10008.1.2.4.102"] = "MPEG-4",
            ["1.2.840.10008.1.2.4.201"] = "1.2.840.10008.1.2.4.201" }
        local target = box:new_path("none.dcm")
        for syntax, name in pairs(syntaxes) do
            local said = refused("dataset-syntax", imaging.transcode(images.RGB, target, syntax))
            assert.truthy(said:find(name, 1, true) and said:find("no codec", 1, true), said)
            assert.is_false(imaging.can(syntax))
        end
        for _, syntax in ipairs { RLE, BASELINE, EXTENDED, LOSSLESS, SV1, JLS, JLS_NEAR, IMPLICIT,
            LITTLE, BIG, DEFLATED } do
            assert.is_true(imaging.can(syntax), syntax)
        end
        assert.is_false(imaging.can "1.2.3")
        assert.is_nil(getscu.files.kind(target))
    end)

    it("leaves the target as it was", function()
        local folder = box:directory("target")
        local target = support.write(folder .. "/a.dcm", "before")
        local report = dataset.new { SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11",
            SOPInstanceUID = "2.25.1" }
        refused("pixel-data", imaging.transcode(report, target, RLE))
        refused("dataset-file", imaging.transcode(images.RGB, folder .. "/no/a.dcm", RLE))
        refused("dataset-parse", imaging.transcode(target, target, RLE))
        assert.same({ "a.dcm" }, support.list(folder))
        assert.equal("before", support.read(target))
        assert.is_true(imaging.transcode(report, target, BIG))
    end)

    it("is a mistake where the caller is wrong", function()
        for _, options in ipairs { { quality = 0 }, { near = 256 }, { predictor = 8 },
            { qualty = 3 } } do
            assert.has_error(function()
                imaging.transcode(images.RGB, box.path .. "/x", BASELINE, options)
            end)
        end
    end)
end)

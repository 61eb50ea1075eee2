local getscu = require "getscu"
local pictures = require "pictures"
local support = require "support"

local imaging = getscu.imaging

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

-- What the picture of a source shows.
local function shown(source, options)
    return pictures.read(box, assert(imaging.render(source, options)))
end

local STEPS = { { 0, 100, 200, 300 } }

describe("a window", function()
    -- PS3.3 C.11.2.1.2.1: linear from 50.0 to 249.0.
    local NARROW = { { 0, 64, 192, 255 } }

    it("that is given is applied", function()
        local picture = shown(pictures.grey(STEPS), { window = { 150, 200 } })
        assert.same({ 4, 1, 1 }, { picture.width, picture.height, picture.step })
        assert.same(NARROW[1], picture[1])
    end)

    it("of the header is the default, the first one", function()
        local image = pictures.grey(STEPS, { WindowCenter = { 150, 2 }, WindowWidth = { 200, 4 } })
        assert.same(NARROW[1], shown(image)[1])
    end)

    it("that is nowhere is from the smallest to the largest value, as with auto", function()
        local expected = { 0, 85, 170, 255 }
        assert.same(expected, shown(pictures.grey(STEPS))[1])
        local image = pictures.grey(STEPS, { WindowCenter = 150, WindowWidth = 200 })
        assert.same(expected, shown(image, { window = "auto" })[1])
    end)

    it("is in units of the modality", function()
        local image = pictures.grey({ { 100, 150, 200, 250 } },
            { RescaleSlope = 2, RescaleIntercept = -200 })
        assert.same(NARROW[1], shown(image, { window = { 150, 200 } })[1])
    end)

    it("is of no matter to colours", function()
        local image = pictures.image(1, 2, "\255\0\0\10\20\30", pictures.color "RGB")
        assert.same({ 255, 0, 0, 10, 20, 30 }, shown(image, { window = { 1, 1 } })[1])
    end)
end)

describe("a picture shows", function()
    local function check(expected, ...)
        assert.same(expected, shown(...)[1])
    end

    it("MONOCHROME1 with its largest value black", function()
        check({ 255, 170, 85, 0 }, pictures.grey(STEPS,
            { PhotometricInterpretation = "MONOCHROME1" }))
    end)

    it("signed values, and 8, 12 and 32 bits", function()
        check({ 0, 85, 170, 255 }, pictures.grey({ { -150, -50, 50, 150 } },
            { PixelRepresentation = 1 }))
        check({ 0, 85, 170, 255 }, pictures.grey({ { 0, 50, 100, 150 } }, { BitsAllocated = 8 }))
        check({ 0, 85, 170, 255 }, pictures.grey({ { 95, 1095, 2095, 3095 } },
            { BitsStored = 12 }))
        check({ 0, 85, 170, 255 }, pictures.grey({ { 0, 1000000, 2000000, 3000000 } },
            { BitsAllocated = 32 }))
    end)

    it("single bits", function()
        check({ 255, 0, 0, 0, 255, 255, 0, 255 }, pictures.image(1, 8, "\xb1",
            { BitsAllocated = 1, BitsStored = 1 }))
    end)

    it("RGB by pixel and by plane", function()
        check({ 1, 2, 3, 4, 5, 6 }, pictures.image(1, 2, "\1\2\3\4\5\6", pictures.color "RGB"))
        check({ 1, 2, 3, 4, 5, 6 }, pictures.image(1, 2, "\1\4\2\5\3\6",
            pictures.color("RGB", { PlanarConfiguration = 1 })))
    end)

    it("YBR_FULL as RGB", function()
        local picture = shown(pictures.image(1, 2, "\50\128\128\76\85\255",
            pictures.color "YBR_FULL"))
        for i, value in ipairs { 50, 50, 50, 254, 0, 0 } do
            assert.near(value, picture[1][i], 1)
        end
    end)

    it("PALETTE COLOR as RGB", function()
        local palette = { PhotometricInterpretation = "PALETTE COLOR", BitsAllocated = 8 }
        for i, color in ipairs { "Red", "Green", "Blue" } do
            palette[color .. "PaletteColorLookupTableDescriptor"] = { 2, 0, 16 }
            palette[color .. "PaletteColorLookupTableData"] =
                string.pack("<I2I2", i * 10 * 257, i * 50 * 257)
        end
        check({ 10, 20, 30, 50, 100, 150 }, pictures.image(1, 2, "\0\1", palette))
    end)

    it("any frame", function()
        local image = pictures.grey({ { { 0, 1 } }, { { 1, 0 } }, { { 0, 1 } } },
            { NumberOfFrames = 3 })
        check({ 0, 255 }, image)
        check({ 255, 0 }, image, { frame = 2 })
        local nothing, err = imaging.render(image, { frame = 4 })
        assert.same({ nil, "pixel-data" }, { nothing, err.code })
        assert.truthy(err.message:find("frame 4 of 3", 1, true), err.message)
    end)

    it("what a codec gives, just as without it", function()
        local path = box:new_path("plain.dcm")
        local image = pictures.grey({ { { 0, 100, 200, 300 } }, { { 7, 6, 5, 8 } } },
            { NumberOfFrames = 2 })
        assert(image:write(path))
        for _, syntax in ipairs { "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70",
            "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2" } do
            local coded = box:new_path("coded.dcm")
            assert(imaging.transcode(path, coded, syntax))
            for frame = 1, 2 do
                assert.equal(assert(imaging.render(path, { frame = frame })),
                    assert(imaging.render(coded, { frame = frame })), syntax)
            end
        end
    end)

    it("a data set as it was edited", function()
        local image = pictures.grey(STEPS)
        image.PhotometricInterpretation = "MONOCHROME1"
        check({ 255, 170, 85, 0 }, image)
    end)
end)

describe("a size", function()
    local BLOCKS = { { 0, 0, 255, 255 }, { 0, 0, 255, 255 }, { 51, 51, 102, 102 },
        { 51, 51, 102, 102 } }
    local image
    setup(function() image = pictures.grey(BLOCKS, { BitsAllocated = 8 }) end)

    local function size(...)
        local picture = shown(...)
        return { picture.width, picture.height }
    end

    it("by a factor gives mean values", function()
        local picture = shown(image, { scale = 0.5 })
        assert.same({ 0, 255 }, picture[1])
        assert.same({ 51, 102 }, picture[2])
        assert.same({ 12, 12 }, size(image, { scale = 3 }))
        assert.same({ 1, 1 }, size(image, { scale = 0.01 }))
    end)

    it("is one that width and height have room for, in proportion", function()
        local wide = pictures.grey { { 0, 1, 2, 3, 4, 5, 6, 7 }, { 7, 6, 5, 4, 3, 2, 1, 0 } }
        assert.same({ 16, 4 }, size(wide, { width = 16 }))
        assert.same({ 4, 1 }, size(wide, { height = 1 }))
        assert.same({ 16, 4 }, size(wide, { width = 16, height = 16 }))
        assert.same({ 8, 2 }, size(wide))
    end)

    it("makes squares of pixels that are none", function()
        local tall = pictures.grey(BLOCKS, { BitsAllocated = 8, PixelSpacing = { 2, 1 } })
        assert.same({ 8, 16 }, size(tall, { width = 8 }))
        assert.same({ 4, 4 }, size(tall))
    end)

    it("that is too large is an error, not an attempt", function()
        local nothing, err = imaging.render(image, { width = 65535, height = 65535 })
        assert.same({ nil, "pixel-data" }, { nothing, err.code })
    end)
end)

describe("imaging.render", function()
    it("writes a file that is whole, and no other", function()
        local folder = box:directory("png")
        assert.is_true(imaging.render(pictures.grey(STEPS), { target = folder .. "/a.png" }))
        assert.same({ "a.png" }, support.list(folder))
        assert.same({ 0, 85, 170, 255 }, pictures.read(box, support.read(folder .. "/a.png"))[1])
    end)

    it("leaves nothing behind where it fails", function()
        local folder = box:directory("png")
        local target = support.write(folder .. "/a.png", "before")
        local nothing, err = imaging.render(pictures.grey(STEPS), { target = target, frame = 2 })
        assert.same({ nil, "pixel-data" }, { nothing, err.code })
        nothing, err = imaging.render(pictures.grey(STEPS), { target = "/nonexistent/a.png" })
        assert.same({ nil, "dataset-file" }, { nothing, err.code })
        nothing, err = imaging.render(folder .. "/missing.dcm")
        assert.same({ nil, "dataset-file" }, { nothing, err.code })
        assert.same({ "a.png" }, support.list(folder))
        assert.equal("before", support.read(target))
    end)

    it("raises where the caller is wrong, and names what was meant", function()
        local image = pictures.grey(STEPS)
        for message, options in pairs {
            ["did you mean 'width'"] = { with = 3 },
            ["frame must be an integer from 1"] = { frame = 0 },
            ["width must be an integer"] = { width = 1.5 },
            ["scale must be a number"] = { scale = "2" },
            ["window must be { center, width } or \"auto\""] = { window = "default" },
            ["the width of a window must be"] = { window = { 1, 0 } },
        } do
            local fine, said = pcall(function() imaging.render(image, options) end)
            assert.is_false(fine)
            assert.truthy(said:find(message, 1, true), said)
            assert.truthy(said:find "render_spec.lua:%d", said)
        end
        assert.has_error(function() imaging.render(7) end,
            "a source is a path or a data set, not a number")
    end)
end)

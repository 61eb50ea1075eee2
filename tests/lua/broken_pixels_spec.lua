local getscu = require "getscu"
local pictures = require "pictures"
local support = require "support"

local dataset, imaging = getscu.dataset, getscu.imaging

local RLE, SV1 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70"

-- What may be said of bytes that are no good, or that DCMTK has no codec for.
local EXPECTED = { ["pixel-data"] = true, ["dataset-parse"] = true, ["dataset-syntax"] = true,
    ["dataset-value"] = true, ["memory"] = true }

local box
setup(function()
    box = support.box()
    getscu.log.level "off" -- DCMTK has much to say of what follows
end)
teardown(function()
    getscu.log.level "error"
    box:close()
end)

-- All that can be done with the pixel data of a file: what came of it, by name.
local function try(path)
    local results = {}
    local function note(name, value, err)
        assert.is_true(value ~= nil or getscu.errors.is(err))
        results[name] = value == nil and err.code or "done"
    end
    note("decode", imaging.decode(path))
    note("render", imaging.render(path, { width = 64, height = 64 }))
    note("compress", imaging.transcode(path, box.path .. "/out.dcm", SV1))
    note("expand", imaging.transcode(path, box.path .. "/out.dcm", "1.2.840.10008.1.2.1"))
    return results
end

describe("real objects", function()
    it("are decoded and rendered, or it is said why not", function()
        local files = support.pydicom_files()
        if not files then pending "python3-pydicom is not installed" end
        local done = 0
        for _, path in ipairs(files) do
            local results = try(path)
            for name, result in pairs(results) do
                assert.is_true(result == "done" or EXPECTED[result],
                    ("%s: %s: %s"):format(path, name, result))
            end
            local object = dataset.read(path)
            if object and object:get("Rows", 0) > 0 and object:has "PixelData" then
                local expected = imaging.can(object:meta().transfer_syntax) and "done"
                    or "dataset-syntax"
                assert.same({ expected, expected }, { results.decode, results.render }, path)
                done = done + (expected == "done" and 1 or 0)
            end
        end
        assert.is_true(done > 40)
    end)
end)

describe("an object with a few bytes changed", function()
    -- One of a file's own, and of these its attributes that DCMTK computes sizes from.
    local TAGS = { "\x28\0\2\0", "\x28\0\x10\0", "\x28\0\x11\0", "\x28\0\0\1", "\x28\0\1\1",
        "\x28\0\2\1", "\x28\0\3\1", "\x28\0\6\0" }
    local VALUES = { 0, 1, 2, 3, 7, 8, 12, 16, 32, 255, 256, 4096, 65535 }
    local noise = 1

    local function random(most)
        noise = (noise * 1103515245 + 12345) % 2147483648
        return noise // 8 % most + 1
    end

    local function replaced(bytes, at, new)
        return bytes:sub(1, at - 1) .. new .. bytes:sub(at + #new)
    end

    local function changed(bytes)
        for _ = 1, random(8) do
            local at = 300 + random(#bytes - 300)
            bytes = replaced(bytes, at, string.char(random(256) - 1))
        end
        local at = bytes:find(TAGS[random(#TAGS)], 1, true)
        if at and random(2) == 1 then
            bytes = replaced(bytes, at + 8, string.pack("<I2", VALUES[random(#VALUES)]))
        end
        return bytes
    end

    local COUNT = 150

    it("ends in pixels or in an error, and nothing else ends", function()
        local sources = {}
        for i, syntax in ipairs { RLE, SV1, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80",
            "1.2.840.10008.1.2.1" } do
            local rows = {}
            for y = 1, 24 do
                rows[y] = {}
                for x = 1, 24 do rows[y][x] = (x * y * i) % 256 end
            end
            sources[i] = box:new_path("source.dcm")
            assert(imaging.transcode(pictures.grey(rows), sources[i], syntax))
        end
        local mutant = box:new_path("mutant.dcm")
        local came = {}
        for i = 1, COUNT do
            support.write(mutant, changed(support.read(sources[i % #sources + 1])))
            for _, result in pairs(try(mutant)) do
                assert.is_true(result == "done" or result == "imaging-ended" or EXPECTED[result],
                    result)
                came[result] = true
            end
        end
        assert.is_true(came.done and came["pixel-data"])
    end)
end)

describe("an image that claims to be", function()
    local function claims(fields)
        local image = pictures.grey({ { 1, 2 }, { 3, 4 } })
        for name, value in pairs(fields) do image[name] = value end
        return image
    end

    it("huge, or impossible, is refused before anything is allocated for it", function()
        for _, fields in ipairs { { Rows = 65535, Columns = 65535 },
            { NumberOfFrames = 2000000000 }, { SamplesPerPixel = 65535 }, { BitsAllocated = 64 },
            { BitsAllocated = 13 }, { BitsStored = 17 }, { HighBit = 40 }, { Rows = 0 } } do
            local image = claims(fields)
            for _, work in ipairs { imaging.decode, imaging.render } do
                local nothing, err = work(image)
                assert.same({ nil, "pixel-data" }, { nothing, err.code })
            end
        end
    end)
end)

describe("the process that decodes", function()
    -- The processes that a process has started.
    local function children(pid)
        local list = support.read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""
        return list:match "%d+"
    end

    -- Some seconds of work for a codec.
    local function slow_image()
        local path = box:new_path("slow.dcm")
        local line = {}
        for x = 1, 4096 do line[x] = string.pack("<I2", x * x * 7919 % 65536) end
        line = table.concat(line)
        assert(pictures.image(8192, 4096, line:rep(8192)):write(path))
        return path
    end

    local PROGRAM = [[
        local imaging = require("getscu").imaging
        local source, target = ...
        local fine, err = imaging.transcode(source, target, "1.2.840.10008.1.2.4.80")
        print(fine, err and err.code)
        print(imaging.can "1.2.840.10008.1.2.5")
    ]]

    local function start(target)
        local program = box:file(PROGRAM, "program.lua")
        local process = box:start { support.getscu, "--run", program, slow_image(), target }
        local child
        process:await(function()
            child = children(process.child:pid())
            return child
        end, "its child process")
        return process, child
    end

    it("may be killed: that is an error, and no file is left", function()
        local folder = box:directory("killed")
        local process, child = start(folder .. "/a.dcm")
        box:tool { "kill", "-SEGV", child }
        local result = process:wait()
        assert.same({ 0, "nil\timaging-ended\ntrue\n" }, { result.code, result.out })
        assert.same({}, support.list(folder))
    end)

    it("does not outlive the one that wants the pixels", function()
        local process, child = start(box:new_path("a.dcm"))
        process:stop()
        local state = ("/proc/%s/stat"):format(child)
        local deadline = require("getscu.core").clock() + 30
        local function is_gone()
            local said = support.read(state)
            return not said or said:find "%) Z "
        end
        while not is_gone() do
            assert.is_true(require("getscu.core").clock() < deadline, "it is still there")
            getscu.tasks.sleep(0.01)
        end
    end)
end)

local getscu = require "getscu"
local pictures = require "pictures"
local support = require "support"

local box
setup(function() box = support.box() end)
teardown(function() box:close() end)

local function preview(...)
    return box:getscu("--run", "scripts/examples/preview.lua", ...)
end

-- name to what the page shows in its place
local function figures(page)
    local html, shown = support.read(page .. "/index.html"), {}
    for picture, name, caption in
        html:gmatch "<figure>(.-) <figcaption><b>(.-)</b><br>(.-)</figcaption></figure>" do
        shown[name] = { picture = picture, caption = caption }
    end
    return shown
end

describe("the preview page", function()
    local folder, page, shown
    setup(function()
        folder, page = box:directory("folder"), box:new_path("page")
        assert(pictures.grey({ { 0, 1 }, { 2, 3 }, { 4, 5 }, { 6, 7 } },
            { PatientName = "Müller^<b>&Co", SeriesDescription = "<script>alert(1)</script>" })
            :write(folder .. "/grey & tall.dcm"))
        assert(pictures.image(1, 2, "\255\0\0\0\0\255", pictures.color "RGB")
            :write(folder .. "/color.dcm"))
        assert(getscu.dataset.new { PatientID = "1" }:write(folder .. "/no-image.dcm"))
        support.write(folder .. "/text", "This is no DICOM file.")
        local result = preview(folder, page)
        assert.same({ code = 0, out = "", err = "" }, result)
        shown = figures(page)
    end)

    it("names every file", function()
        local names = {}
        for name in pairs(shown) do names[#names + 1] = name end
        table.sort(names)
        assert.same({ "color.dcm", "grey &amp; tall.dcm", "no-image.dcm", "text" }, names)
    end)

    it("shows what can be shown", function()
        for name, expected in pairs { ["color.dcm"] = { 128, 64, 3 },
            ["grey &amp; tall.dcm"] = { 64, 128, 1 } } do
            local file = shown[name].picture:match '^<img src="(%d+%.png)">$'
            local picture = pictures.read(box, support.read(page .. "/" .. file))
            assert.same(expected, { picture.width, picture.height, picture.step })
        end
    end)

    it("says why something cannot be shown", function()
        assert.equal("there is no Pixel Data", shown["no-image.dcm"].picture)
        assert.truthy(shown.text.picture:find("/text: ", 1, true))
        assert.equal(3, #support.list(page))
    end)

    it("takes nothing of an object for HTML", function()
        local caption = shown["grey &amp; tall.dcm"].caption
        assert.truthy(caption:find("Müller^&lt;b&gt;&amp;Co OT &lt;script", 1, true), caption)
        assert.is_nil(support.read(page .. "/index.html"):find("<script", 1, true))
    end)

    it("takes the phantoms, reports among them", function()
        local phantoms = box:new_path("phantoms")
        assert.equal(0, box:getscu("--run", "scripts/demo/phantoms.lua", phantoms).code)
        local target = box:new_path("page")
        assert.equal(0, preview(phantoms, target).code)
        local images, others = 0, 0
        for _, figure in pairs(figures(target)) do
            if figure.picture:find "^<img" then images = images + 1 else others = others + 1 end
        end
        assert.equal(#support.list(phantoms), images + others)
        assert.is_true(images > 30 and others > 0)
    end)

    it("says how it is used", function()
        local result = preview(folder)
        assert.equal(1, result.code)
        assert.truthy(result.err:find("usage: getscu --run preview.lua FOLDER PAGE", 1, true))
    end)
end)

-- preview.lua: a page with a thumbnail of every file in a folder, for a browser.
--
--     getscu --run preview.lua FOLDER PAGE
--
-- Makes the folder PAGE: index.html, and PNGs. What cannot be shown has the reason in its place.

local getscu = require "getscu"

local HEAD = [[<!DOCTYPE html><meta charset="utf-8"><title>Preview</title>
<style>figure { display: inline-block; width: 12em; vertical-align: top }</style>]]
local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

local function escaped(text)
    return (tostring(text):gsub("[&<>]", ENTITIES))
end

local function caption(path)
    local object = getscu.dataset.read(path)
    local words = {}
    for _, name in ipairs { "PatientName", "Modality", "SeriesDescription", "InstanceNumber" } do
        words[#words + 1] = object and escaped(object:get(name, ""))
    end
    return table.concat(words, " ")
end

local function main(folder, page)
    if not page then
        io.stderr:write("usage: getscu --run preview.lua FOLDER PAGE\n")
        return 1
    end
    getscu.log.level "fatal" -- the page says what is wrong with a file
    local names = assert(getscu.files.list(folder))
    local html <close> = assert(io.open(assert(getscu.files.make(page)) .. "/index.html", "w"))
    html:write(HEAD, "\n")
    for i, name in ipairs(names) do
        local path, png = folder .. "/" .. name, i .. ".png"
        local shown, err = getscu.imaging.render(path,
            { width = 128, height = 128, target = page .. "/" .. png })
        html:write("<figure>", shown and ('<img src="%s">'):format(png) or escaped(err.message),
            "<figcaption><b>", escaped(name), "</b><br>", caption(path), "</figcaption></figure>\n")
    end
end

return main(...)

-- preview.lua: a page with a thumbnail of every file in a folder, for a browser.
--
--     getscu --run preview.lua FOLDER PAGE
--
-- Makes the folder PAGE: index.html, and PNGs. What cannot be shown has the reason in its place.

local getscu = require "getscu"

local HEAD = [[<!DOCTYPE html><meta charset="utf-8"><title>Preview</title>
<style>figure { display: inline-block; width: 12em; vertical-align: top }</style>]]

local function escaped(text)
    return (tostring(text):gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function figure(path, name, png)
    local shown, err = getscu.imaging.render(path, { width = 128, height = 128, target = png })
    local words = { shown and ('<img src="%s">'):format(png:match "[^/]+$") or escaped(err.message),
        "<figcaption><b>" .. escaped(name) .. "</b><br>" }
    local object = getscu.dataset.read(path)
    for _, key in ipairs { "PatientName", "Modality", "SeriesDescription", "InstanceNumber" } do
        words[#words + 1] = object and escaped(object:get(key, ""))
    end
    return table.concat(words, " ")
end

local folder, page = ...
if not page then
    io.stderr:write("usage: getscu --run preview.lua FOLDER PAGE\n")
    return 1
end
getscu.log.level "fatal" -- the page says what is wrong with a file
local names = assert(getscu.files.list(folder))
local html <close> = assert(io.open(assert(getscu.files.make(page)) .. "/index.html", "w"))
html:write(HEAD, "\n")
for i, name in ipairs(names) do
    local png = ("%s/%d.png"):format(page, i)
    html:write("<figure>", figure(folder .. "/" .. name, name, png), "</figcaption></figure>\n")
end

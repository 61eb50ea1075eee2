local asking = require "asking"
local dataset = require "getscu.dataset"
local peer = require "peer"
local support = require "support"
local wire = require "wire"

-- What an edit changes of real objects: the elements that it touches, and no other byte.

local MISSING = "python3-pydicom is not installed"

local box

setup(function() box = support.box() end)
teardown(function() box:close() end)

-- Sends a file to the program, which has a script.
-- @return path of the file that it wrote, what it printed
local function through(path, script)
    local data, meta = wire.part10(path)
    local class, syntax = meta[0x02], meta[0x10]
    local out = box:directory("out")
    local result, status = peer.converse(box, { asking.study "1", "-od", out, "--store-tc",
        class .. ":" .. syntax, "--script", script }, function(link)
        local request = link:request()
        local answered = link:store(meta[0x03], data, { class = class })
        link:respond(request, 0, { completed = 1 })
        link:await_end()
        return answered
    end, { choose = function(context) return context.transfer_syntaxes[1] end })
    -- one of the files says another SOP Instance UID in its meta information than in its data set
    local expected = result.err:find "another SOP Instance UID" and 0xB007 or 0
    assert.equal(expected, status, path .. "\n" .. result.err)
    assert.equal(0, result.code, result.err)
    return out .. "/" .. support.list(out)[1], result.out
end

-- Those of pydicom's files that have meta information which fits.
local function files_of()
    local files = {}
    for _, path in ipairs(support.pydicom_files() or {}) do
        local object = dataset.read(path)
        local meta = object and object:meta()
        if meta and meta.part10 and meta.transfer_syntax and meta.sop_class
            and meta.sop_instance == object.SOPInstanceUID and #meta.sop_instance > 0 then
            files[#files + 1] = path
        end
    end
    return files
end

-- Compares two files' elements, one by one, by an independent reader: lines of two paths. Prints
-- the number of files, and what differs that should not.
local COMPARE = [[
import sys, zlib, io
from pydicom.filereader import read_dataset, read_partial
from pydicom import dcmread
from pydicom.tag import Tag
TOUCHED = {Tag(0x00100020), Tag(0x00100010), Tag(0x00080080), Tag(0x00080000), Tag(0x00100000)}

def elements(path):
    with open(path, "rb") as file:
        head = dcmread(file, stop_before_pixels=True, specific_tags=[])
        syntax = head.file_meta.TransferSyntaxUID
        file.seek(132 + 12 + head.file_meta[0x00020000].value)
        data = file.read()
    if syntax.is_deflated:
        data = zlib.decompress(data, -zlib.MAX_WBITS)
    return read_dataset(io.BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian)

def same(one, other):
    if type(one).__name__ == "RawDataElement" and type(other).__name__ == "RawDataElement":
        return one.VR == other.VR and one.value == other.value and one.length == other.length
    return one == other

count = 0
for line in sys.stdin:
    before, after = (elements(path) for path in line.rstrip().split("\t"))
    count += 1
    for tag in set(before._dict) | set(after._dict):
        if tag not in TOUCHED and not same(before._dict.get(tag), after._dict.get(tag)):
            print(line.rstrip(), tag)
print(count)
]]

describe("an edited object", function()
    local SCRIPT = [[return { %s edit = function(object)
        object.PatientID = "EDITED"
        object.PatientName = nil
        object.InstitutionName = "A new institution"
    end }]]

    for _, whole in ipairs { "", "whole = true," } do
        local when = whole == "" and "while it comes" or "when it has arrived"
        it("differs only in what was edited " .. when .. ", in every syntax", function()
            local files = files_of()
            if #files == 0 then pending(MISSING) end
            local script, pairs_of_files = box:file(SCRIPT:format(whole), "edit.lua"), {}
            for i, path in ipairs(files) do
                local edited = through(path, script)
                local object = assert(dataset.read(edited))
                assert.equal("EDITED", object.PatientID, path)
                assert.is_false(object:has "PatientName", path)
                assert.equal("A new institution", object.InstitutionName, path)
                pairs_of_files[i] = path .. "\t" .. edited .. "\n"
            end
            local said = box:tool({ "/usr/bin/python3", "-W", "ignore", box:file(COMPARE) },
                { input = box:file(table.concat(pairs_of_files)) })
            assert.equal(#files .. "\n", said)
            assert.is_true(#files >= 60, #files)
        end)
    end

    it("keeps the names of every character set, readable in hook and file", function()
        local NAMES = {
            chrArab = "قباني^لنزار", chrFren = "Buc^Jérôme", chrFrenMulti = "Buc^Jérôme",
            chrGerm = "Äneas^Rüdiger", chrGreek = "Διονυσιος",
            chrH31 = "Yamada^Tarou=山田^太郎=やまだ^たろう",
            chrH32 = "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", chrHbrw = "שרון^דבורה",
            chrI2 = "Hong^Gildong=洪^吉洞=홍^길동", chrJapMulti = "やまだ^たろう",
            chrJapMultiExplicitIR6 = "やまだ^たろう", chrKoreanMulti = "김희중",
            chrRuss = "Люкceмбypг", chrX1 = "Wang^XiaoDong=王^小東=",
            chrX2 = "Wang^XiaoDong=王^小东=",
        }
        local paths = {}
        for _, path in ipairs(support.pydicom_files() or {}) do
            paths[path:match "([^/]*)%.dcm$"] = path
        end
        if not paths.chrArab then pending(MISSING) end
        -- the name is written once more, where a name can be, and one of its letters where text can
        local script = box:file("return { edit = function(object) print(object.PatientName) "
            .. "object.ReferringPhysicianName = object.PatientName end }", "names.lua")
        local converted = 0
        for name, expected in pairs(NAMES) do
            local edited, said = through(paths[name], script)
            assert.equal(expected .. "\n", said, name)
            local object = assert(dataset.read(edited))
            assert.equal(expected, object.PatientName, name)
            assert.equal(expected, object.ReferringPhysicianName, name)
            local before = assert(dataset.read(paths[name]))
            assert.equal(before.SpecificCharacterSet, object.SpecificCharacterSet, name)
            local dump = { "dcmdump", "+L", "+P", "0010,0010" }
            assert.is_true(box:tool(support.words(dump, paths[name]))
                == box:tool(support.words(dump, edited)), name)
            -- where DCMTK can convert the character set
            local shown = box:run { "dcmdump", "+U8", "-q", "+L", "+P", "0008,0090", edited }
            if shown.code == 0 then
                converted = converted + 1
                assert.equal(expected, shown.out:match "PN %[(.-)%]", name)
            end
        end
        assert.is_true(converted >= 8, converted)
    end)

    it("whose character set cannot hold the text becomes ISO_IR 192 as a whole", function()
        local path
        for _, file in ipairs(support.pydicom_files() or {}) do
            if file:find "chrGerm%.dcm$" then path = file end
        end
        if not path then pending(MISSING) end
        local edited = through(path, box:file("return { edit = function(object) "
            .. "object.InstitutionName = '山田病院' end }", "edit.lua"))
        local dump = box:tool { "dcmdump", "+L", "+P", "0008,0005", "+P", "0008,0080",
            "+P", "0010,0010", edited }
        assert.matches("ISO_IR 192", dump)
        assert.matches("山田病院", dump)
        assert.matches("Äneas^Rüdiger", dump)
    end)
end)

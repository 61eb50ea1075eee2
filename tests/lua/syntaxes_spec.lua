-- One study with objects in nine transfer syntaxes: all of it comes by one command, as far as the
-- server gives it; and what it does not give is told.

local asking = require "asking"
local getscu = require "getscu"
local support = require "support"
local wire = require "wire"

local STUDY, PATIENT = "1.2.3.4.5", "NINE"
local JPEG = "1.2.840.10008.1.2.4."
local DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
local FIND, GET = 0x0020, 0x0010
local NO_COMPRESSED = "accepted no compressed transfer syntax"

-- pydicom's files, one for each transfer syntax.
local FILES = {
    MR_small_implicit = "1.2.840.10008.1.2",
    CT_small = "1.2.840.10008.1.2.1",
    MR_small_bigendian = "1.2.840.10008.1.2.2",
    image_dfl = DEFLATED,
    MR_small_RLE = RLE,
    SC_rgb_jpeg_dcmtk = JPEG .. "50",
    SC_rgb_jpeg_gdcm = JPEG .. "70",
    MR_small_jpeg_ls_lossless = JPEG .. "80",
    MR_small_jp2klossless = JPEG .. "90",
}
local UNCOMPRESSED = { "MR_small_implicit", "CT_small", "MR_small_bigendian" }
local is_uncompressed = {}
for _, name in ipairs(UNCOMPRESSED) do is_uncompressed[FILES[name]] = true end

local box, directory
local stored = {} -- SOP Instance UID -> transfer syntax

-- Puts a file into the study, under a new SOP Instance UID.
local function put(path, folder)
    local copy = folder .. "/" .. path:match "[^/]+$"
    box:tool { "cp", path, copy }
    box:tool { "dcmodify", "-nb", "-gin", "-ma", "StudyInstanceUID=" .. STUDY, "-i",
        "PatientID=" .. PATIENT, copy }
    local _, meta = wire.part10(copy)
    stored[meta[0x03]] = meta[0x10]
end

setup(function()
    box = support.box()
    directory = box:directory("study")
    local found = 0
    for _, path in ipairs(support.pydicom_files() or {}) do
        local syntax = FILES[path:match "([^/]+)%.dcm$"]
        if syntax then
            put(path, directory)
            found = found + 1
        end
    end
    if found < 9 then directory = nil end
end)
before_each(function()
    if not directory then pending "python3-pydicom is not installed" end
end)
teardown(function() box:close() end)

-- A folder with some of the files alone, and how many these are.
local function folder_with(names)
    local folder = box:directory("part")
    for _, name in ipairs(names) do
        box:tool { "cp", ("%s/%s.dcm"):format(directory, name), folder }
    end
    return folder, #names
end

-- The transfer syntax of each file, by SOP Instance UID.
local function syntaxes_in(folder)
    local found = {}
    for _, name in ipairs(support.list(folder)) do
        local _, meta = wire.part10(folder .. "/" .. name)
        found[meta[0x03]] = meta[0x10]
    end
    return found
end

local function names_of_all()
    local names = {}
    for name in pairs(FILES) do names[#names + 1] = name end
    return names
end

-- Retrieves the study from a server.
local function fetch(server, ...)
    local out = box:directory("out")
    local result = box:getscu("-v", asking.study(STUDY), "-od", out, support.to(server, ...))
    result.directory, result.files = out, support.list(out)
    return result
end

-- Retrieves it from an archive of ours.
local function ask(hooks, ...)
    return asking.ask(box, { directory = directory, hooks = hooks },
        { "-v", asking.study(STUDY), ... })
end

-- That each object is in the syntax in which it is stored; `but` is one that may come otherwise.
local function assert_as_stored(result, but)
    assert.equal(0, result.code, result.err)
    local found = syntaxes_in(result.directory)
    for uid, syntax in pairs(stored) do
        if syntax == but then
            assert.is_true(is_uncompressed[found[uid]], found[uid])
        else
            assert.equal(syntax, found[uid])
        end
    end
end

-- Sends a file to a server, in its own transfer syntax. What is deflated may have an odd number of
-- bytes in a file, which Orthanc does not take; DCMTK deflates it anew.
local function store(server, path)
    local _, meta = wire.part10(path)
    if meta[0x10] == DEFLATED then
        box:tool { "storescu", "-xd", "-R", "-aec", server.title, "127.0.0.1",
            tostring(server.port), path }
        return
    end
    local pacs <close> = assert(getscu.associate { host = "127.0.0.1", port = server.port,
        called = server.title, contexts = { { abstract_syntax = meta[0x02],
            transfer_syntaxes = { meta[0x10] } } } })
    assert.equal(0, pacs:store(path))
    assert(pacs:release())
end

describe("a study of nine transfer syntaxes from Orthanc", function()
    local server, without_find
    setup(function()
        if not directory or not support.has "Orthanc" then return end
        server, without_find = box:orthanc(), box:orthanc { find = false }
        for _, name in ipairs(support.list(directory)) do
            for _, each in ipairs { server, without_find } do
                store(each, directory .. "/" .. name)
            end
        end
    end)
    before_each(function()
        if not server then pending "orthanc is not installed" end
    end)

    it("comes whole where C-FIND is not allowed: it aborts who asks so", function()
        for _, words in ipairs { {}, { "--as-stored" } } do
            local result = fetch(without_find, words)
            assert.equal(0, result.code, result.err)
            assert.equal(9, #result.files)
        end
    end)

    it("comes whole by one command", function()
        local result = fetch(server)
        assert.equal(0, result.code, result.err)
        assert.equal(9, #result.files)
    end)

    it("comes as it is stored with --as-stored, deflated with +xd", function()
        assert_as_stored(fetch(server, "--as-stored"), DEFLATED)
        assert_as_stored(fetch(server, "--as-stored", "+xd"))
    end)
end)

describe("a study of nine transfer syntaxes from our archive", function()
    it("comes whole by one command", function()
        local result = ask()
        assert.equal(0, result.code, result.err)
        assert.equal(9, #result.files)
    end)

    -- A hook's failure counted as one of ours to store anything, and nothing more was asked for.
    it("comes but for the object at which a hook fails", function()
        local script = box:file("local failed\nreturn { accept = function()\n"
            .. "if not failed then failed = true error 'not this one' end\nend }", "once.lua")
        local result = ask({}, "--script", script)
        assert.equal(80, result.code, result.err)
        assert.equal(8, #result.files, result.err)
    end)

    it("comes as it is stored with --as-stored, deflated with +xd, bit for bit", function()
        assert_as_stored(ask({}, "--as-stored"), DEFLATED)
        local result = ask({}, "--as-stored", "+xd", "+B")
        assert_as_stored(result)
        for _, name in ipairs(support.list(directory)) do
            local data, meta = wire.part10(directory .. "/" .. name)
            if #data % 2 == 1 then data = data .. "\0" end -- deflated: PS3.5 A.5
            assert.is_true(data == wire.part10(result.directory .. "/" .. meta[0x03]), name)
        end
    end)

    it("keeps to the first association with --no-retry: 68", function()
        local result = ask({}, "--no-retry")
        assert.equal(68, result.code, result.err)
        assert.equal(1, #result.requests)
        assert.same({ GET }, asking.fields(result.commands))
        assert.equal(4, #result.files) -- deflated ones can be inflated
    end)

    it("of which it refuses every compressed syntax comes as far as it can: 68", function()
        local result = ask { accept = function(request, answer)
            for i, context in ipairs(answer.contexts) do
                local first = request.contexts[i].transfer_syntaxes[1]
                if first:find("^1%.2%.840%.10008%.1%.2%.[45]") then context.result = 4 end
            end
        end }
        assert.equal(68, result.code, result.err)
        assert.equal(4, #result.files)
        assert.matches("E: [^\n]*" .. NO_COMPRESSED, result.err)
        for uid, syntax in pairs(stored) do
            if syntax:find("%.1%.2%.[45]") then
                assert.matches("E: object " .. uid, result.err, 1, true)
            end
        end
    end)
end)

describe("a study of nine transfer syntaxes from a peer without C-FIND", function()
    it("comes all the same where C-FIND is answered 0122", function()
        local result = ask { serve = function(command)
            if command.CommandField == FIND then return 0x0122 end
        end }
        assert.equal(0, result.code, result.err)
        assert.equal(9, #result.files)
        assert.is_nil(result.err:find "E: ") -- what came before is no failure of a later C-GET
    end)

    it("comes all the same where the contexts for it are rejected", function()
        local result = ask { accept = function(request, answer)
            for i, context in ipairs(request.contexts) do
                local is_find = context.abstract_syntax:find "%.5%.1%.4%.1%.2%.%d%.1$"
                if is_find then answer.contexts[i].result = 3 end
            end
        end }
        assert.equal(0, result.code, result.err)
        assert.equal(9, #result.files)
        assert.is_nil(table.concat(asking.fields(result.commands), " "):find(FIND, 1, true))
    end)

    it("comes with --as-stored too, as far as it is known what it is", function()
        local result = ask({ serve = function(command)
            if command.CommandField == FIND then return 0x0122 end
        end }, "--as-stored")
        assert.equal(0, result.code, result.err)
        assert.equal(9, #result.files)
    end)
end)

-- dcmqrscp 3.6.7 accepts one compressed transfer syntax, by an option of its own, and sends in the
-- first context of a class.
local OF_DCMQRSCP = {
    { "+xr", "MR_small_RLE" },
    { "+xy", "SC_rgb_jpeg_dcmtk" },
    { "+xs", "SC_rgb_jpeg_gdcm" },
    { "+xt", "MR_small_jpeg_ls_lossless" },
    { "+xv", "MR_small_jp2klossless" },
    { "+xd", "image_dfl" },
}

describe("a study from dcmqrscp, uncompressed and", function()
    for _, row in ipairs(OF_DCMQRSCP) do
        local option, name = table.unpack(row)
        it(("%s, which it has with %s, comes whole by one command"):format(name, option), function()
            local folder, count = folder_with { name, table.unpack(UNCOMPRESSED) }
            local server = box:dcmqrscp(folder, { arguments = { option } })
            for _, words in ipairs { {}, { "--as-stored" } } do
                local result = fetch(server, words)
                assert.equal(0, result.code, result.err)
                assert.equal(count, #result.files)
                local seen = {}
                for _, syntax in pairs(syntaxes_in(result.directory)) do seen[syntax] = true end
                assert.is_true(seen[FILES[name]] or name == "image_dfl", FILES[name])
            end
            server.process:stop()
        end)
    end
end)

describe("a study from dcmqrscp that takes no compressed transfer syntax", function()
    it("comes as far as it is uncompressed; 68, and the log tells why", function()
        local server = box:dcmqrscp((folder_with(names_of_all())))
        local result = fetch(server)
        assert.equal(68, result.code, result.err)
        assert.equal(4, #result.files) -- it inflates what is deflated
        assert.matches("E: [^\n]*" .. NO_COMPRESSED, result.err)
        for uid, syntax in pairs(syntaxes_in(result.directory)) do
            assert.is_true(is_uncompressed[syntax], uid)
        end
    end)
end)

describe("contexts chosen by hand", function()
    it("are all that is proposed", function()
        local mr = getscu.dimse.names_of("storage").MRImageStorage
        local result = ask({}, "--store-tc", mr .. ":" .. RLE .. ";" .. JPEG .. "90")
        assert.equal(68, result.code, result.err)
        assert.equal(1, #result.requests)
        local seen = {}
        for _, syntax in pairs(syntaxes_in(result.directory)) do seen[syntax] = true end
        assert.same({ [RLE] = true, [JPEG .. "90"] = true }, seen)
    end)
end)

-- Command lines with options that DCMTK's getscu and ours both have, with both programs, from one
-- dcmqrscp: the same files, and the same exit codes, but where DCMTK's is wrong.

local lines = require "command_lines"
local support = require "support"
local wire = require "wire"

local phantoms = dofile "scripts/demo/phantoms.lua"

local DCMTK = "/usr/bin/getscu"
local PYDICOM = { PLAN = "/rtplan.dcm", ECG = "/waveform_ecg.dcm", J2K = "/JPEG2000.dcm" }

local box, server, top
local uids = {} -- the words that stand for UIDs
local query_files, command_files = {}, {}

-- Puts the UIDs in the place of the words that stand for them.
local function fill(text)
    return (text:gsub("%u+%d?%u*%d?%u*", uids))
end

-- Values of an attribute in files, in their order.
local function values_of(tag, ...)
    local said = box:tool(support.words("dcmdump", "-q", "-Un", "+P", tag, { ... }))
    local values = {}
    for value in said:gmatch "%[([^%]]+)%]" do values[#values + 1] = value end
    return values
end

local function make_archive()
    local archive = box:directory("archive")
    assert(phantoms.write(archive))
    for i, study in ipairs(phantoms.studies) do uids["STUDY" .. i] = study.uid end
    local report = archive .. "/PHANTOM-3-0001-1.dcm"
    uids.OBJECT3 = values_of("0008,0018", report)[1]
    uids.SERIES3 = values_of("0020,000e", report)[1]
    for _, path in ipairs(support.pydicom_files() or {}) do
        for name, ending in pairs(PYDICOM) do
            if path:sub(-#ending) == ending then
                box:tool { "cp", path, archive }
                uids["STUDY" .. name] = values_of("0020,000d", path)[1]
            end
        end
    end
    box:tool { "sh", "-c", 'rm -f "$0"/index.dat', archive }
    return archive
end

setup(function()
    box = support.box()
    if not support.pydicom_files() or not support.read(DCMTK) then return end
    top = box:tool { "pwd" }:match "[^\n]+"
    server = box:dcmqrscp(make_archive())
    for name, content in pairs(lines.query_files) do
        query_files[name] = box:dump2dcm(fill(content[1]), table.unpack(content, 2))
    end
    for name, content in pairs(lines.command_files) do
        command_files["@" .. name] = "@" .. box:file(fill(content), name .. ".txt")
    end
end)
teardown(function() box:close() end)

-- The words of a row, for either program.
local function words_of(row)
    local words = {}
    for i, word in ipairs(support.words(row.words)) do
        words[i] = command_files[word] or fill(word)
    end
    local peer = row.peer or { "127.0.0.1", server.port }
    if peer == "closed" then peer = { "127.0.0.1", support.free_port() } end
    local files = {}
    for i, name in ipairs(row.files or {}) do
        files[i] = query_files[name] or box.path .. "/" .. name
    end
    local title = row.title == nil and { "-aec", server.title } or row.title and
        { "-aec", row.title } or {}
    return support.words(title, words, peer, files)
end

-- Starts a program in a new directory.
local function start(row, program, words)
    local directory = box:directory("run")
    if row.folder then box:tool { "mkdir", directory .. "/" .. row.folder } end
    for _, name in ipairs(row.before or {}) do
        support.write(directory .. "/" .. fill(name), "old")
    end
    return { directory = directory, process = box:start(support.words("env", "-C", directory,
        "TCP_NODELAY=1", program, words)) }
end

-- What both programs make of a row.
local function run_both(row)
    local words = words_of(row)
    local ours = start(row, { top .. "/" .. support.getscu, "--no-retry" }, words)
    local theirs = start(row, DCMTK, words)
    for _, run in ipairs { ours, theirs } do
        run.result = run.process:wait()
        run.names = support.list(run.directory)
    end
    return ours, theirs
end

-- What dcmdump shows of the data sets in a directory, without how they are encoded: lengths,
-- delimiters and padding.
local function dump(directory)
    return box:tool { "sh", "-c", [[cd "$0" && dcmdump -q -Un +L +F $(find . -type f | sort) |
        sed -e '/^(0002,/d' -e '/(fffe,e0[0d]d)/d' -e 's/ *#[^#]*$//' \
            -e 's/with [a-z]* length/with length/' -e '/^$/d' -e '/^# /d']], directory }
end

-- The data sets of both are the same: as bytes, or element by element.
local function assert_same_content(ours, theirs, is_exact)
    if #ours.names == 0 then return end
    if not is_exact then
        assert.is_true(dump(ours.directory) == dump(theirs.directory), "elements differ")
        return
    end
    for _, name in ipairs(ours.names) do
        local data, meta = wire.part10(ours.directory .. "/" .. name)
        local their_data, their_meta = wire.part10(theirs.directory .. "/" .. name)
        assert.is_true(data == their_data, name .. " differs")
        for _, element in ipairs { 0x02, 0x03, 0x10 } do
            assert.equal(their_meta[element], meta[element], name)
        end
    end
end

-- Whether the objects are written as they come: the rightmost of -B and +B.
local function is_exact(row)
    local exact = false
    for _, word in ipairs(support.words(row.words)) do
        if word == "+B" or word == "--bit-preserving" then exact = true end
        if word == "-B" or word == "--normal" then exact = false end
    end
    return exact
end

-- The lines of a log that tell the counts at the end.
local function counts(log)
    local list = {}
    for line in log:gmatch "I:   Number of [^\n]+" do list[#list + 1] = line end
    return list
end

describe("with the same command line as DCMTK's getscu:", function()
    before_each(function()
        if not server then pending "dcmtk or python3-pydicom is not installed" end
    end)

    local brought = 0
    for _, row in ipairs(lines.rows) do
        local promise = row.promise
        if row.because then promise = ("%s (%s)"):format(promise, row.because) end
        it(promise, function()
            local ours, theirs = run_both(row)
            local said = ("ours:\n%s\ntheirs:\n%s"):format(ours.result.err:sub(1, 2000),
                theirs.result.err:sub(1, 2000))
            assert.equal(row.theirs or ours.result.code, theirs.result.code, said)
            assert.equal(row.ours or theirs.result.code, ours.result.code, said)
            if row.none or row.alone then
                assert.same({ row.none and 0 or 2, row.none and 2 or 0 },
                    { #ours.names, #theirs.names }, said)
                return
            end
            assert.same(theirs.names, ours.names, said)
            assert_same_content(ours, theirs, is_exact(row))
            if #ours.names > 0 and not row.because then brought = brought + 1 end
            if support.words(row.words)[1] == "-v" then
                assert.same(counts(theirs.result.err), counts(ours.result.err))
            end
        end)
    end

    it("the same objects come, and nothing differs, in 60 of these at least", function()
        assert.is_true(brought >= 60, brought)
    end)
end)

local getscu = require "getscu"
local support = require "support"
local wire = require "wire"

local UNCOMPRESSED = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2" }
local MISSING = "python3-pydicom is not installed"

-- What dcmdump finds in files: a list of {path, class, uid, study, syntax, meta_uid}; files that
-- lack one of the first four are left out. The others are nil without file meta information.
local function look_at(box, paths)
    local dump = box:run(support.words("dcmdump", "-q", "-Un", "-s", "+F", "+P", "0002,0003",
        "+P", "0002,0010", "+P", "0008,0016", "+P", "0008,0018", "+P", "0020,000d", paths)).out
    local fields = { ["0002,0003"] = "meta_uid", ["0002,0010"] = "syntax", ["0008,0016"] = "class",
        ["0008,0018"] = "uid", ["0020,000d"] = "study" }
    local found, current = {}, nil
    for line in dump:gmatch "[^\n]+" do
        local path = line:match "^# dcmdump %(%d+/%d+%): (.+)"
        local tag, value = line:match "^%((%x+,%x+)%) UI %[([^%]]+)%]"
        if path then
            current = { path = path }
        elseif tag and not current[fields[tag]] then
            current[fields[tag]] = value
            if current.class and current.uid and current.study and not current.listed then
                current.listed = true
                found[#found + 1] = current
            end
        end
    end
    return found
end

-- dcmqrscp accepts one compressed transfer syntax at a time.
local OPTIONS = {
    ["1.2.840.10008.1.2.4.50"] = "+xy", ["1.2.840.10008.1.2.4.51"] = "+xx",
    ["1.2.840.10008.1.2.4.70"] = "+xs", ["1.2.840.10008.1.2.4.80"] = "+xt",
    ["1.2.840.10008.1.2.4.81"] = "+xu", ["1.2.840.10008.1.2.4.90"] = "+xv",
    ["1.2.840.10008.1.2.4.91"] = "+xw", ["1.2.840.10008.1.2.5"] = "+xr",
    ["1.2.840.10008.1.2.1.99"] = "+xd",
}
local PLAIN = "+x=" -- any uncompressed one

-- Lists of objects that one server can have: several files have one SOP Instance UID.
-- @param option_of function(object): objects of one list have the same
local function groups_of(objects, option_of)
    local groups, by_key, times = {}, {}, {}
    for _, object in ipairs(objects) do
        local option = option_of(object)
        local name = option .. object.uid
        times[name] = (times[name] or 0) + 1
        local key = option .. times[name]
        if not by_key[key] then
            by_key[key] = { option = option }
            table.insert(groups, by_key[key])
        end
        table.insert(by_key[key], object)
    end
    return groups
end

-- A context for each SOP class and transfer syntax of the objects.
local function proposal_for(objects, role)
    local proposal = { { abstract_syntax = getscu.dimse.models.study.get,
        transfer_syntaxes = UNCOMPRESSED } }
    local proposed = {}
    for _, object in ipairs(objects) do
        for _, syntax in ipairs(object.syntax and { object.syntax } or UNCOMPRESSED) do
            local key = object.class .. " " .. syntax
            if not proposed[key] then
                proposed[key] = true
                table.insert(proposal, { abstract_syntax = object.class, role = role,
                    transfer_syntaxes = { syntax } })
            end
        end
    end
    return proposal
end

local function studies_of(objects)
    local studies, known = {}, {}
    for _, object in ipairs(objects) do
        if not known[object.study] then
            known[object.study] = true
            studies[#studies + 1] = object.study
        end
    end
    return studies
end

-- Every file in a directory has the bytes that were on the wire, and is named by its object.
local function assert_as_sent(directory, sent, count)
    local names = support.list(directory)
    assert.equal(count, #names)
    for _, name in ipairs(names) do
        local data, meta = wire.part10(directory .. "/" .. name)
        local object = assert(sent[meta[0x03]], name .. " was never sent")
        assert.is_true(data == object.data, name .. " differs from what was on the wire")
        assert.equal(object.transfer_syntax, meta[0x10])
        assert.equal(object.sop_class, meta[0x02])
        assert.equal(name:match "^%a+%.(.*)$", meta[0x03])
    end
end

local function path_of(directory, uid)
    for _, name in ipairs(support.list(directory)) do
        if name:match "^%a+%.(.*)$" == uid then return directory .. "/" .. name end
    end
end

-- Retrieves the objects, study by study, over one association.
local function retrieve(box, server, objects)
    local tap, directory = box:tap(server), box:directory("out")
    local pacs <close> = assert(getscu.associate { host = "127.0.0.1", port = tap.port,
        called = server.title, contexts = proposal_for(objects, "scp") })
    local stored = 0
    for _, study in ipairs(studies_of(objects)) do
        local result, err = pacs:get { model = "study", directory = directory,
            query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = study } }
        assert(result, ("%s: %s"):format(study, err))
        assert.equal(0x0000, result.response.status, study)
        stored = stored + result.stored
    end
    assert(pacs:release())
    assert.equal(#objects, stored)
    assert_as_sent(directory, wire.objects(wire.read(tap)), #objects)
    return directory
end

-- Sends an object, in an association of its own, since what it does not like Orthanc aborts, or
-- waits for more of.
local function store(server, object)
    if not object.syntax then return false end
    local pacs <close> = assert(getscu.associate { host = "127.0.0.1", port = server.port,
        called = server.title, contexts = proposal_for({ object }, "scu"),
        deadlines = { dimse = 1 } })
    local status = pacs:store(object.path)
    pacs:release()
    return status == 0
end

describe("pydicom's objects", function()
    local box, objects

    setup(function()
        box = support.box()
        local paths = support.pydicom_files()
        objects = paths and look_at(box, paths)
    end)
    teardown(function() box:close() end)

    -- The first objects that dcmqrscp takes, in an archive of its own.
    local function archive_of(group)
        local directory, accepted = box:directory("archive"), {}
        for _, object in ipairs(group) do
            box:tool { "cp", object.path, directory }
            local copy = directory .. "/" .. object.path:match "[^/]+$"
            if box:run({ "dcmqridx", directory, copy }).err:find "E: " then
                os.remove(copy)
            else
                accepted[#accepted + 1] = object
            end
        end
        os.remove(directory .. "/index.dat")
        return directory, accepted
    end

    local function option_of(object)
        return OPTIONS[object.syntax] or PLAIN
    end

    it("come from dcmqrscp as they were on the wire, each in its own transfer syntax", function()
        if not objects then pending(MISSING) end
        local count = 0
        for _, group in ipairs(groups_of(objects, option_of)) do
            local directory, accepted = archive_of(group)
            if #accepted > 0 then
                local server = box:dcmqrscp(directory, { arguments = { group.option } })
                local out = retrieve(box, server, accepted)
                for _, object in ipairs(accepted) do
                    local _, meta = wire.part10(path_of(out, object.uid))
                    assert.equal(group.option, OPTIONS[meta[0x10]] or PLAIN)
                end
                server.process:stop()
            end
            count = count + #accepted
        end
        assert.is_true(count >= 60, count)
    end)

    it("come from dcmqrscp by the command line, if they are uncompressed", function()
        if not objects then pending(MISSING) end
        local wanted = {}
        for _, object in ipairs(objects) do
            if option_of(object) == PLAIN then wanted[#wanted + 1] = object end
        end
        local count = 0
        for _, group in ipairs(groups_of(wanted, option_of)) do
            local directory, accepted = archive_of(group)
            local tap, out = box:tap(box:dcmqrscp(directory)), box:directory("out")
            local files = {}
            for i, study in ipairs(studies_of(accepted)) do
                files[i] = box:dump2dcm("(0008,0052) CS STUDY\n(0020,000d) UI " .. study)
            end
            local result = box:getscu(support.to(tap, "-S", "-od", out), files)
            assert.equal(0, result.code, result.err)
            assert_as_sent(out, wire.objects(wire.read(tap)), #accepted)
            count = count + #accepted
        end
        assert.is_true(count >= 30, count)
    end)

    it("come from dcmqrscp by the command line, if they are compressed, too", function()
        if not objects then pending(MISSING) end
        local count = 0
        for _, group in ipairs(groups_of(objects, option_of)) do
            local directory, accepted = archive_of(group)
            if group.option ~= PLAIN and #accepted > 0 then
                local server = box:dcmqrscp(directory, { arguments = { group.option } })
                for _, option in ipairs { group.option, "-v" } do
                    local tap, out = box:tap(server), box:directory("out")
                    local files = {}
                    for i, study in ipairs(studies_of(accepted)) do
                        files[i] = box:dump2dcm("(0008,0052) CS STUDY\n(0020,000d) UI " .. study)
                    end
                    local result = box:getscu(option, support.to(tap, "-S", "-od", out), files)
                    assert.equal(0, result.code, group.option .. "\n" .. result.err)
                    assert.equal(#accepted, #support.list(out))
                    for _, object in ipairs(accepted) do
                        local _, meta = wire.part10(path_of(out, object.uid))
                        -- what is only deflated is inflated by the server, where that is enough
                        if option ~= "-v" or group.option ~= "+xd" then
                            assert.equal(object.syntax, meta[0x10])
                        end
                    end
                end
                server.process:stop()
                count = count + #accepted
            end
        end
        assert.is_true(count >= 20, count)
    end)

    it("come from the archive by the command line, bit for bit as it holds them", function()
        if not objects then pending(MISSING) end
        local count = 0
        for _, group in ipairs(groups_of(objects, function() return "" end)) do
            local held, directory = {}, box:directory("held")
            for _, object in ipairs(group) do
                if object.syntax and object.uid == object.meta_uid then
                    box:tool { "cp", object.path, directory }
                    held[#held + 1] = object
                end
            end
            local server, out = box:archive(directory), box:directory("out")
            for _, study in ipairs(studies_of(held)) do
                local result = box:getscu("--as-stored", "+xd", support.to(server, "-S", "-k",
                    "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" .. study, "-od", out))
                assert.equal(0, result.code, result.err)
            end
            server.process:stop()
            assert.equal(#held, #support.list(out))
            for _, object in ipairs(held) do
                local data, meta = wire.part10(path_of(out, object.uid))
                local sent = wire.part10(object.path)
                if #sent % 2 == 1 then sent = sent .. "\0" end -- deflated: PS3.5 A.5
                assert.is_true(data == sent, object.path)
                assert.equal(object.syntax, meta[0x10])
            end
            count = count + #held
        end
        assert.is_true(count >= 60, count)
    end)

    it("come from Orthanc as they were on the wire, each in its own transfer syntax", function()
        if not objects then pending(MISSING) end
        if not support.has "Orthanc" then pending("orthanc is not installed") end
        local count = 0
        for _, group in ipairs(groups_of(objects, function() return "" end)) do
            local server = box:orthanc()
            local accepted = {}
            for _, object in ipairs(group) do
                if store(server, object) then accepted[#accepted + 1] = object end
            end
            local out = #accepted > 0 and retrieve(box, server, accepted)
            for _, object in ipairs(accepted) do
                local _, meta = wire.part10(path_of(out, object.uid))
                assert.equal(object.syntax, meta[0x10])
            end
            server.process:stop()
            count = count + #accepted
        end
        assert.is_true(count >= 50, count)
    end)
end)

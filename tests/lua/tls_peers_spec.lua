-- Retrievals over TLS from servers that share no code with ours, and TLS that goes wrong in them.

local asking = require "asking"
local certificates = require "certificates"
local core = require "getscu.core"
local getscu = require "getscu"
local secured = require "secured"
local support = require "support"
local wire = require "wire"

local COUNT = 200
local TLS_FAILED = 70

local box, root, server, client, images, study, qr
setup(function()
    box = support.box()
    root = certificates.authority(box, "root")
    server = root:issue { name = "server", key = "rsa" }
    client = root:issue { name = "client", key = "rsa" }
    images, study = box:images(COUNT, 20000)
    qr = box:dcmqrscp(images)
end)
teardown(function() box:close() end)

local function identity()
    return { "+tls", client.key, client.certificate, "+cf", root.certificate }
end

local function fetch(from, ...)
    local out = box:directory "out"
    local result = box:getscu("-v", asking.study(study), identity(), "-od", out, support.to(from,
        ...))
    result.directory, result.files = out, support.list(out)
    return result
end

-- Every object, whole and as it is in the archive.
local function is_whole(result)
    assert.equal(0, result.code, result.err)
    assert.equal(COUNT, #result.files)
    for _, name in ipairs(result.files) do
        assert.is_true(wire.part10(result.directory .. "/" .. name)
            == wire.part10(images .. "/" .. name:gsub("^CT%.", "")), name)
    end
end

describe("a retrieval over TLS", function()
    it("brings 200 objects from dcmqrscp, all of them identical", function()
        is_whole(fetch(secured.gateway(box, qr, server, { ca = root.certificate })))
    end)

    it("goes on while keys are changed and tickets come", function()
        local gateway = secured.gateway(box, qr, server, { update = 30000 })
        is_whole(fetch(gateway))
        assert.matches("TLSv1.3", gateway.log(), 1, true)
    end)

    it("comes from Orthanc, which demands a certificate", function()
        if not support.has "Orthanc" then pending "orthanc is not installed (make peers)" end
        local tls = { key = server.key, certificate = server.certificate, ca = root.certificate }
        local orthanc = box:orthanc { tls = tls }
        local few, its_study = box:images(5, 20000)
        box:tool { "storescu", "+tls", client.key, client.certificate, "+cf", root.certificate,
            "-aec", orthanc.title, "+sd", "127.0.0.1", tostring(orthanc.port), few }
        local out = box:directory "out"
        local result = box:getscu("-v", asking.study(its_study), identity(), "-od", out,
            support.to(orthanc))
        assert.equal(0, result.code, result.err)
        assert.equal(5, #support.list(out))
        result = box:getscu(asking.study(its_study), "+tla", "+cf", root.certificate,
            support.to(orthanc))
        assert.equal(TLS_FAILED, result.code, result.err)
        assert.matches("it demands a certificate of us", result.err, 1, true)
        result = box:getscu(asking.study(its_study), support.to(orthanc))
        assert.equal(62, result.code, result.err)
        assert.matches("the peer expects TLS on this port", result.err, 1, true)
    end)
end)

describe("our archive with TLS", function()
    local archive, folder
    setup(function()
        folder = box:directory "served"
        archive = box:start { support.getscu, "--run", "scripts/examples/archive.lua", folder, "0",
            "127.0.0.1", server.key, server.certificate, root.certificate }
        archive:await(function() return archive:out():find "port %d+\n" end, "its port")
        archive.port = archive:out():match "port (%d+)"
    end)

    local function dcmtk(program, ...)
        return box:run(support.words(program, "+tls", client.key, client.certificate, "+cf",
            root.certificate, { ... }, "127.0.0.1", archive.port))
    end

    it("serves DCMTK's echoscu, storescu and findscu", function()
        assert.equal(0, dcmtk("echoscu").code)
        local sent = 0
        for _, name in ipairs(support.list(images)) do
            if name ~= "index.dat" and sent < 3 then
                sent = sent + 1
                local result = box:run(support.words("storescu", "+tls", client.key,
                    client.certificate, "+cf", root.certificate, "127.0.0.1", archive.port,
                    images .. "/" .. name))
                assert.equal(0, result.code, result.err)
            end
        end
        assert.equal(3, #support.list(folder))
        local found = dcmtk("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
            "StudyInstanceUID=" .. study)
        assert.equal(0, found.code, found.err)
    end)

    it("refuses who has no certificate, or one of somebody else", function()
        local result = box:run { "echoscu", "+tla", "-ic", "127.0.0.1", archive.port }
        assert.is_true(result.code ~= 0)
        local other = certificates.authority(box, "other"):issue { name = "other" }
        result = box:run { "echoscu", "+tls", other.key, other.certificate, "-ic", "127.0.0.1",
            archive.port }
        assert.is_true(result.code ~= 0)
        assert.equal(0, dcmtk("echoscu").code) -- it goes on
    end)

    it("takes nobody without TLS", function()
        assert.is_true(box:run { "echoscu", "127.0.0.1", archive.port }.code ~= 0)
    end)
end)

describe("TLS that goes wrong in a retrieval", function()
    local function files_are_whole(result)
        for _, name in ipairs(result.files) do
            assert.is_true(wire.part10(result.directory .. "/" .. name)
                == wire.part10(images .. "/" .. name:gsub("^CT%.", "")), name)
        end
    end

    it("is no end where the stream is cut off without close_notify", function()
        local result = fetch(secured.gateway(box, qr, server, { cut = 500000 }), "--no-retry")
        assert.equal(62, result.code, result.err)
        assert.matches("without a close_notify of TLS: it was cut off", result.err, 1, true)
        assert.is_true(#result.files < COUNT)
        files_are_whole(result)
    end)

    it("is a failure where a record is not of this connection", function()
        local result = fetch(secured.gateway(box, qr, server, { forge = 500000 }), "--no-retry")
        assert.equal(TLS_FAILED, result.code, result.err)
        assert.is_true(#result.files < COUNT)
        files_are_whole(result)
    end)

    it("is an abort that the server understands where we give up", function()
        local seen
        local tls = assert(getscu.tls { key = server.key, certificate = server.certificate,
            ca = root.certificate })
        local result = asking.ask(box, { directory = images, tls = tls, hooks = {
            serve = function(_, association) seen = association return false end,
        } }, { asking.study(study), identity(), "-td", "1", "--no-retry" })
        assert.equal(63, result.code, result.err)
        assert.equal("peer-aborted", seen.ended.code)
    end)
end)

describe("a handshake that does not go on", function()
    it("runs into the ACSE deadline, though connections have none", function()
        local begun = core.clock()
        local result = fetch(box:sayer "", "-ta", "1")
        assert.equal(63, result.code, result.err)
        assert.matches("waited in vain for the TLS handshake", result.err, 1, true)
        assert.is_true(core.clock() - begun < 10)
    end)
end)

describe("a server without TLS", function()
    it("is told of, whatever it is", function()
        for said, words in pairs {
            ["HTTP/1.1 400 Bad Request\r\n\r\n"] = "it is a web server",
            ["SSH-2.0-OpenSSH_9.2p1\r\n"] = "it is an SSH server",
            ["\7\0\0\0\0\4\0\0\2\1"] = "but plain DICOM",
        } do
            local result = fetch(box:sayer(said))
            assert.equal(TLS_FAILED, result.code, result.err)
            assert.matches("does not speak TLS on this port", result.err, 1, true)
            assert.matches(words, result.err, 1, true)
        end
        local result = fetch(qr)
        assert.equal(TLS_FAILED, result.code, result.err)
        assert.matches("does not speak TLS on this port", result.err, 1, true)
    end)
end)

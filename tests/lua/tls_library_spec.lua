-- TLS in the library: contexts, and what associations say of them.

local certificates = require "certificates"
local core = require "getscu.core"
local getscu = require "getscu"
local support = require "support"
local tasks = require "getscu.tasks"

local box, images, study, root, server, client
setup(function()
    box = support.box()
    images, study = box:images(3, 5000)
    root = certificates.authority(box, "root")
    server = root:issue { name = "server" }
    client = root:issue { name = "client" }
end)
teardown(function() box:close() end)

local function context(identity, fields)
    local all = { key = identity.key, certificate = identity.certificate, ca = root.certificate }
    for name, value in pairs(fields or {}) do all[name] = value end
    return assert(getscu.tls(all))
end

-- Calls `body(port, seen)` with an archive that notes the `tls` of its associations.
local function with_archive(fields, body)
    local seen = {}
    local archive <close> = assert(getscu.archive { directory = images,
        tls = context(server, fields), hooks = {
            serve = function(_, association) seen[#seen + 1] = association.tls end,
        } })
    archive:start()
    body(archive:port(), seen)
end

describe("getscu.tls", function()
    it("raises where it is called wrongly", function()
        for text, options in pairs {
            ["unknown field 'certificat' in getscu.tls (did you mean 'certificate'?)"] =
                { certificat = "x" },
            ["getscu.tls needs 'ca', unless 'verify' is false"] = {},
            ["getscu.tls needs both 'key' and 'certificate', or neither"] =
                { key = "x", verify = false },
            ["unknown TLS profile '8969' (did you mean '8996'?)"] =
                { profile = "8969", verify = false },
            ["field 'revocation' must be 'none', 'leaf' or 'chain', not 'all'"] =
                { verify = false, revocation = "all" },
        } do
            local done, message = pcall(getscu.tls, options)
            assert.is_false(done)
            assert.matches(text, message, 1, true)
        end
    end)

    it("returns an err where a file or a wish is of no use", function()
        local none = box.path .. "/none"
        for code, options in pairs {
            ["key-file"] = { key = none, certificate = client.certificate },
            ["certificate-file"] = { key = client.key, certificate = none },
            ["ca-file"] = { ca = none },
            ["crl-file"] = { ca = root.certificate, crl = none },
            ["tls-cipher"] = { ca = root.certificate, ciphersuites = "TLS_RSA_WITH_NULL_SHA" },
        } do
            options.ca = options.ca or root.certificate
            local made, err = getscu.tls(options)
            assert.is_nil(made)
            assert.equal(code, err.code)
            assert.is_true(getscu.errors.is(err))
        end
    end)

    it("asks a function for the password, only where the key needs one", function()
        local locked = box:new_path "locked.key"
        box:tool { "openssl", "pkcs8", "-topk8", "-in", client.key, "-out", locked, "-passout",
            "pass:secret" }
        local asked = 0
        local function password()
            asked = asked + 1
            return "secret"
        end
        context({ key = client.key, certificate = client.certificate }, { password = password })
        assert.equal(0, asked)
        context({ key = locked, certificate = client.certificate }, { password = password })
        assert.equal(1, asked)
        local made, err = getscu.tls { key = locked, certificate = client.certificate,
            ca = root.certificate, password = function() return nil, getscu.errors.new {
                code = "interrupted", message = "no" } end }
        assert.same({ nil, "interrupted" }, { made, err.code })
        made, err = getscu.tls { key = locked, certificate = client.certificate,
            ca = root.certificate }
        assert.same({ nil, "key-password" }, { made, err.code })
    end)
end)

describe("an association with TLS", function()
    it("tells version, cipher suite, the peer's subject and what was verified", function()
        with_archive({}, function(port, seen)
            local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = port,
                tls = context(client, { hostname = true, sni = "pacs.test", crl = root:crl() }) })
            assert.is_true(assoc:echo())
            assert.same({ version = "TLS 1.3", ciphersuite = "TLS_AES_256_GCM_SHA384",
                profile = "8996", subject = "CN=server,O=Clinic", issuer = "CN=root",
                key = "EC 256", verified = true, host_verified = true, revocation = "leaf",
                server_name = "pacs.test" }, assoc.tls)
            assert.same({ version = "TLS 1.3", ciphersuite = "TLS_AES_256_GCM_SHA384",
                profile = "8996", subject = "CN=client,O=Clinic", issuer = "CN=root",
                key = "EC 256", verified = true, host_verified = false,
                server_name = "pacs.test" }, seen[1])
            assert(assoc:release())
        end)
    end)

    it("tells what is wrong with a certificate that need not be verified", function()
        with_archive({ verify = false }, function(port)
            local tls = assert(getscu.tls { verify = false })
            local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = port,
                tls = tls })
            assert.is_false(assoc.tls.verified)
            assert.equal("unable to get local issuer certificate", assoc.tls.problem)
        end)
    end)

    it("has an err of its own where the certificate is not accepted", function()
        with_archive({}, function(port)
            local other = certificates.authority(box, "other")
            local assoc, err = getscu.associate { host = "127.0.0.1", port = port,
                tls = context(client, { ca = other.certificate }) }
            assert.is_nil(assoc)
            assert.equal("peer-certificate", err.code)
            assert.equal(70, getscu.errors.exit_code(err))
        end)
    end)

    it("is nothing that one without TLS has", function()
        local archive <close> = assert(getscu.archive { directory = images })
        archive:start()
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1",
            port = archive:port() })
        assert.is_nil(assoc.tls)
    end)

    it("can be one of many with the same context", function()
        with_archive({}, function(port, seen)
            local tls = context(client)
            local function echo()
                local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = port,
                    tls = tls })
                assert(assoc:echo())
                assert(assoc:release())
            end
            tasks.all(echo, echo, echo)
            assert.equal(3, #seen)
        end)
    end)

    it("needs its context no more once it is made", function()
        with_archive({}, function(port)
            local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = port,
                tls = context(client) })
            collectgarbage()
            assert.is_true(assoc:echo())
        end)
    end)
end)

describe("getscu.retrieve over TLS", function()
    it("brings what is asked for", function()
        with_archive({ ca = { root.certificate } }, function(port, seen)
            local out = box:directory "out"
            local job = assert(getscu.retrieve { host = "127.0.0.1", port = port,
                tls = context(client), directory = out,
                query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = study } })
            assert.same({ 3, 0 }, { job.completed, job.exit_code })
            assert.equal(3, #support.list(out))
            assert.equal("CN=client,O=Clinic", seen[1].subject)
        end)
    end)
end)

describe("a client that does not go on with the handshake", function()
    it("is left after the ACSE deadline, and others are served meanwhile", function()
        local archive <close> = assert(getscu.archive { directory = images,
            tls = context(server), deadlines = { acse = 0.5 } })
        archive:start()
        local silent = assert(core.connect { host = "127.0.0.1", port = archive:port() })
        local began = core.clock()
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = archive:port(),
            tls = context(client) })
        assert.is_true(assoc:echo())
        local event = tasks.wait(silent, 30)
        assert.equal("peer-closed", event.error.code)
        assert.is_true(core.clock() - began >= 0.5)
        assert.is_true(assoc:echo())
        assert(assoc:release())
    end)
end)

describe("a listener", function()
    it("needs a context with a certificate, and one that is not closed", function()
        local anonymous = assert(getscu.tls { verify = false })
        assert.is_false(anonymous:has_certificate())
        assert.error_matches(function()
            core.listen { port = 0, tls = anonymous }
        end, "without a certificate")
        anonymous:close()
        anonymous:close()
        assert.error_matches(function()
            core.connect { host = "127.0.0.1", port = 1, tls = anonymous }
        end, "closed")
        assert.error_matches(function() core.listen { port = 0, tls = {} } end, "TLS context")
    end)
end)

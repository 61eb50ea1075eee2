-- Every TLS profile: a server that allows nothing outside of it is spoken with, and one that
-- allows nothing inside of it is not.

local asking = require "asking"
local certificates = require "certificates"
local getscu = require "getscu"
local secured = require "secured"
local support = require "support"
local wire = require "wire"

local QUERY = { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3" }
local REJECTED, TLS_FAILED = 61, 70 -- the openssl server rejects whom TLS lets in

local GCM = { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" }
local GCM_ECDSA = { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" }
local GCM_DHE = { "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384" }

-- What each profile has, and what servers are that have nothing of it: versions, and cipher suites
-- of TLS before 1.3. All that OpenSSL has of TLS 1.3 by itself is meant where 1.3 is.
local PROFILES = {
    ["8996"] = { versions = { "1.2", "1.3" }, suites = support.words(GCM, GCM_ECDSA),
        outside = { { "1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
            { "1.2", GCM_DHE[1] }, { "1.1", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" } } },
    ["8996-mod"] = { versions = { "1.2", "1.3" }, suites = support.words(GCM, GCM_ECDSA,
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8"),
        outside = { { "1.2", GCM_DHE[1] }, { "1.1", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" } } },
    ["bcp195-nd"] = { versions = { "1.2", "1.3" }, suites = support.words(GCM, GCM_DHE),
        outside = { { "1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
            { "1.2", "TLS_RSA_WITH_AES_128_CBC_SHA" },
            { "1.1", "TLS_RSA_WITH_AES_128_CBC_SHA" } } },
    ["bcp195"] = { versions = { "1.0", "1.1", "1.2", "1.3" },
        suites = support.words(GCM, GCM_DHE, "TLS_RSA_WITH_AES_128_CBC_SHA"),
        outside = { { "1.2", "TLS_RSA_WITH_AES_256_CBC_SHA" },
            { "1.0", "TLS_RSA_WITH_AES_256_CBC_SHA" } } },
    ["bcp195-ex"] = { versions = { "1.2" }, suites = support.words(GCM, GCM_DHE, GCM_ECDSA),
        outside = { { "1.3" }, { "1.2", "TLS_RSA_WITH_AES_128_CBC_SHA" } } },
    ["basic"] = { versions = { "1.0", "1.1", "1.2" }, suites = { "TLS_RSA_WITH_3DES_EDE_CBC_SHA" },
        outside = { { "1.3" }, { "1.2", "TLS_RSA_WITH_AES_128_CBC_SHA" } } },
    ["aes"] = { versions = { "1.0", "1.1", "1.2" }, suites = { "TLS_RSA_WITH_AES_128_CBC_SHA" },
        outside = { { "1.3" }, { "1.2", "TLS_RSA_WITH_AES_256_CBC_SHA" },
            { "1.2", GCM[1] } } },
    ["null"] = { versions = { "1.0", "1.1", "1.2" }, suites = { "TLS_RSA_WITH_NULL_SHA" },
        outside = { { "1.3" }, { "1.2", "TLS_RSA_WITH_AES_128_CBC_SHA" } } },
}

local FLAGS = { ["1.0"] = "-tls1", ["1.1"] = "-tls1_1", ["1.2"] = "-tls1_2", ["1.3"] = "-tls1_3" }

-- The suites that are older than TLS 1.2.
local function fits(version, suite)
    return version == "1.2" or suite:find "_SHA$" ~= nil
end

local box, root, rsa, ecdsa, client, openssl_names, images, study, qr
setup(function()
    box = support.box()
    root = certificates.authority(box, "root")
    rsa = root:issue { name = "server", key = "rsa" }
    ecdsa = root:issue { name = "server" }
    client = root:issue { name = "client", key = "rsa" }
    openssl_names = {}
    for name, its in box:tool { "openssl", "ciphers", "-stdname",
        "ALL:COMPLEMENTOFALL:@SECLEVEL=0" }:gmatch "(TLS_%S+)%s+%- (%S+)" do
        openssl_names[name] = its
    end
    images, study = box:images(2, 30000)
    qr = box:dcmqrscp(images)
end)
teardown(function() box:close() end)

local function available(name)
    for line in box:getscu("--list-profiles").out:gmatch "[^\n]+" do
        if line:match "^%-%-profile%-(%S+)" == name then
            return not line:find("not available", 1, true)
        end
    end
    error(name)
end

-- An openssl server with one version and, before TLS 1.3, these suites alone.
local function s_server(version, ...)
    local suites = {}
    for i, name in ipairs { ... } do suites[i] = assert(openssl_names[name], name) end
    local identity = (...) and (...):find "_ECDSA_" and ecdsa or rsa
    local ciphers = #suites > 0 and { "-cipher", table.concat(suites, ":") } or {}
    return secured.s_server(box, identity, FLAGS[version], ciphers, "-CAfile", root.certificate,
        "-Verify", "1")
end

local function ask(server, profile)
    return secured.ask(box, server, "-v", QUERY, "+tls", client.key, client.certificate, "+cf",
        root.certificate, "--profile-" .. profile)
end

-- TLS stands, with this suite (any of TLS 1.3, where none is named): the server says so, and
-- rejects the association. It has one version alone.
local function agreed(result, suite)
    assert.equal(REJECTED, result.code, result.err)
    local name = suite and (openssl_names[suite] or suite) or "TLS_"
    assert.matches("CIPHER is " .. name, result.agreed, 1, true)
end

for name, profile in pairs(PROFILES) do
    describe("the profile " .. name, function()
        local function each(promise, check)
            it(promise, function()
                if not available(name) then pending "this OpenSSL cannot do it" end
                check()
            end)
        end

        each("speaks with servers that allow one of its versions and suites alone", function()
            for _, version in ipairs(profile.versions) do
                if version == "1.3" then
                    agreed(ask(s_server "1.3", name))
                end
                for _, suite in ipairs(version ~= "1.3" and profile.suites or {}) do
                    if fits(version, suite) then
                        agreed(ask(s_server(version, suite), name), suite)
                    end
                end
            end
        end)

        each("does not speak with servers that allow nothing of it", function()
            for _, server in ipairs(profile.outside) do
                local result = ask(s_server(table.unpack(server)), name)
                assert.equal(TLS_FAILED, result.code, server[1] .. "\n" .. result.err)
                assert.matches("ended TLS: it allows no", result.err, 1, true)
            end
        end)

        each("retrieves from dcmqrscp behind a gateway that allows it alone", function()
            local ciphers = {}
            for i, suite in ipairs(profile.suites) do ciphers[i] = openssl_names[suite] end
            local server = secured.gateway(box, qr, rsa, { ca = root.certificate,
                least = profile.versions[1], most = profile.versions[#profile.versions],
                ciphers = table.concat(ciphers, ":") })
            local out = box:directory "out"
            local result = box:getscu(asking.study(study), "+tls", client.key, client.certificate,
                "+cf", root.certificate, "--profile-" .. name, "-od", out, support.to(server))
            assert.equal(0, result.code, result.err)
            assert.equal(2, #support.list(out))
            for _, uid in ipairs(support.list(images)) do
                if uid ~= "index.dat" then
                    assert.is_true(wire.part10(out .. "/CT." .. uid)
                        == wire.part10(images .. "/" .. uid))
                end
            end
            assert.matches("O=Clinic/CN=client", server.log(), 1, true)
        end)

        each("is one that an archive can have", function()
            local function secure(its)
                getscu.log.level "off" -- the warning of what does not encrypt
                local tls = assert(getscu.tls { key = rsa.key, certificate = rsa.certificate,
                    ca = root.certificate, profile = its })
                getscu.log.level "error"
                return tls
            end
            local seen
            local function retrieve(its)
                return asking.ask(box, { directory = images, tls = secure(its), hooks = {
                    serve = function(_, association) seen = association.tls end,
                } }, { asking.study(study), "+tls", client.key, client.certificate, "+cf",
                    root.certificate, "--profile-" .. name })
            end
            local result = retrieve(name)
            assert.equal(0, result.code, result.err)
            assert.same({ name, "CN=client,O=Clinic", true },
                { seen.profile, seen.subject, seen.verified })
            -- None has a suite or version in common with one of these two.
            result = retrieve(name == "null" and "aes" or "null")
            assert.equal(TLS_FAILED, result.code, result.err)
        end)
    end)
end

describe("a profile that the library cannot do", function()
    it("is told as such, by --list-profiles and when it is chosen", function()
        local list = box:getscu "--list-profiles"
        assert.equal(0, list.code)
        for name in pairs(PROFILES) do
            assert.matches("--profile-" .. name .. " ", list.out, 1, true)
            if not available(name) then
                local result = box:getscu(QUERY, "+tla", "-ic", "--profile-" .. name, "127.0.0.1",
                    support.free_port())
                assert.equal(TLS_FAILED, result.code)
                assert.equal(("E: the profile %s needs the cipher suite %s, which the OpenSSL at "
                    .. "hand does not have\n"):format(name, PROFILES[name].suites[1]), result.err)
            end
        end
    end)
end)

describe("the profile null", function()
    it("is warned of, since everybody can read the objects", function()
        local result = ask(s_server("1.2", "TLS_RSA_WITH_NULL_SHA"), "null")
        assert.matches("W: the TLS profile 'null' does not encrypt", result.err, 1, true)
    end)
end)

describe("a cipher suite that is added", function()
    local function add(suite, profile, server)
        local words = support.words("-v", QUERY, "+tla", "+cf", root.certificate, "--cipher",
            suite, "--profile-" .. profile)
        if server then return secured.ask(box, server, words) end
        return box:getscu(words, "127.0.0.1", support.free_port())
    end

    local function without_verify(version, suite)
        return secured.s_server(box, rsa, FLAGS[version], "-cipher", openssl_names[suite])
    end

    it("is offered too", function()
        local suite = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
        agreed(add(suite, "8996", without_verify("1.2", suite)), suite)
        local ccm = "TLS_AES_128_CCM_SHA256"
        local server = secured.s_server(box, rsa, "-tls1_3", "-ciphersuites", ccm)
        agreed(add(ccm, "8996", server), ccm)
    end)

    it("is refused where the profile forbids it", function()
        for profile, suites in pairs {
            ["8996"] = { "TLS_RSA_WITH_NULL_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" },
            ["8996-mod"] = { GCM_DHE[1] },
            ["bcp195-nd"] = { "TLS_RSA_WITH_NULL_SHA256" },
            ["bcp195"] = { "TLS_RSA_WITH_NULL_SHA" },
            ["bcp195-ex"] = { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
            ["aes"] = { "TLS_RSA_WITH_NULL_SHA", "TLS_AES_128_GCM_SHA256" },
        } do
            for _, suite in ipairs(suites) do
                local result = add(suite, profile)
                assert.equal(1, result.code, result.err)
                assert.matches(("the profile %s forbids the cipher suite %s: "):format(profile,
                    suite), result.err, 1, true)
            end
        end
    end)

    it("is warned of where it is discouraged, and not where it is in the profile", function()
        local suite = "TLS_RSA_WITH_AES_128_GCM_SHA256"
        local result = add(suite, "8996", without_verify("1.2", suite))
        agreed(result, suite)
        assert.matches("W: the cipher suite " .. suite .. " is discouraged", result.err, 1, true)
        suite = "TLS_RSA_WITH_AES_128_CBC_SHA"
        result = add(suite, "aes", without_verify("1.2", suite))
        agreed(result, suite)
        assert.is_nil(result.err:find "W:")
    end)

    it("must be known, under the standard's name", function()
        local result = add("TLS_RSA_WITH_AES_128_CGM_SHA256", "8996")
        assert.equal(1, result.code)
        assert.matches("did you mean 'TLS_RSA_WITH_AES_128_GCM_SHA256'?", result.err, 1, true)
        assert.equal(1, add("ECDHE-RSA-CHACHA20-POLY1305", "8996").code)
    end)
end)

-- What is verified of the peer's certificate: each fault of it ends the connection, with its own
-- words and exit code 70, before anything of DICOM is said.

local certificates = require "certificates"
local secured = require "secured"
local support = require "support"

local QUERY = { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3" }
local REJECTED, TLS_FAILED = 61, 70 -- the openssl server rejects whom TLS lets in

local box, root, intermediate, other, good
setup(function()
    box = support.box()
    root = certificates.authority(box, "root")
    intermediate = root:authority "intermediate"
    other = certificates.authority(box, "other")
    good = root:issue { name = "good" }
end)
teardown(function() box:close() end)

-- Connects to an openssl server with this identity; with more of its options where there are some.
local function ask(identity, words, ...)
    return secured.ask(box, secured.s_server(box, identity, ...), "-v", QUERY, "+tla", words)
end

local function trusting(...)
    local words = {}
    for _, authority in ipairs { ... } do
        words = support.words(words, "+cf", authority.certificate)
    end
    return words
end

local function is_accepted(identity, words, ...)
    local result = ask(identity, words, ...)
    assert.equal(REJECTED, result.code, result.err)
    return result
end

local function is_refused(why, identity, words, ...)
    local result = ask(identity, words, ...)
    assert.equal(TLS_FAILED, result.code, result.err)
    assert.matches(why, result.err, 1, true)
    assert.is_nil(result.agreed:find("CIPHER is", 1, true))
    return result
end

-- The options of an openssl server that sends the intermediate's certificate too.
local function chained()
    return "-cert_chain", intermediate.certificate
end

describe("the peer's certificate", function()
    it("is accepted where an authority that is trusted has signed it", function()
        is_accepted(good, trusting(root))
        is_accepted(root:issue { name = "rsa", key = "rsa" }, trusting(other, root))
    end)

    it("may come with certificates between it and the authority", function()
        local server = intermediate:issue { name = "server" }
        is_accepted(server, trusting(root), chained())
        is_refused("unable to get local issuer certificate (CN=server,O=Clinic); nobody who "
            .. "issued it is among", server, trusting(root))
        is_accepted(server, trusting(root, intermediate))
    end)

    it("must not have expired", function()
        is_refused("certificate has expired (CN=late,O=Clinic)",
            root:issue { name = "late", from = -10, to = -1 }, trusting(root))
    end)

    it("must be valid already", function()
        is_refused("certificate is not yet valid (CN=early,O=Clinic)",
            root:issue { name = "early", from = 1, to = 10 }, trusting(root))
    end)

    it("must not be of another authority", function()
        is_refused("unable to get local issuer certificate", good, trusting(other))
    end)

    it("must not be signed by itself, unless it is trusted itself", function()
        local alone = certificates.alone(box, "alone")
        is_refused("self-signed certificate (CN=alone)", alone, trusting(root))
        is_accepted(alone, trusting(alone))
    end)

    it("must be for servers", function()
        is_refused("it is not made for this end of a connection",
            root:issue { name = "client", purpose = "clientAuth" }, trusting(root))
    end)

    it("must not have an RSA key that is shorter than the profile allows", function()
        local short = root:issue { name = "short", key = "rsa:1024" }
        for _, profile in ipairs { "+pg", "+pm", "+py", "+px", "+pz" } do
            is_refused("key too weak (CN=short,O=Clinic)", short,
                support.words(trusting(root), profile))
            local result = ask(short, { "-ic", profile })
            assert.equal(TLS_FAILED, result.code, result.err)
            assert.matches("(RSA 1024) is weaker than the profile", result.err, 1, true)
        end
        is_accepted(short, support.words(trusting(root), "+pa"))
        local tiny = root:issue { name = "tiny", key = "rsa:768" }
        is_refused("key too weak (CN=tiny,O=Clinic)", tiny, support.words(trusting(root), "+pa"))
    end)

    it("must not be signed with SHA-1, but in the profiles of that time", function()
        local old = root:issue { name = "old", key = "rsa", digest = "sha1" }
        for _, profile in ipairs { "+pg", "+px" } do
            is_refused("(CN=old,O=Clinic)", old, support.words(trusting(root), profile))
        end
        is_accepted(old, support.words(trusting(root), "+pa"))
    end)

    it("is told whose it is, in UTF-8, without control characters", function()
        local server = certificates.alone(box, "放射線科")
        is_refused("self-signed certificate (CN=放射線科)", server, trusting(root))
        local result = is_refused("self-signed certificate (CN=a",
            certificates.alone(box, "a\27[31mb"), trusting(root))
        assert.is_nil(result.err:find "\27")
    end)
end)

describe("a key exchange", function()
    it("must not be weaker than the profile allows", function()
        local server = root:issue { name = "dh", key = "rsa" }
        local parameters = box:new_path "dh.pem"
        box:tool { "openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
            "group:modp_1536", "-out", parameters }
        for profile, why in pairs { ["+pz"] = "dh key too small",
            ["+px"] = "the key exchange of 127.0.0.1" } do
            local result = ask(server, support.words(trusting(root), profile), "-tls1_2",
                "-dhparam", parameters, "-cipher", "DHE-RSA-AES128-GCM-SHA256")
            assert.equal(TLS_FAILED, result.code, result.err)
            assert.matches(why, result.err, 1, true)
        end
    end)
end)

describe("revocation", function()
    local revoked, revoked_below, below
    setup(function()
        revoked = root:issue { name = "revoked" }
        root:revoke(revoked.certificate)
        below = intermediate:issue { name = "below" }
        revoked_below = intermediate:issue { name = "revoked-below" }
        intermediate:revoke(revoked_below.certificate)
    end)

    it("is not looked for where no list is given", function()
        is_accepted(revoked, trusting(root))
    end)

    it("of the certificate itself ends it with +crl", function()
        local words = support.words(trusting(root), "+crl", root:crl())
        is_refused("certificate revoked (CN=revoked,O=Clinic)", revoked, words)
        local result = is_accepted(good, words)
        assert.is_nil(result.err:find("revoked", 1, true))
    end)

    it("of an intermediate is seen with +cra, and not with +crv", function()
        local authority = root:authority "revoked-authority"
        local server = authority:issue { name = "server" }
        root:revoke(authority.certificate)
        local words = support.words(trusting(root), "+crl", root:crl(), "+crl", authority:crl())
        is_accepted(server, words, "-cert_chain", authority.certificate)
        is_accepted(server, support.words(words, "+crv"), "-cert_chain", authority.certificate)
        is_refused("certificate revoked (its issuer CN=revoked-authority,O=Clinic)", server,
            support.words(words, "+cra"), "-cert_chain", authority.certificate)
    end)

    it("of a leaf is seen with +crv and with +cra", function()
        local words = support.words(trusting(root), "+crl", root:crl(), "+crl", intermediate:crl())
        for _, option in ipairs { "+crv", "+cra" } do
            is_refused("certificate revoked (CN=revoked-below,O=Clinic)", revoked_below,
                support.words(words, option), chained())
            is_accepted(below, support.words(words, option), chained())
        end
    end)

    it("needs the list of each authority it is asked of", function()
        is_refused("unable to get certificate CRL", good, support.words(trusting(root), "+crv"))
        local words = support.words(trusting(root), "+crl", intermediate:crl())
        is_accepted(below, words, chained())
        is_refused("unable to get certificate CRL (its issuer CN=intermediate,O=Clinic)", below,
            support.words(words, "+cra"), chained())
    end)

    it("needs a list that is not out of date", function()
        is_refused("CRL has expired", good,
            support.words(trusting(root), "+crl", root:crl(-1)))
    end)
end)

describe("a host name", function()
    local named
    setup(function() named = root:issue { name = "named", host = "pacs.test" } end)

    it("does not matter, unless that is asked for; -v says so", function()
        is_accepted(named, trusting(root))
    end)

    it("must be in the certificate with --verify-hostname", function()
        is_accepted(good, support.words(trusting(root), "--verify-hostname")) -- 127.0.0.1
        is_refused("mismatch (CN=named,O=Clinic)", named,
            support.words(trusting(root), "--verify-hostname"))
    end)

    it("may be another than the one that is connected to", function()
        is_accepted(named, support.words(trusting(root), "--verify-hostname-as", "pacs.test"))
        is_refused("mismatch (CN=named,O=Clinic)", named,
            support.words(trusting(root), "--verify-hostname-as", "ris.test"))
        is_accepted(good, support.words(trusting(root), "--verify-hostname-as", "::1"))
    end)
end)

describe("authorities in a directory", function()
    local below
    setup(function() below = intermediate:issue { name = "below" } end)

    it("are found by their hashes", function()
        local hashed = certificates.directory(box, other.certificate, root.certificate)
        is_accepted(good, { "+cd", hashed })
        is_accepted(other:issue { name = "other" }, { "+cd", hashed })
        is_refused("unable to get local issuer certificate", below, { "+cd", hashed })
    end)

    it("bring their revocation lists with them", function()
        local revoked = root:issue { name = "revoked" }
        root:revoke(revoked.certificate)
        local hashed = certificates.directory(box, root.certificate, root:crl())
        is_refused("certificate revoked", revoked, { "+cd", hashed, "+crv" })
        is_accepted(good, { "+cd", hashed, "+crv" })
    end)

    it("are also taken from files of any names", function()
        local directory = box:directory "authorities"
        support.write(directory .. "/root.crt", support.read(root.certificate))
        support.write(directory .. "/README", "not a certificate")
        is_accepted(good, { "+cd", directory })
    end)
end)

describe("DER", function()
    it("is how authorities and revocation lists may come, too", function()
        local revoked = root:issue { name = "revoked" }
        root:revoke(revoked.certificate)
        local words = { "-der", "+cf", certificates.der(box, "x509", root.certificate), "+crl",
            certificates.der(box, "crl", root:crl()) }
        is_accepted(good, words)
        is_refused("certificate revoked", revoked, words)
    end)
end)

describe("a certificate that is not verified (-ic)", function()
    it("is warned of, and what is wrong with it is told nevertheless", function()
        local late = root:issue { name = "late", from = -9, to = -1 }
        for _, identity in ipairs { good, certificates.alone(box, "alone"), late } do
            local result = is_accepted(identity, { "-ic" })
            assert.matches("W: the peer's certificate is not verified", result.err, 1, true)
        end
    end)
end)

describe("the server's name", function()
    it("is asked for with --request-sni, and only then", function()
        local name = { "-servername", "pacs.test", "-servername_fatal", "-cert2", good.certificate,
            "-key2", good.key }
        local result = is_accepted(good, support.words(trusting(root), "--request-sni",
            "pacs.test"), table.unpack(name))
        assert.matches('Hostname in TLS extension: "pacs.test"', result.agreed, 1, true)
        result = is_refused("ended TLS: it does not know the server name", good,
            support.words(trusting(root), "--request-sni", "ris.test"), table.unpack(name))
        assert.equal(TLS_FAILED, result.code)
        for _, words in ipairs { {}, { "--request-sni", "x", "--no-sni" } } do
            result = is_accepted(good, support.words(trusting(root), words), table.unpack(name))
            assert.is_nil(result.agreed:find("Hostname", 1, true))
        end
    end)
end)

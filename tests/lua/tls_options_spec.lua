-- Each TLS option, under both of its names: what it does in a retrieval from our archive. What it
-- is a matter of in all its cases is in tls_profiles_spec.lua, tls_verification_spec.lua and
-- tls_identity_spec.lua.

local asking = require "asking"
local certificates = require "certificates"
local getscu = require "getscu"
local support = require "support"

local TLS_FAILED = 70

local box, images, study, root, server, client
setup(function()
    box = support.box()
    images, study = box:images(2, 3000)
    root = certificates.authority(box, "root")
    server = root:issue { name = "server", key = "rsa" }
    client = root:issue { name = "client", key = "rsa" }
end)
teardown(function() box:close() end)

-- A context of the archive.
local function secure(fields)
    local all = { key = server.key, certificate = server.certificate, ca = root.certificate }
    for name, value in pairs(fields or {}) do all[name] = value end
    getscu.log.level "off"
    local tls = assert(getscu.tls(all))
    getscu.log.level "error"
    return tls
end

-- Retrieves from an archive with TLS; the result has `tls`, what the archive knows of it.
local function ask(tls, ...)
    local seen
    local result = asking.ask(box, { directory = images, tls = tls, hooks = {
        serve = function(_, association) seen = association.tls end,
    } }, { asking.study(study), ... })
    result.tls = seen
    return result
end

local function succeeds(...)
    local result = ask(...)
    assert.equal(0, result.code, result.err)
    assert.equal(2, #result.files)
    return result
end

local function fails(code, text, ...)
    local result = ask(...)
    assert.equal(code, result.code, result.err)
    assert.matches(text, result.err, 1, true)
    assert.same({}, result.files)
    return result
end

local function ours()
    return { "+tls", client.key, client.certificate }
end

local function trusted()
    return { "+cf", root.certificate }
end

local row, finish = asking.rows(it, function(option)
    return option.section == "tls" or option.group == "TLS"
end)

describe("options of the transport:", function()
    row("--disable-tls", "is plain TCP, also where TLS was chosen before", function(name)
        local result = succeeds(nil, ours(), name)
        assert.is_nil(result.tls)
        fails(64, "the peer expects TLS on this port: it answers with a TLS alert", secure(), name)
    end)

    row("--enable-tls", "is TLS with a certificate of ours", function(name)
        local result = succeeds(secure(), name, client.key, client.certificate, trusted())
        assert.same({ "TLS 1.3", "CN=client,O=Clinic", true },
            { result.tls.version, result.tls.subject, result.tls.verified })
        fails(TLS_FAILED, "does not speak TLS on this port, but plain DICOM", nil, name, client.key,
            client.certificate, trusted())
    end)

    row("--anonymous-tls", "is TLS without one", function(name)
        local result = succeeds(secure { verify = false }, ours(), trusted(), name)
        assert.is_nil(result.tls.subject)
        fails(TLS_FAILED, "it demands a certificate of us", secure(), name, trusted())
    end)
end)

describe("options of keys and certificates:", function()
    local locked
    setup(function()
        locked = box:new_path "locked.key"
        box:tool { "openssl", "pkcs8", "-topk8", "-in", client.key, "-out", locked, "-passout",
            "pass:secret" }
    end)

    row("--std-passwd", "asks standard input for the password", function(name)
        local result = asking.ask(box, { directory = images, tls = secure() }, function(port, out)
            return { asking.study(study), "+tls", locked, client.certificate, "+pw", "wrong", name,
                trusted(), "-od", out, "127.0.0.1", port }
        end, { "sh", "-c", 'echo secret | "$@"', "sh" })
        assert.equal(0, result.code, result.err)
    end)

    row("--use-passwd", "takes the password of the command line", function(name)
        succeeds(secure(), "+tls", locked, client.certificate, trusted(), name, "secret")
        fails(20, "not the password", secure(), "+tls", locked, client.certificate, trusted(), name,
            "wrong")
    end)

    row("--null-passwd", "takes an empty one", function(name)
        fails(20, "not the password", secure(), "+tls", locked, client.certificate, trusted(), name)
        succeeds(secure(), ours(), trusted(), name)
    end)

    row("--pem-keys", "reads PEM", function(name)
        succeeds(secure(), ours(), trusted(), "-der", name)
    end)

    row("--der-keys", "reads DER", function(name)
        succeeds(secure(), name, "+tls", certificates.der(box, "pkey", client.key),
            certificates.der(box, "x509", client.certificate), "+cf",
            certificates.der(box, "x509", root.certificate))
        fails(20, "in DER", secure(), ours(), trusted(), name)
    end)
end)

describe("options of authorities:", function()
    local other, revoked
    setup(function()
        other = certificates.authority(box, "other")
        revoked = root:issue { name = "revoked" }
        root:revoke(revoked.certificate)
    end)

    local function secure_revoked()
        return secure { key = revoked.key, certificate = revoked.certificate }
    end

    row("--add-cert-file", "trusts what a file holds; may be repeated", function(name)
        succeeds(secure(), ours(), name, other.certificate, name, root.certificate)
        fails(TLS_FAILED, "nobody who issued it", secure(), ours(), name, other.certificate)
    end)

    row("--add-cert-dir", "trusts what a directory holds; may be repeated", function(name)
        local theirs = certificates.directory(box, other.certificate)
        succeeds(secure(), ours(), name, theirs, name,
            certificates.directory(box, root.certificate))
        fails(TLS_FAILED, "nobody who issued it", secure(), ours(), name, theirs)
    end)

    row("--add-crl-file", "refuses a certificate that is in it, without --enable-crl-vfy",
        function(name)
            fails(TLS_FAILED, "certificate revoked", secure_revoked(), ours(), trusted(), name,
                root:crl())
            succeeds(secure(), ours(), trusted(), name, root:crl())
        end)

    for _, long in ipairs { "--enable-crl-vfy", "--enable-crl-all" } do
        row(long, "looks for a revocation list, of a directory too", function(name)
            local directory = certificates.directory(box, root.certificate, root:crl())
            fails(TLS_FAILED, "certificate revoked", secure_revoked(), ours(), "+cd", directory,
                name)
            succeeds(secure(), ours(), "+cd", directory, name)
            fails(TLS_FAILED, "unable to get certificate CRL", secure(), ours(), trusted(), name)
        end)
    end
end)

describe("options of the security profile:", function()
    row("--list-profiles", "lists them and ends", function(name)
        local result = ask(nil, name)
        assert.same({ 0, "", {} }, { result.code, result.err, result.requests })
        assert.matches("%-%-profile%-8996 +BCP 195 RFC 8996 TLS Profile", result.out)
        local _, lines = result.out:gsub("\n", "")
        assert.equal(8, lines)
    end)

    for _, name_of in ipairs { "8996", "8996-mod", "bcp195-nd", "bcp195", "bcp195-ex", "basic",
        "aes", "null" } do
        row("--profile-" .. name_of, "is what TLS is spoken by", function(name)
            local result = ask(nil, "--list-profiles").out
            if result:match("%-%-profile%-" .. name_of:gsub("%-", "%%-") .. " [^\n]*not avail") then
                fails(TLS_FAILED, "the profile " .. name_of .. " needs the cipher suite", nil,
                    ours(), trusted(), name)
                return
            end
            result = succeeds(secure { profile = name_of }, "+px", ours(), trusted(), "-v", name)
            assert.matches("profile '" .. name_of .. "'", result.err, 1, true)
        end)
    end
end)

describe("options of cipher suites:", function()
    row("--list-ciphers", "lists them by the standard's names, and ends", function(name)
        local result = ask(nil, name)
        assert.same({ 0, "", {} }, { result.code, result.err, result.requests })
        assert.matches("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 +TLS 1.2\n", result.out)
        for line in result.out:gmatch "[^\n]+" do
            assert.matches("^TLS_[%w_]+ +TLS 1%.%d$", line)
        end
        assert.is_nil(result.out:find "PSK")
        assert.is_nil(result.out:find "anon")
    end)

    row("--cipher", "offers one more; may be repeated", function(name)
        local one = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
        local another = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"
        local server_only = secure { profile = "aes", ciphersuites = { one } }
        fails(TLS_FAILED, "allows none of the cipher suites", server_only, ours(), trusted())
        local result = succeeds(server_only, ours(), trusted(), name, another, name, one)
        assert.equal(one, result.tls.ciphersuite)
        fails(1, "forbids", server_only, ours(), trusted(), name, "TLS_RSA_WITH_NULL_SHA")
    end)
end)

describe("options of the server's name:", function()
    row("--no-sni", "names none", function(name)
        assert.is_nil(succeeds(secure(), ours(), trusted()).tls.server_name)
        assert.is_nil(succeeds(secure(), ours(), trusted(), "--request-sni", "pacs.test", name)
            .tls.server_name)
    end)

    row("--request-sni", "names one", function(name)
        assert.equal("pacs.test", succeeds(secure(), ours(), trusted(), name, "pacs.test")
            .tls.server_name)
    end)
end)

describe("options of random numbers:", function()
    local function seed()
        return box:file(("seed"):rep(100), "seed")
    end

    row("--seed", "reads a file, which must be there", function(name)
        local path = seed()
        succeeds(secure(), ours(), trusted(), name, path)
        assert.equal(("seed"):rep(100), support.read(path))
        fails(20, "cannot seed from", secure(), ours(), trusted(), name, box.path .. "/none")
    end)

    row("--write-seed", "writes the file anew", function(name)
        local path = seed()
        succeeds(secure(), ours(), trusted(), "--seed", path, name)
        local written = support.read(path)
        assert.equal(1024, #written)
        assert.is_nil(written:find("seedseed", 1, true))
        fails(1, "needs --seed", secure(), ours(), trusted(), name)
    end)

    row("--write-seed-file", "writes another one", function(name)
        local path, other = seed(), box:new_path "next"
        succeeds(secure(), ours(), trusted(), "--seed", path, name, other)
        assert.equal(("seed"):rep(100), support.read(path))
        assert.equal(1024, #support.read(other))
        fails(1, "needs --seed", secure(), ours(), trusted(), name, other)
        local result = ask(secure(), ours(), trusted(), "--seed", path, name,
            box.path .. "/none/next")
        assert.equal(20, result.code, result.err)
        assert.equal(2, #result.files)
    end)
end)

describe("options of the peer's certificate:", function()
    local alone
    setup(function() alone = certificates.alone(box, "alone") end)

    local function secure_alone()
        return secure { key = alone.key, certificate = alone.certificate }
    end

    row("--require-peer-cert", "wants it to be valid", function(name)
        fails(TLS_FAILED, "self-signed certificate", secure_alone(), ours(), trusted(), "-ic",
            name)
        succeeds(secure(), ours(), trusted(), name)
    end)

    row("--ignore-peer-cert", "takes any, and warns", function(name)
        local result = succeeds(secure_alone(), ours(), "-v", name)
        assert.matches("W: the peer's certificate is not verified", result.err, 1, true)
        assert.matches("W: the peer's certificate is not valid: self-signed", result.err, 1, true)
        assert.matches("verified: nothing; not verified: chain, dates, purpose, host name, "
            .. "revocation\n", result.err, 1, true)
    end)

    row("--verify-hostname", "wants the name of the host in it; else -v tells", function(name)
        local result = succeeds(secure(), ours(), trusted(), "-v")
        assert.matches("verified: chain, dates, purpose; not verified: host name, revocation\n",
            result.err, 1, true)
        result = succeeds(secure(), ours(), trusted(), "-v", name)
        assert.matches("verified: chain, dates, purpose, host name; not verified: revocation\n",
            result.err, 1, true)
        local named = root:issue { name = "named", host = "pacs.test" }
        fails(TLS_FAILED, "mismatch", secure { key = named.key, certificate = named.certificate },
            ours(), trusted(), name)
    end)

    row("--verify-hostname-as", "wants another one", function(name)
        local named = root:issue { name = "named", host = "pacs.test" }
        local tls = secure { key = named.key, certificate = named.certificate }
        succeeds(tls, ours(), trusted(), name, "pacs.test")
        fails(TLS_FAILED, "mismatch", tls, ours(), trusted(), name, "ris.test")
    end)
end)

describe("the TLS options", function() finish() end)

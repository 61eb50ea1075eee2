-- Our own key and certificate: what is wrong with them is told before anything is connected, and
-- the password is asked for where it is needed.

local certificates = require "certificates"
local secured = require "secured"
local support = require "support"

local QUERY = { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3" }
local REJECTED, KEY_OR_CERTIFICATE = 61, 20 -- the openssl server rejects whom TLS lets in
local PASSWORD = "correct horse"

local box, root, server, client
setup(function()
    box = support.box()
    root = certificates.authority(box, "root")
    server = root:issue { name = "server" }
    client = root:issue { name = "client" }
end)
teardown(function() box:close() end)

local function s_server()
    return secured.s_server(box, server, "-CAfile", root.certificate, "-Verify", "2",
        "-verify_return_error")
end

-- The words of an identity.
local function with(key, certificate, ...)
    return support.words("+tls", key, certificate, "+cf", root.certificate, { ... })
end

-- The server has seen this certificate.
local function is_used(words, name)
    local result = secured.ask(box, s_server(), QUERY, words)
    assert.equal(REJECTED, result.code, result.err)
    assert.matches("CN = " .. (name or "client"), result.agreed, 1, true)
    return result
end

-- The program says why, and connects to nobody.
local function is_refused(why, words, input)
    local port = support.free_port()
    local process = box:start(support.words(support.getscu, QUERY, words, "127.0.0.1", port),
        { input = input })
    local result = process:wait()
    assert.same({ KEY_OR_CERTIFICATE, "E: " .. why .. "\n" }, { result.code, result.err })
end

-- An encrypted copy of a key.
local function encrypted(path, password, ...)
    local made = box:new_path "encrypted.key"
    box:tool(support.words("openssl", "pkcs8", "-topk8", "-in", path, "-out", made, "-passout",
        "pass:" .. (password or PASSWORD), { ... }))
    return made
end

describe("a key and a certificate", function()
    it("are shown to the server", function()
        is_used(with(client.key, client.certificate))
        local rsa = root:issue { name = "rsa", key = "rsa" }
        is_used(with(rsa.key, rsa.certificate), "rsa")
    end)

    it("must be there and be readable", function()
        local none = box.path .. "/none"
        is_refused(("cannot read the private key %s: No such file or directory"):format(none),
            with(none, client.certificate))
        is_refused(("cannot read the certificate %s: No such file or directory"):format(none),
            with(client.key, none))
        is_refused(("cannot read the private key %s: Is a directory"):format(box.path),
            with(box.path, client.certificate))
    end)

    it("must be what they are named as", function()
        is_refused(client.certificate .. " holds no private key in PEM",
            with(client.certificate, client.certificate))
        is_refused(client.key .. " holds no certificate in PEM", with(client.key, client.key))
        local empty = box:file ""
        is_refused(empty .. " holds no private key in PEM", with(empty, client.certificate))
    end)

    it("must belong together", function()
        is_refused(("the private key %s does not belong to the certificate %s"):format(server.key,
            client.certificate), with(server.key, client.certificate))
    end)

    it("must not have expired", function()
        local late = root:issue { name = "late", from = -10, to = -1 }
        is_refused(("our certificate %s has expired on %s"):format(late.certificate,
            os.date("!%Y-%m-%d %H:%M UTC", box:tool { "sh", "-c", 'date +%s -d "$(openssl x509 '
                .. '-in "$0" -noout -enddate | cut -d = -f 2)"', late.certificate })),
            with(late.key, late.certificate))
    end)

    it("must be valid already", function()
        local early = root:issue { name = "early", from = 1, to = 10 }
        local port = support.free_port()
        local result = box:getscu(QUERY, with(early.key, early.certificate), "127.0.0.1", port)
        assert.equal(KEY_OR_CERTIFICATE, result.code)
        assert.matches(("E: our certificate %s is not valid before 20"):format(early.certificate),
            result.err, 1, true)
    end)

    it("must not be weaker than the profile allows", function()
        local short = root:issue { name = "short", key = "rsa:1024" }
        for _, name in ipairs { "8996", "8996-mod", "bcp195-nd", "bcp195", "bcp195-ex" } do
            is_refused(("the private key %s (RSA 1024) is weaker than the profile %s allows")
                :format(short.key, name), with(short.key, short.certificate,
                    "--profile-" .. name))
        end
        local tls = secured.s_server(box, root:issue { name = "old", key = "rsa" }, "-CAfile",
            root.certificate, "-Verify", "1")
        local result = secured.ask(box, tls, QUERY, with(short.key, short.certificate,
            "--profile-aes"))
        assert.equal(REJECTED, result.code, result.err)
    end)

    it("may bring a chain to an authority that the server trusts", function()
        local intermediate = root:authority "intermediate"
        local below = intermediate:issue { name = "below" }
        local result = secured.ask(box, s_server(), QUERY, with(below.key, below.certificate))
        assert.equal(70, result.code, result.err) -- the server cannot verify it
        is_used(with(below.key, certificates.concat(box, below.certificate,
            intermediate.certificate)), "below")
    end)

    it("may bring a chain that is not broken off", function()
        local text = support.read(root.certificate)
        local chain = box:file(support.read(client.certificate) .. text:sub(1, #text // 2))
        local result = box:getscu(QUERY, with(client.key, chain), "127.0.0.1", support.free_port())
        assert.equal(KEY_OR_CERTIFICATE, result.code)
        assert.matches("the chain of certificates in " .. chain .. " cannot be read", result.err, 1,
            true)
    end)

    it("may be DER, and say so where they are not what was said", function()
        local key = certificates.der(box, "pkey", client.key)
        local certificate = certificates.der(box, "x509", client.certificate)
        local authority = certificates.der(box, "x509", root.certificate)
        is_used({ "+tls", key, certificate, "-der", "+cf", authority })
        is_refused(key .. " holds no private key in PEM (it looks like DER)",
            with(key, certificate))
        is_refused(client.key .. " holds no private key in DER (it does not look like DER)",
            { "+tls", client.key, certificate, "-der", "+cf", authority })
    end)
end)

describe("authorities and revocation lists", function()
    it("must be readable, and be what they are named as", function()
        local none = box.path .. "/none"
        is_refused(("cannot read the certificate %s: No such file or directory"):format(none),
            { "+tla", "+cf", none })
        is_refused(client.key .. " holds no certificate in PEM", { "+tla", "+cf", client.key })
        is_refused(("cannot read the revocation list %s: No such file or directory"):format(none),
            with(client.key, client.certificate, "+crl", none))
        is_refused(client.key .. " holds no revocation list in PEM",
            with(client.key, client.certificate, "+crl", client.key))
        local empty = box:directory "empty"
        is_refused(("no file in %s holds a certificate in PEM"):format(empty),
            { "+tla", "+cd", empty })
    end)
end)

describe("the password of a key", function()
    local key
    setup(function() key = encrypted(client.key) end)

    local function needs(path)
        return ("password of %s: no line on standard input"):format(path)
    end

    local function wrong(path)
        return ("this is not the password of the private key %s"):format(path)
    end

    it("may be given with +pw, and must be the right one", function()
        is_used(with(key, client.certificate, "+pw", PASSWORD))
        is_refused(wrong(key), with(key, client.certificate, "+pw", "wrong"))
    end)

    it("is empty with -pw", function()
        is_refused(wrong(key), with(key, client.certificate, "-pw"))
        is_used(with(client.key, client.certificate, "-pw"))
    end)

    it("is the first line of standard input, where that is no terminal", function()
        for _, words in ipairs { {}, { "+ps" } } do
            local address = s_server()
            local process = box:start(support.words(support.getscu, QUERY,
                with(key, client.certificate), words, "-ta", "1", "127.0.0.1", address.port),
                { input = box:file(PASSWORD .. "\nmore\n") })
            local result = process:wait()
            assert.equal(63, result.code, result.err) -- TLS stands; nobody answers
            assert.matches("an answer to the association request", result.err, 1, true)
            address.process:stop()
            is_refused(wrong(key), with(key, client.certificate, words), box:file "wrong\n")
            is_refused(needs(key), with(key, client.certificate, words), "/dev/null")
        end
    end)

    it("leaves the rest of standard input to a query file", function()
        local query = "(0008,0052) CS STUDY\n(0020,000d) UI 1.2.3\n"
        local process = box:start(support.words(support.getscu, "-S", with(key,
            client.certificate), "127.0.0.1", support.free_port(), "-"),
            { input = box:file(PASSWORD .. "\n" .. query) })
        local result = process:wait()
        assert.equal(60, result.code, result.err) -- the query was understood, nobody is there
    end)

    it("is not asked for where the key has none", function()
        is_used(with(client.key, client.certificate))
    end)

    -- What the terminal shows when the program asks and this is typed, then its exit code and
    -- whether the terminal echoes again.
    local function typed(bytes)
        local fifo = box:new_path "typed"
        local command = ("trap : INT; %s; echo code $?; stty -a"):format(table.concat(
            support.words(support.getscu, QUERY, with(key, client.certificate), "127.0.0.1",
                support.free_port()), " "))
        local process = box:start { "sh", "-c",
            [[mkfifo "$0" && exec 0<>"$0" && exec script -qec "$1" /dev/null]], fifo, command }
        process:await(function() return process:out():find("password of", 1, true) end, "a prompt")
        local file = assert(io.open(fifo, "wb"))
        file:write(bytes)
        file:close()
        local shown = process:wait().out
        return shown, math.tointeger(shown:match "code (%d+)"), shown:find " echo " ~= nil
    end

    it("is asked for on a terminal without an echo", function()
        if not support.has "script" then pending "script is not installed" end
        local shown, code, echoes = typed(PASSWORD .. "\n")
        assert.same({ 60, true }, { code, echoes }, shown) -- the key was opened, nobody is there
        assert.is_nil(shown:find(PASSWORD, 1, true))
    end)

    it("leaves a terminal that echoes also where the question is interrupted", function()
        if not support.has "script" then pending "script is not installed" end
        local shown, code, echoes = typed "\3" -- Ctrl-C
        assert.same({ 130, true }, { code, echoes }, shown)
    end)

    it("opens keys of every kind", function()
        for _, kind in ipairs { "ec", "rsa" } do
            local made = root:issue { name = kind, key = kind }
            local traditional = box:new_path "traditional.key"
            box:tool { "openssl", kind, "-aes128", "-in", made.key, "-out", traditional, "-passout",
                "pass:" .. PASSWORD }
            is_used(with(traditional, made.certificate, "+pw", PASSWORD), kind)
            is_refused(wrong(traditional), with(traditional, made.certificate, "+pw", "wrong"))
            local der = encrypted(made.key, PASSWORD, "-outform", "DER")
            local words = { "-der", "+tls", der, certificates.der(box, "x509", made.certificate),
                "+cf", certificates.der(box, "x509", root.certificate), "+pw" }
            is_used(support.words(words, PASSWORD), kind)
            is_refused(wrong(der), support.words(words, "wrong"))
        end
    end)

    it("is not shown by --arguments", function()
        local result = box:getscu("--arguments", QUERY, with(key, client.certificate, "+pw",
            PASSWORD), "127.0.0.1", support.free_port())
        assert.equal(60, result.code)
        assert.is_nil(result.err:find(PASSWORD, 1, true))
    end)
end)

--- certificates: authorities that a test makes with openssl, and what they issue.
--
--     local root = certificates.authority(box, "root")
--     local server = root:issue { name = "server" }
--     server.key, server.certificate: files in PEM
--
-- Keys are elliptic where nothing else is wanted, since those are made in no time.

local support = require "support"

local certificates = {}

local Authority = { __index = {} }

local CONFIGURATION = [[
[ca]
default_ca = it
[it]
dir = %s
database = $dir/index.txt
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/certificate.pem
private_key = $dir/key.pem
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
]]

local EXTENSIONS = [[
basicConstraints = critical, CA:FALSE
extendedKeyUsage = %s
subjectAltName = %s
]]

-- A moment as openssl ca takes it, so many days from now.
local function moment(days)
    return os.date("!%Y%m%d%H%M%SZ", os.time() + math.floor(days * 86400))
end

--- A new private key.
-- @param kind "ec" (P-256), "rsa" (2048) or "rsa:BITS"
-- @return path
function certificates.key(box, kind)
    local path = box:new_path("key.pem")
    local bits = kind and kind:match "^rsa:?(%d*)$"
    local what = bits and { "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:"
        .. (bits ~= "" and bits or "2048") } or { "-algorithm", "EC", "-pkeyopt",
        "ec_paramgen_curve:P-256" }
    box:tool(support.words("openssl", "genpkey", "-quiet", what, "-out", path))
    return path
end

local function new(box, name, kind)
    local directory = box:directory(name)
    local self = setmetatable({ box = box, name = name, directory = directory,
        key = directory .. "/key.pem", certificate = directory .. "/certificate.pem",
        configuration = support.write(directory .. "/ca.cfg", CONFIGURATION:format(directory)) },
        Authority)
    support.write(directory .. "/index.txt", "")
    support.write(directory .. "/serial", "01\n")
    support.write(directory .. "/crlnumber", "01\n")
    assert(os.rename(certificates.key(box, kind), self.key))
    return self
end

--- A root, which has signed itself.
-- @param kind of key, as of certificates.key(); nil: elliptic
function certificates.authority(box, name, kind)
    local self = new(box, name, kind)
    box:tool { "openssl", "req", "-x509", "-new", "-key", self.key, "-config", self.configuration,
        "-extensions", "authority", "-subj", "/CN=" .. name, "-utf8", "-days", "30", "-out",
        self.certificate }
    return self
end

--- A key, and a certificate that it has signed itself.
-- @return table: key, certificate (paths)
function certificates.alone(box, name)
    local made = { key = certificates.key(box), certificate = box:new_path("alone.pem") }
    box:tool { "openssl", "req", "-x509", "-new", "-key", made.key, "-subj", "/CN=" .. name,
        "-utf8", "-days", "30", "-addext", "extendedKeyUsage=serverAuth,clientAuth", "-out",
        made.certificate }
    return made
end

-- Signs a request for a key.
local function sign(self, key, wish, extensions)
    local request, certificate = self.box:new_path("request.pem"), self.box:new_path("cert.pem")
    self.box:tool { "openssl", "req", "-new", "-key", key, "-config", self.configuration, "-subj",
        "/O=" .. (wish.organization or "Clinic") .. "/CN=" .. wish.name, "-utf8", "-out", request }
    self.box:tool(support.words("openssl", "ca", "-batch", "-notext", "-utf8", "-config",
        self.configuration, "-in", request, "-out", certificate, "-startdate",
        moment(wish.from or -1), "-enddate", moment(wish.to or 10), "-md", wish.digest or "sha256",
        extensions))
    return certificate
end

--- An authority below this one.
function Authority.__index:authority(name)
    local child = new(self.box, name)
    local signed = sign(self, child.key, { name = name }, { "-extensions", "authority" })
    assert(os.rename(signed, child.certificate))
    return child
end

--- A key and a certificate.
-- @param wish table: name (CN); organization; key (kind of key); from, to (days from now); purpose
--   ("serverAuth", "clientAuth"; both); host (in its alternative names; localhost and 127.0.0.1);
--   digest
-- @return table: key, certificate (paths)
function Authority.__index:issue(wish)
    local key = certificates.key(self.box, wish.key)
    local extensions = self.box:file(EXTENSIONS:format(wish.purpose or "serverAuth, clientAuth",
        wish.host and "DNS:" .. wish.host or "DNS:localhost, IP:127.0.0.1, IP:::1"), "ext")
    return { key = key, certificate = sign(self, key, wish, { "-extfile", extensions }) }
end

--- Revokes what it has issued.
function Authority.__index:revoke(certificate)
    self.box:tool { "openssl", "ca", "-config", self.configuration, "-revoke", certificate }
end

--- Its revocation list of now.
-- @param days until the next one; negative: that was due already
-- @return path
function Authority.__index:crl(days)
    local path = self.box:new_path("crl.pem")
    self.box:tool { "openssl", "ca", "-gencrl", "-config", self.configuration, "-crl_lastupdate",
        moment(-20), "-crl_nextupdate", moment(days or 10), "-out", path }
    return path
end

--- Several files one behind the other.
-- @return path
function certificates.concat(box, ...)
    local parts = {}
    for i, path in ipairs { ... } do parts[i] = support.read(path) end
    return box:file(table.concat(parts), "chain.pem")
end

--- A certificate, key ("pkey") or list ("crl") as DER.
-- @param command of openssl: "x509", "pkey", "crl"
-- @return path
function certificates.der(box, command, path)
    local made = box:new_path(command .. ".der")
    box:tool { "openssl", command, "-in", path, "-outform", "DER", "-out", made }
    return made
end

--- A directory of certificates and lists with names by hash.
-- @return path
function certificates.directory(box, ...)
    local directory = box:directory("hashed")
    for i, path in ipairs { ... } do
        support.write(("%s/%d.pem"):format(directory, i), support.read(path))
    end
    box:tool { "openssl", "rehash", directory }
    return directory
end

return certificates

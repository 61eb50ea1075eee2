--- tls: what secure connections need, as getscu.associate and the archive take it.
--
--     local tls = assert(getscu.tls { certificate = "us.pem", key = "us.key", ca = "ca.pem" })
--     local pacs <close> = assert(getscu.associate { peer = "PACS@pacs:2762", tls = tls })
--
-- Everything is read and checked here, before anything is connected.

local core = require "getscu.core"
local errors = require "getscu.errors"
local log = require "getscu.log"
local suggest = require "getscu.suggest"

local tls = {}

local FIELDS = { "certificate", "key", "password", "format", "ca", "crl", "revocation", "profile",
    "ciphersuites", "verify", "hostname", "sni" }

-- A string, or a list of them, as a list.
local function list_of(value)
    if type(value) == "string" then return { value } end
    return value or {}
end

-- Directories apart from files.
local function split(paths)
    local files, directories = {}, {}
    for _, path in ipairs(paths) do
        local list = core.system.kind(path) == "directory" and directories or files
        list[#list + 1] = path
    end
    return files, directories
end

local function profile_of(name)
    local profiles, err = core.tls.profiles()
    if not profiles then return nil, errors.wrap(err) end
    local names = {}
    for i, profile in ipairs(profiles) do
        if profile.name == (name or profiles[1].name) then return profile end
        names[i] = profile.name
    end
    error(("unknown TLS profile '%s'%s"):format(name, suggest.hint(name, names)), 3)
end

-- Whether these may be offered besides those of the profile; warns where they had better not be.
local function check_ciphersuites(names, profile)
    local known, by_name = {}, {}
    local suites, err = core.tls.ciphersuites(profile.name)
    if not suites then return nil, errors.wrap(err) end
    for i, suite in ipairs(suites) do known[i], by_name[suite.name] = suite.name, suite end
    for _, name in ipairs(names) do
        local suite = by_name[name]
        if not suite then
            return nil, errors.new { code = "tls-cipher", message = ("the cipher suite '%s' is not "
                .. "known to %s%s"):format(name, core.versions().openssl,
                suggest.hint(name, known)) }
        elseif suite.verdict == "discouraged" then
            log.warn("the cipher suite %s is discouraged: %s", name, suite.why)
        end
    end
    return true
end

-- Warns of what leaves a connection open.
local function warn(profile, verify)
    if profile.unencrypted then
        log.warn("the TLS profile '%s' does not encrypt: everybody on the way can read the objects",
            profile.name)
    end
    if not verify then
        log.warn("the peer's certificate is not verified: anybody can pass for the peer")
    end
end

-- The core's context; a key that turns out to be encrypted has its password asked for.
local function make(fields, password)
    local context, err = core.tls.context(fields)
    if context or err.code ~= "key-password" or fields.password or not password then
        return context, errors.wrap(err)
    end
    fields.password, err = password()
    if not fields.password then return nil, errors.wrap(err) end
    context, err = core.tls.context(fields)
    return context, errors.wrap(err)
end

--- What connections with TLS have in common.
-- @param options table: certificate and key (files; without them we have none, and cannot listen);
--   password (of the key: a string, or function() -> string | nil, err, called if it is encrypted);
--   format ("pem", the default, or "der": of all files); ca (file or directory of certificates that
--   are trusted, or a list); crl (revocation list file, or a list); revocation ("leaf": of the
--   peer's certificate, the default with crl; "chain": of all its chain); profile (name; default
--   "8996"); ciphersuites (list, offered besides those of the profile); verify (default true: the
--   peer needs a valid certificate); hostname (true: it must be made out to the host that is
--   connected to; a string: to this one); sni (which server is asked for)
-- @return context | nil, err
function tls.tls(options)
    errors.check_fields(options, FIELDS, "getscu.tls")
    local verify, ca, crl = options.verify ~= false, list_of(options.ca), list_of(options.crl)
    if verify and #ca == 0 then
        error("getscu.tls needs 'ca', unless 'verify' is false", 2)
    elseif (options.key == nil) ~= (options.certificate == nil) then
        error("getscu.tls needs both 'key' and 'certificate', or neither", 2)
    end
    local profile, err = profile_of(options.profile)
    if not profile then return nil, err end
    local suites = list_of(options.ciphersuites)
    local known
    known, err = check_ciphersuites(suites, profile)
    if not known then return nil, err end
    local files, directories = split(ca)
    local password = options.password
    local host = options.hostname
    local context
    context, err = make({
        profile = profile.name, ciphersuites = suites, key = options.key,
        certificate = options.certificate, der = options.format == "der",
        password = type(password) == "string" and password or nil,
        ca_files = files, ca_directories = directories, crl_files = crl,
        revocation = options.revocation or #crl > 0 and "leaf" or nil, verify = verify,
        verify_host = host ~= nil and host ~= false, host = type(host) == "string" and host or nil,
        sni = options.sni,
    }, type(password) == "function" and password or nil)
    if context then warn(profile, verify) end
    return context, err
end

-- --- the command line ----------------------------------------------------------------------------

local function ask_password(key)
    return function() return core.system.prompt(("password of %s: "):format(key)) end
end

--- What a command line means.
-- @param settings table of getscu.commandline
-- @return context | nil: no TLS is wanted | nil, err
function tls.from(settings)
    if settings.tls == "off" then return nil end
    if settings.tls_seed then
        local done, err = core.tls.seed(settings.tls_seed)
        if not done then return nil, errors.wrap(err) end
    end
    local ours = settings.tls == "authenticated"
    local password = settings.tls_password or ask_password(settings.tls_key)
    local ca = table.move(settings.tls_ca_files, 1, #settings.tls_ca_files, 1, {})
    table.move(settings.tls_ca_directories, 1, #settings.tls_ca_directories, #ca + 1, ca)
    return tls.tls {
        key = ours and settings.tls_key or nil,
        certificate = ours and settings.tls_certificate or nil,
        password = ours and password or nil,
        format = settings.tls_format,
        ca = ca,
        crl = settings.tls_crl_files,
        revocation = settings.tls_crl_all and "chain" or settings.tls_crl_leaf and "leaf" or nil,
        profile = settings.tls_profile,
        ciphersuites = settings.tls_ciphers,
        verify = settings.tls_verify,
        hostname = settings.tls_hostname,
        sni = settings.tls_sni or nil,
    }
end

--- Writes a new seed for the next run, where the command line wants that.
-- @return true | nil, err
function tls.write_seed(settings)
    local path = settings.tls_seed_output or settings.tls_write_seed and settings.tls_seed
    if settings.tls == "off" or not path then return true end
    local done, err = core.tls.write_seed(path)
    return done, errors.wrap(err)
end

-- --- in words ------------------------------------------------------------------------------------

-- Lists what is, and what is not, of pairs {name, whether}.
local function sort(pairs_of)
    local is, is_not = {}, {}
    for _, pair in ipairs(pairs_of) do
        local list = pair[2] and is or is_not
        list[#list + 1] = pair[1]
    end
    return table.concat(is, ", "), table.concat(is_not, ", ")
end

--- Logs what an association with TLS has agreed on, and what of the peer was verified.
-- @param facts table: association.tls
function tls.tell(facts)
    log.info("TLS: %s, %s, profile '%s'", facts.version, facts.ciphersuite, facts.profile)
    if not facts.subject then
        log.info("TLS: the peer has no certificate")
        return
    end
    log.info("TLS: the peer is %s (%s), by %s", facts.subject, facts.key, facts.issuer)
    local of = { leaf = " of the certificate itself", chain = " of the whole chain" }
    local is, is_not = sort { { "chain", facts.verified }, { "dates", facts.verified },
        { "purpose", facts.verified }, { "host name", facts.host_verified },
        { "revocation" .. (of[facts.revocation] or ""), facts.revocation } }
    log.info("TLS: verified: %s; not verified: %s", is ~= "" and is or "nothing",
        is_not ~= "" and is_not or "nothing")
    if facts.problem then log.warn("the peer's certificate is not valid: %s", facts.problem) end
end

--- The profiles, one a line, for --list-profiles.
-- @return string that ends with a newline | nil, err
function tls.profile_list()
    local profiles, err = core.tls.profiles()
    if not profiles then return nil, errors.wrap(err) end
    local lines = {}
    for i, profile in ipairs(profiles) do
        local notes = { ("%s to %s"):format(profile.least, profile.most) }
        if profile.least == profile.most then notes[1] = profile.least end
        if i == 1 then notes[#notes + 1] = "default" end
        if profile.retired then notes[#notes + 1] = "retired" end
        if profile.missing then
            notes[#notes + 1] = ("not available: this OpenSSL does not have %s"):format(
                profile.missing)
        end
        lines[i] = ("--profile-%-10s %s (%s)\n"):format(profile.name, profile.title,
            table.concat(notes, "; "))
    end
    return table.concat(lines)
end

--- The cipher suites that may be named, one a line, for --list-ciphers.
-- @return string that ends with a newline | nil, err
function tls.ciphersuite_list()
    local suites, err = core.tls.ciphersuites()
    if not suites then return nil, errors.wrap(err) end
    local lines = {}
    for i, suite in ipairs(suites) do
        lines[i] = ("%-48s %s\n"):format(suite.name, suite.version)
    end
    return table.concat(lines)
end

return tls

--- options.parameters: the words that belong to no option, and the rules that rows cannot say.

local commandline = require "getscu.commandline"
local tls = require "getscu.options.tls"

local parameters = {
    { name = "peer", type = "string", field = "peer",
        en = "the host name or address of the peer; AET@host:port names all three at once, and "
            .. "then there is no port after it",
        ja = "相手のホスト名かアドレス。AET@host:port と書けば三つを兼ね、後の port は不要" },
    { name = "port", type = "integer", min = 1, max = 65535, field = "port",
        en = "its TCP port", ja = "相手の TCP ポート" },
    { name = "dcmfile-in", type = "file", field = "files", list = true,
        en = "DICOM files, each the query of one C-GET",
        ja = "DICOM ファイル。一つが一回の C-GET のクエリになる" },
}

local VERBOSE = { info = true, debug = true, trace = true }

-- The parts of AET@host:port; an IPv6 address stands in brackets.
local function parts_of(peer)
    local called, host, port = peer:match("^([^@]+)@(.+):(%d+)$")
    local address = host and host:match("^%[([%x:.]*:[^%[%]]*)%]$")
    if address then return called, address, port end
    if host and not host:find("[%[%]:@]") then return called, host, port end
end

--- Takes a peer in one word apart, and chooses IPv6 for an address that is one.
-- @param rest words that belong to no option; changed in place
-- @param settings changed in place
-- @param given what the options were given as, by long name
-- @return nil | what is wrong
function parameters.prepare(rest, settings, given)
    local peer = rest[1]
    if not peer then return end
    if peer:find("@", 1, true) then
        local called, host, port = parts_of(peer)
        if not called then
            return ("peer '%s' must be a host, AET@host:port or AET@[IPv6 address]:port"):format(
                peer)
        end
        if given["--call"] and settings.called ~= called then
            return ("peer '%s' and option %s name different AE titles"):format(peer,
                given["--call"])
        end
        local title, must = commandline.types.title(called)
        if not title then return ("peer: '%s' %s"):format(called, must) end
        settings.called = title
        rest[1] = host
        table.insert(rest, 2, port)
    else
        rest[1] = peer:match("^%[([%x:.]*:[^%[%]]*)%]$") or peer
    end
    local chosen = given["--ipv4"] or given["--ipv6"] or given["--ip-auto"]
    if rest[1]:find(":", 1, true) and not chosen then settings.family = "ipv6" end
end

-- A TLS option that was given without TLS: who forgets +tls must not send in the clear.
local function stray_tls_option(given)
    for _, group in ipairs(tls) do
        for _, option in ipairs(group) do
            if option.field ~= "tls" and given[option[2]] then return given[option[2]] end
        end
    end
    return given["--verify-hostname"] or given["--verify-hostname-as"]
end

local function check_tls(settings, given)
    if settings.tls == "off" then
        local name = stray_tls_option(given)
        return name and ("option %s needs --enable-tls or --anonymous-tls"):format(name)
    end
    if settings.tls_verify and #settings.tls_ca_files + #settings.tls_ca_directories == 0 then
        return ("option %s needs the certificates of an authority that the peer's is verified by: "
            .. "+cf or +cd (-ic leaves it unverified)"):format(given["--anonymous-tls"]
            or given["--enable-tls"])
    end
end

--- The manual's rules that the table cannot say.
-- @return nil | what is wrong
function parameters.check(settings, positional, given)
    if #positional.files == 0 and #settings.keys == 0 then
        return "no query: give a query file, or at least one key with -k"
    end
    local verbose = settings.log_config or VERBOSE[settings.log_level]
    if settings.show_contexts and not verbose then
        return ("option %s needs --verbose, --debug or a log level from info on"):format(
            given["--verbose-pc"])
    end
    return check_tls(settings, given)
end

return parameters

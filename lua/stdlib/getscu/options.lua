--- options: the one table of the command line's options and parameters.
--
-- Parser, help text, manual page and completions are made from it. A row is
--
--     { short or false, long, field =, value =, en =, ... }
--
-- and means: this option sets `settings[field]` to `value`, or to its argument where it has one.
-- Options that set the same field exclude one another, and the rightmost wins. Other keys of a row:
--
--   arguments   list of { name =, type =, min =, max =, choices = }; types: commandline.types. An
--               argument with a `field` of its own sets that field, beside `value`
--   list        the option may be repeated; the field is a list, in the order given
--   default     true: `value` is what holds when no option sets the field; else the field's value
--   implies     fields that it sets besides
--   conflicts   long names that it cannot stand beside
--   requires    long name of an option that must be there too
--   ready       the program does it; without, it is answered with "is not available yet"
--   en          help in English; other languages stand beside it under their own code
--
-- A script's options are rows of the same kind; for a boolean, one row sets true and one (`--no-x`)
-- sets false.

local SECONDS = { { name = "seconds", type = "integer", min = 0 } }
local TITLE = { { name = "title", type = "string" } }
local FILE = { { name = "file", type = "file" } }
local DIRECTORY = { { name = "directory", type = "directory" } }

local LEVELS = { "fatal", "error", "warn", "info", "debug", "trace" }

local sections = {
    { name = "general", en = "general options", { name = "",
        { "-h", "--help", field = "action", value = "help", ready = true,
            en = "show this text and exit" },
        { false, "--version", field = "action", value = "version", ready = true,
            en = "show the version and exit" },
        { false, "--arguments", field = "show_arguments", value = true,
            en = "show the command line after command files are expanded" },
        { "-q", "--quiet", field = "log_level", value = "fatal", ready = true,
            en = "log nothing below fatal errors" },
        { "-v", "--verbose", field = "log_level", value = "info", ready = true,
            en = "log what is done" },
        { "-d", "--debug", field = "log_level", value = "debug", ready = true,
            en = "log what helps to find faults" },
        { "-ll", "--log-level", field = "log_level", default = "warn", ready = true,
            arguments = { { name = "level", type = "choice", choices = LEVELS } },
            en = "log from this level on: fatal, error, warn, info, debug, trace" },
        { "-lc", "--log-config", field = "log_config", arguments = FILE,
            en = "configure the log by a file" },
        { "+v", "--verbose-pc", field = "show_contexts", value = true,
            en = "with --verbose, log the presentation contexts too" },
    } },
    { name = "network", en = "network options",
        { name = "override matching keys", en = "matching keys",
            { "-k", "--key", field = "keys", list = true, ready = true,
                arguments = { { name = "key[=value]", type = "string" } },
                en = "set a key (keyword, gggg,eeee or path) of every query; may be repeated" },
        },
        { name = "query information model", en = "query/retrieve information model",
            { "-P", "--patient", field = "model", value = "patient", default = true, ready = true,
                en = "Patient Root" },
            { "-S", "--study", field = "model", value = "study", ready = true, en = "Study Root" },
            { "-O", "--psonly", field = "model", value = "psonly", ready = true,
                en = "Patient/Study Only (retired)" },
        },
        { name = "IP protocol version", en = "IP version",
            { "-i4", "--ipv4", field = "family", value = "ipv4", default = true, ready = true,
                en = "connect by IPv4" },
            { "-i6", "--ipv6", field = "family", value = "ipv6", ready = true,
                en = "connect by IPv6" },
            { "-i0", "--ip-auto", field = "family", value = "any", ready = true,
                en = "connect by whichever the peer's name has" },
        },
        { name = "application entity titles", en = "application entity titles",
            { "-aet", "--aetitle", field = "calling", arguments = TITLE, default = "GETSCU",
                ready = true, en = "the calling AE title, ours" },
            { "-aec", "--call", field = "called", arguments = TITLE, default = "ANY-SCP",
                ready = true, en = "the called AE title, the peer's" },
        },
        { name = "preferred storage transfer syntaxes (incoming associations)",
            en = "transfer syntax preferred for objects",
            { "+x=", "--prefer-uncompr", field = "prefer", value = "uncompr", default = true,
                en = "Explicit VR in this machine's byte order" },
            { "+xe", "--prefer-little", field = "prefer", value = "little",
                en = "Explicit VR Little Endian" },
            { "+xb", "--prefer-big", field = "prefer", value = "big",
                en = "Explicit VR Big Endian" },
            { "+xs", "--prefer-lossless", field = "prefer", value = "lossless",
                en = "JPEG Lossless, process 14 selection value 1" },
            { "+xy", "--prefer-jpeg8", field = "prefer", value = "jpeg8",
                en = "JPEG Baseline, 8 bits" },
            { "+xx", "--prefer-jpeg12", field = "prefer", value = "jpeg12",
                en = "JPEG Extended, 12 bits" },
            { "+xv", "--prefer-j2k-lossless", field = "prefer", value = "j2k-lossless",
                en = "JPEG 2000, lossless only" },
            { "+xw", "--prefer-j2k-lossy", field = "prefer", value = "j2k-lossy",
                en = "JPEG 2000" },
            { "+xt", "--prefer-jls-lossless", field = "prefer", value = "jls-lossless",
                en = "JPEG-LS Lossless" },
            { "+xu", "--prefer-jls-lossy", field = "prefer", value = "jls-lossy",
                en = "JPEG-LS Near-Lossless" },
            { "+xm", "--prefer-mpeg2", field = "prefer", value = "mpeg2",
                en = "MPEG2 Main Profile, Main Level" },
            { "+xh", "--prefer-mpeg2-high", field = "prefer", value = "mpeg2-high",
                en = "MPEG2 Main Profile, High Level" },
            { "+xn", "--prefer-mpeg4", field = "prefer", value = "mpeg4",
                en = "H.264 High Profile, Level 4.1" },
            { "+xl", "--prefer-mpeg4-bd", field = "prefer", value = "mpeg4-bd",
                en = "H.264 High Profile, Level 4.1, BD-compatible" },
            { "+x2", "--prefer-mpeg4-2-2d", field = "prefer", value = "mpeg4-2-2d",
                en = "H.264 High Profile, Level 4.2, for 2D video" },
            { "+x3", "--prefer-mpeg4-2-3d", field = "prefer", value = "mpeg4-2-3d",
                en = "H.264 High Profile, Level 4.2, for 3D video" },
            { "+xo", "--prefer-mpeg4-2-st", field = "prefer", value = "mpeg4-2-st",
                en = "H.264 Stereo High Profile, Level 4.2" },
            { "+x4", "--prefer-hevc", field = "prefer", value = "hevc",
                en = "H.265 Main Profile, Level 5.1" },
            { "+x5", "--prefer-hevc10", field = "prefer", value = "hevc10",
                en = "H.265 Main 10 Profile, Level 5.1" },
            { "+xr", "--prefer-rle", field = "prefer", value = "rle", en = "RLE Lossless" },
            { "+xd", "--prefer-deflated", field = "prefer", value = "deflated",
                en = "Deflated Explicit VR Little Endian" },
            { "+xi", "--implicit", field = "prefer", value = "implicit",
                en = "Implicit VR Little Endian, and no other" },
        },
        { name = "proposed retrieve transfer syntaxes (outgoing associations)",
            en = "transfer syntaxes proposed for the query",
            { "-x=", "--propose-uncompr", field = "propose", value = "uncompr", default = true,
                en = "all uncompressed, this machine's byte order first" },
            { "-xe", "--propose-little", field = "propose", value = "little",
                en = "all uncompressed, Explicit VR Little Endian first" },
            { "-xb", "--propose-big", field = "propose", value = "big",
                en = "all uncompressed, Explicit VR Big Endian first" },
            { "-xd", "--propose-deflated", field = "propose", value = "deflated",
                en = "Deflated Explicit VR Little Endian, then all uncompressed" },
            { "-xi", "--propose-implicit", field = "propose", value = "implicit",
                en = "Implicit VR Little Endian, and no other" },
        },
        { name = "other network options", en = "other network options",
            { "-to", "--timeout", field = "connect_timeout", arguments = SECONDS, ready = true,
                en = "the longest wait for a connection (default: no limit)" },
            { "-ta", "--acse-timeout", field = "acse_timeout", arguments = SECONDS, default = 30,
                ready = true, en = "the longest wait for an answer about the association" },
            { "-td", "--dimse-timeout", field = "dimse_timeout", arguments = SECONDS, ready = true,
                en = "the longest wait without progress of a message (default: no limit)" },
            { "-pdu", "--max-pdu", field = "max_pdu", default = 16384, ready = true,
                arguments = { { name = "bytes", type = "integer", min = 4096, max = 131072 } },
                en = "the largest PDU that we take, 4096 to 131072" },
            { false, "--repeat", field = "repeats", default = 1, ready = true,
                arguments = { { name = "number", type = "integer", min = 1 } },
                en = "do everything this number of times" },
            { false, "--abort", field = "abort", value = true, ready = true,
                en = "end the association by A-ABORT, not by A-RELEASE" },
        },
    },
    { name = "tls", en = "TLS options",
        { name = "transport protocol stack", en = "transport",
            { "-tls", "--disable-tls", field = "tls", value = "off", default = true,
                en = "TCP without TLS" },
            { "+tls", "--enable-tls", field = "tls", value = "authenticated",
                arguments = { { name = "key-file", type = "file", field = "tls_key" },
                    { name = "certificate-file", type = "file", field = "tls_certificate" } },
                en = "TLS with a private key and a certificate" },
            { "+tla", "--anonymous-tls", field = "tls", value = "anonymous",
                en = "TLS without a certificate of ours" },
        },
        { name = "private key password (only with --enable-tls)", en = "private key's password",
            { "+ps", "--std-passwd", field = "tls_password", value = false, default = true,
                requires = "--enable-tls", en = "ask for it on standard input" },
            { "+pw", "--use-passwd", field = "tls_password", requires = "--enable-tls",
                arguments = { { name = "password", type = "string" } }, en = "this one" },
            { "-pw", "--null-passwd", field = "tls_password", value = "",
                requires = "--enable-tls", en = "an empty one" },
        },
        { name = "key and certificate file format", en = "format of keys and certificates",
            { "-pem", "--pem-keys", field = "tls_format", value = "pem", default = true,
                en = "PEM" },
            { "-der", "--der-keys", field = "tls_format", value = "der", en = "DER" },
        },
        { name = "certification authority", en = "certification authorities",
            { "+cf", "--add-cert-file", field = "tls_ca_files", list = true, arguments = FILE,
                en = "trust the certificates of a file; may be repeated" },
            { "+cd", "--add-cert-dir", field = "tls_ca_directories", list = true,
                arguments = DIRECTORY, en = "trust those of a directory; may be repeated" },
            { "+crl", "--add-crl-file", field = "tls_crl_files", list = true, arguments = FILE,
                implies = { tls_crl_leaf = true },
                en = "use a revocation list; turns on --enable-crl-vfy; may be repeated" },
            { "+crv", "--enable-crl-vfy", field = "tls_crl_leaf", value = true,
                en = "check the peer's own certificate for revocation" },
            { "+cra", "--enable-crl-all", field = "tls_crl_all", value = true,
                en = "check its whole chain for revocation" },
        },
        { name = "security profile", en = "security profile",
            { "+ph", "--list-profiles", field = "action", value = "list-profiles",
                en = "list the profiles and exit" },
            { "+pg", "--profile-8996", field = "tls_profile", value = "8996", default = true,
                en = "BCP 195 RFC 8996" },
            { "+pm", "--profile-8996-mod", field = "tls_profile", value = "8996-mod",
                en = "Modified BCP 195 RFC 8996" },
            { "+py", "--profile-bcp195-nd", field = "tls_profile", value = "bcp195-nd",
                en = "Non-downgrading BCP 195 (retired)" },
            { "+px", "--profile-bcp195", field = "tls_profile", value = "bcp195",
                en = "BCP 195 (retired)" },
            { "+pz", "--profile-bcp195-ex", field = "tls_profile", value = "bcp195-ex",
                en = "Extended BCP 195 (retired)" },
            { "+pb", "--profile-basic", field = "tls_profile", value = "basic",
                en = "Basic TLS Secure Transport Connection (retired)" },
            { "+pa", "--profile-aes", field = "tls_profile", value = "aes",
                en = "AES TLS Secure Transport Connection (retired)" },
            { "+pn", "--profile-null", field = "tls_profile", value = "null",
                en = "authentication without encryption (retired)" },
        },
        { name = "ciphersuite", en = "cipher suites",
            { "+cc", "--list-ciphers", field = "action", value = "list-ciphers",
                en = "list the cipher suites and exit" },
            { "+cs", "--cipher", field = "tls_ciphers", list = true,
                arguments = { { name = "suite", type = "string" } },
                en = "offer this cipher suite; may be repeated" },
        },
        { name = "server name indication", en = "server name indication",
            { false, "--no-sni", field = "tls_sni", value = false, default = true,
                en = "name no server" },
            { false, "--request-sni", field = "tls_sni", en = "name this server",
                arguments = { { name = "server", type = "string" } } },
        },
        { name = "pseudo random generator", en = "random numbers",
            { "+rs", "--seed", field = "tls_seed", arguments = FILE, en = "seed with a file" },
            { "+ws", "--write-seed", field = "tls_write_seed", value = true, requires = "--seed",
                en = "write the seed back to that file" },
            { "+wf", "--write-seed-file", field = "tls_seed_output", arguments = FILE,
                requires = "--seed", en = "write the seed to another file" },
        },
        { name = "peer authentication", en = "the peer's certificate",
            { "-rc", "--require-peer-cert", field = "tls_verify", value = true, default = true,
                en = "must be there and be valid" },
            { "-ic", "--ignore-peer-cert", field = "tls_verify", value = false,
                en = "is not looked at" },
        },
    },
    { name = "output", en = "output options",
        { name = "general", en = "general",
            { "-od", "--output-directory", field = "directory", arguments = DIRECTORY,
                default = ".", ready = true, en = "where objects go; it must exist" },
        },
        { name = "storage mode", en = "storage mode",
            { "-B", "--normal", field = "storage", value = "normal", default = true, ready = true,
                en = "hold an object in memory, up to a limit, then write its file" },
            { "+B", "--bit-preserving", field = "storage", value = "bit-preserving", ready = true,
                en = "write an object to its file as it arrives" },
            { false, "--ignore", field = "ignore", value = true, ready = true,
                conflicts = { "--output-directory", "--normal", "--bit-preserving" },
                en = "receive objects and keep none" },
        },
    },
}

local parameters = {
    { name = "peer", type = "string", field = "peer", en = "the host name or address of the peer" },
    { name = "port", type = "integer", min = 1, max = 65535, field = "port",
        en = "its TCP port" },
    { name = "dcmfile-in", type = "file", field = "files", list = true,
        en = "DICOM files, each the query of one C-GET" },
}

--- The manual's rule that the table cannot say. Returns nil, or what is wrong.
local function check(settings, positional)
    if #positional.files == 0 and #settings.keys == 0 then
        return "no query: give a query file, or at least one key with -k"
    end
end

-- The rows as one list of options, each with its names, section and group.
local function flatten()
    local list = {}
    for _, section in ipairs(sections) do
        for _, group in ipairs(section) do
            for _, option in ipairs(group) do
                option.short, option.long = option[1] or nil, option[2]
                option.section, option.group = section.name, group.name
                option.arguments = option.arguments or {}
                list[#list + 1] = option
            end
        end
    end
    return list
end

return {
    program = "getscu",
    summary = { en = "retrieve DICOM objects with C-GET" },
    sections = sections, -- sections of groups of options, in the manual's order
    list = flatten(), -- the same options in one list
    parameters = parameters,
    check = check,
}

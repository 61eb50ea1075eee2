--- errors: what a failure of network, peer, file or script is told with.
--
-- A caller's mistake raises a string. Everything else returns `nil, err`, where `err` is a table:
-- `code` (stable, one of `errors.codes`), `message` (what, where, and what to do) and details in
-- the standard's terms (`result`, `source`, `reason`, `status`, `comment`; `signal`, `errno`).
-- `tostring(err)` is the message.

local suggest = require "getscu.suggest"

local errors = {}

--- Every stable code: the exit code of the program that it ends, and when it occurs.
errors.codes = {
    ["command-line"] = { exit = 1, when = "the command line is wrong" },
    ["bad-key"] = { exit = 1, when = "a matching key cannot be read" },
    ["bad-path"] = { exit = 1, when = "an attribute is unknown, or its path cannot be read" },
    ["bad-template"] = { exit = 1, when = "a template of file names cannot be read" },
    ["bad-value"] = { exit = 1, when = "an attribute cannot have this value" },
    ["charset"] = { exit = 1, when = "a character set cannot hold the text" },
    ["tls-cipher"] = { exit = 1, when = "a cipher suite is unknown or forbidden" },
    ["no-item"] = { exit = 1, when = "a sequence has no such item" },
    ["query-file"] = { exit = 20, when = "a query file cannot be used" },
    ["read-failed"] = { exit = 20, when = "a file cannot be read" },
    ["key-file"] = { exit = 20, when = "our private key cannot be used" },
    ["key-password"] = { exit = 20, when = "the password of our private key is missing or wrong" },
    ["certificate-file"] = { exit = 20, when = "our certificate cannot be used, or has expired" },
    ["ca-file"] = { exit = 20, when = "certificates to trust cannot be read" },
    ["crl-file"] = { exit = 20, when = "a certificate revocation list cannot be read" },
    ["seed-file"] = { exit = 20, when = "a seed of random numbers cannot be read or written" },
    ["log-config"] = { exit = 20, when = "the log's configuration file cannot be used" },
    ["no-dictionary"] = { exit = 20, when = "no data dictionary can be loaded" },
    ["bad-csv"] = { exit = 20, when = "a text is not CSV" },
    ["bad-json"] = { exit = 20, when = "a text is not JSON, or not of the DICOM JSON model" },
    ["dataset-file"] = { exit = 20, when = "a DICOM file cannot be read or written" },
    ["dataset-parse"] = { exit = 20, when = "bytes are not a data set" },
    ["dataset-syntax"] = { exit = 20, when = "a data set cannot be written in a transfer syntax" },
    ["imaging-ended"] = { exit = 20, when = "DCMTK crashed on pixel data, or took too long" },
    ["pixel-data"] = { exit = 20, when = "pixel data is missing, broken, or not to be converted" },
    ["dataset-value"] = { exit = 20, when = "an element's value cannot be read" },
    ["object-write"] = { exit = 40, when = "an object cannot be written" },
    ["object-exists"] = { exit = 40, when = "a file of an object's name is there, and shall stay" },
    ["object-broken"] = { exit = 68, when = "what came as an object is no well-formed data set" },
    ["object-empty"] = { exit = 68, when = "what came as an object is an empty data set" },
    ["object-mismatch"] = { exit = 68, when = "an object's UIDs are not those of its request" },
    ["object-name"] = { exit = 40, when = "no safe path can be made of an object's name" },
    ["object-too-large"] = { exit = 40, when = "an object is larger than its sink takes" },
    ["report-write"] = { exit = 43, when = "the report cannot be written" },
    ["output-directory"] = { exit = 45, when = "the output directory is missing or unwritable" },
    ["lookup-failed"] = { exit = 60, when = "the peer's name has no address" },
    ["connect-refused"] = { exit = 60, when = "nobody listens at the peer's port" },
    ["connect-failed"] = { exit = 60, when = "no address of the peer can be connected to" },
    ["listen-failed"] = { exit = 60, when = "a port cannot be listened on" },
    ["accept-failed"] = { exit = 60, when = "a connection cannot be accepted" },
    ["association-rejected"] = { exit = 61, when = "A-ASSOCIATE-RJ" },
    ["peer-aborted"] = { exit = 62, when = "A-ABORT from the peer" },
    ["peer-closed"] = { exit = 62, when = "the peer closed or reset the connection" },
    ["peer-released"] = { exit = 62, when = "the peer released before its final response" },
    ["connect-timeout"] = { exit = 63, when = "no connection in time" },
    ["acse-timeout"] = { exit = 63, when = "no answer to an association request in time" },
    ["dimse-timeout"] = { exit = 63, when = "no progress of a message in time" },
    ["write-timeout"] = { exit = 63, when = "the peer stopped reading what we send" },
    ["cancel-timeout"] = { exit = 63, when = "the peer went on after a C-CANCEL" },
    ["retrieve-timeout"] = { exit = 63, when = "a whole C-GET took longer than was allowed" },
    ["release-timeout"] = { exit = 63, when = "no answer to A-RELEASE-RQ in time" },
    ["protocol-error"] = { exit = 64, when = "the peer broke PS3.7 or PS3.8" },
    ["no-context"] = { exit = 66, when = "no presentation context was accepted for this" },
    ["no-match"] = { exit = 68, when = "a query matched nothing, and had to" },
    ["partial"] = { exit = 68, when = "some objects did not arrive or were not kept" },
    ["failed"] = { exit = 69, when = "the peer answered with a failure" },
    ["cancelled"] = { exit = 69, when = "the peer ended with Cancel, which nobody asked for" },
    ["signals"] = { exit = 69, when = "signals cannot be caught" },
    ["out-of-memory"] = { exit = 69, when = "an allocation failed" },
    ["memory"] = { exit = 69, when = "an allocation failed in a data set" },
    ["tls-failed"] = { exit = 70, when = "TLS with the peer fails, or it does not speak TLS" },
    ["tls-profile"] = { exit = 70, when = "OpenSSL at hand lacks what a TLS profile needs" },
    ["peer-certificate"] = { exit = 70, when = "the peer's certificate is not accepted" },
    ["hook-failed"] = { exit = 80, when = "a hook of a script raised an error" },
    ["dataset-expired"] = { exit = 80, when = "a data set or item is used after its end" },
    ["incomplete"] = { exit = 80, when = "an attribute is used that has not arrived yet" },
    ["deidentify-refused"] = { exit = 80, when = "an object cannot be de-identified for certain" },
    ["not-associated"] = { exit = 80, when = "an association is used that does not stand" },
    ["busy"] = { exit = 80, when = "a data set is sent before the one before it has gone" },
    ["no-request"] = { exit = 80, when = "there is no request to cancel" },
    ["released"] = { exit = 80, when = "an association is used after its release" },
    ["aborted"] = { exit = 80, when = "an association is used after it was aborted or closed" },
    ["spawn-failed"] = { exit = 80, when = "a command cannot be run" },
    ["script-exit"] = { exit = 80, when = "a script called os.exit; `exit` is its exit code" },
    ["imaging-missing"] = { exit = 81, when = "the module for pixel data is not installed" },
    ["script-load"] = { exit = 81, when = "a script does not load" },
    ["script-limit"] = { exit = 82, when = "a script ran past its limits" },
    ["interrupted"] = { exit = 130, when = "a signal; `signal` is its number, exit 128 + signal" },
}

local UNLISTED_EXIT = 69 -- of a code that is not in the table

-- The core makes its errors with the metatable of this name in the registry (luaL_newmetatable). It
-- is filled here, so those errors are ours, whichever of the two modules is loaded first.
local TYPE_NAME = "getscu.error"
local registry = debug.getregistry()
registry[TYPE_NAME] = registry[TYPE_NAME] or {}
local metatable = registry[TYPE_NAME]
metatable.__name = TYPE_NAME
function metatable.__tostring(err)
    return tostring(err.message or err.code or TYPE_NAME)
end

--- An error from its fields. Raises where `code` or `message` is missing.
-- @param fields table: code, message, and details; it becomes the error
-- @return err
function errors.new(fields)
    if type(fields.code) ~= "string" or type(fields.message) ~= "string" then
        error("an error needs a code and a message", 2)
    end
    return setmetatable(fields, metatable)
end

--- Makes a table that has an error's fields one of ours (it is changed in place).
-- @param err table with code and message, or nil
-- @return the same
function errors.wrap(err)
    if type(err) ~= "table" then return err end
    return setmetatable(err, metatable)
end

--- Whether a value is an error of this library, or of its core.
function errors.is(value)
    return type(value) == "table" and getmetatable(value) == metatable
end

--- The exit code of a program that ends with this error.
-- @return integer
function errors.exit_code(err)
    if err.code == "interrupted" and err.signal then return 128 + err.signal end
    if err.code == "script-exit" and err.exit then return err.exit end
    local entry = errors.codes[err.code]
    return entry and entry.exit or UNLISTED_EXIT
end

--- Raises (for the caller of the function that calls this) where a table has an unknown field.
-- @param given table whose keys are looked at
-- @param known array of names
-- @param what string: what the table is for, as in "getscu.retrieve"
function errors.check_fields(given, known, what)
    local is_known, unknown = {}, {}
    for _, name in ipairs(known) do is_known[name] = true end
    for key in pairs(given) do
        if not is_known[key] then unknown[#unknown + 1] = tostring(key) end
    end
    if #unknown == 0 then return end
    table.sort(unknown)
    local hint = suggest.hint(unknown[1], known)
    error(("unknown field '%s' in %s%s"):format(unknown[1], what, hint), 3)
end

return errors

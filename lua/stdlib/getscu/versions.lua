--- versions: what --version tells.

local core = require "getscu.core"

local versions = {}

--- The versions of the program and of what it is made of, and what depends on how it was built.
-- @return string that ends with a newline
function versions.text()
    local its = core.versions()
    local little = string.pack("=I2", 1) == string.pack("<I2", 1)
    return table.concat({
        "getscu " .. core.version,
        its.lua,
        "DCMTK " .. its.dcmtk,
        its.openssl,
        "zlib " .. its.zlib,
        ("build options: %s deflated data sets, %s TLS, %s endian"):format(
            its.deflate and "with" or "without", core.tls and "with" or "without",
            little and "little" or "big"),
    }, "\n") .. "\n"
end

return versions

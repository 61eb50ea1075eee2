--- files: folders, as far as scripts need them; for files there is io and os.

local core = require("getscu.core").system
local errors = require "getscu.errors"

local files = {}

--- The names in a folder, sorted.
-- @return list of strings | nil, err
function files.list(path)
    local names, err = core.list(path)
    if not names then return nil, errors.wrap(err) end
    table.sort(names)
    return names
end

--- What a path leads to: "file", "directory" or "other", and its size in bytes; nil: nothing.
files.kind = core.kind

--- Makes a folder, in a folder that is there.
-- @return path | nil, err
function files.make(path)
    local made, err = core.mkdir(path)
    if not made then return nil, errors.wrap(err) end
    return path
end

--- Makes a new folder among the temporary files; whoever made it removes it.
-- @param prefix what its name begins with
-- @return path | nil, err
function files.temporary(prefix)
    local path, err = core.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/" .. prefix)
    if not path then return nil, errors.wrap(err) end
    return path
end

return files

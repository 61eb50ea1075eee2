--- query: the identifier of a C-FIND or C-GET (PS3.4 C.2.2.1 and C.4).

local core = require "getscu.core"
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"

local query = {}

--- A query from a table by keyword, or a data set as it is.
-- @param keys table or data set
-- @return data set; raises on an unknown keyword
function query.new(keys)
    if dataset.is(keys) then return keys end
    return dataset.new(keys)
end

--- Sets a key that is written as on the command line: `tag`, keyword or path, and `=value`. Without
-- a value the element has zero length.
-- @return true | nil, err
function query.set_key(identifier, key)
    local path, value = key:match("^([^=]*)=(.*)$")
    local set, err = dataset.core_of(identifier):set(path or key, value or "")
    if set then return true end
    err.code = "bad-key"
    err.message = ("key '%s': %s"):format(key, err.message)
    return nil, errors.wrap(err)
end

--- The queries of a command line: one for each file, or one of keys alone.
-- @param files list of paths of DICOM files, with or without meta information
-- @param keys list of keys as of set_key, for every query
-- @return list of data sets | nil, err
function query.from(files, keys)
    local queries = {}
    for i, path in ipairs(files) do
        local read, err = core.dataset.read(path)
        if not read then
            return nil, errors.new { code = "query-file", message = err.message, path = path }
        end
        queries[i] = dataset.wrap(read)
    end
    if #files == 0 then queries[1] = dataset.new {} end
    for _, identifier in ipairs(queries) do
        for _, key in ipairs(keys) do
            local set, err = query.set_key(identifier, key)
            if not set then return nil, err end
        end
    end
    return queries
end

return query

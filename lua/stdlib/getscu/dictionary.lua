--- dictionary: what the data dictionary says of attributes (PS3.6).

local core = require("getscu.core").dataset

local dictionary = {}

local scratch

--- The value representation of an attribute.
-- @param path keyword, tag or path with items counted from 0
-- @return as "PN"; nil, err: there is no such attribute, or it is private
function dictionary.vr(path)
    scratch = scratch or assert(core.new())
    local set, err = scratch:set(path, "")
    if not set then return nil, err end
    local _, vr = scratch:get(path)
    scratch:remove(path)
    return vr
end

return dictionary

-- forward.lua: a hook script that sends each stored object on to another server (C-STORE).
--
--     getscu --script forward.lua --to AET@HOST:PORT -aec PACS -k ... -od out HOST PORT
--
-- The association to the other server is opened with the first object, in the transfer syntax in
-- which objects arrive, and released at the end. What is not taken is told, and makes it end with
-- 80.

local getscu = require "getscu"

local onward -- the association to the other server

local function connect(object, job)
    local contexts = {}
    for _, class in ipairs(getscu.dimse.storage_classes()) do
        contexts[#contexts + 1] = { abstract_syntax = class,
            transfer_syntaxes = { object.transfer_syntax } }
    end
    return assert(getscu.associate { peer = job.options.to, contexts = contexts })
end

return {
    summary = "send each object on to another server",
    options = { { "to", required = true, help = "where to, as AET@HOST:PORT" } },
    on_stored = function(object, path, job)
        onward = onward or connect(object, job)
        assert(onward:store(path))
    end,
    on_done = function()
        if onward then onward:release() end
    end,
}

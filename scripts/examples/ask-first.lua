-- ask-first.lua: a hook script that asks at the terminal before more than so many objects come.
--
--     getscu --script ask-first.lua [--most 100] -aec PACS -k ... -od out HOST PORT
--
-- The objects are counted with C-FIND; without "y" as the answer nothing is retrieved.

local getscu = require "getscu"

local function count(query, job)
    local searching <close> = assert(getscu.associate(job.peer))
    local series = query:clone()
    series.QueryRetrieveLevel = "IMAGE"
    series.SOPInstanceUID = ""
    local found = assert(searching:find_all { model = job.model, query = series })
    searching:release()
    return #found
end

return {
    summary = "ask before large retrievals",
    options = { { "most", type = "integer", min = 0, default = 100, help = "ask above so many" } },
    query = function(query, job)
        local objects = count(query, job)
        if objects <= job.options.most then return query end
        io.stderr:write(("%d objects match; retrieve them? [y/N] "):format(objects))
        if (io.read() or ""):lower():sub(1, 1) ~= "y" then return false end
        return query
    end,
}

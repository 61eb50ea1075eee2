-- each-series.lua: a hook script that runs a command on the folder of each series, when all of the
-- retrieval is there.
--
--     getscu --script each-series.lua --command dcm2niix -aec PACS -k ... -od out HOST PORT
--
-- Objects go into a folder for each series; the command gets its path as the last argument, and no
-- shell is between. A command that fails makes it end with 80.

local getscu = require "getscu"

local folders = {}

return {
    summary = "run a command on each series",
    options = {
        { "command", type = "list", required = true, help = "the command and its arguments" },
    },
    name = function(object)
        return object.SeriesInstanceUID .. "/" .. object.sop_instance .. ".dcm"
    end,
    on_stored = function(_, path)
        folders[path:match "^(.*)/"] = true
    end,
    on_done = function(_, job)
        for folder in pairs(folders) do
            local command = table.move(job.options.command, 1, #job.options.command, 1, {})
            command[#command + 1] = folder
            local code = assert(getscu.exec(command))
            assert(code == 0, ("%s ended with %d for %s"):format(command[1], code, folder))
        end
    end,
}

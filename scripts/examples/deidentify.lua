-- deidentify.lua: a hook script that takes away who the patients are (PS3.15 annex E).
--
--     getscu --script deidentify.lua --secret SECRET [--dates shifted] [--keep-uids]
--         [--keep-device] [--keep KEYWORD,...] -aec PACS -k ... HOST PORT
--
-- The same patient, study and object get the same new IDs and UIDs whenever the secret is the same;
-- who knows it can tell which they were. What cannot be judged, as a report or pixels with a name
-- in them, is refused; the last line says how many objects are stored.

local getscu = require "getscu"

local deidentify -- the job for all objects of this run

local function begin(options)
    local dates = options.dates ~= "remove" and options.dates or false
    local profile = getscu.deidentify.basic { retain_dates = dates,
        retain_uids = options.keep_uids, retain_device = options.keep_device }
    for _, keyword in ipairs(options.keep) do profile[keyword] = "keep" end
    return getscu.deidentify.new { profile = profile, secret = options.secret }
end

return {
    summary = "de-identify by the Basic Application Level Confidentiality Profile",
    options = {
        { "secret", type = "string", required = true, help = "what new UIDs are made with" },
        { "dates", type = "enum", choices = { "remove", "shifted", "full" }, default = "remove",
            help = "what becomes of dates" },
        { "keep-uids", type = "boolean", default = false, help = "keep the UIDs" },
        { "keep-device", type = "boolean", default = false, help = "keep what names the device" },
        { "keep", type = "list", default = {}, help = "attributes that are kept as they are" },
    },
    whole = true,
    edit = function(object, job)
        deidentify = deidentify or begin(job.options)
        assert(deidentify:apply(object))
    end,
    on_done = function(summary, job) job:log("info", "%d objects stored", summary.stored) end,
}

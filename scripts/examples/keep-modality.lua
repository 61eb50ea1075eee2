-- keep-modality.lua: a hook script that keeps the objects of one modality, and leaves out the rest.
--
--     getscu --script keep-modality.lua [--modality MR] -aec PACS -k ... HOST PORT
--
-- What is left out is acknowledged to the peer, and not stored; the last line counts both.

return {
    summary = "keep one modality",
    options = {
        { "modality", type = "string", default = "CT", help = "the modality to keep" },
    },
    accept = function(object, job)
        return object.Modality == job.options.modality
    end,
    on_done = function(summary, job)
        job:log("warn", "%d objects of %s kept, %d left out", summary.stored, job.options.modality,
            summary.discarded)
    end,
}

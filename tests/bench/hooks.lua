-- hooks.lua: what the benchmark asks about every object: whether to keep it, and its name.

return {
    accept = function(object) return object.Modality ~= "SR" end,
    name = function(object) return object.SeriesInstanceUID .. "/" .. object.sop_instance end,
}

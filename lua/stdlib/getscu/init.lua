--- getscu: the library, as scripts see it. `local getscu = require "getscu"`.
--
-- What stands here is public and documented in docs/api.md; a module loads when it is first used.

local getscu = { version = require "getscu.core".version }

local functions = {
    associate = "getscu.association",
    retrieve = "getscu.retrieve",
    archive = "getscu.archive",
    exec = "getscu.process",
    tls = "getscu.tls",
}

local modules = { contexts = true, csv = true, dataset = true, dates = true, deidentify = true,
    dicom_json = true, dimse = true, dump = true, errors = true, files = true, hooks = true,
    imaging = true, json = true, log = true, outcome = true, person_name = true, process = true,
    progress = true, query = true, receiver = true, report = true, status = true, syntaxes = true,
    tasks = true, uid = true }

-- The services are methods of associations, in modules of their own.
local services = { "getscu.get", "getscu.find", "getscu.store" }

return setmetatable(getscu, {
    __index = function(self, name)
        local value
        if functions[name] then
            if name == "associate" then for _, module in ipairs(services) do require(module) end end
            value = require(functions[name])[name]
        elseif modules[name] then
            value = require("getscu." .. name)
        end
        rawset(self, name, value)
        return value
    end,
})

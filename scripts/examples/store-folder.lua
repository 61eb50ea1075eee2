-- store-folder.lua: sends the DICOM files of a folder to a server, as they are (C-STORE).
--
--     getscu --run store-folder.lua AET@HOST:PORT FOLDER

local getscu = require "getscu"

-- The files, and a presentation context for each SOP class in each transfer syntax among them.
local function look_at(folder)
    local files, proposal, proposed = {}, {}, {}
    for _, name in ipairs(assert(getscu.files.list(folder))) do
        local object = getscu.dataset.read(folder .. "/" .. name)
        local meta = object and object:meta()
        if meta and meta.part10 then
            files[#files + 1] = folder .. "/" .. name
            local both = meta.sop_class .. " " .. meta.transfer_syntax
            if not proposed[both] then
                proposal[#proposal + 1] = { abstract_syntax = meta.sop_class,
                    transfer_syntaxes = { meta.transfer_syntax } }
            end
            proposed[both] = true
        end
    end
    return files, proposal
end

local function main(peer, folder)
    if not folder then
        io.stderr:write("usage: getscu --run store-folder.lua AET@HOST:PORT FOLDER\n")
        return 1
    end
    local files, proposal = look_at(folder)
    local association <close>, err = getscu.associate { peer = peer, contexts = proposal }
    if not association then
        io.stderr:write(peer, ": ", err.message, "\n")
        return getscu.errors.exit_code(err)
    end
    local failed = 0
    for _, file in ipairs(files) do
        local status, why = association:store(file)
        if not status then
            failed = failed + 1
            print(file, why.message)
        end
    end
    print(("%d of %d stored"):format(#files - failed, #files))
    association:release()
    return failed == 0 and 0 or 1
end

return main(...)

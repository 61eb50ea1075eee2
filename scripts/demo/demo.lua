-- demo.lua: makes three studies, serves them, retrieves them with getscu, and shows what arrived.
--
--     getscu --run demo.lua [FOLDER]
--
-- FOLDER must not exist yet; by default it is a new one among the temporary files.

local getscu = require "getscu"
local files = getscu.files
local phantoms = dofile((arg[0]:match "^.*/" or "./") .. "phantoms.lua")

local PROGRAM = arg[-1]

local function say(format, ...)
    print(format:format(...))
    io.stdout:flush() -- before a child process writes
end

-- Retrieves one study with the command line.
-- @return the folder with its objects, exit code
local function retrieve(study, folder, port)
    local target = assert(files.make(folder .. "/" .. study.patient))
    local command = { PROGRAM, "-v", "-S", "-aec", "ARCHIVE", "-k", "QueryRetrieveLevel=STUDY",
        "-k", "StudyInstanceUID=" .. study.uid, "-od", target, "127.0.0.1", tostring(port) }
    say("\n$ %s", table.concat(command, " "))
    return target, assert(getscu.exec(command))
end

-- Counts the objects in a folder, and tells whose they are.
local function describe(target)
    local names = assert(files.list(target))
    local first = names[1] and assert(getscu.dataset.read(target .. "/" .. names[1]))
    if first then
        say("  %s (%s), %s", first.PatientName, first.PatientID, first.StudyDescription)
    end
    say("  `- %d objects in %s", #names, target)
    return #names
end

local function main(folder)
    local served = assert(files.make(folder .. "/served"))
    local received = assert(files.make(folder .. "/received"))
    local count = assert(phantoms.write(served))
    local archive <close> = assert(getscu.archive { directory = served })
    archive:start()
    say("An archive serves %d studies, %d objects, on port %d of this machine.", #phantoms.studies,
        count, archive:port())

    local targets, failures = {}, 0
    for i, study in ipairs(phantoms.studies) do
        local code
        targets[i], code = retrieve(study, received, archive:port())
        if code ~= 0 then failures = failures + 1 end
    end

    say("\nRetrieved:")
    for i, study in ipairs(phantoms.studies) do
        if describe(targets[i]) ~= study.objects then failures = failures + 1 end
    end
    say("\nThe same with your own PACS, which has to know your AE title (-aet):")
    say("$ %s -v -S -aet GETSCU -aec PACS -k QueryRetrieveLevel=STUDY \\", PROGRAM)
    say("      -k StudyInstanceUID=1.2.3 -od FOLDER pacs.example.org 104")
    if failures > 0 then say("\n%d things went wrong; see above.", failures) end
    return failures == 0 and 0 or 1
end

local folder, err
if arg[1] then
    folder, err = files.make(arg[1])
else
    folder, err = files.temporary "getscu-demo-"
end
return main(assert(folder, err))

local core = require "getscu.core"
local dimse = require "getscu.dimse"
local getscu = require "getscu"
local support = require "support"
local syntaxes = require "getscu.syntaxes"
local tasks = require "getscu.tasks"

local phantoms = dofile "scripts/demo/phantoms.lua"

local CT, MR, SR = phantoms.studies[1].uid, phantoms.studies[2].uid, phantoms.studies[3].uid
local SOP = { ct = "1.2.840.10008.5.1.4.1.1.2", mr = "1.2.840.10008.5.1.4.1.1.4" }

local box, studies
setup(function()
    getscu.log.level "fatal" -- peers misbehave on purpose here
    box = support.box()
    studies = box:directory("studies")
    assert(phantoms.write(studies))
end)
teardown(function()
    box:close()
    getscu.log.level "warn"
end)

-- An archive over the phantoms that runs until the test ends.
local running
local function serve(hooks, options)
    options = options or {}
    running = assert(getscu.archive { directory = options.directory or studies, hooks = hooks,
        deadlines = options.deadlines })
    running:start()
    return running
end
after_each(function()
    if running then running:close() end
    running = nil
end)

local function associate(proposal)
    return assert(getscu.associate { host = "127.0.0.1", port = running:port(),
        called = "ARCHIVE", contexts = proposal, deadlines = { dimse = 20 } })
end

local function find(query, model)
    local assoc <close> = associate()
    local matches, err = assoc:find_all { model = model or "study", query = query }
    assoc:release()
    return matches, err
end

-- One attribute of all matches, sorted.
local function found(attribute, query, model)
    local values = {}
    for i, match in ipairs(assert(find(query, model))) do values[i] = match:get(attribute, "") end
    table.sort(values)
    return values
end

local function study(uid, more)
    local query = { QueryRetrieveLevel = "STUDY", StudyInstanceUID = uid }
    for key, value in pairs(more or {}) do query[key] = value end
    return query
end

-- Retrieves over a new association.
-- @return result | nil, err; what lies in the folder after it; the folder
local function get(query, proposal)
    local assoc <close> = associate(proposal)
    local directory = box:directory("received")
    local result, err = assoc:get { query = query, directory = directory }
    assoc:release()
    return result, err, support.list(directory), directory
end

local function response_of(result, err)
    return (result or err.result).response
end

-- The bytes of the data sets in a folder, by SOP Instance UID.
local function data_sets(directory)
    local by_uid = {}
    for _, name in ipairs(support.list(directory)) do
        local path = directory .. "/" .. name
        local part10 = assert(core.part10(path))
        by_uid[part10.sop_instance] = support.read(path):sub(part10.offset + 1)
    end
    return by_uid
end

describe("a C-ECHO", function()
    it("is answered", function()
        serve()
        local assoc <close> = associate()
        assert.is_true(assoc:echo())
        assert.is_true(assoc:release())
    end)
end)

describe("a C-FIND at patient level", function()
    it("finds patients by names in any character set, without regard to case", function()
        serve()
        local function ids(name)
            return found("PatientID", { QueryRetrieveLevel = "PATIENT", PatientID = "",
                PatientName = name }, "patient")
        end
        assert.same({ "PHANTOM-1" }, ids "yamada*")
        assert.same({ "PHANTOM-1" }, ids "山田^太郎")
        assert.same({ "PHANTOM-2" }, ids "鈴木*")
        assert.same({ "PHANTOM-3" }, ids "MÜLLER^*")
        assert.same({ "PHANTOM-1", "PHANTOM-2", "PHANTOM-3" }, ids "")
        assert.same({}, ids "nobody")
    end)

    it("counts what belongs to a patient", function()
        serve()
        local match = assert(find({ QueryRetrieveLevel = "PATIENT", PatientID = "PHANTOM-3",
            NumberOfPatientRelatedStudies = "", NumberOfPatientRelatedSeries = "",
            NumberOfPatientRelatedInstances = "" }, "patient"))[1]
        assert.equal(1, match.NumberOfPatientRelatedStudies)
        assert.equal(2, match.NumberOfPatientRelatedSeries)
        assert.equal(2, match.NumberOfPatientRelatedInstances)
    end)

    it("is refused with A900 in the Study Root, which has no such level", function()
        serve()
        local matches, err = find { QueryRetrieveLevel = "PATIENT", PatientID = "" }
        assert.is_nil(matches)
        assert.equal(0xA900, err.status)
    end)
end)

describe("a C-FIND at study level", function()
    local function uids(query)
        query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", query.StudyInstanceUID or ""
        return found("StudyInstanceUID", query)
    end

    it("matches a wildcard", function()
        serve()
        assert.same({ CT, MR, SR }, uids { AccessionNumber = "A-000?" })
        assert.same({ MR }, uids { AccessionNumber = "*2" })
        assert.same({ CT, MR }, uids { StudyDescription = "頭*" })
    end)

    it("matches a range of dates", function()
        serve()
        assert.same({ CT, MR }, uids { StudyDate = "20250401-20250402" })
        assert.same({ SR }, uids { StudyDate = "20250403-" })
        assert.same({}, uids { StudyDate = "-20250331" })
    end)

    it("matches a list of UIDs", function()
        serve()
        assert.same({ CT, SR }, uids { StudyInstanceUID = { SR, "1.2.3", CT } })
    end)

    it("matches the modalities in a study", function()
        serve()
        assert.same({ SR }, uids { ModalitiesInStudy = "SR" })
    end)

    it("returns the keys asked for, the unique key and from where to retrieve", function()
        serve()
        local matches = assert(find { QueryRetrieveLevel = "STUDY", AccessionNumber = "A-0003",
            ModalitiesInStudy = "", NumberOfStudyRelatedInstances = "", InstanceAvailability = "",
            PatientName = "", StudyTime = "" })
        assert.equal(1, #matches)
        local match = matches[1]
        assert.equal(SR, match.StudyInstanceUID)
        assert.equal("ARCHIVE", match.RetrieveAETitle)
        assert.equal("ONLINE", match.InstanceAvailability)
        assert.equal("OT\\SR", match.ModalitiesInStudy)
        assert.equal(2, match.NumberOfStudyRelatedInstances)
        assert.equal("Müller^Jörg", match.PatientName)
        assert.equal("083000", match.StudyTime)
        assert.is_nil(match.StudyDate)
    end)

    it("answers FF01 where it is asked for what it does not know", function()
        local statuses = {}
        serve { respond = function(response) table.insert(statuses, response.command.Status) end }
        local match = assert(find(study(CT, { PatientWeight = "", PixelSpacing = "" })))[1]
        assert.equal("", match.PixelSpacing)
        assert.same({ 0xFF01, 0x0000 }, statuses)
    end)

    it("is refused with A900 without QueryRetrieveLevel", function()
        serve()
        local assoc <close> = associate()
        local context = assert(assoc:context_for(dimse.models.study.find))
        local bytes = assert(getscu.dataset.new { PatientID = "" }:encode(context.transfer_syntax))
        assert(assoc:send(context.id, { CommandField = dimse.C_FIND_RQ, MessageID = 7,
            AffectedSOPClassUID = context.abstract_syntax, Priority = 0 }, bytes))
        local response = assert(assoc:await_response(7, dimse.C_FIND_RSP))
        assert.equal(0xA900, response.Status)
        assert.equal("QueryRetrieveLevel is missing", response.ErrorComment)
    end)

    it("ends with FE00 when it is cancelled", function()
        local statuses = {}
        serve { respond = function(response)
            table.insert(statuses, response.command.Status)
            tasks.sleep(0.05)
        end }
        local assoc <close> = associate()
        for _ in assoc:find { query = study "" } do -- luacheck: ignore 512
            break
        end
        assert.equal(0xFE00, statuses[#statuses])
        assert.is_true(assoc:echo())
    end)
end)

describe("a C-FIND at series and image level", function()
    it("finds series by study and modality", function()
        serve()
        assert.same({ "Befund" }, found("SeriesDescription", { QueryRetrieveLevel = "SERIES",
            StudyInstanceUID = SR, Modality = "SR", SeriesDescription = "" }))
    end)

    it("finds images, and tells their SOP class and syntax", function()
        serve()
        local query = { QueryRetrieveLevel = "IMAGE", StudyInstanceUID = MR, InstanceNumber = 3,
            SOPClassUID = "", AvailableTransferSyntaxUID = "", Rows = "" }
        local matches = assert(find(query))
        assert.equal(1, #matches)
        assert.equal(SOP.mr, matches[1].SOPClassUID)
        assert.equal(syntaxes.IMPLICIT_LITTLE, matches[1].AvailableTransferSyntaxUID)
        assert.equal(192, matches[1].Rows)
        assert.truthy(matches[1].SOPInstanceUID:find(MR:sub(1, 30), 1, true))
    end)
end)

describe("a C-GET", function()
    it("brings every object of a study, bit for bit where the syntax is the same", function()
        serve()
        local result, _, names, directory = get(study(CT))
        assert.equal(24, result.stored)
        assert.equal(0x0000, result.response.status)
        assert.equal(24, result.response.completed)
        assert.equal(24, #names)
        local held = data_sets(studies)
        for uid, bytes in pairs(data_sets(directory)) do assert.is_true(bytes == held[uid]) end
    end)

    it("works at patient, series and image level, too", function()
        serve()
        local assoc <close> = associate()
        local directory = box:directory()
        local function count(model, query)
            return assert(assoc:get { model = model, query = query, directory = directory }).stored
        end
        assert.equal(2, count("patient", { QueryRetrieveLevel = "PATIENT",
            PatientID = "PHANTOM-3" }))
        local series = assert(assoc:find_all { query = { QueryRetrieveLevel = "SERIES",
            StudyInstanceUID = SR, SeriesInstanceUID = "" } })
        assert.equal(1, count("study", { QueryRetrieveLevel = "SERIES", StudyInstanceUID = SR,
            SeriesInstanceUID = series[1].SeriesInstanceUID }))
        local images = assert(assoc:find_all { query = { QueryRetrieveLevel = "IMAGE",
            StudyInstanceUID = MR } })
        assert.equal(12, #images)
        assert.equal(2, count("study", { QueryRetrieveLevel = "IMAGE", StudyInstanceUID = MR,
            SOPInstanceUID = { images[1].SOPInstanceUID, images[2].SOPInstanceUID } }))
    end)

    it("succeeds with nothing where nothing matches", function()
        serve()
        local result = get(study "1.2.3")
        assert.equal(0, result.stored)
        assert.equal(0x0000, result.response.status)
    end)

    it("is refused with A900 without the unique key of its level", function()
        serve()
        local result, err = get { QueryRetrieveLevel = "STUDY", PatientID = "PHANTOM-1" }
        assert.is_nil(result)
        assert.equal(0xA900, err.status)
        assert.equal("StudyInstanceUID is missing", err.comment)
    end)

    it("re-encodes an object whose own syntax was not accepted, if no codec is needed", function()
        serve()
        local result, _, names, directory = get(study(MR), {
            { abstract_syntax = dimse.models.study.get,
                transfer_syntaxes = { syntaxes.EXPLICIT_LITTLE } },
            { abstract_syntax = SOP.mr, role = "scp",
                transfer_syntaxes = { syntaxes.EXPLICIT_LITTLE } } })
        assert.equal(12, result.stored)
        assert.equal(12, #names)
        local part10 = assert(core.part10(directory .. "/" .. names[1]))
        assert.equal(syntaxes.EXPLICIT_LITTLE, part10.transfer_syntax)
    end)

    it("lists what fails because no context takes it", function()
        serve()
        local result, err = get(study(SR), {
            { abstract_syntax = dimse.models.study.get,
                transfer_syntaxes = { syntaxes.EXPLICIT_LITTLE } },
            { abstract_syntax = "1.2.840.10008.5.1.4.1.1.7", role = "scp",
                transfer_syntaxes = { syntaxes.EXPLICIT_LITTLE } } })
        local response = response_of(result, err)
        assert.equal(0xB000, response.status)
        assert.equal(1, response.completed)
        assert.equal(1, response.failed)
        assert.equal(1, #response.failed_uids)
    end)

    it("sends nothing on a context whose SCP role was not offered", function()
        serve()
        local result, err = get(study(MR), {
            { abstract_syntax = dimse.models.study.get,
                transfer_syntaxes = { syntaxes.EXPLICIT_LITTLE } },
            { abstract_syntax = SOP.mr, transfer_syntaxes = { syntaxes.IMPLICIT_LITTLE } } })
        local response = response_of(result, err)
        assert.equal(0xA702, response.status)
        assert.equal(12, response.failed)
        assert.equal(12, #response.failed_uids)
    end)

    it("ends with FE00, and what remains, when it is cancelled", function()
        local assoc
        serve { send = function(_, _, number)
            if number == 3 then
                assert(assoc:cancel())
                tasks.sleep(0.05)
            end
        end }
        assoc = associate()
        local result, err = assoc:get { query = study(CT), directory = box:directory() }
        local response = response_of(result, err)
        assert.equal(0xFE00, response.status)
        assert.equal(3, response.completed)
        assert.equal(21, response.remaining)
        assoc:close()
    end)

    it("serves two associations at once", function()
        serve()
        local first, second
        tasks.all(function() first = get(study(CT)) end, function() second = get(study(MR)) end)
        assert.equal(24, first.stored)
        assert.equal(12, second.stored)
    end)
end)

describe("a C-STORE", function()
    local function store_to(directory, path)
        serve(nil, { directory = directory })
        local part10 = assert(core.part10(path))
        local assoc <close> = associate {
            { abstract_syntax = part10.sop_class,
                transfer_syntaxes = { part10.transfer_syntax } },
            { abstract_syntax = dimse.models.study.find,
                transfer_syntaxes = { syntaxes.EXPLICIT_LITTLE } } }
        local status, err = assoc:store(path)
        local matches = assert(assoc:find_all { query = study "" })
        assoc:release()
        return status, err, matches
    end

    it("puts the object into the folder, unchanged, and finds it from then on", function()
        local directory = box:directory("empty")
        local path = studies .. "/PHANTOM-2-0001-1.dcm"
        local status, _, matches = store_to(directory, path)
        assert.equal(0x0000, status)
        assert.equal(MR, matches[1].StudyInstanceUID)
        local names = support.list(directory)
        assert.equal(1, #names)
        local uid = core.part10(path).sop_instance
        assert.is_true(data_sets(directory)[uid] == data_sets(studies)[uid])
    end)

    it("of a UID that would be a path stays in the folder", function()
        local directory = box:directory("empty")
        local evil = getscu.dataset.new { SOPClassUID = SOP.ct, SOPInstanceUID = "1.2.3",
            PatientID = "x" }
        serve(nil, { directory = directory })
        local assoc <close> = associate { { abstract_syntax = SOP.ct,
            transfer_syntaxes = { syntaxes.EXPLICIT_LITTLE } } }
        local context = assert(assoc:context_for(SOP.ct))
        assert(assoc:send(context.id, { CommandField = dimse.C_STORE_RQ, MessageID = 9,
            AffectedSOPClassUID = SOP.ct, AffectedSOPInstanceUID = "../../1.2.3", Priority = 0 },
            evil:encode(syntaxes.EXPLICIT_LITTLE)))
        local response = assert(assoc:await_response(9, dimse.C_STORE_RSP))
        assert.equal(0xC000, response.Status) -- the object has another UID
        assert.same({}, support.list(directory))
    end)
end)

describe("a hook", function()
    it("rejects an association, with the reason it likes", function()
        serve { accept = function(request)
            if request.called ~= "ME" then return { result = 1, source = 1, reason = 7 } end
        end }
        local assoc, err = getscu.associate { host = "127.0.0.1", port = running:port(),
            called = "YOU" }
        assert.is_nil(assoc)
        assert.equal("association-rejected", err.code)
        assert.equal(7, err.reason)
    end)

    it("leaves out the role items, and objects come all the same", function()
        serve { accept = function(_, answer) answer.roles = {} end }
        assert.equal(12, get(study(MR)).stored)
    end)

    it("refuses the role, and no object comes", function()
        serve { accept = function(_, answer)
            for _, role in ipairs(answer.roles) do role.scp = false end
        end }
        local result, err = get(study(MR))
        assert.equal(12, response_of(result, err).failed)
    end)

    it("aborts, closes or is silent when an association is requested", function()
        local decision
        serve { accept = function() return decision end }
        local codes = {}
        for i, value in ipairs { "abort", "close", false } do
            decision = value
            local _, err = getscu.associate { host = "127.0.0.1", port = running:port(),
                called = "X", deadlines = { acse = 0.3 } }
            codes[i] = err.code
        end
        assert.same({ "peer-aborted", "peer-closed", "acse-timeout" }, codes)
    end)

    it("lets objects fail, warn or get lost", function()
        serve { send = function(_, _, number)
            if number == 1 then return 0xA700 end
            if number == 2 then return 0xB000 end
            if number == 3 then return false end
        end }
        local result, err = get(study(MR))
        local response = response_of(result, err)
        assert.equal(0xB000, response.status)
        assert.equal(9, response.completed)
        assert.equal(1, response.failed)
        assert.equal(1, response.warning)
        assert.equal(1, #response.failed_uids)
    end)

    it("aborts or closes in mid-object, and no file of that object stays", function()
        local ending
        serve { send = function(_, _, number) return number == 2 and ending or nil end }
        ending = "abort"
        local _, err, names = get(study(CT))
        assert.equal("peer-aborted", err.code)
        assert.equal(1, #names)
        ending = "close"
        _, err, names = get(study(CT))
        assert.equal("peer-closed", err.code)
        assert.equal(1, #names)
    end)

    it("stalls in mid-object", function()
        serve { send = function() return "stall" end }
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = running:port(),
            called = "X", deadlines = { dimse = 0.3 } })
        local _, err = assoc:get { query = study(CT), directory = box:directory() }
        assert.equal("dimse-timeout", err.code)
    end)

    it("changes responses: their status, counts and identifier", function()
        serve { respond = function(response)
            local command = response.command
            if command.CommandField ~= dimse.C_GET_RSP or command.Status == 0xFF00 then return end
            command.Status, command.NumberOfFailedSuboperations = 0xB000, 5
            response.identifier = getscu.dataset.new { FailedSOPInstanceUIDList = "1.2.3" }
        end }
        local response = response_of(get(study(MR)))
        assert.equal(0xB000, response.status)
        assert.equal(5, response.failed)
        assert.same({ "1.2.3" }, response.failed_uids)
    end)

    it("sends what nobody asked for", function()
        serve { send = function(_, association, number)
            if number ~= 2 then return end
            assert(association:request_echo())
            local get_context = association:context_for(dimse.models.study.get)
            assert(association:send(get_context.id, { CommandField = dimse.C_GET_RSP,
                MessageIDBeingRespondedTo = 4711, Status = 0x0000 }))
        end }
        assert.equal(12, get(study(MR)).stored)
    end)

    it("answers a request itself, or never", function()
        local decision = 0x0124
        serve { serve = function() return decision end }
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = running:port(),
            called = "X", deadlines = { dimse = 0.3 } })
        local _, err = assoc:echo()
        assert.equal(0x0124, err.status)
        decision = false
        _, err = assoc:echo()
        assert.equal("dimse-timeout", err.code)
    end)

    it("that is none is an error", function()
        assert.error_matches(function()
            getscu.archive { directory = studies, hooks = { sent = print } }
        end, "sent")
    end)

    it("that answers nonsense or raises ends its association alone", function()
        local answers = { function() return "maybe" end, function() error "oops" end }
        serve { serve = function() return table.remove(answers)() end }
        for _ = 1, 2 do
            local assoc <close> = associate()
            local _, err = assoc:echo()
            assert.equal("peer-aborted", err.code)
        end
        answers = { function() end }
        local assoc <close> = associate()
        assert.is_true(assoc:echo())
    end)
end)

describe("an archive", function()
    it("aborts what stands when it is stopped, and is gone then", function()
        local archive = serve()
        local assoc <close> = associate()
        archive:close()
        local _, err = assoc:echo()
        assert.equal("peer-aborted", err.code)
        _, err = getscu.associate { host = "127.0.0.1", port = archive:port(), called = "X" }
        assert.equal("connect-refused", err.code)
    end)

    it("survives a peer that speaks no DICOM", function()
        local archive = serve()
        local result = box:run { "sh", "-c",
            'printf "GET / HTTP/1.0\\r\\n\\r\\n" | timeout 5 openssl s_client -connect $0',
            "127.0.0.1:" .. archive:port() }
        assert.is_number(result.code)
        assert.same({ MR }, found("StudyInstanceUID", study(MR)))
    end)

    it("passes over files that are no DICOM", function()
        local directory = box:directory("mixed")
        assert(getscu.files.make(directory .. "/below"))
        support.write(directory .. "/notes.txt", "no DICOM")
        support.write(directory .. "/below/a.dcm", support.read(studies .. "/PHANTOM-3-0001-1.dcm"))
        serve(nil, { directory = directory })
        assert.same({ SR }, found("StudyInstanceUID", study ""))
    end)

    it("is not there where the folder is not", function()
        local archive, err = getscu.archive { directory = box.path .. "/nowhere" }
        assert.is_nil(archive)
        assert.truthy(err.message:find("nowhere", 1, true))
    end)
end)

describe("DCMTK's clients", function()
    local function to_archive(...)
        return support.words({ ... }, "127.0.0.1", running:port())
    end

    it("verify it", function()
        serve()
        assert.equal(0, box:run(to_archive("echoscu", "-aec", "ARCHIVE")).code)
    end)

    it("find what it holds", function()
        serve()
        local result = box:run(to_archive("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY",
            "-k", "PatientName=*yamada*", "-k", "StudyInstanceUID"))
        assert.equal(0, result.code)
        assert.truthy((result.out .. result.err):find(CT, 1, true))
        assert.falsy((result.out .. result.err):find(MR, 1, true))
    end)

    it("retrieve it", function()
        serve()
        local directory = box:directory()
        local result = box:run(to_archive("/usr/bin/getscu", "-S", "-od", directory, "-k",
            "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" .. CT))
        assert.equal(0, result.code, result.err)
        assert.equal(24, #support.list(directory))
    end)

    it("store into it", function()
        local directory = box:directory("store")
        serve(nil, { directory = directory })
        local result = box:run(to_archive("storescu", "+sd", "-aec", "ARCHIVE"))
        assert.is_not.equal(0, result.code) -- nothing named
        box:tool(support.words("storescu", "+sd", "127.0.0.1", running:port(), studies))
        assert.equal(38, #support.list(directory))
        assert.same({ CT, MR, SR }, found("StudyInstanceUID", study ""))
    end)
end)

describe("scripts/examples/archive.lua", function()
    it("says its port, serves, and ends with 0 on SIGINT and SIGTERM", function()
        for _, signal in ipairs { "INT", "TERM" } do
            local process = box:start_getscu("--run", "scripts/examples/archive.lua", studies, 0)
            process:await(function() return process:out():match "port %d+\n" end, "its port")
            local port = process:out():match "port (%d+)"
            assert.equal(0, box:run { "echoscu", "127.0.0.1", port }.code)
            process:kill(signal)
            assert.equal(0, process:wait().code)
        end
    end)
end)

describe("descriptors that an archive does not have", function()
    -- It tried again without a pause, and told nobody.
    it("are told of, and it goes on when there are some again", function()
        if support.sanitized then pending "sanitizers need descriptors, too" end
        local process = box:start { "prlimit", "--nofile=16", support.getscu, "--run",
            "scripts/examples/archive.lua", box:directory("served"), "0" }
        process:await(function() return process:out():find "port %d+\n" end, "its port")
        local port = math.tointeger(process:out():match "port (%d+)")
        local links, waits = {}, {}
        for i = 1, 20 do
            links[i] = assert(core.connect { host = "127.0.0.1", port = port })
            waits[i] = tasks.start(tasks.wait, links[i])
        end
        process:await_log "Too many open files"
        for i, link in ipairs(links) do
            waits[i]:stop()
            link:close()
        end
        local assoc <close> = assert(getscu.associate { host = "127.0.0.1", port = port })
        assert.is_true(assoc:echo())
        local _, told = process:err():gsub("Too many open files", "")
        assert.is_true(told < 20, told)
        process:stop()
    end)
end)

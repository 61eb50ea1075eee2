--- archive: serves a folder of DICOM files: C-ECHO, C-FIND, C-GET and C-STORE as SCP.
--
--     local archive <close> = assert(getscu.archive{ directory = "studies" })
--     archive:start()
--     print("listening on port " .. archive:port())
--
-- It is what the demo retrieves from, and what tests let misbehave. It is not a PACS: its index
-- lives in memory, it keeps no log of who read what, it asks nobody for a password and believes any
-- AE title.
--
-- Hooks decide what it does otherwise; each may wait, and nil means: as always.
--
--   accept(request, answer, association): an association is requested. Change `answer` in place
--       (its contexts and roles, as the core takes them); or return a table {result=, source=,
--       reason=} to reject, "abort", "close" (the connection, without a word), or false: no answer
--       ever.
--   serve(command, association): a request came. Return a status to answer it with; "abort",
--       "close"; or false: no answer ever.
--   send(image, association, number): an object is to be sent. Return a status to count without
--       sending it (a failure comes in the list of failed UIDs); false: lose it without a word; or
--       "abort", "close", "stall": after half of it.
--   respond(response, association): a response {command=, identifier=, request=} is to be sent.
--       Change it in place; or return "abort", "close", or false: do not send it.
--
-- In a hook the association can be told to send anything: association:send(context, command, data),
-- association:request_echo(). `association.request` is its A-ASSOCIATE-RQ, `association.tls` what
-- is known of its TLS once it is accepted.

local acceptor = require "getscu.acceptor"
local core = require "getscu.core"
local dimse = require "getscu.dimse"
local errors = require "getscu.errors"
local identifier = require "getscu.identifier"
local index = require "getscu.index"
local log = require "getscu.log"
local status = require "getscu.status"
local syntaxes = require "getscu.syntaxes"
local tasks = require "getscu.tasks"

local archive = {}

local Archive = { __index = {}, __name = "getscu.archive" }

local FIELDS = { "directory", "host", "port", "aetitle", "max_length", "deadlines", "hooks",
    "tls" }
local ASSOCIATIONS_MAX = 100
local DEADLINES = { acse = 30, dimse = 300, write = 60 }
local ACCEPT_PAUSE = 0.2 -- seconds: who cannot be accepted (no descriptors are left) still waits
local LOCAL_LIMIT = { result = 2, source = 3, reason = 2 } -- PS3.8 table 9-21

-- What each hook may return besides nil: these strings, and values of these types.
local HOOKS = {
    accept = { abort = true, close = true, table = true },
    serve = { abort = true, close = true, integer = true },
    send = { abort = true, close = true, stall = true, integer = true },
    respond = { abort = true, close = true },
}

--- An archive that listens, and serves as soon as it is started.
-- @param options table: directory (path of the folder; what is sent to us is stored there); host
--   (default: the loopback address); port (default 0: a free one); aetitle (default "ARCHIVE");
--   max_length (of PDUs); deadlines (of each association, seconds); hooks (see above); tls (a
--   context as of getscu.tls, with a certificate)
-- @return archive | nil, err
function archive.archive(options)
    errors.check_fields(options, FIELDS, "getscu.archive")
    errors.check_fields(options.hooks or {}, { "accept", "serve", "send", "respond" },
        "the hooks of getscu.archive")
    local self = setmetatable({ directory = options.directory or error("a directory is missing", 2),
        aetitle = options.aetitle or "ARCHIVE", hooks = options.hooks or {}, index = index.new(),
        deadlines = options.deadlines or DEADLINES, running = {}, count = 0 }, Archive)
    local done, err
    self.folder, err = core.directory(self.directory)
    if not self.folder then return nil, errors.wrap(err) end
    done, err = self.index:scan(self.directory)
    if not done then return nil, errors.wrap(err) end
    self.listener, err = acceptor.listen(options)
    if not self.listener then return nil, err end
    self.listening_port = self.listener:port()
    return self
end

--- The port that it listens on.
function Archive.__index:port()
    return self.listening_port
end

-- --- decisions -----------------------------------------------------------------------------------

--- Asks a hook. Raises where its answer is none that it may give.
function Archive.__index:decide(name, ...)
    local hook = self.hooks[name]
    if not hook then return nil end
    local decision = hook(...)
    if decision == nil or decision == true then return nil end
    if decision == false or HOOKS[name][decision] or HOOKS[name][math.type(decision)]
        or HOOKS[name][type(decision)] then
        return decision
    end
    error(("the hook '%s' must not answer %s"):format(name, tostring(decision)), 0)
end

-- What a decision says about the association itself.
local function ends(association, decision)
    if decision == "abort" then
        association:abort()
    elseif decision == "close" then
        association:drop()
    else
        return false
    end
    return true
end

local function left_out()
    return nil, errors.new { code = "failed", message = "left out, as the hook wants" }
end

--- Sends a response.
-- @param event the "command" event of the request
-- @param fields table: Status, and what the command has besides
-- @param data data set or nil
-- @return true | nil, err: the association has ended
function Archive.__index:respond(association, event, fields, data)
    local request = event.command
    fields.CommandField = request.CommandField | dimse.RESPONSE
    fields.MessageIDBeingRespondedTo = request.MessageID or 0
    fields.AffectedSOPClassUID = request.AffectedSOPClassUID
    if fields.ErrorComment then fields.ErrorComment = fields.ErrorComment:sub(1, 64) end -- LO
    local response = { command = fields, identifier = data, request = request }
    local decision = self:decide("respond", response, association)
    if ends(association, decision) then return left_out() end
    if decision == false then return true end
    local bytes, err
    if response.identifier then
        local context = association.contexts.by_id[event.context]
        bytes, err = response.identifier:encode(context.transfer_syntax)
        if not bytes then error(err.message, 0) end
    end
    return association:deliver(event.context, response.command, bytes)
end

-- --- services ------------------------------------------------------------------------------------

local function echo(self, association, event)
    return self:respond(association, event, { Status = status.SUCCESS })
end

-- What a SOP class is served by; CommandField tells which of its services is meant.
local services = {
    [dimse.C_ECHO_RQ] = { kind = "verification", serve = echo },
    [dimse.C_FIND_RQ] = { kind = "find", serve = require "getscu.archive_find" },
    [dimse.C_GET_RQ] = { kind = "get", serve = require "getscu.archive_get" },
    [dimse.C_STORE_RQ] = { kind = "storage", serve = require "getscu.archive_store" },
}

local function refuse(self, association, event, code)
    if event.data then
        local read, err = association:skip_data()
        if not read then return nil, err end
    end
    return self:respond(association, event, { Status = code })
end

local function serve(self, association, event)
    local command = event.command
    log.debug("%s: %s", association.name, dimse.names[command.CommandField] or "unknown command")
    local decision = self:decide("serve", command, association)
    if ends(association, decision) then return left_out() end
    if decision == false then return not event.data or association:skip_data() end
    if decision then return refuse(self, association, event, decision) end
    local service = services[command.CommandField]
    if not dimse.is_known(command.CommandField) then
        return association:violation(("the unknown command %04XH"):format(command.CommandField))
    elseif not service then
        return refuse(self, association, event, status.UNRECOGNIZED_OPERATION)
    end
    local class = association.contexts.by_id[event.context].abstract_syntax
    if (dimse.kind(class) or "storage") ~= service.kind then
        return refuse(self, association, event, status.SOP_CLASS_NOT_SUPPORTED)
    elseif service.serve ~= echo and not event.data then
        return association:violation(("a %s without a data set"):format(
            dimse.names[command.CommandField]))
    end
    return service.serve(self, association, event)
end

-- --- associations --------------------------------------------------------------------------------

-- The transfer syntaxes preferred for a SOP class; nil where it is not served.
local function offer(self, class)
    local kind = dimse.kind(class)
    local stored = self.index.syntaxes[class]
    if stored then return stored end
    if (kind == "find" or kind == "get") and not identifier.model(class) then return nil end
    if not kind or kind == "move" or kind == "transfer syntax" then return nil end
    return { [syntaxes.EXPLICIT_LITTLE] = true, [syntaxes.IMPLICIT_LITTLE] = true }
end

-- The request of an association: accepts it, or not.
-- @return true | nil, err
local function establish(self, association)
    local event, err = association:next_event()
    if not event then return nil, err end
    if self.count > ASSOCIATIONS_MAX then return association:reject(LOCAL_LIMIT) end
    local request = event.associate
    local answer = acceptor.negotiate(request, function(class) return offer(self, class) end)
    local decision = self:decide("accept", request, answer, association)
    if ends(association, decision) then return left_out() end
    if decision == false then return association:next_event() end -- its end
    if decision then return association:reject(decision) end
    return association:accept(request, answer)
end

-- From the connection to its end.
local function hold(self, association)
    local established, err = establish(self, association)
    while established and not association.ended do
        local event
        event, err = association:next_request()
        if event then serve(self, association, event) end
    end
    err = association.ended or err
    if err and err.code ~= "released" then log.debug("%s: %s", association.name, err.message) end
end

-- Whatever happens in it ends this association alone.
local function run(self, link)
    local association = acceptor.new(link, self.deadlines)
    self.running[association] = true
    self.count = self.count + 1
    local done, err = pcall(hold, self, association)
    if not done then log.error("%s: %s", association.name, tostring(err)) end
    association:finish()
    self.running[association] = nil
    self.count = self.count - 1
end

-- Listens until it is stopped; then waits for its associations.
local function listen(self)
    local held = {}
    while not self.stopping do
        local event = tasks.wait(self.listener)
        if event and event.type == "accepted" then
            held[tasks.start(run, self, event.association)] = true
        elseif event and event.type == "failed" then
            log.error("%s", event.error.message)
            tasks.sleep(ACCEPT_PAUSE)
        end
        for task in pairs(held) do
            if task.done then held[task] = nil end
        end
    end
    self.listener:close()
    for association in pairs(self.running) do association:stop() end
    for task in pairs(held) do task:join() end
end

--- Serves from now on, as a task of its own.
-- @return task, which ends when the archive was stopped
function Archive.__index:start()
    if not self.task then self.task = tasks.start(listen, self) end
    return self.task
end

--- Asks it to stop: nobody else comes in, and associations that stand are aborted. Does not wait.
function Archive.__index:stop()
    self.stopping = true
    tasks.wake(self.listener)
end

--- Stops it, and waits until it has stopped.
function Archive.__index:close()
    self:stop()
    if self.task then self.task:join() else self.listener:close() end
end
Archive.__close = Archive.__index.close

return archive

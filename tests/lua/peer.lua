--- peer: a server that does what a test tells it, in the test's own process.
--
--     local result, statuses = peer.converse(box, { "-k", ... }, function(link)
--         local request = link:request()
--         ...
--         link:respond(request, 0x0000, { completed = 1 })
--         link:await_end()
--     end)
--
-- The conversation is held with one client, build/getscu; each link is one association.

local core = require "getscu.core"
local dataset = require "getscu.dataset"
local support = require "support"
local tasks = require "getscu.tasks"

local peer = {}

local Server = { __index = {} }
local Link = { __index = {} }

local PATIENCE = 30
local CT = "1.2.840.10008.5.1.4.1.1.2"
local EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

-- ---- what it sends ----

--- Data set bytes of a small image; its size grows with that of the pixel data.
function peer.image(uid, pixels, class)
    local image = dataset.new { SOPClassUID = class or CT, SOPInstanceUID = uid,
        StudyInstanceUID = "1.2.3", SeriesInstanceUID = "1.2.3.4", PatientID = "P" }
    image:set("7FE0,0010", ("\1\2"):rep((pixels or 512) // 2))
    return assert(image:encode(EXPLICIT_LITTLE))
end

-- ---- one association ----

--- The next event of the association, which must be there in time.
function Link.__index:event()
    local event = tasks.wait(self.core, PATIENCE)
    if not event then error("the client says nothing", 2) end
    return event
end

--- Waits for the next command, with its data set's bytes.
-- @return table: context, command, data (nil where there is none)
function Link.__index:request()
    local event = self:event()
    if event.type ~= "command" then
        error(("a command was expected, not %s"):format(event.type), 2)
    end
    if event.data then
        self.core:receive(core.sink.memory(1 << 20))
        event.data = self:event().bytes
    else
        event.data = nil
    end
    return event
end

local function send(self, context, command, data)
    if self.core:send(context, command, data) == false then
        while self:event().type ~= "sent" do end
    end
end

--- Sends a C-STORE request and does not wait.
-- @param options table or nil: context, class, message_id
function Link.__index:offer(uid, data, options)
    options = options or {}
    local class = options.class or CT
    self.message_id = self.message_id + 1
    send(self, options.context or self.contexts[class], { CommandField = 0x0001,
        MessageID = self.message_id, Priority = 0, AffectedSOPClassUID = class,
        AffectedSOPInstanceUID = uid }, data)
end

--- Sends an object and waits for the answer.
-- @return status, the whole answer (as of request())
function Link.__index:store(uid, data, options)
    self:offer(uid, data, options)
    local answer = self:request()
    if answer.command.CommandField == 0x0FFF then -- C-CANCEL crossed it
        self.cancelled = answer
        answer = self:request()
    end
    return answer.command.Status, answer
end

--- Sends a C-GET response.
-- @param counts table or nil: remaining, completed, failed, warning, comment
-- @param data bytes of a data set, or nil
function Link.__index:respond(request, status, counts, data)
    counts = counts or {}
    send(self, request.context, {
        CommandField = 0x8010,
        MessageIDBeingRespondedTo = request.command.MessageID,
        AffectedSOPClassUID = request.command.AffectedSOPClassUID,
        Status = status,
        ErrorComment = counts.comment,
        NumberOfRemainingSuboperations = counts.remaining,
        NumberOfCompletedSuboperations = counts.completed,
        NumberOfFailedSuboperations = counts.failed,
        NumberOfWarningSuboperations = counts.warning,
    }, data)
end

--- Waits for the end of the association.
-- @return how the client ended it: "released", "aborted", "failed"; the event
function Link.__index:await_end()
    while true do
        local event = self:event()
        if event.type ~= "sent" and event.type ~= "command" then return event.type, event end
        if event.data then
            self.core:receive(core.sink.discard())
            self:event()
        end
    end
end

-- Accepts every context in its first transfer syntax, or as `choose(context)` says: a transfer
-- syntax, or nil and the result to reject it with.
local function accept(self, asked, options)
    local answer = { called = asked.called, calling = asked.calling, contexts = {},
        roles = options.roles or asked.roles, max_length = options.max_length or 16384 }
    for i, context in ipairs(asked.contexts) do
        local syntax, result = context.transfer_syntaxes[1], nil
        if options.choose then syntax, result = options.choose(context) end
        answer.contexts[i] = { id = context.id, result = result or 0,
            transfer_syntaxes = { syntax or EXPLICIT_LITTLE } }
        if syntax then self.contexts[context.abstract_syntax] = context.id end
    end
    assert(self.core:accept(answer))
end

-- ---- the server ----

--- A server on a free port of the loopback interface.
function peer.listen()
    local listener = assert(core.listen { host = "127.0.0.1", port = 0 })
    return setmetatable({ listener = listener, port = listener:port(), title = "PEER" }, Server)
end

function Server.__index:close()
    self.listener:close()
end
Server.__close = Server.__index.close

--- Waits for a client's request and accepts it.
-- @param options table or nil: choose, roles, max_length
-- @return link: core, asked (the A-ASSOCIATE-RQ), contexts (abstract syntax -> ID)
function Server.__index:link(options)
    local event = tasks.wait(self.listener, PATIENCE)
    if not event then error("nobody connects", 2) end
    local link = setmetatable({ core = event.association, contexts = {}, message_id = 0 }, Link)
    link.asked = link:event().associate
    accept(link, link.asked, options or {})
    return link
end

--- Runs build/getscu against a conversation, to the end of both.
-- @param arguments list: the command line, but for --no-retry, the AE title, host and port
-- @param conversation function(link, process); what it returns is returned here
-- @param options table or nil, as of Server:link(); files (query files, after host and port);
--   program (list of words in its place)
-- @return result of the program (code, out, err), and the values of the conversation
function peer.converse(box, arguments, conversation, options)
    local server <close> = peer.listen()
    local said
    options = options or {}
    local process = box:start(support.words(options.program or support.getscu, arguments,
        "--no-retry", "-aec", server.title, "127.0.0.1", server.port, options.files or {}))
    local task = tasks.start(function()
        local link = server:link(options)
        said = table.pack(conversation(link, process))
        link.core:close()
        server:close() -- who asks again finds nobody
    end)
    local result = process:wait()
    if not task.done then tasks.wake(server.listener) end -- the client did not even connect
    local talked, why = pcall(task.join, task)
    if not talked then error(("%s\nthe client said:\n%s"):format(why, result.err), 2) end
    return result, table.unpack(said, 1, said.n)
end

return peer

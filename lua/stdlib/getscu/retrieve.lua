--- retrieve: a whole retrieval, from the connection to the outcome. The default script is made of
-- it.

local association = require "getscu.association"
local contexts = require "getscu.contexts"
local errors = require "getscu.errors"
local log = require "getscu.log"
local outcome = require "getscu.outcome"
local query = require "getscu.query"
local receiver = require "getscu.receiver"
local relational = require "getscu.relational"
local rounds = require "getscu.rounds"
require "getscu.get" -- a method of associations

local retrieve = {}

local Job = { __index = {}, __name = "getscu.job" }

local ENOUGH = errors.new { code = "cancelled", message = "a script has enough" }

local FIELDS = { "peer", "host", "port", "called", "calling", "family", "max_length", "deadlines",
    "model", "query", "queries", "abort", "propose", "prefer", "contexts", "as_stored", "no_retry",
    "identity", "relational", "show_contexts", "retrieve_timeout", "require_match", "observers",
    "hooks", "tls",
    table.unpack(receiver.FIELDS) }

--- A retrieval that is not run yet.
-- @param options table: who (peer, or host, port and called; calling, family, max_length,
--   deadlines, identity, show_contexts, tls, as of getscu.associate); what (model, and query or
--   queries, a list: one C-GET for each; relational, true: negotiate that keys of levels above may
--   be left out); where (directory, create_directory, storage, ignore, filename, on_collision,
--   strict, sync, max_object_size, as of getscu.receiver); require_match (true: a query has to
--   match something); abort (true: end the association by an abort in place of a release);
--   retrieve_timeout (of each C-GET, seconds); observers (list, as of getscu.outcome); hooks (a
--   manifest of a hook script, a list of them, or getscu.hooks)
-- @return job | nil, err: the output directory or the template of file names is of no use
function retrieve.new(options)
    errors.check_fields(options, FIELDS, "getscu.retrieve")
    local queries = {}
    for i, keys in ipairs(options.queries or { options.query or error("a query is missing", 2) }) do
        -- now: a misspelt keyword connects to nobody
        queries[i] = query.complete(keys, options.model)
    end
    local hooks = options.hooks and require("getscu.hooks").from(options.hooks)
    local store, err = receiver.new(receiver.pick(options), hooks)
    if not store then return nil, err end
    local self = setmetatable({ options = options, receiver = store, hooks = hooks,
        model = options.model or "study", asked = queries }, Job)
    if hooks then hooks:attach(self) end
    self:begin()
    return self
end

-- A new outcome; nothing was asked.
function Job.__index:begin()
    local observers = table.move(self.options.observers or {}, 1, #(self.options.observers or {}),
        1, {})
    if self.hooks then observers[#observers + 1] = self.hooks.notices end
    self.outcome = outcome.new(observers)
    self.outcome.require_match = self.options.require_match
    self.queries = self.asked
end

--- Stops the job on behalf of a signal: C-CANCEL first, an abort the second time, or where there is
-- nothing to cancel. Hooks that wait have a moment the first time. May be called at any time, from
-- another task or a handler.
-- @param signal number
function Job.__index:interrupt(signal)
    local cause = errors.new { code = "interrupted", signal = signal,
        message = ("interrupted by signal %d"):format(signal) }
    local again = self.interrupted
    self.interrupted = cause
    self.outcome:error(cause)
    if self.hooks then
        local told = self.hooks.notices
        if again then told:abandon() else told:hurry() end
    end
    local running = self.association
    if not running then return end
    if again or not running.open then
        running:abort(cause)
    else
        running.open.tally:cancel()
        running:cancel()
    end
end

--- Ends the C-GET that runs now, and asks for nothing more: what has come is enough.
function Job.__index:enough()
    self.interrupted = self.interrupted or ENOUGH
    local running = self.association
    if not running or not running.open then return end
    running.open.tally:cancel()
    running:cancel()
end

--- A hook has failed (getscu.hooks tells the log). Where that ends the job, nothing more is asked.
function Job.__index:hook_failed(err)
    self.outcome:hook_failed(err)
    if err.code == "script-exit" or self.hooks.on_error == "abort" then
        self.interrupted = self.interrupted or err
        local running = self.association
        if running and not running.ended then running:abort(err) end
    end
end

--- Where an object is.
-- @param name of its file, below the output directory
function Job.__index:path_of(name)
    return (self.options.directory or ".") .. "/" .. name
end

--- Whether it was interrupted: nothing more is to be asked for.
function Job.__index:stopped()
    return self.interrupted ~= nil
end

--- The contexts with which each proposal of the job begins.
function Job.__index:requests()
    return contexts.requests(self.model, self.options.propose)
end

--- An association with the peer of the job.
-- @param proposal as of getscu.contexts
-- @return association | nil, err
function Job.__index:associate(proposal)
    local options = self.options
    local extended = options.relational and relational.items(proposal) or nil
    local request = {
        peer = options.peer, host = options.host, port = options.port, called = options.called,
        calling = options.calling, family = options.family, max_length = options.max_length,
        deadlines = options.deadlines, contexts = proposal,
        identity = options.identity, extended = extended, show_contexts = options.show_contexts,
        tls = options.tls,
        on_connect = function(connecting) self.association = connecting end,
    }
    local running, err
    if self.hooks then
        running, err = self.hooks:propose(request, association.associate)
    else
        running, err = association.associate(request)
    end
    if running and extended then relational.check(running, extended) end
    if running and self.hooks then self.hooks:associated(running) end
    return running, err
end

--- One C-GET on an association. Returns whether the association still stands.
function Job.__index:fetch(running, group, identifier)
    local tally = group:request()
    local result, err = running:get { query = identifier, model = self.model,
        receiver = self.receiver, tally = tally, timeout = self.options.retrieve_timeout }
    local is_late = err and err.code == "retrieve-timeout"
    if result or err.result and not is_late then return true end
    log.error("%s", err.message)
    if err.result then -- it stopped when it was told to
        self.outcome:error(err)
        return true
    end
    tally:lost(err)
    return false
end

-- An association ends as asked.
local function finish(self, running)
    if running.ended then return end
    if running.cause then -- it was aborted
        running:next_event()
        return
    end
    if self.options.abort then
        log.info("Aborting Association")
        running:abort()
        running:next_event()
        return
    end
    local released, err = running:release()
    if not released then log.warn("no proper release: %s", err.message) end
end

-- All queries on one association. False: it could not be had.
local function ask(self, proposal)
    local running <close>, err = self:associate(proposal)
    if not running then
        self.outcome:error(err)
        log.error("%s", err.message)
        return false
    end
    for i, identifier in ipairs(self.queries) do
        local group = self.outcome.groups[i]
        if self:stopped() or not self:fetch(running, group, identifier) then break end
    end
    finish(self, running)
    return true
end

-- What the first associations propose: that of the manual, or what was chosen by hand.
local function first_proposals(self)
    local options = self.options
    if options.contexts then
        return contexts.split(self:requests(), options.contexts)
    end
    return { contexts.retrieval(self.model, options.propose, options.prefer) }
end

-- Ends of an association after which the peer may well be had again. Not those of our own
-- deadlines, nor where the peer broke the protocol: what it does then is known.
local PEER_LEFT = { ["peer-aborted"] = true, ["peer-closed"] = true, ["peer-released"] = true }

-- What says nothing of the objects that are missing: a hook that fails refuses its own.
local OF_HOOKS = { ["hook-failed"] = true, ["script-limit"] = true }

local function can_store(self)
    for _, err in ipairs(self.outcome.errors) do
        if not OF_HOOKS[err.code] then return false end
    end
    return true
end

-- Whether to look for more of a query: it ended otherwise than with a clean success, and it is not
-- us who cannot store.
local function is_worth_more(self, group)
    local first = group.requests[1]
    if not first then return true end
    local ended = first.response ~= nil or first.err and PEER_LEFT[first.err.code]
    local code = group:judge()
    return ended and code ~= nil and code ~= "no-match" and can_store(self)
end

local function run_rounds(self, separate)
    for i, identifier in ipairs(self.queries) do
        local group = self.outcome.groups[i]
        if not self:stopped() and is_worth_more(self, group) then
            rounds.complete(self, group, identifier, separate)
        end
    end
end

-- The first pass over all queries. False: the peer cannot be had.
local function run_first(self)
    for i, proposal in ipairs(first_proposals(self)) do
        if i > 1 then self.receiver:only_new() end
        if self:stopped() or not ask(self, proposal) then return false end
        for _, group in ipairs(self.outcome.groups) do
            group.expected = group.expected or i > 1 and group:announced() or nil
        end
    end
    return true
end

local function all_asked(self)
    for _, group in ipairs(self.outcome.groups) do
        if #group.requests == 0 then return false end
    end
    return true
end

-- An association for each proposal, on each of them a C-GET for each query; then what is missing is
-- asked for again.
local function perform(self)
    local options = self.options
    for i = 1, #self.queries do
        self.outcome:group(#self.queries > 1 and "query " .. i or nil)
    end
    if options.as_stored then run_rounds(self, true) end
    if all_asked(self) or not run_first(self) then return end
    -- contexts chosen by hand, and --implicit, say what is wanted: no more than that is asked for
    local by_choice = options.contexts or options.prefer == "implicit"
    if not options.no_retry and not by_choice then run_rounds(self, false) end
end

-- The queries that scripts make of those that were asked for. False: a hook has failed.
local function hooked_queries(self)
    local list = {}
    for _, identifier in ipairs(self.asked) do
        local made = self.hooks:queries(identifier)
        if not made then return false end
        table.move(made, 1, #made, #list + 1, list)
    end
    self.queries = list
    return true
end

-- What has come is on the disk before it is told, where that was asked for.
local function sync(self)
    local done, err = self.receiver:sync()
    if done then return end
    log.error("%s", err.message)
    self.outcome:error(err)
end

--- Runs the job once.
-- @return outcome (getscu.outcome), which judges it
function Job.__index:run()
    self.outcome:begin()
    if not self.hooks or hooked_queries(self) and #self.queries > 0 then perform(self) end
    if not self:stopped() then sync(self) end
    self.outcome:finish()
    if self.hooks then self.hooks:done(self.outcome) end
    return self.outcome
end

--- Prepares for another run of the same job: a new outcome; files of before are replaced.
function Job.__index:start_over()
    self:begin()
    self.receiver:start_over()
end

--- Retrieves, and tells what came of it.
-- @param options as of retrieve.new()
-- @return summary of the outcome (completed, failed, stored, exit_code, ...) | nil, err
function retrieve.retrieve(options)
    local job, err = retrieve.new(options)
    if not job then return nil, err end
    return job:run():summary()
end

return retrieve

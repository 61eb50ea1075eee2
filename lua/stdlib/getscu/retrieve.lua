--- retrieve: a whole retrieval, from the connection to the outcome. The default script is made of
-- it.

local association = require "getscu.association"
local contexts = require "getscu.contexts"
local errors = require "getscu.errors"
local log = require "getscu.log"
local outcome = require "getscu.outcome"
local query = require "getscu.query"
local receiver = require "getscu.receiver"
require "getscu.get" -- a method of associations

local retrieve = {}

local Job = { __index = {}, __name = "getscu.job" }

local FIELDS = { "peer", "host", "port", "called", "calling", "family", "max_length", "deadlines",
    "model", "query", "queries", "directory", "storage", "ignore", "abort" }

--- A retrieval that is not run yet.
-- @param options table: who (peer, or host, port and called; calling, family, max_length,
--   deadlines, as of getscu.associate); what (model, and query or queries, a list: one C-GET for
--   each); where (directory, storage, ignore, as of getscu.receiver); abort (true: end the
--   association by an abort in place of a release)
-- @return job | nil, err: the output directory is of no use
function retrieve.new(options)
    errors.check_fields(options, FIELDS, "getscu.retrieve")
    local queries = {}
    for i, keys in ipairs(options.queries or { options.query or error("a query is missing", 2) }) do
        queries[i] = query.new(keys) -- now: a misspelt keyword connects to nobody
    end
    local store, err = receiver.new { directory = options.directory, storage = options.storage,
        ignore = options.ignore }
    if not store then return nil, err end
    return setmetatable({ options = options, receiver = store, model = options.model or "study",
        queries = queries, outcome = outcome.new() }, Job)
end

--- Stops the job on behalf of a signal: C-CANCEL first, an abort the second time, or where there is
-- nothing to cancel. May be called at any time, from another task or a handler.
-- @param signal number
function Job.__index:interrupt(signal)
    local cause = errors.new { code = "interrupted", signal = signal,
        message = ("interrupted by signal %d"):format(signal) }
    local again = self.interrupted
    self.interrupted = cause
    self.outcome:error(cause)
    local running = self.association
    if not running then return end
    if again or not running.open then
        running:abort(cause)
    else
        running.open.tally:cancel()
        running:cancel()
    end
end

-- Whether to go on: false once interrupted, or when the association is gone.
local function fetch(self, running, identifier, i)
    local tally = self.outcome:request(#self.queries > 1 and "query " .. i or nil)
    local result, err = running:get { query = identifier, model = self.model,
        receiver = self.receiver, tally = tally }
    if result or err.result then return not self.interrupted end
    self.outcome:error(err)
    log.error("%s", err.message)
    return false
end

local function finish(self, running)
    if running.ended then return end
    if self.options.abort then
        log.info("Aborting Association")
        running:abort()
        running:next_event()
        return
    end
    local released, err = running:release()
    if not released then log.warn("no proper release: %s", err.message) end
end

local function associate(self)
    local options = self.options
    return association.associate {
        peer = options.peer, host = options.host, port = options.port, called = options.called,
        calling = options.calling, family = options.family, max_length = options.max_length,
        deadlines = options.deadlines, contexts = contexts.retrieval(self.model),
        on_connect = function(running) self.association = running end,
    }
end

--- Runs the job once: one association, one C-GET for each query.
-- @return outcome (getscu.outcome), which judges it
function Job.__index:run()
    local running <close>, err = associate(self)
    if not running then
        self.outcome:error(err)
        log.error("%s", err.message)
        return self.outcome
    end
    for i, identifier in ipairs(self.queries) do
        if not fetch(self, running, identifier, i) then break end
    end
    finish(self, running)
    return self.outcome
end

--- Prepares for another run of the same job: a new outcome; files of before are replaced.
function Job.__index:start_over()
    self.outcome = outcome.new()
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

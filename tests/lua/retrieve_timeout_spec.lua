-- --retrieve-timeout: the time of a whole C-GET is limited.

local core = require "getscu.core"
local getscu = require "getscu"
local peer = require "peer"
local support = require "support"

local box, directory, study
setup(function()
    box = support.box()
    local images
    images, study = box:images(40, 3000)
    directory = box:directory("archive")
    box:tool { "sh", "-c", 'cp "$0"/* "$1"', images, directory }
end)
teardown(function() box:close() end)

-- Retrieves the study from an archive with such hooks, one second at most.
local function retrieve(hooks, ...)
    local archive <close> = assert(getscu.archive { directory = directory, hooks = hooks })
    archive:start()
    local out, started = box:directory("out"), core.clock()
    local result = box:getscu("-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
        "StudyInstanceUID=" .. study, "-od", out, "--retrieve-timeout", "1", { ... }, "127.0.0.1",
        archive:port())
    result.seconds, result.files = core.clock() - started, support.list(out)
    return result
end

local function slowly()
    getscu.tasks.sleep(0.1)
end

describe("--retrieve-timeout", function()
    it("changes nothing where the C-GET is faster", function()
        local result = retrieve {}
        assert.equal(0, result.code, result.err)
        assert.equal(40, #result.files)
    end)

    it("cancels a C-GET that goes on, and keeps what has come: 63", function()
        local result = retrieve { send = slowly }
        assert.equal(63, result.code, result.err)
        assert.matches("E: [^\n]* did not complete the request in 1 seconds; cancelled", result.err)
        assert.matches("I: Received C%-GET Response %(Cancel", result.err)
        assert.matches("I: Releasing Association", result.err)
        assert.is_true(#result.files >= 5 and #result.files <= 15, #result.files)
        assert.is_true(result.seconds < 4, result.seconds)
    end)

    it("aborts where the peer does not end: 63", function()
        local result = retrieve { serve = function() return false end }
        assert.equal(63, result.code, result.err)
        assert.matches("in 1 seconds; cancelled", result.err)
        assert.is_true(result.seconds >= 5.5 and result.seconds < 9, result.seconds)
    end)

    -- A peer that is never silent let no limit run out: they were looked at in silence only.
    it("aborts where the peer goes on sending: 63", function()
        local started = core.clock()
        local result, ending = peer.converse(box, { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
            "StudyInstanceUID=1.2.3", "--ignore", "--retrieve-timeout", "1" }, function(link)
            link:request()
            local object = peer.image "1.2.3.4"
            while core.clock() < started + 20 do
                getscu.tasks.sleep(0.001)
                link:offer("1.2.3.4", object)
                local event = link:event()
                if event.type ~= "command" and event.type ~= "sent" then return event.type end
            end
        end)
        assert.equal(63, result.code, result.err)
        assert.equal("aborted", ending)
        assert.is_true(core.clock() - started < 9)
    end)

    it("limits each C-GET, not all of them together", function()
        local result = retrieve({ send = function() getscu.tasks.sleep(0.008) end }, "--repeat",
            "3")
        assert.equal(0, result.code, result.err)
        assert.is_true(result.seconds > 0.9, result.seconds)
    end)
end)

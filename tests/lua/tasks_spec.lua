local core = require "getscu.core"
local tasks = require "getscu.tasks"

-- A body that says when it begins, and waits for its turn: `steps` of the scheduler.
local function counting(most)
    local running = 0
    return function(item)
        running = running + 1
        most.seen = math.max(most.seen or 0, running)
        most.begun = (most.begun or 0) + 1
        for _ = 1, item.steps or 1 do tasks.sleep(0) end
        running = running - 1
        if item.fails then error(item.fails, 0) end
        return item.name
    end
end

local function items(count)
    local list = {}
    for i = 1, count do list[i] = { name = "item " .. i, steps = (count - i) % 4 + 1 } end
    return list
end

describe("tasks.each", function()
    it("runs as many side by side as the limit says, and keeps the order of results", function()
        for _, case in ipairs { { 1, 1 }, { 3, 3 }, { 20, 10 } } do
            local most = {}
            local results = tasks.each(items(10), case[1], counting(most))
            assert.equal(case[2], most.seen)
            assert.equal(10, most.begun)
            for i = 1, 10 do assert.equal("item " .. i, results[i]) end
        end
        assert.same({}, tasks.each({}, 2, error))
    end)

    it("gives the index, too", function()
        local results = tasks.each({ "a", "b" }, 2, function(item, index) return item .. index end)
        assert.same({ "a1", "b2" }, results)
    end)

    it("raises the first error when what was begun has ended, and begins no more", function()
        local list, most = items(10), {}
        list[1].steps, list[2].steps, list[2].fails = 9, 1, "broken"
        local done, err = pcall(tasks.each, list, 2, counting(most))
        assert.is_false(done)
        assert.equal("broken", err)
        assert.equal(2, most.begun)
    end)

    it("works inside of a task", function()
        local results
        tasks.all(function() results = tasks.each(items(5), 2, counting {}) end)
        assert.equal("item 5", results[5])
    end)

    it("raises where the limit is none", function()
        for _, limit in ipairs { 0, -1, 1.5, "2" } do
            assert.has_error(function() tasks.each({ 1 }, limit, print) end)
        end
    end)
end)

-- Each wait ended in an error "interrupted" when a signal came that nothing was to be done about:
-- whoever looked at a retrieval with a debugger lost it.
describe("a signal that has nothing to do with a wait", function()
    local DISTURB = "for i in 1 2 3 4 5; do kill -USR1 $PPID; sleep 0.02; done; exit 7"
    local signals
    before_each(function() signals = assert(core.signals "USR1") end) -- which nobody waits for
    after_each(function() signals:close() end)

    local function status()
        local child = assert(core.spawn { "sh", "-c", DISTURB })
        return core.exited(tasks.wait(child, 30).status)
    end

    it("does not end it", function() assert.equal(7, status()) end)

    it("does not end it where other tasks wait as well", function()
        local statuses = {}
        tasks.all(function() statuses[1] = status() end, function() statuses[2] = status() end)
        assert.same({ 7, 7 }, statuses)
    end)

    it("does not make its time longer", function()
        local child = assert(core.spawn { "sh", "-c",
            "for i in $(seq 500); do kill -USR1 $PPID; sleep 0.02; done" })
        assert.is_nil(tasks.wait(child, 0.2)) -- else it would be the end of the child
        child:kill "KILL"
        tasks.wait(child, 30)
    end)
end)

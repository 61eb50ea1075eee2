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

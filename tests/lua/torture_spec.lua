local support = require "support"
local torture = require "torture"

-- Each fault is one run of the program: with LONG=1 all there are (make torture), else a sample of
-- each call, which is another one each time. A run that fails tells its fault; to see it again,
--     LD_PRELOAD=build/tests/faults.so FAULT_COUNTS=/tmp/counts FAULT=... build/getscu ...
-- Of the allocations 20,000 at most, since most of them are those of the dictionary, one like the
-- other.
local SAMPLE = { memory = 8, recv = 2, writev = 2, send = 2 } -- of others one
local WHOLE = 20000

describe("a retrieval", function()
    local box, victim
    setup(function()
        math.randomseed(os.time())
        box = support.box()
        victim = torture.new(box)
    end)
    teardown(function() box:close() end)

    for _, variant in ipairs(torture.variants) do
        for _, call in ipairs(torture.calls) do
            it(("of objects %s keeps its promises where a call fails: %s"):format(variant.name,
                call.name), function()
                if call.name == "memory" and support.sanitized then
                    pending "an instrumented program has an allocator of its own"
                    return
                end
                local most = support.long and WHOLE or SAMPLE[call.name] or 1
                victim:torture(variant, victim:faults(variant, call, torture.sample(most)))
            end)
        end
    end
end)

describe("the shim that lets calls fail", function()
    local box
    setup(function() box = support.box() end)
    teardown(function() box:close() end)

    it("is seen by the program", function()
        local victim = torture.new(box)
        local variant = torture.variants[1]
        local counts = victim.references[variant].counts
        for _, name in ipairs { "recv", "send", "writev", "rename", "open", "close", "poll" } do
            assert.is_true(counts[name] > 0, name)
        end
        assert.equal(40, victim:run(variant, "rename:1:0:EIO").code)
        assert.equal(0, victim:run(variant, "writev:2:1:EINTR").code)
        assert.equal(143, victim:run(variant, "recv:3:1:TERM").code)
        assert.equal(137, victim:run(variant, "recv:3:1:KILL").code)
    end)
end)

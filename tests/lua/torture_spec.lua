local support = require "support"
local torture = require "torture"

-- Each fault is one run of the program: with LONG=1 all there are (make torture), else a sample of
-- each call, which is another one each time. A run that fails tells its fault; to see it again,
--     LD_PRELOAD=build/tests/faults.so FAULT_COUNTS=/tmp/counts FAULT=... build/getscu ...
-- Of the allocations 20,000 at most, since most of them are those of the dictionary, one like the
-- other.
local SAMPLE = { memory = 8, recv = 2, writev = 2, send = 2 } -- of others one
local WHOLE = 20000

local box, victim
setup(function()
    box = support.box()
    victim = torture.new(box)
end)
teardown(function() box:close() end)

describe("a retrieval", function()
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

describe("what judges and what lets calls fail", function()
    it("are seen by the program", function()
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

    it("see whatever is wrong", function()
        local variant, name = torture.variants[5], "CT.1.2.3.4.2"
        local temporary = ".getscu-1-2-3.part"
        local good = victim:run(variant)
        assert.is_nil(victim:judge(variant, good))
        for expected, spoil in pairs {
            ["it did not end"] = function(run) run.hung = true end,
            ["ended by signal 11"] = function(run) run.code = 139 end,
            ["exit code 23"] = function(run) run.code = 23 end, -- a leak
            ["exit code 62 without a word"] = function(run)
                run.code, run.err = 62, ""
            end,
            ["exit code 0 without " .. name] = function(run) run.files[name] = nil end,
            ["nothing of it in the report"] = function(run)
                run.beside.report = run.beside.report:gsub('[^\n]*1%.2%.3%.4%.2"[^\n]*\n', "")
            end,
            ["has not the data set"] = function(run)
                run.files[name] = run.files[name]:sub(1, -2)
            end,
            ["is no whole DICOM file"] = function(run)
                run.files[name] = run.files[name]:sub(1, 200)
            end,
            ["says to be something else"] = function(run)
                run.files[name] = run.files[name]:gsub("1%.2%.3%.4%.2", "1.2.3.4.9", 1)
            end,
            ["it left " .. temporary] = function(run) run.files[temporary] = "" end,
            ["it made something outside: CT.1"] = function(run) run.beside["CT.1"] = "" end,
            ["though nothing has failed"] = function(run)
                run.fault, run.code = "recv:3:1:SHORT", 62
            end,
        } do
            local run = { code = good.code, files = {}, beside = {}, err = "E: why" }
            for key, value in pairs(good.files) do run.files[key] = value end
            for key, value in pairs(good.beside) do run.beside[key] = value end
            spoil(run)
            assert.matches(expected, victim:judge(variant, run) or "nothing", 1, true)
        end
    end)
end)

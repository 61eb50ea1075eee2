local support = require "support"
local torture = require "torture"

-- Moments are told by progress: a call of the program (the signal comes right before it, and the
-- call takes place), or a byte that the server has sent. Each run takes others.
local RUNS = support.long and 67 or 4 -- of each signal
local SIGNALS = { { "KILL", 9 }, { "TERM", 15 }, { "INT", 2 } }

describe("a retrieval that is ended", function()
    local box, victim
    setup(function()
        math.randomseed(os.time())
        box = support.box()
        victim = torture.new(box)
    end)
    teardown(function() box:close() end)

    local function assert_kept(variant, run, signal, moment)
        local problem = victim:judge(variant, run, signal)
        if problem then
            error(("%s (%s): %s\n%s"):format(moment, variant.name, problem, run.err))
        end
    end

    -- Before a call, any of those that a run makes.
    local function at_a_call(variant, name, signal)
        local counts, calls = victim.references[variant].counts, {}
        for _, call in ipairs(torture.calls) do
            local counted = call.name ~= "memory" or not support.sanitized
            if counted and counts[call.name] > 0 then calls[#calls + 1] = call.name end
        end
        local call = calls[math.random(#calls)]
        local fault = ("%s:%d:1:%s"):format(call, math.random(counts[call]), name)
        assert_kept(variant, victim:run(variant, fault), signal, "FAULT=" .. fault)
    end

    -- When the server has sent so many bytes.
    local function at_a_byte(variant, name, signal)
        local tap = box:tap(victim.server, { chunk = 1000 })
        local byte = math.random(370000)
        local run = victim:run(variant, nil, function(process)
            local said
            repeat said = support.read(tap.record .. ".1.server") or ""
            until #said >= byte or process:poll(0.001)
            process:kill(name)
        end, tap)
        tap.process:stop()
        assert_kept(variant, run, signal, ("SIG%s after %d bytes"):format(name, byte))
    end

    for _, row in ipairs(SIGNALS) do
        local name, signal = row[1], row[2]
        local left = name == "KILL" and "whole files and temporary ones" or "whole files alone"
        it(("by SIG%s leaves %s"):format(name, left), function()
            for i = 1, RUNS do
                local variant = torture.variants[i % #torture.variants + 1]
                if i % 4 == 0 then
                    at_a_byte(variant, name, signal)
                else
                    at_a_call(variant, name, signal)
                end
            end
        end)
    end
end)

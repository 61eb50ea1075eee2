local core = require "getscu.core"
local support = require "support"
local torture = require "torture"

-- Moments are told by progress: a call of the program (the signal comes right before it, and the
-- call takes place), or a byte that the server has sent. Each run takes others.
local RUNS = support.long and 67 or 4 -- of each signal
local SIGNALS = { { "KILL", 9 }, { "TERM", 15 }, { "INT", 2 } }

describe("a retrieval that is ended", function()
    local box, victim
    setup(function()
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
        local run = victim:run(variant, fault)
        assert_kept(variant, run, signal, "FAULT=" .. fault)
        return run
    end

    -- When the server has sent so many bytes.
    local function at_a_byte(variant, name, signal)
        local tap = box:tap(victim:server_of(variant), { chunk = 1000 })
        local byte = math.random(370000)
        local run = victim:run(variant, nil, function(process)
            local said
            repeat said = support.read(tap.record .. ".1.server") or ""
            until #said >= byte or process:poll(0.001)
            process:kill(name)
        end, tap)
        tap.process:stop()
        assert_kept(variant, run, signal, ("SIG%s after %d bytes"):format(name, byte))
        return run
    end

    for _, row in ipairs(SIGNALS) do
        local name, signal = row[1], row[2]
        local left = name == "KILL" and "whole files and temporary ones" or "whole files alone"
        it(("by SIG%s leaves %s"):format(name, left), function()
            local began, ended, temporary = core.clock(), 0, 0
            for i = 1, RUNS do
                local variant = torture.variants[i % #torture.variants + 1]
                local at_some = i % 4 == 0 and at_a_byte or at_a_call
                local run = at_some(variant, name, signal)
                if run.code == 128 + signal then ended = ended + 1 end
                for file in pairs(run.files) do
                    if file:find "%.part$" then temporary = temporary + 1 end
                end
            end
            support.measured("%d times SIG%s: %.1f s; %d runs ended by it, %d temporary files left",
                RUNS, name, core.clock() - began, ended, temporary)
        end)
    end
end)

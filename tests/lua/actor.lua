--- actor: a peer that plays a script in raw bytes (tests/c/actor.c), and what it heard.
--
-- A script is made of steps. A step is bytes to say, or a table made by the functions here; steps
-- may be nested.

local raw = require "raw"
local support = require "support"
local wire = require "wire"

local actor = {}

local PATIENCE = 20 -- seconds in which an actor has played all, and sees that its peer has gone
local DATA = 4 -- type of PDU

-- ---- steps ----

local function line(...)
    return { line = string.format(...) }
end

--- Waits for the peer's next PDU of a type, by default a P-DATA-TF.
function actor.expect(kind)
    return line("expect %d", kind or DATA)
end

--- From here on the actor speaks in segments of so many bytes, with a pause before each.
function actor.segments(size, milliseconds)
    return { line("chunk %d", size), line("pace %d", milliseconds or 0) }
end

--- Says something many times.
function actor.times(count, bytes)
    return { line("repeat %d", count), bytes }
end

--- From here on it does not read while it speaks, until its peer takes nothing for so long.
function actor.deaf(milliseconds)
    return line("deaf %d", milliseconds)
end

--- A FIN, and an RST.
actor.END, actor.RESET = line "end", line "reset"

--- How a C-GET ends: by the release that the client asks for; after it went well; after one object
-- failed.
actor.RELEASE = { actor.expect(5), raw.RELEASE_RP }
actor.LAST = { raw.respond(0, { completed = 1 }), actor.RELEASE }
actor.FAILED = { raw.respond(0xB000, { completed = 0, failed = 1, warning = 0 }), actor.RELEASE }

--- An object that may become a file: the steps that send it, by default with raw.store().
function actor.object(data, ...)
    return { object = data, ... }
end

--- Sends an object and waits for the response. Arguments as of raw.store().
function actor.store(uid, data, changes, context)
    return { object = data, raw.store(uid, data, changes, context), actor.expect() }
end

-- Adds the lines of steps, and what they send as objects.
local function add_steps(script, step)
    if type(step) == "string" then
        script[#script + 1] = "say " .. step:gsub(".", function(c)
            return ("%02x"):format(c:byte())
        end)
    elseif step.line then
        script[#script + 1] = step.line
    else
        if step.object then script.objects[step.object] = true end
        for _, inner in ipairs(step) do add_steps(script, inner) end
    end
end

--- A script of steps: its lines, and the set of its objects.
function actor.script(...)
    local script = { objects = {} }
    add_steps(script, { ... })
    return script
end

-- ---- playing ----

--- Starts an actor.
-- @param script as of actor.script()
-- @param options table or nil: port (it is a client of that; nil: it listens); window (bytes)
-- @return table: process, record, and the port where it listens
function actor.start(box, script, options)
    options = options or {}
    local record, port_file = box:new_path("record"), box:new_path("port")
    local process = box:start(support.words(support.build .. "/tests/actor", "--script",
        box:file(table.concat(script, "\n"), "script"), "--record", record, "--window",
        options.window or 0,
        options.port and { "--connect", options.port } or { "--port-file", port_file }))
    if options.port then return { process = process, record = record } end
    process:await(function() return support.read(port_file) end, "its port")
    return { process = process, record = record, port = math.tointeger(support.read(port_file)) }
end

--- What an actor heard until its peer has gone, as of wire.side(); nil where none came.
-- @param unheard true: that no peer comes is right
-- @param log what to show where it is not
function actor.hear(started, unheard, log)
    local process = started.process
    if unheard then
        process:stop()
        return support.read(started.record) and wire.side(started.record)
    end
    if not process:poll(PATIENCE) then
        process:stop()
        error("its peer did not connect, or did not leave:\n" .. log, 0)
    end
    if process.code ~= 0 then error("the actor failed: " .. process:err(), 0) end
    return wire.side(started.record)
end

--- The last PDU of what was heard: "released", "2/6" (A-ABORT with source and reason), "rejected",
-- "open" (something else), "unheard" (nothing came).
function actor.ending(heard)
    local last = heard and heard.pdus[#heard.pdus]
    if not last then return "unheard" end
    if last.type == 7 then return ("%d/%d"):format(last.body:byte(3, 4)) end
    if last.type == 3 then return "rejected" end
    return (last.type == 5 or last.type == 6) and "released" or "open"
end

return actor

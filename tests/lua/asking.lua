--- asking: the program runs against an archive in the test's own process, which tells what it saw.

local getscu = require "getscu"
local options = require "getscu.options"
local support = require "support"

local asking = {}

--- The words of a query for a study.
function asking.study(uid)
    return { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" .. uid }
end

-- Hooks that note what comes, and then ask those of the test.
local function noting(seen, hooks)
    local function ask(name, ...)
        if hooks[name] then return hooks[name](...) end
    end
    return {
        accept = function(request, answer, association)
            table.insert(seen.requests, request)
            return ask("accept", request, answer, association)
        end,
        serve = function(command, association)
            table.insert(seen.commands, command)
            return ask("serve", command, association)
        end,
        send = function(image, association, number)
            table.insert(seen.sent, image.sop_instance)
            return ask("send", image, association, number)
        end,
        respond = hooks.respond,
    }
end

--- Runs the program against an archive.
-- @param box of support
-- @param archive table: directory; hooks (nil: none); host (nil: 127.0.0.1); tls (a context)
-- @param arguments list of words, or function(port, out) that returns it; a list gets the output
--   directory and where to find the archive
-- @param before words before the program, nil: none
-- @return result (code, out, err) with requests (A-ASSOCIATE-RQs), commands, sent (the UIDs that
--   were asked to be sent, with repetitions), directory, files
function asking.ask(box, archive, arguments, before)
    local seen = { requests = {}, commands = {}, sent = {} }
    local server <close> = assert(getscu.archive { directory = archive.directory,
        host = archive.host, tls = archive.tls, hooks = noting(seen, archive.hooks or {}) })
    server:start()
    local out = box:directory("out")
    if type(arguments) == "function" then
        arguments = arguments(server:port(), out)
    else
        arguments = { arguments, "-od", out, archive.host or "127.0.0.1", server:port() }
    end
    local result = box:run(support.words(before or {}, support.getscu, arguments))
    for key, value in pairs(seen) do result[key] = value end
    result.directory, result.files = out, support.list(out)
    return result
end

--- The CommandFields of commands, in a list.
function asking.fields(commands)
    local fields = {}
    for i, command in ipairs(commands) do fields[i] = command.CommandField end
    return fields
end

--- Abstract syntaxes of an A-ASSOCIATE-RQ, and the transfer syntaxes of each context.
function asking.contexts(request)
    local classes, syntaxes = {}, {}
    for i, context in ipairs(request.contexts) do
        classes[i], syntaxes[i] = context.abstract_syntax, context.transfer_syntaxes
    end
    return classes, syntaxes
end

--- Tests that go through the rows of the table of options.
-- @param it busted's function, which a module does not see
-- @param takes function(option): whether a row is one of these
-- @return row(long, promise, check), which tests a row under both of its names with check(name);
--   finish(), which tests that each row had its turn
function asking.rows(it, takes)
    local tested, by_name = {}, {}
    for _, option in ipairs(options.list) do by_name[option.long] = option end

    local function row(long, promise, check)
        local option = by_name[long]
        tested[long] = true
        for _, name in ipairs { option.long, option.short } do -- short may be nil
            it(name .. " " .. promise, function() check(name) end)
        end
    end

    local function finish()
        it("have all been looked at", function()
            for _, option in ipairs(options.list) do
                if takes(option) and not tested[option.long] then error(option.long, 0) end
            end
        end)
    end
    return row, finish
end

return asking

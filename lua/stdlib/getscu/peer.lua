--- peer: who to talk to, written AET@host:port or in fields.

local peer = {}

--- The parts of "AET@host:port"; an IPv6 address stands in brackets. Raises where it is none.
-- @return table: called, host, port
function peer.parse(text)
    local called, host, port = text:match("^([^@]+)@(.+):(%d+)$")
    if not called then
        error(("peer '%s' is not of the form AET@host:port"):format(text), 3)
    end
    return { called = called, host = host:match("^%[(.+)%]$") or host, port = math.tointeger(port) }
end

--- Host, port and called AE title of options that have `peer`, or `host` and `port` (and `called`).
function peer.resolve(options, what)
    local named = options.peer and peer.parse(options.peer) or options
    if not named.host or not named.port then
        error(what .. " needs a peer, or a host and a port", 3)
    end
    return named.host, named.port, options.called or named.called or "ANY-SCP"
end

return peer

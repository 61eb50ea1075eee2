#include "session/wait.h"

#include "lua/source.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void gsl_new_source_type(lua_State *L, const char *name, const luaL_Reg *methods,
                         lua_CFunction close)
{
    gsl_new_type(L, name, methods, close);
    luaL_getmetatable(L, name);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, GSL_SOURCE);
    lua_pop(L, 1);
}

struct gs_source *gsl_check_source(lua_State *L, int index)
{
    struct gsl_source *held = lua_touserdata(L, index);
    if (held == NULL || luaL_getmetafield(L, index, GSL_SOURCE) == LUA_TNIL)
        luaL_error(L,
                   "only associations, listeners, child processes and signals can be waited "
                   "for, not a %s",
                   luaL_typename(L, index));
    lua_pop(L, 1);
    if (held->source == NULL)
        luaL_error(L, "a source that was closed cannot be waited for");
    return held->source;
}

/* What the data set says, where that is something else than what the request said. */
static void push_other(lua_State *L, const char *field, const struct gs_scan_uid *uid)
{
    if (uid->length == 0)
        return;
    lua_pushlstring(L, uid->bytes, uid->size);
    lua_setfield(L, -2, field);
}

static void push_received(lua_State *L, const struct gs_received *received)
{
    gsl_set_integer(L, "size", (lua_Integer)received->size);
    if (received->failed) {
        gsl_push_error(L, &received->error);
        lua_setfield(L, -2, "error");
    }
    if (received->committed) {
        gsl_push_committed(L, &received->file);
        lua_setfield(L, -2, "file");
    }
    if (received->bytes != NULL && !received->failed) {
        lua_pushlstring(L, (const char *)received->bytes, received->bytes_size);
        lua_setfield(L, -2, "bytes");
    }
    if (received->header_size > 0 && !received->committed) /* who has a name is not looked at */
        gsl_set_integer(L, "header_size", (lua_Integer)received->header_size);
    if (received->unchecked != NULL) {
        lua_pushstring(L, received->unchecked);
        lua_setfield(L, -2, "unchecked");
    }
    push_other(L, "other_sop_class", &received->others[GS_SCAN_CLASS]);
    push_other(L, "other_sop_instance", &received->others[GS_SCAN_INSTANCE]);
    gsl_set_flag(L, "incomplete", received->incomplete);
    gsl_set_flag(L, "whole", received->whole);
    gsl_set_flag(L, "odd", received->odd);
    gsl_set_flag(L, "has_meta", received->has_meta);
}

/* The fields that this type of event has, into the table on top. */
static void push_details(lua_State *L, const struct gs_event *event)
{
    switch (event->type) {
    case GS_EVENT_ASSOCIATED:
    case GS_EVENT_REQUESTED:
        gsl_push_associate(L, event->associate);
        lua_setfield(L, -2, "associate");
        break;
    case GS_EVENT_REJECTED:
        gsl_set_integer(L, "result", event->reject.result);
        gsl_set_integer(L, "source", event->reject.source);
        gsl_set_integer(L, "reason", event->reject.reason);
        break;
    case GS_EVENT_COMMAND:
        gsl_set_integer(L, "context", event->context);
        lua_pushboolean(L, gs_command_has_data_set(event->command));
        lua_setfield(L, -2, "data");
        gsl_push_command(L, event->command);
        lua_setfield(L, -2, "command");
        break;
    case GS_EVENT_HEADER:
    case GS_EVENT_RECEIVED:
        push_received(L, event->received);
        break;
    case GS_EVENT_RELEASED:
        lua_pushboolean(L, event->by_peer);
        lua_setfield(L, -2, "by_peer");
        break;
    case GS_EVENT_ABORTED:
        gsl_set_integer(L, "source", event->source);
        gsl_set_integer(L, "reason", event->reason);
        break;
    case GS_EVENT_FAILED:
        gsl_push_error(L, event->error);
        lua_setfield(L, -2, "error");
        break;
    case GS_EVENT_EXITED:
        gsl_set_integer(L, "status", event->status);
        break;
    case GS_EVENT_SIGNALLED:
        gsl_set_integer(L, "signal", event->signal);
        break;
    default:
        break;
    }
}

void gsl_push_event(lua_State *L, struct gs_event *event)
{
    lua_createtable(L, 0, 6); /* with what the library adds to it */
    lua_pushstring(L, gs_event_name(event->type));
    lua_setfield(L, -2, "type");
    push_details(L, event);
}

/* The sources of the list at index 1, none only where index 2 limits the wait; `accepting`: a
 * connection may come in. A session that waits for a decision would wait for ever. */
static size_t check_sources(lua_State *L, struct gs_source **sources, bool *accepting)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t count = lua_rawlen(L, 1);
    if ((count == 0 && isinf(luaL_optnumber(L, 2, INFINITY))) || count > GS_SOURCES_MAX)
        luaL_error(L, "wait takes 1 to %d sources, not %d", GS_SOURCES_MAX, (int)count);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        struct gs_session *session = gsl_test_session(L, -1);
        sources[i] = session != NULL ? gs_session_source(session) : gsl_check_source(L, -1);
        if (session == NULL)
            *accepting = *accepting || luaL_testudata(L, -1, GSL_LISTENER) != NULL;
        else if (gs_session_undecided(session))
            luaL_error(L, "the association waits for receive() or resume()");
        lua_pop(L, 1);
    }
    return count;
}

/* Raises where poll(2) failed: to wait again would only fail again, without end. */
static int wait_result(lua_State *L, enum gs_wait_result result, size_t index,
                       struct gs_event *event)
{
    if (result == GS_WAIT_FAILED)
        return luaL_error(L, "cannot wait: %s", strerror(errno));
    if (result == GS_WAIT_EVENT) {
        if (event->type == GS_EVENT_ACCEPTED)
            gsl_association_set(L, -1, event->session);
        lua_rawgeti(L, 1, (lua_Integer)index + 1);
        gsl_push_event(L, event);
        if (event->type == GS_EVENT_ACCEPTED) {
            lua_pushvalue(L, -3);
            lua_setfield(L, -2, "association");
        }
        return 2;
    }
    lua_pushnil(L);
    if (result == GS_WAIT_TIMEOUT)
        return 1;
    lua_pushliteral(L, "interrupted");
    return 2;
}

/* wait(list [, seconds]) -> source, event | nil (time is up) | nil, "interrupted" */
static int gsl_wait(lua_State *L)
{
    struct gs_source *sources[GS_SOURCES_MAX];
    bool accepting = false;
    size_t count = check_sources(L, sources, &accepting);
    double timeout = luaL_optnumber(L, 2, INFINITY);
    luaL_argcheck(L, !isnan(timeout), 2, "not a number of seconds");
    struct gs_waiter *waiter = lua_touserdata(L, lua_upvalueindex(1));
    if (accepting)
        gsl_association_new(L); /* now, since this may raise */
    struct gs_event event = {.type = GS_EVENT_NONE};
    size_t index = 0;
    enum gs_wait_result result = gs_wait(waiter, sources, count, timeout, &index, &event);
    return wait_result(L, result, index, &event);
}

/* clock() -> seconds of the monotonic clock */
static int gsl_clock(lua_State *L)
{
    lua_pushnumber(L, gs_clock());
    return 1;
}

void gsl_open_wait(lua_State *L)
{
    struct gs_waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 0);
    memset(waiter, 0, sizeof *waiter);
    lua_pushcclosure(L, gsl_wait, 1);
    lua_setfield(L, -2, "wait");
    lua_pushcfunction(L, gsl_clock);
    lua_setfield(L, -2, "clock");
}

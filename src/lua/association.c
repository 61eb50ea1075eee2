/*
 * association: the Lua type of one association, a session of src/session.
 */
#include "lua/source.h"

#include "net/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPE               "getscu.association"
#define DEFAULT_MAX_LENGTH 16384

void gsl_association_new(lua_State *L)
{
    struct gsl_source *held = lua_newuserdatauv(L, sizeof *held, 0);
    held->source = NULL;
    luaL_setmetatable(L, TYPE);
}

void gsl_association_set(lua_State *L, int index, struct gs_session *session)
{
    struct gsl_source *held = lua_touserdata(L, index);
    held->source = gs_session_source(session);
}

struct gs_session *gsl_test_session(lua_State *L, int index)
{
    struct gsl_source *held = luaL_testudata(L, index, TYPE);
    return held != NULL ? (struct gs_session *)held->source : NULL;
}

struct gs_session *gsl_check_session(lua_State *L, int index)
{
    struct gsl_source *held = luaL_checkudata(L, index, TYPE);
    if (held->source == NULL)
        luaL_error(L, "the association was closed");
    return (struct gs_session *)held->source;
}

/* association:close(), idempotent: what still stands is aborted */
static int gsl_association_close(lua_State *L)
{
    struct gsl_source *held = luaL_checkudata(L, 1, TYPE);
    struct gs_session *session = (struct gs_session *)held->source;
    held->source = NULL;
    gs_session_free(session);
    return 0;
}

static enum gs_family check_family(lua_State *L, int index)
{
    static const struct {
        const char *name;
        enum gs_family family;
    } families[] = {{"any", GS_FAMILY_ANY}, {"ipv4", GS_FAMILY_IPV4}, {"ipv6", GS_FAMILY_IPV6}};
    const char *name = gsl_text_field(L, index, "family", "any");
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].name, name) == 0)
            return families[i].family;
    luaL_error(L, "field 'family' must be 'any', 'ipv4' or 'ipv6', not '%s'", name);
    return GS_FAMILY_ANY;
}

/* connect{host=, port=, family=, max_length=, tls=} -> association | nil, error */
static int gsl_connect(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *host = gsl_text_field(L, 1, "host", NULL);
    lua_Integer port = gsl_integer_field(L, 1, "port", 0);
    enum gs_family family = check_family(L, 1);
    lua_Integer max_length = gsl_range_field(L, 1, "max_length", DEFAULT_MAX_LENGTH, UINT32_MAX);
    luaL_argcheck(L, host != NULL, 1, "field 'host' is missing");
    luaL_argcheck(L, port > 0 && port <= UINT16_MAX, 1, "field 'port' must be 1 to 65535");
    struct gs_tls_context *tls = gsl_tls_field(L, 1);
    gsl_association_new(L);
    struct gs_error error;
    struct gs_transport *transport = gs_tcp_connect(host, (uint16_t)port, family, &error);
    if (transport != NULL && tls != NULL)
        transport = gs_tls_new(transport, tls, true, host, &error);
    if (transport == NULL)
        return gsl_fail(L, &error);
    struct gs_session *session = gs_session_new(transport, true, (uint32_t)max_length);
    if (session == NULL) {
        gs_error_set(&error, "out-of-memory", "no memory for an association");
        return gsl_fail(L, &error);
    }
    gsl_association_set(L, -1, session);
    return 1;
}

/* association:deadlines{connect=, acse=, dimse=, write=, drain=, release=}: seconds, absent ones
 * stay; rate=: bytes a second */
static int gsl_association_deadlines(lua_State *L)
{
    struct gs_deadlines *limits = gs_session_deadlines(gsl_check_session(L, 1));
    luaL_checktype(L, 2, LUA_TTABLE);
    struct {
        const char *name;
        double *seconds;
    } fields[] = {{"connect", &limits->connect}, {"acse", &limits->acse},
                  {"dimse", &limits->dimse},     {"write", &limits->write},
                  {"drain", &limits->drain},     {"release", &limits->release},
                  {"rate", &limits->rate}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        double seconds = gsl_number_field(L, 2, fields[i].name, *fields[i].seconds);
        if (!(seconds >= 0))
            luaL_error(L, "field '%s' must be a number that is not negative", fields[i].name);
        *fields[i].seconds = seconds;
    }
    return 0;
}

/* True, or nil and an error: the state of the association does not allow it. */
static int done(lua_State *L, int result, const char *what)
{
    if (result != 0) {
        struct gs_error error;
        gs_error_set(&error, "not-associated", "cannot %s: the association does not stand", what);
        return gsl_fail(L, &error);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* association:request(proposal), as requestor; once. Nothing would come of one that was not queued.
 */
static int gsl_association_request(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    int requested = gs_session_request(session, gsl_check_associate(L, 2));
    if (requested == 0 || gs_session_over(session))
        return done(L, requested, "request");
    struct gs_error error;
    gs_error_set(
        &error, "out-of-memory",
        "cannot request an association: no memory, or more is proposed than one PDU holds");
    return gsl_fail(L, &error);
}

/* association:accept(answer), as acceptor after "requested" */
static int gsl_association_accept(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    return done(L, gs_session_accept(session, gsl_check_associate(L, 2)), "accept");
}

/* association:reject{result=, source=, reason=}, as acceptor after "requested" */
static int gsl_association_reject(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct gs_reject reject = {.result = (uint8_t)gsl_range_field(L, 2, "result", 1, UINT8_MAX),
                               .source = (uint8_t)gsl_range_field(L, 2, "source", 1, UINT8_MAX),
                               .reason = (uint8_t)gsl_range_field(L, 2, "reason", 1, UINT8_MAX)};
    return done(L, gs_session_reject(session, reject), "reject");
}

/* association:release(); "released" tells when it is done */
static int gsl_association_release(lua_State *L)
{
    return done(L, gs_session_release(gsl_check_session(L, 1)), "release");
}

/* association:abort(); "closed" tells when it is done */
static int gsl_association_abort(lua_State *L)
{
    return done(L, gs_session_abort(gsl_check_session(L, 1)), "abort");
}

/* association:drop(): closes the connection without a word; "closed" tells */
static int gsl_association_drop(lua_State *L)
{
    gs_session_drop(gsl_check_session(L, 1));
    return 0;
}

/* Opens {file=, offset=, unfinished=} as outgoing data. */
static int open_file(lua_State *L, int index, struct gs_outgoing *data, struct gs_error *error)
{
    const char *path = gsl_text_field(L, index, "file", NULL);
    lua_Integer offset = gsl_integer_field(L, index, "offset", 0);
    lua_Integer unfinished = gsl_integer_field(L, index, "unfinished", 0);
    luaL_argcheck(L, path != NULL, index, "field 'file' is missing");
    luaL_argcheck(L, offset >= 0, index, "field 'offset' must not be negative");
    data->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat found;
    if (data->descriptor < 0 || fstat(data->descriptor, &found) != 0 ||
        lseek(data->descriptor, offset, SEEK_SET) < 0)
        return gs_error_system(error, "read-failed", errno, "cannot read %s", path);
    if (!S_ISREG(found.st_mode) || found.st_size <= offset)
        return gs_error_set(error, "read-failed", "%s has no data set at byte %lld", path,
                            (long long)offset);
    data->length = (uint64_t)(found.st_size - offset);
    data->unfinished = unfinished > 0;
    if (data->unfinished && (uint64_t)unfinished < data->length)
        data->length = (uint64_t)unfinished;
    return 0;
}

/* association:send(context, command [, data]) -> true (all is with the transport) | false ("sent"
 * will tell) | nil, error. `data`: a string, or {file=path, offset=bytes} to stream; with
 * unfinished=bytes so many of it and never its end, which is a fault on purpose. */
static int gsl_association_send(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    lua_Integer context = luaL_checkinteger(L, 2);
    luaL_argcheck(L, context > 0 && context <= UINT8_MAX, 2, "not a presentation context ID");
    struct gs_command command;
    gsl_check_command(L, 3, &command);
    struct gs_outgoing data = {.descriptor = -1};
    struct gs_error error;
    bool with_data = !lua_isnoneornil(L, 4);
    if (lua_istable(L, 4)) {
        if (open_file(L, 4, &data, &error) != 0) {
            if (data.descriptor >= 0)
                close(data.descriptor);
            return gsl_fail(L, &error);
        }
    } else if (with_data) {
        data.bytes = (const uint8_t *)luaL_checklstring(L, 4, &data.size);
    }
    command.present |= 1u << GS_BIT_DATA_SET_TYPE;
    command.data_set_type = with_data ? 0x0000 : GS_NO_DATA_SET;
    int sent =
        gs_session_send(session, (uint8_t)context, &command, with_data ? &data : NULL, &error);
    if (sent < 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, sent);
    return 1;
}

/* association:receive(sink [, name [, collision [, source]]]) after "command" with data */
static int gsl_association_receive(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    const char *name = luaL_optstring(L, 3, NULL);
    enum gs_collision collision = gsl_check_collision(L, 4);
    const char *source = luaL_optstring(L, 5, NULL);
    struct gs_sink *sink = gsl_make_sink(L, 2);
    if (gs_session_receive(session, sink, name, collision, source) != 0)
        return luaL_error(L, "no data set is expected");
    return 0;
}

/* association:resume(keep [, {name=, collision=, edits=, sop_class=, sop_instance=}]) after
 * "header"; `edits` as of gsl_check_edits(), of elements before Pixel Data */
static int gsl_association_resume(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    bool keep = lua_toboolean(L, 2);
    lua_settop(L, 3);
    const char *name = NULL;
    enum gs_collision collision = GS_COLLISION_REPLACE;
    struct gs_edits edits;
    bool edited = false;
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        name = gsl_text_field(L, 3, "name", NULL);
        lua_getfield(L, 3, "collision");
        collision = gsl_check_collision(L, 4);
        edited = gsl_check_edits(L, 3, GS_SCAN_HEADER_END - 1, &edits);
    }
    if (gs_session_resume(session, keep, name, collision, edited ? &edits : NULL) != 0)
        return luaL_error(L, edited ? "no complete header waits for edits"
                                    : "no header waits for an answer");
    return 0;
}

/* association:edit{edits=, sop_class=, sop_instance=} -> true | nil, error; after "received"
 * without a name */
static int gsl_association_edit(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct gs_edits edits;
    struct gs_error error;
    gsl_check_edits(L, 2, UINT32_MAX, &edits);
    if (gs_session_edit(session, &edits, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* association:commit(name [, collision]) -> file | nil, error; after "received" without a name */
static int gsl_association_commit(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    const char *name = luaL_checkstring(L, 2);
    enum gs_collision collision = gsl_check_collision(L, 3);
    struct gs_error error;
    const struct gs_committed *committed = gs_session_commit(session, name, collision, &error);
    if (committed == NULL)
        return gsl_fail(L, &error);
    gsl_push_committed(L, committed);
    return 1;
}

/* association:spool() -> path of the object before its commit | nil, error; after "received"
 * without a name */
static int gsl_association_spool(lua_State *L)
{
    struct gs_session *session = gsl_check_session(L, 1);
    char path[GS_PATH_MAX];
    struct gs_error error;
    if (gs_session_spool(session, path, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushstring(L, path);
    return 1;
}

/* association:peer() -> address as text */
static int gsl_association_peer(lua_State *L)
{
    lua_pushstring(L, gs_session_peer(gsl_check_session(L, 1)));
    return 1;
}

/* association:idle() -> seconds without progress, as the deadline `dimse` measures it */
static int gsl_association_idle(lua_State *L)
{
    lua_pushnumber(L, gs_session_idle(gsl_check_session(L, 1)));
    return 1;
}

/* association:over() -> whether its end was told; a closed one is over */
static int gsl_association_over(lua_State *L)
{
    struct gsl_source *held = luaL_checkudata(L, 1, TYPE);
    lua_pushboolean(L, held->source == NULL || gs_session_over((struct gs_session *)held->source));
    return 1;
}

void gsl_open_association(lua_State *L)
{
    static const luaL_Reg methods[] = {{"deadlines", gsl_association_deadlines},
                                       {"request", gsl_association_request},
                                       {"accept", gsl_association_accept},
                                       {"reject", gsl_association_reject},
                                       {"release", gsl_association_release},
                                       {"abort", gsl_association_abort},
                                       {"drop", gsl_association_drop},
                                       {"send", gsl_association_send},
                                       {"receive", gsl_association_receive},
                                       {"resume", gsl_association_resume},
                                       {"commit", gsl_association_commit},
                                       {"edit", gsl_association_edit},
                                       {"spool", gsl_association_spool},
                                       {"peer", gsl_association_peer},
                                       {"idle", gsl_association_idle},
                                       {"tls", gsl_association_tls},
                                       {"over", gsl_association_over},
                                       {"close", gsl_association_close},
                                       {NULL, NULL}};
    gsl_new_source_type(L, TYPE, methods, gsl_association_close);
    lua_pushcfunction(L, gsl_connect);
    lua_setfield(L, -2, "connect");
}

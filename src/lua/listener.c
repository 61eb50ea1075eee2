/*
 * listener: the Lua type of a port where associations come in.
 */
#include "lua/source.h"
#include "session/listening.h"

struct listener {
    struct gsl_source held; /* first: any source begins like this */
    struct gs_listening *listening;
};

static int gsl_listener_close(lua_State *L)
{
    struct listener *listener = luaL_checkudata(L, 1, GSL_LISTENER);
    gs_listening_free(listener->listening);
    listener->listening = NULL;
    listener->held.source = NULL;
    return 0;
}

/* listener:port() -> the port it listens on */
static int gsl_listener_port(lua_State *L)
{
    struct listener *listener = luaL_checkudata(L, 1, GSL_LISTENER);
    luaL_argcheck(L, listener->listening != NULL, 1, "the listener was closed");
    lua_pushinteger(L, gs_listening_port(listener->listening));
    return 1;
}

/* listen{host=, port=, max_length=, tls=} -> listener | nil, error */
static int gsl_listen(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *host = gsl_text_field(L, 1, "host", NULL);
    lua_Integer port = gsl_integer_field(L, 1, "port", 0);
    lua_Integer max_length = gsl_range_field(L, 1, "max_length", 16384, UINT32_MAX);
    luaL_argcheck(L, port >= 0 && port <= UINT16_MAX, 1, "field 'port' must be 0 to 65535");
    struct gs_tls_context *tls = gsl_tls_field(L, 1);
    luaL_argcheck(L, tls == NULL || gs_tls_context_has_certificate(tls), 1,
                  "a TLS context without a certificate is not for listening");
    struct listener *listener = lua_newuserdatauv(L, sizeof *listener, 0);
    *listener = (struct listener){0};
    luaL_setmetatable(L, GSL_LISTENER);
    struct gs_error error;
    listener->listening = gs_listening_new(host, (uint16_t)port, (uint32_t)max_length, &error);
    if (listener->listening == NULL)
        return gsl_fail(L, &error);
    if (tls != NULL)
        gs_listening_secure(listener->listening, tls);
    listener->held.source = gs_listening_source(listener->listening);
    return 1;
}

void gsl_open_listener(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"port", gsl_listener_port}, {"close", gsl_listener_close}, {NULL, NULL}};
    gsl_new_source_type(L, GSL_LISTENER, methods, gsl_listener_close);
    lua_pushcfunction(L, gsl_listen);
    lua_setfield(L, -2, "listen");
}

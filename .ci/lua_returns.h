/* What lua.h does not say and analyzers cannot see: these never return. For .ci/analyze. */
#include <lauxlib.h>
#include <lua.h>

int luaL_error(lua_State *L, const char *format, ...) __attribute__((noreturn));
int luaL_argerror(lua_State *L, int argument, const char *message) __attribute__((noreturn));
int lua_error(lua_State *L) __attribute__((noreturn));

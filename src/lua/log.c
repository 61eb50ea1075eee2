/* getscu.core.log: messages by levels, whose names are those of dcmtk/log.h. */
#include "lua/binding.h"

#include "dcmtk/log.h"

static enum gs_log_level check_level(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    int level = gs_log_level_named(name);
    if (level < 0)
        luaL_error(
            L,
            "unknown log level '%s': one of trace, debug, info, warn, error, fatal, off is wanted",
            name);
    return (enum gs_log_level)level;
}

/* level(name) -> true */
static int gsl_log_level(lua_State *L)
{
    struct gs_error error;
    if (gs_log_start(check_level(L, 1), &error) != 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* config(file) -> true */
static int gsl_log_config(lua_State *L)
{
    struct gs_error error;
    if (gs_log_config(luaL_checkstring(L, 1), &error) != 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

static int gsl_log_enabled(lua_State *L)
{
    lua_pushboolean(L, gs_log_enabled(check_level(L, 1)));
    return 1;
}

/* write(level, text) */
static int gsl_log_write(lua_State *L)
{
    size_t size;
    enum gs_log_level level = check_level(L, 1);
    const char *text = luaL_checklstring(L, 2, &size);
    gs_log(level, text, size);
    return 0;
}

int gsl_open_log(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"config", gsl_log_config},
        {"enabled", gsl_log_enabled},
        {"level", gsl_log_level},
        {"write", gsl_log_write},
        {NULL, NULL},
    };
    struct gs_error error;
    if (gs_log_start(GS_LOG_WARN, &error) != 0)
        luaL_error(L, "%s", error.message);
    luaL_newlib(L, functions);
    return 1;
}

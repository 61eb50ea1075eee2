#include "lua/library.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

static const struct gsl_library_file *find(const char *module)
{
    for (const struct gsl_library_file *file = gsl_library; file->module != NULL; file++)
        if (strcmp(file->module, module) == 0)
            return file;
    return NULL;
}

/* Pushes the chunk, raises where it does not load. [-0, +1, e] */
static void push_chunk(lua_State *L, const struct gsl_library_file *file)
{
    const char *folder = getenv("GETSCU_LUADIR");
    int status;
    if (folder != NULL) {
        const char *path = lua_pushfstring(L, "%s/%s", folder, file->path);
        status = luaL_loadfilex(L, path, "t");
        lua_remove(L, -2);
    } else {
        status = luaL_loadbufferx(L, (const char *)file->source, file->size, file->chunk, "b");
    }
    if (status != LUA_OK)
        lua_error(L);
}

/* A searcher of package.searchers. */
static int search(lua_State *L)
{
    const char *module = luaL_checkstring(L, 1);
    const struct gsl_library_file *file = find(module);
    if (file == NULL) {
        lua_pushfstring(L, "no module '%s' in the library", module);
        return 1;
    }
    push_chunk(L, file);
    lua_pushstring(L, file->chunk + 1);
    return 2;
}

/* load(module) -> chunk */
static int load(lua_State *L)
{
    const char *module = luaL_checkstring(L, 1);
    const struct gsl_library_file *file = find(module);
    if (file == NULL)
        return luaL_error(L, "no '%s' in the library", module);
    push_chunk(L, file);
    return 1;
}

void gsl_library_open(lua_State *L)
{
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "insert");
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    lua_remove(L, -2);
    lua_pushinteger(L, 2); /* behind package.preload */
    lua_pushcfunction(L, search);
    lua_call(L, 3, 0);
    lua_pop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, load);
    lua_setfield(L, -2, "load");
    lua_setfield(L, -2, "getscu.library");
    lua_pop(L, 1);
}

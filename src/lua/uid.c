/*
 * uid: the table of SOP classes and transfer syntaxes, as Lua sees it.
 */
#include "protocol/uid.h"

#include "lua/binding.h"

static const char *kind_name(enum gs_uid_kind kind)
{
    static const char *const names[] = {
        [GS_UID_KIND_VERIFICATION] = "verification",
        [GS_UID_KIND_STORAGE] = "storage",
        [GS_UID_KIND_FIND] = "find",
        [GS_UID_KIND_GET] = "get",
        [GS_UID_KIND_MOVE] = "move",
        [GS_UID_KIND_TRANSFER_SYNTAX] = "transfer syntax",
    };
    return names[kind];
}

/* uids() -> list of {uid=, name=, kind=}, storage classes in the order of the manual */
static int gsl_uids(lua_State *L)
{
    size_t count;
    const struct gs_uid *uids = gs_uids(&count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 3);
        lua_pushstring(L, uids[i].uid);
        lua_setfield(L, -2, "uid");
        lua_pushstring(L, uids[i].name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, kind_name(uids[i].kind));
        lua_setfield(L, -2, "kind");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void gsl_open_uid(lua_State *L)
{
    lua_pushcfunction(L, gsl_uids);
    lua_setfield(L, -2, "uids");
}

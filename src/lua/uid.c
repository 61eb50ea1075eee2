/*
 * uid: the table of SOP classes and transfer syntaxes, as Lua sees it, and what UIDs are made of.
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

/* is_plausible_uid(text) -> whether it has the length and the characters of a UID; each object is
 * asked about, and a pattern takes twenty times as long */
static int gsl_is_plausible_uid(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_pushboolean(L, gs_uid_is_plausible(text, size));
    return 1;
}

void gsl_open_uid(lua_State *L)
{
    lua_pushcfunction(L, gsl_is_plausible_uid);
    lua_setfield(L, -2, "is_plausible_uid");
    lua_pushcfunction(L, gsl_uids);
    lua_setfield(L, -2, "uids");
}

/*
 * core: `getscu.core`, which only lua/stdlib/ requires. The table is made of what the files of this
 * room have to offer.
 */
#include "lua/core.h"

#include "lua/binding.h"
#include "protocol/association.h"

int luaopen_getscu_core(lua_State *L)
{
    luaL_checkversion(L);
    luaL_newmetatable(L, GSL_ERROR_TYPE);
    lua_pop(L, 1);
    lua_newtable(L);
    gsl_open_sink(L); /* first: its budget must be collected last */
    gsl_open_association(L);
    gsl_open_listener(L);
    gsl_open_process(L);
    gsl_open_system(L);
    gsl_open_uid(L);
    gsl_open_wait(L);
    gsl_open_dataset(L);
    lua_setfield(L, -2, "dataset");
    gsl_open_gate(L);
    lua_setfield(L, -2, "gate");
    gsl_open_log(L);
    lua_setfield(L, -2, "log");
    gsl_open_tls(L);
    lua_setfield(L, -2, "tls");
    lua_pushliteral(L, GETSCU_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}

/*
 * core: the C library as a Lua module, for a stock interpreter and for main.c.
 */
#ifndef GSL_CORE_H
#define GSL_CORE_H

struct lua_State;

__attribute__((visibility("default"))) int luaopen_getscu_core(struct lua_State *L);

#endif

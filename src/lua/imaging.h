/*
 * imaging: codecs and pictures as a Lua module of their own, which is loaded when it is first used.
 */
#ifndef GSL_IMAGING_H
#define GSL_IMAGING_H

struct lua_State;

__attribute__((visibility("default"))) int luaopen_getscu_imaging_core(struct lua_State *L);

#endif

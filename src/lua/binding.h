/*
 * binding: what the files of this room share. One file binds one Lua type and has no logic of its
 * own.
 *
 * Conventions: C functions are named after what Lua calls (`association:release()` is
 * gsl_association_release). A userdata is closed first, opened last: its metatable is set while it
 * is still empty, so that __gc and __close, which are one idempotent function with `close`, are
 * always right. [-o, +p, e] behind a prototype: values popped, pushed, and whether it raises (e) or
 * not (-). No Lua function runs above a C++ frame.
 */
#ifndef GSL_BINDING_H
#define GSL_BINDING_H

#include "error.h"

#include <lauxlib.h>
#include <lua.h>

/* The parts of `getscu.core`. Each fills the table on top of the stack. [-0, +0, e] */
void gsl_open_association(lua_State *L);
void gsl_open_listener(lua_State *L);
void gsl_open_process(lua_State *L);
void gsl_open_sink(lua_State *L);
void gsl_open_system(lua_State *L);
void gsl_open_uid(lua_State *L);
void gsl_open_wait(lua_State *L);
/* These leave a table of their own instead. [-0, +1, e] */
int gsl_open_dataset(lua_State *L);
int gsl_open_gate(lua_State *L);
int gsl_open_log(lua_State *L);
int gsl_open_tls(lua_State *L);

#define GSL_ERROR_TYPE "getscu.error" /* metatable of error tables; getscu.errors fills it */

/* nil and an error table {code=, message=, errno=}; its metatable's __tostring is set by
 * getscu.errors. Returns 2, for `return gsl_fail(L, &error)`. [-0, +2, e] */
int gsl_fail(lua_State *L, const struct gs_error *error);
/* The error table alone. [-0, +1, e] */
void gsl_push_error(lua_State *L, const struct gs_error *error);

/* A metatable of this name with these methods as __index and `close` as __gc and __close. [-0, +0,
 * e] */
void gsl_new_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close);

/* Field `field` of the table on top of the stack. [-0, +0, e] */
void gsl_set_integer(lua_State *L, const char *field, lua_Integer value);

/* Field `field` of the table on top of the stack becomes true, where it is; else it stays absent.
 * [-0, +0, e] */
void gsl_set_flag(lua_State *L, const char *field, int value);

/* Optional fields of the table at `index`; an absent or nil one gives the default. [-0, +0, e] */
const char *gsl_text_field(lua_State *L, int index, const char *field, const char *otherwise);
lua_Integer gsl_integer_field(lua_State *L, int index, const char *field, lua_Integer otherwise);
lua_Integer gsl_range_field(lua_State *L, int index, const char *field, lua_Integer otherwise,
                            lua_Integer most); /* 0 to `most` */
double gsl_number_field(lua_State *L, int index, const char *field, double otherwise);
int gsl_boolean_field(lua_State *L, int index, const char *field, int otherwise);

#endif

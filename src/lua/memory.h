/*
 * memory: what a Lua state has allocated, and a limit for it, by an allocator around its own.
 *
 * It begins with what the garbage collector says, and counts on. While it is strict it refuses what
 * would lead beyond the limit; Lua then collects, asks once more, and raises LUA_ERRMEM. Otherwise
 * it refuses nothing, since the library has to go on. It lives until gsl_memory_close(), which the
 * finalizer that belongs to it calls: the state allocates longer than any object of it lives.
 */
#ifndef GSL_MEMORY_H
#define GSL_MEMORY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct gsl_memory {
    lua_Alloc allocate; /* of the state */
    void *of;
    size_t used;
    size_t limit; /* SIZE_MAX: none */
    bool strict;
    bool refused; /* something, since the caller last cleared this */
};

struct gsl_memory *gsl_memory_open(lua_State *L); /* NULL: out of memory. [-0, +0, -] */
void gsl_memory_close(lua_State *L, struct gsl_memory *memory); /* NULL: nothing. [-0, +0, -] */

#endif

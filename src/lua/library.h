/*
 * library: the Lua files that are compiled into the program (made by embed.lua), as modules.
 *
 * The environment variable GETSCU_LUADIR names a folder like lua/ whose files are used in their
 * place, so that a change of the library can be tried without a build.
 */
#ifndef GSL_LIBRARY_H
#define GSL_LIBRARY_H

#include <stddef.h>

struct lua_State;

struct gsl_library_file {
    const char *module;          /* "getscu", "getscu.log"; the default script is "getscu.lua" */
    const char *chunk;           /* for messages, with '@' in front: "@getscu/log.lua" */
    const char *path;            /* below lua/ */
    const unsigned char *source; /* compiled */
    size_t size;
};

extern const struct gsl_library_file gsl_library[]; /* ends with a NULL module */

/* Puts a searcher for these modules in front of those that look for files, and
 * `getscu.library` = {load=function(module) -> chunk} into package.loaded. [-0, +0, e] */
void gsl_library_open(struct lua_State *L);

#endif

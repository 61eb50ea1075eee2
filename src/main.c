/*
 * main: the program. It opens one Lua state with the library compiled in, hands its arguments to
 * getscu.program (which runs the default script, or the one named by --run), and returns the exit
 * code.
 */
#include "lua/core.h"
#include "lua/library.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_SCRIPT_FAILED 80 /* an error that no script can catch: as in a hook */
#define EXIT_NOT_STARTED   81 /* the library does not load: as for any script */

struct arguments {
    int count;
    char **values;
};

static int add_traceback(lua_State *L)
{
    const char *message = luaL_tolstring(L, 1, NULL);
    luaL_traceback(L, L, message, 1);
    return 1;
}

/* Runs in protected mode; leaves the exit code. */
static int run(lua_State *L)
{
    const struct arguments *arguments = lua_touserdata(L, 1);
    luaL_openlibs(L);
    luaL_requiref(L, "getscu.core", luaopen_getscu_core, 0);
    gsl_library_open(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "getscu.program");
    lua_call(L, 1, 1);
    lua_createtable(L, arguments->count, 0);
    for (int i = 0; i < arguments->count; i++) {
        lua_pushstring(L, arguments->values[i]);
        lua_rawseti(L, -2, i);
    }
    lua_call(L, 1, 1);
    return 1;
}

/* What Lua warns of, which may come in pieces. */
struct warnings {
    bool begun;  /* a line of it */
    bool failed; /* an error in a finalizer was among it */
};

static void warn(void *user, const char *piece, int continues)
{
    struct warnings *warnings = user;
    if (!warnings->begun && !continues && piece[0] == '@')
        return; /* to a warning system that could be switched off */
    if (!warnings->begun) {
        bool error = continues && strcmp(piece, "error in ") == 0; /* so Lua begins */
        warnings->failed = warnings->failed || error;
        fputs(error ? "E: " : "W: ", stderr);
    }
    for (; *piece != '\0'; piece++)
        fputc(*piece < ' ' || *piece >= 0x7f ? '?' : *piece, stderr);
    if (!continues)
        fputc('\n', stderr);
    warnings->begun = continues != 0;
}

/* A descriptor 0, 1 or 2 that is closed would be taken by the next file that is opened, and reports
 * be written into it. Opened for reading only: writing a report still fails. */
static void keep_standard_streams(void)
{
    int taken;
    do
        taken = open("/dev/null", O_RDONLY);
    while (taken >= 0 && taken <= 2);
    if (taken > 2)
        close(taken);
}

/* Ends the process without taking DCMTK's data dictionary apart entry by entry, which takes longer
 * than it takes to receive an object, and without its log's destructors, which throw where memory
 * is out. Leak checkers want to see all of it gone; and gcov tells in a destructor what has run. */
static _Noreturn void leave(int code)
{
#if defined(__SANITIZE_ADDRESS__) || defined(GETSCU_COVERAGE)
    exit(code);
#else
    fflush(NULL);
    _exit(code);
#endif
}

int main(int count, char **values)
{
    keep_standard_streams();
    /* a pipe whose reader left, a file at its size limit: errors of the write, not our end */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    lua_State *L = luaL_newstate();
    if (L == NULL) {
        fputs("F: out of memory\n", stderr);
        leave(EXIT_NOT_STARTED);
    }
    struct warnings warnings = {0};
    lua_setwarnf(L, warn, &warnings);
    struct arguments arguments = {count, values};
    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, &arguments);
    int code = EXIT_NOT_STARTED;
    if (lua_pcall(L, 1, 1, 1) == LUA_OK)
        code = (int)lua_tointeger(L, -1);
    else
        fprintf(stderr, "F: %s\n", lua_tostring(L, -1));
    lua_close(L);
    leave(warnings.failed && code < EXIT_SCRIPT_FAILED ? EXIT_SCRIPT_FAILED : code);
}

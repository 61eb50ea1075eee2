/*
 * process: the Lua types of child processes and of signals.
 */
#include "session/process.h"

#include "lua/source.h"
#include "session/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define CHILD_TYPE    "getscu.child"
#define SIGNALS_TYPE  "getscu.signals"
#define ARGUMENTS_MAX 1024

struct child {
    struct gsl_source held; /* first: any source begins like this */
    struct gs_child *child;
};

struct signals {
    struct gsl_source held;
    struct gs_signals *signals;
};

static const struct {
    const char *name;
    int number;
} signal_names[] = {
    {"INT", SIGINT}, {"TERM", SIGTERM}, {"HUP", SIGHUP}, {"KILL", SIGKILL}, {"USR1", SIGUSR1}};

static int check_signal(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    for (size_t i = 0; i < sizeof signal_names / sizeof *signal_names; i++)
        if (strcmp(signal_names[i].name, name) == 0)
            return signal_names[i].number;
    return luaL_error(L, "unknown signal '%s'", name);
}

static struct child *check_child(lua_State *L)
{
    struct child *child = luaL_checkudata(L, 1, CHILD_TYPE);
    luaL_argcheck(L, child->child != NULL, 1, "the child process was closed");
    return child;
}

/* child:close(): kills it if it still runs */
static int gsl_child_close(lua_State *L)
{
    struct child *child = luaL_checkudata(L, 1, CHILD_TYPE);
    gs_child_free(child->child);
    child->child = NULL;
    child->held.source = NULL;
    return 0;
}

/* child:kill("TERM") -> whether it still ran */
static int gsl_child_kill(lua_State *L)
{
    struct child *child = check_child(L);
    lua_pushboolean(L, gs_child_kill(child->child, check_signal(L, 2)) == 0);
    return 1;
}

/* child:pid() */
static int gsl_child_pid(lua_State *L)
{
    lua_pushinteger(L, gs_child_pid(check_child(L)->child));
    return 1;
}

/* spawn{argument, ...} -> child | nil, error; "exited" tells its status */
static int gsl_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t count = lua_rawlen(L, 1);
    luaL_argcheck(L, count > 0 && count <= ARGUMENTS_MAX, 1, "1 to 1024 arguments are needed");
    char **arguments = lua_newuserdatauv(L, (count + 1) * sizeof *arguments, 0);
    luaL_checkstack(L, (int)count, "too many arguments");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        arguments[i] = (char *)luaL_checkstring(L, -1); /* stays on the stack */
    }
    arguments[count] = NULL;
    struct child *child = lua_newuserdatauv(L, sizeof *child, 0);
    *child = (struct child){0};
    luaL_setmetatable(L, CHILD_TYPE);
    struct gs_error error;
    child->child = gs_child_spawn(arguments, &error);
    if (child->child == NULL)
        return gsl_fail(L, &error);
    child->held.source = gs_child_source(child->child);
    return 1;
}

/* How a status of "exited" is read: exited(status) -> exit code, or 128 + the signal that ended it
 */
static int gsl_exited(lua_State *L)
{
    int status = (int)luaL_checkinteger(L, 1);
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 1;
}

/* signals:close(): the signals do again what they did before */
static int gsl_signals_close(lua_State *L)
{
    struct signals *signals = luaL_checkudata(L, 1, SIGNALS_TYPE);
    gs_signals_close(signals->signals);
    signals->signals = NULL;
    signals->held.source = NULL;
    return 0;
}

/* signals("INT", "TERM", ...) -> source of "signalled" events | nil, error */
static int gsl_signals(lua_State *L)
{
    int numbers[sizeof signal_names / sizeof *signal_names];
    int count = lua_gettop(L);
    luaL_argcheck(L, count <= (int)(sizeof numbers / sizeof *numbers), 1, "too many signals");
    for (int i = 0; i < count; i++)
        numbers[i] = check_signal(L, i + 1);
    struct signals *signals = lua_newuserdatauv(L, sizeof *signals, 0);
    *signals = (struct signals){0};
    luaL_setmetatable(L, SIGNALS_TYPE);
    struct gs_error error;
    signals->signals = gs_signals_open(numbers, (size_t)count, &error);
    if (signals->signals == NULL)
        return gsl_fail(L, &error);
    signals->held.source = gs_signals_source(signals->signals);
    return 1;
}

void gsl_open_process(lua_State *L)
{
    static const luaL_Reg child_methods[] = {
        {"kill", gsl_child_kill}, {"pid", gsl_child_pid}, {"close", gsl_child_close}, {NULL, NULL}};
    static const luaL_Reg signals_methods[] = {{"close", gsl_signals_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"spawn", gsl_spawn}, {"exited", gsl_exited}, {"signals", gsl_signals}, {NULL, NULL}};
    gsl_new_source_type(L, CHILD_TYPE, child_methods, gsl_child_close);
    gsl_new_source_type(L, SIGNALS_TYPE, signals_methods, gsl_signals_close);
    luaL_setfuncs(L, functions, 0);
}

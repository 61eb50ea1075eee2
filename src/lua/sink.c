/*
 * sink: the Lua types of an output directory and of where an object goes.
 */
#include "storage/sink.h"

#include "lua/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SINK_TYPE      "getscu.sink"
#define DIRECTORY_TYPE "getscu.directory"
#define BUDGET         "getscu.budget" /* in the registry: one for the program */

enum sink_kind { SINK_CLOSED, SINK_FILE, SINK_DISCARD, SINK_MEMORY };

/* Says where objects go; each object that is received gets a gs_sink of its own. */
struct sink {
    enum sink_kind kind;
    struct gs_directory *directory;
    struct gs_budget *budget;
    bool hold;
    bool header;
    uint64_t limit; /* bytes of an object; of a file sink 0: none */
};

struct directory {
    struct gs_directory *directory;
};

/* --- the output directory ----------------------------------------------------------------------
 */

static int gsl_directory_close(lua_State *L)
{
    struct directory *held = luaL_checkudata(L, 1, DIRECTORY_TYPE);
    gs_directory_release(held->directory);
    held->directory = NULL;
    return 0;
}

static struct gs_directory *check_directory(lua_State *L, int index)
{
    struct directory *held = luaL_checkudata(L, index, DIRECTORY_TYPE);
    luaL_argcheck(L, held->directory != NULL, index, "the directory was closed");
    return held->directory;
}

/* directory(path) -> directory | nil, error */
static int gsl_directory(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct directory *held = lua_newuserdatauv(L, sizeof *held, 0);
    held->directory = NULL;
    luaL_setmetatable(L, DIRECTORY_TYPE);
    struct gs_error error;
    held->directory = gs_directory_open(path, &error);
    return held->directory != NULL ? 1 : gsl_fail(L, &error);
}

/* directory:sync_each(): from here on each object is on the disk before its "received" event */
static int gsl_directory_sync_each(lua_State *L)
{
    gs_directory_sync_each(check_directory(L, 1), true);
    return 0;
}

/* directory:sync() -> true | nil, error: all that was written is on the disk */
static int gsl_directory_sync(lua_State *L)
{
    struct gs_error error;
    if (gs_directory_sync(check_directory(L, 1), &error) != 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- sinks -------------------------------------------------------------------------------------
 */

/* sink:close(), idempotent */
static int gsl_sink_close(lua_State *L)
{
    struct sink *sink = luaL_checkudata(L, 1, SINK_TYPE);
    gs_directory_release(sink->directory);
    *sink = (struct sink){.kind = SINK_CLOSED};
    return 0;
}

struct gs_sink *gsl_make_sink(lua_State *L, int index)
{
    const struct sink *sink = luaL_checkudata(L, index, SINK_TYPE);
    struct gs_sink *made = NULL;
    if (sink->kind == SINK_CLOSED)
        luaL_argerror(L, index, "the sink was closed");
    else if (sink->kind == SINK_DISCARD)
        made = gs_sink_discard_new();
    else if (sink->kind == SINK_MEMORY)
        made = gs_sink_memory_new((size_t)sink->limit);
    else
        made = gs_sink_file_new(sink->directory, sink->budget, sink->hold);
    if (made == NULL)
        luaL_error(L, "no memory for a sink");
    if (sink->kind == SINK_FILE) {
        gs_sink_want_structure(made);
        gs_sink_limit(made, sink->limit);
    }
    if (sink->header)
        gs_sink_want_header(made);
    return made;
}

static struct sink *new_sink(lua_State *L, enum sink_kind kind)
{
    struct sink *sink = lua_newuserdatauv(L, sizeof *sink, 0);
    *sink = (struct sink){.kind = kind};
    luaL_setmetatable(L, SINK_TYPE);
    return sink;
}

/* sink.file(directory [, hold [, header [, limit]]]): hold: in memory as long as it fits; header:
 * ask with a "header" event before it goes on; limit: of bytes of an object */
static int gsl_sink_file(lua_State *L)
{
    struct gs_directory *directory = check_directory(L, 1);
    lua_Integer limit = luaL_optinteger(L, 4, 0);
    luaL_argcheck(L, limit >= 0, 4, "a limit in bytes is needed");
    lua_settop(L, 3);
    struct sink *sink = new_sink(L, SINK_FILE);
    sink->directory = gs_directory_hold(directory);
    sink->hold = lua_toboolean(L, 2);
    sink->header = lua_toboolean(L, 3);
    sink->limit = (uint64_t)limit;
    lua_getfield(L, LUA_REGISTRYINDEX, BUDGET);
    sink->budget = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return 1;
}

/* sink.discard([header]): read and forget; header as above */
static int gsl_sink_discard(lua_State *L)
{
    bool header = lua_toboolean(L, 1);
    new_sink(L, SINK_DISCARD)->header = header;
    return 1;
}

/* sink.memory(limit): into `bytes` of the "received" event; `limit` bytes at most */
static int gsl_sink_memory(lua_State *L)
{
    lua_Integer limit = luaL_checkinteger(L, 1);
    luaL_argcheck(L, limit > 0, 1, "a limit in bytes is needed");
    new_sink(L, SINK_MEMORY)->limit = (uint64_t)limit;
    return 1;
}

void gsl_push_committed(lua_State *L, const struct gs_committed *committed)
{
    lua_createtable(L, 0, 1);
    lua_pushstring(L, committed->name);
    lua_setfield(L, -2, "name");
    gsl_set_flag(L, "replaced", committed->replaced);
    gsl_set_flag(L, "duplicate", committed->duplicate);
    gsl_set_flag(L, "renamed", committed->renamed);
    gsl_set_flag(L, "kept", committed->kept);
}

enum gs_collision gsl_check_collision(lua_State *L, int index)
{
    static const char *const names[] = {"replace", "distinct", "keep", "refuse", NULL};
    static const enum gs_collision values[] = {GS_COLLISION_REPLACE, GS_COLLISION_DISTINCT,
                                               GS_COLLISION_KEEP, GS_COLLISION_REFUSE};
    return values[luaL_checkoption(L, index, "replace", names)];
}

/* --- Part 10 files -----------------------------------------------------------------------------
 */

static ssize_t read_beginning(const char *path, uint8_t *bytes, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0)
        return -1;
    ssize_t got;
    do
        got = read(file, bytes, size);
    while (got < 0 && errno == EINTR);
    int failed = errno;
    close(file);
    errno = failed;
    return got;
}

/* part10(path) -> {sop_class=, sop_instance=, transfer_syntax=, offset=} | nil, error */
static int gsl_part10(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    uint8_t bytes[16384];
    struct gs_error error;
    struct gs_part10 meta = {0};
    size_t offset = 0;
    ssize_t got = read_beginning(path, bytes, sizeof bytes);
    if (got < 0) {
        gs_error_system(&error, "read-failed", errno, "cannot read %s", path);
        return gsl_fail(L, &error);
    }
    if (gs_part10_decode(bytes, (size_t)got, &meta, &offset) != 0) {
        gs_error_set(&error, "read-failed", "%s is not a DICOM file with meta information", path);
        return gsl_fail(L, &error);
    }
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, meta.sop_class, meta.sop_class_size);
    lua_setfield(L, -2, "sop_class");
    lua_pushlstring(L, meta.sop_instance, meta.sop_instance_size);
    lua_setfield(L, -2, "sop_instance");
    lua_pushlstring(L, meta.transfer_syntax, meta.transfer_syntax_size);
    lua_setfield(L, -2, "transfer_syntax");
    gsl_set_integer(L, "offset", (lua_Integer)offset);
    return 1;
}

static int collect_budget(lua_State *L)
{
    gs_budget_clear(lua_touserdata(L, 1));
    return 0;
}

/* Finalizers run in the reverse order in which their objects were made, so a budget that is made
 * before all sinks outlives them. */
static void make_budget(lua_State *L)
{
    struct gs_budget *budget = lua_newuserdatauv(L, sizeof *budget, 0);
    gs_budget_init(budget);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, collect_budget);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, BUDGET);
}

void gsl_open_sink(lua_State *L)
{
    static const luaL_Reg sink_methods[] = {{"close", gsl_sink_close}, {NULL, NULL}};
    static const luaL_Reg directory_methods[] = {{"sync_each", gsl_directory_sync_each},
                                                 {"sync", gsl_directory_sync},
                                                 {"close", gsl_directory_close},
                                                 {NULL, NULL}};
    static const luaL_Reg sinks[] = {{"file", gsl_sink_file},
                                     {"discard", gsl_sink_discard},
                                     {"memory", gsl_sink_memory},
                                     {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"directory", gsl_directory}, {"part10", gsl_part10}, {NULL, NULL}};
    make_budget(L);
    gsl_new_type(L, SINK_TYPE, sink_methods, gsl_sink_close);
    gsl_new_type(L, DIRECTORY_TYPE, directory_methods, gsl_directory_close);
    luaL_newlib(L, sinks);
    lua_setfield(L, -2, "sink");
    luaL_setfuncs(L, functions, 0);
}

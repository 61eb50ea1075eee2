/*
 * getscu.core.gate: the one way into the functions of users' scripts.
 *
 * What is called here is protected, cannot yield past the call, cannot end the process, and has
 * limits of CPU time and memory. Before a limit is reached this costs two system calls a call, and
 * none where no time is limited: the debug hook that stops a script is set only when its time is
 * up, by the signal handler, in the manner of the stock interpreter's Ctrl-C.
 */
#include "lua/binding.h"
#include "lua/memory.h"
#include "session/slice.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define STOP_EVENTS (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)
#define STOP_COUNT  1000                /* instructions: for a loop in one line */
#define GRACE_COUNT 1000000             /* instructions that may close what is to be closed */
#define NO_MEMORY   "not enough memory" /* what Lua raises then, and luaL_Buffer as a mere string */

/* The stack of gate.call: the function and its arguments, then its results, are above. */
enum { HANDLER = 2, SUCCESS, FUNCTION };

/* One call that has not returned. */
struct entry {
    struct gs_slice slice;
    struct entry *outer;
    lua_State *state; /* what is stopped */
    lua_Hook hook;    /* of the state, as it was before */
    int mask;
    int count;
    bool timed;
    bool stopped; /* once, so there was an error that it may have swallowed */
    bool left;    /* os.exit was called, with `code` */
    int code;
    bool yielded; /* of the error that the message handler saw last */
    bool memory_failed;
};

struct gate {
    struct entry *entry; /* the innermost; NULL: no script runs */
    struct gsl_memory *memory;
    double seconds;      /* INFINITY: no limit */
    char reason[80];     /* what is raised when the time is up */
    lua_CFunction yield; /* coroutine.yield */
    bool guards_exit;    /* os.exit is ours */
};

/* Keys of the registry. */
static const char gate_key, place_key;

static int gsl_gate_call(lua_State *L);

/* --- where a script is -------------------------------------------------------------------------
 */

#define TRACE_WHOLE 10 /* levels of which luaL_traceback leaves none out */

/* How many levels of the stack, from one on, are the script's; more than TRACE_WHOLE are not
 * counted. */
static int script_levels(lua_State *L, int level)
{
    lua_Debug activation;
    int count = 0;
    bool inside = true;
    while (inside && count <= TRACE_WHOLE && lua_getstack(L, level + count, &activation)) {
        lua_getinfo(L, "f", &activation);
        inside = lua_tocfunction(L, -1) != gsl_gate_call;
        lua_pop(L, 1);
        count += inside;
    }
    return count;
}

/* In the place of the message on top: it, and a traceback that ends where the script was called:
 * what stands behind that is ours. */
static void add_traceback(lua_State *L, int level)
{
    const char *message = lua_tostring(L, -1);
    size_t size = strlen(message); /* as far as it is shown */
    luaL_traceback(L, L, message, level);
    const char *text = lua_tostring(L, -1);
    const char *end = strchr(text + size + 1, '\n'); /* behind the line that says what follows */
    int left = script_levels(L, level);
    bool known = left > 0 && left <= TRACE_WHOLE; /* 0: it is in a gate of its own */
    for (; known && left > 0 && end != NULL; end = strchr(end + 1, '\n'))
        left -= strncmp(end, "\n\t(...", 6) != 0; /* tail calls are no level */
    if (known && end != NULL)
        lua_pushlstring(L, text, (size_t)(end - text));
    else
        lua_pushvalue(L, -1);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* --- stopping ----------------------------------------------------------------------------------
 */

static bool has_to_stop(const struct gate *gate)
{
    return gate->entry != NULL && (gate->entry->left || (gate->entry->timed && gs_slice_over()));
}

/* Pushes what is raised, with where the script is: in a function of C, where that was called. */
static void push_reason(lua_State *L, const struct gate *gate)
{
    luaL_where(L, 0);
    if (*lua_tostring(L, -1) == '\0') {
        lua_pop(L, 1);
        luaL_where(L, 1);
    }
    lua_pushstring(L, gate->entry->left ? "os.exit was called" : gate->reason);
    lua_concat(L, 2);
}

static void stop(lua_State *L, lua_Debug *activation);

/* The first error may close what is to be closed; who is not done then meets one at every chance,
 * until the gate is left. */
static void give_grace(lua_State *L, struct entry *entry)
{
    entry->stopped = true;
    lua_sethook(entry->state, stop, LUA_MASKCOUNT, GRACE_COUNT);
    lua_sethook(L, stop, LUA_MASKCOUNT, GRACE_COUNT);
}

/* The debug hook. A coroutine may have inherited it and be resumed later: it is forgotten then. The
 * first time, where the script was is kept: it may swallow the error. */
static void stop(lua_State *L, lua_Debug *activation)
{
    (void)activation;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &gate_key);
    struct gate *gate = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!has_to_stop(gate)) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    bool first = !gate->entry->stopped;
    if (first)
        give_grace(L, gate->entry);
    else
        lua_sethook(L, stop, STOP_EVENTS, STOP_COUNT);
    push_reason(L, gate);
    if (first) {
        lua_pushvalue(L, -1);
        add_traceback(L, 0);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &place_key);
    }
    lua_error(L);
}

/* Called by the signal handler, at any moment of a script. */
static void set_stop(void *state)
{
    lua_sethook(state, stop, STOP_EVENTS, STOP_COUNT);
}

/* os.exit([code [, close]]): within a script it only unwinds that, and does what it always did
 * elsewhere. A half-written object would stay otherwise. */
static int gsl_gate_exit(lua_State *L)
{
    struct gate *gate = lua_touserdata(L, lua_upvalueindex(1));
    if (gate->entry == NULL) {
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, 0);
        return 0;
    }
    int code = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);
    gate->entry->left = true;
    gate->entry->code = code;
    if (gate->entry->stopped)
        set_stop(gate->entry->state);
    else
        give_grace(L, gate->entry);
    return luaL_error(L, "os.exit was called");
}

/* The gate is at the first upvalue. [-0, +0, e] */
static void guard_exit(lua_State *L, struct gate *gate)
{
    if (gate->guards_exit)
        return;
    if (lua_getglobal(L, "os") == LUA_TTABLE) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_getfield(L, -2, "exit");
        lua_pushcclosure(L, gsl_gate_exit, 2);
        lua_setfield(L, -2, "exit");
    }
    lua_pop(L, 1);
    gate->guards_exit = true;
}

/* --- what an error says ------------------------------------------------------------------------
 */

static int to_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* Pushes the field of the table at index 1 if it is a string. */
static bool push_text_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    if (lua_rawget(L, 1) == LUA_TSTRING)
        return true;
    lua_pop(L, 1);
    return false;
}

/* Pushes the error object at index 1 as text. What its __tostring does is its own affair. */
static void push_text(lua_State *L)
{
    const char *type = luaL_typename(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING) {
        lua_pushvalue(L, 1);
    } else if (!lua_isnumber(L, 1) && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
        lua_pushfstring(L, "(the error object is a %s value)", type);
    } else {
        lua_pushcfunction(L, to_text);
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 1, 1, 0) != LUA_OK)
            lua_pushfstring(L, "(the error object is a %s value, whose __tostring fails)", type);
    }
}

/* Pushes the text of an error of the library: it needs no traceback. */
static bool push_own_error(lua_State *L)
{
    if (!lua_istable(L, 1) || !push_text_field(L, "code"))
        return false;
    lua_pop(L, 1);
    if (!push_text_field(L, "message"))
        push_text(L);
    return true;
}

/* Whether the function that raised the error is coroutine.yield. */
static bool is_yield(lua_State *L, const struct gate *gate)
{
    lua_Debug raiser;
    if (!lua_getstack(L, 1, &raiser) || !lua_getinfo(L, "f", &raiser))
        return false;
    bool is = lua_tocfunction(L, -1) == gate->yield;
    lua_pop(L, 1);
    return is;
}

/* The message handler. */
static int explain(lua_State *L)
{
    const struct gate *gate = lua_touserdata(L, lua_upvalueindex(1));
    struct entry *entry = gate->entry;
    lua_settop(L, 1);
    entry->yielded = is_yield(L, gate);
    entry->memory_failed =
        lua_type(L, 1) == LUA_TSTRING && strcmp(lua_tostring(L, 1), NO_MEMORY) == 0;
    if (push_own_error(L))
        return 1;
    if (entry->yielded)
        lua_pushliteral(L, "a deciding hook cannot wait (it yielded)");
    else
        push_text(L);
    add_traceback(L, 1);
    return 1;
}

/* --- calling -----------------------------------------------------------------------------------
 */

/* Raises where the timer fails; then nothing was entered. */
static void enter(lua_State *L, struct gate *gate, struct entry *entry, lua_State *state)
{
    *entry = (struct entry){.slice = {.stop = set_stop, .of = state},
                            .outer = gate->entry,
                            .state = state,
                            .hook = lua_gethook(state),
                            .mask = lua_gethookmask(state),
                            .count = lua_gethookcount(state),
                            .timed = isfinite(gate->seconds)};
    struct gs_error error;
    if (entry->timed && gs_slice_begin(&entry->slice, gate->seconds, &error) != 0)
        luaL_error(L, "%s", error.message);
    gate->entry = entry;
    if (gate->memory != NULL) {
        gate->memory->strict = true;
        gate->memory->refused = false;
    }
}

/* Memory has run out, or a thread was resumed whose memory has. */
static bool has_no_memory(lua_State *L, const struct gate *gate, int status)
{
    if (status == LUA_ERRMEM)
        return true;
    if (gate->memory == NULL || !gate->memory->refused)
        return false;
    if (status != LUA_OK)
        return gate->entry->memory_failed;
    const char *raised = lua_isstring(L, FUNCTION + 1) ? lua_tostring(L, FUNCTION + 1) : "";
    return gate->entry->state != L && lua_isboolean(L, FUNCTION) && !lua_toboolean(L, FUNCTION) &&
           strcmp(raised, NO_MEMORY) == 0;
}

/* How the call went, NULL: well. What the script left is collected while its time is still limited:
 * it may have finalizers. */
static const char *judge(lua_State *L, struct gate *gate, int status)
{
    bool no_memory = has_no_memory(L, gate, status);
    if (gate->memory != NULL)
        gate->memory->strict = false;
    if (no_memory) {
        lua_settop(L, SUCCESS);
        lua_gc(L, LUA_GCCOLLECT);
        return "memory";
    }
    return status == LUA_OK ? NULL : gate->entry->yielded ? "yield" : "error";
}

/* Whoever called os.exit, or has no time left, ends the scripts around it as well. */
static const char *leave(struct gate *gate, struct entry *entry, const char *kind)
{
    if (entry->timed && gs_slice_end(&entry->slice))
        kind = "time";
    else if (entry->left)
        kind = "exit";
    gate->entry = entry->outer;
    if (lua_gethook(entry->state) == stop)
        lua_sethook(entry->state, entry->hook, entry->mask, entry->count);
    if (gate->entry == NULL)
        return kind;
    if (entry->left) {
        gate->entry->left = true;
        gate->entry->code = entry->code;
    }
    if (has_to_stop(gate))
        set_stop(gate->entry->state);
    if (gate->memory != NULL)
        gate->memory->strict = true;
    return kind;
}

static void push_place(lua_State *L, const struct gate *gate)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &place_key) != LUA_TSTRING)
        lua_pushstring(L, gate->reason);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &place_key);
}

static void push_memory_message(lua_State *L, const struct gsl_memory *memory)
{
    char text[80] = NO_MEMORY;
    if (memory != NULL && memory->refused)
        snprintf(text, sizeof text, "the script needs more than %.1f MiB of memory",
                 (double)memory->limit / (1 << 20));
    lua_pushstring(L, text);
}

/* Pushes what to say of a call that did not go well; its own message is at FUNCTION. */
static void push_message(lua_State *L, const struct gate *gate, const struct entry *entry,
                         const char *kind)
{
    if (strcmp(kind, "time") == 0)
        push_place(L, gate);
    else if (strcmp(kind, "exit") == 0)
        lua_pushfstring(L, "the script called os.exit(%d)", entry->code);
    else if (strcmp(kind, "memory") == 0)
        push_memory_message(L, gate->memory);
    else
        lua_pushvalue(L, FUNCTION);
}

/* call(thread or nil, function, ...) -> true, results... | false, message, kind [, exit code]. A
 * thread is what is stopped in place of the caller: call(thread, coroutine.resume, thread, ...).
 * An error of it is one of the results of resume; a thread that was stopped must not go on. */
static int gsl_gate_call(lua_State *L)
{
    struct gate *gate = lua_touserdata(L, lua_upvalueindex(1));
    lua_State *state = lua_isnoneornil(L, 1) ? L : lua_tothread(L, 1);
    luaL_argexpected(L, state != NULL, 1, "thread or nil");
    luaL_checkany(L, 2);
    guard_exit(L, gate);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, HANDLER);
    lua_pushboolean(L, 1);
    lua_insert(L, SUCCESS);
    struct entry entry;
    enter(L, gate, &entry, state);
    int status = lua_pcall(L, lua_gettop(L) - FUNCTION, LUA_MULTRET, HANDLER);
    const char *kind = leave(gate, &entry, judge(L, gate, status));
    if (kind == NULL)
        return lua_gettop(L) - SUCCESS + 1;
    lua_settop(L, FUNCTION);
    lua_pushboolean(L, 0);
    push_message(L, gate, &entry, kind);
    lua_pushstring(L, kind);
    if (strcmp(kind, "exit") != 0)
        return 3;
    lua_pushinteger(L, entry.code);
    return 4;
}

/* --- limits ------------------------------------------------------------------------------------
 */

static void limit_time(lua_State *L, struct gate *gate, double seconds)
{
    struct gs_error error;
    if (isfinite(seconds) && gs_slice_prepare(&error) != 0)
        luaL_error(L, "%s", error.message);
    gate->seconds = seconds;
    snprintf(gate->reason, sizeof gate->reason,
             "the script ran for more than %g seconds of CPU time", seconds);
}

static void limit_memory(lua_State *L, struct gate *gate, size_t bytes)
{
    if (gate->memory == NULL && bytes == SIZE_MAX)
        return;
    if (gate->memory == NULL && (gate->memory = gsl_memory_open(L)) == NULL)
        luaL_error(L, NO_MEMORY);
    gate->memory->limit = bytes;
}

/* limit{seconds=, memory=}: CPU time of one call, bytes of the whole state; absent: no limit */
static int gsl_gate_limit(lua_State *L)
{
    struct gate *gate = lua_touserdata(L, lua_upvalueindex(1));
    luaL_checktype(L, 1, LUA_TTABLE);
    double seconds = gsl_number_field(L, 1, "seconds", INFINITY);
    lua_Integer bytes = gsl_integer_field(L, 1, "memory", LUA_MAXINTEGER);
    luaL_argcheck(L, (seconds >= GS_SLICE_MIN && seconds <= GS_SLICE_MAX) || seconds == INFINITY, 1,
                  "field 'seconds' must be 0.001 to 1e9");
    luaL_argcheck(L, bytes > 0, 1, "field 'memory' must be a number of bytes");
    guard_exit(L, gate);
    limit_time(L, gate, seconds);
    limit_memory(L, gate, bytes == LUA_MAXINTEGER ? SIZE_MAX : (size_t)bytes);
    return 0;
}

/* memory() -> bytes that the state has allocated */
static int gsl_gate_memory(lua_State *L)
{
    const struct gate *gate = lua_touserdata(L, lua_upvalueindex(1));
    lua_Integer collector = ((lua_Integer)lua_gc(L, LUA_GCCOUNT) << 10) + lua_gc(L, LUA_GCCOUNTB);
    lua_pushinteger(L, gate->memory != NULL ? (lua_Integer)gate->memory->used : collector);
    return 1;
}

/* --- opening -----------------------------------------------------------------------------------
 */

/* The state ends; scripts may have finalizers that are still to come. */
static int collect_gate(lua_State *L)
{
    struct gate *gate = lua_touserdata(L, 1);
    gsl_memory_close(L, gate->memory);
    gate->memory = NULL;
    return 0;
}

static struct gate *new_gate(lua_State *L)
{
    struct gate *gate = lua_newuserdatauv(L, sizeof *gate, 0);
    *gate = (struct gate){.seconds = INFINITY};
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, collect_gate);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &gate_key);
    return gate;
}

int gsl_open_gate(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"limit", gsl_gate_limit}, {"memory", gsl_gate_memory}, {NULL, NULL}};
    lua_newtable(L);
    struct gate *gate = new_gate(L);
    lua_getglobal(L, "coroutine");
    lua_getfield(L, -1, "yield");
    gate->yield = lua_tocfunction(L, -1);
    lua_pop(L, 2);
    lua_pushvalue(L, -1);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, explain, 1);
    lua_pushcclosure(L, gsl_gate_call, 2);
    lua_setfield(L, -3, "call");
    luaL_setfuncs(L, functions, 1);
    return 1;
}

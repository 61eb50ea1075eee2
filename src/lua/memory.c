#include "lua/memory.h"

#include <stdint.h>
#include <stdlib.h>

static bool is_too_much(const struct gsl_memory *memory, size_t more)
{
    return memory->used > memory->limit || more > memory->limit - memory->used;
}

/* A lua_Alloc. For a new block, `before` is no size. */
static void *allocate(void *of, void *block, size_t before, size_t size)
{
    struct gsl_memory *memory = of;
    size_t had = block != NULL ? before : 0;
    if (memory->strict && size > had && is_too_much(memory, size - had)) {
        memory->refused = true;
        return NULL;
    }
    void *given = memory->allocate(memory->of, block, before, size);
    if (given == NULL && size > 0)
        return NULL;
    memory->used += size;
    /* a buffer of luaL_Buffer is unknown to the collector, so it may be freed without ever having
     * been counted */
    memory->used -= had < memory->used ? had : memory->used;
    return given;
}

struct gsl_memory *gsl_memory_open(lua_State *L)
{
    struct gsl_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    memory->limit = SIZE_MAX;
    memory->used = ((size_t)lua_gc(L, LUA_GCCOUNT) << 10) + (size_t)lua_gc(L, LUA_GCCOUNTB);
    memory->allocate = lua_getallocf(L, &memory->of);
    lua_setallocf(L, allocate, memory);
    return memory;
}

void gsl_memory_close(lua_State *L, struct gsl_memory *memory)
{
    if (memory == NULL)
        return;
    void *of;
    memory->strict = false;
    /* where somebody has put an allocator around ours, it is needed to the end of the process */
    if (lua_getallocf(L, &of) != allocate || of != memory)
        return;
    lua_setallocf(L, memory->allocate, memory->of);
    free(memory);
}

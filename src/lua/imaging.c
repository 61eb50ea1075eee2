/*
 * getscu.imaging_core, which only stdlib/getscu/imaging.lua requires. Raw: a source is the path of
 * a file or {bytes=, transfer_syntax=}, frames count from 0.
 */
#include "lua/imaging.h"

#include "lua/binding.h"

#include "dcmtk/imaging/imaging.h"

#define RESULT_TYPE "getscu.imaging.bytes"

/* What a call gives is freed also where Lua has no memory for it. [-0, +1, e] */
static struct gs_imaging_bytes *new_result(lua_State *L)
{
    struct gs_imaging_bytes *result = lua_newuserdatauv(L, sizeof *result, 0);
    *result = (struct gs_imaging_bytes){NULL, 0};
    luaL_setmetatable(L, RESULT_TYPE);
    return result;
}

static int gsl_result_close(lua_State *L)
{
    gs_imaging_release(luaL_checkudata(L, 1, RESULT_TYPE));
    return 0;
}

/* [-0, +1, e] */
static void push_result(lua_State *L, struct gs_imaging_bytes *result)
{
    lua_pushlstring(L, result->size > 0 ? result->bytes : "", result->size);
    gs_imaging_release(result);
}

/* The first argument; its strings stay the stack's. [-0, +0, e] */
static struct gs_imaging_source check_source(lua_State *L)
{
    struct gs_imaging_source source = {NULL, NULL, 0, NULL};
    if (!lua_istable(L, 1)) {
        source.path = luaL_checkstring(L, 1);
        return source;
    }
    source.transfer_syntax = gsl_text_field(L, 1, "transfer_syntax", "");
    lua_getfield(L, 1, "bytes");
    source.bytes = luaL_checklstring(L, -1, &source.size);
    lua_pop(L, 1); /* the table keeps it */
    return source;
}

/* transcode(source, target, transfer syntax, {quality=, predictor=, near=}) -> true */
static int gsl_imaging_transcode(lua_State *L)
{
    struct gs_imaging_source source = check_source(L);
    const char *target = luaL_checkstring(L, 2);
    const char *transfer_syntax = luaL_checkstring(L, 3);
    luaL_checktype(L, 4, LUA_TTABLE);
    struct gs_imaging_coding coding = {
        .quality = (int)gsl_range_field(L, 4, "quality", 90, 100),
        .predictor = (int)gsl_range_field(L, 4, "predictor", 1, 7),
        .near = (int)gsl_range_field(L, 4, "near", 2, 255),
    };
    struct gs_error error;
    if (gs_imaging_transcode(&source, target, transfer_syntax, &coding, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* [-0, +1, e] */
static void push_meaning(lua_State *L, const struct gs_imaging_frame *frame)
{
    lua_createtable(L, 0, 9);
    gsl_set_integer(L, "frames", frame->frames);
    gsl_set_integer(L, "rows", frame->rows);
    gsl_set_integer(L, "columns", frame->columns);
    gsl_set_integer(L, "samples", frame->samples);
    gsl_set_integer(L, "bits_allocated", frame->bits_allocated);
    gsl_set_integer(L, "bits_stored", frame->bits_stored);
    gsl_set_integer(L, "high_bit", frame->high_bit);
    lua_pushboolean(L, frame->is_signed);
    lua_setfield(L, -2, "signed");
    lua_pushstring(L, frame->photometric);
    lua_setfield(L, -2, "photometric");
}

static uint32_t check_frame(lua_State *L, lua_Integer frame)
{
    if (frame < 0 || frame > UINT32_MAX)
        luaL_error(L, "there can be no such frame");
    return (uint32_t)frame;
}

/* decode(source, frame) -> bytes, meaning */
static int gsl_imaging_decode(lua_State *L)
{
    struct gs_imaging_source source = check_source(L);
    uint32_t frame = check_frame(L, luaL_checkinteger(L, 2));
    struct gs_imaging_frame meaning;
    struct gs_error error;
    struct gs_imaging_bytes *result = new_result(L);
    if (gs_imaging_decode(&source, frame, &meaning, result, &error) != 0)
        return gsl_fail(L, &error);
    push_result(L, result);
    push_meaning(L, &meaning);
    return 2;
}

/* The table at `index`: {frame=, window="header"|"auto"|"given", center=, span=, scale=, width=,
 * height=}. [-0, +0, e] */
static struct gs_imaging_view check_view(lua_State *L, int index)
{
    static const char *const windows[] = {"header", "auto", "given", NULL};
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "window");
    struct gs_imaging_view view = {
        .frame = check_frame(L, gsl_integer_field(L, index, "frame", 0)),
        .window = (enum gs_imaging_window)luaL_checkoption(L, -1, "header", windows),
        .center = gsl_number_field(L, index, "center", 0),
        .span = gsl_number_field(L, index, "span", 1),
        .scale = gsl_number_field(L, index, "scale", 0),
        .width = (uint32_t)gsl_range_field(L, index, "width", 0, UINT32_MAX),
        .height = (uint32_t)gsl_range_field(L, index, "height", 0, UINT32_MAX),
    };
    lua_pop(L, 1);
    return view;
}

/* render(source, view [, target]) -> PNG, or true where it went to `target` */
static int gsl_imaging_render(lua_State *L)
{
    struct gs_imaging_source source = check_source(L);
    struct gs_imaging_view view = check_view(L, 2);
    const char *target = luaL_optstring(L, 3, NULL);
    struct gs_error error;
    struct gs_imaging_bytes *result = new_result(L);
    if (gs_imaging_render(&source, &view, target, result, &error) != 0)
        return gsl_fail(L, &error);
    if (target == NULL)
        push_result(L, result);
    else
        lua_pushboolean(L, 1);
    return 1;
}

/* can(transfer syntax) -> boolean */
static int gsl_imaging_can(lua_State *L)
{
    lua_pushboolean(L, gs_imaging_can(luaL_checkstring(L, 1)));
    return 1;
}

int luaopen_getscu_imaging_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"can", gsl_imaging_can},
        {"decode", gsl_imaging_decode},
        {"render", gsl_imaging_render},
        {"transcode", gsl_imaging_transcode},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {{NULL, NULL}};
    luaL_checkversion(L);
    luaL_newmetatable(L, GSL_ERROR_TYPE); /* that of the core, where it is loaded */
    lua_pop(L, 1);
    gsl_new_type(L, RESULT_TYPE, methods, gsl_result_close);
    luaL_newlib(L, functions);
    lua_pushliteral(L, GETSCU_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}

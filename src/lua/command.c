#include "lua/source.h"

#include <string.h>

static void push_value(lua_State *L, const struct gs_command *command,
                       const struct gs_command_field *field)
{
    const void *at = (const char *)command + field->offset;
    if (field->vr == GS_VR_US) {
        lua_pushinteger(L, *(const uint16_t *)at);
    } else if (field->vr == GS_VR_AT) {
        lua_createtable(L, command->offending_count, 0);
        for (int i = 0; i < command->offending_count; i++) {
            lua_pushinteger(L, command->offending[i]);
            lua_rawseti(L, -2, i + 1);
        }
    } else {
        const struct gs_command_text *text = at;
        lua_pushlstring(L, text->bytes, text->size);
    }
}

void gsl_push_command(lua_State *L, const struct gs_command *command)
{
    const struct gs_command_field *fields = gs_command_fields();
    lua_createtable(L, 0, 8);
    for (int bit = 0; bit < GS_BITS; bit++) {
        if (!gs_command_has(command, (enum gs_command_bit)bit))
            continue;
        push_value(L, command, &fields[bit]);
        lua_setfield(L, -2, fields[bit].keyword);
    }
    if (command->cut != 0) /* bits of texts that were too long to be kept whole */
        gsl_set_integer(L, "cut", command->cut);
}

static void check_text(lua_State *L, const char *keyword, struct gs_command_text *text)
{
    size_t size;
    const char *bytes = lua_tolstring(L, -1, &size);
    if (bytes == NULL || size > GS_COMMAND_TEXT_MAX)
        luaL_error(L, "%s must be a string of at most %d bytes", keyword, GS_COMMAND_TEXT_MAX);
    memcpy(text->bytes, bytes, size);
    text->bytes[size] = '\0';
    text->size = (uint16_t)size;
}

static void check_tags(lua_State *L, struct gs_command *command)
{
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_Unsigned count = lua_rawlen(L, -1);
    command->offending_count = (uint16_t)(count < GS_OFFENDING_MAX ? count : GS_OFFENDING_MAX);
    for (int i = 0; i < command->offending_count; i++) {
        lua_rawgeti(L, -1, i + 1);
        command->offending[i] = (uint32_t)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
}

static void check_value(lua_State *L, struct gs_command *command,
                        const struct gs_command_field *field)
{
    void *at = (char *)command + field->offset;
    if (field->vr == GS_VR_US) {
        int whole;
        lua_Integer value = lua_tointegerx(L, -1, &whole);
        if (!whole || value < 0 || value > UINT16_MAX)
            luaL_error(L, "%s must be an integer from 0 to 65535", field->keyword);
        *(uint16_t *)at = (uint16_t)value;
    } else if (field->vr == GS_VR_AT) {
        check_tags(L, command);
    } else {
        check_text(L, field->keyword, at);
    }
}

/* Pushes the table that leads from a keyword to its bit. */
static void push_bits(lua_State *L)
{
    if (luaL_getsubtable(L, LUA_REGISTRYINDEX, "getscu.command"))
        return;
    for (int bit = 0; bit < GS_BITS; bit++)
        gsl_set_integer(L, gs_command_fields()[bit].keyword, bit);
}

void gsl_check_command(lua_State *L, int index, struct gs_command *command)
{
    luaL_checktype(L, index, LUA_TTABLE);
    command->present = 0;
    command->cut = 0;
    push_bits(L);
    int bits = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        if (lua_rawget(L, bits) != LUA_TNUMBER)
            luaL_error(L, "a command set has no element '%s'", lua_tostring(L, -3));
        lua_Integer bit = lua_tointeger(L, -1);
        lua_pop(L, 1);
        check_value(L, command, &gs_command_fields()[bit]);
        command->present |= 1u << bit;
    }
    lua_pop(L, 1);
}

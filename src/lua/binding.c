#include "lua/binding.h"

void gsl_push_error(lua_State *L, const struct gs_error *error)
{
    lua_createtable(L, 0, 3);
    lua_pushstring(L, error->code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, error->message);
    lua_setfield(L, -2, "message");
    if (error->system != 0) {
        lua_pushinteger(L, error->system);
        lua_setfield(L, -2, "errno");
    }
    luaL_setmetatable(L, GSL_ERROR_TYPE);
}

int gsl_fail(lua_State *L, const struct gs_error *error)
{
    lua_pushnil(L);
    gsl_push_error(L, error);
    return 2;
}

void gsl_new_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close)
{
    luaL_newmetatable(L, name);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    if (close != NULL) {
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, close);
        lua_setfield(L, -2, "__close");
    }
    lua_pop(L, 1);
}

void gsl_set_integer(lua_State *L, const char *field, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, field);
}

void gsl_set_flag(lua_State *L, const char *field, int value)
{
    if (!value)
        return;
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, field);
}

const char *gsl_text_field(lua_State *L, int index, const char *field, const char *otherwise)
{
    index = lua_absindex(L, index);
    int type = lua_getfield(L, index, field);
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "field '%s' must be a string, not a %s", field, lua_typename(L, type));
    /* the table keeps the string alive */
    const char *text = type == LUA_TNIL ? otherwise : lua_tostring(L, -1);
    lua_pop(L, 1);
    return text;
}

lua_Integer gsl_integer_field(lua_State *L, int index, const char *field, lua_Integer otherwise)
{
    index = lua_absindex(L, index);
    lua_Integer value = otherwise;
    if (lua_getfield(L, index, field) != LUA_TNIL) {
        int whole;
        value = lua_tointegerx(L, -1, &whole);
        if (!whole)
            luaL_error(L, "field '%s' must be an integer", field);
    }
    lua_pop(L, 1);
    return value;
}

lua_Integer gsl_range_field(lua_State *L, int index, const char *field, lua_Integer otherwise,
                            lua_Integer most)
{
    lua_Integer value = gsl_integer_field(L, index, field, otherwise);
    if (value < 0 || value > most)
        luaL_error(L, "field '%s' must be an integer from 0 to %I", field, (LUAI_UACINT)most);
    return value;
}

double gsl_number_field(lua_State *L, int index, const char *field, double otherwise)
{
    index = lua_absindex(L, index);
    double value = otherwise;
    if (lua_getfield(L, index, field) != LUA_TNIL) {
        int number;
        value = lua_tonumberx(L, -1, &number);
        if (!number)
            luaL_error(L, "field '%s' must be a number", field);
    }
    lua_pop(L, 1);
    return value;
}

int gsl_boolean_field(lua_State *L, int index, const char *field, int otherwise)
{
    index = lua_absindex(L, index);
    if (lua_getfield(L, index, field) != LUA_TNIL)
        otherwise = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return otherwise;
}

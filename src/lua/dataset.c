/*
 * getscu.core.dataset: data sets and names of attributes. Raw: paths count items from 0, a failure
 * is `nil, err`; stdlib/getscu/dataset.lua makes of it what users see.
 */
#include "lua/binding.h"

#include "dcmtk/dataset.h"
#include "dcmtk/dictionary.h"
#include "storage/plain.h"

#define TYPE "getscu.dataset"

/* --- life ------------------------------------------------------------------------------------- */

static struct gs_dataset *check(lua_State *L, int index)
{
    struct gs_dataset **slot = luaL_checkudata(L, index, TYPE);
    if (*slot == NULL)
        luaL_argerror(L, index, "the data set is closed");
    return *slot;
}

/* A userdata that is still empty. [-0, +1, e] */
static struct gs_dataset **new_slot(lua_State *L)
{
    struct gs_dataset **slot = lua_newuserdatauv(L, sizeof *slot, 0);
    *slot = NULL;
    luaL_setmetatable(L, TYPE);
    return slot;
}

/* The slot on top of the stack was filled, or `error` was. */
static int give(lua_State *L, struct gs_dataset *const *slot, const struct gs_error *error)
{
    return *slot == NULL ? gsl_fail(L, error) : 1;
}

static int gsl_dataset_close(lua_State *L)
{
    struct gs_dataset **slot = luaL_checkudata(L, 1, TYPE);
    struct gs_dataset *dataset = *slot;
    *slot = NULL;
    gs_dataset_free(dataset);
    return 0;
}

static int gsl_dataset_new(lua_State *L)
{
    struct gs_error error;
    struct gs_dataset **slot = new_slot(L);
    *slot = gs_dataset_new(&error);
    return give(L, slot, &error);
}

static int gsl_dataset_read(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct gs_error error;
    struct gs_dataset **slot = new_slot(L);
    *slot = gs_dataset_read(path, &error);
    return give(L, slot, &error);
}

/* decode(bytes, transfer syntax): the bytes of a data set */
static int gsl_dataset_decode(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    const char *transfer_syntax = luaL_checkstring(L, 2);
    struct gs_error error;
    struct gs_dataset **slot = new_slot(L);
    *slot = gs_dataset_decode(bytes, size, transfer_syntax, &error);
    return give(L, slot, &error);
}

static int gsl_dataset_clone(lua_State *L)
{
    struct gs_dataset *dataset = check(L, 1);
    struct gs_error error;
    struct gs_dataset **slot = new_slot(L);
    *slot = gs_dataset_clone(dataset, &error);
    return give(L, slot, &error);
}

static int gsl_dataset_expire(lua_State *L)
{
    gs_dataset_expire(check(L, 1));
    return 0;
}

/* bound(tag): what stands from there on has not arrived */
static int gsl_dataset_bound(lua_State *L)
{
    struct gs_dataset *dataset = check(L, 1);
    struct gs_error error;
    struct gs_tag tag;
    if (gs_tag_parse(luaL_checkstring(L, 2), &tag, &error) != 0)
        return gsl_fail(L, &error);
    gs_dataset_bound(dataset, tag);
    lua_pushboolean(L, 1);
    return 1;
}

static void set_text(lua_State *L, const char *field, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

static int gsl_dataset_meta(lua_State *L)
{
    struct gs_error error;
    struct gs_meta meta;
    if (gs_dataset_meta(check(L, 1), &meta, &error) != 0)
        return gsl_fail(L, &error);
    lua_createtable(L, 0, 7);
    lua_pushboolean(L, meta.part10);
    lua_setfield(L, -2, "part10");
    set_text(L, "transfer_syntax", meta.transfer_syntax);
    set_text(L, "sop_class", meta.sop_class);
    set_text(L, "sop_instance", meta.sop_instance);
    set_text(L, "implementation_class", meta.implementation_class);
    set_text(L, "implementation_version", meta.implementation_version);
    set_text(L, "source", meta.source);
    return 1;
}

/* --- values ----------------------------------------------------------------------------------- */

/* [-0, +1, e] */
static void push_value(lua_State *L, const struct gs_value *value)
{
    switch (value->kind) {
    case GS_VALUE_ABSENT:
        lua_pushnil(L);
        break;
    case GS_VALUE_INTEGER:
        lua_pushinteger(L, value->integer);
        break;
    case GS_VALUE_REAL:
        lua_pushnumber(L, value->real);
        break;
    case GS_VALUE_SEQUENCE:
        lua_pushinteger(L, (lua_Integer)value->count);
        break;
    case GS_VALUE_ITEM:
        lua_pushboolean(L, 1);
        break;
    case GS_VALUE_TEXT:
    case GS_VALUE_BYTES:
        lua_pushlstring(L, value->text, value->size);
    }
}

/* get(path) -> value, VR, invalid: of a sequence the number of its items, of an item true */
static int gsl_dataset_get(lua_State *L)
{
    struct gs_error error;
    struct gs_value value;
    if (gs_dataset_get(check(L, 1), luaL_checkstring(L, 2), &value, &error) != 0)
        return gsl_fail(L, &error);
    push_value(L, &value);
    lua_pushstring(L, value.vr);
    lua_pushboolean(L, value.invalid);
    return 3;
}

/* The value on top of the stack; a text stays the stack's. [-0, +0, e] */
static struct gs_value to_value(lua_State *L)
{
    struct gs_value value = {.kind = GS_VALUE_TEXT};
    if (lua_isinteger(L, -1)) {
        value.kind = GS_VALUE_INTEGER;
        value.integer = lua_tointeger(L, -1);
    } else if (lua_type(L, -1) == LUA_TNUMBER) {
        value.kind = GS_VALUE_REAL;
        value.real = lua_tonumber(L, -1);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        value.text = lua_tolstring(L, -1, &value.size);
    } else {
        luaL_error(L, "a value must be a string or a number, not a %s", luaL_typename(L, -1));
    }
    return value;
}

/* set(path, value | {values}) -> true */
static int gsl_dataset_set(lua_State *L)
{
    struct gs_dataset *dataset = check(L, 1);
    const char *path = luaL_checkstring(L, 2);
    lua_settop(L, 3);
    size_t count = lua_istable(L, 3) ? lua_rawlen(L, 3) : 1;
    struct gs_value *values = lua_newuserdatauv(L, (count + 1) * sizeof *values, 0);
    for (size_t i = 0; i < count; i++) {
        if (lua_istable(L, 3))
            lua_rawgeti(L, 3, (lua_Integer)i + 1);
        else
            lua_pushvalue(L, 3);
        values[i] = to_value(L);
        lua_pop(L, 1); /* the table, or the stack, keeps it */
    }
    struct gs_error error;
    if (gs_dataset_set(dataset, path, values, count, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* An answer of 0, 1 or -1. */
static int give_boolean(lua_State *L, int answer, const struct gs_error *error)
{
    if (answer < 0)
        return gsl_fail(L, error);
    lua_pushboolean(L, answer);
    return 1;
}

static int gsl_dataset_has(lua_State *L)
{
    struct gs_error error;
    int answer = gs_dataset_has(check(L, 1), luaL_checkstring(L, 2), &error);
    return give_boolean(L, answer, &error);
}

static int gsl_dataset_remove(lua_State *L)
{
    struct gs_error error;
    int answer = gs_dataset_remove(check(L, 1), luaL_checkstring(L, 2), &error);
    return give_boolean(L, answer, &error);
}

/* "0010,0010" [-0, +1, e] */
static void push_tag(lua_State *L, struct gs_tag tag)
{
    char text[16];
    snprintf(text, sizeof text, "%04x,%04x", tag.group, tag.element);
    lua_pushstring(L, text);
}

/* elements() -> {{tag=, vr=, keyword=, vm=, length=}, ...} */
static int gsl_dataset_elements(lua_State *L)
{
    struct gs_error error;
    const struct gs_element *elements;
    size_t count;
    if (gs_dataset_elements(check(L, 1), &elements, &count, &error) != 0)
        return gsl_fail(L, &error);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 5);
        push_tag(L, elements[i].tag);
        lua_setfield(L, -2, "tag");
        set_text(L, "vr", elements[i].vr);
        set_text(L, "keyword", elements[i].keyword);
        gsl_set_integer(L, "vm", (lua_Integer)elements[i].count);
        if (elements[i].length != UINT32_MAX)
            gsl_set_integer(L, "length", elements[i].length);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* touched() -> {tag, ...} */
static int gsl_dataset_touched(lua_State *L)
{
    struct gs_error error;
    const struct gs_tag *tags;
    size_t count;
    if (gs_dataset_touched(check(L, 1), &tags, &count, &error) != 0)
        return gsl_fail(L, &error);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_tag(L, tags[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* --- items ------------------------------------------------------------------------------------ */

static int gsl_dataset_item(lua_State *L)
{
    struct gs_dataset *dataset = check(L, 1);
    const char *path = luaL_checkstring(L, 2);
    struct gs_error error;
    struct gs_dataset **slot = new_slot(L);
    *slot = gs_dataset_item(dataset, path, &error);
    return give(L, slot, &error);
}

/* append(path [, data set to copy]) -> item */
static int gsl_dataset_append(lua_State *L)
{
    struct gs_dataset *dataset = check(L, 1);
    const char *path = luaL_checkstring(L, 2);
    struct gs_dataset *source = lua_isnoneornil(L, 3) ? NULL : check(L, 3);
    struct gs_error error;
    struct gs_dataset **slot = new_slot(L);
    *slot = gs_dataset_append(dataset, path, source, &error);
    return give(L, slot, &error);
}

/* --- out -------------------------------------------------------------------------------------- */

static int gsl_dataset_encode(lua_State *L)
{
    struct gs_error error;
    const char *bytes;
    size_t size;
    if (gs_dataset_encode(check(L, 1), luaL_checkstring(L, 2), &bytes, &size, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushlstring(L, bytes, size);
    return 1;
}

/* encode_element(tag, transfer syntax) -> the bytes of one element, "" where it is absent */
static int gsl_dataset_encode_element(lua_State *L)
{
    struct gs_dataset *dataset = check(L, 1);
    struct gs_error error;
    struct gs_tag tag;
    const char *bytes;
    size_t size;
    if (gs_tag_parse(luaL_checkstring(L, 2), &tag, &error) != 0 ||
        gs_dataset_encode_element(dataset, tag, luaL_checkstring(L, 3), &bytes, &size, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushlstring(L, bytes, size);
    return 1;
}

/* write(path [, transfer syntax]) -> true */
static int gsl_dataset_write(lua_State *L)
{
    struct gs_error error;
    const char *transfer_syntax = luaL_optstring(L, 3, NULL);
    if (gs_dataset_write(check(L, 1), luaL_checkstring(L, 2), transfer_syntax, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

static int gsl_dataset_dump(lua_State *L)
{
    struct gs_error error;
    const char *text;
    size_t size;
    if (gs_dataset_dump(check(L, 1), &text, &size, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushlstring(L, text, size);
    return 1;
}

static int gsl_dataset_json(lua_State *L)
{
    struct gs_error error;
    const char *text;
    size_t size;
    if (gs_dataset_json(check(L, 1), &text, &size, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushlstring(L, text, size);
    return 1;
}

/* --- names ------------------------------------------------------------------------------------ */

/* tag(keyword) -> "0010,0010" */
static int gsl_dataset_tag(lua_State *L)
{
    struct gs_error error;
    struct gs_tag tag;
    if (gs_tag_parse(luaL_checkstring(L, 1), &tag, &error) != 0)
        return gsl_fail(L, &error);
    push_tag(L, tag);
    return 1;
}

/* plain(header, keyword) -> text, is_number | false: absent | nil: the header has to be parsed */
static int gsl_dataset_plain(lua_State *L)
{
    size_t size;
    const uint8_t *bytes = (const uint8_t *)luaL_checklstring(L, 1, &size);
    struct gs_error error;
    struct gs_tag tag;
    struct gs_plain plain;
    enum gs_plain_result result = GS_PLAIN_UNKNOWN;
    if (gs_keyword_to_tag(luaL_checkstring(L, 2), &tag, &error) == 0)
        result = gs_plain_find(bytes, size, (uint32_t)tag.group << 16 | tag.element, &plain);
    if (result == GS_PLAIN_FOUND) {
        lua_pushlstring(L, plain.text, plain.size);
        lua_pushboolean(L, plain.is_number);
        return 2;
    }
    if (result == GS_PLAIN_ABSENT)
        lua_pushboolean(L, 0);
    else
        lua_pushnil(L);
    return 1;
}

/* keyword(tag) -> "PatientName", or nil alone where the tag has none */
static int gsl_dataset_keyword(lua_State *L)
{
    struct gs_error error;
    struct gs_tag tag;
    if (gs_tag_parse(luaL_checkstring(L, 1), &tag, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushstring(L, gs_tag_to_keyword(tag)); /* NULL becomes nil */
    return 1;
}

static int gsl_dataset_uid_name(lua_State *L)
{
    lua_pushstring(L, gs_uid_name(luaL_checkstring(L, 1)));
    return 1;
}

static int gsl_dataset_uid_named(lua_State *L)
{
    lua_pushstring(L, gs_uid_named(luaL_checkstring(L, 1)));
    return 1;
}

static int gsl_dataset_modality(lua_State *L)
{
    lua_pushstring(L, gs_modality_prefix(luaL_checkstring(L, 1)));
    return 1;
}

static int gsl_dataset_uid_generate(lua_State *L)
{
    char uid[65];
    gs_uid_generate(uid);
    lua_pushstring(L, uid);
    return 1;
}

int gsl_open_dataset(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"append", gsl_dataset_append},
        {"bound", gsl_dataset_bound},
        {"clone", gsl_dataset_clone},
        {"close", gsl_dataset_close},
        {"dump", gsl_dataset_dump},
        {"elements", gsl_dataset_elements},
        {"encode", gsl_dataset_encode},
        {"encode_element", gsl_dataset_encode_element},
        {"expire", gsl_dataset_expire},
        {"get", gsl_dataset_get},
        {"has", gsl_dataset_has},
        {"item", gsl_dataset_item},
        {"json", gsl_dataset_json},
        {"meta", gsl_dataset_meta},
        {"remove", gsl_dataset_remove},
        {"set", gsl_dataset_set},
        {"touched", gsl_dataset_touched},
        {"write", gsl_dataset_write},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"decode", gsl_dataset_decode},
        {"keyword", gsl_dataset_keyword},
        {"modality", gsl_dataset_modality},
        {"new", gsl_dataset_new},
        {"plain", gsl_dataset_plain},
        {"read", gsl_dataset_read},
        {"tag", gsl_dataset_tag},
        {"uid_generate", gsl_dataset_uid_generate},
        {"uid_name", gsl_dataset_uid_name},
        {"uid_named", gsl_dataset_uid_named},
        {NULL, NULL},
    };
    gsl_new_type(L, TYPE, methods, gsl_dataset_close);
    luaL_newlib(L, functions);
    return 1;
}

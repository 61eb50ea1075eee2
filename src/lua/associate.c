#include "lua/source.h"

#include <stdlib.h>
#include <string.h>

#define TYPE "getscu.associate"

/* --- to Lua ------------------------------------------------------------------------------------
 */

static void set_text(lua_State *L, const char *field, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

static void set_boolean(lua_State *L, const char *field, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, field);
}

static void set_uids(lua_State *L, const char *field, gs_uid_text *uids, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, uids[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, field);
}

static void push_context(lua_State *L, const struct gs_context *context)
{
    lua_createtable(L, 0, 4);
    gsl_set_integer(L, "id", context->id);
    gsl_set_integer(L, "result", context->result);
    set_text(L, "abstract_syntax", context->abstract);
    set_uids(L, "transfer_syntaxes", context->syntaxes, context->syntax_count);
}

static void push_role(lua_State *L, const struct gs_role *role)
{
    lua_createtable(L, 0, 3);
    set_text(L, "sop_class", role->sop_class);
    set_boolean(L, "scu", role->scu);
    set_boolean(L, "scp", role->scp);
}

static void push_extended(lua_State *L, const struct gs_extended *extended)
{
    lua_createtable(L, 0, 2);
    set_text(L, "sop_class", extended->sop_class);
    lua_pushlstring(L, (const char *)extended->information, extended->size);
    lua_setfield(L, -2, "information");
}

static void push_common_extended(lua_State *L, const struct gs_common_extended *item)
{
    lua_createtable(L, 0, 3);
    set_text(L, "sop_class", item->sop_class);
    set_text(L, "service_class", item->service_class);
    set_uids(L, "related", item->related, item->related_count);
}

static void push_identity(lua_State *L, const struct gs_identity *identity)
{
    lua_createtable(L, 0, 4);
    gsl_set_integer(L, "type", identity->type);
    set_boolean(L, "response_requested", identity->response_requested);
    lua_pushlstring(L, identity->primary != NULL ? (const char *)identity->primary : "",
                    identity->primary_size);
    lua_setfield(L, -2, identity->answered ? "response" : "primary");
    lua_pushlstring(L, identity->secondary != NULL ? (const char *)identity->secondary : "",
                    identity->secondary_size);
    lua_setfield(L, -2, "secondary");
}

#define SET_LIST(L, field, items, count, push)                                                     \
    do {                                                                                           \
        lua_createtable(L, (int)(count), 0);                                                       \
        for (size_t i_ = 0; i_ < (count); i_++) {                                                  \
            push(L, &(items)[i_]);                                                                 \
            lua_rawseti(L, -2, (lua_Integer)i_ + 1);                                               \
        }                                                                                          \
        lua_setfield(L, -2, field);                                                                \
    } while (0)

void gsl_push_associate(lua_State *L, const struct gs_associate *associate)
{
    lua_createtable(L, 0, 12);
    set_text(L, "called", associate->called);
    set_text(L, "calling", associate->calling);
    set_text(L, "application_context", associate->application_context);
    gsl_set_integer(L, "max_length", associate->max_length);
    set_text(L, "implementation_class", associate->implementation_class);
    set_text(L, "implementation_version", associate->implementation_version);
    SET_LIST(L, "contexts", associate->contexts, associate->context_count, push_context);
    SET_LIST(L, "roles", associate->roles, associate->role_count, push_role);
    SET_LIST(L, "extended", associate->extended, associate->extended_count, push_extended);
    SET_LIST(L, "common_extended", associate->common_extended, associate->common_extended_count,
             push_common_extended);
    if (associate->has_async) {
        lua_createtable(L, 0, 2);
        gsl_set_integer(L, "invoked", associate->async_invoked);
        gsl_set_integer(L, "performed", associate->async_performed);
        lua_setfield(L, -2, "async");
    }
    gsl_set_flag(L, "repeated", associate->repeated);
    if (associate->identity.type != GS_IDENTITY_NONE || associate->identity.answered) {
        push_identity(L, &associate->identity);
        lua_setfield(L, -2, "identity");
    }
}

/* --- from Lua ----------------------------------------------------------------------------------
 */

/* The text field of the table on top into `room` bytes. */
static void check_text(lua_State *L, const char *field, char *text, size_t room)
{
    const char *value = gsl_text_field(L, -1, field, "");
    size_t size = strlen(value);
    if (size >= room)
        luaL_error(L, "field '%s' is longer than %d characters: %s", field, (int)room - 1, value);
    memcpy(text, value, size + 1);
}

static void *check_memory(lua_State *L, void *added, const char *what)
{
    if (added == NULL)
        luaL_error(L, "too many %s, or out of memory", what);
    return added;
}

static uint8_t check_octet(lua_State *L, const char *field, lua_Integer otherwise)
{
    return (uint8_t)gsl_range_field(L, -1, field, otherwise, UINT8_MAX);
}

/* The bytes of a field, malloc'd into the structure that owns them. */
static void check_bytes(lua_State *L, const char *field, uint8_t **bytes, uint16_t *size)
{
    lua_getfield(L, -1, field);
    size_t length = 0;
    const char *value = lua_isnil(L, -1) ? "" : luaL_checklstring(L, -1, &length);
    if (length > UINT16_MAX)
        luaL_error(L, "field '%s' is longer than %d bytes", field, UINT16_MAX);
    *bytes = check_memory(L, malloc(length + 1), "bytes");
    memcpy(*bytes, value, length);
    *size = (uint16_t)length;
    lua_pop(L, 1);
}

static void copy_uid(lua_State *L, gs_uid_text *uid)
{
    size_t size;
    const char *value = luaL_checklstring(L, -1, &size);
    if (size > GS_UID_MAX)
        luaL_error(L, "a UID is longer than %d characters: %s", GS_UID_MAX, value);
    memcpy(*uid, value, size + 1);
}

/* Pushes a field that is a table, or nil. Returns whether it is there; anything else raises. */
static bool push_table_field(lua_State *L, int index, const char *field)
{
    int type = lua_getfield(L, index, field);
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "field '%s' must be a table, not a %s", field, lua_typename(L, type));
    return type == LUA_TTABLE;
}

/* Pushes a field that is a list, or nil: an empty one. Returns its length. */
static lua_Integer push_list_field(lua_State *L, int index, const char *field)
{
    return push_table_field(L, index, field) ? (lua_Integer)lua_rawlen(L, -1) : 0;
}

static void check_context(lua_State *L, struct gs_associate *associate)
{
    struct gs_context *context =
        check_memory(L, gs_associate_add_context(associate), "presentation contexts");
    context->id = check_octet(L, "id", 0);
    context->result = check_octet(L, "result", 0);
    check_text(L, "abstract_syntax", context->abstract, sizeof context->abstract);
    lua_Integer count = push_list_field(L, -1, "transfer_syntaxes");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        copy_uid(L, check_memory(L, gs_context_add_syntax(context), "transfer syntaxes"));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void check_role(lua_State *L, struct gs_associate *associate)
{
    struct gs_role *role = check_memory(L, gs_associate_add_role(associate), "roles");
    check_text(L, "sop_class", role->sop_class, sizeof role->sop_class);
    role->scu = gsl_boolean_field(L, -1, "scu", 0);
    role->scp = gsl_boolean_field(L, -1, "scp", 0);
}

static void check_extended(lua_State *L, struct gs_associate *associate)
{
    struct gs_extended *item =
        check_memory(L, gs_associate_add_extended(associate), "extended negotiation items");
    check_text(L, "sop_class", item->sop_class, sizeof item->sop_class);
    check_bytes(L, "information", &item->information, &item->size);
}

static void check_common_extended(lua_State *L, struct gs_associate *associate)
{
    struct gs_common_extended *item = check_memory(L, gs_associate_add_common_extended(associate),
                                                   "common extended negotiation items");
    check_text(L, "sop_class", item->sop_class, sizeof item->sop_class);
    check_text(L, "service_class", item->service_class, sizeof item->service_class);
    lua_Integer count = push_list_field(L, -1, "related");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        copy_uid(L, check_memory(L, gs_common_extended_add_related(item), "related classes"));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Calls `check` with each element of the list field on top. */
static void check_list(lua_State *L, int index, const char *field, struct gs_associate *associate,
                       void (*check)(lua_State *, struct gs_associate *))
{
    lua_Integer count = push_list_field(L, index, field);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        luaL_checktype(L, -1, LUA_TTABLE);
        check(L, associate);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void check_async(lua_State *L, int index, struct gs_associate *associate)
{
    associate->has_async = push_table_field(L, index, "async");
    if (associate->has_async) {
        associate->async_invoked = (uint16_t)gsl_range_field(L, -1, "invoked", 1, UINT16_MAX);
        associate->async_performed = (uint16_t)gsl_range_field(L, -1, "performed", 1, UINT16_MAX);
    }
    lua_pop(L, 1);
}

static void check_identity(lua_State *L, int index, struct gs_identity *identity)
{
    if (push_table_field(L, index, "identity")) {
        identity->type = check_octet(L, "type", GS_IDENTITY_NONE);
        identity->response_requested = gsl_boolean_field(L, -1, "response_requested", 0);
        lua_getfield(L, -1, "response");
        identity->answered = !lua_isnil(L, -1);
        lua_pop(L, 1);
        check_bytes(L, identity->answered ? "response" : "primary", &identity->primary,
                    &identity->primary_size);
        check_bytes(L, "secondary", &identity->secondary, &identity->secondary_size);
    }
    lua_pop(L, 1);
}

static int collect(lua_State *L)
{
    gs_associate_clear(luaL_checkudata(L, 1, TYPE));
    return 0;
}

struct gs_associate *gsl_check_associate(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    struct gs_associate *associate = lua_newuserdatauv(L, sizeof *associate, 0);
    memset(associate, 0, sizeof *associate);
    if (luaL_newmetatable(L, TYPE)) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    lua_pushvalue(L, index);
    check_text(L, "called", associate->called, sizeof associate->called);
    check_text(L, "calling", associate->calling, sizeof associate->calling);
    check_text(L, "application_context", associate->application_context,
               sizeof associate->application_context);
    check_text(L, "implementation_class", associate->implementation_class,
               sizeof associate->implementation_class);
    check_text(L, "implementation_version", associate->implementation_version,
               sizeof associate->implementation_version);
    associate->max_length = (uint32_t)gsl_range_field(L, -1, "max_length", 0, UINT32_MAX);
    lua_pop(L, 1);
    check_list(L, index, "contexts", associate, check_context);
    check_list(L, index, "roles", associate, check_role);
    check_list(L, index, "extended", associate, check_extended);
    check_list(L, index, "common_extended", associate, check_common_extended);
    check_async(L, index, associate);
    check_identity(L, index, &associate->identity);
    return associate;
}

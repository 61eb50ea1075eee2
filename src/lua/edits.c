#include "dcmtk/dictionary.h"
#include "lua/source.h"

#define FIRST_TAG 0x00080000u /* groups before it are not of a data set */

/* One edit, the table on top of the stack, which keeps what it borrows. [-0, +0, e] */
static struct gs_edit check_edit(lua_State *L)
{
    luaL_checktype(L, -1, LUA_TTABLE);
    const char *name = gsl_text_field(L, -1, "tag", "");
    struct gs_tag tag;
    struct gs_error error;
    if (gs_tag_parse(name, &tag, &error) != 0)
        luaL_error(L, "%s", error.message);
    struct gs_edit edit = {.tag = (uint32_t)tag.group << 16 | tag.element};
    if (lua_getfield(L, -1, "bytes") != LUA_TSTRING)
        luaL_error(L, "the edit of %s has no bytes", name);
    edit.bytes = (const uint8_t *)lua_tolstring(L, -1, &edit.size);
    lua_pop(L, 1);
    return edit;
}

bool gsl_check_edits(lua_State *L, int index, uint32_t last, struct gs_edits *edits)
{
    index = lua_absindex(L, index);
    *edits = (struct gs_edits){.sop_class = gsl_text_field(L, index, "sop_class", NULL),
                               .sop_instance = gsl_text_field(L, index, "sop_instance", NULL)};
    int type = lua_getfield(L, index, "edits");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "field 'edits' must be a table, not a %s", lua_typename(L, type));
    edits->count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    struct gs_edit *list = lua_newuserdatauv(L, (edits->count + 1) * sizeof *list, 0);
    uint32_t before = FIRST_TAG - 1;
    for (size_t i = 0; i < edits->count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        list[i] = check_edit(L);
        if (list[i].tag <= before || list[i].tag > last)
            luaL_error(L, "%s: edits are sorted by tag, each tag once, from %s on",
                       gsl_text_field(L, -1, "tag", NULL),
                       last < UINT32_MAX ? "0008,0000 to Pixel Data" : "0008,0000");
        before = list[i].tag;
        lua_pop(L, 1);
    }
    edits->list = list;
    lua_remove(L, -2);
    return edits->count > 0 || edits->sop_class != NULL || edits->sop_instance != NULL;
}

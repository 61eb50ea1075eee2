/*
 * source: what `wait` takes, and what it gives back.
 *
 * Every userdata that can be waited for begins with a pointer to its source, NULL when it is
 * closed, and its metatable has the field GSL_SOURCE.
 */
#ifndef GSL_SOURCE_H
#define GSL_SOURCE_H

#include "lua/binding.h"
#include "session/session.h"

#define GSL_SOURCE   "getscu.source"
#define GSL_LISTENER "getscu.listener" /* the type whose events bring new associations */

struct gsl_source {
    struct gs_source *source;
};

/* As gsl_new_type(), for a type that can be waited for. [-0, +0, e] */
void gsl_new_source_type(lua_State *L, const char *name, const luaL_Reg *methods,
                         lua_CFunction close);

/* The source at `index`; raises where it is none or was closed. [-0, +0, e] */
struct gs_source *gsl_check_source(lua_State *L, int index);

/* The session of the association at `index`; raises where it is none or was closed. [-0, +0, e] */
struct gs_session *gsl_check_session(lua_State *L, int index);
/* The same where it may be another source: NULL then. [-0, +0, -] */
struct gs_session *gsl_test_session(lua_State *L, int index);

/* A closed association; gsl_association_set() opens it. [-0, +1, e] and [-0, +0, -] */
void gsl_association_new(lua_State *L);
void gsl_association_set(lua_State *L, int index, struct gs_session *session);

/* The TLS context in the field "tls" of the table at `index`; NULL: none. The caller holds it only
 * while the table does. [-0, +0, e] */
struct gs_tls_context *gsl_tls_field(lua_State *L, int index);
/* association:tls() -> what is known of its TLS, see gs_tls_facts | nil [-0, +1, e] */
int gsl_association_tls(lua_State *L);

/* An event as a table. [-0, +1, e] */
void gsl_push_event(lua_State *L, struct gs_event *event);

/* A-ASSOCIATE-RQ and -AC as tables: the fields of struct gs_associate in Lua's words (docs/api.md).
 * gsl_check_associate leaves a userdata that owns what it returns. [-0, +1, e] both */
void gsl_push_associate(lua_State *L, const struct gs_associate *associate);
struct gs_associate *gsl_check_associate(lua_State *L, int index);

/* A command set as a table by the keywords of its elements. [-0, +1, e] and [-0, +0, e] */
void gsl_push_command(lua_State *L, const struct gs_command *command);
void gsl_check_command(lua_State *L, int index, struct gs_command *command);

/* A new sink as the userdata says, the caller's. Raises where that was closed. [-0, +0, e] */
struct gs_sink *gsl_make_sink(lua_State *L, int index);
/* {name=} and, where it is true, replaced=, duplicate=, renamed=, kept=. [-0, +1, e] */
void gsl_push_committed(lua_State *L, const struct gs_committed *committed);
/* "replace" (default), "distinct", "keep" or "refuse" at `index`. [-0, +0, e] */
enum gs_collision gsl_check_collision(lua_State *L, int index);
/* The fields of the table at `index`: edits = {{tag=, bytes=}, ...} sorted by tag, sop_class=,
 * sop_instance=. Whether there are any. Raises for tags below (0008,0000), above `last`, or out of
 * order. What `edits` borrows lives as long as the table, and the userdata that is left on the
 * stack. [-0, +1, e] */
bool gsl_check_edits(lua_State *L, int index, uint32_t last, struct gs_edits *edits);

#endif

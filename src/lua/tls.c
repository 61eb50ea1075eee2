/*
 * tls: the Lua type of a TLS context, and what the library at hand can do.
 */
#include "lua/source.h"
#include "net/tls_profile.h"

#include <openssl/ssl.h>
#include <string.h>

#define TYPE        "getscu.tls"
#define SUITES_TYPE "getscu.tls.suites"

static const char *const revocations[] = {[GS_TLS_REVOCATION_NONE] = "none",
                                          [GS_TLS_REVOCATION_LEAF] = "leaf",
                                          [GS_TLS_REVOCATION_CHAIN] = "chain"};

struct held_context {
    struct gs_tls_context *context; /* NULL: closed */
};

static int gsl_tls_context_close(lua_State *L)
{
    struct held_context *held = luaL_checkudata(L, 1, TYPE);
    gs_tls_context_release(held->context);
    held->context = NULL;
    return 0;
}

struct gs_tls_context *gsl_tls_field(lua_State *L, int index)
{
    struct gs_tls_context *context = NULL;
    if (lua_getfield(L, index, "tls") != LUA_TNIL) {
        struct held_context *held = luaL_testudata(L, -1, TYPE);
        if (held == NULL)
            luaL_error(L, "field 'tls' must be a TLS context, not a %s", luaL_typename(L, -1));
        context = held->context;
        if (context == NULL)
            luaL_error(L, "the TLS context was closed");
    }
    lua_pop(L, 1);
    return context;
}

/* The strings of a list field; the array is left on the stack. */
static struct gs_tls_names names_field(lua_State *L, int index, const char *field)
{
    bool given = lua_getfield(L, index, field) != LUA_TNIL;
    if (given)
        luaL_checktype(L, -1, LUA_TTABLE);
    size_t count = given ? (size_t)lua_rawlen(L, -1) : 0;
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, -2, (lua_Integer)i + 1) != LUA_TSTRING)
            luaL_error(L, "field '%s' must be a list of strings", field);
        names[i] = lua_tostring(L, -1); /* the list keeps it alive */
        lua_pop(L, 1);
    }
    lua_remove(L, -2);
    return (struct gs_tls_names){.names = names, .count = count};
}

static enum gs_tls_revocation check_revocation(lua_State *L, int index)
{
    const char *name = gsl_text_field(L, index, "revocation", revocations[0]);
    for (size_t i = 0; i < sizeof revocations / sizeof *revocations; i++)
        if (strcmp(revocations[i], name) == 0)
            return (enum gs_tls_revocation)i;
    luaL_error(L, "field 'revocation' must be 'none', 'leaf' or 'chain', not '%s'", name);
    return GS_TLS_REVOCATION_NONE;
}

/* context{profile=, ciphersuites=, key=, certificate=, password=, der=, ca_files=,
 * ca_directories=, crl_files=, revocation="leaf" | "chain", verify=, verify_host=, host=, sni=}
 * -> context | nil, error */
static int gsl_tls_context(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct gs_tls_options options = {
        .profile = gsl_text_field(L, 1, "profile", gs_tls_profile_at(0)->name),
        .suites = names_field(L, 1, "ciphersuites"),
        .key = gsl_text_field(L, 1, "key", NULL),
        .certificate = gsl_text_field(L, 1, "certificate", NULL),
        .password = gsl_text_field(L, 1, "password", NULL),
        .der = gsl_boolean_field(L, 1, "der", 0),
        .ca_files = names_field(L, 1, "ca_files"),
        .ca_directories = names_field(L, 1, "ca_directories"),
        .crl_files = names_field(L, 1, "crl_files"),
        .revocation = check_revocation(L, 1),
        .verify = gsl_boolean_field(L, 1, "verify", 1),
        .verify_host = gsl_boolean_field(L, 1, "verify_host", 0),
        .host = gsl_text_field(L, 1, "host", NULL),
        .server_name = gsl_text_field(L, 1, "sni", NULL),
    };
    struct held_context *held = lua_newuserdatauv(L, sizeof *held, 0);
    held->context = NULL;
    luaL_setmetatable(L, TYPE);
    struct gs_error error;
    held->context = gs_tls_context_new(&options, &error);
    return held->context != NULL ? 1 : gsl_fail(L, &error);
}

/* context:has_certificate(): whether an acceptor may use it */
static int gsl_tls_context_has_certificate(lua_State *L)
{
    struct held_context *held = luaL_checkudata(L, 1, TYPE);
    luaL_argcheck(L, held->context != NULL, 1, "the TLS context was closed");
    lua_pushboolean(L, gs_tls_context_has_certificate(held->context));
    return 1;
}

/* --- what the library can do -------------------------------------------------------------------
 */

static int close_suites(lua_State *L)
{
    struct gs_tls_suites **suites = lua_touserdata(L, 1);
    gs_tls_suites_close(*suites);
    *suites = NULL;
    return 0;
}

/* The suites, owned by a userdata on the stack; NULL: `error`. */
static struct gs_tls_suites *open_suites(lua_State *L, struct gs_error *error)
{
    struct gs_tls_suites **suites = lua_newuserdatauv(L, sizeof *suites, 0);
    *suites = NULL;
    if (luaL_newmetatable(L, SUITES_TYPE)) {
        lua_pushcfunction(L, close_suites);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    *suites = gs_tls_suites_open(error);
    return *suites;
}

static const char *version_name(int version)
{
    switch (version) {
    case TLS1_VERSION:
        return "TLS 1.0";
    case TLS1_2_VERSION:
        return "TLS 1.2";
    default:
        return "TLS 1.3";
    }
}

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

/* profiles() -> list of {name=, title=, retired=, unencrypted=, least=, most= (versions),
 * missing= (a cipher suite for want of which it cannot be used)} | nil, error */
static int gsl_tls_profiles(lua_State *L)
{
    struct gs_error error;
    struct gs_tls_suites *suites = open_suites(L, &error);
    if (suites == NULL)
        return gsl_fail(L, &error);
    lua_createtable(L, (int)gs_tls_profile_count(), 0);
    for (size_t i = 0; i < gs_tls_profile_count(); i++) {
        const struct gs_tls_profile *profile = gs_tls_profile_at(i);
        lua_createtable(L, 0, 7);
        set_text(L, "name", profile->name);
        set_text(L, "title", profile->title);
        set_boolean(L, "retired", profile->retired);
        set_boolean(L, "unencrypted", profile->unencrypted);
        set_text(L, "least", version_name(profile->least));
        set_text(L, "most", version_name(profile->most));
        set_text(L, "missing", gs_tls_profile_missing(profile, suites));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ciphersuites([profile]) -> list of {name=, version=} and, where a profile is named,
 * verdict="included" | "allowed" | "discouraged" | "forbidden", why= | nil, error */
static int gsl_tls_ciphersuites(lua_State *L)
{
    static const char *const verdicts[] = {[GS_TLS_INCLUDED] = "included",
                                           [GS_TLS_ALLOWED] = "allowed",
                                           [GS_TLS_DISCOURAGED] = "discouraged",
                                           [GS_TLS_FORBIDDEN] = "forbidden"};
    const char *name = luaL_optstring(L, 1, NULL);
    const struct gs_tls_profile *profile = name != NULL ? gs_tls_profile_find(name) : NULL;
    luaL_argcheck(L, name == NULL || profile != NULL, 1, "no such profile");
    struct gs_error error;
    struct gs_tls_suites *suites = open_suites(L, &error);
    if (suites == NULL)
        return gsl_fail(L, &error);
    lua_newtable(L);
    for (size_t i = 0; i < gs_tls_suites_count(suites); i++) {
        const struct gs_tls_suite *suite = gs_tls_suites_at(suites, i);
        const char *why = NULL;
        lua_createtable(L, 0, 4);
        set_text(L, "name", suite->name);
        set_text(L, "version", version_name(suite->version));
        if (profile != NULL) {
            set_text(L, "verdict", verdicts[gs_tls_profile_judge(profile, suite, &why)]);
            set_text(L, "why", why);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int gave(lua_State *L, int result, const struct gs_error *error)
{
    if (result != 0)
        return gsl_fail(L, error);
    lua_pushboolean(L, 1);
    return 1;
}

/* seed(path) -> true | nil, error */
static int gsl_tls_seed(lua_State *L)
{
    struct gs_error error;
    return gave(L, gs_tls_seed(luaL_checkstring(L, 1), &error), &error);
}

/* write_seed(path) -> true | nil, error */
static int gsl_tls_write_seed(lua_State *L)
{
    struct gs_error error;
    return gave(L, gs_tls_write_seed(luaL_checkstring(L, 1), &error), &error);
}

int gsl_association_tls(lua_State *L)
{
    struct gs_tls_facts facts;
    if (gs_session_tls(gsl_check_session(L, 1), &facts) != 0)
        return 0;
    lua_createtable(L, 0, 11);
    set_text(L, "version", facts.version);
    set_text(L, "ciphersuite", facts.ciphersuite);
    set_text(L, "profile", facts.profile);
    set_boolean(L, "verified", facts.verified);
    set_boolean(L, "host_verified", facts.host_verified);
    if (facts.revocation != GS_TLS_REVOCATION_NONE)
        set_text(L, "revocation", revocations[facts.revocation]);
    set_text(L, "problem", facts.problem);
    set_text(L, "subject", facts.subject[0] != '\0' ? facts.subject : NULL);
    set_text(L, "issuer", facts.issuer[0] != '\0' ? facts.issuer : NULL);
    set_text(L, "key", facts.key[0] != '\0' ? facts.key : NULL);
    set_text(L, "server_name", facts.server_name[0] != '\0' ? facts.server_name : NULL);
    return 1;
}

int gsl_open_tls(lua_State *L)
{
    static const luaL_Reg methods[] = {{"has_certificate", gsl_tls_context_has_certificate},
                                       {"close", gsl_tls_context_close},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"context", gsl_tls_context},           {"profiles", gsl_tls_profiles},
        {"ciphersuites", gsl_tls_ciphersuites}, {"seed", gsl_tls_seed},
        {"write_seed", gsl_tls_write_seed},     {NULL, NULL}};
    gsl_new_type(L, TYPE, methods, gsl_tls_context_close);
    luaL_newlib(L, functions);
    return 1;
}

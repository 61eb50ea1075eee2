/*
 * system: the few things of the file system and the terminal that Lua's own library does not have,
 * a keyed hash, and the versions of what this is made of.
 */
#include "dcmtk/version.h"
#include "lua/binding.h"
#include "session/prompt.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static int fail(lua_State *L, const char *what, const char *path)
{
    struct gs_error error;
    gs_error_system(&error, "read-failed", errno, "cannot %s %s", what, path);
    return gsl_fail(L, &error);
}

static int close_list(lua_State *L)
{
    DIR **list = lua_touserdata(L, 1);
    if (*list != NULL)
        closedir(*list);
    *list = NULL;
    return 0;
}

/* list(path) -> list of the names in a directory, sorted by nobody | nil, error */
static int gsl_list(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    DIR **list = lua_newuserdatauv(L, sizeof *list, 0);
    *list = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, close_list);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_newtable(L);
    *list = opendir(path);
    if (*list == NULL)
        return fail(L, "list", path);
    lua_Integer count = 0;
    for (struct dirent *entry; (entry = readdir(*list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
    closedir(*list);
    *list = NULL;
    return 1;
}

/* kind(path) -> "file", "directory", "other" | nil; and the size in bytes */
static int gsl_kind(lua_State *L)
{
    struct stat found;
    if (stat(luaL_checkstring(L, 1), &found) != 0)
        return 0;
    lua_pushstring(L, S_ISREG(found.st_mode)   ? "file"
                      : S_ISDIR(found.st_mode) ? "directory"
                                               : "other");
    lua_pushinteger(L, (lua_Integer)found.st_size);
    return 2;
}

/* mkdir(path) -> true | nil, error */
static int gsl_mkdir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    if (mkdir(path, 0777) != 0)
        return fail(L, "make the directory", path);
    lua_pushboolean(L, 1);
    return 1;
}

/* mkdtemp(prefix) -> path of a new directory whose name begins with the prefix | nil, error */
static int gsl_mkdtemp(lua_State *L)
{
    const char *prefix = luaL_checkstring(L, 1);
    lua_pushfstring(L, "%sXXXXXX", prefix);
    size_t size;
    const char *made = lua_tolstring(L, -1, &size);
    char *path = lua_newuserdatauv(L, size + 1, 0);
    memcpy(path, made, size + 1);
    if (mkdtemp(path) == NULL)
        return fail(L, "make a directory like", prefix);
    lua_pushstring(L, path);
    return 1;
}

/* executable() -> path of the program that runs, without links | nil, error */
static int gsl_executable(lua_State *L)
{
    char path[PATH_MAX];
    if (realpath("/proc/self/exe", path) == NULL)
        return fail(L, "find", "/proc/self/exe");
    lua_pushstring(L, path);
    return 1;
}

/* isatty(0 | 1 | 2) -> boolean */
static int gsl_isatty(lua_State *L)
{
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* hmac_sha256(key, bytes) -> 32 bytes */
static int gsl_hmac_sha256(lua_State *L)
{
    size_t key_size, size;
    const char *key = luaL_checklstring(L, 1, &key_size);
    const char *bytes = luaL_checklstring(L, 2, &size);
    luaL_argcheck(L, key_size <= INT_MAX, 1, "the key is too long");
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_size;
    if (HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)bytes, size, hash,
             &hash_size) == NULL)
        return luaL_error(L, "SHA-256 is not available");
    lua_pushlstring(L, (const char *)hash, hash_size);
    return 1;
}

/* prompt(text) -> a line of standard input, not shown on the terminal | nil, error */
static int gsl_prompt(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    char secret[GS_SECRET_MAX + 1];
    struct gs_error error;
    if (gs_prompt(text, secret, &error) != 0)
        return gsl_fail(L, &error);
    lua_pushstring(L, secret);
    explicit_bzero(secret, sizeof secret);
    return 1;
}

/* versions() -> {lua=, dcmtk=, openssl=, zlib=: strings; deflate=: whether DCMTK can} */
static int gsl_versions(lua_State *L)
{
    lua_createtable(L, 0, 5);
    lua_pushliteral(L, LUA_RELEASE);
    lua_setfield(L, -2, "lua");
    lua_pushstring(L, gs_dcmtk_version());
    lua_setfield(L, -2, "dcmtk");
    lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
    lua_setfield(L, -2, "openssl");
    lua_pushstring(L, zlibVersion());
    lua_setfield(L, -2, "zlib");
    lua_pushboolean(L, gs_dcmtk_has_zlib());
    lua_setfield(L, -2, "deflate");
    return 1;
}

void gsl_open_system(lua_State *L)
{
    static const luaL_Reg functions[] = {{"list", gsl_list},
                                         {"kind", gsl_kind},
                                         {"mkdir", gsl_mkdir},
                                         {"mkdtemp", gsl_mkdtemp},
                                         {"isatty", gsl_isatty},
                                         {"executable", gsl_executable},
                                         {"hmac_sha256", gsl_hmac_sha256},
                                         {"prompt", gsl_prompt},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "system");
    lua_pushcfunction(L, gsl_versions);
    lua_setfield(L, -2, "versions");
}

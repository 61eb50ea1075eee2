#include "net/tls_parts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_DEPTH 10 /* authorities between a peer's certificate and one that we trust */
#define LIST_SIZE   8192

/* Names of cipher suites with colons between, as OpenSSL takes them: those of TLS 1.3 apart. */
struct lists {
    char before13[LIST_SIZE];
    char of13[LIST_SIZE];
};

static bool has(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += size)
        if ((at == list || at[-1] == ':') && (at[size] == ':' || at[size] == '\0'))
            return true;
    return false;
}

/* False: there is no room. One that is there already stays where it is. */
static bool append(char list[LIST_SIZE], const char *name)
{
    size_t used = strlen(list), size = strlen(name);
    if (has(list, name))
        return true;
    if (used + size + 2 > LIST_SIZE)
        return false;
    if (used > 0)
        list[used++] = ':';
    memcpy(list + used, name, size + 1);
    return true;
}

static bool append_suite(struct lists *lists, const struct gs_tls_suite *suite)
{
    return suite->version == TLS1_3_VERSION ? append(lists->of13, suite->name)
                                            : append(lists->before13, suite->openssl);
}

/* What the library offers of TLS 1.3 by itself, where the profile leaves that to it. */
static bool append_default13(struct lists *lists, SSL_CTX *openssl,
                             const struct gs_tls_suites *suites)
{
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(openssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const char *name = SSL_CIPHER_standard_name(sk_SSL_CIPHER_value(ciphers, i));
        const struct gs_tls_suite *suite = name != NULL ? gs_tls_suites_find(suites, name) : NULL;
        if (suite != NULL && suite->version == TLS1_3_VERSION && !append(lists->of13, suite->name))
            return false;
    }
    return true;
}

/* A suite that the user wants besides. */
static int add_suite(struct lists *lists, const struct gs_tls_profile *profile,
                     const struct gs_tls_suites *suites, const char *name, struct gs_error *error)
{
    const char *why;
    const struct gs_tls_suite *suite = gs_tls_suites_find(suites, name);
    if (suite == NULL)
        return gs_error_set(error, "tls-cipher",
                            "the OpenSSL at hand does not have the cipher suite %s", name);
    switch (gs_tls_profile_judge(profile, suite, &why)) {
    case GS_TLS_INCLUDED:
        return 0;
    case GS_TLS_FORBIDDEN:
        return gs_error_set(error, "tls-cipher", "the profile %s forbids the cipher suite %s: %s",
                            profile->name, name, why);
    default:
        break;
    }
    if (!append_suite(lists, suite))
        return gs_error_set(error, "tls-cipher", "too many cipher suites");
    return 0;
}

static int list_suites(struct lists *lists, struct gs_tls_context *context,
                       const struct gs_tls_options *options, const struct gs_tls_suites *suites,
                       struct gs_error *error)
{
    const struct gs_tls_profile *profile = context->profile;
    const char *missing = gs_tls_profile_missing(profile, suites);
    if (missing != NULL)
        return gs_error_set(error, "tls-profile",
                            "the profile %s needs the cipher suite %s, which the OpenSSL at hand "
                            "does not have",
                            profile->name, missing);
    for (const char *const *name = profile->suites; *name != NULL; name++) {
        const struct gs_tls_suite *suite = gs_tls_suites_find(suites, *name + ((*name)[0] == '?'));
        if (suite != NULL && !append_suite(lists, suite))
            return gs_error_set(error, "tls-cipher", "too many cipher suites");
    }
    if (profile->most == TLS1_3_VERSION && lists->of13[0] == '\0' &&
        !append_default13(lists, context->openssl, suites))
        return gs_error_set(error, "tls-cipher", "too many cipher suites");
    for (size_t i = 0; i < options->suites.count; i++)
        if (add_suite(lists, profile, suites, options->suites.names[i], error) != 0)
            return -1;
    return 0;
}

static int set_suites(struct gs_tls_context *context, const struct gs_tls_options *options,
                      struct gs_error *error)
{
    struct lists *lists = calloc(1, sizeof *lists);
    struct gs_tls_suites *suites = gs_tls_suites_open(error);
    int result =
        lists != NULL && suites != NULL ? list_suites(lists, context, options, suites, error) : -1;
    char words[GS_TLS_WORDS_SIZE];
    if (result == 0 && (SSL_CTX_set_cipher_list(context->openssl, lists->before13) != 1 ||
                        SSL_CTX_set_ciphersuites(context->openssl, lists->of13) != 1))
        result = gs_error_set(error, "tls-failed", "the cipher suites cannot be used: %s",
                              gs_tls_complaint(words));
    gs_tls_suites_close(suites);
    free(lists);
    return result;
}

/* What holds for all connections, whatever the options say. */
static void configure(SSL_CTX *openssl, const struct gs_tls_profile *profile)
{
    static const unsigned char application[] = "getscu";
    SSL_CTX_set_security_level(openssl, profile->level);
    SSL_CTX_set_min_proto_version(openssl, profile->least);
    SSL_CTX_set_max_proto_version(openssl, profile->most);
    SSL_CTX_set_options(openssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_NO_COMPRESSION);
    /* a session sends what it has, from wherever its buffer lies by then */
    SSL_CTX_set_mode(openssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(openssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(openssl, application, sizeof application - 1);
    SSL_CTX_set_verify_depth(openssl, CHAIN_DEPTH);
    SSL_CTX_set_dh_auto(openssl, 1);
}

static bool keep(char **copy, const char *text)
{
    *copy = text != NULL ? strdup(text) : NULL;
    return text == NULL || *copy != NULL;
}

static int prepare(struct gs_tls_context *context, const struct gs_tls_options *options,
                   struct gs_error *error)
{
    char words[GS_TLS_WORDS_SIZE];
    context->profile = gs_tls_profile_find(options->profile);
    if (context->profile == NULL)
        return gs_error_set(error, "tls-profile", "there is no TLS profile '%s'", options->profile);
    context->openssl = SSL_CTX_new(TLS_method());
    context->bio = gs_tls_bio_method();
    if (context->openssl == NULL || context->bio == NULL || !keep(&context->host, options->host) ||
        !keep(&context->server_name, options->server_name))
        return gs_error_set(error, "tls-failed", "OpenSSL cannot be used: %s",
                            gs_tls_complaint(words));
    context->verify = options->verify;
    context->revocation = options->revocation;
    context->verify_host = options->verify_host;
    configure(context->openssl, context->profile);
    SSL_CTX_set_verify(context->openssl,
                       options->verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                       : SSL_VERIFY_NONE,
                       gs_tls_verify);
    if (set_suites(context, options, error) != 0 || gs_tls_trust(context, options, error) != 0)
        return -1;
    return gs_tls_identify(context, options, error);
}

struct gs_tls_context *gs_tls_context_new(const struct gs_tls_options *options,
                                          struct gs_error *error)
{
    struct gs_tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        gs_error_set(error, "out-of-memory", "no memory for TLS");
        return NULL;
    }
    context->references = 1;
    if (prepare(context, options, error) == 0)
        return context;
    gs_tls_context_release(context);
    return NULL;
}

struct gs_tls_context *gs_tls_context_hold(struct gs_tls_context *context)
{
    context->references++;
    return context;
}

void gs_tls_context_release(struct gs_tls_context *context)
{
    if (context == NULL || --context->references > 0)
        return;
    SSL_CTX_free(context->openssl);
    BIO_meth_free(context->bio);
    free(context->host);
    free(context->server_name);
    free(context);
}

bool gs_tls_context_has_certificate(const struct gs_tls_context *context)
{
    return context->has_certificate;
}

int gs_tls_seed(const char *path, struct gs_error *error)
{
    char words[GS_TLS_WORDS_SIZE];
    errno = 0;
    if (RAND_load_file(path, -1) > 0)
        return 0;
    int failed = errno;
    gs_tls_complaint(words);
    return gs_error_system(error, "seed-file", failed, "cannot seed from %s", path);
}

int gs_tls_write_seed(const char *path, struct gs_error *error)
{
    char words[GS_TLS_WORDS_SIZE];
    errno = 0;
    if (RAND_write_file(path) > 0)
        return 0;
    int failed = errno;
    gs_tls_complaint(words);
    return gs_error_system(error, "seed-file", failed, "cannot write a seed to %s", path);
}

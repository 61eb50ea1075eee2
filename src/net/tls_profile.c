#include "net/tls_profile.h"

#include <openssl/ssl.h>
#include <string.h>

static const char *const rfc8996[] = {
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    NULL,
};

/* All of the profile's, but not in its order: what is fast and has a whole tag comes first. */
static const char *const rfc8996_modified[] = {
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "?TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384",
    "?TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
    "?TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256",
    "?TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    NULL,
};

#define BCP195                                                                                     \
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",                \
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"

static const char *const bcp195_nd[] = {BCP195, NULL};
static const char *const bcp195[] = {BCP195, "TLS_RSA_WITH_AES_128_CBC_SHA",
                                     "?TLS_RSA_WITH_3DES_EDE_CBC_SHA", NULL};
static const char *const bcp195_ex[] = {BCP195, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                                        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", NULL};
static const char *const basic[] = {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", NULL};
static const char *const aes[] = {"TLS_RSA_WITH_AES_128_CBC_SHA", "?TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                                  NULL};
static const char *const null[] = {"TLS_RSA_WITH_NULL_SHA", NULL};

/* Level 0 is for TLS 1.0 and 1.1, whose handshake signs with SHA-1, and for NULL. */
static const struct gs_tls_profile profiles[] = {
    {.name = "8996",
     .title = "BCP 195 RFC 8996 TLS Profile",
     .least = TLS1_2_VERSION,
     .most = TLS1_3_VERSION,
     .suites = rfc8996,
     .no_sha1 = true,
     .no_null = true,
     .level = 2,
     .key_bits = 112,
     .signature_bits = 112},
    {.name = "8996-mod",
     .title = "Modified BCP 195 RFC 8996 TLS Profile",
     .least = TLS1_2_VERSION,
     .most = TLS1_3_VERSION,
     .suites = rfc8996_modified,
     .closed = true,
     .level = 2,
     .key_bits = 112,
     .signature_bits = 112},
    {.name = "bcp195-nd",
     .title = "Non-Downgrading BCP 195 TLS Profile",
     .retired = true,
     .least = TLS1_2_VERSION,
     .most = TLS1_3_VERSION,
     .suites = bcp195_nd,
     .no_null = true,
     .level = 2,
     .key_bits = 112,
     .signature_bits = 112},
    {.name = "bcp195",
     .title = "BCP 195 TLS Profile",
     .retired = true,
     .least = TLS1_VERSION,
     .most = TLS1_3_VERSION,
     .suites = bcp195,
     .no_null = true,
     .level = 0,
     .key_bits = 112,
     .signature_bits = 112},
    {.name = "bcp195-ex",
     .title = "Extended BCP 195 TLS Profile",
     .retired = true,
     .least = TLS1_2_VERSION,
     .most = TLS1_2_VERSION,
     .suites = bcp195_ex,
     .closed = true,
     .level = 2,
     .key_bits = 112,
     .signature_bits = 112},
    {.name = "basic",
     .title = "Basic TLS Secure Transport Connection Profile",
     .retired = true,
     .least = TLS1_VERSION,
     .most = TLS1_2_VERSION,
     .suites = basic,
     .no_null = true,
     .level = 0,
     .key_bits = 80,
     .signature_bits = 63},
    {.name = "aes",
     .title = "AES TLS Secure Transport Connection Profile",
     .retired = true,
     .least = TLS1_VERSION,
     .most = TLS1_2_VERSION,
     .suites = aes,
     .no_null = true,
     .level = 0,
     .key_bits = 80,
     .signature_bits = 63},
    {.name = "null",
     .title = "Authenticated unencrypted communication",
     .retired = true,
     .unencrypted = true,
     .least = TLS1_VERSION,
     .most = TLS1_2_VERSION,
     .suites = null,
     .level = 0,
     .key_bits = 80,
     .signature_bits = 63},
};

size_t gs_tls_profile_count(void)
{
    return sizeof profiles / sizeof profiles[0];
}

const struct gs_tls_profile *gs_tls_profile_at(size_t index)
{
    return &profiles[index];
}

const struct gs_tls_profile *gs_tls_profile_find(const char *name)
{
    for (size_t i = 0; i < gs_tls_profile_count(); i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

const char *gs_tls_profile_missing(const struct gs_tls_profile *profile,
                                   const struct gs_tls_suites *suites)
{
    for (const char *const *name = profile->suites; *name != NULL; name++)
        if ((*name)[0] != '?' && gs_tls_suites_find(suites, *name) == NULL)
            return *name;
    return NULL;
}

static bool includes(const struct gs_tls_profile *profile, const char *suite)
{
    for (const char *const *name = profile->suites; *name != NULL; name++)
        if (strcmp(*name + ((*name)[0] == '?'), suite) == 0)
            return true;
    return false;
}

/* Why a suite may not be added; NULL: it may. */
static const char *forbids(const struct gs_tls_profile *profile, const struct gs_tls_suite *suite)
{
    if (profile->closed)
        return "the profile allows no further cipher suites";
    if (profile->no_null && !suite->encrypts)
        return "it does not encrypt";
    if (profile->no_sha1 && suite->sha1)
        return "its MAC is weaker than SHA-256";
    if (suite->version > profile->most)
        return "it needs a version of TLS that the profile does not allow";
    return NULL;
}

enum gs_tls_verdict gs_tls_profile_judge(const struct gs_tls_profile *profile,
                                         const struct gs_tls_suite *suite, const char **why)
{
    *why = NULL;
    if (includes(profile, suite->name))
        return GS_TLS_INCLUDED;
    *why = forbids(profile, suite);
    if (*why != NULL)
        return GS_TLS_FORBIDDEN;
    if (!suite->encrypts)
        *why = "it does not encrypt";
    else if (!suite->forward_secret)
        *why = "it is not forward secret";
    else if (suite->bits < 128)
        *why = "its cipher is weak";
    else if (!suite->aead)
        *why = "its encryption is not an authenticated one";
    return *why != NULL ? GS_TLS_DISCOURAGED : GS_TLS_ALLOWED;
}

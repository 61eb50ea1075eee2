/*
 * tls_profile: the secure transport connection profiles of PS3.15 annex B, as one table.
 *
 * A profile says which versions of TLS and which cipher suites are offered, in which order, which
 * may be added to them, and how weak keys may be.
 */
#ifndef GS_TLS_PROFILE_H
#define GS_TLS_PROFILE_H

#include "net/tls_suite.h"

struct gs_tls_profile {
    const char *name;  /* ours, as in "8996" */
    const char *title; /* the standard's */
    bool retired;
    bool unencrypted;
    int least; /* versions: TLS1_VERSION to TLS1_3_VERSION */
    int most;
    /* Names, in the order of preference; "?" in front of one: only where the library has it. NULL
     * ends them. Those of TLS 1.3 are the library's own choice where none is named. */
    const char *const *suites;
    /* What may be added to them. */
    bool closed;  /* nothing */
    bool no_sha1; /* nothing with a SHA-1 MAC */
    bool no_null; /* nothing that does not encrypt */
    /* OpenSSL's security level. Where the profile needs 0, the strength of keys and of signatures
     * of certificates (in bits, as NIST SP 800-57 counts) is checked by us alone: 112 is RSA with
     * 2048 bits, 80 with 1024; 63 is what OpenSSL gives a signature with SHA-1. */
    int level;
    int key_bits;
    int signature_bits;
};

/* The first is the default. */
size_t gs_tls_profile_count(void);
const struct gs_tls_profile *gs_tls_profile_at(size_t index);
const struct gs_tls_profile *gs_tls_profile_find(const char *name); /* NULL: there is none */

/* A suite that the profile needs and the library lacks; NULL: it can be used. */
const char *gs_tls_profile_missing(const struct gs_tls_profile *profile,
                                   const struct gs_tls_suites *suites);

enum gs_tls_verdict {
    GS_TLS_INCLUDED,    /* the profile has it already */
    GS_TLS_ALLOWED,     /* it may be added */
    GS_TLS_DISCOURAGED, /* it may be, but BCP 195 advises against it */
    GS_TLS_FORBIDDEN
};
/* What the profile says of a suite, and `why`, in words, of the last two. */
enum gs_tls_verdict gs_tls_profile_judge(const struct gs_tls_profile *profile,
                                         const struct gs_tls_suite *suite, const char **why);

#endif

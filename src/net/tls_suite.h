/*
 * tls_suite: the cipher suites that the OpenSSL at hand has, under the names of the standard.
 *
 * Only suites that authenticate by certificates are among them: DICOM has no others. The list
 * belongs to the OpenSSL context that it keeps open, and its pointers live until it is closed.
 */
#ifndef GS_TLS_SUITE_H
#define GS_TLS_SUITE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

struct gs_tls_suite {
    const char *name;    /* as in "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" */
    const char *openssl; /* OpenSSL's own name */
    int version;         /* the least that has it: TLS1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION */
    bool encrypts;
    bool aead;
    bool sha1;           /* its MAC is SHA-1 or MD5 */
    bool forward_secret; /* the key of the certificate alone does not open what was recorded */
    int bits;            /* of the cipher */
};

struct gs_tls_suites;

struct gs_tls_suites *gs_tls_suites_open(struct gs_error *error); /* NULL: "tls-failed" */
void gs_tls_suites_close(struct gs_tls_suites *suites);
size_t gs_tls_suites_count(const struct gs_tls_suites *suites);
/* By place, the strongest first, and by name (NULL: the library has none of this name). */
const struct gs_tls_suite *gs_tls_suites_at(const struct gs_tls_suites *suites, size_t index);
const struct gs_tls_suite *gs_tls_suites_find(const struct gs_tls_suites *suites, const char *name);

#endif

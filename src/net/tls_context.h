/*
 * tls_context: what connections with TLS have in common: a profile, our own key and certificate,
 * whom to trust, and what is verified of the peer.
 *
 * One context serves requestors and acceptors. It is made before anything is connected, so all that
 * is wrong with its files is told then. It is counted: each transport that is made with it holds
 * it. OpenSSL is initialised by the first context (or list of suites), not before.
 */
#ifndef GS_TLS_CONTEXT_H
#define GS_TLS_CONTEXT_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

enum gs_tls_revocation {
    GS_TLS_REVOCATION_NONE,
    GS_TLS_REVOCATION_LEAF, /* of the peer's own certificate */
    GS_TLS_REVOCATION_CHAIN /* of all of its chain */
};

struct gs_tls_names {
    const char *const *names;
    size_t count;
};

/* Strings are only read while the context is made; NULL is none. */
struct gs_tls_options {
    const char *profile;                /* as of tls_profile.h */
    struct gs_tls_names suites;         /* added to those of the profile */
    const char *key;                    /* file; with it the certificate, and those of its chain */
    const char *certificate;            /* file */
    const char *password;               /* of the key */
    bool der;                           /* files are DER, not PEM */
    struct gs_tls_names ca_files;       /* certificates that are trusted */
    struct gs_tls_names ca_directories; /* with names by hash, or any names */
    struct gs_tls_names crl_files;
    enum gs_tls_revocation revocation;
    bool verify;             /* the peer's certificate; an acceptor demands one then */
    bool verify_host;        /* as requestor: its names, against `host` */
    const char *host;        /* NULL: the host that is connected to */
    const char *server_name; /* as requestor: which server is asked for (SNI) */
};

struct gs_tls_context;

/* NULL, with the code "tls-profile" (the library cannot do it), "tls-cipher" (unknown or
 * forbidden), "key-file", "key-password" (it is encrypted, and the password is missing or wrong),
 * "certificate-file", "ca-file", "crl-file" or "tls-failed". */
struct gs_tls_context *gs_tls_context_new(const struct gs_tls_options *options,
                                          struct gs_error *error);
struct gs_tls_context *gs_tls_context_hold(struct gs_tls_context *context);
void gs_tls_context_release(struct gs_tls_context *context); /* NULL: nothing */
/* An acceptor needs a certificate. */
bool gs_tls_context_has_certificate(const struct gs_tls_context *context);

/* The random generator: more of it from a file, and a new seed to a file. -1: "seed-file". */
int gs_tls_seed(const char *path, struct gs_error *error);
int gs_tls_write_seed(const char *path, struct gs_error *error);

#endif

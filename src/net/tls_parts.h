/*
 * tls_parts: the inside of TLS, for the files that make it up: tls.c (the transport),
 * tls_failure.c (why it failed), tls_context.c, tls_identity.c (our own key and certificate),
 * tls_trust.c (whom to trust) and tls_words.c (what OpenSSL says). Nobody else includes it.
 */
#ifndef GS_TLS_PARTS_H
#define GS_TLS_PARTS_H

#include "net/tls.h"
#include "net/tls_profile.h"

#include <openssl/ssl.h>

#define GS_TLS_FILE_MAX   (64u << 20) /* bytes of a file; revocation lists may be large */
#define GS_TLS_WORDS_SIZE 256         /* of a text below, its NUL included */

struct gs_tls_context {
    SSL_CTX *openssl;
    BIO_METHOD *bio; /* of tls.c: OpenSSL's way to the transport below */
    const struct gs_tls_profile *profile;
    size_t references;
    bool has_certificate;
    bool verify;
    enum gs_tls_revocation revocation;
    bool verify_host;
    char *host;
    char *server_name;
};

#define GS_TLS_INPUT    (128u << 10) /* bytes asked of the transport below at once */
#define GS_TLS_GREETING 8            /* bytes by which a peer is known that does not speak TLS */

enum gs_tls_outcome {
    GS_TLS_STREAM, /* it goes on */
    GS_TLS_ENDED,  /* the peer has said close_notify */
    GS_TLS_FAILED  /* `failure` says why */
};

struct gs_tls {                    /* one connection */
    struct gs_transport transport; /* first: a transport is cast to this */
    struct gs_transport *below;
    struct gs_tls_context *context;
    SSL *ssl;
    bool requestor;
    bool connected; /* the transport below stands */
    bool standing;  /* and the handshake is done */
    enum gs_tls_outcome outcome;
    struct gs_error failure;
    short receive_wants; /* what open() and receive() wait for */
    short send_wants;
    bool drained;     /* below had less than there was room for, and was not polled since */
    bool below_ended; /* it has, without an error */
    struct gs_error below_failure;          /* code NULL: none */
    struct gs_error send_failure;           /* the same of the last send */
    int verify_result;                      /* X509_V_OK, or what was found first, */
    int verify_depth;                       /* at how many certificates above the peer's, */
    char verify_subject[GS_TLS_WORDS_SIZE]; /* and whose certificate that is */
    size_t greeting_size;
    unsigned char greeting[GS_TLS_GREETING];
    size_t start; /* received bytes that OpenSSL has not taken lie at start to end */
    size_t end;
    unsigned char input[GS_TLS_INPUT];
};

/* tls_failure.c: why OpenSSL cannot go on, into `failure`. */
void gs_tls_describe_failure(struct gs_tls *tls);
/* Whether the first bytes of the peer are not of TLS. */
bool gs_tls_is_stranger(const struct gs_tls *tls);
/* After the handshake: whether the keys of the peer are as strong as the profile wants; else the
 * failure is filled. OpenSSL itself does not look at those that it need not verify. */
bool gs_tls_is_strong(struct gs_tls *tls);

/* tls.c: what OpenSSL reads and writes a connection with. NULL: out of memory. */
BIO_METHOD *gs_tls_bio_method(void);
/* tls_failure.c: what verification calls for each certificate. */
int gs_tls_verify(int good, X509_STORE_CTX *store);

/* tls_identity.c: our key, certificate and chain into the context, checked. */
int gs_tls_identify(struct gs_tls_context *context, const struct gs_tls_options *options,
                    struct gs_error *error);
/* tls_trust.c: certification authorities and revocation lists into the context. */
int gs_tls_trust(struct gs_tls_context *context, const struct gs_tls_options *options,
                 struct gs_error *error);

/* tls_words.c: a file in memory, that the caller frees. -1: `code`, "cannot read `what` `path`". */
int gs_tls_read_file(const char *path, const char *code, const char *what, unsigned char **bytes,
                     size_t *size, struct gs_error *error);
/* Whether a read that gave nothing was at the end of the file, and not at something broken. */
bool gs_tls_at_end(bool der, BIO *file);
/* The first thing that OpenSSL complained of, in its words. */
const char *gs_tls_complaint(char words[GS_TLS_WORDS_SIZE]);
/* A name of a certificate as in "CN=pacs,O=clinic", cut where it is too long; NULL gives "". */
void gs_tls_name(const X509_NAME *name, char words[GS_TLS_WORDS_SIZE]);
/* A kind and length of a key, as in "RSA 2048". */
void gs_tls_key_name(EVP_PKEY *key, char words[GS_TLS_WORDS_SIZE]);
/* A moment as in "2026-01-31 12:00 UTC". */
void gs_tls_time(const ASN1_TIME *time, char words[GS_TLS_WORDS_SIZE]);

#endif

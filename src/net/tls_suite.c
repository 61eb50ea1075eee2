#include "net/tls_suite.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* All of TLS 1.3; OpenSSL offers three of them by itself. */
#define SUITES_OF_TLS13                                                                            \
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"                  \
    "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"

struct gs_tls_suites {
    SSL_CTX *context;
    size_t count;
    struct gs_tls_suite *suites;
};

static int version_of(const SSL_CIPHER *cipher)
{
    const char *version = SSL_CIPHER_get_version(cipher);
    if (strcmp(version, "TLSv1.3") == 0)
        return TLS1_3_VERSION;
    return strcmp(version, "TLSv1.2") == 0 ? TLS1_2_VERSION : TLS1_VERSION;
}

static bool by_certificate(const SSL_CIPHER *cipher)
{
    int key_exchange = SSL_CIPHER_get_kx_nid(cipher);
    if (key_exchange == NID_kx_rsa_psk || key_exchange == NID_kx_srp)
        return false;
    switch (SSL_CIPHER_get_auth_nid(cipher)) {
    case NID_auth_rsa:
    case NID_auth_ecdsa:
    case NID_auth_dss:
    case NID_auth_any:
        return true;
    default:
        return false;
    }
}

static struct gs_tls_suite suite_of(const SSL_CIPHER *cipher)
{
    int key_exchange = SSL_CIPHER_get_kx_nid(cipher), mac = SSL_CIPHER_get_digest_nid(cipher);
    return (struct gs_tls_suite){
        .name = SSL_CIPHER_standard_name(cipher),
        .openssl = SSL_CIPHER_get_name(cipher),
        .version = version_of(cipher),
        .encrypts = SSL_CIPHER_get_cipher_nid(cipher) != NID_undef,
        .aead = SSL_CIPHER_is_aead(cipher) != 0,
        .sha1 = mac == NID_sha1 || mac == NID_md5,
        .forward_secret = key_exchange == NID_kx_ecdhe || key_exchange == NID_kx_dhe ||
                          key_exchange == NID_kx_any,
        .bits = SSL_CIPHER_get_bits(cipher, NULL),
    };
}

struct gs_tls_suites *gs_tls_suites_open(struct gs_error *error)
{
    struct gs_tls_suites *suites = calloc(1, sizeof *suites);
    SSL_CTX *context = suites != NULL ? SSL_CTX_new(TLS_method()) : NULL;
    STACK_OF(SSL_CIPHER) *ciphers = NULL;
    if (context != NULL) {
        suites->context = context;
        SSL_CTX_set_security_level(context, 0); /* where NULL and the old ones are */
        if (SSL_CTX_set_cipher_list(context, "ALL:COMPLEMENTOFALL") == 1 &&
            SSL_CTX_set_ciphersuites(context, SUITES_OF_TLS13) == 1)
            ciphers = SSL_CTX_get_ciphers(context);
    }
    int count = ciphers != NULL ? sk_SSL_CIPHER_num(ciphers) : 0;
    if (count > 0)
        suites->suites = calloc((size_t)count, sizeof *suites->suites);
    if (suites == NULL || suites->suites == NULL) {
        gs_error_set(error, "tls-failed", "OpenSSL does not tell its cipher suites");
        gs_tls_suites_close(suites);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
        if (by_certificate(cipher) && SSL_CIPHER_standard_name(cipher) != NULL)
            suites->suites[suites->count++] = suite_of(cipher);
    }
    return suites;
}

void gs_tls_suites_close(struct gs_tls_suites *suites)
{
    if (suites == NULL)
        return;
    SSL_CTX_free(suites->context);
    free(suites->suites);
    free(suites);
}

size_t gs_tls_suites_count(const struct gs_tls_suites *suites)
{
    return suites->count;
}

const struct gs_tls_suite *gs_tls_suites_at(const struct gs_tls_suites *suites, size_t index)
{
    return &suites->suites[index];
}

const struct gs_tls_suite *gs_tls_suites_find(const struct gs_tls_suites *suites, const char *name)
{
    for (size_t i = 0; i < suites->count; i++)
        if (strcmp(suites->suites[i].name, name) == 0)
            return &suites->suites[i];
    return NULL;
}

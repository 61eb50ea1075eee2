/*
 * certificate: an authority, and keys with certificates that it has signed, in files.
 *
 * Elliptic keys, since those are made in no time.
 */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

struct certificate {
    EVP_PKEY *key;
    X509 *certificate;
    char key_path[64];
    char path[64];
};

static inline void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* `issuer` NULL: it is an authority, signed by itself. */
static inline void make_certificate(struct certificate *made, const char *folder, const char *name,
                                    const struct certificate *issuer)
{
    made->key = EVP_EC_gen("P-256");
    made->certificate = X509_new();
    assert_non_null(made->key);
    assert_non_null(made->certificate);
    X509 *certificate = made->certificate;
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer != NULL ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509 *by = issuer != NULL ? issuer->certificate : certificate;
    X509_set_issuer_name(certificate, X509_get_subject_name(by));
    X509_set_pubkey(certificate, made->key);
    if (issuer == NULL)
        add_extension(certificate, by, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(certificate, issuer != NULL ? issuer->key : made->key, EVP_sha256()) > 0);

    snprintf(made->key_path, sizeof made->key_path, "%s/%s.key", folder, name);
    snprintf(made->path, sizeof made->path, "%s/%s.pem", folder, name);
    FILE *key_file = fopen(made->key_path, "we"), *file = fopen(made->path, "we");
    assert_int_equal(PEM_write_PrivateKey(key_file, made->key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(key_file);
    fclose(file);
}

static inline void remove_certificate(struct certificate *made)
{
    EVP_PKEY_free(made->key);
    X509_free(made->certificate);
    unlink(made->key_path);
    unlink(made->path);
    *made = (struct certificate){0};
}

#endif

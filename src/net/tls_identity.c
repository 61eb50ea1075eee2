#include "net/tls_parts.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 32 /* certificates of a file */

struct question {
    const char *password; /* NULL: not known */
    bool asked;
};

static int answer(char *buffer, int size, int writing, void *question)
{
    (void)writing;
    struct question *q = question;
    q->asked = true;
    size_t length = q->password != NULL ? strlen(q->password) : 0;
    if (q->password == NULL || size < 0 || length > (size_t)size)
        return -1;
    memcpy(buffer, q->password, length);
    return (int)length;
}

static bool looks_like_der(const unsigned char *bytes, size_t size)
{
    return size > 0 && bytes[0] == 0x30; /* a SEQUENCE */
}

/* " (it looks like DER)" where the other format was asked for. */
static const char *hint(bool der, const unsigned char *bytes, size_t size)
{
    if (der)
        return looks_like_der(bytes, size) ? "" : " (it does not look like DER)";
    return looks_like_der(bytes, size) ? " (it looks like DER)" : "";
}

static EVP_PKEY *decode_key(const struct gs_tls_options *options, const unsigned char *bytes,
                            size_t size, struct question *question)
{
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
        &key, options->der ? "DER" : "PEM", NULL, NULL, OSSL_KEYMGMT_SELECT_KEYPAIR, NULL, NULL);
    if (decoder == NULL)
        return NULL;
    OSSL_DECODER_CTX_set_pem_password_cb(decoder, answer, question);
    if (OSSL_DECODER_from_data(decoder, &bytes, &size) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OSSL_DECODER_CTX_free(decoder);
    return key;
}

static EVP_PKEY *read_key(const struct gs_tls_options *options, struct gs_error *error)
{
    unsigned char *bytes;
    size_t size;
    if (gs_tls_read_file(options->key, "key-file", "private key", &bytes, &size, error) != 0)
        return NULL;
    struct question question = {.password = options->password};
    EVP_PKEY *key = decode_key(options, bytes, size, &question);
    if (key == NULL && question.asked && options->password == NULL)
        gs_error_set(error, "key-password", "the private key %s is encrypted: it needs a password",
                     options->key);
    else if (key == NULL && question.asked)
        gs_error_set(error, "key-password", "this is not the password of the private key %s",
                     options->key);
    else if (key == NULL)
        gs_error_set(error, "key-file", "%s holds no private key in %s%s", options->key,
                     options->der ? "DER" : "PEM", hint(options->der, bytes, size));
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    ERR_clear_error();
    return key;
}

/* Appends what a file holds. False: out of memory, too many, or something that cannot be read. */
static bool read_certificates(bool der, BIO *file, STACK_OF(X509) * chain)
{
    X509 *next;
    while ((next = der ? d2i_X509_bio(file, NULL) : PEM_read_bio_X509(file, NULL, NULL, NULL)) !=
           NULL)
        if (sk_X509_num(chain) == CHAIN_MAX || sk_X509_push(chain, next) == 0) {
            X509_free(next);
            return false;
        }
    return gs_tls_at_end(der, file);
}

/* The certificates of a file, ours first. */
static STACK_OF(X509) * read_chain(const struct gs_tls_options *options, struct gs_error *error)
{
    unsigned char *bytes;
    size_t size;
    const char *path = options->certificate;
    if (gs_tls_read_file(path, "certificate-file", "certificate", &bytes, &size, error) != 0)
        return NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    BIO *file = BIO_new_mem_buf(bytes, (int)size);
    bool whole = chain != NULL && file != NULL && read_certificates(options->der, file, chain);
    char words[GS_TLS_WORDS_SIZE];
    if (chain == NULL || sk_X509_num(chain) == 0)
        gs_error_set(error, "certificate-file", "%s holds no certificate in %s%s", path,
                     options->der ? "DER" : "PEM", hint(options->der, bytes, size));
    else if (!whole)
        gs_error_set(error, "certificate-file",
                     "the chain of certificates in %s cannot be read: %s", path,
                     gs_tls_complaint(words));
    if (!whole || sk_X509_num(chain) == 0) {
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    BIO_free(file);
    free(bytes);
    ERR_clear_error();
    return chain;
}

/* What the peer would refuse, or we: it is told before anything is connected. */
static int check(const struct gs_tls_context *context, const struct gs_tls_options *options,
                 X509 *ours, EVP_PKEY *key, struct gs_error *error)
{
    const char *path = options->certificate;
    char words[GS_TLS_WORDS_SIZE];
    if (X509_check_private_key(ours, key) != 1)
        return gs_error_set(error, "key-file",
                            "the private key %s does not belong to the certificate %s",
                            options->key, path);
    if (X509_cmp_current_time(X509_get0_notAfter(ours)) < 0) {
        gs_tls_time(X509_get0_notAfter(ours), words);
        return gs_error_set(error, "certificate-file", "our certificate %s has expired on %s", path,
                            words);
    }
    if (X509_cmp_current_time(X509_get0_notBefore(ours)) > 0) {
        gs_tls_time(X509_get0_notBefore(ours), words);
        return gs_error_set(error, "certificate-file", "our certificate %s is not valid before %s",
                            path, words);
    }
    if (EVP_PKEY_get_security_bits(key) < context->profile->key_bits) {
        gs_tls_key_name(key, words);
        return gs_error_set(error, "key-file",
                            "the private key %s (%s) is weaker than the profile %s allows",
                            options->key, words, context->profile->name);
    }
    return 0;
}

/* `chain` has ours as its first, the others go with it. */
static int use(struct gs_tls_context *context, const struct gs_tls_options *options,
               STACK_OF(X509) * chain, EVP_PKEY *key, struct gs_error *error)
{
    X509 *ours = sk_X509_shift(chain);
    int result = check(context, options, ours, key, error);
    char words[GS_TLS_WORDS_SIZE];
    if (result == 0 && SSL_CTX_use_cert_and_key(context->openssl, ours, key, chain, 1) != 1)
        result = gs_error_set(error, "certificate-file", "the certificate %s cannot be used: %s",
                              options->certificate, gs_tls_complaint(words));
    context->has_certificate = result == 0;
    X509_free(ours);
    ERR_clear_error();
    return result;
}

int gs_tls_identify(struct gs_tls_context *context, const struct gs_tls_options *options,
                    struct gs_error *error)
{
    if (options->key == NULL || options->certificate == NULL)
        return 0;
    EVP_PKEY *key = read_key(options, error);
    STACK_OF(X509) *chain = key != NULL ? read_chain(options, error) : NULL;
    int result = chain != NULL ? use(context, options, chain, key, error) : -1;
    sk_X509_pop_free(chain, X509_free);
    EVP_PKEY_free(key);
    return result;
}

#include "net/tls_parts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next of a file into the store: 1, 0 where there is none, -1 where it does not go. */
typedef int add_next(struct gs_tls_context *context, X509_STORE *store, bool der, BIO *file);

static int add_certificate(struct gs_tls_context *context, X509_STORE *store, bool der, BIO *file)
{
    X509 *next = der ? d2i_X509_bio(file, NULL) : PEM_read_bio_X509_AUX(file, NULL, NULL, NULL);
    if (next == NULL)
        return gs_tls_at_end(der, file) ? 0 : -1;
    /* an acceptor tells whom it trusts, so that requestors can choose their certificate */
    bool added =
        X509_STORE_add_cert(store, next) == 1 && SSL_CTX_add_client_CA(context->openssl, next) == 1;
    X509_free(next);
    return added ? 1 : -1;
}

static int add_crl(struct gs_tls_context *context, X509_STORE *store, bool der, BIO *file)
{
    (void)context;
    X509_CRL *next =
        der ? d2i_X509_CRL_bio(file, NULL) : PEM_read_bio_X509_CRL(file, NULL, NULL, NULL);
    if (next == NULL)
        return gs_tls_at_end(der, file) ? 0 : -1;
    bool added = X509_STORE_add_crl(store, next) == 1;
    X509_CRL_free(next);
    return added ? 1 : -1;
}

/* All of a file; at least one must be in it. */
static int add_file(struct gs_tls_context *context, const char *path, bool der, add_next *add,
                    struct gs_error *error)
{
    const char *code = add == add_crl ? "crl-file" : "ca-file";
    const char *what = add == add_crl ? "revocation list" : "certificate";
    unsigned char *bytes;
    size_t size;
    if (gs_tls_read_file(path, code, what, &bytes, &size, error) != 0)
        return -1;
    X509_STORE *store = SSL_CTX_get_cert_store(context->openssl);
    BIO *file = BIO_new_mem_buf(bytes, (int)size);
    int added = 0, result = file != NULL ? 1 : -1;
    while (result == 1) {
        result = add(context, store, der, file);
        added += result == 1;
    }
    char words[GS_TLS_WORDS_SIZE];
    if (added == 0)
        result = gs_error_set(error, code, "%s holds no %s in %s", path, what, der ? "DER" : "PEM");
    else if (result == -1)
        gs_error_set(error, code, "what follows the first %s in %s cannot be read: %s", what, path,
                     gs_tls_complaint(words));
    ERR_clear_error();
    BIO_free(file);
    free(bytes);
    return result;
}

/* A name as of openssl rehash: eight hexadecimal digits, a dot, a number. */
static bool is_hashed(const char *name)
{
    for (int i = 0; i < 8; i++)
        if (!isxdigit((unsigned char)name[i]))
            return false;
    return name[8] == '.' && isdigit((unsigned char)name[9]);
}

/* Every file of a directory without hashed names that holds a certificate. */
static int add_each(struct gs_tls_context *context, const char *path, DIR *list, bool der,
                    struct gs_error *error)
{
    char name[PATH_MAX];
    int added = 0;
    rewinddir(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.' &&
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < (int)sizeof name)
            added += add_file(context, name, der, add_certificate, NULL) == 0;
    if (added > 0)
        return 0;
    return gs_error_set(error, "ca-file", "no file in %s holds a certificate in %s", path,
                        der ? "DER" : "PEM");
}

/* With hashed names, OpenSSL looks up what it needs, when it needs it; also revocation lists. */
static int add_directory(struct gs_tls_context *context, const char *path, bool der,
                         struct gs_error *error)
{
    DIR *list = opendir(path);
    if (list == NULL)
        return gs_error_system(error, "ca-file", errno, "cannot list the directory %s", path);
    bool hashed = false;
    for (struct dirent *entry; !hashed && (entry = readdir(list)) != NULL;)
        hashed = is_hashed(entry->d_name);
    int result = 0;
    if (!hashed) {
        result = add_each(context, path, list, der, error);
    } else {
        X509_LOOKUP *lookup =
            X509_STORE_add_lookup(SSL_CTX_get_cert_store(context->openssl), X509_LOOKUP_hash_dir());
        int type = der ? X509_FILETYPE_ASN1 : X509_FILETYPE_PEM;
        if (lookup == NULL || X509_LOOKUP_add_dir(lookup, path, type) != 1)
            result = gs_error_set(error, "ca-file", "cannot use the directory %s", path);
    }
    closedir(list);
    return result;
}

static void set_revocation(struct gs_tls_context *context, enum gs_tls_revocation revocation)
{
    unsigned long flags = 0;
    if (revocation != GS_TLS_REVOCATION_NONE)
        flags = X509_V_FLAG_CRL_CHECK;
    if (revocation == GS_TLS_REVOCATION_CHAIN)
        flags |= X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context->openssl), flags);
}

int gs_tls_trust(struct gs_tls_context *context, const struct gs_tls_options *options,
                 struct gs_error *error)
{
    for (size_t i = 0; i < options->ca_files.count; i++)
        if (add_file(context, options->ca_files.names[i], options->der, add_certificate, error) !=
            0)
            return -1;
    for (size_t i = 0; i < options->ca_directories.count; i++)
        if (add_directory(context, options->ca_directories.names[i], options->der, error) != 0)
            return -1;
    for (size_t i = 0; i < options->crl_files.count; i++)
        if (add_file(context, options->crl_files.names[i], options->der, add_crl, error) != 0)
            return -1;
    set_revocation(context, options->revocation);
    return 0;
}

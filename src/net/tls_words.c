#include "net/tls_parts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_STEP (64u << 10)

/* All of an open file, in steps, since it may be a pipe. -1: errno says why. */
static int read_all(FILE *file, unsigned char **bytes, size_t *size)
{
    size_t capacity = 0;
    *bytes = NULL;
    *size = 0;
    while (!feof(file)) {
        if (*size + READ_STEP > capacity) {
            capacity = 2 * capacity + READ_STEP;
            unsigned char *grown = realloc(*bytes, capacity);
            if (grown == NULL)
                return -1;
            *bytes = grown;
        }
        errno = 0;
        *size += fread(*bytes + *size, 1, capacity - *size, file);
        if (ferror(file))
            return -1;
        if (*size > GS_TLS_FILE_MAX) {
            errno = EFBIG;
            return -1;
        }
    }
    return 0;
}

int gs_tls_read_file(const char *path, const char *code, const char *what, unsigned char **bytes,
                     size_t *size, struct gs_error *error)
{
    *bytes = NULL;
    FILE *file = fopen(path, "rbe");
    int result = file != NULL ? read_all(file, bytes, size) : -1;
    int failed = errno;
    if (file != NULL)
        fclose(file);
    if (result == 0)
        return 0;
    free(*bytes);
    *bytes = NULL;
    return gs_error_system(error, code, failed, "cannot read the %s %s", what, path);
}

bool gs_tls_at_end(bool der, BIO *file)
{
    return der ? BIO_pending(file) == 0
               : ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

const char *gs_tls_complaint(char words[GS_TLS_WORDS_SIZE])
{
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (code != 0 && reason == NULL)
        ERR_error_string_n(code, words, GS_TLS_WORDS_SIZE);
    else
        snprintf(words, GS_TLS_WORDS_SIZE, "%s",
                 reason != NULL ? reason : "OpenSSL gives no reason");
    ERR_clear_error();
    return words;
}

/* Not in the middle of a character of UTF-8. */
static size_t cut(const char *text, size_t size, size_t most)
{
    if (size <= most)
        return size;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

void gs_tls_name(const X509_NAME *name, char words[GS_TLS_WORDS_SIZE])
{
    words[0] = '\0';
    BIO *text = name != NULL ? BIO_new(BIO_s_mem()) : NULL;
    if (text == NULL)
        return;
    char *bytes = NULL;
    if (X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >=
        0) {
        long size = BIO_get_mem_data(text, &bytes);
        size_t kept = cut(bytes, size > 0 ? (size_t)size : 0, GS_TLS_WORDS_SIZE - 1);
        memcpy(words, bytes, kept);
        words[kept] = '\0';
    }
    BIO_free(text);
}

void gs_tls_key_name(EVP_PKEY *key, char words[GS_TLS_WORDS_SIZE])
{
    const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
    if (type == NULL)
        snprintf(words, GS_TLS_WORDS_SIZE, "unknown");
    else
        snprintf(words, GS_TLS_WORDS_SIZE, "%s %d", type, EVP_PKEY_get_bits(key));
}

void gs_tls_time(const ASN1_TIME *moment, char words[GS_TLS_WORDS_SIZE])
{
    struct tm parts;
    if (ASN1_TIME_to_tm(moment, &parts) != 1 ||
        strftime(words, GS_TLS_WORDS_SIZE, "%Y-%m-%d %H:%M UTC", &parts) == 0)
        snprintf(words, GS_TLS_WORDS_SIZE, "an unreadable date");
}

/*
 * A context of TLS is made before anything is connected: what is wrong with its files and wishes is
 * told then, and what certificates of strangers say is put into words of limited length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificate.h"
#include "net/tls_parts.h"

#include <string.h>
#include <sys/stat.h>

#define CHAIN_MAX 32 /* certificates that a file of ours may hold */

static char folder[] = "/tmp/getscu-context-XXXXXX";
static char path[64];
static struct certificate authority, ours;

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    make_certificate(&authority, folder, "authority", NULL);
    make_certificate(&ours, folder, "ours", &authority);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    remove_certificate(&authority);
    remove_certificate(&ours);
    unlink(path);
    return rmdir(folder);
}

/* Our certificate `times` times, and then the text, in the file at `path`. */
static void write_file(X509 *certificate, int times, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 0; i < times; i++)
        assert_int_equal(PEM_write_X509(file, certificate), 1);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void is_refused(const struct gs_tls_options *options, const char *code, const char *words)
{
    struct gs_error error = {0};
    struct gs_tls_context *made = gs_tls_context_new(options, &error);
    assert_null(made);
    assert_string_equal(error.code, code);
    if (strstr(error.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, error.message);
}

static void is_accepted(const struct gs_tls_options *options)
{
    struct gs_error error = {0};
    struct gs_tls_context *made = gs_tls_context_new(options, &error);
    if (made == NULL)
        fail_msg("%s", error.message);
    gs_tls_context_release(made);
}

#define NAMES(...)                                                                                 \
    (struct gs_tls_names)                                                                          \
    {                                                                                              \
        .names = (const char *const[]){__VA_ARGS__},                                               \
        .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                       \
    }

/* --- profiles and cipher suites ----------------------------------------------------------------
 */

static void a_profile_that_is_unknown_is_refused(void **state)
{
    (void)state;
    is_refused(&(struct gs_tls_options){.profile = "8997"}, "tls-profile",
               "there is no TLS profile '8997'");
}

static void a_suite_that_is_unknown_or_forbidden_is_refused(void **state)
{
    (void)state;
    is_refused(&(struct gs_tls_options){.profile = "8996", .suites = NAMES("TLS_NO_SUCH_SUITE")},
               "tls-cipher", "does not have the cipher suite TLS_NO_SUCH_SUITE");
    is_refused(
        &(struct gs_tls_options){.profile = "8996", .suites = NAMES("TLS_RSA_WITH_NULL_SHA256")},
        "tls-cipher", "forbids the cipher suite TLS_RSA_WITH_NULL_SHA256: it does not encrypt");
}

static void a_suite_that_is_wanted_twice_is_one(void **state)
{
    (void)state;
    const char *suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    is_accepted(&(struct gs_tls_options){.profile = "8996", .suites = NAMES(suite, suite)});
}

/* --- files -------------------------------------------------------------------------------------
 */

static void trust_is_refused(const char *words)
{
    is_refused(&(struct gs_tls_options){.profile = "8996", .ca_files = NAMES(path)}, "ca-file",
               words);
}

/* Half of a list of authorities would be taken for all of it. */
static void what_follows_a_certificate_must_be_one(void **state)
{
    (void)state;
    write_file(authority.certificate, 1, "some words between them are allowed\n");
    is_accepted(&(struct gs_tls_options){.profile = "8996", .ca_files = NAMES(path)});
    write_file(authority.certificate, 1,
               "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    trust_is_refused("what follows the first certificate in");
}

static void what_cannot_be_read_is_told(void **state)
{
    (void)state;
    is_refused(&(struct gs_tls_options){.profile = "8996", .ca_files = NAMES(folder)}, "ca-file",
               "cannot read the certificate /tmp/");
    is_refused(&(struct gs_tls_options){.profile = "8996", .ca_directories = NAMES("/nowhere")},
               "ca-file", "cannot list the directory /nowhere");
    is_refused(&(struct gs_tls_options){.profile = "8996", .ca_directories = NAMES(ours.path)},
               "ca-file", "cannot list the directory");
}

static void a_file_of_any_size_is_not_read_to_its_end(void **state)
{
    (void)state;
    write_file(authority.certificate, 1, "");
    assert_int_equal(truncate(path, (off_t)1 << 30), 0); /* a hole, most of it */
    trust_is_refused("File too large");
    unlink(path);
}

static void our_chain_has_a_limit(void **state)
{
    (void)state;
    struct gs_tls_options options = {.profile = "8996", .key = ours.key_path, .certificate = path};
    write_file(ours.certificate, CHAIN_MAX, "");
    is_accepted(&options);
    write_file(ours.certificate, CHAIN_MAX + 1, "");
    is_refused(&options, "certificate-file", "the chain of certificates in");
}

/* OpenSSL takes none whose signature is weaker than what it is to be used for. */
static void our_certificate_must_be_signed_as_well_as_the_profile_wants(void **state)
{
    (void)state;
    X509 *weak = X509_dup(ours.certificate);
    assert_non_null(weak);
    assert_true(X509_sign(weak, authority.key, EVP_sha1()) > 0);
    write_file(weak, 1, "");
    X509_free(weak);
    is_refused(
        &(struct gs_tls_options){.profile = "8996", .key = ours.key_path, .certificate = path},
        "certificate-file", "cannot be used: ca md too weak");
}

/* --- words -------------------------------------------------------------------------------------
 */

static void add_unit(X509_NAME *name, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
}

/* A name of hundreds of bytes is cut, and not within a character: what is printed stays UTF-8. */
static void a_long_name_is_cut_between_characters(void **state)
{
    (void)state;
    const char *const last[] = {"x", "xx", "xxx"};
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        X509_NAME *name = X509_NAME_new();
        assert_non_null(name);
        for (int unit = 0; unit < 20; unit++) /* three bytes for each character */
            add_unit(name, "\u653E\u5C04\u7DDA\u79D1\u653E\u5C04\u7DDA\u79D1");
        add_unit(name, last[i]); /* the last is printed first, and shifts them */
        char words[GS_TLS_WORDS_SIZE];
        gs_tls_name(name, words);
        X509_NAME_free(name);
        size_t size = strlen(words);
        assert_in_range(size, GS_TLS_WORDS_SIZE - 3, GS_TLS_WORDS_SIZE - 1);
        size_t start = size - 1;
        while (((unsigned char)words[start] & 0xC0) == 0x80)
            start--;
        bool is_whole = (unsigned char)words[start] < 0x80 || size - start == 3;
        assert_true(is_whole);
    }
}

static void what_a_certificate_lacks_has_words_too(void **state)
{
    (void)state;
    char words[GS_TLS_WORDS_SIZE];
    gs_tls_name(NULL, words);
    assert_string_equal(words, "");
    gs_tls_key_name(NULL, words); /* a kind of key that OpenSSL does not know */
    assert_string_equal(words, "unknown");
    ASN1_TIME *moment = ASN1_TIME_new();
    assert_int_equal(ASN1_STRING_set(moment, "\033[2J", -1), 1);
    gs_tls_time(moment, words);
    ASN1_TIME_free(moment);
    assert_string_equal(words, "an unreadable date");
    assert_string_equal(gs_tls_complaint(words), "OpenSSL gives no reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_that_is_unknown_is_refused),
        cmocka_unit_test(a_suite_that_is_unknown_or_forbidden_is_refused),
        cmocka_unit_test(a_suite_that_is_wanted_twice_is_one),
        cmocka_unit_test(what_follows_a_certificate_must_be_one),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(a_file_of_any_size_is_not_read_to_its_end),
        cmocka_unit_test(our_chain_has_a_limit),
        cmocka_unit_test(our_certificate_must_be_signed_as_well_as_the_profile_wants),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(what_a_certificate_lacks_has_words_too),
    };
    return cmocka_run_group_tests_name("tls context", tests, make_files, remove_files);
}

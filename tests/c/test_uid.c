/* The table of UIDs: complete, in the order of the proposal, and found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/uid.h"

#include <string.h>

static void verification_comes_first_then_the_122_storage_classes(void **state)
{
    (void)state;
    size_t count;
    const struct gs_uid *uids = gs_uids(&count);
    assert_string_equal(uids[0].uid, "1.2.840.10008.1.1");
    assert_int_equal(uids[0].kind, GS_UID_KIND_VERIFICATION);
    for (size_t i = 1; i <= 122; i++)
        assert_int_equal(uids[i].kind, GS_UID_KIND_STORAGE);
    for (size_t i = 123; i < count; i++)
        assert_int_not_equal(uids[i].kind, GS_UID_KIND_STORAGE);
    assert_string_equal(uids[1].name, "RETIRED_StoredPrintStorage");
}

static void every_uid_is_there_once_and_is_found(void **state)
{
    (void)state;
    size_t count;
    const struct gs_uid *uids = gs_uids(&count);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(strlen(uids[i].uid), 1, GS_UID_MAX);
        assert_int_not_equal(strlen(uids[i].name), 0);
        assert_ptr_equal(gs_uid_find(uids[i].uid), &uids[i]);
    }
}

static void what_is_not_in_the_table_is_not_found(void **state)
{
    (void)state;
    assert_null(gs_uid_find(""));
    assert_null(gs_uid_find("1.2.840.10008.5.1.4.1.1"));
    assert_null(gs_uid_find("1.2.840.10008.5.1.4.1.1.2.999"));
}

static void a_plausible_uid_has_digits_and_dots_and_at_most_64_of_them(void **state)
{
    (void)state;
    char longest[GS_UID_MAX + 2];
    memset(longest, '1', sizeof longest);
    longest[GS_UID_MAX + 1] = '\0';
    assert_false(gs_uid_is_plausible(longest, GS_UID_MAX + 1));
    assert_true(gs_uid_is_plausible(longest + 1, GS_UID_MAX));
    assert_true(gs_uid_is_plausible("1..02", 5));
    assert_false(gs_uid_is_plausible("", 0));
    assert_false(gs_uid_is_plausible("1.2/3", 5));
    assert_false(gs_uid_is_plausible("1.2 ", 4));
    assert_false(gs_uid_is_plausible("1.2\0.3", 6));
}

static void transfer_syntaxes_tell_how_they_encode(void **state)
{
    (void)state;
    static const struct {
        const char *uid;
        unsigned flags;
    } expected[] = {
        {"1.2.840.10008.1.2", GS_SYNTAX_IMPLICIT},
        {"1.2.840.10008.1.2.1", 0},
        {"1.2.840.10008.1.2.1.99", GS_SYNTAX_DEFLATED},
        {"1.2.840.10008.1.2.2", GS_SYNTAX_BIG_ENDIAN},
        {"1.2.840.10008.1.2.4.50", GS_SYNTAX_ENCAPSULATED},
        {"1.2.840.10008.1.2.4.100", GS_SYNTAX_ENCAPSULATED},
        {"1.2.840.10008.1.2.5", GS_SYNTAX_ENCAPSULATED},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct gs_uid *syntax = gs_uid_find(expected[i].uid);
        assert_non_null(syntax);
        assert_int_equal(syntax->kind, GS_UID_KIND_TRANSFER_SYNTAX);
        assert_int_equal(syntax->flags, expected[i].flags);
    }
}

static void the_query_retrieve_classes_are_of_their_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *uid;
        enum gs_uid_kind kind;
    } expected[] = {
        {"1.2.840.10008.5.1.4.1.2.1.1", GS_UID_KIND_FIND},
        {"1.2.840.10008.5.1.4.1.2.2.2", GS_UID_KIND_MOVE},
        {"1.2.840.10008.5.1.4.1.2.3.3", GS_UID_KIND_GET},
        {"1.2.840.10008.5.1.4.1.2.4.2", GS_UID_KIND_MOVE},
        {"1.2.840.10008.5.1.4.1.2.4.3", GS_UID_KIND_GET},
        {"1.2.840.10008.5.1.4.1.2.5.3", GS_UID_KIND_GET},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct gs_uid *uid = gs_uid_find(expected[i].uid);
        assert_non_null(uid);
        assert_int_equal(uid->kind, expected[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verification_comes_first_then_the_122_storage_classes),
        cmocka_unit_test(every_uid_is_there_once_and_is_found),
        cmocka_unit_test(what_is_not_in_the_table_is_not_found),
        cmocka_unit_test(a_plausible_uid_has_digits_and_dots_and_at_most_64_of_them),
        cmocka_unit_test(transfer_syntaxes_tell_how_they_encode),
        cmocka_unit_test(the_query_retrieve_classes_are_of_their_kinds),
    };
    return cmocka_run_group_tests_name("uid", tests, NULL, NULL);
}

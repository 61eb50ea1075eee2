/* Character sets, with the examples of PS3.5 annexes H to K byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* `bytes` in the character set `terms` are `utf8`, and the other way round where `both`. */
static void check(const char *terms, enum gs_text_kind kind, const char *bytes, const char *utf8,
                  bool both)
{
    struct gs_text *text = gs_text_open(terms, strlen(terms));
    struct gs_text_buffer out = {0};
    bool invalid = false;
    assert_non_null(text);
    assert_true(gs_text_known(text));
    assert_int_equal(gs_text_decode(text, kind, bytes, strlen(bytes), &out, &invalid), 0);
    assert_false(invalid);
    assert_int_equal(out.size, strlen(utf8));
    assert_memory_equal(out.data, utf8, out.size);
    if (both) {
        assert_int_equal(gs_text_encode(text, kind, utf8, strlen(utf8), &out), 0);
        assert_int_equal(out.size, strlen(bytes));
        assert_memory_equal(out.data, bytes, out.size);
    }
    gs_text_buffer_free(&out);
    gs_text_close(text);
}

static void the_names_of_the_annexes(void **state)
{
    (void)state;
    static const struct {
        const char *terms, *bytes, *utf8;
    } examples[] = {
        {"\\ISO 2022 IR 87", /* H.3.1 */
         "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
         "Yamada^Tarou=山田^太郎=やまだ^たろう"},
        {"ISO 2022 IR 13\\ISO 2022 IR 87", /* H.3.2 */
         "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
         "\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
         "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"},
        {"\\ISO 2022 IR 149", /* I.2 */
         "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
         "\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
         "Hong^Gildong=洪^吉洞=홍^길동"},
        {"ISO_IR 192", /* J.1 */
         "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=", "Wang^XiaoDong=王^小東="},
        {"GB18030", /* J.3 */
         "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="},
        {"GBK", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="},
        {"\\ISO 2022 IR 58", /* K.2 */
         "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check(examples[i].terms, GS_TEXT_NAME, examples[i].bytes, examples[i].utf8, true);
}

static void the_sets_of_one_byte(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *bytes, *utf8;
    } examples[] = {
        {100, "Buc^J\xe9r\xf4me", "Buc^Jérôme"},
        {101, "Wa\xb3\xeasa", "Wałęsa"},
        {109, "\xa6\xe6", "Ĥĉ"},
        {110, "\xa2\xbf", "ĸŋ"},
        {144,
         "\xbb\xee\xda"
         "ce\xdc\xd1yp\xd3",
         "Люкceмбypг"},
        {127, "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"},
        {126, "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"},
        {138, "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"},
        {148, "\xc7\xe7\xfd", "Ççı"},
        {203, "\xa4\xbd", "€œ"},
        {166, "\xb9\xd2\xc2", "นาย"},
        {13, "\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        char terms[32];
        snprintf(terms, sizeof terms, "ISO_IR %d", examples[i].number);
        check(terms, GS_TEXT_NAME, examples[i].bytes, examples[i].utf8, true);
        snprintf(terms, sizeof terms, "ISO 2022 IR %d", examples[i].number);
        check(terms, GS_TEXT_NAME, examples[i].bytes, examples[i].utf8, true);
    }
}

/* JIS X 0212, which only some of the software that writes the files knows. */
static void supplementary_kanji(void **state)
{
    (void)state;
    check("\\ISO 2022 IR 87\\ISO 2022 IR 159", GS_TEXT_VALUES,
          "\x1b$B$\"\x1b$(D0!\x1b$B$$\x1b(B\\b", "あ丂い\\b", true);
}

static void several_sets_of_one_byte_in_one_value(void **state)
{
    (void)state;
    check("ISO 2022 IR 100\\ISO 2022 IR 126\\ISO 2022 IR 144", GS_TEXT_NAME,
          "J\xe9r\xf4me^\x1b-F\xc4\xe9\xef \x1b-L\xbb\xee\x1b-A=\xe9", "Jérôme^Διο Лю=é", true);
}

static void a_delimiter_ends_a_designation(void **state)
{
    (void)state;
    struct gs_text *text = gs_text_open("\\ISO 2022 IR 149", 16);
    struct gs_text_buffer out = {0};
    bool invalid = false;
    /* in a name '^' does, in other texts it does not */
    static const char bytes[] = "\x1b$)C\xfb\xf3^\xfb\xf3";
    assert_int_equal(gs_text_decode(text, GS_TEXT_NAME, bytes, sizeof bytes - 1, &out, &invalid),
                     0);
    assert_true(invalid);
    assert_memory_equal(out.data, "洪^" REPLACEMENT REPLACEMENT, out.size);
    invalid = false;
    assert_int_equal(gs_text_decode(text, GS_TEXT_PLAIN, bytes, sizeof bytes - 1, &out, &invalid),
                     0);
    assert_false(invalid);
    assert_memory_equal(out.data, "洪^洪", out.size);
    gs_text_buffer_free(&out);
    gs_text_close(text);
}

/* 5C 5E 3D stand inside characters of two bytes and are no delimiters there. */
static void bytes_of_wide_characters_that_look_like_delimiters(void **state)
{
    (void)state;
    check("\\ISO 2022 IR 87", GS_TEXT_NAME, "\x1b$B=\\E\\4^4=\x1b(B", "旬怒含棺", true);
    check("GB18030", GS_TEXT_VALUES, "\x81\x5c\\\x81\x5e", "乗\\乛", true);
}

static void an_empty_text_and_controls(void **state)
{
    (void)state;
    check("", GS_TEXT_PLAIN, "", "", true);
    check("ISO_IR 192", GS_TEXT_PLAIN, "a\r\n\tb", "a\r\n\tb", true);
    check("\\ISO 2022 IR 87", GS_TEXT_PLAIN, "\x1b$B;3\x1b(B\r\n\x1b$BED\x1b(B x", "山\r\n田 x",
          true);
}

static void misspelt_terms_are_known(void **state)
{
    (void)state;
    check("ISO-IR 100", GS_TEXT_VALUES, "\xe9", "é", true);
    check("ISO_IR100", GS_TEXT_VALUES, "\xe9", "é", true);
    check(" ISO_IR 192 ", GS_TEXT_VALUES, "\xc3\xa9", "é", true);
    struct gs_text *text = gs_text_open("ISO_IR 999", 10);
    assert_false(gs_text_known(text));
    gs_text_close(text);
}

static void garbage_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *terms, *bytes, *utf8;
    } examples[] = {
        {"", "a\xe9z", "a" REPLACEMENT "z"},
        {"ISO_IR 192", "a\xe9z", "a" REPLACEMENT "z"},
        {"ISO_IR 192", "\xc0\xaf", REPLACEMENT REPLACEMENT},
        {"ISO_IR 192", "\xed\xa0\x80", REPLACEMENT REPLACEMENT REPLACEMENT},
        {"ISO_IR 192", "\xf4\x90\x80\x80", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT},
        {"ISO_IR 192", "\xe7\x8e", REPLACEMENT REPLACEMENT},
        {"ISO_IR 126", "\xff", REPLACEMENT},
        {"\\ISO 2022 IR 87", "\x1b$B;", REPLACEMENT},
        {"\\ISO 2022 IR 87", "\x1b$B;\nx", REPLACEMENT "\nx"},
        {"\\ISO 2022 IR 87", "a\x1b", "a" REPLACEMENT},
        {"\\ISO 2022 IR 87", "\x1b$Xab", REPLACEMENT "$Xab"},
        {"\\ISO 2022 IR 149", "\x1b$)C\xfb", REPLACEMENT},
        {"GB18030", "\x81", REPLACEMENT},
        {"GB18030", "\xff\xff", REPLACEMENT REPLACEMENT},
        {"ISO_IR 999", "\xe9", REPLACEMENT},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct gs_text *text = gs_text_open(examples[i].terms, strlen(examples[i].terms));
        struct gs_text_buffer out = {0};
        bool invalid = false;
        const char *bytes = examples[i].bytes;
        assert_int_equal(gs_text_decode(text, GS_TEXT_NAME, bytes, strlen(bytes), &out, &invalid),
                         0);
        assert_true(invalid);
        assert_int_equal(out.size, strlen(examples[i].utf8));
        assert_memory_equal(out.data, examples[i].utf8, out.size);
        gs_text_buffer_free(&out);
        gs_text_close(text);
    }
}

static void what_a_set_cannot_hold_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *terms, *utf8;
    } examples[] = {
        {"", "é"},
        {"ISO_IR 100", "山"},
        {"ISO_IR 126", "é"},
        {"\\ISO 2022 IR 87", "é"},
        {"\\ISO 2022 IR 87", "홍"},
        {"GBK", "😀"},
        {"ISO_IR 192", "\xff"},
        {"ISO_IR 100", "\xc3"},
        {"ISO_IR 100", "a\x1b(Bé"},
        {"ISO_IR 999", "é"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct gs_text *text = gs_text_open(examples[i].terms, strlen(examples[i].terms));
        struct gs_text_buffer out = {0};
        const char *utf8 = examples[i].utf8;
        assert_int_equal(gs_text_encode(text, GS_TEXT_NAME, utf8, strlen(utf8), &out), 1);
        gs_text_buffer_free(&out);
        gs_text_close(text);
    }
}

/* Shift JIS of iconv(3), which stands behind ISO_IR 13, writes 5CH for the backslash and reads the
 * yen sign: a text with both came back with two yen signs. */
static void what_would_come_back_as_another_character_is_reported(void **state)
{
    (void)state;
    check("ISO_IR 13", GS_TEXT_PLAIN, "5\\ ~", "5¥ ‾", true);
    static const char *const others[] = {"a\\b", "a~b"};
    struct gs_text *text = gs_text_open("ISO_IR 13", 9);
    for (size_t i = 0; i < 2; i++) {
        struct gs_text_buffer out = {0};
        assert_int_equal(gs_text_encode(text, GS_TEXT_PLAIN, others[i], strlen(others[i]), &out),
                         1);
        gs_text_buffer_free(&out);
    }
    /* and where the backslash is between values, a yen sign made two values of one */
    struct gs_text_buffer out = {0};
    assert_int_equal(gs_text_encode(text, GS_TEXT_NAME, "5¥6", 4, &out), 1);
    assert_int_equal(gs_text_encode(text, GS_TEXT_NAME, "ﾔ\\ﾔ", 7, &out), 0);
    gs_text_buffer_free(&out);
    gs_text_close(text);
    check("ISO 2022 IR 13\\ISO 2022 IR 6", GS_TEXT_PLAIN, "5\\\x1b(B\\\x1b(J", "5¥\\", true);
}

/* Whatever comes in, what comes out is UTF-8, and it ends. */
static void random_bytes_become_utf8(void **state)
{
    (void)state;
    static const char *const terms[] = {
        "",
        "ISO_IR 100",
        "ISO_IR 13",
        "ISO_IR 192",
        "GB18030",
        "GBK",
        "\\ISO 2022 IR 87\\ISO 2022 IR 159\\ISO 2022 IR 149\\ISO 2022 IR 58",
    };
    static const char *const pieces[] = {"\x1b$B", "\x1b$(D", "\x1b$)C", "\x1b-A",
                                         "\x1b(J", "\\",      "^"};
    srand(1);
    for (int round = 0; round < 3000; round++) {
        char bytes[64];
        size_t size = 0;
        while (size < 40) {
            const char *piece = pieces[rand() % 7];
            if (rand() % 4 == 0) {
                memcpy(bytes + size, piece, strlen(piece));
                size += strlen(piece);
            } else {
                bytes[size++] = (char)rand();
            }
        }
        const char *set = terms[rand() % 7];
        struct gs_text *text = gs_text_open(set, strlen(set));
        struct gs_text_buffer out = {0};
        bool invalid = false;
        assert_int_equal(gs_text_decode(text, rand() % 3, bytes, size, &out, &invalid), 0);
        for (size_t at = 0, step; at < out.size; at += step) {
            unsigned long code_point;
            step = gs_utf8_next(out.data + at, out.size - at, &code_point);
            assert_int_not_equal(step, 0);
        }
        gs_text_buffer_free(&out);
        gs_text_close(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_names_of_the_annexes),
        cmocka_unit_test(the_sets_of_one_byte),
        cmocka_unit_test(supplementary_kanji),
        cmocka_unit_test(several_sets_of_one_byte_in_one_value),
        cmocka_unit_test(a_delimiter_ends_a_designation),
        cmocka_unit_test(bytes_of_wide_characters_that_look_like_delimiters),
        cmocka_unit_test(an_empty_text_and_controls),
        cmocka_unit_test(misspelt_terms_are_known),
        cmocka_unit_test(garbage_is_replaced),
        cmocka_unit_test(what_a_set_cannot_hold_is_reported),
        cmocka_unit_test(what_would_come_back_as_another_character_is_reported),
        cmocka_unit_test(random_bytes_become_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

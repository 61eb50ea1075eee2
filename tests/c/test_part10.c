/*
 * File meta information: what is written is what PS3.10 7.1 asks for, and a hostile file is only a
 * file that is none.
 */
#include "storage/part10.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct gs_part10 example = {
    .sop_class = "1.2.840.10008.5.1.4.1.1.2",
    .sop_class_size = 25,
    .sop_instance = "1.2.3.4",
    .sop_instance_size = 7,
    .transfer_syntax = "1.2.840.10008.1.2.1",
    .transfer_syntax_size = 19,
    .implementation_class = "1.2.3.99",
    .implementation_version = "GETSCU",
    .source = "ORTHANC",
};

static void the_encoding_is_exact(void **state)
{
    (void)state;
    static const char expected[] = "DICM"
                                   "\2\0\0\0UL\4\0\212\0\0\0"
                                   "\2\0\1\0OB\0\0\2\0\0\0\0\1"
                                   "\2\0\2\0UI\32\0"
                                   "1.2.840.10008.5.1.4.1.1.2\0"
                                   "\2\0\3\0UI\10\0"
                                   "1.2.3.4\0"
                                   "\2\0\20\0UI\24\0"
                                   "1.2.840.10008.1.2.1\0"
                                   "\2\0\22\0UI\10\0"
                                   "1.2.3.99"
                                   "\2\0\23\0SH\6\0"
                                   "GETSCU"
                                   "\2\0\26\0AE\10\0"
                                   "ORTHANC ";
    uint8_t bytes[GS_PART10_MAX];
    memset(bytes, 0xee, sizeof bytes);
    size_t size = gs_part10_encode(&example, bytes, sizeof bytes);
    assert_int_equal(size, 128 + sizeof expected - 1);
    for (int i = 0; i < 128; i++)
        assert_int_equal(bytes[i], 0);
    assert_memory_equal(bytes + 128, expected, sizeof expected - 1);
}

static void absent_texts_are_left_out(void **state)
{
    (void)state;
    uint8_t bytes[GS_PART10_MAX];
    struct gs_part10 meta = example;
    size_t full = gs_part10_encode(&meta, bytes, sizeof bytes);
    meta.source = "";
    assert_int_equal(gs_part10_encode(&meta, bytes, sizeof bytes), full - 16);
    meta.source = NULL;
    assert_int_equal(gs_part10_encode(&meta, bytes, sizeof bytes), full - 16);
    meta = (struct gs_part10){0};
    size_t size = gs_part10_encode(&meta, bytes, sizeof bytes);
    assert_int_equal(size, 128 + 4 + 12 + 14 + 3 * 8);
    size_t offset;
    assert_int_equal(gs_part10_decode(bytes, size, &meta, &offset), 0);
    assert_int_equal(meta.transfer_syntax_size, 0);
}

static void too_little_room_is_told_and_nothing_is_written_behind_it(void **state)
{
    (void)state;
    uint8_t bytes[GS_PART10_MAX];
    size_t full = gs_part10_encode(&example, bytes, sizeof bytes);
    for (size_t capacity = 0; capacity < full; capacity++) {
        uint8_t *exact = malloc(capacity + 1); /* the sanitizer watches its end */
        exact[capacity] = 0x5a;
        assert_int_equal(gs_part10_encode(&example, exact, capacity), 0);
        assert_int_equal(exact[capacity], 0x5a);
        free(exact);
    }
    assert_int_equal(gs_part10_encode(&example, bytes, full), full);
}

static void other_uids_are_as_if_they_had_been_encoded(void **state)
{
    (void)state;
    static const char *const uids[] = {NULL, "", "1.2.840.10008.5.1.4.1.1.4", "9.8"};
    uint8_t from[GS_PART10_MAX], expected[GS_PART10_MAX], bytes[GS_PART10_MAX];
    size_t size = gs_part10_encode(&example, from, sizeof from);
    for (int i = 0; i < 16; i++) {
        const char *class = uids[i % 4], *instance = uids[i / 4];
        struct gs_part10 meta = example;
        if (class != NULL) {
            meta.sop_class = class;
            meta.sop_class_size = strlen(class);
        }
        if (instance != NULL) {
            meta.sop_instance = instance;
            meta.sop_instance_size = strlen(instance);
        }
        size_t full = gs_part10_encode(&meta, expected, sizeof expected);
        assert_int_equal(gs_part10_replace(from, size, class, instance, bytes, sizeof bytes), full);
        assert_memory_equal(bytes, expected, full);
        for (size_t capacity = 0; capacity < full; capacity++)
            assert_int_equal(gs_part10_replace(from, size, class, instance, bytes, capacity), 0);
    }
}

static void texts_of_256_bytes_fit_and_gigantic_ones_do_not(void **state)
{
    (void)state;
    uint8_t bytes[GS_PART10_MAX];
    char *text = malloc(70000);
    memset(text, '1', 70000);
    struct gs_part10 meta = {text, 256, text, 256, text, 256, "1.2", "V", "A"};
    assert_true(gs_part10_encode(&meta, bytes, sizeof bytes) > 0);
    uint8_t *much = malloc(400000);
    meta.sop_instance_size = 65535; /* not one byte more in the length field of 16 bits */
    assert_int_equal(gs_part10_encode(&meta, much, 400000), 0);
    meta.sop_instance_size = 65534;
    assert_true(gs_part10_encode(&meta, much, 400000) > 65534);
    free(much);
    free(text);
}

static void what_was_encoded_is_decoded(void **state)
{
    (void)state;
    uint8_t bytes[GS_PART10_MAX + 16] = {0};
    size_t size = gs_part10_encode(&example, bytes, GS_PART10_MAX);
    memcpy(bytes + size, "\x08\0\5\0CS\0\0", 8);
    for (size_t more = 0; more <= 8; more++) {
        struct gs_part10 meta;
        size_t offset = 0;
        assert_int_equal(gs_part10_decode(bytes, size + more, &meta, &offset), 0);
        assert_int_equal(offset, size);
        assert_int_equal(meta.sop_class_size, 25);
        assert_memory_equal(meta.sop_class, example.sop_class, 25);
        assert_int_equal(meta.sop_instance_size, 7);
        assert_memory_equal(meta.sop_instance, example.sop_instance, 7);
        assert_int_equal(meta.transfer_syntax_size, 19);
        assert_memory_equal(meta.transfer_syntax, example.transfer_syntax, 19);
    }
}

static void meta_information_that_is_cut_off_is_none(void **state)
{
    (void)state;
    uint8_t bytes[GS_PART10_MAX];
    size_t size = gs_part10_encode(&example, bytes, sizeof bytes);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, bytes, cut);
        struct gs_part10 meta;
        size_t offset;
        assert_int_equal(gs_part10_decode(exact, cut, &meta, &offset), -1);
        free(exact);
    }
}

static void a_wrong_or_missing_group_length_does_not_matter(void **state)
{
    (void)state;
    uint8_t bytes[GS_PART10_MAX];
    size_t size = gs_part10_encode(&example, bytes, sizeof bytes - 8);
    memcpy(bytes + size, "\x08\0\5\0CS\0\0", 8);
    static const uint32_t wrong[] = {0, 1, 100, 0x7fffffff, 0xffffffff};
    struct gs_part10 meta;
    size_t offset;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        for (int byte = 0; byte < 4; byte++)
            bytes[140 + byte] = (uint8_t)(wrong[i] >> 8 * byte);
        assert_int_equal(gs_part10_decode(bytes, size + 8, &meta, &offset), 0);
        assert_int_equal(offset, size);
    }
    memmove(bytes + 132, bytes + 144, size + 8 - 144);
    assert_int_equal(gs_part10_decode(bytes, size - 4, &meta, &offset), 0);
    assert_int_equal(offset, size - 12);
}

static void other_files_are_none(void **state)
{
    (void)state;
    struct gs_part10 meta;
    size_t offset;
    uint8_t bytes[512] = {0};
    assert_int_equal(gs_part10_decode(bytes, 0, &meta, &offset), -1);
    assert_int_equal(gs_part10_decode(bytes, sizeof bytes, &meta, &offset), -1);
    memcpy(bytes + 128, "DICM", 4);
    assert_int_equal(gs_part10_decode(bytes, sizeof bytes, &meta, &offset), -1);
    memcpy(bytes + 132, "\2\0\2\0UI\xff\xff", 8);
    assert_int_equal(gs_part10_decode(bytes, sizeof bytes, &meta, &offset), -1);
    memcpy(bytes + 132, "\2\0\1\0OB\0\0\xff\xff\xff\xff", 12);
    assert_int_equal(gs_part10_decode(bytes, sizeof bytes, &meta, &offset), -1);
    memcpy(bytes + 132, "\2\0\2\0\4\0\0\0", 8); /* implicit VR */
    assert_int_equal(gs_part10_decode(bytes, sizeof bytes, &meta, &offset), -1);
}

static void damaged_files_do_no_damage(void **state)
{
    (void)state;
    unsigned seed = (unsigned)getpid();
    print_message("seed %u\n", seed);
    uint8_t bytes[GS_PART10_MAX];
    size_t size = gs_part10_encode(&example, bytes, sizeof bytes);
    for (int round = 0; round < 50000; round++) {
        size_t cut = 128 + (size_t)rand_r(&seed) % (size - 127);
        uint8_t *damaged = malloc(cut);
        memcpy(damaged, bytes, cut);
        for (int i = 0; i < 3 && cut > 132; i++)
            damaged[132 + (size_t)rand_r(&seed) % (cut - 132)] = (uint8_t)rand_r(&seed);
        struct gs_part10 meta;
        size_t offset;
        if (gs_part10_decode(damaged, cut, &meta, &offset) == 0) {
            assert_in_range(offset, 132, cut);
            const char *texts[] = {meta.sop_class, meta.sop_instance, meta.transfer_syntax};
            const size_t sizes[] = {meta.sop_class_size, meta.sop_instance_size,
                                    meta.transfer_syntax_size};
            for (int i = 0; i < 3; i++)
                if (sizes[i] > 0)
                    assert_true((const uint8_t *)texts[i] + sizes[i] <= damaged + cut);
        }
        free(damaged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoding_is_exact),
        cmocka_unit_test(absent_texts_are_left_out),
        cmocka_unit_test(too_little_room_is_told_and_nothing_is_written_behind_it),
        cmocka_unit_test(other_uids_are_as_if_they_had_been_encoded),
        cmocka_unit_test(texts_of_256_bytes_fit_and_gigantic_ones_do_not),
        cmocka_unit_test(what_was_encoded_is_decoded),
        cmocka_unit_test(meta_information_that_is_cut_off_is_none),
        cmocka_unit_test(a_wrong_or_missing_group_length_does_not_matter),
        cmocka_unit_test(other_files_are_none),
        cmocka_unit_test(damaged_files_do_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

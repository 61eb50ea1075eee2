/*
 * A deflated data set is checked as any other is, however its bytes are cut, and in constant memory
 * whatever it inflates to.
 */
#include "storage/structure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { ROOM = 1 << 20 };

/* zlib's, which finds no memory where a test wants that. */
static bool no_memory;

int inflate(z_streamp stream, int flush)
{
    int (*real)(z_streamp, int);
    *(void **)&real = dlsym(RTLD_NEXT, "inflate");
    return no_memory ? Z_MEM_ERROR : real(stream, flush);
}

#define CLASS_UID                                                                                  \
    "\x08\0\x16\0UI\4\0"                                                                           \
    "1.2\0"
#define PIXELS "\xe0\x7f\x10\0OW\0\0"

/* A data set: an element, and pixel data that do not repeat. Returns its size. */
static size_t make_data_set(uint8_t *bytes, uint32_t pixels)
{
    memcpy(bytes, CLASS_UID PIXELS, 20);
    memcpy(bytes + 20, &pixels, 4);
    for (uint32_t i = 0, value = 1; i < pixels; i++, value = value * 1664525 + 1013904223)
        bytes[24 + i] = (uint8_t)(value >> 28);
    return 24 + pixels;
}

/* Its raw deflate stream; an odd number of bytes has one more (PS3.5 A.5). */
static size_t deflate_all(const uint8_t *bytes, size_t size, uint8_t *result)
{
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)size};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = result;
    stream.avail_out = ROOM;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t made = stream.total_out;
    deflateEnd(&stream);
    if (made % 2 == 1)
        result[made++] = 0;
    return made;
}

/* In pieces of `piece` bytes, 0: of random sizes. */
static struct gs_scanner look_at(const uint8_t *bytes, size_t size, size_t piece, unsigned *seed)
{
    struct gs_structure structure = {.inflater = NULL};
    assert_int_equal(gs_structure_start(&structure, GS_SCAN_DEFLATED), 0);
    while (size > 0) {
        size_t next = piece > 0 ? piece : 1 + (size_t)rand_r(seed) % 5000;
        if (next > size)
            next = size;
        uint8_t *copy = malloc(next); /* so that a sanitizer sees where it ends */
        memcpy(copy, bytes, next);
        gs_structure_feed(&structure, copy, next);
        free(copy);
        bytes += next;
        size -= next;
    }
    gs_structure_finish(&structure);
    gs_structure_release(&structure);
    return structure.scanner;
}

static struct gs_scanner look(const uint8_t *bytes, size_t size)
{
    unsigned seed = (unsigned)getpid();
    print_message("seed %u\n", seed);
    struct gs_scanner whole = look_at(bytes, size, size + 1, &seed);
    for (size_t piece = 0; piece < 3; piece++) {
        struct gs_scanner cut = look_at(bytes, size, piece, &seed);
        assert_int_equal(cut.verdict, whole.verdict);
        assert_ptr_equal(cut.problem, whole.problem);
        assert_int_equal(cut.offset, whole.offset);
        assert_int_equal(cut.header_size, whole.header_size);
        assert_int_equal(cut.uids[GS_SCAN_CLASS].size, whole.uids[GS_SCAN_CLASS].size);
    }
    return whole;
}

struct buffers {
    uint8_t plain[ROOM], small[ROOM];
};

static int setup(void **state)
{
    *state = malloc(sizeof(struct buffers));
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void what_is_deflated_is_looked_into(void **state)
{
    struct buffers *buffers = *state;
    static const uint32_t pixels[] = {0, 2, 1000, 65536, 300000};
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
        size_t size = make_data_set(buffers->plain, pixels[i]);
        size_t small = deflate_all(buffers->plain, size, buffers->small);
        struct gs_scanner scanner = look(buffers->small, small);
        assert_int_equal(scanner.verdict, GS_SCAN_GOOD);
        assert_int_equal(scanner.offset, size);
        assert_int_equal(scanner.header_size, 12);
        assert_memory_equal(scanner.uids[GS_SCAN_CLASS].bytes, "1.2", 4);
    }
}

static void expect_broken(const uint8_t *bytes, size_t size, const char *problem)
{
    struct gs_scanner scanner = look(bytes, size);
    if (scanner.verdict != GS_SCAN_BROKEN || strstr(scanner.problem, problem) == NULL)
        fail_msg("verdict %d: %s", (int)scanner.verdict, scanner.problem);
}

static void what_is_broken_inside_is_broken(void **state)
{
    struct buffers *buffers = *state;
    size_t size = make_data_set(buffers->plain, 100000);
    size_t small = deflate_all(buffers->plain, size - 1, buffers->small);
    expect_broken(buffers->small, small, "ends inside an element");
}

static void a_stream_without_its_end_is_broken(void **state)
{
    struct buffers *buffers = *state;
    size_t size = make_data_set(buffers->plain, 100000);
    size_t small = deflate_all(buffers->plain, size, buffers->small);
    expect_broken(buffers->small, small - 20, "deflate stream");
    expect_broken(buffers->small, 1, "deflate stream");
    expect_broken(buffers->small, 0, "deflate stream");
}

static void a_damaged_stream_is_broken(void **state)
{
    struct buffers *buffers = *state;
    size_t size = make_data_set(buffers->plain, 100000);
    size_t small = deflate_all(buffers->plain, size, buffers->small);
    memset(buffers->small + small / 2, 0xff, 100);
    expect_broken(buffers->small, small, "");
    expect_broken(buffers->plain, size, "deflate stream");
}

static void a_bomb_is_looked_at_up_to_a_limit(void **state)
{
    struct buffers *buffers = *state;
    enum { BLOCK = 1 << 19 };
    size_t size = 0;
    struct gs_structure structure = {.inflater = NULL};
    assert_int_equal(gs_structure_start(&structure, GS_SCAN_DEFLATED), 0);
    z_stream stream = {.next_out = buffers->small, .avail_out = ROOM};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    memcpy(buffers->plain, CLASS_UID PIXELS "\xfe\xff\xff\xff", 24);
    memset(buffers->plain + 24, 0, ROOM - 24);
    for (int i = 0; i < 2; i++) { /* the second block may be said again and again */
        stream.next_in = buffers->plain + (i == 0 ? 0 : 24);
        stream.avail_in = BLOCK;
        stream.next_out = buffers->small;
        stream.avail_out = ROOM;
        assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
        size = ROOM - stream.avail_out;
        gs_structure_feed(&structure, buffers->small, size);
    }
    deflateEnd(&stream);
    for (uint64_t inflated = 2 * BLOCK; inflated <= GS_INFLATED_MAX; inflated += BLOCK) {
        assert_int_equal(structure.scanner.verdict, GS_SCAN_GOOD);
        gs_structure_feed(&structure, buffers->small, size);
    }
    gs_structure_finish(&structure);
    assert_int_equal(structure.scanner.verdict, GS_SCAN_OPAQUE);
    assert_int_equal(structure.scanner.offset, GS_INFLATED_MAX);
    assert_non_null(strstr(structure.scanner.problem, "inflates to more"));
    gs_structure_release(&structure);
}

/* It was told as a damaged stream, so the object was refused. */
static void where_no_memory_is_left_nothing_is_known(void **state)
{
    struct buffers *buffers = *state;
    size_t size = make_data_set(buffers->plain, 1000);
    size_t small = deflate_all(buffers->plain, size, buffers->small);
    no_memory = true;
    struct gs_scanner scanner = look(buffers->small, small);
    no_memory = false;
    assert_int_equal(scanner.verdict, GS_SCAN_OPAQUE);
    assert_non_null(strstr(scanner.problem, "no memory"));
}

static void it_may_be_started_again(void **state)
{
    struct buffers *buffers = *state;
    size_t size = make_data_set(buffers->plain, 1000);
    size_t small = deflate_all(buffers->plain, size, buffers->small);
    struct gs_structure structure = {.inflater = NULL};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gs_structure_start(&structure, GS_SCAN_DEFLATED), 0);
        gs_structure_feed(&structure, buffers->small, small);
        gs_structure_finish(&structure);
        assert_int_equal(structure.scanner.verdict, GS_SCAN_GOOD);
        assert_int_equal(gs_structure_start(&structure, 0), 0);
        gs_structure_feed(&structure, buffers->plain, size);
        gs_structure_finish(&structure);
        assert_int_equal(structure.scanner.verdict, GS_SCAN_GOOD);
    }
    gs_structure_release(&structure);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_deflated_is_looked_into),
        TEST(what_is_broken_inside_is_broken),
        TEST(a_stream_without_its_end_is_broken),
        TEST(a_damaged_stream_is_broken),
        TEST(a_bomb_is_looked_at_up_to_a_limit),
        TEST(where_no_memory_is_left_nothing_is_known),
        TEST(it_may_be_started_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

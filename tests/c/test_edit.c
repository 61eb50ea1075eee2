/*
 * An object that a script has edited is the one that came but for the edited elements, whether it
 * was edited while it came or when all of it was there; or there is no object.
 */
#include "sinks.h"

#include <zlib.h>

/* --- an object -------------------------------------------------------------------------------- */

enum { ROOM = 6 * MIB };

struct object {
    uint8_t *bytes;
    size_t size;
};

static void add(struct object *object, const void *bytes, size_t size)
{
    assert_true(size <= ROOM - object->size);
    memcpy(object->bytes + object->size, bytes, size);
    object->size += size;
}

/* In Explicit VR Little Endian, with a length of 32 bits. */
static void add_element(struct object *object, uint32_t tag, const void *value, size_t size)
{
    uint8_t start[12] = {
        (uint8_t)(tag >> 16), (uint8_t)(tag >> 24), (uint8_t)tag, (uint8_t)(tag >> 8), 'O', 'B'};
    for (int i = 0; i < 4; i++)
        start[8 + i] = (uint8_t)(size >> 8 * i);
    add(object, start, sizeof start);
    add(object, value, size);
}

/* A header of `header` bytes, which ends in what shall be replaced, and what is behind it: nothing
 * where there are no pixels. */
enum { HEADER_MIN = 62 };
static void build(const struct fixture *fixture, struct object *object, size_t header,
                  size_t pixels, bool edited)
{
    object->size = 0;
    if (edited)
        add_element(object, 0x00080005, "ISO_IR 100", 10);
    add_element(object, 0x00080018, "1.2.3.4\0", 8);
    if (!edited)
        add_element(object, 0x00100020, "ID", 2);
    add_element(object, 0x00291010, fixture->data, header - HEADER_MIN);
    add_element(object, 0x00400253, edited ? "replaced" : "step", edited ? 8 : 4);
    if (pixels == 0)
        return;
    add_element(object, 0x7fe00010, fixture->data, pixels);
    add_element(object, 0xfffcfffc, fixture->data, 100);
}

static const char edit_bytes[] = "\x08\0\5\0OB\0\0\12\0\0\0ISO_IR 100"
                                 "\x40\0\x53\2OB\0\0\x08\0\0\0replaced";
static const struct gs_edit edit_list[] = {
    {0x00080005, (const uint8_t *)edit_bytes, 22},
    {0x00100020, NULL, 0},
    {0x00400253, (const uint8_t *)edit_bytes + 22, 20},
};

/* As a caller gives them: nothing of it is there any more when the call has returned. */
static int edit(struct gs_sink *sink, const char *instance, struct gs_error *error)
{
    char *bytes = malloc(sizeof edit_bytes);
    struct gs_edit *list = malloc(sizeof edit_list);
    memcpy(bytes, edit_bytes, sizeof edit_bytes);
    memcpy(list, edit_list, sizeof edit_list);
    list[0].bytes = (const uint8_t *)bytes;
    list[2].bytes = (const uint8_t *)bytes + 22;
    struct gs_edits edits = {.list = list, .count = 3, .sop_instance = instance};
    int result = gs_sink_edit(sink, &edits, error);
    memset(bytes, 0xee, sizeof edit_bytes);
    free(bytes);
    free(list);
    return result;
}

struct objects {
    struct object came;
    struct object expected;
    struct gs_part10 meta; /* as it is after the edit */
};

static struct objects new_objects(void)
{
    struct objects objects = {.meta = meta};
    objects.came.bytes = malloc(ROOM);
    objects.expected.bytes = malloc(ROOM);
    objects.meta.sop_instance = "9.8.7.6.5";
    objects.meta.sop_instance_size = 9;
    return objects;
}

static void build_both(const struct fixture *fixture, struct objects *objects, size_t header,
                       size_t pixels)
{
    build(fixture, &objects->came, header, pixels, false);
    build(fixture, &objects->expected, header, pixels, true);
}

static void free_objects(struct objects *objects)
{
    free(objects->came.bytes);
    free(objects->expected.bytes);
}

/* --- writing it ------------------------------------------------------------------------------- */

enum when { NEVER, IN_THE_WINDOW, FINISHED };

/* How an object is written: pieces of a buffer that is reused when it is full. */
struct way {
    enum when when;
    size_t piece;
    size_t buffer;
    bool hold;
};

static struct gs_sink *begin(struct fixture *fixture, const struct way *way, struct gs_error *error)
{
    struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, way->hold);
    gs_sink_want_structure(sink);
    if (way->when == IN_THE_WINDOW)
        gs_sink_want_header(sink);
    if (gs_sink_begin(sink, &meta, 0, error) == 0)
        return sink;
    gs_sink_free(sink);
    return NULL;
}

/* The object up to its end; where its header is to be edited, as soon as it is there. */
static int write_object(struct gs_sink *sink, const struct object *object, const struct way *way,
                        struct gs_error *error)
{
    uint8_t *buffer = malloc(way->buffer);
    size_t at = 0;
    bool told = false;
    int result = 0;
    for (size_t done = 0; result == 0 && done < object->size; at += way->piece) {
        if (at + way->piece > way->buffer) {
            result = gs_sink_settle(sink, error);
            memset(buffer, 0xdd, way->buffer);
            at = 0;
            if (result != 0)
                break;
        }
        size_t left = object->size - done;
        size_t piece = left < way->piece ? left : way->piece;
        memcpy(buffer + at, object->bytes + done, piece);
        done += piece;
        result = gs_sink_write(sink, buffer + at, piece, error);
        if (result == 0 && done == object->size)
            result = gs_sink_finish(sink, error);
        const uint8_t *header;
        size_t size;
        if (result != 0 || told || gs_sink_header(sink, &header, &size) == 0)
            continue;
        told = true;
        if (way->when == IN_THE_WINDOW)
            result = edit(sink, "9.8.7.6.5", error);
    }
    if (result == 0 && way->when == FINISHED)
        result = edit(sink, "9.8.7.6.5", error);
    if (result == 0)
        result = gs_sink_settle(sink, error);
    free(buffer);
    return result;
}

static int store(struct fixture *fixture, const struct object *object, const struct way *way,
                 struct gs_error *error)
{
    struct gs_committed committed;
    struct gs_sink *sink = begin(fixture, way, error);
    if (sink == NULL)
        return -1;
    int result = write_object(sink, object, way, error);
    if (result == 0) {
        assert_int_equal(gs_sink_size(sink), object->size);
        result = gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, error);
    }
    gs_sink_free(sink);
    return result;
}

static const struct {
    size_t header, pixels;
} sizes[] = {{HEADER_MIN, 0},
             {HEADER_MIN, 2},
             {2000, 0},
             {2000, 300000},
             {70000, 0},
             {70000, 5 * MIB},
             {15000, 1000},
             {16384, 50000},
             {4 * MIB - 12, 10000},
             {4 * MIB - 12, 2 * MIB - 1000},
             {4 * MIB, 0}};

static const struct way ways[] = {
    {0, 16372, 262144, true}, {0, 16372, 262144, false}, {0, 6 * MIB, 6 * MIB, true},
    {0, 100, 1000, true},     {0, 131060, 131060, true}, {0, 131060, 131060, false},
};

/* Both ways to edit, of small and of large objects, however they come. */
static void an_edited_object_differs_in_nothing_but_its_edits(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        build_both(fixture, &objects, sizes[i].header, sizes[i].pixels);
        for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) {
            for (int when = IN_THE_WINDOW; when <= FINISHED; when++) {
                struct way way = ways[j];
                struct gs_error error;
                way.when = (enum when)when;
                if (store(fixture, &objects.came, &way, &error) != 0)
                    fail_msg("%zu, %zu, %d: %s", i, j, when, error.message);
                expect_file(fixture, "object", &objects.meta, objects.expected.bytes,
                            objects.expected.size);
                assert_int_equal(entries(fixture), 1);
                assert_int_equal(fixture->budget.used, 0);
            }
        }
    }
    free_objects(&objects);
}

static void a_header_that_nobody_edits_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        build_both(fixture, &objects, sizes[i].header, sizes[i].pixels);
        for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) {
            struct gs_committed committed;
            struct gs_sink *sink =
                gs_sink_file_new(fixture->directory, &fixture->budget, ways[j].hold);
            gs_sink_want_header(sink);
            assert_int_equal(gs_sink_begin(sink, &meta, 0, NULL), 0);
            assert_int_equal(write_object(sink, &objects.came, &ways[j], NULL), 0);
            assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL),
                             0);
            gs_sink_free(sink);
            expect_file(fixture, "object", &meta, objects.came.bytes, objects.came.size);
        }
    }
    free_objects(&objects);
}

/* --- between the header and the answer -------------------------------------------------------- */

/* What of a piece is behind the header is neither copied nor written before the caller knows. */
static void no_file_is_begun_before_the_caller_has_seen_the_header(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    build_both(fixture, &objects, 2000, 5 * MIB);
    struct way way = {.when = IN_THE_WINDOW, .hold = true};
    for (int edited = 0; edited < 2; edited++) {
        const uint8_t *header;
        size_t size;
        struct gs_sink *sink = begin(fixture, &way, NULL);
        assert_int_equal(gs_sink_write(sink, objects.came.bytes, objects.came.size, NULL), 0);
        assert_int_equal(gs_sink_finish(sink, NULL), 0);
        assert_int_equal(entries(fixture), 0);
        assert_true(fixture->budget.used <= (size_t)2 * GS_HOLD_AHEAD);
        assert_int_equal(gs_sink_header(sink, &header, &size), 1);
        assert_int_equal(size, 2000);
        assert_memory_equal(header, objects.came.bytes, size);
        if (edited)
            assert_int_equal(edit(sink, NULL, NULL), 0);
        assert_int_equal(gs_sink_settle(sink, NULL), 0);
        assert_int_equal(entries(fixture), 1);
        assert_int_equal(fixture->budget.used, 0);
        gs_sink_free(sink);
        assert_int_equal(entries(fixture), 0);
    }
    free_objects(&objects);
}

static void what_has_not_arrived_cannot_be_edited_and_the_object_stays(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    struct gs_committed committed;
    build_both(fixture, &objects, 2000, 300000);
    struct way way = {.when = IN_THE_WINDOW, .hold = true};
    static const struct gs_edit behind = {0x7fe00010, NULL, 0};
    struct gs_edits edits = {.list = &behind, .count = 1};
    struct gs_error error = {0};
    struct gs_sink *sink = begin(fixture, &way, NULL);
    assert_int_equal(edit(sink, NULL, &error), -1);
    assert_string_equal(error.code, "incomplete");
    assert_int_equal(gs_sink_write(sink, objects.came.bytes, 20000, NULL), 0);
    error.code = "";
    assert_int_equal(gs_sink_edit(sink, &edits, &error), -1);
    assert_string_equal(error.code, "incomplete");
    assert_int_equal(
        gs_sink_write(sink, objects.came.bytes + 20000, objects.came.size - 20000, NULL), 0);
    error.code = "";
    assert_int_equal(edit(sink, NULL, &error), -1);
    assert_string_equal(error.code, "incomplete");
    assert_int_equal(gs_sink_finish(sink, NULL), 0);
    assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL), 0);
    expect_file(fixture, "object", &meta, objects.came.bytes, objects.came.size);
    error.code = "";
    assert_int_equal(edit(sink, NULL, &error), -1);
    assert_string_equal(error.code, "object-write");
    gs_sink_free(sink);
    free_objects(&objects);
}

static void a_header_of_more_than_the_window_is_edited_when_all_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    struct gs_committed committed;
    struct gs_error error = {0};
    build_both(fixture, &objects, 4 * MIB - 11, 10000);
    struct way way = {.when = IN_THE_WINDOW, .hold = true, .piece = 16372, .buffer = 262144};
    struct gs_sink *sink = begin(fixture, &way, NULL);
    way.when = NEVER;
    assert_int_equal(write_object(sink, &objects.came, &way, NULL), 0);
    const uint8_t *header;
    size_t size;
    assert_int_equal(gs_sink_header(sink, &header, &size), -1);
    assert_int_equal(edit(sink, "9.8.7.6.5", &error), 0);
    assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL), 0);
    expect_file(fixture, "object", &objects.meta, objects.expected.bytes, objects.expected.size);
    gs_sink_free(sink);
    free_objects(&objects);
}

/* --- when all of it is there ------------------------------------------------------------------ */

/* The caller reads what came; the edited object is in another file. */
static void a_spooled_object_is_edited_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    struct gs_committed committed;
    static const struct gs_edit behind = {0xfffcfffc, NULL, 0};
    struct gs_edits padding = {.list = &behind, .count = 1, .sop_class = ""};
    struct gs_edits nothing = {0};
    struct way way = {.when = NEVER, .piece = 16372, .buffer = 262144};
    build_both(fixture, &objects, 2000, 300000);
    for (int hold = 0; hold < 2; hold++) {
        char path[GS_PATH_MAX], second[GS_PATH_MAX];
        way.hold = hold;
        struct gs_sink *sink = begin(fixture, &way, NULL);
        assert_int_equal(write_object(sink, &objects.came, &way, NULL), 0);
        assert_int_equal(gs_sink_spool(sink, path, NULL), 0);
        expect_file(fixture, strrchr(path, '/') + 1, &meta, objects.came.bytes, objects.came.size);
        assert_int_equal(gs_sink_edit(sink, &nothing, NULL), 0);
        assert_int_equal(gs_sink_spool(sink, second, NULL), 0);
        assert_string_equal(path, second);
        assert_int_equal(edit(sink, "9.8.7.6.5", NULL), 0);
        assert_int_equal(gs_sink_spool(sink, second, NULL), 0);
        assert_string_not_equal(path, second);
        expect_file(fixture, strrchr(second, '/') + 1, &objects.meta, objects.expected.bytes,
                    objects.expected.size);
        assert_int_equal(entries(fixture), 1);
        assert_int_equal(gs_sink_edit(sink, &padding, NULL), 0);
        assert_int_equal(gs_sink_size(sink), objects.came.size);
        assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL), 0);
        struct gs_part10 emptied = objects.meta;
        emptied.sop_class_size = 0;
        expect_file(fixture, "object", &emptied, objects.expected.bytes,
                    objects.expected.size - 112);
        gs_sink_free(sink);
        assert_int_equal(unlinkat(in(fixture), "object", 0), 0);
    }
    free_objects(&objects);
}

/* In the window, and once more at the end. */
static void an_object_may_be_edited_in_its_window_and_at_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    struct gs_committed committed;
    static const struct gs_edit behind = {0xfffcfffc, NULL, 0};
    struct gs_edits padding = {.list = &behind, .count = 1};
    struct way way = {.when = IN_THE_WINDOW, .hold = true, .piece = 16372, .buffer = 262144};
    build_both(fixture, &objects, 2000, 300000);
    struct gs_sink *sink = begin(fixture, &way, NULL);
    assert_int_equal(write_object(sink, &objects.came, &way, NULL), 0);
    assert_int_equal(gs_sink_edit(sink, &padding, NULL), 0);
    assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL), 0);
    expect_file(fixture, "object", &objects.meta, objects.expected.bytes,
                objects.expected.size - 112);
    gs_sink_free(sink);
    free_objects(&objects);
}

/* As DICOM's own deflated data sets: a raw stream, of even length. */
static struct object deflated(const struct object *object)
{
    z_stream stream = {.next_in = object->bytes, .avail_in = (uInt)object->size};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_FILTERED), Z_OK);
    uLong most = deflateBound(&stream, (uLong)object->size);
    struct object result = {.bytes = calloc(1, most + 1)};
    stream.next_out = result.bytes;
    stream.avail_out = (uInt)most;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    result.size = stream.total_out + stream.total_out % 2;
    deflateEnd(&stream);
    return result;
}

static void expect_inflated(const struct fixture *fixture, const char *name, size_t meta_size,
                            const struct object *expected)
{
    int file = openat(in(fixture), name, O_RDONLY);
    uint8_t *bytes = malloc(2 * ROOM), *plain = malloc(ROOM + 1);
    ssize_t size = read(file, bytes, 2 * ROOM);
    close(file);
    assert_true(size > (ssize_t)meta_size);
    assert_int_equal(((size_t)size - meta_size) % 2, 0);
    z_stream stream = {.next_in = bytes + meta_size, .avail_in = (uInt)((size_t)size - meta_size)};
    stream.next_out = plain;
    stream.avail_out = ROOM + 1;
    assert_int_equal(inflateInit2(&stream, -15), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, expected->size);
    assert_memory_equal(plain, expected->bytes, expected->size);
    inflateEnd(&stream);
    free(bytes);
    free(plain);
}

static void a_deflated_object_is_inflated_edited_and_deflated(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    uint8_t bytes[GS_PART10_MAX];
    size_t meta_size = gs_part10_encode(&objects.meta, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        build_both(fixture, &objects, sizes[i].header, sizes[i].pixels);
        struct object small = deflated(&objects.came);
        for (int hold = 0; hold < 2; hold++) {
            struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
            struct gs_committed committed;
            gs_sink_want_header(sink);
            assert_int_equal(gs_sink_begin(sink, &meta, GS_SCAN_DEFLATED, NULL), 0);
            assert_int_equal(gs_sink_write(sink, small.bytes, small.size, NULL), 0);
            assert_int_equal(gs_sink_finish(sink, NULL), 0);
            assert_int_equal(edit(sink, "9.8.7.6.5", NULL), 0);
            assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL),
                             0);
            gs_sink_free(sink);
            expect_inflated(fixture, "object", meta_size, &objects.expected);
        }
        free(small.bytes);
    }
    free_objects(&objects);
}

/* --- what goes wrong -------------------------------------------------------------------------- */

/* Fail the first call, then the second, and so on, until none is left to fail. */
static void fail_each_call(struct fixture *fixture, const struct objects *objects,
                           const struct way *way)
{
    for (int n = 1;; n++) {
        struct gs_error error = {0};
        kernel.calls = 0;
        kernel.fail_at = n;
        kernel.error = n % 2 == 0 ? ENOSPC : EIO;
        kernel.watched = true;
        int result = store(fixture, &objects->came, way, &error);
        kernel.watched = false;
        if (result != 0) {
            assert_string_equal(error.code, "object-write");
            assert_int_equal(error.system, kernel.error);
            assert_int_equal(entries(fixture), 0);
            assert_int_equal(fixture->budget.used, 0);
            continue;
        }
        expect_file(fixture, "object", &objects->meta, objects->expected.bytes,
                    objects->expected.size);
        assert_int_equal(unlinkat(in(fixture), "object", 0), 0);
        if (kernel.calls < n)
            return;
    }
}

static void a_failed_call_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    build_both(fixture, &objects, 2000, 300000);
    for (int when = IN_THE_WINDOW; when <= FINISHED; when++) {
        struct way way = {(enum when)when, 16372, 262144, true};
        fail_each_call(fixture, &objects, &way);
        way.hold = false;
        fail_each_call(fixture, &objects, &way);
        way.piece = way.buffer = MIB; /* in one piece */
        fail_each_call(fixture, &objects, &way);
    }
    free_objects(&objects);
}

static void short_and_interrupted_writes_are_invisible(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    print_message("seed %u\n", fixture->seed);
    kernel.short_seed = &fixture->seed;
    build_both(fixture, &objects, 20000, 300000);
    for (int i = 0; i < 20; i++) {
        struct way way = {i % 2 ? IN_THE_WINDOW : FINISHED, 16372, 65536, true};
        kernel.watched = true;
        assert_int_equal(store(fixture, &objects.came, &way, NULL), 0);
        kernel.watched = false;
        expect_file(fixture, "object", &objects.meta, objects.expected.bytes,
                    objects.expected.size);
    }
    free_objects(&objects);
}

/* Where nobody asked for its structure, nobody knew before. */
static void a_broken_object_cannot_be_edited_and_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    build_both(fixture, &objects, 2000, 300000);
    for (int way = 0; way < 4; way++) {
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, way % 2);
        struct gs_error error = {0};
        struct gs_committed committed;
        if (way >= 2)
            gs_sink_want_header(sink);
        assert_int_equal(gs_sink_begin(sink, &meta, 0, NULL), 0);
        assert_int_equal(gs_sink_write(sink, objects.came.bytes, 200000, NULL), 0);
        int result = way >= 2 ? edit(sink, NULL, &error) : gs_sink_finish(sink, &error);
        assert_int_equal(result, 0);
        result = way >= 2 ? gs_sink_finish(sink, &error) : edit(sink, NULL, &error);
        assert_int_equal(result, -1);
        assert_string_equal(error.code, "object-broken");
        error.code = "";
        assert_int_equal(gs_sink_commit(sink, "x", GS_COLLISION_REPLACE, &committed, &error), -1);
        assert_string_equal(error.code, "object-broken");
        assert_int_equal(edit(sink, NULL, &error), -1);
        gs_sink_free(sink);
        assert_int_equal(entries(fixture), 0);
    }
    free_objects(&objects);
}

/* A script may name anything. */
static void gigantic_uids_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct objects objects = new_objects();
    build_both(fixture, &objects, 2000, 300000);
    char *uid = malloc(70001);
    for (size_t size = GS_PART10_MAX; size <= 70000; size += 70000 - GS_PART10_MAX) {
        struct way way = {.when = NEVER, .piece = 16372, .buffer = 262144};
        struct gs_sink *sink = begin(fixture, &way, NULL);
        struct gs_error error = {0};
        memset(uid, '1', size);
        uid[size] = '\0';
        assert_int_equal(write_object(sink, &objects.came, &way, NULL), 0);
        assert_int_equal(edit(sink, uid, &error), -1);
        assert_string_equal(error.code, "object-write");
        gs_sink_free(sink);
        assert_int_equal(entries(fixture), 0);
    }
    free(uid);
    free_objects(&objects);
}

static void only_a_file_sink_is_edited(void **state)
{
    struct fixture *fixture = *state;
    struct gs_sink *sinks[] = {gs_sink_discard_new(), gs_sink_memory_new(1000),
                               gs_sink_file_new(fixture->directory, &fixture->budget, true)};
    for (int i = 0; i < 3; i++) {
        struct gs_error error = {0};
        if (i < 2) {
            assert_int_equal(gs_sink_begin(sinks[i], &meta, 0, NULL), 0);
            assert_int_equal(gs_sink_finish(sinks[i], NULL), 0);
        }
        assert_int_equal(edit(sinks[i], NULL, &error), -1);
        assert_string_equal(error.code, "object-write");
        gs_sink_free(sinks[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_edited_object_differs_in_nothing_but_its_edits),
        TEST(a_header_that_nobody_edits_changes_nothing),
        TEST(no_file_is_begun_before_the_caller_has_seen_the_header),
        TEST(what_has_not_arrived_cannot_be_edited_and_the_object_stays),
        TEST(a_header_of_more_than_the_window_is_edited_when_all_is_there),
        TEST(a_spooled_object_is_edited_again_and_again),
        TEST(an_object_may_be_edited_in_its_window_and_at_its_end),
        TEST(a_deflated_object_is_inflated_edited_and_deflated),
        TEST(a_failed_call_leaves_nothing_behind),
        TEST(short_and_interrupted_writes_are_invisible),
        TEST(a_broken_object_cannot_be_edited_and_is_lost),
        TEST(gigantic_uids_are_refused),
        TEST(only_a_file_sink_is_edited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A file under its final name is complete, or it is not there; and memory is bounded.
 */
#include "sinks.h"

#include <signal.h>
#include <sys/resource.h>

/* A whole object; 0, or -1 as soon as something fails. */
static int store(struct fixture *fixture, bool hold, size_t size, size_t piece, const char *name,
                 enum gs_collision collision, struct gs_committed *committed,
                 struct gs_error *error)
{
    struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
    int result = gs_sink_begin(sink, &meta, GS_SCAN_IMPLICIT, error);
    if (result == 0)
        result = write_pieces(fixture, sink, size, piece, error);
    if (result == 0)
        result = gs_sink_finish(sink, error);
    if (result == 0)
        result = gs_sink_commit(sink, name, collision, committed, error);
    gs_sink_free(sink);
    return result;
}

static void must_store(struct fixture *fixture, size_t size, const char *name,
                       enum gs_collision collision, struct gs_committed *committed)
{
    struct gs_error error = {0};
    bool hold = rand_r(&fixture->seed) % 2 == 0;
    if (store(fixture, hold, size, 0, name, collision, committed, &error) != 0)
        fail_msg("%s: %s", name, error.message);
}

/* Bytes. */

static void the_bytes_are_those_that_were_sent(void **state)
{
    struct fixture *fixture = *state;
    print_message("seed %u\n", fixture->seed);
    static const size_t limits[] = {4 * MIB, 100000, 0};
    static const size_t sizes[] = {0,       1,           8192,    65535 - 298, 65535,  65536,
                                   65537,   99999,       100000,  100001,      131072, MIB,
                                   3000001, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 6 * MIB};
    static const size_t pieces[] = {6 * MIB, 16384 - 12, 65536, 0};
    for (size_t limit = 0; limit < sizeof limits / sizeof *limits; limit++) {
        gs_budget_clear(&fixture->budget);
        fixture->budget.object_max = limits[limit];
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            for (size_t j = 0; j < 2 * sizeof pieces / sizeof *pieces; j++) {
                struct gs_committed committed;
                struct gs_error error;
                assert_int_equal(store(fixture, j % 2 == 0, sizes[i], pieces[j / 2], "object",
                                       GS_COLLISION_REPLACE, &committed, &error),
                                 0);
                expect_file(fixture, "object", &meta, fixture->data, sizes[i]);
                assert_string_equal(committed.name, "object");
            }
        }
    }
    assert_int_equal(entries(fixture), 1);
}

static void a_file_without_meta_information_is_only_the_data_set(void **state)
{
    struct fixture *fixture = *state;
    for (int hold = 0; hold < 2; hold++) {
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
        struct gs_committed committed;
        assert_int_equal(gs_sink_begin(sink, NULL, 0, NULL), 0);
        assert_int_equal(gs_sink_write(sink, fixture->data, 1000, NULL), 0);
        assert_int_equal(gs_sink_size(sink), 1000);
        assert_int_equal(gs_sink_finish(sink, NULL), 0);
        const char *name = hold ? "held" : "direct";
        assert_int_equal(gs_sink_commit(sink, name, GS_COLLISION_DISTINCT, &committed, NULL), 0);
        gs_sink_free(sink);
        expect_file(fixture, name, NULL, fixture->data, 1000);
    }
}

static void short_and_interrupted_writes_are_invisible(void **state)
{
    struct fixture *fixture = *state;
    print_message("seed %u\n", fixture->seed);
    kernel.short_seed = &fixture->seed;
    for (int i = 0; i < 20; i++) {
        size_t size = (size_t)rand_r(&fixture->seed) % (5 * MIB);
        struct gs_committed committed;
        kernel.watched = true;
        must_store(fixture, size, "object", GS_COLLISION_REPLACE, &committed);
        kernel.watched = false;
        expect_file(fixture, "object", &meta, fixture->data, size);
    }
}

static void a_held_object_costs_four_system_calls(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    kernel.watched = true;
    assert_int_equal(store(fixture, true, GS_HOLD_AHEAD, 16372, "object", GS_COLLISION_DISTINCT,
                           &committed, NULL),
                     0);
    kernel.watched = false;
    assert_int_equal(kernel.opened, 1);
    assert_int_equal(kernel.written, 1);
    assert_int_equal(kernel.closed, 1);
    assert_int_equal(kernel.renamed, 1);
    assert_int_equal(kernel.calls, 4);
}

static void small_pieces_are_gathered(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    kernel.watched = true;
    assert_int_equal(
        store(fixture, false, MIB, 16384, "object", GS_COLLISION_DISTINCT, &committed, NULL), 0);
    kernel.watched = false;
    assert_in_range(kernel.written, 1, MIB / 16384 + 1);
}

static void files_obey_the_umask(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    mode_t before = umask(027);
    must_store(fixture, 10, "deep/object", GS_COLLISION_DISTINCT, &committed);
    umask(before);
    struct stat status;
    assert_int_equal(fstatat(in(fixture), "deep/object", &status, 0), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(fstatat(in(fixture), "deep", &status, 0), 0);
    assert_int_equal(status.st_mode & 0777, 0750);
}

/* Memory. */

static void a_held_object_is_on_no_disk_until_it_is_committed(void **state)
{
    struct fixture *fixture = *state;
    struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, true);
    gs_sink_begin(sink, &meta, 0, NULL);
    assert_int_equal(write_pieces(fixture, sink, GS_HOLD_AHEAD, 0, NULL), 0);
    assert_int_equal(entries(fixture), 0);
    assert_int_equal(fixture->budget.used, GS_HOLD_AHEAD);
    assert_int_equal(gs_sink_write(sink, fixture->data, 1, NULL), 0);
    assert_int_equal(entries(fixture), 1);
    assert_int_equal(fixture->budget.used, 0);
    gs_sink_free(sink);
    assert_int_equal(entries(fixture), 0);
}

static void a_buffer_is_used_again(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    assert_int_equal(
        store(fixture, true, GS_HOLD_AHEAD, 0, "a", GS_COLLISION_DISTINCT, &committed, NULL), 0);
    const uint8_t *spare = fixture->budget.spare;
    assert_non_null(spare);
    assert_int_equal(store(fixture, true, 10, 0, "b", GS_COLLISION_DISTINCT, &committed, NULL), 0);
    assert_ptr_equal(fixture->budget.spare, spare);
    assert_in_range(fixture->budget.spare_capacity, GS_HOLD_AHEAD, 2 * GS_HOLD_AHEAD);
}

static void objects_spool_where_the_budget_is_used_up(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 5, SIZE = GS_HOLD_AHEAD };
    struct gs_sink *sinks[COUNT];
    fixture->budget.total_max = 3 * SIZE;
    for (int i = 0; i < COUNT; i++) {
        sinks[i] = gs_sink_file_new(fixture->directory, &fixture->budget, true);
        assert_int_equal(gs_sink_begin(sinks[i], &meta, 0, NULL), 0);
    }
    for (size_t done = 0; done < SIZE; done += SIZE / 4)
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(gs_sink_write(sinks[i], fixture->data + done, SIZE / 4, NULL), 0);
    assert_true(fixture->budget.used <= 3 * SIZE);
    assert_in_range(entries(fixture), 1, COUNT - 1);
    for (int i = 0; i < COUNT; i++) {
        char name[] = {(char)('a' + i), '\0'};
        struct gs_committed committed;
        assert_int_equal(gs_sink_finish(sinks[i], NULL), 0);
        assert_int_equal(gs_sink_commit(sinks[i], name, GS_COLLISION_DISTINCT, &committed, NULL),
                         0);
        gs_sink_free(sinks[i]);
        expect_file(fixture, name, &meta, fixture->data, SIZE);
    }
    assert_true(fixture->budget.spare_capacity <= SIZE);
}

/* What is not committed. */

static void a_dropped_object_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (int hold = 0; hold < 2; hold++) {
        for (int stage = 0; stage < 4; stage++) {
            struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
            if (stage > 0)
                assert_int_equal(gs_sink_begin(sink, &meta, 0, NULL), 0);
            if (stage > 1)
                assert_int_equal(write_pieces(fixture, sink, 5 * MIB, 0, NULL), 0);
            if (stage > 2)
                assert_int_equal(gs_sink_finish(sink, NULL), 0);
            gs_sink_free(sink);
            assert_int_equal(entries(fixture), 0);
        }
    }
    gs_sink_free(NULL);
}

static void a_sink_can_be_begun_again(void **state)
{
    struct fixture *fixture = *state;
    for (int hold = 0; hold < 2; hold++) {
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
        struct gs_committed committed;
        gs_sink_begin(sink, &meta, 0, NULL);
        assert_int_equal(write_pieces(fixture, sink, 5 * MIB, 0, NULL), 0);
        for (size_t size = 10; size < 6 * MIB; size *= 700) {
            assert_int_equal(gs_sink_begin(sink, &meta, 0, NULL), 0);
            assert_int_equal(write_pieces(fixture, sink, size, 0, NULL), 0);
            assert_int_equal(gs_sink_finish(sink, NULL), 0);
            assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL),
                             0);
            expect_file(fixture, "object", &meta, fixture->data, size);
            assert_int_equal(entries(fixture), 1);
        }
        gs_sink_free(sink);
    }
}

static void a_sink_that_is_used_out_of_order_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct gs_error error = {0};
    struct gs_committed committed;
    struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, true);
    assert_int_equal(gs_sink_write(sink, fixture->data, 1, &error), -1);
    assert_string_equal(error.code, "object-write");
    assert_int_equal(gs_sink_finish(sink, &error), -1);
    gs_sink_begin(sink, &meta, 0, NULL);
    assert_int_equal(gs_sink_commit(sink, "x", GS_COLLISION_REPLACE, &committed, &error), -1);
    gs_sink_finish(sink, NULL);
    assert_int_equal(gs_sink_write(sink, fixture->data, 1, &error), -1);
    assert_int_equal(gs_sink_commit(sink, "x", GS_COLLISION_REPLACE, &committed, &error), 0);
    assert_int_equal(gs_sink_commit(sink, "y", GS_COLLISION_REPLACE, &committed, &error), -1);
    gs_sink_free(sink);
    assert_int_equal(entries(fixture), 1);
}

/* Failures. */

/* Fail the first call, then the second, and so on, until none is left to fail. */
static void fail_each_call(struct fixture *fixture, bool hold, size_t size, const char *name)
{
    for (int n = 1;; n++) {
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
        struct gs_error error = {0};
        struct gs_committed committed;
        kernel.calls = 0;
        kernel.fail_at = n;
        kernel.error = n % 2 == 0 ? ENOSPC : EIO;
        kernel.watched = true;
        int result = gs_sink_begin(sink, &meta, 0, &error);
        if (result == 0)
            result = write_pieces(fixture, sink, size, 65536, &error);
        if (result == 0)
            result = gs_sink_finish(sink, &error);
        if (result == 0)
            result = gs_sink_commit(sink, name, GS_COLLISION_DISTINCT, &committed, &error);
        kernel.watched = false;
        if (result == 0) {
            gs_sink_free(sink);
            expect_file(fixture, name, &meta, fixture->data, size);
            if (kernel.calls < n)
                return;
            /* It failed to close a directory, which loses nothing. */
            assert_int_equal(unlinkat(in(fixture), name, 0), 0);
            continue;
        }
        assert_string_equal(error.code, "object-write");
        assert_int_equal(error.system, kernel.error);
        assert_non_null(strstr(error.message, fixture->path));
        assert_int_equal(entries(fixture), strchr(name, '/') != NULL && entries(fixture) > 0);
        struct gs_error again = {0};
        assert_int_equal(gs_sink_write(sink, fixture->data, 1, &again), -1);
        assert_memory_equal(&again, &error, sizeof error);
        assert_int_equal(gs_sink_finish(sink, &again), -1);
        assert_int_equal(gs_sink_commit(sink, name, GS_COLLISION_REPLACE, &committed, &again), -1);
        assert_string_equal(again.message, error.message);
        gs_sink_free(sink);
        assert_int_equal(fixture->budget.used, 0);
    }
}

static void a_failed_call_leaves_nothing_behind_when_held(void **state)
{
    fail_each_call(*state, true, 100000, "object");
}

static void a_failed_call_leaves_nothing_behind_when_direct(void **state)
{
    fail_each_call(*state, false, 300000, "object");
}

static void a_failed_call_leaves_nothing_behind_when_spooled(void **state)
{
    struct fixture *fixture = *state;
    fixture->budget.object_max = 100000;
    fail_each_call(fixture, true, 300000, "object");
}

static void a_failed_call_leaves_only_sub_directories_behind(void **state)
{
    fail_each_call(*state, true, 1000, "a/b/object");
}

static bool file_exists(const struct fixture *fixture, const char *name)
{
    return faccessat(in(fixture), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The directory's own fsync(2) comes when the file has its name: the file stays, complete. */
static void a_failed_sync_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    gs_directory_sync_each(fixture->directory, true);
    struct gs_committed committed;
    struct gs_error error = {0};
    kernel.watched = true;
    assert_int_equal(store(fixture, true, 10, 0, "a", GS_COLLISION_DISTINCT, &committed, &error),
                     0);
    assert_int_equal(kernel.synced, 2);
    kernel.calls = 0;
    kernel.fail_at = 3; /* openat, writev, fsync */
    kernel.error = EIO;
    assert_int_equal(store(fixture, true, 10, 0, "b", GS_COLLISION_DISTINCT, &committed, &error),
                     -1);
    kernel.watched = false;
    assert_string_equal(error.code, "object-write");
    assert_false(file_exists(fixture, "b"));
    assert_int_equal(entries(fixture), 1);
    assert_int_equal(gs_directory_sync(fixture->directory, &error), 0);
}

/* It may be older than the wish to have it on the disk. */
static void a_duplicate_is_brought_to_the_disk_too(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    must_store(fixture, 1000, "a", GS_COLLISION_DISTINCT, &committed);
    gs_directory_sync_each(fixture->directory, true);
    kernel.watched = true;
    must_store(fixture, 1000, "a", GS_COLLISION_DISTINCT, &committed);
    kernel.watched = false;
    assert_true(committed.duplicate);
    assert_int_equal(kernel.synced, 3); /* ours, the one there, the directory */
}

static void an_object_beyond_the_limit_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    static const size_t limits[] = {1, 65536, 100000, 3 * MIB};
    for (size_t i = 0; i < 2 * sizeof limits / sizeof *limits; i++) {
        size_t limit = limits[i / 2];
        struct gs_error error = {0};
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, i % 2 == 0);
        gs_sink_limit(sink, limit);
        for (size_t size = limit; size < limit + 2; size++) {
            assert_int_equal(gs_sink_begin(sink, &meta, GS_SCAN_IMPLICIT, &error), 0);
            int written = write_pieces(fixture, sink, size, 0, &error);
            assert_int_equal(written, size > limit ? -1 : 0);
        }
        assert_string_equal(error.code, "object-too-large");
        gs_sink_free(sink);
        assert_int_equal(entries(fixture), 0);
    }
}

/* One that is as small as most is not stopped; the real end of the disk tells then. */
static void an_object_that_would_fill_the_disk_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    struct gs_error error = {0};
    assert_true(gs_directory_has_room(fixture->directory));
    gs_directory_keep_free(fixture->directory, UINT64_MAX);
    assert_false(gs_directory_has_room(fixture->directory));
    assert_int_equal(
        store(fixture, true, 3 * MIB, 0, "a", GS_COLLISION_DISTINCT, &committed, &error), 0);
    assert_int_equal(
        store(fixture, true, 6 * MIB, 0, "b", GS_COLLISION_DISTINCT, &committed, &error), -1);
    assert_string_equal(error.code, "object-write");
    assert_int_equal(error.system, ENOSPC);
    assert_int_equal(entries(fixture), 1);
}

static void a_real_limit_of_the_file_size_is_an_error_and_no_signal(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit little = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    for (int hold = 0; hold < 2; hold++) {
        struct gs_committed committed;
        struct gs_error error = {0};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
        int result =
            store(fixture, hold, MIB, 16384, "object", GS_COLLISION_DISTINCT, &committed, &error);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(result, -1);
        assert_string_equal(error.code, "object-write");
        assert_int_equal(error.system, EFBIG);
        assert_int_equal(entries(fixture), 0);
    }
}

static void an_output_directory_that_is_removed_is_an_error_for_each_object(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(rmdir(fixture->path), 0);
    for (int i = 0; i < 4; i++) {
        struct gs_committed committed;
        struct gs_error error = {0};
        assert_int_equal(store(fixture, i % 2 == 0, 1000, 0, i < 2 ? "object" : "series/object",
                               GS_COLLISION_DISTINCT, &committed, &error),
                         -1);
        assert_string_equal(error.code, "object-write");
        assert_int_equal(error.system, ENOENT);
    }
    assert_int_equal(mkdir(fixture->path, 0777), 0); /* for teardown */
}

static void gigantic_meta_information_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct gs_part10 gigantic = meta;
    gigantic.sop_instance = (const char *)fixture->data;
    gigantic.sop_instance_size = 100000;
    struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, true);
    struct gs_error error = {0};
    assert_int_equal(gs_sink_begin(sink, &gigantic, 0, &error), -1);
    assert_string_equal(error.code, "object-write");
    assert_int_equal(gs_sink_write(sink, fixture->data, 1, &error), -1);
    gs_sink_free(sink);
}

/* Names. */

static void names_stay_below_the_directory(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    must_store(fixture, 10, "../../x", GS_COLLISION_DISTINCT, &committed);
    assert_string_equal(committed.name, "%2E./%2E./x");
    expect_file(fixture, "%2E./%2E./x", &meta, fixture->data, 10);
    must_store(fixture, 10, "/etc/x", GS_COLLISION_DISTINCT, &committed);
    expect_file(fixture, "%/etc/x", &meta, fixture->data, 10);
}

static void replacing_puts_ours_in_the_place_of_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    plant(fixture, "victim", "precious", 8);
    plant(fixture, "file", "old", 3);
    assert_int_equal(symlinkat("victim", in(fixture), "link"), 0);
    assert_int_equal(mkfifoat(in(fixture), "fifo", 0666), 0);
    static const char *const names[] = {"file", "link", "fifo"};
    for (int i = 0; i < 3; i++) {
        must_store(fixture, 70000, names[i], GS_COLLISION_REPLACE, &committed);
        assert_true(committed.replaced && !committed.renamed && !committed.duplicate);
        expect_file(fixture, names[i], &meta, fixture->data, 70000);
    }
    expect_file(fixture, "victim", NULL, (const uint8_t *)"precious", 8);
    must_store(fixture, 10, "new", GS_COLLISION_REPLACE, &committed);
    assert_false(committed.replaced);
    assert_int_equal(entries(fixture), 5);
}

static void identical_bytes_are_one_file(void **state)
{
    struct fixture *fixture = *state;
    static const size_t sizes[] = {0, 10, 100000, 5 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int again = 0; again < 4; again++) {
            struct gs_committed committed;
            char name[] = {(char)('a' + i), '\0'};
            must_store(fixture, sizes[i], name, GS_COLLISION_DISTINCT, &committed);
            assert_int_equal(committed.duplicate, again > 0);
            assert_false(committed.renamed || committed.replaced);
            assert_string_equal(committed.name, name);
        }
        assert_int_equal(entries(fixture), i + 1);
    }
}

static void different_bytes_get_a_second_name(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        size_t size;
        const char *name;
        bool duplicate;
    } steps[] = {{1000, "s/x", false},  {1001, "s/x~2", false}, {1002, "s/x~3", false},
                 {1001, "s/x~2", true}, {1000, "s/x", true},    {1002, "s/x~3", true}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct gs_committed committed;
        must_store(fixture, steps[i].size, "s/x", GS_COLLISION_DISTINCT, &committed);
        assert_string_equal(committed.name, steps[i].name);
        assert_int_equal(committed.duplicate, steps[i].duplicate);
        assert_int_equal(committed.renamed, strlen(steps[i].name) > 3);
        expect_file(fixture, steps[i].name, &meta, fixture->data, steps[i].size);
    }
    fixture->data[999] ^= 1; /* of the same size, but for the last byte the same */
    struct gs_committed committed;
    must_store(fixture, 1000, "s/x", GS_COLLISION_DISTINCT, &committed);
    assert_string_equal(committed.name, "s/x~4");
    assert_int_equal(entries(fixture), 1);
}

static void keeping_leaves_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    for (size_t size = 0; size < 200000; size += 100000) {
        plant(fixture, "file", "old", 3);
        must_store(fixture, size, "file", GS_COLLISION_KEEP, &committed);
        assert_true(committed.kept && !committed.replaced && !committed.duplicate);
        assert_string_equal(committed.name, "file");
        expect_file(fixture, "file", NULL, (const uint8_t *)"old", 3);
        must_store(fixture, size, size == 0 ? "a/new" : "b/new", GS_COLLISION_KEEP, &committed);
        assert_false(committed.kept || committed.renamed);
        expect_file(fixture, committed.name, &meta, fixture->data, size);
    }
    assert_int_equal(entries(fixture), 3);
}

static void refusing_is_an_error_and_leaves_the_object_for_another_name(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, "file", "old", 3);
    for (int hold = 0; hold < 2; hold++) {
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
        struct gs_committed committed;
        struct gs_error error = {0};
        gs_sink_begin(sink, &meta, 0, NULL);
        assert_int_equal(write_pieces(fixture, sink, 70000, 0, NULL), 0);
        assert_int_equal(gs_sink_finish(sink, NULL), 0);
        assert_int_equal(gs_sink_commit(sink, "file", GS_COLLISION_REFUSE, &committed, &error), -1);
        assert_string_equal(error.code, "object-exists");
        assert_non_null(strstr(error.message, "file"));
        expect_file(fixture, "file", NULL, (const uint8_t *)"old", 3);
        const char *other = hold ? "other" : "free";
        assert_int_equal(gs_sink_commit(sink, other, GS_COLLISION_REFUSE, &committed, NULL), 0);
        expect_file(fixture, other, &meta, fixture->data, 70000);
        gs_sink_free(sink);
    }
    assert_int_equal(entries(fixture), 3);
}

static void only_a_file_is_kept_in_place_of_an_object(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, "file", "old", 3);
    assert_int_equal(mkdirat(in(fixture), "directory", 0777), 0);
    assert_int_equal(mkfifoat(in(fixture), "fifo", 0666), 0);
    assert_int_equal(symlinkat("nothing", in(fixture), "dangling"), 0);
    assert_int_equal(symlinkat("file", in(fixture), "link"), 0);
    static const char *const names[] = {"directory", "fifo", "dangling"};
    struct gs_committed committed;
    for (int i = 0; i < 3; i++) {
        struct gs_error error = {0};
        assert_int_equal(
            store(fixture, true, 10, 0, names[i], GS_COLLISION_KEEP, &committed, &error), -1);
        assert_string_equal(error.code, "object-name");
    }
    must_store(fixture, 10, "link", GS_COLLISION_KEEP, &committed);
    assert_true(committed.kept);
    assert_int_equal(entries(fixture), 5);
}

static void a_finished_object_can_be_read_before_its_commit(void **state)
{
    struct fixture *fixture = *state;
    for (int hold = 0; hold < 2; hold++) {
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, hold);
        struct gs_committed committed;
        struct gs_error error = {0};
        char path[GS_PATH_MAX];
        gs_sink_begin(sink, &meta, 0, NULL);
        assert_int_equal(write_pieces(fixture, sink, 70000, 0, NULL), 0);
        assert_int_equal(gs_sink_spool(sink, path, &error), -1); /* it is not finished */
        assert_int_equal(gs_sink_finish(sink, NULL), 0);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(gs_sink_spool(sink, path, &error), 0);
            expect_file(fixture, strrchr(path, '/') + 1, &meta, fixture->data, 70000);
        }
        assert_int_equal(gs_sink_commit(sink, "x", GS_COLLISION_REPLACE, &committed, NULL), 0);
        assert_int_equal(gs_sink_spool(sink, path, &error), -1);
        gs_sink_free(sink);
    }
    assert_int_equal(entries(fixture), 1);
}

static void what_is_planted_under_the_name_is_neither_opened_nor_followed(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    must_store(fixture, 1000, "same", GS_COLLISION_DISTINCT, &committed);
    assert_int_equal(symlinkat("same", in(fixture), "link"), 0);
    assert_int_equal(symlinkat("nothing", in(fixture), "dangling"), 0);
    assert_int_equal(mkfifoat(in(fixture), "fifo", 0666), 0);
    static const char *const names[] = {"link", "dangling", "fifo"};
    for (int i = 0; i < 3; i++) {
        char second[32];
        snprintf(second, sizeof second, "%s~2", names[i]);
        must_store(fixture, 1000, names[i], GS_COLLISION_DISTINCT, &committed);
        assert_true(committed.renamed && !committed.duplicate);
        assert_string_equal(committed.name, second);
    }
    assert_false(file_exists(fixture, "nothing"));
}

static void a_directory_under_the_name_leaves_the_object_for_another_name(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdirat(in(fixture), "taken", 0777), 0);
    for (int i = 0; i < 4; i++) {
        struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, i % 2 == 0);
        enum gs_collision collision = i < 2 ? GS_COLLISION_REPLACE : GS_COLLISION_DISTINCT;
        struct gs_committed committed;
        struct gs_error error = {0};
        gs_sink_begin(sink, &meta, 0, NULL);
        assert_int_equal(write_pieces(fixture, sink, 70000, 0, NULL), 0);
        assert_int_equal(gs_sink_finish(sink, NULL), 0);
        assert_int_equal(gs_sink_commit(sink, "taken", collision, &committed, &error), -1);
        assert_string_equal(error.code, "object-name");
        assert_non_null(strstr(error.message, "taken"));
        assert_int_equal(gs_sink_commit(sink, "other", GS_COLLISION_REPLACE, &committed, NULL), 0);
        expect_file(fixture, "other", &meta, fixture->data, 70000);
        gs_sink_free(sink);
    }
    assert_int_equal(entries(fixture), 2);
}

static void an_overlong_name_is_shortened_its_second_one_too(void **state)
{
    struct fixture *fixture = *state;
    char name[400];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    for (size_t size = 1; size < 4; size++) {
        struct gs_committed committed;
        must_store(fixture, size, name, GS_COLLISION_DISTINCT, &committed);
        assert_int_equal(strlen(committed.name), GS_COMPONENT_MAX);
        expect_file(fixture, committed.name, &meta, fixture->data, size);
    }
    assert_int_equal(entries(fixture), 3);
}

static void file_systems_without_renameat2_lose_nothing_either(void **state)
{
    struct fixture *fixture = *state;
    kernel.no_renameat2 = true;
    for (int no_link = 0; no_link < 2; no_link++) {
        kernel.no_link = no_link;
        struct gs_committed committed;
        const char *name = no_link ? "a" : "b";
        must_store(fixture, 10, name, GS_COLLISION_DISTINCT, &committed);
        assert_string_equal(committed.name, name);
        must_store(fixture, 10, name, GS_COLLISION_DISTINCT, &committed);
        assert_true(committed.duplicate);
        must_store(fixture, 20, name, GS_COLLISION_DISTINCT, &committed);
        assert_true(committed.renamed);
        expect_file(fixture, committed.name, &meta, fixture->data, 20);
        must_store(fixture, 30, name, GS_COLLISION_REPLACE, &committed);
        assert_true(committed.replaced);
        expect_file(fixture, name, &meta, fixture->data, 30);
        assert_int_equal(entries(fixture), 2 * (no_link + 1));
    }
}

static void two_sinks_of_two_directories_do_not_meet(void **state)
{
    struct fixture *fixture = *state;
    struct gs_directory *same = gs_directory_open(fixture->path, NULL);
    struct gs_sink *one = gs_sink_file_new(fixture->directory, &fixture->budget, false);
    struct gs_sink *other = gs_sink_file_new(same, &fixture->budget, false);
    gs_directory_release(same); /* the sink holds it */
    struct gs_committed committed;
    gs_sink_begin(one, &meta, 0, NULL);
    gs_sink_begin(other, &meta, 0, NULL);
    assert_int_equal(entries(fixture), 2);
    gs_sink_write(one, fixture->data, 100000, NULL);
    gs_sink_write(other, fixture->data, 200000, NULL);
    gs_sink_finish(one, NULL);
    gs_sink_finish(other, NULL);
    assert_int_equal(gs_sink_commit(one, "x", GS_COLLISION_DISTINCT, &committed, NULL), 0);
    assert_int_equal(gs_sink_commit(other, "x", GS_COLLISION_DISTINCT, &committed, NULL), 0);
    gs_sink_free(one);
    gs_sink_free(other);
    expect_file(fixture, "x", &meta, fixture->data, 100000);
    expect_file(fixture, "x~2", &meta, fixture->data, 200000);
}

/* The header window. */

/* An implicit data set: a header of `size` bytes, then Pixel Data of `pixels` bytes. */
static size_t make_data_set(struct fixture *fixture, size_t size, size_t pixels)
{
    uint8_t *bytes = fixture->data;
    size_t value = size - 8;
    memcpy(bytes, "\x08\0\5\0", 4);
    for (int i = 0; i < 4; i++)
        bytes[4 + i] = (uint8_t)(value >> 8 * i);
    memcpy(bytes + size, "\xe0\x7f\x10\0", 4);
    for (int i = 0; i < 4; i++)
        bytes[size + 4 + (size_t)i] = (uint8_t)(pixels >> 8 * i);
    return size + 8 + pixels;
}

/* Write all; at the first answer, what it was, and that the header is right. */
static int find_header(struct fixture *fixture, struct gs_sink *sink, size_t size, size_t piece,
                       size_t header_size)
{
    int answer = 0;
    for (size_t done = 0; done < size; done += piece) {
        size_t next = size - done < piece ? size - done : piece;
        assert_int_equal(gs_sink_write(sink, fixture->data + done, next, NULL), 0);
        const uint8_t *header;
        size_t length;
        int now = gs_sink_header(sink, &header, &length);
        assert_true(answer == 0 || now == answer);
        if (now == 1 && answer == 0) {
            assert_int_equal(length, header_size);
            assert_memory_equal(header, fixture->data, length);
        }
        answer = now;
    }
    return answer;
}

static void the_header_is_there_before_the_pixels(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        size_t header, pixels;
        int answer;
    } objects[] = {{8, 0, 1},          {1000, 100, 1},        {1000, 5 * MIB, 1},
                   {100000, MIB, 1},   {4 * MIB - 8, MIB, 1}, {4 * MIB - 7, MIB, -1},
                   {5 * MIB, 1000, -1}};
    static const size_t pieces[] = {6 * MIB, 16372, 65536, 100001};
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        size_t size = make_data_set(fixture, objects[i].header, objects[i].pixels);
        for (size_t j = 0; j < 2 * sizeof pieces / sizeof *pieces; j++) {
            struct gs_sink *sink =
                gs_sink_file_new(fixture->directory, &fixture->budget, j % 2 == 0);
            struct gs_committed committed;
            gs_sink_want_header(sink);
            gs_sink_begin(sink, &meta, GS_SCAN_IMPLICIT, NULL);
            assert_int_equal(entries(fixture), i + j > 0);
            assert_int_equal(find_header(fixture, sink, size, pieces[j / 2], objects[i].header),
                             objects[i].answer);
            assert_int_equal(gs_sink_finish(sink, NULL), 0);
            assert_int_equal(gs_sink_scanner(sink)->verdict, GS_SCAN_GOOD);
            assert_int_equal(gs_sink_commit(sink, "object", GS_COLLISION_REPLACE, &committed, NULL),
                             0);
            gs_sink_free(sink);
            expect_file(fixture, "object", &meta, fixture->data, size);
        }
    }
}

static void without_pixels_the_whole_data_set_is_the_header(void **state)
{
    struct fixture *fixture = *state;
    make_data_set(fixture, 1000, 0);
    for (int i = 0; i < 3; i++) {
        struct gs_sink *sink = i < 2 ? gs_sink_file_new(fixture->directory, &fixture->budget, i)
                                     : gs_sink_memory_new(10000);
        const uint8_t *header;
        size_t size;
        gs_sink_want_header(sink);
        gs_sink_begin(sink, &meta, GS_SCAN_IMPLICIT, NULL);
        gs_sink_write(sink, fixture->data, 1000, NULL);
        assert_int_equal(gs_sink_header(sink, &header, &size), 0);
        assert_int_equal(gs_sink_finish(sink, NULL), 0);
        assert_int_equal(gs_sink_header(sink, &header, &size), 1);
        assert_int_equal(size, 1000);
        assert_memory_equal(header, fixture->data, size);
        gs_sink_free(sink);
    }
}

static void a_header_is_not_read_from_what_is_broken_deflated_or_not_held(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t *header;
    size_t size;
    struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, true);
    gs_sink_want_header(sink);
    gs_sink_begin(sink, &meta, 0, NULL);
    gs_sink_write(sink, (const uint8_t *)"\x08\0\5\0\0\0\0\0", 8, NULL);
    assert_int_equal(gs_sink_header(sink, &header, &size), -1);
    gs_sink_begin(sink, &meta, GS_SCAN_DEFLATED, NULL);
    gs_sink_write(sink, fixture->data, 8, NULL);
    assert_int_equal(gs_sink_header(sink, &header, &size), -1);
    gs_sink_begin(sink, &meta, GS_SCAN_IMPLICIT, NULL);
    gs_sink_write(sink, (const uint8_t *)"\x08\0\5\0\4\0\0\0", 8, NULL);
    assert_int_equal(gs_sink_finish(sink, NULL), 0);
    assert_int_equal(gs_sink_header(sink, &header, &size), -1);
    assert_int_equal(gs_sink_scanner(sink)->verdict, GS_SCAN_BROKEN);
    gs_sink_free(sink);
    gs_budget_clear(&fixture->budget);
    fixture->budget.object_max = 20000;
    sink = gs_sink_file_new(fixture->directory, &fixture->budget, true);
    gs_sink_want_header(sink);
    size_t all = make_data_set(fixture, 50000, 10);
    gs_sink_begin(sink, &meta, GS_SCAN_IMPLICIT, NULL);
    assert_int_equal(find_header(fixture, sink, all, 1000, 0), -1);
    assert_int_equal(entries(fixture), 1);
    gs_sink_free(sink);
}

/* The other sinks. */

static void a_memory_sink_has_the_bytes_up_to_its_limit(void **state)
{
    struct fixture *fixture = *state;
    struct gs_sink *sink = gs_sink_memory_new(100000);
    struct gs_error error = {0};
    struct gs_committed committed;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(gs_sink_begin(sink, &meta, 0, &error), 0);
        assert_int_equal(write_pieces(fixture, sink, 100000, 999, &error), 0);
        assert_int_equal(gs_sink_finish(sink, &error), 0);
        size_t size;
        const uint8_t *bytes = gs_sink_bytes(sink, &size);
        assert_int_equal(size, 100000);
        assert_memory_equal(bytes, fixture->data, size);
        assert_int_equal(gs_sink_commit(sink, "x", GS_COLLISION_REPLACE, &committed, &error), -1);
        assert_string_equal(error.code, "object-name");
    }
    assert_int_equal(gs_sink_begin(sink, &meta, 0, &error), 0);
    assert_int_equal(write_pieces(fixture, sink, 100001, 999, &error), -1);
    assert_string_equal(error.code, "object-too-large");
    assert_int_equal(gs_sink_finish(sink, &error), -1);
    gs_sink_free(sink);
}

static void a_discarding_sink_only_counts(void **state)
{
    struct fixture *fixture = *state;
    struct gs_sink *sink = gs_sink_discard_new();
    struct gs_committed committed;
    struct gs_error error = {0};
    assert_int_equal(gs_sink_begin(sink, &meta, 0, &error), 0);
    assert_int_equal(write_pieces(fixture, sink, 5 * MIB, 0, &error), 0);
    assert_int_equal(gs_sink_finish(sink, &error), 0);
    assert_int_equal(gs_sink_size(sink), 5 * MIB);
    assert_int_equal(gs_sink_commit(sink, "x", GS_COLLISION_REPLACE, &committed, &error), -1);
    gs_sink_free(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_bytes_are_those_that_were_sent),
        TEST(a_file_without_meta_information_is_only_the_data_set),
        TEST(short_and_interrupted_writes_are_invisible),
        TEST(a_held_object_costs_four_system_calls),
        TEST(small_pieces_are_gathered),
        TEST(files_obey_the_umask),
        TEST(a_held_object_is_on_no_disk_until_it_is_committed),
        TEST(a_buffer_is_used_again),
        TEST(objects_spool_where_the_budget_is_used_up),
        TEST(a_dropped_object_leaves_nothing),
        TEST(a_sink_can_be_begun_again),
        TEST(a_sink_that_is_used_out_of_order_says_so),
        TEST(a_failed_call_leaves_nothing_behind_when_held),
        TEST(a_failed_call_leaves_nothing_behind_when_direct),
        TEST(a_failed_call_leaves_nothing_behind_when_spooled),
        TEST(a_failed_call_leaves_only_sub_directories_behind),
        TEST(a_failed_sync_is_an_error),
        TEST(a_duplicate_is_brought_to_the_disk_too),
        TEST(an_object_beyond_the_limit_is_dropped),
        TEST(an_object_that_would_fill_the_disk_is_dropped),
        TEST(a_real_limit_of_the_file_size_is_an_error_and_no_signal),
        TEST(an_output_directory_that_is_removed_is_an_error_for_each_object),
        TEST(gigantic_meta_information_is_refused),
        TEST(names_stay_below_the_directory),
        TEST(replacing_puts_ours_in_the_place_of_what_is_there),
        TEST(identical_bytes_are_one_file),
        TEST(different_bytes_get_a_second_name),
        TEST(keeping_leaves_what_is_there),
        TEST(refusing_is_an_error_and_leaves_the_object_for_another_name),
        TEST(only_a_file_is_kept_in_place_of_an_object),
        TEST(a_finished_object_can_be_read_before_its_commit),
        TEST(what_is_planted_under_the_name_is_neither_opened_nor_followed),
        TEST(a_directory_under_the_name_leaves_the_object_for_another_name),
        TEST(an_overlong_name_is_shortened_its_second_one_too),
        TEST(file_systems_without_renameat2_lose_nothing_either),
        TEST(two_sinks_of_two_directories_do_not_meet),
        TEST(the_header_is_there_before_the_pixels),
        TEST(without_pixels_the_whole_data_set_is_the_header),
        TEST(a_header_is_not_read_from_what_is_broken_deflated_or_not_held),
        TEST(a_memory_sink_has_the_bytes_up_to_its_limit),
        TEST(a_discarding_sink_only_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

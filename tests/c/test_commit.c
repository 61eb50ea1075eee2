/*
 * An object meets others that have its name: nothing is replaced, nothing is lost, and the search
 * for another name ends.
 */
#include "sinks.h"

#define OTHERS 999 /* files that may have a name, and those made of it */

static int store(struct fixture *fixture, const char *name, struct gs_committed *committed,
                 struct gs_error *error)
{
    struct gs_sink *sink = gs_sink_file_new(fixture->directory, &fixture->budget, false);
    int result = gs_sink_begin(sink, &meta, GS_SCAN_IMPLICIT, error);
    if (result == 0)
        result = write_pieces(fixture, sink, 1000, 0, error);
    if (result == 0)
        result = gs_sink_finish(sink, error);
    if (result == 0) {
        kernel.calls = 0;
        kernel.watched = true;
        result = gs_sink_commit(sink, name, GS_COLLISION_DISTINCT, committed, error);
        kernel.watched = false;
    }
    gs_sink_free(sink);
    return result;
}

static void a_name_that_all_others_have_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (int number = 1; number <= OTHERS; number++) {
        char name[32] = "object";
        if (number > 1)
            snprintf(name, sizeof name, "object~%d", number);
        plant(fixture, name, "x", 1);
    }
    struct gs_committed committed;
    struct gs_error error = {0};
    assert_int_equal(store(fixture, "object", &committed, &error), -1);
    assert_string_equal(error.code, "object-name");
    assert_non_null(strstr(error.message, "999 other files have the name object"));
    assert_int_equal(entries(fixture), OTHERS); /* and no temporary one */
    assert_int_equal(unlinkat(in(fixture), "object~999", 0), 0);
    assert_int_equal(store(fixture, "object", &committed, &error), 0);
    assert_string_equal(committed.name, "object~999");
}

/* A path is shortened so that there is room for other names of its last component. */
static void the_longest_path_has_room_for_a_second_name(void **state)
{
    struct fixture *fixture = *state;
    char name[GS_PATH_MAX];
    memset(name, 'n', sizeof name);
    for (size_t at = GS_COMPONENT_MAX; at < sizeof name - 8; at += GS_COMPONENT_MAX + 1)
        name[at] = '/';
    name[sizeof name - 4] = '/'; /* a leaf of two characters */
    name[sizeof name - 1] = '\0';
    struct gs_committed committed;
    struct gs_error error = {0};
    if (store(fixture, name, &committed, &error) != 0)
        fail_msg("%s", error.message);
    struct gs_committed first = committed;
    fixture->data[0] ^= 1;
    assert_int_equal(store(fixture, name, &committed, &error), 0);
    assert_true(committed.renamed);
    assert_string_not_equal(committed.name, first.name);
    expect_file(fixture, committed.name, &meta, fixture->data, 1000);
    fixture->data[0] ^= 1;
    expect_file(fixture, first.name, &meta, fixture->data, 1000);
}

/* The calls of such a commit: openat of the file there and of ours, and then read by read. */
static void a_file_that_cannot_be_compared_is_another_one(void **state)
{
    struct fixture *fixture = *state;
    struct gs_committed committed;
    struct gs_error error = {0};
    assert_int_equal(store(fixture, "object", &committed, &error), 0);
    for (int call = 2; call <= 5; call++) {
        kernel.fail_at = call; /* the first is renameat2 */
        kernel.error = EIO;
        assert_int_equal(store(fixture, "object", &committed, &error), 0);
        assert_true(committed.renamed && !committed.duplicate);
        assert_string_equal(committed.name, "object~2");
        expect_file(fixture, "object~2", &meta, fixture->data, 1000);
        assert_int_equal(unlinkat(in(fixture), "object~2", 0), 0);
    }
    kernel.fail_at = 4;
    kernel.error = EINTR; /* is no failure of a read */
    assert_int_equal(store(fixture, "object", &committed, &error), 0);
    assert_true(committed.duplicate);
    assert_int_equal(entries(fixture), 1);
}

/* The file is whole and has its name, but who asked for it on the disk is not told that it is. */
static void a_directory_that_is_not_brought_to_the_disk_is_told(void **state)
{
    struct fixture *fixture = *state;
    gs_directory_sync_each(fixture->directory, true);
    struct gs_committed committed;
    struct gs_error error = {0};
    kernel.fail_at = 2; /* renameat2, fsync */
    kernel.error = EIO;
    assert_int_equal(store(fixture, "object", &committed, &error), -1);
    assert_string_equal(error.code, "object-write");
    assert_int_equal(error.system, EIO);
    expect_file(fixture, "object", &meta, fixture->data, 1000);
    assert_int_equal(entries(fixture), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_that_all_others_have_is_refused),
        TEST(the_longest_path_has_room_for_a_second_name),
        TEST(a_file_that_cannot_be_compared_is_another_one),
        TEST(a_directory_that_is_not_brought_to_the_disk_is_told),
    };
    return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}

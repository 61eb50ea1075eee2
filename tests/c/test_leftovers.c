/*
 * What a handler that ends the process removes, and when it is told to come again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/leftovers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/getscu-leftovers-XXXXXX";
static int directory;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory < 0;
}

static int remove_folder(void **state)
{
    (void)state;
    close(directory);
    return rmdir(folder); /* fails where a test has left a file */
}

static void make_file(const char *name)
{
    int file = openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    close(file);
}

static bool is_there(const char *name)
{
    struct stat status;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct gs_leftover *listed(const char *name)
{
    struct gs_leftover *leftover = gs_leftover_claim();
    assert_non_null(leftover);
    make_file(name);
    gs_leftover_list(leftover, directory, name);
    return leftover;
}

static void what_is_listed_goes_and_nothing_else(void **state)
{
    (void)state;
    struct gs_leftover *going = listed("going"), *moved = listed("moved");
    make_file("stays");
    gs_leftover_free(moved); /* it got its name */
    assert_true(gs_leftovers_remove());
    assert_false(is_there("going"));
    assert_true(is_there("moved"));
    assert_true(is_there("stays"));
    assert_true(gs_leftovers_remove()); /* what is gone already does no harm */
    gs_leftover_free(going);
    unlinkat(directory, "moved", 0);
    unlinkat(directory, "stays", 0);
}

static void a_file_that_is_just_being_made_is_waited_for(void **state)
{
    (void)state;
    struct gs_leftover *going = listed("going"), *made = gs_leftover_claim();
    assert_false(gs_leftovers_remove());
    assert_false(is_there("going"));
    make_file("made");
    gs_leftover_list(made, directory, "made");
    assert_true(gs_leftovers_remove());
    assert_false(is_there("made"));
    gs_leftover_free(made);
    gs_leftover_free(going);
}

static void what_the_table_does_not_hold_is_not_lost_otherwise(void **state)
{
    (void)state;
    static struct gs_leftover *all[GS_LEFTOVERS_MAX];
    for (size_t i = 0; i < GS_LEFTOVERS_MAX; i++)
        assert_non_null(all[i] = gs_leftover_claim());
    struct gs_leftover *beyond = gs_leftover_claim();
    assert_null(beyond);
    make_file("beyond");
    gs_leftover_list(beyond, directory, "beyond");
    gs_leftover_free(beyond);
    gs_leftover_free(all[7]);
    struct gs_leftover *again = gs_leftover_claim();
    assert_ptr_equal(again, all[7]);
    for (size_t i = 0; i < GS_LEFTOVERS_MAX; i++)
        gs_leftover_free(all[i]);
    assert_true(gs_leftovers_remove());
    assert_true(is_there("beyond"));
    unlinkat(directory, "beyond", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_listed_goes_and_nothing_else),
        cmocka_unit_test(a_file_that_is_just_being_made_is_waited_for),
        cmocka_unit_test(what_the_table_does_not_hold_is_not_lost_otherwise),
    };
    return cmocka_run_group_tests_name("leftovers", tests, make_folder, remove_folder);
}

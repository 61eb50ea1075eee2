/*
 * Whatever the peer or a script calls an object, nothing is created outside of the output
 * directory.
 */
#include "storage/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A fresh directory with an output directory "out" in it, so that leaving "out" can be seen. */
struct fixture {
    char root[64];
    char out[80];
    struct gs_directory *directory;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->root, "/tmp/getscu-path-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    snprintf(fixture->out, sizeof fixture->out, "%s/out", fixture->root);
    assert_int_equal(mkdir(fixture->out, 0777), 0);
    struct gs_error error = {0};
    fixture->directory = gs_directory_open(fixture->out, &error);
    assert_non_null(fixture->directory);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    gs_directory_release(fixture->directory);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->root);
    int result = system(command);
    free(fixture);
    return result;
}

static unsigned entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2;
}

static void expect_component(const char *bytes, size_t size, const char *expected)
{
    char component[GS_COMPONENT_MAX + 1];
    assert_int_equal(gs_path_component(bytes, size, component), strlen(expected));
    assert_string_equal(component, expected);
}

#define EXPECT(literal, expected) expect_component(literal, sizeof(literal) - 1, expected)

static void ordinary_names_stay_as_they_are(void **state)
{
    (void)state;
    EXPECT("CT.1.2.840.113619.2.1", "CT.1.2.840.113619.2.1");
    EXPECT("a b~2.dcm", "a b~2.dcm");
    EXPECT("\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\xa9\xbb \xc3\xa9",
           "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\xa9\xbb \xc3\xa9");
}

static void dangerous_names_are_harmless(void **state)
{
    (void)state;
    EXPECT("", "%");
    EXPECT(".", "%2E");
    EXPECT("..", "%2E.");
    EXPECT("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd");
    EXPECT("/etc/passwd", "%2Fetc%2Fpasswd");
    EXPECT("..\\x", "%2E.%5Cx");
    EXPECT("a\0b", "a%00b");
    EXPECT("1.2\n\x1b[2J\x7f", "1.2%0A%1B[2J%7F");
    EXPECT("100%", "100%25");
    EXPECT(".getscu-1-2.part", "%2Egetscu-1-2.part");
}

static void what_is_not_utf8_is_written_in_hexadecimal(void **state)
{
    (void)state;
    EXPECT("\xff", "%FF");
    EXPECT("\xc0\xaf", "%C0%AF");               /* an overlong '/' */
    EXPECT("\xe0\x80\xaf", "%E0%80%AF");        /* again */
    EXPECT("\xed\xa0\x80", "%ED%A0%80");        /* a surrogate */
    EXPECT("\xf4\x90\x80\x80", "%F4%90%80%80"); /* behind the last character */
    EXPECT("\xe6\x97", "%E6%97");               /* cut off */
    EXPECT("\xe6\x97/", "%E6%97%2F");           /* swallows nothing */
    EXPECT("\xc2\x9b", "%C2%9B");               /* a C1 control character */
    EXPECT("\x82\xa0", "%82%A0");               /* Shift JIS */
}

static int compare(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void different_names_give_different_components(void **state)
{
    (void)state;
    enum { COUNT = 65536 + 256 + 1 };
    char(*all)[8] = calloc(COUNT, sizeof *all);
    char component[GS_COMPONENT_MAX + 1];
    size_t used = 0;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            char bytes[] = {(char)first, (char)second};
            gs_path_component(bytes, 2, component);
            strcpy(all[used++], component);
        }
        char byte = (char)first;
        gs_path_component(&byte, 1, component);
        strcpy(all[used++], component);
    }
    gs_path_component("", 0, component);
    strcpy(all[used++], component);
    qsort(all, used, sizeof *all, compare);
    for (size_t i = 1; i < used; i++)
        assert_string_not_equal(all[i - 1], all[i]);
    free(all);
}

static void every_component_can_be_a_file_name(void **state)
{
    (void)state;
    unsigned seed = (unsigned)getpid();
    print_message("seed %u\n", seed);
    char bytes[600];
    char component[GS_COMPONENT_MAX + 1];
    char again[GS_COMPONENT_MAX + 1];
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)rand_r(&seed) % sizeof bytes;
        bool plain = round % 2 == 0;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)(plain ? 'a' + rand_r(&seed) % 26 : rand_r(&seed));
        size_t length = gs_path_component(bytes, size, component);
        assert_in_range(length, 1, GS_COMPONENT_MAX);
        assert_int_equal(strlen(component), length);
        assert_null(strchr(component, '/'));
        assert_true(component[0] != '.');
        for (size_t i = 0; i < length; i++)
            assert_true((unsigned char)component[i] >= 0x20 && component[i] != 0x7f);
        if (plain && size > 0) {
            assert_int_equal(gs_path_component(component, length, again), length);
            assert_string_equal(component, again);
        }
    }
}

static void overlong_names_are_shortened_with_a_hash(void **state)
{
    (void)state;
    char name[300];
    char one[GS_COMPONENT_MAX + 1];
    char other[GS_COMPONENT_MAX + 1];
    memset(name, '1', sizeof name);
    assert_int_equal(gs_path_component(name, 255, one), 255);
    assert_memory_equal(one, name, 255);
    assert_int_equal(gs_path_component(name, 256, one), 255);
    assert_memory_equal(one, name, 222);
    assert_int_equal(one[222], '~');
    assert_int_equal(strspn(one + 223, "0123456789abcdef"), 32);
    assert_int_equal(gs_path_component(name, 257, other), 255);
    assert_string_not_equal(one, other);
}

static void shortening_never_cuts_a_character_or_an_escape(void **state)
{
    (void)state;
    char component[GS_COMPONENT_MAX + 1];
    for (size_t before = 0; before < 4; before++) {
        char name[400] = {0};
        memset(name, 'x', before);
        for (size_t i = before; i + 3 < sizeof name; i += 3)
            memcpy(name + i, "\xe6\x97\xa5", 3);
        size_t length = gs_path_component(name, strlen(name), component);
        assert_int_equal((length - 33 - before) % 3, 0);
        memset(name + before, '/', sizeof name - before - 1);
        length = gs_path_component(name, strlen(name), component);
        assert_int_equal((length - 33 - before) % 3, 0);
    }
}

/* The output directory. */

static void expect_no_directory(const char *path, int system, const char *words)
{
    struct gs_error error = {0};
    assert_null(gs_directory_open(path, &error));
    assert_string_equal(error.code, "output-directory");
    assert_int_equal(error.system, system);
    assert_non_null(strstr(error.message, words));
    assert_non_null(strstr(error.message, path));
}

static void an_output_directory_that_cannot_be_used_is_found_at_once(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/missing", fixture->root);
    expect_no_directory(path, ENOENT, "create it first");
    snprintf(path, sizeof path, "%s/file", fixture->root);
    close(creat(path, 0666));
    expect_no_directory(path, ENOTDIR, "choose a directory");
    expect_no_directory("", ENOENT, "create it first");
}

/* Root may write everywhere, so become nobody for a moment. */
static void a_directory_without_write_permission_is_found_at_once(void **state)
{
    struct fixture *fixture = *state;
    bool root = geteuid() == 0;
    assert_int_equal(chmod(fixture->root, 0755), 0);
    assert_int_equal(chmod(fixture->out, 0555), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    struct gs_error error = {0};
    struct gs_directory *directory = gs_directory_open(fixture->out, &error);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_null(directory);
    assert_string_equal(error.code, "output-directory");
    assert_int_equal(error.system, EACCES);
    assert_non_null(strstr(error.message, "permissions"));
}

static void a_directory_that_may_not_be_listed_can_be_used(void **state)
{
    struct fixture *fixture = *state;
    bool root = geteuid() == 0;
    assert_int_equal(chmod(fixture->root, 0755), 0);
    assert_int_equal(chmod(fixture->out, 0333), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    struct gs_directory *directory = gs_directory_open(fixture->out, NULL);
    char name[GS_TEMPORARY_SIZE];
    int file = directory == NULL ? -1 : gs_directory_create_temporary(directory, name, NULL);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_true(file >= 0);
    close(file);
    assert_string_equal(gs_directory_path(directory), fixture->out);
    gs_directory_release(directory);
}

/* Names below it. */

static void sub_directories_are_made_as_needed(void **state)
{
    struct fixture *fixture = *state;
    struct gs_error error = {0};
    char safe[GS_PATH_MAX];
    size_t leaf = 0;
    for (int again = 0; again < 2; again++) {
        int parent = gs_directory_open_parent(fixture->directory, "a/b/c.dcm", safe, &leaf, &error);
        assert_true(parent >= 0);
        assert_string_equal(safe, "a/b/c.dcm");
        assert_string_equal(safe + leaf, "c.dcm");
        struct stat status;
        assert_int_equal(fstatat(parent, "../../a/b", &status, 0), 0);
        assert_true((fcntl(parent, F_GETFD) & FD_CLOEXEC) != 0);
        gs_directory_close_parent(fixture->directory, parent);
    }
    int parent = gs_directory_open_parent(fixture->directory, "x", safe, &leaf, &error);
    assert_int_equal(parent, gs_directory_descriptor(fixture->directory));
    assert_int_equal(leaf, 0);
}

static void no_name_leaves_the_output_directory(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {
        "../x/y", "../../../../tmp/x/y", "/x/y", "a/../../x/y", "./x/y", "a//x/y", "x/", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char safe[GS_PATH_MAX];
        size_t leaf;
        struct gs_error error = {0};
        int parent = gs_directory_open_parent(fixture->directory, names[i], safe, &leaf, &error);
        assert_true(parent >= 0);
        close(openat(parent, safe + leaf, O_CREAT | O_WRONLY, 0666));
        gs_directory_close_parent(fixture->directory, parent);
        assert_int_equal(faccessat(gs_directory_descriptor(fixture->directory), safe, F_OK, 0), 0);
        assert_int_equal(entries(fixture->root), 1);
    }
}

static void a_link_among_the_sub_directories_is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    char link[128];
    snprintf(link, sizeof link, "%s/elsewhere", fixture->root);
    assert_int_equal(mkdir(link, 0777), 0);
    snprintf(link, sizeof link, "%s/series", fixture->out);
    assert_int_equal(symlink("../elsewhere", link), 0);
    char safe[GS_PATH_MAX];
    size_t leaf;
    struct gs_error error = {0};
    assert_int_equal(
        gs_directory_open_parent(fixture->directory, "series/deep/x", safe, &leaf, &error), -1);
    assert_string_equal(error.code, "object-name");
    assert_non_null(strstr(error.message, "series"));
    snprintf(link, sizeof link, "%s/elsewhere", fixture->root);
    assert_int_equal(entries(link), 0);
}

static void a_file_among_the_sub_directories_is_an_error_of_the_name(void **state)
{
    struct fixture *fixture = *state;
    close(openat(gs_directory_descriptor(fixture->directory), "file", O_CREAT | O_WRONLY, 0666));
    char safe[GS_PATH_MAX];
    size_t leaf;
    struct gs_error error = {0};
    assert_int_equal(gs_directory_open_parent(fixture->directory, "file/x", safe, &leaf, &error),
                     -1);
    assert_string_equal(error.code, "object-name");
}

/* The safe name of one that is beyond a limit: its folders are there, and a file could be. */
static void shorten_path(struct fixture *fixture, const char *name, char safe[GS_PATH_MAX])
{
    size_t leaf;
    int parent = gs_directory_open_parent(fixture->directory, name, safe, &leaf, NULL);
    assert_true(parent >= 0);
    gs_directory_close_parent(fixture->directory, parent);
    assert_true(strlen(safe) < GS_PATH_MAX);
    assert_in_range(strlen(safe + leaf), 1, GS_COMPONENT_MAX);
    /* a second name of the same leaf has room */
    assert_true(leaf + GS_COMPONENT_MAX < GS_PATH_MAX);
    unsigned depth = 1;
    for (const char *slash = safe; (slash = strchr(slash, '/')) != NULL; slash++)
        depth++;
    assert_in_range(depth, 1, GS_PATH_DEPTH);
}

static void paths_beyond_the_limits_are_shortened_and_differ(void **state)
{
    struct fixture *fixture = *state;
    char deep[2 * GS_PATH_DEPTH + 2];
    for (size_t i = 0; i < sizeof deep; i++)
        deep[i] = i % 2 == 0 ? 'd' : '/';
    deep[sizeof deep - 1] = '\0'; /* one component too many */
    char wide[2 * GS_PATH_MAX];
    memset(wide, 'w', sizeof wide);
    for (size_t i = 200; i < sizeof wide; i += 200)
        wide[i] = '/';
    wide[sizeof wide - 1] = '\0';
    char *const names[] = {deep, wide};
    for (int i = 0; i < 2; i++) {
        char one[GS_PATH_MAX], other[GS_PATH_MAX];
        shorten_path(fixture, names[i], one);
        names[i][strlen(names[i]) - 1] = 'x';
        shorten_path(fixture, names[i], other);
        assert_string_not_equal(one, other);
        names[i][0] = 'x';
        shorten_path(fixture, names[i], one);
        assert_string_not_equal(one, other);
    }
    deep[sizeof deep - 3] = '\0'; /* as many as go */
    char safe[GS_PATH_MAX];
    shorten_path(fixture, deep, safe);
    assert_string_equal(safe, deep);
}

static void a_removed_output_directory_is_an_error_of_writing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(rmdir(fixture->out), 0);
    char safe[GS_PATH_MAX];
    char name[GS_TEMPORARY_SIZE];
    size_t leaf;
    struct gs_error error = {0};
    assert_int_equal(gs_directory_open_parent(fixture->directory, "a/b", safe, &leaf, &error), -1);
    assert_string_equal(error.code, "object-write");
    assert_int_equal(gs_directory_create_temporary(fixture->directory, name, &error), -1);
    assert_string_equal(error.code, "object-write");
    assert_int_equal(error.system, ENOENT);
}

/* Temporary names. */

static void temporary_names_tell_whose_they_are(void **state)
{
    struct fixture *fixture = *state;
    char prefix[32];
    snprintf(prefix, sizeof prefix, ".getscu-%ld-", (long)getpid());
    struct gs_directory *other = gs_directory_open(fixture->out, NULL);
    for (int i = 0; i < 100; i++) {
        char name[GS_TEMPORARY_SIZE];
        int file = gs_directory_create_temporary(i % 2 ? other : fixture->directory, name, NULL);
        assert_true(file >= 0);
        assert_true((fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
        close(file);
        assert_memory_equal(name, prefix, strlen(prefix));
        assert_string_equal(name + strlen(name) - 5, ".part");
    }
    assert_int_equal(entries(fixture->out), 100);
    gs_directory_release(other);
}

/* A forked process has the same series of names. */
static void a_temporary_name_that_is_taken_is_not_used(void **state)
{
    struct fixture *fixture = *state;
    char name[GS_TEMPORARY_SIZE];
    pid_t child = fork();
    if (child == 0) {
        bool made = true;
        for (int i = 0; i < 3; i++)
            made = made && gs_directory_create_temporary(fixture->directory, name, NULL) >= 0;
        _exit(made ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 3; i++) {
        int file = gs_directory_create_temporary(fixture->directory, name, NULL);
        assert_true(file >= 0);
        close(file);
    }
    assert_int_equal(entries(fixture->out), 6);
}

static void no_file_descriptors_left_is_an_error_of_writing(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    char name[GS_TEMPORARY_SIZE] = "x";
    struct gs_error error = {0};
    int file = gs_directory_create_temporary(fixture->directory, name, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(file, -1);
    assert_string_equal(error.code, "object-write");
    assert_int_equal(error.system, EMFILE);
    assert_string_equal(name, "");
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_names_stay_as_they_are),
        cmocka_unit_test(dangerous_names_are_harmless),
        cmocka_unit_test(what_is_not_utf8_is_written_in_hexadecimal),
        cmocka_unit_test(different_names_give_different_components),
        cmocka_unit_test(every_component_can_be_a_file_name),
        cmocka_unit_test(overlong_names_are_shortened_with_a_hash),
        cmocka_unit_test(shortening_never_cuts_a_character_or_an_escape),
        WITH_DIRECTORY(an_output_directory_that_cannot_be_used_is_found_at_once),
        WITH_DIRECTORY(a_directory_without_write_permission_is_found_at_once),
        WITH_DIRECTORY(a_directory_that_may_not_be_listed_can_be_used),
        WITH_DIRECTORY(sub_directories_are_made_as_needed),
        WITH_DIRECTORY(no_name_leaves_the_output_directory),
        WITH_DIRECTORY(a_link_among_the_sub_directories_is_not_followed),
        WITH_DIRECTORY(a_file_among_the_sub_directories_is_an_error_of_the_name),
        WITH_DIRECTORY(paths_beyond_the_limits_are_shortened_and_differ),
        WITH_DIRECTORY(a_removed_output_directory_is_an_error_of_writing),
        WITH_DIRECTORY(temporary_names_tell_whose_they_are),
        WITH_DIRECTORY(a_temporary_name_that_is_taken_is_not_used),
        WITH_DIRECTORY(no_file_descriptors_left_is_an_error_of_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

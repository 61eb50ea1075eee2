/*
 * sinks: an output directory, a budget, something to put there, and a kernel that fails.
 *
 * The system calls that a sink makes are counted, cut short and made to fail on their way to the
 * kernel: this program's definitions come before those of the C library. One test file of a program
 * includes this.
 */
#ifndef SINKS_H
#define SINKS_H

#include "storage/sink.h"

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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kernel, as far as a test wants it to be worse than it is. */

static struct {
    bool watched;         /* only calls of the test's object count */
    int fail_at;          /* the number of the call that fails, from 1; 0: none */
    int error;            /* its errno */
    bool no_renameat2;    /* EINVAL, as of a FUSE file system */
    bool no_link;         /* EPERM, as of FAT */
    unsigned *short_seed; /* writes are cut and interrupted at random */
    int calls;
    int opened, written, closed, renamed, synced, reads;
} kernel;

static inline bool call_fails(int *counter)
{
    if (!kernel.watched)
        return false;
    ++*counter;
    if (++kernel.calls != kernel.fail_at)
        return false;
    errno = kernel.error;
    return true;
}

int openat(int parent, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (call_fails(&kernel.opened))
        return -1;
    return (int)syscall(SYS_openat, parent, name, flags, mode);
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count)
{
    if (call_fails(&kernel.written))
        return -1;
    if (kernel.watched && kernel.short_seed != NULL) {
        if (rand_r(kernel.short_seed) % 3 == 0) {
            errno = EINTR;
            return -1;
        }
        size_t size = 1 + (size_t)rand_r(kernel.short_seed) % pieces[0].iov_len;
        if (size < pieces[0].iov_len || rand_r(kernel.short_seed) % 2 == 0)
            return syscall(SYS_write, descriptor, pieces[0].iov_base, size);
    }
    return syscall(SYS_writev, descriptor, pieces, count);
}

ssize_t read(int descriptor, void *bytes, size_t size)
{
    return call_fails(&kernel.reads) ? -1 : syscall(SYS_read, descriptor, bytes, size);
}

int close(int descriptor)
{
    bool fails = call_fails(&kernel.closed);
    int result = (int)syscall(SYS_close, descriptor);
    if (fails)
        errno = kernel.error;
    return fails ? -1 : result;
}

int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags)
{
    if (kernel.no_renameat2) {
        errno = EINVAL;
        return -1;
    }
    if (call_fails(&kernel.renamed))
        return -1;
    return (int)syscall(SYS_renameat2, from, name, to, new_name, flags);
}

int linkat(int from, const char *name, int to, const char *new_name, int flags)
{
    if (kernel.no_link) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, from, name, to, new_name, flags);
}

int fsync(int descriptor)
{
    return call_fails(&kernel.synced) ? -1 : (int)syscall(SYS_fsync, descriptor);
}

/* An output directory, a budget, and something to put there. */

enum { MIB = 1 << 20 };

struct fixture {
    char path[64];
    struct gs_directory *directory;
    struct gs_budget budget;
    uint8_t *data; /* 6 MiB that do not repeat */
    unsigned seed;
};

static inline int setup(void **state)
{
    memset(&kernel, 0, sizeof kernel);
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->path, "/tmp/getscu-sink-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    fixture->directory = gs_directory_open(fixture->path, NULL);
    assert_non_null(fixture->directory);
    gs_budget_init(&fixture->budget);
    fixture->seed = (unsigned)getpid();
    fixture->data = malloc(6 * MIB);
    for (uint32_t i = 0, value = 1; i < 6 * MIB; i++, value = value * 1664525 + 1013904223)
        fixture->data[i] = (uint8_t)(value >> 24);
    alarm(120); /* what blocks on a FIFO fails */
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    memset(&kernel, 0, sizeof kernel);
    assert_int_equal(fixture->budget.used, 0);
    gs_directory_release(fixture->directory);
    gs_budget_clear(&fixture->budget);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->path);
    int result = system(command);
    free(fixture->data);
    free(fixture);
    return result;
}

static const struct gs_part10 meta = {
    .sop_class = "1.2.840.10008.5.1.4.1.1.2",
    .sop_class_size = 25,
    .sop_instance = "1.2.3.4",
    .sop_instance_size = 7,
    .transfer_syntax = "1.2.840.10008.1.2",
    .transfer_syntax_size = 17,
    .implementation_class = "1.2.3.99",
    .implementation_version = "GETSCU",
};

static inline int in(const struct fixture *fixture)
{
    return gs_directory_descriptor(fixture->directory);
}

/* All files and directories in the output directory, hidden ones too. */
static inline int entries(const struct fixture *fixture)
{
    int count = -2;
    DIR *directory = opendir(fixture->path);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static inline void plant(const struct fixture *fixture, const char *name, const void *bytes,
                         size_t size)
{
    int file = openat(in(fixture), name, O_CREAT | O_TRUNC | O_WRONLY, 0666);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    close(file);
}

/* The file has the meta information, if there is any, and then these bytes. */
static inline void expect_file(const struct fixture *fixture, const char *name,
                               const struct gs_part10 *header, const uint8_t *data, size_t size)
{
    uint8_t expected[GS_PART10_MAX];
    size_t before = header == NULL ? 0 : gs_part10_encode(header, expected, sizeof expected);
    int file = openat(in(fixture), name, O_RDONLY | O_NOFOLLOW);
    if (file < 0)
        fail_msg("no file %s", name);
    uint8_t *found = malloc(before + size + 1);
    assert_int_equal(read(file, found, before + size + 1), before + size);
    close(file);
    if (memcmp(found, expected, before) != 0 ||
        (size > 0 && memcmp(found + before, data, size) != 0))
        fail_msg("%s has other bytes", name);
    free(found);
}

/* Write an object in pieces; `piece` 0: of random sizes. */
static inline int write_pieces(struct fixture *fixture, struct gs_sink *sink, size_t size,
                               size_t piece, struct gs_error *error)
{
    for (size_t done = 0; done < size;) {
        size_t next = piece > 0 ? piece : 1 + (size_t)rand_r(&fixture->seed) % 100000;
        if (next > size - done)
            next = size - done;
        if (gs_sink_write(sink, fixture->data + done, next, error) != 0)
            return -1;
        const struct gs_budget *budget = &fixture->budget;
        assert_true(budget->used + budget->spare_capacity <= budget->total_max);
        done += next;
    }
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

#include "storage/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void gs_temporary_init(struct gs_temporary *file, struct gs_directory *directory)
{
    *file = (struct gs_temporary){.directory = gs_directory_hold(directory), .descriptor = -1};
}

void gs_temporary_clear(struct gs_temporary *file)
{
    gs_temporary_remove(file);
    free(file->gathered);
    gs_directory_release(file->directory);
    *file = (struct gs_temporary){.descriptor = -1};
}

static int failed(const struct gs_temporary *file, int system, struct gs_error *error)
{
    return gs_error_system(error, "object-write", system, "cannot write %s in %.200s", file->name,
                           gs_directory_path(file->directory));
}

int gs_temporary_create(struct gs_temporary *file, struct gs_error *error)
{
    file->gathered_size = file->pieces_size = 0;
    file->piece_count = 0;
    struct gs_leftover *leftover = gs_leftover_claim();
    file->descriptor = gs_directory_create_temporary(file->directory, file->name, error);
    if (file->descriptor < 0) {
        gs_leftover_free(leftover);
        return -1;
    }
    gs_leftover_list(leftover, gs_directory_descriptor(file->directory), file->name);
    file->leftover = leftover;
    return 0;
}

/* Write all pieces, whatever the kernel cuts short. */
static int write_all(const struct gs_temporary *file, struct iovec *pieces, int count,
                     struct gs_error *error)
{
    for (;;) {
        while (count > 0 && pieces->iov_len == 0) {
            pieces++;
            count--;
        }
        if (count == 0)
            return 0;
        ssize_t written = writev(file->descriptor, pieces, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return failed(file, written < 0 ? errno : EIO, error);
        for (size_t left = (size_t)written; left > 0;) {
            size_t part = left < pieces->iov_len ? left : pieces->iov_len;
            pieces->iov_base = (uint8_t *)pieces->iov_base + part;
            pieces->iov_len -= part;
            left -= part;
            if (pieces->iov_len == 0) {
                pieces++;
                count--;
            }
        }
    }
}

/* What is gathered goes out together with what is borrowed. */
static int flush(struct gs_temporary *file, struct gs_error *error)
{
    int count = 1 + file->piece_count;
    file->pieces[0] = (struct iovec){.iov_base = file->gathered, .iov_len = file->gathered_size};
    file->gathered_size = file->pieces_size = 0;
    file->piece_count = 0;
    return write_all(file, file->pieces, count, error);
}

int gs_temporary_write(struct gs_temporary *file, const uint8_t *bytes, size_t size,
                       struct gs_error *error)
{
    if (file->piece_count == GS_PIECES_MAX && gs_temporary_settle(file, error) != 0)
        return -1;
    file->pieces[1 + file->piece_count++] =
        (struct iovec){.iov_base = (void *)bytes, .iov_len = size};
    file->pieces_size += size;
    return 0;
}

int gs_temporary_copy(struct gs_temporary *file, const uint8_t *bytes, size_t size,
                      struct gs_error *error)
{
    if (gs_temporary_settle(file, error) != 0)
        return -1;
    if (file->gathered_size + size > GS_GATHER_SIZE && flush(file, error) != 0)
        return -1;
    if (file->gathered == NULL && (file->gathered = malloc(GS_GATHER_SIZE)) == NULL)
        return failed(file, ENOMEM, error);
    memcpy(file->gathered + file->gathered_size, bytes, size);
    file->gathered_size += size;
    return 0;
}

int gs_temporary_settle(struct gs_temporary *file, struct gs_error *error)
{
    if (file->gathered_size + file->pieces_size >= GS_GATHER_SIZE)
        return flush(file, error);
    if (file->gathered == NULL && (file->gathered = malloc(GS_GATHER_SIZE)) == NULL)
        return failed(file, ENOMEM, error);
    for (int i = 1; i <= file->piece_count; i++) {
        if (file->pieces[i].iov_len > 0)
            memcpy(file->gathered + file->gathered_size, file->pieces[i].iov_base,
                   file->pieces[i].iov_len);
        file->gathered_size += file->pieces[i].iov_len;
    }
    file->piece_count = 0;
    file->pieces_size = 0;
    return 0;
}

int gs_temporary_write_pair(struct gs_temporary *file, const uint8_t *first, size_t first_size,
                            const uint8_t *second, size_t second_size, struct gs_error *error)
{
    struct iovec pieces[] = {{.iov_base = (void *)first, .iov_len = first_size},
                             {.iov_base = (void *)second, .iov_len = second_size}};
    return write_all(file, pieces, 2, error);
}

/* Some file systems tell only here that the disk is full. */
int gs_temporary_close(struct gs_temporary *file, struct gs_error *error)
{
    if (file->descriptor < 0)
        return 0;
    if (flush(file, error) != 0)
        return -1;
    if (gs_directory_syncs_each(file->directory) && fsync(file->descriptor) != 0)
        return failed(file, errno, error);
    int descriptor = file->descriptor;
    file->descriptor = -1;
    return close(descriptor) == 0 ? 0 : failed(file, errno, error);
}

int gs_temporary_open(const struct gs_temporary *file, struct gs_error *error)
{
    int descriptor = openat(gs_directory_descriptor(file->directory), file->name,
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0)
        return gs_error_system(error, "object-write", errno, "cannot read %s in %.200s", file->name,
                               gs_directory_path(file->directory));
    return descriptor;
}

void gs_temporary_forget(struct gs_temporary *file)
{
    gs_leftover_free(file->leftover);
    file->leftover = NULL;
    file->name[0] = '\0';
}

void gs_temporary_remove(struct gs_temporary *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    if (file->name[0] != '\0')
        unlinkat(gs_directory_descriptor(file->directory), file->name, 0);
    file->descriptor = -1;
    gs_temporary_forget(file);
    file->gathered_size = file->pieces_size = 0;
    file->piece_count = 0;
}

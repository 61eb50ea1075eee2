#include "storage/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_NAMES_MAX 999
#define COMPARE_SIZE     16384

/* Where the file goes: `leaf` in the directory `parent`. */
struct place {
    int parent;
    const char *leaf;
};

/* Without renameat2(2), as on some network and FUSE file systems: a link never replaces anything
 * either. Where there are no links, look first; a file that another process makes right in between
 * is replaced, which no call could prevent there. */
static int move_without_replace_call(int from, const char *name, const struct place *to)
{
    if (linkat(from, name, to->parent, to->leaf, 0) == 0)
        return unlinkat(from, name, 0);
    if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP && errno != EMLINK)
        return -1;
    struct stat status;
    if (fstatat(to->parent, to->leaf, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return errno == ENOENT ? renameat(from, name, to->parent, to->leaf) : -1;
}

/* 0, or errno: EEXIST where something has the name. */
static int move(struct gs_temporary *file, const struct place *to, bool replace)
{
    int from = gs_directory_descriptor(file->directory);
    int result;
    if (replace) {
        result = renameat(from, file->name, to->parent, to->leaf);
    } else {
        result = renameat2(from, file->name, to->parent, to->leaf, RENAME_NOREPLACE);
        if (result != 0 && (errno == EINVAL || errno == ENOSYS))
            result = move_without_replace_call(from, file->name, to);
    }
    if (result != 0)
        return errno;
    gs_temporary_forget(file);
    return 0;
}

static ssize_t read_full(int descriptor, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = read(descriptor, bytes + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

static bool same_bytes(int one, int other)
{
    uint8_t ones[COMPARE_SIZE];
    uint8_t others[COMPARE_SIZE];
    for (;;) {
        ssize_t count = read_full(one, ones, sizeof ones);
        if (count < 0 || read_full(other, others, sizeof others) != count)
            return false;
        if (count == 0)
            return true;
        if (memcmp(ones, others, (size_t)count) != 0)
            return false;
    }
}

/* Anything may have been planted under the name: never wait for a FIFO, never follow a link. */
static int open_existing(int parent, const char *name, struct stat *status)
{
    int descriptor =
        openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, status) == 0 && S_ISREG(status->st_mode))
        return descriptor;
    close(descriptor);
    return -1;
}

/* Whether the file there has the bytes of ours. What cannot be read has others: a second name loses
 * nothing. */
static bool is_duplicate(const struct gs_temporary *file, const struct place *place)
{
    struct stat existing;
    struct stat ours;
    int other = open_existing(place->parent, place->leaf, &existing);
    if (other < 0)
        return false;
    bool same = false;
    int mine = open_existing(gs_directory_descriptor(file->directory), file->name, &ours);
    if (mine >= 0) {
        same = ours.st_size == existing.st_size && same_bytes(mine, other);
        /* it may have come from a run that did not wait for the disk */
        if (same && gs_directory_syncs_each(file->directory))
            same = fsync(other) == 0;
        close(mine);
    }
    close(other);
    return same;
}

static int failed(int system, const struct gs_temporary *file, const char *safe,
                  struct gs_error *error)
{
    return gs_error_system(error, gs_path_error_code(system), system,
                           "cannot give a file in %.150s the name %.250s",
                           gs_directory_path(file->directory), safe);
}

/* NAME~2 and so on; a name that has no room for that is shortened once more. */
static int second_name(char name[GS_PATH_MAX], size_t leaf, const char *first, int number,
                       struct gs_error *error)
{
    char longer[GS_COMPONENT_MAX + 16];
    char component[GS_COMPONENT_MAX + 1];
    int size = snprintf(longer, sizeof longer, "%s~%d", first, number);
    if ((size_t)size <= GS_COMPONENT_MAX)
        memcpy(component, longer, (size_t)size + 1);
    else if (gs_path_component(longer, (size_t)size, component) == 0)
        return gs_error_system(error, "object-write", ENOMEM, "cannot shorten a name");
    strcpy(name + leaf, component); /* safe_name() leaves room for any component */
    return 0;
}

/* Something has the name. */
static int find_distinct(struct gs_temporary *file, const struct place *place, size_t leaf,
                         struct gs_committed *committed, struct gs_error *error)
{
    char first[GS_COMPONENT_MAX + 1];
    strcpy(first, place->leaf);
    for (int number = 2; number <= SECOND_NAMES_MAX; number++) {
        struct stat status;
        if (fstatat(place->parent, place->leaf, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode))
            return failed(EISDIR, file, committed->name, error);
        if (is_duplicate(file, place)) {
            gs_temporary_remove(file);
            committed->duplicate = true;
            return 0;
        }
        if (second_name(committed->name, leaf, first, number, error) != 0)
            return -1;
        committed->renamed = true;
        int system = move(file, place, false);
        if (system != EEXIST)
            return system == 0 ? 0 : failed(system, file, committed->name, error);
    }
    return gs_error_set(error, "object-name", "%d other files have the name %.250s in %.150s",
                        SECOND_NAMES_MAX, first, gs_directory_path(file->directory));
}

/* Something has the name; only a file is worth keeping in place of ours. */
static int keep_existing(struct gs_temporary *file, const struct place *place,
                         struct gs_committed *committed, struct gs_error *error)
{
    struct stat status;
    if (fstatat(place->parent, place->leaf, &status, 0) != 0)
        return failed(errno == ENOENT ? EEXIST : errno, file, committed->name, error);
    if (!S_ISREG(status.st_mode))
        return failed(S_ISDIR(status.st_mode) ? EISDIR : EEXIST, file, committed->name, error);
    gs_temporary_remove(file);
    committed->kept = true;
    return 0;
}

static int replace_existing(struct gs_temporary *file, const struct place *place,
                            struct gs_committed *committed, struct gs_error *error)
{
    committed->replaced = true;
    int system = move(file, place, true);
    return system == 0 ? 0 : failed(system, file, committed->name, error);
}

static int place_file(struct gs_temporary *file, const struct place *place, size_t leaf,
                      enum gs_collision collision, struct gs_committed *committed,
                      struct gs_error *error)
{
    int system = move(file, place, false);
    if (system != EEXIST)
        return system == 0 ? 0 : failed(system, file, committed->name, error);
    switch (collision) {
    case GS_COLLISION_REPLACE:
        return replace_existing(file, place, committed, error);
    case GS_COLLISION_DISTINCT:
        return find_distinct(file, place, leaf, committed, error);
    case GS_COLLISION_KEEP:
        return keep_existing(file, place, committed, error);
    case GS_COLLISION_REFUSE:
        break;
    }
    return gs_error_set(error, "object-exists", "%.150s has a file %.250s already",
                        gs_directory_path(file->directory), committed->name);
}

int gs_commit(struct gs_temporary *file, const char *name, enum gs_collision collision,
              struct gs_committed *committed, struct gs_error *error)
{
    size_t leaf;
    committed->replaced = committed->duplicate = false;
    committed->renamed = committed->kept = false;
    int parent = gs_directory_open_parent(file->directory, name, committed->name, &leaf, error);
    if (parent < 0)
        return -1;
    struct place place = {.parent = parent, .leaf = committed->name + leaf};
    int result = place_file(file, &place, leaf, collision, committed, error);
    if (result == 0 && gs_directory_syncs_each(file->directory) && fsync(parent) != 0 &&
        errno != EBADF) /* a directory that can only be opened as a path cannot be synced */
        result = failed(errno, file, committed->name, error);
    gs_directory_close_parent(file->directory, parent);
    return result;
}

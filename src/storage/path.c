#include "storage/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HASH_BYTES 16                   /* of SHA-256, in a shortened name */
#define HASH_SIZE  (1 + 2 * HASH_BYTES) /* '~' and the digits */

/* Drawing a new random number EEXIST after EEXIST means that something else is wrong. */
#define TEMPORARY_ATTEMPTS 8

struct gs_directory {
    unsigned references;
    int descriptor;
    bool sync_each;
    uint64_t free;   /* bytes to be left free */
    uint64_t serial; /* of the next temporary file; saves a getrandom(2) for each */
    char stem[48];   /* what its temporary names begin with */
    char path[];
};

/* Components. */

/* How many of the bytes are one well-formed UTF-8 character that is no control character; 0: none.
 */
static size_t character(const unsigned char *bytes, size_t size)
{
    unsigned char first = bytes[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > size)
        return 0;
    uint32_t code = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    static const uint32_t lowest[] = {0, 0, 0xa0, 0x800, 0x10000}; /* below A0H: C1 controls */
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < lowest[length] || code > 0x10ffff || surrogate ? 0 : length;
}

static bool is_special(unsigned char byte)
{
    return byte == '/' || byte == '\\' || byte == '%';
}

/* Cut a component so that a hash fits, between characters and escapes, and append the hash. */
static size_t shorten(const char *bytes, size_t size, char component[GS_COMPONENT_MAX + 1],
                      size_t cut)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (EVP_Digest(bytes, size, hash, NULL, EVP_sha256(), NULL) != 1) {
        component[0] = '\0';
        return 0;
    }
    char *end = component + cut;
    *end++ = '~';
    for (size_t i = 0; i < HASH_BYTES; i++)
        end += sprintf(end, "%02x", hash[i]);
    return cut + HASH_SIZE;
}

size_t gs_path_component(const char *bytes, size_t size, char component[GS_COMPONENT_MAX + 1])
{
    const unsigned char *from = (const unsigned char *)bytes;
    size_t used = 0;
    size_t cut = 0; /* where it would be cut */
    for (size_t i = 0; i < size;) {
        size_t length = character(from + i, size - i);
        bool escape = length == 0 || is_special(from[i]) || (i == 0 && from[i] == '.');
        size_t written = escape ? 3 : length;
        if (used + written > GS_COMPONENT_MAX)
            return shorten(bytes, size, component, cut);
        if (escape)
            sprintf(component + used, "%%%02X", from[i]);
        else
            memcpy(component + used, from + i, length);
        used += written;
        i += escape ? 1 : length;
        if (used <= GS_COMPONENT_MAX - HASH_SIZE)
            cut = used;
    }
    if (used == 0)
        component[used++] = '%';
    component[used] = '\0';
    return used;
}

const char *gs_path_error_code(int system)
{
    switch (system) {
    case EEXIST:
    case EILSEQ:
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOTDIR:
        return "object-name";
    default:
        return "object-write";
    }
}

/* The output directory. */

/* A directory that may be entered and written, but not listed, can only be opened as a path. */
static int open_directory(int parent, const char *name, int flags)
{
    flags |= O_DIRECTORY | O_CLOEXEC;
    int descriptor = openat(parent, name, O_RDONLY | flags);
    if (descriptor < 0 && errno == EACCES)
        descriptor = openat(parent, name, O_PATH | flags);
    return descriptor;
}

static int draw_stem(struct gs_directory *directory)
{
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return -1;
    snprintf(directory->stem, sizeof directory->stem, ".getscu-%ld-%016" PRIx64, (long)getpid(),
             random);
    return 0;
}

static int explain(const char *path, int system, struct gs_error *error)
{
    const char *code = "output-directory";
    switch (system) {
    case ENOENT:
        return gs_error_system(error, code, system,
                               "cannot use the output directory %.200s (create it first, or choose "
                               "another)",
                               path);
    case ENOTDIR:
        return gs_error_system(error, code, system,
                               "cannot use %.200s as output directory (choose a directory)", path);
    case EACCES:
    case EPERM:
    case EROFS:
        return gs_error_system(error, code, system,
                               "cannot write to the output directory %.200s (change its "
                               "permissions, or choose another)",
                               path);
    default:
        return gs_error_system(error, code, system,
                               "cannot open the output directory %.200s (choose another)", path);
    }
}

static int open_writable(const char *path, struct gs_error *error)
{
    int descriptor = open_directory(AT_FDCWD, path, 0);
    if (descriptor < 0)
        return explain(path, errno, error);
    if (faccessat(descriptor, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        explain(path, errno, error);
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static uint64_t free_for_others(int descriptor)
{
    struct statvfs system;
    if (fstatvfs(descriptor, &system) != 0)
        return 0;
    uint64_t part = (uint64_t)system.f_blocks * system.f_frsize / 100;
    return part < GS_ROOM_MIN ? GS_ROOM_MIN : part > GS_ROOM_MAX ? GS_ROOM_MAX : part;
}

struct gs_directory *gs_directory_open(const char *path, struct gs_error *error)
{
    size_t size = strlen(path) + 1;
    struct gs_directory *directory = calloc(1, sizeof *directory + size);
    if (directory == NULL || draw_stem(directory) != 0) {
        explain(path, errno, error);
        free(directory);
        return NULL;
    }
    memcpy(directory->path, path, size);
    directory->references = 1;
    directory->descriptor = open_writable(path, error);
    if (directory->descriptor < 0) {
        free(directory);
        return NULL;
    }
    directory->free = free_for_others(directory->descriptor);
    return directory;
}

struct gs_directory *gs_directory_hold(struct gs_directory *directory)
{
    directory->references++;
    return directory;
}

void gs_directory_release(struct gs_directory *directory)
{
    if (directory == NULL || --directory->references > 0)
        return;
    close(directory->descriptor);
    free(directory);
}

const char *gs_directory_path(const struct gs_directory *directory)
{
    return directory->path;
}

int gs_directory_descriptor(const struct gs_directory *directory)
{
    return directory->descriptor;
}

void gs_directory_sync_each(struct gs_directory *directory, bool each)
{
    directory->sync_each = each;
}

bool gs_directory_syncs_each(const struct gs_directory *directory)
{
    return directory->sync_each;
}

int gs_directory_sync(struct gs_directory *directory, struct gs_error *error)
{
    /* Not on the descriptor that is held: it may be open as a path only. */
    int descriptor = openat(directory->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = descriptor < 0 ? -1 : syncfs(descriptor);
    int system = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (result == 0)
        return 0;
    return gs_error_system(error, "object-write", system,
                           "cannot bring the output directory %.200s to the disk", directory->path);
}

void gs_directory_keep_free(struct gs_directory *directory, uint64_t bytes)
{
    directory->free = bytes;
}

bool gs_directory_has_room(const struct gs_directory *directory)
{
    struct statvfs system;
    if (fstatvfs(directory->descriptor, &system) != 0 || system.f_blocks == 0)
        return true;
    return (uint64_t)system.f_bavail * system.f_frsize > directory->free;
}

/* Names below it. */

/* Where folders have no room any more, all that is left of the name is one component, which is
 * shortened like any other. */
static int safe_name(const char *name, char safe[GS_PATH_MAX], size_t *leaf, struct gs_error *error)
{
    char component[GS_COMPONENT_MAX + 1];
    size_t used = 0;
    for (unsigned depth = 1;; depth++) {
        size_t size = strcspn(name, "/");
        size_t length = gs_path_component(name, size, component);
        bool has_room = used + length + 1 + sizeof component <= GS_PATH_MAX;
        if (name[size] != '\0' && (depth == GS_PATH_DEPTH || !has_room)) {
            size = strlen(name);
            length = gs_path_component(name, size, component);
        }
        if (length == 0)
            return gs_error_system(error, "object-write", ENOMEM, "cannot shorten a name");
        memcpy(safe + used, component, length + 1);
        *leaf = used;
        used += length;
        if (name[size] == '\0')
            return 0;
        safe[used++] = '/';
        name += size + 1;
    }
}

/* Open a sub-directory, which is made if it is missing. Another process may make it at the same
 * time. */
static int enter(const struct gs_directory *directory, int parent, const char *component)
{
    int child = open_directory(parent, component, O_NOFOLLOW);
    if (child >= 0 || errno != ENOENT)
        return child;
    if (mkdirat(parent, component, 0777) != 0 && errno != EEXIST)
        return -1;
    if (directory->sync_each && fsync(parent) != 0)
        return -1;
    return open_directory(parent, component, O_NOFOLLOW);
}

int gs_directory_open_parent(struct gs_directory *directory, const char *name,
                             char safe[GS_PATH_MAX], size_t *leaf, struct gs_error *error)
{
    if (safe_name(name, safe, leaf, error) != 0)
        return -1;
    int parent = directory->descriptor;
    char *component = safe;
    for (char *slash; (slash = strchr(component, '/')) != NULL; component = slash + 1) {
        *slash = '\0';
        int child = enter(directory, parent, component);
        int system = errno;
        gs_directory_close_parent(directory, parent);
        if (child < 0)
            return gs_error_system(error, gs_path_error_code(system), system,
                                   "cannot make or open the directory %.200s below %.200s", safe,
                                   directory->path);
        *slash = '/';
        parent = child;
    }
    return parent;
}

void gs_directory_close_parent(struct gs_directory *directory, int parent)
{
    if (parent >= 0 && parent != directory->descriptor)
        close(parent);
}

int gs_directory_create_temporary(struct gs_directory *directory, char name[GS_TEMPORARY_SIZE],
                                  struct gs_error *error)
{
    int descriptor = -1;
    for (int attempt = 0; descriptor < 0 && attempt < TEMPORARY_ATTEMPTS; attempt++) {
        snprintf(name, GS_TEMPORARY_SIZE, "%s-%" PRIu64 ".part", directory->stem,
                 directory->serial++);
        do
            descriptor = openat(directory->descriptor, name,
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        while (descriptor < 0 && errno == EINTR);
        /* Somebody has the name, a forked process for instance: begin a series of our own. */
        if (descriptor < 0 && (errno != EEXIST || draw_stem(directory) != 0))
            break;
    }
    if (descriptor >= 0)
        return descriptor;
    int system = errno;
    name[0] = '\0';
    return gs_error_system(error, "object-write", system, "cannot create a file in %.200s",
                           directory->path);
}

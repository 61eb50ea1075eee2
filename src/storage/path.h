/*
 * path: the one function that makes a name from outside safe, and the output directory.
 *
 * Every name from the peer, a script or a report passes gs_path_component() or
 * gs_directory_open_parent() before it reaches the file system; nothing else in the project opens a
 * file for writing below the output directory. Directories are held as descriptors, opened with
 * O_NOFOLLOW and O_CLOEXEC below the output directory itself.
 */
#ifndef GS_PATH_H
#define GS_PATH_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS_COMPONENT_MAX 255  /* bytes of one path component, NAME_MAX of Linux */
#define GS_PATH_MAX      4096 /* bytes of a relative name, its NUL included */
#define GS_PATH_DEPTH    32   /* components of a relative name */

/* Make one path component from `size` arbitrary bytes: control characters, '/', '\\', '%', invalid
 * UTF-8 and a leading '.' become %XX for each byte; nothing becomes "%"; what is then longer than
 * GS_COMPONENT_MAX is cut and ends in '~' and 32 hexadecimal digits of the SHA-256 of the original.
 * Idempotent for names without such bytes; two names give one component only where one of them is
 * the shortened other, or where hashes collide. Returns the length written to `component`; 0 and
 * an empty component only if a name could not be hashed for want of memory. */
size_t gs_path_component(const char *bytes, size_t size, char component[GS_COMPONENT_MAX + 1]);

/* The code of an error of a system call that was given a name: "object-name" where it is the name
 * that does not go (a directory has it, a link stands in the way), else "object-write". */
const char *gs_path_error_code(int system);

/* An output directory, held open. It must exist and be writable ("output-directory" otherwise). */
struct gs_directory;
struct gs_directory *gs_directory_open(const char *path, struct gs_error *error);
struct gs_directory *gs_directory_hold(struct gs_directory *directory); /* one reference more */
void gs_directory_release(struct gs_directory *directory);              /* NULL: nothing */
const char *gs_directory_path(const struct gs_directory *directory);    /* as it was given */
int gs_directory_descriptor(const struct gs_directory *directory);

/* Power loss: with `each`, every object is on the disk when its commit returns (off by default).
 * gs_directory_sync() brings all that was committed so far to the disk ("object-write"). */
void gs_directory_sync_each(struct gs_directory *directory, bool each);
bool gs_directory_syncs_each(const struct gs_directory *directory);
int gs_directory_sync(struct gs_directory *directory, struct gs_error *error);

/* Whether the file system has more room than is always left free for others: 1 % of it, but
 * GS_ROOM_MIN to GS_ROOM_MAX bytes. True where it does not say. */
#define GS_ROOM_MIN ((uint64_t)4 << 20)
#define GS_ROOM_MAX ((uint64_t)64 << 20)
void gs_directory_keep_free(struct gs_directory *directory, uint64_t bytes); /* another amount */
bool gs_directory_has_room(const struct gs_directory *directory);

/* Make a relative name safe, component by component, and open the directory that its last component
 * lies in; what is missing is made, links are not followed. Components that would be too many, or
 * too long together, are one. `safe` receives the name, `leaf` where its last component begins.
 * Returns a descriptor for gs_directory_close_parent(), or -1. */
int gs_directory_open_parent(struct gs_directory *directory, const char *name,
                             char safe[GS_PATH_MAX], size_t *leaf, struct gs_error *error);
void gs_directory_close_parent(struct gs_directory *directory, int parent);

/* Create a temporary file in the output directory, under a name that no process made before and no
 * component can have. Returns its descriptor, open for writing, or -1. */
#define GS_TEMPORARY_SIZE 64 /* bytes of a temporary name, its NUL included */
int gs_directory_create_temporary(struct gs_directory *directory, char name[GS_TEMPORARY_SIZE],
                                  struct gs_error *error);

#endif

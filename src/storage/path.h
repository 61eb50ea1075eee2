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

#define GS_COMPONENT_MAX 255 /* bytes of one path component, NAME_MAX of Linux */
#define GS_PATH_MAX      4096 /* bytes of a relative name, its NUL included */
#define GS_PATH_DEPTH    32   /* components of a relative name */

/* Make one path component from `size` arbitrary bytes: bytes below 20H, 7FH, '/', '\\', '%', invalid
 * UTF-8 and a leading '.' become %XX; nothing becomes "%"; what is then longer than
 * GS_COMPONENT_MAX is cut and ends in '~' and 32 hexadecimal digits of the SHA-256 of the original.
 * Injective but for hash collisions, and idempotent for names without such bytes. Returns the length
 * written to `component`. */
size_t gs_path_component(const char *bytes, size_t size, char component[GS_COMPONENT_MAX + 1]);

/* An output directory, held open. It must exist and be writable ("output-directory" otherwise). */
struct gs_directory;
struct gs_directory *gs_directory_open(const char *path, struct gs_error *error);
struct gs_directory *gs_directory_hold(struct gs_directory *directory); /* one reference more */
void gs_directory_release(struct gs_directory *directory);
const char *gs_directory_path(const struct gs_directory *directory); /* as it was given */
int gs_directory_descriptor(const struct gs_directory *directory);

#endif

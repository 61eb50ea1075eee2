/*
 * temporary: a file that has no name of its own yet; private to storage/.
 *
 * It is created, written, closed, and then moved to its name or removed. What is written is
 * borrowed until gs_temporary_settle(), and then goes to the kernel in one call without having been
 * copied; only what is too little for a call of its own is gathered, so that each write(2) takes at
 * least GS_GATHER_SIZE bytes, or is the last one. Every error is "object-write"; after one, remove
 * the file.
 */
#ifndef GS_TEMPORARY_H
#define GS_TEMPORARY_H

#include "storage/leftovers.h"
#include "storage/path.h"

#include <stdint.h>
#include <sys/uio.h>

#define GS_GATHER_SIZE ((size_t)16 << 10)
#define GS_PIECES_MAX  64 /* borrowed at once */

struct gs_temporary {
    struct gs_directory *directory;
    int descriptor;               /* -1: not open */
    char name[GS_TEMPORARY_SIZE]; /* empty: there is no file */
    struct gs_leftover *leftover; /* its entry as long as there is one */
    uint8_t *gathered;            /* GS_GATHER_SIZE bytes, made when they are needed */
    size_t gathered_size;
    struct iovec pieces[1 + GS_PIECES_MAX]; /* the first is for what is gathered */
    int piece_count;                        /* borrowed ones */
    size_t pieces_size;
};

/* Holds the directory until gs_temporary_clear(), which removes the file. */
void gs_temporary_init(struct gs_temporary *file, struct gs_directory *directory);
void gs_temporary_clear(struct gs_temporary *file);

int gs_temporary_create(struct gs_temporary *file, struct gs_error *error);
int gs_temporary_write(struct gs_temporary *file, const uint8_t *bytes, size_t size,
                       struct gs_error *error);
/* The same for a few bytes, at most GS_GATHER_SIZE, that are not borrowed but copied. */
int gs_temporary_copy(struct gs_temporary *file, const uint8_t *bytes, size_t size,
                      struct gs_error *error);
/* What was borrowed may be reused afterwards. */
int gs_temporary_settle(struct gs_temporary *file, struct gs_error *error);
/* Two pieces at once, nothing gathered; the first thing that is written. */
int gs_temporary_write_pair(struct gs_temporary *file, const uint8_t *first, size_t first_size,
                            const uint8_t *second, size_t second_size, struct gs_error *error);
int gs_temporary_close(struct gs_temporary *file, struct gs_error *error);
/* A file that is closed, to read from its beginning: the caller's descriptor, or -1. */
int gs_temporary_open(const struct gs_temporary *file, struct gs_error *error);
void gs_temporary_forget(struct gs_temporary *file); /* it was moved to its name */
void gs_temporary_remove(struct gs_temporary *file);

#endif

/*
 * deflated: the data set of Deflated Explicit VR Little Endian (PS3.5 annex A.5), which is one raw
 * deflate stream, in both directions; private to storage/.
 *
 * Streaming, constant memory. Results come in blocks of at most GS_DEFLATED_BLOCK bytes, which are
 * overwritten by the next one; what a stream gives before its fault comes before the error. Errors:
 * those of `take`, "object-broken" (a damaged stream), "object-too-large" (it inflates to more than
 * GS_INFLATED_MAX bytes), "object-write" (no memory).
 */
#ifndef GS_DEFLATED_H
#define GS_DEFLATED_H

#include "error.h"

#include <stddef.h>

#define GS_INFLATED_MAX   (1u << 30) /* bytes that one data set may become */
#define GS_DEFLATED_BLOCK (64u << 10)

typedef int gs_deflated_take(void *to, const uint8_t *bytes, size_t size, struct gs_error *error);

/* Both: NULL when out of memory; freeing NULL does nothing. */
struct gs_inflater;
struct gs_inflater *gs_inflater_new(void);
void gs_inflater_free(struct gs_inflater *inflater);
int gs_inflater_feed(struct gs_inflater *inflater, const uint8_t *bytes, size_t size,
                     gs_deflated_take *take, void *to, struct gs_error *error);
/* All bytes were fed: the stream must have ended. What stands behind it is padding. */
int gs_inflater_finish(const struct gs_inflater *inflater, struct gs_error *error);

struct gs_deflater;
struct gs_deflater *gs_deflater_new(void);
void gs_deflater_free(struct gs_deflater *deflater);
int gs_deflater_feed(struct gs_deflater *deflater, const uint8_t *bytes, size_t size,
                     gs_deflated_take *take, void *to, struct gs_error *error);
/* What is left, and the NUL behind a stream of odd length. */
int gs_deflater_finish(struct gs_deflater *deflater, gs_deflated_take *take, void *to,
                       struct gs_error *error);

#endif

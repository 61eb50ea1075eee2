/*
 * splice: a data set passes, and some of its elements are others; private to storage/.
 *
 * Two passes over the same bytes. The survey learns what the group lengths say and how long the
 * touched elements are; then everything is passed on, touched elements replaced, inserted or left
 * out, group lengths corrected by the difference, all else byte for byte. Streaming, constant
 * memory: the result does not depend on how the bytes are cut. Elements are those of the data set
 * itself, and every one of a touched tag goes, wherever it stands.
 *
 * Error "object-broken": what the scanner cannot follow, cannot be edited. After an error only
 * gs_splice_free() is left.
 */
#ifndef GS_SPLICE_H
#define GS_SPLICE_H

#include "storage/scanner.h"
#include "storage/sink.h"

struct gs_splice;

/* `edits` as of struct gs_edits: the list is copied, their bytes are borrowed until they were put.
 * `syntax` as of gs_scanner_start(), not deflated. NULL: `error` ("bad-value": the bytes of an edit
 * are not that element; "object-write": out of memory). */
struct gs_splice *gs_splice_new(const struct gs_edit *edits, size_t count, unsigned syntax,
                                struct gs_error *error);
void gs_splice_free(struct gs_splice *splice);

/* The survey: the whole data set, or the beginning of it that ends where an element does and has
 * all that are touched. gs_splice_begin() ends it. */
int gs_splice_survey(struct gs_splice *splice, const uint8_t *bytes, size_t size,
                     struct gs_error *error);
int gs_splice_begin(struct gs_splice *splice, struct gs_error *error);

/* Takes the next bytes of the result: `borrowed` from the input or from an edit; else they are
 * overwritten soon, and at most 12. */
typedef int gs_splice_put(void *to, const uint8_t *bytes, size_t size, bool borrowed,
                          struct gs_error *error);

/* The other pass, of the whole data set. An edit is put as soon as an element behind it has begun,
 * or at the end. */
int gs_splice_feed(struct gs_splice *splice, const uint8_t *bytes, size_t size, gs_splice_put *put,
                   void *to, struct gs_error *error);
int gs_splice_finish(struct gs_splice *splice, gs_splice_put *put, void *to,
                     struct gs_error *error);

#endif

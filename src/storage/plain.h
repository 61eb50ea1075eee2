/*
 * plain: short texts of a header without a parser, for what most hooks ask.
 *
 * Plain is a value that reads the same in every character set: printable ASCII, but for what some
 * of them give another meaning. Whatever is not certain here is UNKNOWN and left to the parser.
 */
#ifndef GS_PLAIN_H
#define GS_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gs_plain_result { GS_PLAIN_UNKNOWN, GS_PLAIN_ABSENT, GS_PLAIN_FOUND };

struct gs_plain {
    const char *text; /* in the bytes of the header, without padding */
    size_t size;
    bool is_number; /* a Decimal or Integer String */
};

/* Looks for an element of the data set itself in the elements before Pixel Data, which are in
 * Explicit VR Little Endian. `tag` is group and element. */
enum gs_plain_result gs_plain_find(const uint8_t *bytes, size_t size, uint32_t tag,
                                   struct gs_plain *plain);

#endif

/*
 * part10: the preamble and file meta information of a DICOM file (PS3.10 section 7.1).
 */
#ifndef GS_PART10_H
#define GS_PART10_H

#include <stddef.h>
#include <stdint.h>

/* What the file meta information says; texts are counted or end in NUL, and are not checked. An
 * empty UID is written as an empty element; what is NULL is left out. */
struct gs_part10 {
    const char *sop_class;
    size_t sop_class_size;
    const char *sop_instance;
    size_t sop_instance_size;
    const char *transfer_syntax;
    size_t transfer_syntax_size;
    const char *implementation_class;
    const char *implementation_version;
    const char *source; /* AE title of the peer that sent it (0002,0016); empty: left out, too */
};

#define GS_PART10_MAX 2048 /* bytes of preamble, prefix and meta information; texts of 256 fit */

/* Encodes all of it, group length included. Returns its size; 0 when `capacity` does not suffice.
 */
size_t gs_part10_encode(const struct gs_part10 *meta, uint8_t *bytes, size_t capacity);

/* What gs_part10_encode() made, with other UIDs; NULL: as it was. Returns its size, or 0, as that.
 */
size_t gs_part10_replace(const uint8_t *from, size_t size, const char *sop_class,
                         const char *sop_instance, uint8_t *bytes, size_t capacity);

/* Where the data set of a Part 10 file begins and its transfer syntax, from the first bytes of a
 * file. A file without preamble and meta information is not one, nor is one whose meta information
 * does not end in these bytes: -1. The three counted texts point into `bytes`, without their
 * padding; the others become NULL. */
int gs_part10_decode(const uint8_t *bytes, size_t size, struct gs_part10 *meta,
                     size_t *data_offset);

#endif

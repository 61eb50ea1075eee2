/*
 * uid: the SOP classes and transfer syntaxes that the protocol has to know, in one table.
 *
 * The storage classes stand in the order of the manual, which is the order in which they are
 * proposed. Everything is static and constant.
 */
#ifndef GS_UID_H
#define GS_UID_H

#include <stdbool.h>
#include <stddef.h>

#define GS_UID_MAX             64                      /* characters of a UID, PS3.5 section 9 */
#define GS_UID_APPLICATION     "1.2.840.10008.3.1.1.1" /* DICOM application context, PS3.7 annex A */
#define GS_UID_VERIFICATION    "1.2.840.10008.1.1"
#define GS_UID_IMPLICIT_LITTLE "1.2.840.10008.1.2"
#define GS_UID_EXPLICIT_LITTLE "1.2.840.10008.1.2.1"

enum gs_uid_kind {
    GS_UID_KIND_VERIFICATION,
    GS_UID_KIND_STORAGE,
    GS_UID_KIND_FIND,
    GS_UID_KIND_GET,
    GS_UID_KIND_MOVE,
    GS_UID_KIND_TRANSFER_SYNTAX
};

/* How a transfer syntax encodes a data set (PS3.5 annex A); meaningless for the other kinds. */
enum gs_uid_flags {
    GS_SYNTAX_IMPLICIT = 1,     /* no VR fields */
    GS_SYNTAX_BIG_ENDIAN = 2,   /* else little endian */
    GS_SYNTAX_ENCAPSULATED = 4, /* Pixel Data in fragments */
    GS_SYNTAX_DEFLATED = 8      /* the whole data set is a raw deflate stream */
};

struct gs_uid {
    const char *uid;
    const char *name; /* keyword of the manual, for example "CTImageStorage" */
    enum gs_uid_kind kind;
    unsigned flags; /* enum gs_uid_flags */
};

/* The whole table; `count` receives its length. */
const struct gs_uid *gs_uids(size_t *count);

/* The entry of a UID, or NULL where the table does not have it. */
const struct gs_uid *gs_uid_find(const char *uid);

/* Whether a text of so many bytes, and a NUL behind them, has the length and the characters of a
 * UID; its numbers are not looked at. */
bool gs_uid_is_plausible(const char *text, size_t size);

#endif

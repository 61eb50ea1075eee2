/*
 * dataset: DICOM data sets, by DCMTK.
 *
 * A `struct gs_dataset` is a view: of a whole data set, or of an item in one of its sequences,
 * which keeps the whole alive. Whoever got a view frees it with gs_dataset_free. A view of an item
 * that was removed or replaced has expired: every function then fails with "dataset-expired", none
 * crashes.
 *
 * Paths: "PatientName", "0010,0010", "(0010,0010)", a private element by its creator, as
 * (0019,"ACME 1.1",01), and through sequences with items counted from 0
 * "(0008,1140)[0].ReferencedSOPInstanceUID", the notation of dcmodify without its wildcards.
 *
 * Functions return 0 or a view; -1 or NULL and `error` tell a failure. Whatever is returned by
 * pointer (text, bytes, elements) belongs to the view and lives until the next call with it. Texts
 * are UTF-8, whatever the character set of the data set. Nothing here throws.
 *
 * Codes: "bad-path", "bad-value", "charset" (the character set asked for cannot hold the text),
 * "dataset-expired", "incomplete", "no-item", "dataset-file", "dataset-parse", "dataset-syntax",
 * "dataset-value", "no-dictionary", "memory".
 */
#ifndef GS_DATASET_H
#define GS_DATASET_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS_DATASET_DEPTH_MAX   64       /* nested sequences; deeper ones are not opened */
#define GS_DATASET_INFLATE_MAX 67108864 /* bytes that a deflated data set may become */

struct gs_dataset;

struct gs_tag {
    uint16_t group;
    uint16_t element;
};

enum gs_value_kind {
    GS_VALUE_ABSENT,   /* there is no such element */
    GS_VALUE_TEXT,     /* `text`, several values separated by backslashes; DS and IS too */
    GS_VALUE_INTEGER,  /* `integer`, where there is exactly one value; several come as text */
    GS_VALUE_REAL,     /* `real`, likewise */
    GS_VALUE_BYTES,    /* `text`, words in little endian */
    GS_VALUE_SEQUENCE, /* `count` items */
    GS_VALUE_ITEM      /* the path ends in an item that exists: see gs_dataset_item */
};

struct gs_value {
    enum gs_value_kind kind;
    char vr[3];       /* empty where absent */
    bool invalid;     /* the text holds bytes that its character set does not know: U+FFFD */
    size_t count;     /* values, or items */
    const char *text; /* a TEXT has a NUL behind it that is not counted */
    size_t size;
    int64_t integer;
    double real;
};

struct gs_element {
    struct gs_tag tag;
    char vr[3];
    const char *keyword; /* static; NULL where the dictionary has none */
    size_t count;        /* values, or items */
    uint32_t length;     /* bytes of its value in memory; UINT32_MAX: undefined */
};

/* Empty texts are unknown. */
struct gs_meta {
    bool part10; /* there was file meta information */
    char transfer_syntax[65];
    char sop_class[65];
    char sop_instance[65];
    char implementation_class[65];
    char implementation_version[17];
    char source[17];
};

/* --- life ------------------------------------------------------------------------------------- */

struct gs_dataset *gs_dataset_new(struct gs_error *error);

/* With or without file meta information. Large values stay in the file until they are needed, so it
 * must not change meanwhile. */
struct gs_dataset *gs_dataset_read(const char *path, struct gs_error *error);

/* The bytes of a data set without file meta information, which are copied. Any bytes are safe; what
 * claims to be longer than it is, or nests deeper than GS_DATASET_DEPTH_MAX, is "dataset-parse".
 * `size` is the caller's to limit: a parsed data set takes a few times its size in memory. */
struct gs_dataset *gs_dataset_decode(const void *bytes, size_t size, const char *transfer_syntax,
                                     struct gs_error *error);

/* A data set of its own with copies of all elements; of an item, too. */
struct gs_dataset *gs_dataset_clone(struct gs_dataset *dataset, struct gs_error *error);

/* Expires every view of the whole and frees its elements, as when a hook has returned. */
void gs_dataset_expire(struct gs_dataset *dataset);

void gs_dataset_free(struct gs_dataset *dataset);

/* The whole data set stops before `tag`, since the rest has not arrived: touching an element from
 * there on is "incomplete". */
void gs_dataset_bound(struct gs_dataset *dataset, struct gs_tag tag);

int gs_dataset_meta(struct gs_dataset *dataset, struct gs_meta *meta, struct gs_error *error);

/* --- values ----------------------------------------------------------------------------------- */

int gs_dataset_get(struct gs_dataset *dataset, const char *path, struct gs_value *value,
                   struct gs_error *error);

/* Replaces or creates the element, and what is missing on the way to it. `values` are of the kinds
 * TEXT, INTEGER and REAL; several become several values, none an empty one; only `kind` and its
 * field are read. A path to an item creates the item and takes no value. Text for a VR of bytes
 * (OB, UN, ...) is taken as it is. A text that the character set cannot hold makes the whole data
 * set ISO_IR 192; a new Specific Character Set converts what is there. */
int gs_dataset_set(struct gs_dataset *dataset, const char *path, const struct gs_value *values,
                   size_t count, struct gs_error *error);

/* 1: there is such an element (or item); 0: there is none. */
int gs_dataset_has(struct gs_dataset *dataset, const char *path, struct gs_error *error);

/* 1: removed; 0: there was none. */
int gs_dataset_remove(struct gs_dataset *dataset, const char *path, struct gs_error *error);

/* The elements of this view in the order of their tags, not those of nested items. */
int gs_dataset_elements(struct gs_dataset *dataset, const struct gs_element **elements,
                        size_t *count, struct gs_error *error);

/* --- items ------------------------------------------------------------------------------------ */

/* A view of the item to which `path` leads: "RequestAttributesSequence[0]". NULL and the code
 * "no-item": there is none. */
struct gs_dataset *gs_dataset_item(struct gs_dataset *dataset, const char *path,
                                   struct gs_error *error);

/* Appends an item to the sequence, which is created where it is missing, and gives a view of it.
 * `source` (may be NULL) is copied into it and keeps its character set. */
struct gs_dataset *gs_dataset_append(struct gs_dataset *dataset, const char *path,
                                     struct gs_dataset *source, struct gs_error *error);

/* --- out -------------------------------------------------------------------------------------- */

/* The data set in a transfer syntax. "dataset-syntax": Pixel Data would need a codec. */
int gs_dataset_encode(struct gs_dataset *dataset, const char *transfer_syntax, const char **bytes,
                      size_t *size, struct gs_error *error);

/* One top-level element alone, tag and length included, as it stands in a data set of that transfer
 * syntax, before it is deflated; an absent one is no bytes. With gs_dataset_touched an edited
 * object needs no more than this. */
int gs_dataset_encode_element(struct gs_dataset *dataset, struct gs_tag tag,
                              const char *transfer_syntax, const char **bytes, size_t *size,
                              struct gs_error *error);

/* The tags of the top-level elements that were set or removed, or that hold what was, in order. */
int gs_dataset_touched(struct gs_dataset *dataset, const struct gs_tag **tags, size_t *count,
                       struct gs_error *error);

/* A Part 10 file. `transfer_syntax` may be NULL: as it was read, else Explicit VR Little Endian.
 * It appears under its name complete or not at all. */
int gs_dataset_write(struct gs_dataset *dataset, const char *path, const char *transfer_syntax,
                     struct gs_error *error);

/* The elements as text for people, a line for each, and as DICOM JSON (PS3.18 annex F). */
int gs_dataset_dump(struct gs_dataset *dataset, const char **text, size_t *size,
                    struct gs_error *error);
int gs_dataset_json(struct gs_dataset *dataset, const char **text, size_t *size,
                    struct gs_error *error);

#endif

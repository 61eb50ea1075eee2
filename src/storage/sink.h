/*
 * sink: where the data set of one incoming object goes.
 *
 * A sink is begun, written to as bytes arrive, finished when all have arrived, and committed; what
 * is freed without a commit leaves nothing behind. A file appears under its final name complete or
 * not at all: it is written to a temporary file in the output directory and renamed. An object that
 * is held (the default) stays in memory as long as the budget allows, then spools to the temporary
 * file. The bytes are those that came, but for what gs_sink_edit() changes.
 *
 * A sink may be begun again for the next object; what was not committed is dropped then.
 *
 * One thread. Errors: "object-write" (create, write, close, rename: errno in `system`),
 * "object-name" (the name cannot be made below the directory), "object-too-large" (beyond a
 * limit), "object-exists" (a file has the name, and shall stay), "object-broken" (no data set),
 * "object-empty". After an error the temporary file is gone and every further call gives the same
 * error, until the next gs_sink_begin(). Only "object-name" and "object-exists" leave the object as
 * it is, for a commit under another name.
 */
#ifndef GS_SINK_H
#define GS_SINK_H

#include "storage/part10.h"
#include "storage/path.h"
#include "storage/scanner.h"

#define GS_HOLD_OBJECT_MAX (4u << 20)  /* bytes held in memory for one object */
#define GS_HOLD_AHEAD      (12u << 10) /* what is larger is written as it comes */
#define GS_HOLD_TOTAL_MAX  (8u << 20)  /* for all objects of one budget */

/* Memory for held objects, shared by all associations of a program. It keeps one released buffer
 * for the next object; lent and kept ones are never more than `total_max` together. Where it is
 * used up, objects spool. Zero-initialized, with its limits set; it must outlive the sinks. */
struct gs_budget {
    size_t object_max;
    size_t total_max;
    size_t used; /* bytes of the buffers that sinks hold now */
    uint8_t *spare;
    size_t spare_capacity;
    struct gs_sink *spare_sink;
};
void gs_budget_init(struct gs_budget *budget);
void gs_budget_clear(struct gs_budget *budget);

struct gs_sink;

/* All three: NULL when out of memory. */
struct gs_sink *gs_sink_file_new(struct gs_directory *directory, struct gs_budget *budget,
                                 bool hold);
struct gs_sink *gs_sink_discard_new(void);
struct gs_sink *gs_sink_memory_new(size_t limit);
void gs_sink_free(struct gs_sink *sink); /* drops what is not committed, the temporary file too */

/* The object begins. `meta` becomes the file meta information (NULL: the file has none); `syntax`
 * are the flags of its transfer syntax for the scanner. */
int gs_sink_begin(struct gs_sink *sink, const struct gs_part10 *meta, unsigned syntax,
                  struct gs_error *error);
int gs_sink_write(struct gs_sink *sink, const uint8_t *bytes, size_t size, struct gs_error *error);
/* The bytes that were written may be reused: until here they are borrowed, so that a file gets them
 * without a copy. gs_sink_finish() settles as well, unless the header was asked for. */
int gs_sink_settle(struct gs_sink *sink, struct gs_error *error);
/* All bytes are there (for a spooled file: handed to the kernel). */
int gs_sink_finish(struct gs_sink *sink, struct gs_error *error);

/* What commit does when a file of that name exists. */
enum gs_collision {
    GS_COLLISION_REPLACE,  /* put ours in its place */
    GS_COLLISION_DISTINCT, /* same bytes: keep the one there; else a second name, NAME~2 and so on
                            */
    GS_COLLISION_KEEP,     /* keep the one there, whatever is in it */
    GS_COLLISION_REFUSE    /* fail: "object-exists" */
};

struct gs_committed {
    char name[GS_PATH_MAX]; /* below the directory, made safe; '/' between components */
    bool replaced;          /* a file of this name was there before */
    bool duplicate;         /* the same bytes were there before; nothing was written */
    bool renamed;           /* other bytes were there before: `name` is a second one */
    bool kept;              /* a file of this name was there before; nothing was written */
};

/* Give a finished file its name: components between '/' are each made by gs_path_component(),
 * directories are created as needed. The other sinks have nothing to commit (-1, "object-name"). */
int gs_sink_commit(struct gs_sink *sink, const char *name, enum gs_collision collision,
                   struct gs_committed *committed, struct gs_error *error);

/* The path of a finished object's file before its commit, which may be read; what was held is
 * written for that. It is that of its directory, as it was given, and a temporary name. */
int gs_sink_spool(struct gs_sink *sink, char path[GS_PATH_MAX], struct gs_error *error);

uint64_t gs_sink_size(const struct gs_sink *sink); /* bytes of the data set that came so far */
/* Where the header or the structure was asked for, it has seen all bytes; else none. */
const struct gs_scanner *gs_sink_scanner(const struct gs_sink *sink);

/* A data set of more bytes is "object-too-large" as soon as it is; 0: no limit. And whatever the
 * limit, an object that grows and grows is "object-write" (ENOSPC) before the disk is full. */
void gs_sink_limit(struct gs_sink *sink, uint64_t bytes);

/* Check the structure of the data set as it passes, of a deflated one inflated: gs_sink_finish()
 * fails with "object-broken" where it is broken, and with "object-empty" where nothing came. What
 * nests too deep or inflates to too much passes; the scanner's verdict is GS_SCAN_OPAQUE then. Ask
 * for it before gs_sink_begin(). */
void gs_sink_want_structure(struct gs_sink *sink);

/* The header window: ask for it before gs_sink_begin(). The sink then holds the object at least
 * until the elements before Pixel Data are there or `limit` bytes came, and gs_sink_header() has
 * them. */
#define GS_HEADER_WINDOW_MAX (4u << 20)
void gs_sink_want_header(struct gs_sink *sink);
/* Whether the window is decided: 1 all elements before Pixel Data are in it (of a data set without
 * Pixel Data: after gs_sink_finish()), 0 more bytes are needed, -1 they do not fit, or the data set
 * is broken, deflated or too deep. The bytes are valid until the next write, settle, edit, spool or
 * commit. */
int gs_sink_header(const struct gs_sink *sink, const uint8_t **bytes, size_t *size);

/* What a script has changed: elements of the data set itself, encoded as in the data set, and the
 * UIDs of the file meta information. */
struct gs_edit {
    uint32_t tag; /* group and element */
    const uint8_t *bytes;
    size_t size; /* 0: there shall be no such element */
};
struct gs_edits {
    const struct gs_edit *list; /* sorted by tag, each tag once */
    size_t count;
    const char *sop_class; /* NULL: as it was */
    const char *sop_instance;
};

/* Edit a file sink's object; everything is borrowed until it returns. Where the header is there and
 * nothing was written since ("incomplete" otherwise, and for what is behind the header): what came
 * and what still comes. Finished: all of it, a deflated data set too (its elements are encoded in
 * Explicit VR Little Endian); the file that gs_sink_spool() told is another one then. Further
 * errors, but for "incomplete" all of them lose the object: "object-broken" (a broken or deeply
 * nested data set cannot be edited), "object-too-large" (it inflates to too much), "bad-value" (not
 * the encoding of that element). */
int gs_sink_edit(struct gs_sink *sink, const struct gs_edits *edits, struct gs_error *error);

/* The bytes of a memory sink; valid until it is freed. */
const uint8_t *gs_sink_bytes(const struct gs_sink *sink, size_t *size);

#endif

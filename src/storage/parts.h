/*
 * parts: the inside of a sink, for the files that make it up: sink.c (the life of an object) and
 * edit.c (what a script changed). Nobody else includes it.
 */
#ifndef GS_STORAGE_PARTS_H
#define GS_STORAGE_PARTS_H

#include "storage/hold.h"
#include "storage/sink.h"
#include "storage/splice.h"
#include "storage/structure.h"
#include "storage/temporary.h"

enum gs_sink_kind { GS_SINK_FILE, GS_SINK_DISCARD, GS_SINK_MEMORY };
enum gs_sink_state {
    GS_SINK_NEW,
    GS_SINK_OPEN,
    GS_SINK_FINISHED,
    GS_SINK_COMMITTED,
    GS_SINK_FAILED
};

/* An object of a file sink is in `hold`, or, when it has spooled, in `file`, and the bytes that
 * wait come behind either: what of a piece is behind the header stays borrowed, so that the caller
 * can say how the object is edited before any of it is in a file. */
struct gs_sink {
    enum gs_sink_kind kind;
    enum gs_sink_state state;
    bool keep;    /* hold the object although nobody asked for its header */
    bool spooled; /* to `file` */
    bool want_header;
    bool want_structure;
    int header; /* what gs_sink_header() says */
    unsigned syntax;
    uint64_t size;
    uint64_t limit;    /* of `size`; 0: none */
    uint64_t room_for; /* up to this size the disk has been looked at */
    struct gs_hold hold;
    const uint8_t *waiting;
    size_t waiting_size;
    struct gs_splice *splice; /* what still comes goes through it; or NULL */
    struct gs_budget own;     /* of a memory sink */
    struct gs_temporary file;
    struct gs_error failure;
    struct gs_structure structure;
    size_t meta_size;
    uint8_t meta[GS_PART10_MAX];
};

static inline bool gs_sink_deflated(const struct gs_sink *sink)
{
    return (sink->syntax & GS_SCAN_DEFLATED) != 0;
}

/* sink.c: the object is dropped, since `failure` has been filled; -1, and `error` is the same. */
int gs_sink_fail(struct gs_sink *sink, struct gs_error *error);

/* edit.c: bytes on their way to the file of an object that is edited while it comes, and their end;
 * `failure` is filled where they fail. */
int gs_sink_splice(struct gs_sink *sink, const uint8_t *bytes, size_t size);
int gs_sink_splice_end(struct gs_sink *sink);

#endif

#include "storage/sink.h"

#include "storage/commit.h"
#include "storage/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of an object is written before the room on the disk is looked at once more. */
#define ROOM_STEP ((uint64_t)4 << 20)
/* How much is held before the scanner says whether more is needed. */
#define WINDOW_STEP ((size_t)16 << 10)

/* Making and freeing. */

static struct gs_sink *new_sink(enum gs_sink_kind kind, struct gs_sink *spare)
{
    struct gs_sink *sink = spare != NULL ? spare : malloc(sizeof *sink);
    if (sink == NULL)
        return NULL;
    memset(sink, 0, sizeof *sink);
    sink->kind = kind;
    sink->hold.budget = &sink->own;
    sink->file.descriptor = -1;
    return sink;
}

struct gs_sink *gs_sink_file_new(struct gs_directory *directory, struct gs_budget *budget,
                                 bool hold)
{
    struct gs_sink *sink = new_sink(GS_SINK_FILE, budget->spare_sink);
    if (sink == NULL)
        return NULL;
    budget->spare_sink = NULL;
    sink->keep = hold;
    sink->hold.budget = budget;
    gs_temporary_init(&sink->file, directory);
    return sink;
}

struct gs_sink *gs_sink_discard_new(void)
{
    struct gs_sink *sink = new_sink(GS_SINK_DISCARD, NULL);
    if (sink != NULL) /* its header may be looked at */
        sink->own = (struct gs_budget){.object_max = GS_HEADER_WINDOW_MAX,
                                       .total_max = GS_HEADER_WINDOW_MAX};
    return sink;
}

struct gs_sink *gs_sink_memory_new(size_t limit)
{
    struct gs_sink *sink = new_sink(GS_SINK_MEMORY, NULL);
    if (sink == NULL)
        return NULL;
    sink->keep = true;
    sink->own.object_max = limit;
    sink->own.total_max = limit;
    return sink;
}

static void drop(struct gs_sink *sink)
{
    gs_hold_release(&sink->hold);
    gs_structure_release(&sink->structure);
    gs_splice_free(sink->splice);
    sink->splice = NULL;
    sink->waiting_size = 0;
    if (sink->kind == GS_SINK_FILE)
        gs_temporary_remove(&sink->file);
    sink->spooled = false;
}

void gs_sink_free(struct gs_sink *sink)
{
    if (sink == NULL)
        return;
    drop(sink);
    if (sink->kind == GS_SINK_FILE)
        gs_temporary_clear(&sink->file);
    gs_budget_clear(&sink->own);
    struct gs_budget *budget = sink->hold.budget;
    if (budget != &sink->own && budget->spare_sink == NULL)
        budget->spare_sink = sink;
    else
        free(sink);
}

/* Failing: `failure` has been filled. */

static int tell_failure(const struct gs_sink *sink, struct gs_error *error)
{
    if (error != NULL)
        *error = sink->failure;
    return -1;
}

int gs_sink_fail(struct gs_sink *sink, struct gs_error *error)
{
    drop(sink);
    sink->state = GS_SINK_FAILED;
    return tell_failure(sink, error);
}

static int expect(struct gs_sink *sink, enum gs_sink_state state, struct gs_error *error)
{
    if (sink->state == state)
        return 0;
    if (sink->state == GS_SINK_FAILED)
        return tell_failure(sink, error);
    return gs_error_set(error, "object-write", "a sink was used out of order");
}

/* The file. */

static int spool(struct gs_sink *sink)
{
    struct gs_hold *hold = &sink->hold;
    if (gs_temporary_create(&sink->file, &sink->failure) != 0)
        return -1;
    sink->spooled = true;
    if (hold->size == 0)
        return gs_temporary_write(&sink->file, sink->meta, sink->meta_size, &sink->failure);
    if (gs_temporary_write_pair(&sink->file, sink->meta, sink->meta_size, hold->bytes, hold->size,
                                &sink->failure) != 0)
        return -1;
    gs_hold_release(hold);
    return 0;
}

/* A large object is not held to its end: the peer would wait while all of it is written. */
static bool may_hold(const struct gs_sink *sink, size_t size)
{
    return sink->kind == GS_SINK_MEMORY || sink->hold.size + size <= GS_HOLD_AHEAD;
}

/* An object may have no end: neither a limit nor the disk is passed for its sake. */
static int check_size(struct gs_sink *sink)
{
    if (sink->limit > 0 && sink->size > sink->limit)
        return gs_error_set(&sink->failure, "object-too-large",
                            "an object is larger than the limit of %llu bytes",
                            (unsigned long long)sink->limit);
    if (!sink->spooled || sink->size < sink->room_for)
        return 0;
    sink->room_for = sink->size + ROOM_STEP;
    const struct gs_directory *directory = sink->file.directory;
    if (gs_directory_has_room(directory))
        return 0;
    return gs_error_system(&sink->failure, "object-write", ENOSPC,
                           "an object would fill the disk of %.200s", gs_directory_path(directory));
}

/* A piece of the object goes where the object is, or to a file when it may not be held. */
static int store(struct gs_sink *sink, const uint8_t *bytes, size_t size)
{
    if (sink->kind == GS_SINK_DISCARD)
        return 0;
    if (!sink->spooled && sink->keep && may_hold(sink, size) &&
        gs_hold_append(&sink->hold, bytes, size))
        return 0;
    if (sink->kind == GS_SINK_MEMORY) {
        if (sink->size <= sink->own.object_max)
            return gs_error_system(&sink->failure, "object-write", ENOMEM, "cannot hold an object");
        return gs_error_set(&sink->failure, "object-too-large",
                            "an object is larger than the limit of %zu bytes",
                            sink->own.object_max);
    }
    if (!sink->spooled && spool(sink) != 0)
        return -1;
    return gs_temporary_write(&sink->file, bytes, size, &sink->failure);
}

/* Nobody edits the object, or not here: what waited goes where the rest is. */
static int store_waiting(struct gs_sink *sink)
{
    size_t size = sink->waiting_size;
    sink->waiting_size = 0;
    return size > 0 ? store(sink, sink->waiting, size) : 0;
}

static bool scans(const struct gs_sink *sink)
{
    return sink->want_structure || (sink->want_header && !gs_sink_deflated(sink));
}

/* The header window. */

static void decide_header(struct gs_sink *sink)
{
    if (sink->header != 0)
        return;
    const struct gs_scanner *scanner = &sink->structure.scanner;
    if (scanner->verdict != GS_SCAN_GOOD)
        sink->header = -1;
    else if (scanner->header_complete || sink->state == GS_SINK_FINISHED)
        sink->header = 1;
}

/* Hold the next bytes because the header may be in them; returns how many. */
static size_t fill_window(struct gs_sink *sink, const uint8_t *bytes, size_t size)
{
    size_t room = GS_HEADER_WINDOW_MAX - sink->hold.size;
    size_t taken = size < WINDOW_STEP ? size : WINDOW_STEP;
    if (taken > room)
        taken = room;
    if (taken == 0 || !gs_hold_append(&sink->hold, bytes, taken)) {
        sink->header = -1;
        return 0;
    }
    gs_structure_feed(&sink->structure, bytes, taken);
    decide_header(sink);
    return taken;
}

void gs_sink_limit(struct gs_sink *sink, uint64_t bytes)
{
    sink->limit = bytes;
}

void gs_sink_want_structure(struct gs_sink *sink)
{
    sink->want_structure = true;
}

void gs_sink_want_header(struct gs_sink *sink)
{
    sink->want_header = true;
}

int gs_sink_header(const struct gs_sink *sink, const uint8_t **bytes, size_t *size)
{
    if (sink->header == 1) {
        *bytes = sink->hold.bytes;
        *size = sink->hold.bytes == NULL ? 0 : (size_t)sink->structure.scanner.header_size;
    }
    return sink->header;
}

/* The life of an object. */

int gs_sink_begin(struct gs_sink *sink, const struct gs_part10 *meta, unsigned syntax,
                  struct gs_error *error)
{
    drop(sink);
    sink->state = GS_SINK_OPEN;
    sink->size = 0;
    sink->room_for = ROOM_STEP;
    sink->meta_size = 0;
    sink->syntax = syntax;
    sink->header = sink->want_header && gs_sink_deflated(sink) ? -1 : 0; /* it has no window */
    if (scans(sink) && gs_structure_start(&sink->structure, syntax) != 0) {
        gs_error_system(&sink->failure, "object-write", ENOMEM, "cannot inflate an object");
        return gs_sink_fail(sink, error);
    }
    if (meta != NULL && sink->kind == GS_SINK_FILE) {
        sink->meta_size = gs_part10_encode(meta, sink->meta, sizeof sink->meta);
        if (sink->meta_size == 0) {
            gs_error_set(&sink->failure, "object-write",
                         "the file meta information of an object is longer than %d bytes",
                         GS_PART10_MAX);
            return gs_sink_fail(sink, error);
        }
    }
    bool at_once = sink->kind == GS_SINK_FILE && !sink->keep && !sink->want_header;
    return at_once && spool(sink) != 0 ? gs_sink_fail(sink, error) : 0;
}

/* Bytes that are not held for the header's sake. */
static int pass_on(struct gs_sink *sink, const uint8_t *bytes, size_t size, bool was_window)
{
    if (scans(sink))
        gs_structure_feed(&sink->structure, bytes, size);
    if (sink->splice != NULL)
        return gs_sink_splice(sink, bytes, size);
    if (!was_window || sink->header != 1 || sink->kind != GS_SINK_FILE)
        return store(sink, bytes, size);
    sink->waiting = bytes;
    sink->waiting_size = size;
    return 0;
}

int gs_sink_write(struct gs_sink *sink, const uint8_t *bytes, size_t size, struct gs_error *error)
{
    if (expect(sink, GS_SINK_OPEN, error) != 0)
        return -1;
    sink->size += size;
    if (check_size(sink) != 0 || store_waiting(sink) != 0)
        return gs_sink_fail(sink, error);
    bool window = sink->want_header && sink->header == 0;
    while (window && sink->header == 0 && size > 0) {
        size_t taken = fill_window(sink, bytes, size);
        bytes += taken;
        size -= taken;
    }
    return size == 0 || pass_on(sink, bytes, size, window) == 0 ? 0 : gs_sink_fail(sink, error);
}

int gs_sink_settle(struct gs_sink *sink, struct gs_error *error)
{
    if (sink->state != GS_SINK_OPEN && sink->state != GS_SINK_FINISHED)
        return 0;
    if (store_waiting(sink) != 0)
        return gs_sink_fail(sink, error);
    if (sink->file.descriptor < 0)
        return 0;
    return gs_temporary_settle(&sink->file, &sink->failure) == 0 ? 0 : gs_sink_fail(sink, error);
}

static int check_structure(struct gs_sink *sink)
{
    const struct gs_scanner *scanner = &sink->structure.scanner;
    if (sink->size == 0 || (scanner->verdict == GS_SCAN_GOOD && scanner->offset == 0))
        return gs_error_set(&sink->failure, "object-empty", "the data set is empty");
    if (scanner->verdict == GS_SCAN_BROKEN)
        return gs_error_set(&sink->failure, "object-broken", "data set broken at byte %llu: %s",
                            (unsigned long long)scanner->offset, scanner->problem);
    return 0;
}

int gs_sink_finish(struct gs_sink *sink, struct gs_error *error)
{
    if (expect(sink, GS_SINK_OPEN, error) != 0)
        return -1;
    if (scans(sink))
        gs_structure_finish(&sink->structure);
    if (sink->want_structure && check_structure(sink) != 0)
        return gs_sink_fail(sink, error);
    if (sink->splice != NULL && gs_sink_splice_end(sink) != 0)
        return gs_sink_fail(sink, error);
    if (sink->spooled && gs_temporary_close(&sink->file, &sink->failure) != 0)
        return gs_sink_fail(sink, error);
    sink->state = GS_SINK_FINISHED;
    if (sink->want_header)
        decide_header(sink);
    return 0;
}

/* A finished object is in a file that is closed. */
static int settle(struct gs_sink *sink, struct gs_error *error)
{
    if (sink->kind != GS_SINK_FILE)
        return gs_error_set(error, "object-name", "only a file sink has something to commit");
    if (expect(sink, GS_SINK_FINISHED, error) != 0)
        return -1;
    if (store_waiting(sink) != 0 || (!sink->spooled && spool(sink) != 0))
        return gs_sink_fail(sink, error);
    return gs_temporary_close(&sink->file, &sink->failure) == 0 ? 0 : gs_sink_fail(sink, error);
}

int gs_sink_spool(struct gs_sink *sink, char path[GS_PATH_MAX], struct gs_error *error)
{
    if (settle(sink, error) != 0)
        return -1;
    const char *directory = gs_directory_path(sink->file.directory);
    if (snprintf(path, GS_PATH_MAX, "%s/%s", directory, sink->file.name) >= GS_PATH_MAX)
        return gs_error_set(error, "object-name", "the path %.200s... is too long", directory);
    return 0;
}

int gs_sink_commit(struct gs_sink *sink, const char *name, enum gs_collision collision,
                   struct gs_committed *committed, struct gs_error *error)
{
    if (settle(sink, error) != 0)
        return -1;
    if (gs_commit(&sink->file, name, collision, committed, &sink->failure) != 0) {
        const char *code = sink->failure.code;
        bool other_name = strcmp(code, "object-name") == 0 || strcmp(code, "object-exists") == 0;
        return other_name ? tell_failure(sink, error) : gs_sink_fail(sink, error);
    }
    sink->state = GS_SINK_COMMITTED;
    return 0;
}

uint64_t gs_sink_size(const struct gs_sink *sink)
{
    return sink->size;
}

const struct gs_scanner *gs_sink_scanner(const struct gs_sink *sink)
{
    return &sink->structure.scanner;
}

const uint8_t *gs_sink_bytes(const struct gs_sink *sink, size_t *size)
{
    *size = sink->kind == GS_SINK_MEMORY ? sink->hold.size : 0;
    return sink->kind == GS_SINK_MEMORY ? sink->hold.bytes : NULL;
}

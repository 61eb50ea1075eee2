#include "storage/deflated.h"
#include "storage/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)256 << 10) /* bytes read at once of a file that is edited */

/* An object on its way from where it is to a second file. */
struct rewriting {
    struct gs_sink *sink;
    struct gs_splice *splice;
    struct gs_temporary result;
    struct gs_inflater *inflater; /* both only of a deflated data set */
    struct gs_deflater *deflater;
    bool surveying;
};

static int no_memory(struct gs_error *error)
{
    return gs_error_system(error, "object-write", ENOMEM, "cannot edit an object");
}

/* --- to the file ------------------------------------------------------------------------------ */

static int put(void *to, const uint8_t *bytes, size_t size, bool borrowed, struct gs_error *error)
{
    return borrowed ? gs_temporary_write(to, bytes, size, error)
                    : gs_temporary_copy(to, bytes, size, error);
}

static int put_block(void *to, const uint8_t *bytes, size_t size, struct gs_error *error)
{
    if (gs_temporary_write(to, bytes, size, error) != 0)
        return -1;
    return gs_temporary_settle(to, error);
}

static int put_deflated(void *to, const uint8_t *bytes, size_t size, bool borrowed,
                        struct gs_error *error)
{
    struct rewriting *rewriting = to;
    (void)borrowed;
    return gs_deflater_feed(rewriting->deflater, bytes, size, put_block, &rewriting->result, error);
}

/* Bytes of the data set, as the scanner knows it. */
static int pass(void *to, const uint8_t *bytes, size_t size, struct gs_error *error)
{
    struct rewriting *rewriting = to;
    if (rewriting->surveying)
        return gs_splice_survey(rewriting->splice, bytes, size, error);
    if (rewriting->deflater != NULL)
        return gs_splice_feed(rewriting->splice, bytes, size, put_deflated, rewriting, error);
    return gs_splice_feed(rewriting->splice, bytes, size, put, &rewriting->result, error);
}

/* --- from where it is -------------------------------------------------------------------------
 */

/* Bytes as they came; they may be reused afterwards. */
static int pass_received(struct rewriting *rewriting, const uint8_t *bytes, size_t size,
                         struct gs_error *error)
{
    int result = rewriting->inflater != NULL
                     ? gs_inflater_feed(rewriting->inflater, bytes, size, pass, rewriting, error)
                     : pass(rewriting, bytes, size, error);
    if (result != 0 || rewriting->surveying)
        return result;
    return gs_temporary_settle(&rewriting->result, error);
}

static int pass_blocks(struct rewriting *rewriting, int file, uint8_t *block,
                       struct gs_error *error)
{
    for (;;) {
        ssize_t size = read(file, block, BLOCK_SIZE);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return gs_error_system(error, "object-write", errno, "cannot read an object again");
        if (size == 0)
            return 0;
        if (pass_received(rewriting, block, (size_t)size, error) != 0)
            return -1;
    }
}

static int pass_file(struct rewriting *rewriting, struct gs_error *error)
{
    const struct gs_sink *sink = rewriting->sink;
    int file = gs_temporary_open(&sink->file, error);
    if (file < 0)
        return -1;
    uint8_t *block = malloc(BLOCK_SIZE);
    int result = -1;
    if (block == NULL)
        no_memory(error);
    else if (lseek(file, (off_t)sink->meta_size, SEEK_SET) < 0)
        gs_error_system(error, "object-write", errno, "cannot read an object again");
    else
        result = pass_blocks(rewriting, file, block, error);
    free(block);
    close(file);
    return result;
}

/* All of the object that has come. */
static int pass_object(struct rewriting *rewriting, struct gs_error *error)
{
    const struct gs_sink *sink = rewriting->sink;
    if (sink->spooled)
        return pass_file(rewriting, error);
    if (pass_received(rewriting, sink->hold.bytes, sink->hold.size, error) != 0)
        return -1;
    return pass_received(rewriting, sink->waiting, sink->waiting_size, error);
}

static int pass_inflated(struct rewriting *rewriting, struct gs_error *error)
{
    if (!gs_sink_deflated(rewriting->sink))
        return pass_object(rewriting, error);
    rewriting->inflater = gs_inflater_new();
    int result = rewriting->inflater == NULL ? no_memory(error) : pass_object(rewriting, error);
    if (result == 0)
        result = gs_inflater_finish(rewriting->inflater, error);
    gs_inflater_free(rewriting->inflater);
    rewriting->inflater = NULL;
    return result;
}

/* --- an edit ---------------------------------------------------------------------------------- */

static int survey(struct rewriting *rewriting, struct gs_error *error)
{
    const struct gs_sink *sink = rewriting->sink;
    int result;
    rewriting->surveying = true;
    if (sink->state == GS_SINK_OPEN) /* all that may be touched is in the header */
        result = gs_splice_survey(rewriting->splice, sink->hold.bytes,
                                  (size_t)sink->structure.scanner.header_size, error);
    else
        result = pass_inflated(rewriting, error);
    rewriting->surveying = false;
    return result == 0 ? gs_splice_begin(rewriting->splice, error) : -1;
}

static int end_file(struct rewriting *rewriting, struct gs_error *error)
{
    struct gs_temporary *file = &rewriting->result;
    if (rewriting->deflater == NULL) {
        if (gs_splice_finish(rewriting->splice, put, file, error) != 0)
            return -1;
    } else if (gs_splice_finish(rewriting->splice, put_deflated, rewriting, error) != 0 ||
               gs_deflater_finish(rewriting->deflater, put_block, file, error) != 0) {
        return -1;
    }
    return gs_temporary_close(file, error);
}

/* The second file, as far as the object has come. */
static int write_file(struct rewriting *rewriting, const uint8_t *meta, size_t meta_size,
                      struct gs_error *error)
{
    const struct gs_sink *sink = rewriting->sink;
    if (gs_sink_deflated(sink) && (rewriting->deflater = gs_deflater_new()) == NULL)
        return no_memory(error);
    if (gs_temporary_create(&rewriting->result, error) != 0 ||
        gs_temporary_write(&rewriting->result, meta, meta_size, error) != 0 ||
        pass_inflated(rewriting, error) != 0)
        return -1;
    return sink->state == GS_SINK_FINISHED ? end_file(rewriting, error) : 0;
}

/* The second file is the object from here on. */
static void take_over(struct rewriting *rewriting, const uint8_t *meta, size_t meta_size)
{
    struct gs_sink *sink = rewriting->sink;
    gs_temporary_clear(&sink->file);
    sink->file = rewriting->result;
    sink->spooled = true;
    gs_hold_release(&sink->hold);
    sink->waiting_size = 0;
    memcpy(sink->meta, meta, meta_size);
    sink->meta_size = meta_size;
    if (sink->state == GS_SINK_OPEN) {
        sink->splice = rewriting->splice;
        rewriting->splice = NULL;
    }
}

static int rewrite(struct gs_sink *sink, const struct gs_edits *edits, struct gs_error *error)
{
    uint8_t meta[GS_PART10_MAX];
    size_t meta_size = 0;
    if (sink->meta_size > 0) {
        meta_size = gs_part10_replace(sink->meta, sink->meta_size, edits->sop_class,
                                      edits->sop_instance, meta, sizeof meta);
        if (meta_size == 0)
            return gs_error_set(error, "object-write",
                                "the file meta information of an object is longer than %d bytes",
                                GS_PART10_MAX);
    }
    struct rewriting rewriting = {.sink = sink};
    rewriting.splice = gs_splice_new(edits->list, edits->count, sink->syntax, error);
    if (rewriting.splice == NULL)
        return -1;
    gs_temporary_init(&rewriting.result, sink->file.directory);
    int result = survey(&rewriting, error);
    if (result == 0)
        result = write_file(&rewriting, meta, meta_size, error);
    if (result == 0)
        take_over(&rewriting, meta, meta_size);
    else
        gs_temporary_clear(&rewriting.result);
    gs_deflater_free(rewriting.deflater);
    gs_splice_free(rewriting.splice);
    return result;
}

int gs_sink_edit(struct gs_sink *sink, const struct gs_edits *edits, struct gs_error *error)
{
    bool open = sink->state == GS_SINK_OPEN;
    if (sink->state == GS_SINK_FAILED)
        return gs_sink_fail(sink, error);
    if (sink->kind != GS_SINK_FILE || (!open && sink->state != GS_SINK_FINISHED))
        return gs_error_set(error, "object-write", "a sink was used out of order");
    bool behind = edits->count > 0 && edits->list[edits->count - 1].tag >= GS_SCAN_HEADER_END;
    if (open && (sink->header != 1 || sink->spooled || behind))
        return gs_error_set(error, "incomplete",
                            "what has not arrived yet of an object cannot be edited");
    if (edits->count == 0 && edits->sop_class == NULL && edits->sop_instance == NULL)
        return 0;
    return rewrite(sink, edits, &sink->failure) == 0 ? 0 : gs_sink_fail(sink, error);
}

/* --- what comes after it ---------------------------------------------------------------------- */

int gs_sink_splice(struct gs_sink *sink, const uint8_t *bytes, size_t size)
{
    return gs_splice_feed(sink->splice, bytes, size, put, &sink->file, &sink->failure);
}

int gs_sink_splice_end(struct gs_sink *sink)
{
    int result = gs_splice_finish(sink->splice, put, &sink->file, &sink->failure);
    gs_splice_free(sink->splice);
    sink->splice = NULL;
    return result;
}

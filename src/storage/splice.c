#include "storage/splice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_OF(tag) ((tag)&0xffff0000u) /* the tag of its group length */
#define LENGTH_SIZE   4                   /* bytes of a group length's value */
#define ELEMENT_MAX   12                  /* bytes of a tag, VR and length */

/* A group that has edits. */
struct group {
    uint32_t tag;
    bool edited;    /* its length is an edit itself */
    int64_t change; /* bytes that it grows by */
    size_t size;    /* of `element`; 0: it has no length */
    uint8_t element[ELEMENT_MAX + LENGTH_SIZE];
};

struct gs_splice {
    struct gs_scanner scanner;
    unsigned syntax;
    struct gs_edit *edits; /* sorted; from gs_splice_begin() on with those of group lengths */
    size_t edit_count;
    size_t next; /* the first edit that was not put yet */
    struct group *groups;
    size_t group_count;
    struct group *within; /* survey: of the touched element that passes, or NULL */
    struct group *length; /* survey: whose value passes, or NULL */
    bool leaves_out;      /* the element that passes */
};

static int refuse(const struct gs_splice *splice, struct gs_error *error)
{
    const struct gs_scanner *scanner = &splice->scanner;
    if (scanner->verdict == GS_SCAN_BROKEN)
        return gs_error_set(error, "object-broken",
                            "a data set that is broken at byte %llu cannot be edited: %s",
                            (unsigned long long)scanner->offset, scanner->problem);
    return gs_error_set(error, "object-broken",
                        "a data set whose sequences nest deeper than %d cannot be edited",
                        GS_SCAN_DEPTH_MAX);
}

/* --- making ----------------------------------------------------------------------------------- */

/* Whether the bytes are this element and nothing else. */
static bool is_element(const struct gs_edit *edit, unsigned syntax)
{
    struct gs_scanner scanner;
    gs_scanner_start(&scanner, syntax);
    size_t begun = gs_scanner_step(&scanner, edit->bytes, edit->size);
    if (!scanner.began || scanner.element.tag != edit->tag)
        return false;
    size_t rest = gs_scanner_step(&scanner, edit->bytes + begun, edit->size - begun);
    return begun + rest == edit->size && !scanner.began &&
           gs_scanner_finish(&scanner) == GS_SCAN_GOOD;
}

static int add(struct gs_splice *splice, const struct gs_edit *edit, struct gs_error *error)
{
    if (edit->size > 0 && !is_element(edit, splice->syntax))
        return gs_error_set(error, "bad-value",
                            "the bytes for (%04x,%04x) are not that element in this transfer "
                            "syntax",
                            edit->tag >> 16, edit->tag & 0xffff);
    splice->edits[splice->edit_count++] = *edit;
    struct group *group = &splice->groups[splice->group_count];
    if (splice->group_count == 0 || group[-1].tag != GROUP_OF(edit->tag)) {
        *group = (struct group){.tag = GROUP_OF(edit->tag)};
        splice->group_count++;
    } else {
        group--;
    }
    group->edited = group->edited || edit->tag == group->tag;
    group->change += (int64_t)edit->size;
    return 0;
}

struct gs_splice *gs_splice_new(const struct gs_edit *edits, size_t count, unsigned syntax,
                                struct gs_error *error)
{
    struct gs_splice *splice = calloc(1, sizeof *splice);
    if (splice != NULL) {
        splice->edits = calloc(2 * count + 1, sizeof *splice->edits);
        splice->groups = calloc(count + 1, sizeof *splice->groups);
    }
    if (splice == NULL || splice->edits == NULL || splice->groups == NULL) {
        gs_error_system(error, "object-write", ENOMEM, "cannot edit an object");
        gs_splice_free(splice);
        return NULL;
    }
    splice->syntax = syntax;
    gs_scanner_start(&splice->scanner, syntax);
    for (size_t i = 0; i < count; i++) {
        if (add(splice, &edits[i], error) != 0) {
            gs_splice_free(splice);
            return NULL;
        }
    }
    return splice;
}

void gs_splice_free(struct gs_splice *splice)
{
    if (splice == NULL)
        return;
    free(splice->edits);
    free(splice->groups);
    free(splice);
}

/* --- the survey ------------------------------------------------------------------------------- */

static int compare(const void *one, const void *other)
{
    const struct gs_edit *left = one, *right = other;
    return (left->tag > right->tag) - (left->tag < right->tag);
}

static bool is_touched(const struct gs_splice *splice, uint32_t tag)
{
    struct gs_edit wanted = {.tag = tag};
    return bsearch(&wanted, splice->edits, splice->edit_count, sizeof wanted, compare) != NULL;
}

/* The group of a tag, where it has edits. */
static struct group *find_group(const struct gs_splice *splice, uint32_t tag)
{
    size_t low = 0, high = splice->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (splice->groups[middle].tag < GROUP_OF(tag))
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < splice->group_count && splice->groups[low].tag == GROUP_OF(tag);
    return found ? &splice->groups[low] : NULL;
}

/* The touched element that passed has ended. */
static void leave(struct gs_splice *splice, uint64_t start, uint64_t end)
{
    if (splice->within != NULL)
        splice->within->change -= (int64_t)(end - start);
    splice->within = NULL;
}

static void survey_element(struct gs_splice *splice)
{
    const struct gs_scan_element *element = &splice->scanner.element;
    struct group *group = find_group(splice, element->tag);
    if (group == NULL)
        return;
    if (is_touched(splice, element->tag)) {
        splice->within = group;
    } else if (element->tag == group->tag && element->length == LENGTH_SIZE) {
        group->size = (size_t)(splice->scanner.offset - element->start);
        memcpy(group->element, splice->scanner.pending, group->size);
        splice->length = group;
    }
}

/* The value of a group length, as far as it is in these bytes. */
static void survey_length(struct gs_splice *splice, const uint8_t *bytes, size_t size)
{
    struct group *group = splice->length;
    if (group == NULL)
        return;
    size_t left = (size_t)(splice->scanner.skip);
    size_t taken = left < size ? left : size;
    memcpy(group->element + group->size, bytes, taken);
    group->size += taken;
    if (taken == left)
        splice->length = NULL;
}

int gs_splice_survey(struct gs_splice *splice, const uint8_t *bytes, size_t size,
                     struct gs_error *error)
{
    struct gs_scanner *scanner = &splice->scanner;
    for (size_t at = 0; at < size;) {
        uint64_t start = scanner->element.start;
        survey_length(splice, bytes + at, size - at);
        at += gs_scanner_step(scanner, bytes + at, size - at);
        if (scanner->verdict != GS_SCAN_GOOD)
            return refuse(splice, error);
        if (scanner->began) {
            leave(splice, start, scanner->element.start);
            survey_element(splice);
        }
    }
    return 0;
}

static uint32_t load(const uint8_t *bytes, bool big_endian)
{
    uint32_t value = 0;
    for (int i = 0; i < LENGTH_SIZE; i++)
        value = value << 8 | bytes[big_endian ? i : LENGTH_SIZE - 1 - i];
    return value;
}

static void store(uint8_t *bytes, uint32_t value, bool big_endian)
{
    for (int i = 0; i < LENGTH_SIZE; i++)
        bytes[big_endian ? LENGTH_SIZE - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* A group length that is no longer right becomes an edit. */
static void correct_length(struct gs_splice *splice, struct group *group)
{
    if (group->edited || group->size == 0 || group->change == 0)
        return;
    bool big_endian = splice->scanner.big_endian;
    uint8_t *value = group->element + group->size - LENGTH_SIZE;
    store(value, load(value, big_endian) + (uint32_t)group->change, big_endian);
    splice->edits[splice->edit_count++] =
        (struct gs_edit){.tag = group->tag, .bytes = group->element, .size = group->size};
}

int gs_splice_begin(struct gs_splice *splice, struct gs_error *error)
{
    struct gs_scanner *scanner = &splice->scanner;
    if (gs_scanner_finish(scanner) != GS_SCAN_GOOD)
        return refuse(splice, error);
    leave(splice, scanner->element.start, scanner->offset);
    for (size_t i = 0; i < splice->group_count; i++)
        correct_length(splice, &splice->groups[i]);
    qsort(splice->edits, splice->edit_count, sizeof *splice->edits, compare);
    gs_scanner_start(scanner, splice->syntax);
    return 0;
}

/* --- the other pass --------------------------------------------------------------------------- */

/* Put the edits up to a tag. */
static int put_edits(struct gs_splice *splice, uint32_t tag, gs_splice_put *put, void *to,
                     struct gs_error *error)
{
    while (splice->next < splice->edit_count && splice->edits[splice->next].tag <= tag) {
        const struct gs_edit *edit = &splice->edits[splice->next++];
        if (edit->size > 0 && put(to, edit->bytes, edit->size, true, error) != 0)
            return -1;
    }
    return 0;
}

/* An element begins behind these bytes, of which `size` are to be put if what passed stays. Whether
 * it stays is known now; of its own first bytes, `before` came earlier and are still to be put. */
static int change_over(struct gs_splice *splice, const uint8_t *bytes, size_t size, size_t before,
                       gs_splice_put *put, void *to, struct gs_error *error)
{
    const struct gs_scanner *scanner = &splice->scanner;
    if (!splice->leaves_out && size > 0 && put(to, bytes, size, true, error) != 0)
        return -1;
    if (put_edits(splice, scanner->element.tag, put, to, error) != 0)
        return -1;
    splice->leaves_out = is_touched(splice, scanner->element.tag);
    if (splice->leaves_out || before == 0)
        return 0;
    return put(to, scanner->pending, before, false, error);
}

/* Nothing has to be put between what passed and the element that has begun. */
static bool goes_on(const struct gs_splice *splice)
{
    uint32_t tag = splice->scanner.element.tag;
    bool inserts = splice->next < splice->edit_count && splice->edits[splice->next].tag <= tag;
    return !splice->leaves_out && !inserts && !is_touched(splice, tag);
}

int gs_splice_feed(struct gs_splice *splice, const uint8_t *bytes, size_t size, gs_splice_put *put,
                   void *to, struct gs_error *error)
{
    struct gs_scanner *scanner = &splice->scanner;
    size_t from = 0; /* what stands before is done with */
    for (size_t at = 0; at < size;) {
        at += gs_scanner_step(scanner, bytes + at, size - at);
        if (scanner->verdict != GS_SCAN_GOOD)
            return refuse(splice, error);
        if (!scanner->began)
            break;
        size_t begun = (size_t)(scanner->offset - scanner->element.start);
        size_t before = begun > at ? begun - at : 0;
        if (before == 0 && goes_on(splice))
            continue;
        size_t start = before > 0 ? 0 : at - begun;
        if (change_over(splice, bytes + from, start - from, before, put, to, error) != 0)
            return -1;
        from = start;
    }
    /* the first bytes of an element wait until it has begun */
    size_t waiting = scanner->depth == 0 ? scanner->pending_size : 0;
    size_t end = waiting < size ? size - waiting : 0;
    if (splice->leaves_out || end <= from)
        return 0;
    return put(to, bytes + from, end - from, true, error);
}

int gs_splice_finish(struct gs_splice *splice, gs_splice_put *put, void *to, struct gs_error *error)
{
    if (gs_scanner_finish(&splice->scanner) != GS_SCAN_GOOD)
        return refuse(splice, error);
    return put_edits(splice, UINT32_MAX, put, to, error);
}

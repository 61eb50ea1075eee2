#include "storage/scanner.h"

#include <string.h>

#define UNDEFINED      0xffffffffu
#define TAG_META       0x00020000u
#define TAG_ITEM       0xfffee000u
#define TAG_ITEM_END   0xfffee00du
#define TAG_END        0xfffee0ddu /* of a sequence or of fragments */
#define TAG_PIXEL_DATA 0x7fe00010u
#define TAG_CLASS      0x00080016u
#define TAG_INSTANCE   0x00080018u
#define DEEPEST        (2 * GS_SCAN_DEPTH_MAX)

#define VR(a, b) ((unsigned)(a) << 8 | (unsigned)(b))
#define NO_VR    0x10000u /* no two bytes give it */

/* The kind of a level: what it is, and two flags. */
enum {
    LEVEL_DATA_SET,
    LEVEL_SEQUENCE,
    LEVEL_ITEM,
    LEVEL_FRAGMENTS,
    LEVEL_WHAT = 0x0f,
    LEVEL_DELIMITED = 0x40, /* its length is undefined */
    LEVEL_UNKNOWN = 0x80 /* in a UN: Implicit VR Little Endian whatever is around (PS3.5 6.2.2) */
};

struct element {
    uint64_t start;
    uint32_t tag;
    unsigned vr; /* or NO_VR */
    uint32_t length;
};

void gs_scanner_start(struct gs_scanner *scanner, unsigned flags)
{
    scanner->verdict = GS_SCAN_GOOD;
    scanner->problem = NULL;
    scanner->offset = 0;
    scanner->big_endian = (flags & GS_SCAN_BIG_ENDIAN) != 0;
    scanner->implicit = (flags & GS_SCAN_IMPLICIT) != 0;
    scanner->header_complete = false;
    scanner->has_meta = false;
    scanner->header_size = 0;
    scanner->began = false;
    scanner->element = (struct gs_scan_element){0};
    scanner->skip = 0;
    for (int i = 0; i < GS_SCAN_UIDS; i++)
        scanner->uids[i].length = scanner->uids[i].size = 0;
    scanner->keeping = GS_SCAN_UIDS;
    scanner->pending_size = 0;
    scanner->depth = 0;
    scanner->levels[0] = (struct gs_scan_level){.end = UINT64_MAX, .kind = LEVEL_DATA_SET};
}

static void broken(struct gs_scanner *scanner, uint64_t offset, const char *problem)
{
    scanner->verdict = GS_SCAN_BROKEN;
    scanner->problem = problem;
    scanner->offset = offset;
}

/* Reading an element's first bytes. */

static uint32_t load(const uint8_t *bytes, int count, bool big_endian)
{
    uint32_t value = 0;
    if (big_endian)
        for (int i = 0; i < count; i++)
            value = value << 8 | bytes[i];
    else
        for (int i = count; i > 0; i--)
            value = value << 8 | bytes[i - 1];
    return value;
}

/* VRs that nobody knows yet have the long form (PS3.5 7.1.2). */
static bool is_short(unsigned vr)
{
    switch (vr) {
    case VR('A', 'E'):
    case VR('A', 'S'):
    case VR('A', 'T'):
    case VR('C', 'S'):
    case VR('D', 'A'):
    case VR('D', 'S'):
    case VR('D', 'T'):
    case VR('F', 'D'):
    case VR('F', 'L'):
    case VR('I', 'S'):
    case VR('L', 'O'):
    case VR('L', 'T'):
    case VR('P', 'N'):
    case VR('S', 'H'):
    case VR('S', 'L'):
    case VR('S', 'S'):
    case VR('S', 'T'):
    case VR('T', 'M'):
    case VR('U', 'I'):
    case VR('U', 'L'):
    case VR('U', 'S'):
        return true;
    default:
        return false;
    }
}

/* Long ones whose value is never a sequence. */
static bool is_long(unsigned vr)
{
    switch (vr) {
    case VR('O', 'B'):
    case VR('O', 'D'):
    case VR('O', 'F'):
    case VR('O', 'L'):
    case VR('O', 'V'):
    case VR('O', 'W'):
    case VR('S', 'V'):
    case VR('U', 'C'):
    case VR('U', 'R'):
    case VR('U', 'T'):
    case VR('U', 'V'):
        return true;
    default:
        return false;
    }
}

static bool is_letter(unsigned byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static bool is_vr(unsigned vr)
{
    return is_letter(vr >> 8) && is_letter(vr & 0xff);
}

/* Whether `pending`, of 8 or 12 bytes, is all of an element before its value; if so, what it says.
 * A VR that is none is left for the caller to find. */
static bool decode(const struct gs_scanner *scanner, struct element *element)
{
    const uint8_t *bytes = scanner->pending;
    bool unknown = (scanner->levels[scanner->depth].kind & LEVEL_UNKNOWN) != 0;
    bool big_endian = scanner->big_endian && !unknown;
    element->start = scanner->offset - scanner->pending_size;
    element->tag = load(bytes, 2, big_endian) << 16 | load(bytes + 2, 2, big_endian);
    element->vr = NO_VR;
    element->length = load(bytes + 4, 4, big_endian);
    if (scanner->implicit || unknown || element->tag >> 16 == TAG_ITEM >> 16)
        return true;
    element->vr = VR(bytes[4], bytes[5]);
    element->length = load(bytes + 6, 2, big_endian);
    if (is_short(element->vr) || !is_vr(element->vr))
        return true;
    if (scanner->pending_size < 12)
        return false;
    element->length = load(bytes + 8, 4, big_endian);
    return true;
}

/* Levels. */

static void leave_ended(struct gs_scanner *scanner)
{
    while (scanner->depth > 0) {
        const struct gs_scan_level *level = &scanner->levels[scanner->depth];
        if ((level->kind & LEVEL_DELIMITED) != 0 || level->end != scanner->offset)
            return;
        scanner->depth--;
    }
}

/* An undefined length ends at its delimiter, but not behind what encloses it. */
static void enter(struct gs_scanner *scanner, const struct element *element, unsigned kind)
{
    const struct gs_scan_level *outer = &scanner->levels[scanner->depth];
    struct gs_scan_level inner = {.end = outer->end,
                                  .kind = (uint8_t)(kind | (outer->kind & LEVEL_UNKNOWN))};
    if (element->length == UNDEFINED) {
        inner.kind |= LEVEL_DELIMITED;
    } else if (element->length > outer->end - scanner->offset) {
        broken(scanner, element->start, "a sequence or item is longer than what encloses it");
        return;
    } else {
        inner.end = scanner->offset + element->length;
    }
    if (scanner->depth == DEEPEST) {
        scanner->verdict = GS_SCAN_OPAQUE;
        scanner->problem = "its sequences nest too deep to be followed";
        return;
    }
    scanner->levels[++scanner->depth] = inner;
}

static void leave(struct gs_scanner *scanner, const struct element *element)
{
    if ((scanner->levels[scanner->depth].kind & LEVEL_DELIMITED) != 0)
        scanner->depth--;
    else
        broken(scanner, element->start, "a delimiter ends what has a defined length");
}

/* Elements, by where they stand. */

static void pass_value(struct gs_scanner *scanner, const struct element *element)
{
    if (element->length > scanner->levels[scanner->depth].end - scanner->offset)
        broken(scanner, element->start, "a value is longer than what encloses it");
    else
        scanner->skip = element->length;
}

static void in_sequence(struct gs_scanner *scanner, const struct element *element)
{
    if (element->tag == TAG_ITEM)
        enter(scanner, element, LEVEL_ITEM);
    else if (element->tag == TAG_END)
        leave(scanner, element);
    else
        broken(scanner, element->start, "a sequence contains something that is no item");
}

static void in_fragments(struct gs_scanner *scanner, const struct element *element)
{
    if (element->tag == TAG_ITEM && element->length != UNDEFINED)
        pass_value(scanner, element);
    else if (element->tag == TAG_END)
        leave(scanner, element);
    else
        broken(scanner, element->start, "encapsulated data contain something that is no fragment");
}

static void undefined_length(struct gs_scanner *scanner, const struct element *element)
{
    bool bytes = element->vr == VR('O', 'B') || element->vr == VR('O', 'W');
    bool none = element->vr == NO_VR;
    if (element->tag == TAG_PIXEL_DATA && (bytes || none || element->vr == VR('U', 'N')))
        enter(scanner, element, LEVEL_FRAGMENTS);
    else if (none || element->vr == VR('S', 'Q'))
        enter(scanner, element, LEVEL_SEQUENCE);
    else if (is_short(element->vr) || is_long(element->vr))
        broken(scanner, element->start, "a value has an undefined length");
    else
        enter(scanner, element, LEVEL_SEQUENCE | LEVEL_UNKNOWN);
}

/* The value that follows may be one of those that are kept; of two of a tag it is the first. */
static void keep(struct gs_scanner *scanner, const struct element *element)
{
    if (element->tag != TAG_CLASS && element->tag != TAG_INSTANCE)
        return;
    uint8_t which = element->tag == TAG_CLASS ? GS_SCAN_CLASS : GS_SCAN_INSTANCE;
    if (element->length == 0 || scanner->uids[which].length > 0)
        return;
    scanner->uids[which].length = element->length;
    scanner->keeping = which;
}

static void keep_bytes(struct gs_scanner *scanner, const uint8_t *bytes, size_t size)
{
    struct gs_scan_uid *uid = &scanner->uids[scanner->keeping];
    size_t room = GS_SCAN_UID_MAX - uid->size;
    size_t taken = size < room ? size : room;
    memcpy(uid->bytes + uid->size, bytes, taken);
    uid->size += (uint32_t)taken;
    if (scanner->skip == size)
        scanner->keeping = GS_SCAN_UIDS;
}

/* An element of the data set itself. */
static void note(struct gs_scanner *scanner, const struct element *element)
{
    scanner->began = true;
    scanner->element = (struct gs_scan_element){
        .start = element->start, .tag = element->tag, .length = element->length};
    if (element->tag >> 16 == TAG_META >> 16)
        scanner->has_meta = true;
    if (scanner->header_complete || element->tag < GS_SCAN_HEADER_END)
        return;
    scanner->header_complete = true;
    scanner->header_size = element->start;
}

static void in_data_set(struct gs_scanner *scanner, const struct element *element)
{
    bool item = (scanner->levels[scanner->depth].kind & LEVEL_WHAT) == LEVEL_ITEM;
    if (element->tag == TAG_ITEM_END && item) {
        leave(scanner, element);
    } else if (element->tag >> 16 == TAG_ITEM >> 16) {
        broken(scanner, element->start, "an item or delimiter stands outside of a sequence");
    } else if (element->vr != NO_VR && !is_vr(element->vr)) {
        broken(scanner, element->start, "an element has no valid VR");
    } else {
        if (scanner->depth == 0)
            note(scanner, element);
        if (element->length == UNDEFINED)
            undefined_length(scanner, element);
        else if (element->vr == VR('S', 'Q'))
            enter(scanner, element, LEVEL_SEQUENCE);
        else
            pass_value(scanner, element);
        if (scanner->depth == 0 && scanner->skip > 0)
            keep(scanner, element);
    }
}

static void element_began(struct gs_scanner *scanner, const struct element *element)
{
    const struct gs_scan_level *level = &scanner->levels[scanner->depth];
    if (scanner->offset > level->end) {
        broken(scanner, element->start, "an element is longer than what encloses it");
        return;
    }
    switch (level->kind & LEVEL_WHAT) {
    case LEVEL_SEQUENCE:
        in_sequence(scanner, element);
        break;
    case LEVEL_FRAGMENTS:
        in_fragments(scanner, element);
        break;
    default:
        in_data_set(scanner, element);
        break;
    }
}

/* Take what is missing of an element's tag, VR and length; returns how many bytes it took. */
static size_t collect(struct gs_scanner *scanner, const uint8_t *bytes, size_t size)
{
    if (scanner->pending_size == 0)
        leave_ended(scanner);
    size_t missing = (scanner->pending_size < 8 ? 8 : 12) - (size_t)scanner->pending_size;
    size_t taken = size < missing ? size : missing;
    memcpy(scanner->pending + scanner->pending_size, bytes, taken);
    scanner->pending_size += (uint8_t)taken;
    scanner->offset += taken;
    struct element element;
    if (taken == missing && decode(scanner, &element)) {
        scanner->pending_size = 0;
        element_began(scanner, &element);
    }
    return taken;
}

/* Take bytes of one kind: of a value, or of what stands before one. */
static size_t pass(struct gs_scanner *scanner, const uint8_t *bytes, size_t size)
{
    if (scanner->skip == 0)
        return collect(scanner, bytes, size);
    size_t taken = scanner->skip < size ? (size_t)scanner->skip : size;
    if (scanner->keeping != GS_SCAN_UIDS)
        keep_bytes(scanner, bytes, taken);
    scanner->skip -= taken;
    scanner->offset += taken;
    return taken;
}

enum gs_scan_verdict gs_scanner_feed(struct gs_scanner *scanner, const uint8_t *bytes, size_t size)
{
    while (size > 0 && scanner->verdict == GS_SCAN_GOOD) {
        size_t taken = pass(scanner, bytes, size);
        bytes += taken;
        size -= taken;
    }
    return scanner->verdict;
}

size_t gs_scanner_step(struct gs_scanner *scanner, const uint8_t *bytes, size_t size)
{
    size_t taken = 0;
    scanner->began = false;
    while (taken < size && scanner->verdict == GS_SCAN_GOOD && !scanner->began)
        taken += pass(scanner, bytes + taken, size - taken);
    return taken;
}

enum gs_scan_verdict gs_scanner_finish(struct gs_scanner *scanner)
{
    if (scanner->verdict != GS_SCAN_GOOD)
        return scanner->verdict;
    leave_ended(scanner);
    if (scanner->pending_size > 0 || scanner->skip > 0)
        broken(scanner, scanner->offset, "the data set ends inside an element");
    else if (scanner->depth > 0)
        broken(scanner, scanner->offset, "the data set ends inside a sequence");
    else if (!scanner->header_complete)
        scanner->header_size = scanner->offset;
    return scanner->verdict;
}

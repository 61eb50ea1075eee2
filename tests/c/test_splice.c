/*
 * An edited data set is the one that came but for its edited elements, however its bytes are cut.
 *
 * Data sets are built of parts, so that what an edit makes of one can be built a second time, of
 * other parts.
 */
#include "storage/splice.h"

#include "storage/deflated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { EXPLICIT = 0, IMPLICIT = GS_SCAN_IMPLICIT, BIG = GS_SCAN_BIG_ENDIAN };

static const unsigned syntaxes[] = {EXPLICIT, IMPLICIT, BIG};

/* --- bytes ------------------------------------------------------------------------------------ */

struct bytes {
    uint8_t at[1 << 16];
    size_t size;
};

static void add(struct bytes *to, const void *bytes, size_t size)
{
    assert_true(size <= sizeof to->at - to->size);
    memcpy(to->at + to->size, bytes, size);
    to->size += size;
}

static void add_number(struct bytes *to, uint32_t value, int count, unsigned syntax)
{
    for (int i = 0; i < count; i++) {
        int shift = 8 * (syntax == BIG ? count - 1 - i : i);
        add(to, (const uint8_t[]){(uint8_t)(value >> shift)}, 1);
    }
}

/* Tag, VR and length. */
static void add_start(struct bytes *to, uint32_t tag, const char *vr, uint32_t length,
                      unsigned syntax)
{
    add_number(to, tag >> 16, 2, syntax);
    add_number(to, tag & 0xffff, 2, syntax);
    bool item = tag >> 16 == 0xfffe;
    if (syntax == IMPLICIT || item) {
        add_number(to, length, 4, syntax);
        return;
    }
    add(to, vr, 2);
    bool long_form = strcmp(vr, "OB") == 0 || strcmp(vr, "OW") == 0 || strcmp(vr, "SQ") == 0;
    if (long_form)
        add(to, "\0", 2);
    add_number(to, length, long_form ? 4 : 2, syntax);
}

static void add_element(struct bytes *to, uint32_t tag, const char *vr, const void *value,
                        size_t size, unsigned syntax)
{
    add_start(to, tag, vr, (uint32_t)size, syntax);
    add(to, value, size);
}

#define UNDEFINED    0xffffffffu
#define ITEM         0xfffee000u
#define ITEM_END     0xfffee00du
#define SEQUENCE_END 0xfffee0ddu

/* A sequence of undefined lengths, whose items have a Patient ID and a group length of their own.
 */
static void add_sequence(struct bytes *to, uint32_t tag, int items, unsigned syntax)
{
    add_start(to, tag, "SQ", UNDEFINED, syntax);
    for (int i = 0; i < items; i++) {
        add_start(to, ITEM, "", UNDEFINED, syntax);
        add_element(to, 0x00100000, "UL", "\1\2\3\4", 4, syntax);
        add_element(to, 0x00100020, "LO", "inside", 6, syntax);
        add_start(to, ITEM_END, "", 0, syntax);
    }
    add_start(to, SEQUENCE_END, "", 0, syntax);
}

static void add_encapsulated(struct bytes *to, unsigned syntax)
{
    add_start(to, 0x7fe00010, "OB", UNDEFINED, syntax);
    add_start(to, ITEM, "", 0, syntax);
    add_element(to, ITEM, "", "\x08\0\x18\0UI\4\0001.2", 12, syntax);
    add_start(to, SEQUENCE_END, "", 0, syntax);
}

/* --- through the splice ----------------------------------------------------------------------- */

static int take(void *to, const uint8_t *bytes, size_t size, bool borrowed, struct gs_error *error)
{
    (void)error;
    assert_true(size > 0);
    assert_true(borrowed || size <= 12);
    add(to, bytes, size);
    return 0;
}

/* How bytes are cut: 0 not at all, else at most so many at once, at random from 2 on. */
static size_t next_piece(size_t longest, size_t left, unsigned *seed)
{
    size_t piece = longest < 2 ? longest : (size_t)rand_r(seed) % (longest + 1);
    return longest == 0 || piece > left ? left : piece;
}

/* A piece of its own, so that a sanitizer sees what is read outside of it or later. */
static uint8_t *piece_of(const uint8_t *bytes, size_t size)
{
    uint8_t *piece = malloc(size + 1);
    memcpy(piece, bytes, size);
    return piece;
}

/* The edited data set, or -1 and `error`; the survey sees `known` bytes of it. */
static int splice(const struct bytes *from, size_t known, const struct gs_edit *edits, size_t count,
                  unsigned syntax, size_t longest, unsigned *seed, struct bytes *result,
                  struct gs_error *error)
{
    result->size = 0;
    struct gs_splice *made = gs_splice_new(edits, count, syntax, error);
    int failed = made == NULL ? -1 : 0;
    for (int pass = 0; pass < 2 && failed == 0; pass++) {
        size_t size = pass == 0 ? known : from->size;
        for (size_t done = 0, length; failed == 0 && done < size; done += length) {
            length = next_piece(longest, size - done, seed);
            uint8_t *piece = piece_of(from->at + done, length);
            failed = pass == 0 ? gs_splice_survey(made, piece, length, error)
                               : gs_splice_feed(made, piece, length, take, result, error);
            free(piece);
        }
        if (failed == 0)
            failed = pass == 0 ? gs_splice_begin(made, error)
                               : gs_splice_finish(made, take, result, error);
    }
    gs_splice_free(made);
    return failed;
}

static void expect_part(const char *what, const struct bytes *from, size_t known,
                        const struct gs_edit *edits, size_t count, unsigned syntax,
                        const struct bytes *expected)
{
    static const size_t cuts[] = {0, 1, 3, 7, 20, 300};
    static struct bytes result;
    unsigned seed = (unsigned)getpid();
    for (size_t i = 0; i < 3 * sizeof cuts / sizeof *cuts; i++) {
        struct gs_error error;
        if (splice(from, known, edits, count, syntax, cuts[i / 3], &seed, &result, &error) != 0)
            fail_msg("%s, syntax %u: %s", what, syntax, error.message);
        if (result.size != expected->size || memcmp(result.at, expected->at, expected->size) != 0)
            fail_msg("%s, syntax %u: %zu other bytes, cut into %zu", what, syntax, result.size,
                     cuts[i / 3]);
    }
}

static void expect(const char *what, const struct bytes *from, const struct gs_edit *edits,
                   size_t count, unsigned syntax, const struct bytes *expected)
{
    expect_part(what, from, from->size, edits, count, syntax, expected);
}

/* --- a data set of parts ---------------------------------------------------------------------- */

enum { PARTS_MAX = 64 };

struct part {
    uint32_t tag;
    size_t start; /* of its bytes */
    size_t size;
};

struct parts {
    struct bytes bytes;
    struct part list[PARTS_MAX];
    size_t count;
};

static void begin_part(struct parts *parts, uint32_t tag)
{
    parts->list[parts->count] = (struct part){.tag = tag, .start = parts->bytes.size};
}

static void end_part(struct parts *parts)
{
    struct part *part = &parts->list[parts->count++];
    part->size = parts->bytes.size - part->start;
}

static void add_part(struct parts *parts, uint32_t tag, const char *vr, const void *value,
                     size_t size, unsigned syntax)
{
    begin_part(parts, tag);
    add_element(&parts->bytes, tag, vr, value, size, syntax);
    end_part(parts);
}

/* --- one edit at each place ------------------------------------------------------------------- */

static void build(struct parts *parts, bool encapsulated, unsigned syntax)
{
    parts->count = parts->bytes.size = 0;
    add_part(parts, 0x00080005, "CS", "ISO_IR 100", 10, syntax);
    add_part(parts, 0x00080018, "UI", "1.2.3\0", 6, syntax);
    begin_part(parts, 0x00081140);
    add_sequence(&parts->bytes, 0x00081140, 2, syntax);
    end_part(parts);
    add_part(parts, 0x00091010, "OB", "private ", 8, syntax);
    add_part(parts, 0x00100010, "PN", "A^B ", 4, syntax);
    add_part(parts, 0x00100020, "LO", "", 0, syntax);
    begin_part(parts, 0x00400275);
    add_sequence(&parts->bytes, 0x00400275, 0, syntax);
    end_part(parts);
    begin_part(parts, 0x7fe00010);
    if (encapsulated)
        add_encapsulated(&parts->bytes, syntax);
    else
        add_element(&parts->bytes, 0x7fe00010, "OW", "pixels", 6, syntax);
    end_part(parts);
    add_part(parts, 0xfffcfffc, "OB", "\0\0\0\0", 4, syntax);
}

/* The data set with one element of this tag, or without. */
static void build_edited(const struct parts *parts, uint32_t tag, const struct bytes *element,
                         struct bytes *result)
{
    bool done = false;
    result->size = 0;
    for (size_t i = 0; i < parts->count; i++) {
        if (!done && parts->list[i].tag >= tag) {
            add(result, element->at, element->size);
            done = true;
        }
        if (parts->list[i].tag != tag)
            add(result, parts->bytes.at + parts->list[i].start, parts->list[i].size);
    }
    if (!done)
        add(result, element->at, element->size);
}

/* Beginning, middle and end; there and not there; each kind of element. */
static void an_element_is_replaced_inserted_or_removed_wherever_it_stands(void **state)
{
    (void)state;
    static struct parts parts;
    static struct bytes element, expected;
    static const uint32_t others[] = {0x00080000, 0x00080016, 0x00091009, 0x00100030,
                                      0x7fe00000, 0x7fe00011, 0xfffcfffd};
    enum { OTHERS = sizeof others / sizeof *others };
    for (int kind = 0; kind < 6; kind++) {
        unsigned syntax = syntaxes[kind / 2];
        build(&parts, kind % 2 == 1, syntax);
        for (size_t i = 0; i < parts.count + OTHERS; i++) {
            uint32_t tag = i < parts.count ? parts.list[i].tag : others[i - parts.count];
            for (int way = 0; way < 3; way++) {
                element.size = 0;
                if (way == 1)
                    add_element(&element, tag, "OW", "something else", 14, syntax);
                if (way == 2 && tag == 0x7fe00010)
                    add_encapsulated(&element, syntax);
                else if (way == 2)
                    add_sequence(&element, tag, 1, syntax);
                build_edited(&parts, tag, &element, &expected);
                struct gs_edit edit = {tag, element.at, element.size};
                char what[64];
                snprintf(what, sizeof what, "edit %d of %08x", way, tag);
                expect(what, &parts.bytes, &edit, 1, syntax, &expected);
            }
        }
    }
}

static void without_edits_all_bytes_stay(void **state)
{
    (void)state;
    static struct parts parts;
    static struct bytes empty;
    for (int kind = 0; kind < 6; kind++) {
        build(&parts, kind % 2 == 1, syntaxes[kind / 2]);
        expect("nothing", &parts.bytes, NULL, 0, syntaxes[kind / 2], &parts.bytes);
    }
    expect("nothing of nothing", &empty, NULL, 0, EXPLICIT, &empty);
}

static void an_empty_data_set_gets_what_is_inserted(void **state)
{
    (void)state;
    static struct bytes empty, expected;
    expected.size = 0;
    add_element(&expected, 0x00100010, "PN", "A ", 2, BIG);
    add_element(&expected, 0x00100020, "LO", "", 0, BIG);
    struct gs_edit edits[] = {{0x00100010, expected.at, 10}, {0x00100020, expected.at + 10, 8}};
    expect("two elements", &empty, edits, 2, BIG, &expected);
}

/* --- group lengths ---------------------------------------------------------------------------- */

static void add_group_length(struct bytes *to, uint32_t group, uint32_t length, unsigned syntax)
{
    add_start(to, group << 16, "UL", 4, syntax);
    add_number(to, length, 4, syntax);
}

/* By the difference: one that was wrong is as wrong as before. */
static void group_lengths_follow(void **state)
{
    (void)state;
    static struct bytes from, expected, name, series;
    for (int i = 0; i < 9; i++) {
        unsigned syntax = syntaxes[i % 3];
        uint32_t wrong = i < 3 ? 0 : i < 6 ? 1000 : UINT32_MAX - 18;
        from.size = expected.size = name.size = series.size = 0;
        add_element(&name, 0x00100010, "PN", "A^B^C ", 6, syntax);
        add_element(&series, 0x0020000e, "UI", "1.2.", 4, syntax);
        add_group_length(&from, 0x0008, 18, syntax);
        add_group_length(&expected, 0x0008, 18, syntax);
        add_element(&from, 0x00080005, "CS", "ISO_IR 100", 10, syntax);
        add_element(&expected, 0x00080005, "CS", "ISO_IR 100", 10, syntax);
        add_group_length(&from, 0x0010, wrong + 18, syntax);
        add_group_length(&expected, 0x0010, wrong + 14, syntax);
        add_element(&from, 0x00100010, "PN", "A ", 2, syntax);
        add(&expected, name.at, name.size);
        add_element(&from, 0x00100020, "LO", "", 0, syntax);
        add_group_length(&from, 0x0020, wrong + 8, syntax);
        add_group_length(&expected, 0x0020, wrong + 20, syntax);
        add(&expected, series.at, series.size);
        add_element(&from, 0x00200010, "SH", "", 0, syntax);
        add_element(&expected, 0x00200010, "SH", "", 0, syntax);
        struct gs_edit edits[] = {{0x00100010, name.at, name.size},
                                  {0x00100020, NULL, 0},
                                  {0x0020000e, series.at, series.size}};
        expect("group lengths", &from, edits, 3, syntax, &expected);
    }
}

static void a_group_length_that_is_edited_itself_is_left_alone(void **state)
{
    (void)state;
    static struct bytes from, expected, length;
    for (int removed = 0; removed < 2; removed++) {
        from.size = expected.size = length.size = 0;
        add_group_length(&from, 0x0010, 10, EXPLICIT);
        add_element(&from, 0x00100010, "PN", "A ", 2, EXPLICIT);
        if (!removed)
            add_group_length(&length, 0x0010, 77, EXPLICIT);
        add(&expected, length.at, length.size);
        struct gs_edit edits[] = {{0x00100000, length.at, length.size}, {0x00100010, NULL, 0}};
        expect("a group length", &from, edits, 2, EXPLICIT, &expected);
    }
}

static void a_group_length_of_another_size_is_left_alone(void **state)
{
    (void)state;
    static struct bytes from, expected;
    from.size = expected.size = 0;
    add_element(&expected, 0x00100000, "UL", "\1\0\0\0\2\0\0\0", 8, EXPLICIT);
    add(&from, expected.at, expected.size);
    add_element(&from, 0x00100010, "PN", "A ", 2, EXPLICIT);
    struct gs_edit edit = {0x00100010, NULL, 0};
    expect("two group lengths", &from, &edit, 1, EXPLICIT, &expected);
}

/* --- in a window ------------------------------------------------------------------------------ */

static void the_survey_needs_no_more_than_the_header(void **state)
{
    (void)state;
    static struct bytes from, expected, name;
    from.size = expected.size = name.size = 0;
    add_element(&name, 0x00100010, "PN", "A^B^C ", 6, IMPLICIT);
    add_group_length(&from, 0x0010, 10, IMPLICIT);
    add_element(&from, 0x00100010, "PN", "A ", 2, IMPLICIT);
    size_t header = from.size;
    add_element(&from, 0x7fe00010, "OW", "pixels", 6, IMPLICIT);
    add_group_length(&expected, 0x0010, 14, IMPLICIT);
    add(&expected, name.at, name.size);
    add(&expected, from.at + header, from.size - header);
    struct gs_edit edit = {0x00100010, name.at, name.size};
    expect_part("a header", &from, header, &edit, 1, IMPLICIT, &expected);
}

/* What shall not be in the object is nowhere in it. */
static void no_element_of_a_touched_tag_stays_wherever_it_stands(void **state)
{
    (void)state;
    static struct bytes from, expected, name;
    for (int removed = 0; removed < 2; removed++) {
        from.size = expected.size = name.size = 0;
        if (!removed)
            add_element(&name, 0x00100010, "PN", "NONE", 4, EXPLICIT);
        add_element(&from, 0x00100010, "PN", "A ", 2, EXPLICIT);
        add_element(&from, 0x00100010, "PN", "B ", 2, EXPLICIT);
        add(&expected, name.at, name.size);
        add_element(&from, 0x00080005, "CS", "ISO_IR 100", 10, EXPLICIT);
        add_element(&expected, 0x00080005, "CS", "ISO_IR 100", 10, EXPLICIT);
        size_t header = from.size;
        add_element(&from, 0x7fe00010, "OW", "pixels", 6, EXPLICIT);
        add_element(&expected, 0x7fe00010, "OW", "pixels", 6, EXPLICIT);
        add_element(&from, 0x00100010, "PN", "C ", 2, EXPLICIT);
        add_element(&from, 0xfffcfffc, "OB", "", 0, EXPLICIT);
        add_element(&expected, 0xfffcfffc, "OB", "", 0, EXPLICIT);
        struct gs_edit edit = {0x00100010, name.at, name.size};
        expect("several", &from, &edit, 1, EXPLICIT, &expected);
        expect_part("several", &from, header, &edit, 1, EXPLICIT, &expected);
    }
}

/* --- at random -------------------------------------------------------------------------------- */

/* Elements of six groups in order, each with or without a length, some of them edited. */
struct chance {
    unsigned seed;
    unsigned syntax;
    struct bytes from;
    struct bytes expected;
    struct bytes made; /* the bytes of the edits */
    struct gs_edit edits[PARTS_MAX];
    size_t count;
};

static unsigned draw(struct chance *chance, unsigned below)
{
    return (unsigned)rand_r(&chance->seed) % below;
}

static void add_any(struct chance *chance, struct bytes *to, uint32_t tag)
{
    static const uint8_t noise[200] = {1, 2, 3, 0xfe, 0xff, 0, 0xe0};
    unsigned kind = draw(chance, 6);
    if (kind == 0)
        add_sequence(to, tag, (int)draw(chance, 3), chance->syntax);
    else if (kind == 1)
        add_element(to, tag, "OB", noise, draw(chance, sizeof noise), chance->syntax);
    else
        add_element(to, tag, "LO", noise, draw(chance, 20), chance->syntax);
}

static void add_group(struct chance *chance, uint32_t group, struct bytes *before,
                      struct bytes *after)
{
    before->size = after->size = 0;
    for (uint32_t element = 1 + draw(chance, 4); element < 12; element += 1 + draw(chance, 4)) {
        uint32_t tag = group << 16 | element;
        bool there = draw(chance, 3) > 0;
        size_t start = before->size;
        if (there)
            add_any(chance, before, tag);
        if (draw(chance, 3) > 0) {
            add(after, before->at + start, before->size - start);
            continue;
        }
        struct gs_edit *edit = &chance->edits[chance->count++];
        size_t made = chance->made.size;
        if (!there || draw(chance, 2) == 0)
            add_any(chance, &chance->made, tag);
        *edit = (struct gs_edit){tag, chance->made.at + made, chance->made.size - made};
        add(after, edit->bytes, edit->size);
    }
}

static void any_edits_of_any_data_set_are_made(void **state)
{
    (void)state;
    static const uint32_t groups[] = {0x0008, 0x0009, 0x0010, 0x0028, 0x7fe0, 0xfffc};
    static struct chance chance;
    static struct bytes before, after;
    chance.seed = (unsigned)getpid();
    print_message("seed %u\n", chance.seed);
    for (int round = 0; round < 500; round++) {
        chance.syntax = syntaxes[round % 3];
        chance.from.size = chance.expected.size = chance.made.size = chance.count = 0;
        for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
            add_group(&chance, groups[i], &before, &after);
            if (draw(&chance, 2) == 0) {
                add_group_length(&chance.from, groups[i], (uint32_t)before.size, chance.syntax);
                add_group_length(&chance.expected, groups[i], (uint32_t)after.size, chance.syntax);
            }
            add(&chance.from, before.at, before.size);
            add(&chance.expected, after.at, after.size);
        }
        expect("at random", &chance.from, chance.edits, chance.count, chance.syntax,
               &chance.expected);
    }
}

/* --- what cannot be edited -------------------------------------------------------------------- */

static void expect_refusal(const struct bytes *from, const struct gs_edit *edit, unsigned syntax,
                           const char *code)
{
    static struct bytes result;
    unsigned seed = 1;
    for (size_t longest = 0; longest < 2; longest++) {
        struct gs_error error = {0};
        assert_int_equal(splice(from, from->size, edit, 1, syntax, longest, &seed, &result, &error),
                         -1);
        assert_string_equal(error.code, code);
    }
}

static void what_is_broken_or_nests_too_deep_is_refused(void **state)
{
    (void)state;
    static struct parts parts;
    static struct bytes from;
    struct gs_edit edit = {0x00100010, NULL, 0};
    build(&parts, true, EXPLICIT);
    for (size_t cut = 1; cut < parts.list[parts.count - 2].start; cut++) {
        bool between = false;
        for (size_t i = 0; i < parts.count; i++)
            between = between || parts.list[i].start == cut;
        from.size = 0;
        add(&from, parts.bytes.at, cut);
        if (!between)
            expect_refusal(&from, &edit, EXPLICIT, "object-broken");
    }
    from.size = 0;
    for (int depth = 0; depth <= GS_SCAN_DEPTH_MAX; depth++) {
        add_start(&from, 0x00400275, "SQ", UNDEFINED, EXPLICIT);
        add_start(&from, ITEM, "", UNDEFINED, EXPLICIT);
    }
    expect_refusal(&from, &edit, EXPLICIT, "object-broken");
}

/* What only the second pass sees, as in a window. */
static void what_turns_out_to_be_broken_behind_the_survey_is_refused(void **state)
{
    (void)state;
    static struct bytes from, result;
    unsigned seed = 1;
    from.size = 0;
    add_element(&from, 0x00100010, "PN", "A ", 2, IMPLICIT);
    size_t header = from.size;
    add_start(&from, 0x7fe00010, "OW", 100, IMPLICIT);
    struct gs_edit edit = {0x00100010, NULL, 0};
    struct gs_error error = {0};
    assert_int_equal(splice(&from, header, &edit, 1, IMPLICIT, 1, &seed, &result, &error), -1);
    assert_string_equal(error.code, "object-broken");
}

static void bytes_that_are_not_the_element_are_refused(void **state)
{
    (void)state;
    static struct bytes empty, element, two;
    element.size = two.size = 0;
    add_element(&element, 0x00100010, "PN", "A ", 2, EXPLICIT);
    add(&two, element.at, element.size);
    add(&two, element.at, element.size);
    struct gs_edit good = {0x00100010, element.at, element.size};
    expect("one element", &empty, &good, 1, EXPLICIT, &element);
    expect_refusal(&empty, &good, BIG, "bad-value");
    struct gs_edit bad[] = {{0x00100011, element.at, element.size},
                            {0x00100010, element.at, element.size - 1},
                            {0x00100010, element.at, 3},
                            {0x00100010, two.at, two.size},
                            {0x00100010, two.at, element.size + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refusal(&empty, &bad[i], EXPLICIT, "bad-value");
}

/* --- deflated --------------------------------------------------------------------------------- */

struct blocks {
    uint8_t *at;
    size_t size;
    size_t room;
};

static int take_block(void *to, const uint8_t *bytes, size_t size, struct gs_error *error)
{
    struct blocks *blocks = to;
    assert_in_range(size, 1, GS_DEFLATED_BLOCK);
    if (size > blocks->room - blocks->size)
        return gs_error_set(error, "object-write", "full");
    memcpy(blocks->at + blocks->size, bytes, size);
    blocks->size += size;
    return 0;
}

static struct blocks room_for(size_t size)
{
    return (struct blocks){.at = malloc(size), .room = size};
}

static int deflate_all(const uint8_t *bytes, size_t size, size_t piece, struct blocks *result)
{
    struct gs_deflater *deflater = gs_deflater_new();
    int failed = 0;
    result->size = 0;
    for (size_t done = 0; failed == 0 && done < size; done += piece)
        failed = gs_deflater_feed(deflater, bytes + done, size - done < piece ? size - done : piece,
                                  take_block, result, NULL);
    if (failed == 0)
        failed = gs_deflater_finish(deflater, take_block, result, NULL);
    gs_deflater_free(deflater);
    return failed;
}

static int inflate_all(const uint8_t *bytes, size_t size, size_t piece, struct blocks *result,
                       struct gs_error *error)
{
    struct gs_inflater *inflater = gs_inflater_new();
    int failed = 0;
    result->size = 0;
    for (size_t done = 0; failed == 0 && done < size; done += piece)
        failed = gs_inflater_feed(inflater, bytes + done, size - done < piece ? size - done : piece,
                                  take_block, result, error);
    if (failed == 0)
        failed = gs_inflater_finish(inflater, error);
    gs_inflater_free(inflater);
    return failed;
}

/* Of even length (PS3.5 annex A.5), however it is cut. */
static void a_data_set_that_was_deflated_inflates_to_itself(void **state)
{
    (void)state;
    enum { MOST = 300000 };
    uint8_t *bytes = malloc(MOST);
    for (uint32_t i = 0, value = 1; i < MOST; i++, value = value * 1664525 + 1013904223)
        bytes[i] = (uint8_t)(value >> 28);
    struct blocks deflated = room_for(2 * MOST), inflated = room_for(MOST);
    static const size_t pieces[] = {MOST, 16372, 7, 1};
    for (size_t size = 0; size <= MOST; size = size < 64 ? size + 1 : 5 * size) {
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            assert_int_equal(deflate_all(bytes, size, pieces[i], &deflated), 0);
            assert_int_equal(deflated.size % 2, 0);
            assert_int_equal(inflate_all(deflated.at, deflated.size, pieces[i], &inflated, NULL),
                             0);
            assert_int_equal(inflated.size, size);
            assert_memory_equal(inflated.at, bytes, size);
        }
    }
    free(bytes);
    free(deflated.at);
    free(inflated.at);
}

static void a_damaged_or_cut_deflated_stream_is_refused(void **state)
{
    (void)state;
    struct blocks deflated = room_for(1000), inflated = room_for(1000);
    struct gs_error error = {0};
    assert_int_equal(deflate_all((const uint8_t *)"abcabcabcabcabc", 15, 15, &deflated), 0);
    for (size_t size = 0; size < deflated.size - 1; size++) {
        error.code = "";
        assert_int_equal(inflate_all(deflated.at, size, 1, &inflated, &error), -1);
        assert_string_equal(error.code, "object-broken");
    }
    error.code = "";
    assert_int_equal(inflate_all((const uint8_t *)"\xff\xff\xff\xff", 4, 4, &inflated, &error), -1);
    assert_string_equal(error.code, "object-broken");
    free(deflated.at);
    free(inflated.at);
}

static int count_block(void *to, const uint8_t *bytes, size_t size, struct gs_error *error)
{
    (void)bytes;
    (void)error;
    *(uint64_t *)to += size;
    return 0;
}

/* The same deflated MiB again and again. */
static void what_inflates_without_end_ends_at_the_limit(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, ROOM = 4096 };
    uint8_t *zeros = calloc(1, MIB);
    uint8_t deflated[ROOM];
    z_stream stream = {.next_in = zeros, .avail_in = MIB, .next_out = deflated, .avail_out = ROOM};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FULL_FLUSH), Z_OK);
    deflateEnd(&stream);
    struct gs_inflater *inflater = gs_inflater_new();
    struct gs_error error = {0};
    uint64_t size = 0;
    int failed = 0;
    for (unsigned i = 0; failed == 0 && i <= GS_INFLATED_MAX / MIB; i++)
        failed = gs_inflater_feed(inflater, deflated, ROOM - stream.avail_out, count_block, &size,
                                  &error);
    assert_int_equal(failed, -1);
    assert_string_equal(error.code, "object-too-large");
    assert_int_equal(size, GS_INFLATED_MAX);
    gs_inflater_free(inflater);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_is_replaced_inserted_or_removed_wherever_it_stands),
        cmocka_unit_test(without_edits_all_bytes_stay),
        cmocka_unit_test(an_empty_data_set_gets_what_is_inserted),
        cmocka_unit_test(group_lengths_follow),
        cmocka_unit_test(a_group_length_that_is_edited_itself_is_left_alone),
        cmocka_unit_test(a_group_length_of_another_size_is_left_alone),
        cmocka_unit_test(the_survey_needs_no_more_than_the_header),
        cmocka_unit_test(no_element_of_a_touched_tag_stays_wherever_it_stands),
        cmocka_unit_test(any_edits_of_any_data_set_are_made),
        cmocka_unit_test(what_is_broken_or_nests_too_deep_is_refused),
        cmocka_unit_test(what_turns_out_to_be_broken_behind_the_survey_is_refused),
        cmocka_unit_test(bytes_that_are_not_the_element_are_refused),
        cmocka_unit_test(a_data_set_that_was_deflated_inflates_to_itself),
        cmocka_unit_test(a_damaged_or_cut_deflated_stream_is_refused),
        cmocka_unit_test(what_inflates_without_end_ends_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

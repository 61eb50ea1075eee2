/*
 * The structure of a data set is found as its bytes pass: the verdict is that of the whole, however
 * the bytes are cut.
 */
#include "storage/structure.h"

#include "storage/part10.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXPLICIT = 0, IMPLICIT = GS_SCAN_IMPLICIT, BIG = GS_SCAN_BIG_ENDIAN };

/* A data set in words: hexadecimal digits, and 'text'. */
struct bytes {
    uint8_t at[4096];
    size_t size;
};

static struct bytes assemble(const char *words)
{
    struct bytes bytes = {.size = 0};
    bool text = false;
    for (; *words != '\0'; words++) {
        if (*words == '\'') {
            text = !text;
        } else if (text) {
            bytes.at[bytes.size++] = (uint8_t)*words;
        } else if (isxdigit((unsigned char)*words)) {
            char digits[] = {words[0], words[1], '\0'};
            bytes.at[bytes.size++] = (uint8_t)strtoul(digits, NULL, 16);
            words++;
        }
    }
    return bytes;
}

/* Only what a verdict consists of. */
static void assert_same(const struct gs_scanner *one, const struct gs_scanner *other)
{
    assert_int_equal(one->verdict, other->verdict);
    assert_int_equal(one->offset, other->offset);
    assert_ptr_equal(one->problem, other->problem);
    assert_int_equal(one->header_complete, other->header_complete);
    assert_int_equal(one->header_size, other->header_size);
}

static void scan_whole(struct gs_scanner *scanner, const uint8_t *bytes, size_t size,
                       unsigned flags)
{
    struct gs_structure structure = {.inflater = NULL};
    memset(&structure.scanner, 0xa5, sizeof *scanner); /* starting must not rely on zeros */
    assert_int_equal(gs_structure_start(&structure, flags), 0);
    gs_structure_feed(&structure, bytes, size);
    gs_structure_finish(&structure);
    gs_structure_release(&structure);
    *scanner = structure.scanner;
}

static void scan_cut(struct gs_scanner *scanner, const uint8_t *bytes, size_t size, unsigned flags,
                     unsigned *seed, size_t longest)
{
    struct gs_structure structure = {.inflater = NULL};
    assert_int_equal(gs_structure_start(&structure, flags), 0);
    for (size_t done = 0; done < size;) {
        size_t piece = longest == 1 ? 1 : (size_t)rand_r(seed) % (longest + 1);
        if (piece > size - done)
            piece = size - done;
        gs_structure_feed(&structure, bytes + done, piece);
        done += piece;
    }
    gs_structure_finish(&structure);
    gs_structure_release(&structure);
    *scanner = structure.scanner;
}

/* The verdict, which must be the same for all cuts. */
static struct gs_scanner scan(const uint8_t *bytes, size_t size, unsigned flags, unsigned *seed)
{
    struct gs_scanner whole;
    struct gs_scanner cut;
    scan_whole(&whole, bytes, size, flags);
    scan_cut(&cut, bytes, size, flags, seed, 1);
    assert_same(&whole, &cut);
    static const size_t longest[] = {3, 13, 200, 5000};
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        scan_cut(&cut, bytes, size, flags, seed, longest[i]);
        assert_same(&whole, &cut);
    }
    return whole;
}

static unsigned new_seed(void)
{
    unsigned seed = (unsigned)getpid();
    print_message("seed %u\n", seed);
    return seed;
}

static struct gs_scanner scan_words(const char *words, unsigned flags)
{
    unsigned seed = 1;
    struct bytes bytes = assemble(words);
    return scan(bytes.at, bytes.size, flags, &seed);
}

struct good {
    const char *name;
    unsigned flags;
    const char *words;
    int64_t header_size; /* -1: there is nothing behind the header, it is all */
};

#define PIXELS_EXPLICIT "e07f1000 'OW' 0000 04000000 01020304"
#define ITEM_UNDEFINED  "feff00e0 ffffffff"
#define ITEM_END        "feff0de0 00000000"
#define SEQUENCE_END    "feffdde0 00000000"

static const struct good good[] = {
    {"an empty data set", EXPLICIT, "", -1},
    {"explicit VR", EXPLICIT, "08000500 'CS' 0400 'ABCD' 10001000 'PN' 0000" PIXELS_EXPLICIT, 20},
    {"implicit VR", IMPLICIT, "08000500 04000000 'ABCD' e07f1000 02000000 0102", 12},
    {"big endian", BIG, "00080005 'CS' 0004 'ABCD' 7fe00010 'OW' 0000 00000004 01020304", 12},
    {"a value of odd length", EXPLICIT, "08000500 'CS' 0300 'ABC' 10001000 'PN' 0000", -1},
    {"tags that are not in order", EXPLICIT, "10001000 'PN' 0000 08000500 'CS' 0000", -1},
    {"trailing padding", EXPLICIT, "08000500 'CS' 0000 fcfffcff 'OB' 0000 04000000 00000000", 8},
    {"the group length of Pixel Data", EXPLICIT,
     "08000500 'CS' 0000 e07f0000 'UL' 0400 10000000" PIXELS_EXPLICIT, 8},
    {"a VR that nobody knows", EXPLICIT, "08000500 'ZZ' 0000 02000000 0102 10001000 'PN' 0000", -1},
    {"every long VR", EXPLICIT,
     "08000100 'OB' 0000 00000000 08000100 'OD' 0000 00000000 08000100 'OF' 0000 00000000"
     "08000100 'OL' 0000 00000000 08000100 'OV' 0000 00000000 08000100 'OW' 0000 00000000"
     "08000100 'SV' 0000 00000000 08000100 'UC' 0000 00000000 08000100 'UN' 0000 00000000"
     "08000100 'UR' 0000 00000000 08000100 'UT' 0000 00000000 08000100 'UV' 0000 00000000",
     -1},
    {"a sequence of undefined lengths", EXPLICIT,
     "40007502 'SQ' 0000 ffffffff" ITEM_UNDEFINED "08000500 'CS' 0200 'AB'" ITEM_END
     "feff00e0 00000000" SEQUENCE_END PIXELS_EXPLICIT,
     12 + 8 + 10 + 8 + 8 + 8},
    {"a sequence of defined lengths", EXPLICIT,
     "40007502 'SQ' 0000 12000000 feff00e0 0a000000 08000500 'CS' 0200 'AB'" PIXELS_EXPLICIT, 30},
    {"a defined item in an undefined sequence, and the reverse", EXPLICIT,
     "40007502 'SQ' 0000 ffffffff feff00e0 0a000000 08000500 'CS' 0200 'AB'" SEQUENCE_END
     "40007502 'SQ' 0000 1a000000" ITEM_UNDEFINED "08000500 'CS' 0200 'AB'" ITEM_END,
     -1},
    {"an empty sequence, and items that end with it", EXPLICIT,
     "40007502 'SQ' 0000 00000000 40007502 'SQ' 0000 1c000000 feff00e0 14000000"
     "40007502 'SQ' 0000 08000000 feff00e0 00000000",
     -1},
    {"Pixel Data in an item is no end of the header", EXPLICIT,
     "88000002 'SQ' 0000 18000000 feff00e0 10000000" PIXELS_EXPLICIT "08000500 'CS' 0000", -1},
    {"an implicit sequence of undefined length", IMPLICIT,
     "40007502 ffffffff" ITEM_UNDEFINED "08000500 02000000 'AB'" ITEM_END SEQUENCE_END
     "e07f1000 00000000",
     8 + 8 + 10 + 8 + 8},
    {"an implicit sequence of defined length is a value", IMPLICIT,
     "40007502 08000000 'whatever' 10001000 00000000", -1},
    {"a big endian sequence", BIG,
     "00400275 'SQ' 0000 ffffffff fffee000 ffffffff 00080005 'CS' 0002 'AB' fffee00d 00000000"
     "fffee0dd 00000000",
     -1},
    {"UN of undefined length is implicit inside", EXPLICIT,
     "09001010 'UN' 0000 ffffffff" ITEM_UNDEFINED
     "08000500 02000000 'AB' 09001110 ffffffff" ITEM_UNDEFINED
     "08000600 00000000" ITEM_END SEQUENCE_END ITEM_END SEQUENCE_END "10001000 'PN' 0000",
     -1},
    {"UN of undefined length is little endian inside", BIG,
     "00091010 'UN' 0000 ffffffff" ITEM_UNDEFINED "08000500 02000000 'AB'" ITEM_END SEQUENCE_END
     "00100010 'PN' 0000",
     -1},
    {"encapsulated pixel data", EXPLICIT,
     "e07f1000 'OB' 0000 ffffffff feff00e0 00000000 feff00e0 04000000 feffdde0" SEQUENCE_END
     "fcfffcff 'OB' 0000 00000000",
     0},
    {"encapsulated pixel data in an item", EXPLICIT,
     "88000002 'SQ' 0000 ffffffff" ITEM_UNDEFINED
     "e07f1000 'OW' 0000 ffffffff feff00e0 02000000 0102" SEQUENCE_END ITEM_END SEQUENCE_END,
     -1},
};

/* A data set whose scanner stops at each element of its own. */
static void the_elements_of_the_data_set_itself_are_told(void **state)
{
    (void)state;
    static const struct gs_scan_element expected[] = {
        {0, 0x00080005, 2}, {10, 0x00400275, 0xffffffff}, {56, 0x00100010, 0}, {64, 0x7fe00010, 4}};
    struct bytes bytes = assemble(
        "08000500 'CS' 0200 'AB' 40007502 'SQ' 0000 ffffffff" ITEM_UNDEFINED
        "08000500 'CS' 0200 'AB'" ITEM_END SEQUENCE_END "10001000 'PN' 0000" PIXELS_EXPLICIT);
    for (size_t piece = 1; piece <= bytes.size; piece++) {
        struct gs_scanner scanner;
        size_t found = 0;
        memset(&scanner, 0xa5, sizeof scanner);
        gs_scanner_start(&scanner, EXPLICIT);
        for (size_t done = 0; done < bytes.size;) {
            size_t left = bytes.size - done;
            size_t taken = gs_scanner_step(&scanner, bytes.at + done, left < piece ? left : piece);
            done += taken;
            assert_int_equal(scanner.offset, done);
            if (!scanner.began)
                continue;
            assert_int_equal(scanner.element.start, expected[found].start);
            assert_int_equal(scanner.element.tag, expected[found].tag);
            assert_int_equal(scanner.element.length, expected[found].length);
            found++;
        }
        assert_int_equal(found, 4);
        assert_int_equal(gs_scanner_finish(&scanner), GS_SCAN_GOOD);
    }
}

/* Those two by which an object is known: of the data set itself, and the first of each. */
static void the_uids_of_the_object_are_kept(void **state)
{
    (void)state;
    struct bytes bytes =
        assemble("08000500 'CS' 0200 'AB' 40007502 'SQ' 0000 ffffffff" ITEM_UNDEFINED
                 "08001600 'UI' 0200 '9' 00 08001800 'UI' 0200 '9' 00" ITEM_END SEQUENCE_END
                 "08001600 'UI' 0400 '1.2' 00 08001800 'UI' 4600"
                 "'1234567890123456789012345678901234567890123456789012345678901234567890'"
                 "08001600 'UI' 0200 '8' 00 10001000 'PN' 0000" PIXELS_EXPLICIT);
    for (size_t piece = 1; piece <= bytes.size; piece++) {
        struct gs_scanner scanner;
        memset(&scanner, 0xa5, sizeof scanner);
        gs_scanner_start(&scanner, EXPLICIT);
        for (size_t done = 0; done < bytes.size; done += piece)
            gs_scanner_feed(&scanner, bytes.at + done,
                            bytes.size - done < piece ? bytes.size - done : piece);
        assert_int_equal(gs_scanner_finish(&scanner), GS_SCAN_GOOD);
        const struct gs_scan_uid *class = &scanner.uids[GS_SCAN_CLASS];
        const struct gs_scan_uid *instance = &scanner.uids[GS_SCAN_INSTANCE];
        assert_int_equal(class->length, 4);
        assert_int_equal(class->size, 4);
        assert_memory_equal(class->bytes, "1.2", 4);
        assert_int_equal(instance->length, 70);
        assert_int_equal(instance->size, GS_SCAN_UID_MAX);
        assert_memory_equal(instance->bytes + 60, "1234", 4);
    }
    bytes = assemble("08001600 'UI' 0000 08001800 'SQ' 0000 ffffffff" SEQUENCE_END
                     "10001000 'PN' 0400 'A^B '");
    struct gs_scanner scanner;
    scan_whole(&scanner, bytes.at, bytes.size, EXPLICIT);
    assert_int_equal(scanner.verdict, GS_SCAN_GOOD);
    assert_int_equal(scanner.uids[GS_SCAN_CLASS].length, 0);
    assert_int_equal(scanner.uids[GS_SCAN_INSTANCE].length, 0);
}

/* What the scanner knew of group 0002 outlived gs_scanner_start(): a sink that was begun again
 * warned of the object before, and a scanner on the stack of what had been there. */
static void a_scanner_that_starts_again_knows_nothing(void **state)
{
    (void)state;
    struct gs_scanner scanner;
    struct bytes with = assemble("02001000 'UI' 0200 '1.' 08001800 'UI' 0200 '1.'");
    scan_whole(&scanner, with.at, with.size, EXPLICIT);
    assert_true(scanner.has_meta);
    gs_scanner_start(&scanner, EXPLICIT);
    assert_false(scanner.has_meta);
}

static void good_data_sets_are_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct gs_scanner scanner = scan_words(good[i].words, good[i].flags);
        if (scanner.verdict != GS_SCAN_GOOD)
            fail_msg("%s: %s at %d", good[i].name, scanner.problem, (int)scanner.offset);
        size_t size = assemble(good[i].words).size;
        assert_int_equal(scanner.offset, size);
        assert_int_equal(scanner.header_complete, good[i].header_size >= 0);
        if (scanner.header_size != (good[i].header_size < 0 ? size : (size_t)good[i].header_size))
            fail_msg("%s: a header of %d bytes", good[i].name, (int)scanner.header_size);
    }
}

/* A prefix is good only if it ends where a top-level element ends. */
static void a_data_set_that_ends_inside_an_element_is_broken(void **state)
{
    (void)state;
    unsigned seed = new_seed();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct bytes bytes = assemble(good[i].words);
        struct gs_scanner walker;
        gs_scanner_start(&walker, good[i].flags);
        for (size_t size = 0; size < bytes.size; size++) {
            struct gs_scanner scanner = scan(bytes.at, size, good[i].flags, &seed);
            struct gs_scanner so_far = walker;
            gs_scanner_finish(&so_far);
            assert_same(&scanner, &so_far);
            if (scanner.verdict == GS_SCAN_BROKEN)
                assert_int_equal(scanner.offset, size);
            gs_scanner_feed(&walker, bytes.at + size, 1);
        }
    }
    struct bytes bytes = assemble("08000500 'CS' 0200 'AB' 10001000 'PN' 0200 'CD'");
    for (size_t size = 0; size <= bytes.size; size++) {
        bool between = size % 10 == 0;
        assert_int_equal(scan(bytes.at, size, EXPLICIT, &seed).verdict,
                         between ? GS_SCAN_GOOD : GS_SCAN_BROKEN);
    }
}

struct bad {
    unsigned flags;
    const char *words;
    uint64_t offset;
    const char *problem; /* some words of it */
};

static const struct bad bad[] = {
    {EXPLICIT, "08000500 0000 0000", 0, "VR"},
    {EXPLICIT, "08000500 'CS' 0000 08000600 'cs' 0000", 8, "VR"},
    {EXPLICIT, "08000500 ' S' 0000", 0, "VR"},
    {EXPLICIT, "08000500 02000000 'AB'", 0, "VR"},
    {EXPLICIT, "08000500 'UT' 0000 ffffffff", 0, "undefined"},
    {EXPLICIT, "08000500 'OB' 0000 ffffffff", 0, "undefined"},
    {EXPLICIT, "e07f1000 'UT' 0000 ffffffff", 0, "undefined"},
    {EXPLICIT, "feff00e0 00000000", 0, "outside"},
    {EXPLICIT, "08000500 'CS' 0000" ITEM_END, 8, "outside"},
    {EXPLICIT, SEQUENCE_END, 0, "outside"},
    {EXPLICIT, "40007502 'SQ' 0000 ffffffff 08000500 'CS' 0000", 12, "no item"},
    {EXPLICIT, "40007502 'SQ' 0000 ffffffff" ITEM_END, 12, "no item"},
    {EXPLICIT, "40007502 'SQ' 0000 ffffffff" ITEM_UNDEFINED SEQUENCE_END, 20, "outside"},
    {EXPLICIT, "40007502 'SQ' 0000 ffffffff" ITEM_UNDEFINED ITEM_UNDEFINED, 20, "outside"},
    {EXPLICIT, "40007502 'SQ' 0000 08000000" SEQUENCE_END, 12, "defined length"},
    {EXPLICIT, "40007502 'SQ' 0000 10000000 feff00e0 08000000" ITEM_END, 20, "defined length"},
    {EXPLICIT, "40007502 'SQ' 0000 08000000 feff00e0 08000000", 12, "encloses"},
    {EXPLICIT, "40007502 'SQ' 0000 12000000 feff00e0 0a000000 08000500 'CS' 0300 'ABC'", 20,
     "encloses"},
    {EXPLICIT, "40007502 'SQ' 0000 0c000000 feff00e0 04000000 08000500 'CS' 0000", 20, "encloses"},
    {EXPLICIT, "40007502 'SQ' 0000 04000000 feff00e0 00000000", 12, "encloses"},
    /* Undefined lengths inside of a defined one do not pass it. */
    {EXPLICIT, "40007502 'SQ' 0000 12000000" ITEM_UNDEFINED "08000500 'CS' 0200 'AB'" ITEM_END, 30,
     "encloses"},
    {EXPLICIT, "40007502 'SQ' 0000 10000000" ITEM_UNDEFINED "08000500 'CS' ffff 'AB'", 20,
     "encloses"},
    {EXPLICIT, "e07f1000 'OB' 0000 ffffffff feff00e0 ffffffff", 12, "no fragment"},
    {EXPLICIT, "e07f1000 'OB' 0000 ffffffff 08000500 'CS' 0000", 12, "no fragment"},
    {EXPLICIT, "e07f1000 'OB' 0000 ffffffff" ITEM_END, 12, "no fragment"},
    {EXPLICIT, "08000500 'OB' 0000 feffffff 0102", 14, "ends inside an element"},
    {IMPLICIT, "08000500 feffffff 0102", 10, "ends inside an element"},
    {IMPLICIT, "40007502 ffffffff", 8, "ends inside a sequence"},
    {IMPLICIT, "40007502 ffffffff 08000500 00000000", 8, "no item"},
};

static void broken_data_sets_are_broken_where_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct gs_scanner scanner = scan_words(bad[i].words, bad[i].flags);
        if (scanner.verdict != GS_SCAN_BROKEN || scanner.offset != bad[i].offset ||
            strstr(scanner.problem, bad[i].problem) == NULL)
            fail_msg("%s: verdict %d at %d: %s", bad[i].words, (int)scanner.verdict,
                     (int)scanner.offset, scanner.problem);
    }
}

static void a_broken_data_set_stays_broken(void **state)
{
    (void)state;
    struct gs_scanner scanner;
    gs_scanner_start(&scanner, EXPLICIT);
    assert_int_equal(gs_scanner_feed(&scanner, (const uint8_t *)"\x08\0\5\0\0\0\0\0", 8),
                     GS_SCAN_BROKEN);
    assert_int_equal(gs_scanner_feed(&scanner, (const uint8_t *)"\x08\0\5\0CS\0\0", 8),
                     GS_SCAN_BROKEN);
    assert_int_equal(gs_scanner_finish(&scanner), GS_SCAN_BROKEN);
    assert_int_equal(scanner.offset, 0);
}

/* Sequences in sequences, of undefined lengths, closed again. */
static uint8_t *nest(unsigned levels, size_t *size)
{
    *size = (size_t)levels * (12 + 8 + 8 + 8);
    uint8_t *bytes = malloc(*size + 1);
    uint8_t *end = bytes;
    for (unsigned i = 0; i < levels; i++) {
        memcpy(end, "\x40\0\x75\2SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", 20);
        end += 20;
    }
    for (unsigned i = 0; i < levels; i++) {
        memcpy(end, "\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0", 16);
        end += 16;
    }
    return bytes;
}

static void sequences_are_followed_64_deep(void **state)
{
    (void)state;
    unsigned seed = new_seed();
    static const unsigned depths[] = {1, 63, 64, 65, 10000};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        size_t size;
        uint8_t *bytes = nest(depths[i], &size);
        struct gs_scanner scanner = scan(bytes, size, EXPLICIT, &seed);
        bool deep = depths[i] > GS_SCAN_DEPTH_MAX;
        assert_int_equal(scanner.verdict, deep ? GS_SCAN_OPAQUE : GS_SCAN_GOOD);
        assert_int_equal(scanner.problem != NULL, deep);
        assert_true(deep ? scanner.offset < size : scanner.offset == size);
        free(bytes);
    }
}

static void values_of_any_length_are_passed(void **state)
{
    (void)state;
    struct gs_scanner scanner;
    gs_scanner_start(&scanner, EXPLICIT);
    gs_scanner_feed(&scanner, (const uint8_t *)"\xe0\x7f\x10\0OW\0\0\xfe\xff\xff\xff", 12);
    static uint8_t zeros[1 << 20];
    for (uint64_t left = 0xfffffffe; left > 0;) {
        size_t piece = left < sizeof zeros ? (size_t)left : sizeof zeros;
        assert_int_equal(gs_scanner_feed(&scanner, zeros, piece), GS_SCAN_GOOD);
        left -= piece;
    }
    assert_int_equal(scanner.offset, 12 + 0xfffffffeull);
    assert_int_equal(gs_scanner_finish(&scanner), GS_SCAN_GOOD);
}

static void noise_gives_the_same_verdict_for_all_cuts(void **state)
{
    (void)state;
    unsigned seed = new_seed();
    for (int round = 0; round < 3000; round++) {
        const struct good *model = &good[(size_t)rand_r(&seed) % (sizeof good / sizeof *good)];
        struct bytes bytes = assemble(model->words);
        for (int i = 0; i < 2 && bytes.size > 0; i++)
            bytes.at[(size_t)rand_r(&seed) % bytes.size] = (uint8_t)rand_r(&seed);
        scan(bytes.at, bytes.size, model->flags, &seed);
        scan(bytes.at, bytes.size, (unsigned)rand_r(&seed) % 4, &seed);
    }
}

/* Real objects. */

#define REAL "/usr/lib/python3/dist-packages/pydicom/data/"

static const struct {
    const char *name;
    const char *why;
} known_broken[] = {
    {"MR_truncated.dcm", "cut off in its Pixel Data"},
    {"rtplan_truncated.dcm", "cut off in a sequence"},
    {"SC_rgb_jpeg.dcm", "its transfer syntax is explicit, its data set implicit"},
};

static const char *why_broken(const char *name)
{
    for (size_t i = 0; i < sizeof known_broken / sizeof *known_broken; i++)
        if (strcmp(known_broken[i].name, name) == 0)
            return known_broken[i].why;
    return NULL;
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* One file names no transfer syntax; it has the default one. */
static unsigned flags_of(const struct gs_part10 *meta)
{
    static const struct {
        const char *uid;
        unsigned flags;
    } syntaxes[] = {{"", IMPLICIT},
                    {"1.2.840.10008.1.2", IMPLICIT},
                    {"1.2.840.10008.1.2.2", BIG},
                    {"1.2.840.10008.1.2.1.99", GS_SCAN_DEFLATED}};
    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++)
        if (strlen(syntaxes[i].uid) == meta->transfer_syntax_size &&
            memcmp(syntaxes[i].uid, meta->transfer_syntax, meta->transfer_syntax_size) == 0)
            return syntaxes[i].flags;
    return EXPLICIT;
}

/* Returns whether it was an object. */
static bool scan_real(const char *path, const char *name, unsigned *seed)
{
    size_t size;
    size_t offset;
    struct gs_part10 meta;
    uint8_t *bytes = read_file(path, &size);
    bool object = gs_part10_decode(bytes, size, &meta, &offset) == 0;
    if (object) {
        unsigned flags = flags_of(&meta);
        struct gs_scanner scanner = scan(bytes + offset, size - offset, flags, seed);
        const char *why = why_broken(name);
        enum gs_scan_verdict expected = why != NULL ? GS_SCAN_BROKEN : GS_SCAN_GOOD;
        if (scanner.verdict != expected)
            fail_msg("%s: verdict %d at %zu of %zu: %s (known: %s)", name, (int)scanner.verdict,
                     (size_t)scanner.offset + offset, size, scanner.problem, why);
    }
    free(bytes);
    return object;
}

static void real_objects_are_good(void **state)
{
    (void)state;
    unsigned seed = new_seed();
    static const char *const folders[] = {REAL "test_files", REAL "charset_files"};
    unsigned objects = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        DIR *directory = opendir(folders[i]);
        if (directory == NULL) {
            print_message("no %s: install python3-pydicom\n", folders[i]);
            skip();
        }
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", folders[i], entry->d_name);
            if (entry->d_type == DT_REG && scan_real(path, entry->d_name, &seed))
                objects++;
        }
        closedir(directory);
    }
    print_message("%u real objects\n", objects);
    assert_in_range(objects, 70, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scanner_that_starts_again_knows_nothing),
        cmocka_unit_test(good_data_sets_are_good),
        cmocka_unit_test(the_elements_of_the_data_set_itself_are_told),
        cmocka_unit_test(the_uids_of_the_object_are_kept),
        cmocka_unit_test(a_data_set_that_ends_inside_an_element_is_broken),
        cmocka_unit_test(broken_data_sets_are_broken_where_they_are),
        cmocka_unit_test(a_broken_data_set_stays_broken),
        cmocka_unit_test(sequences_are_followed_64_deep),
        cmocka_unit_test(values_of_any_length_are_passed),
        cmocka_unit_test(noise_gives_the_same_verdict_for_all_cuts),
        cmocka_unit_test(real_objects_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Data sets: paths, values, items that expire, bytes that nobody should trust. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dcmtk/dataset.h"
#include "dcmtk/dictionary.h"
#include "dcmtk/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define IMPLICIT_LITTLE "1.2.840.10008.1.2"
#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define DEFLATED_LITTLE "1.2.840.10008.1.2.1.99"
#define EXPLICIT_BIG    "1.2.840.10008.1.2.2"
#define JPEG_BASELINE   "1.2.840.10008.1.2.4.50"

#define STEP "RequestAttributesSequence[%d].ScheduledProcedureStepID"

static struct gs_error error;

static struct gs_dataset *new_dataset(void)
{
    struct gs_dataset *dataset = gs_dataset_new(&error);
    assert_non_null(dataset);
    return dataset;
}

static int set_text(struct gs_dataset *dataset, const char *path, const char *text)
{
    struct gs_value value = {.kind = GS_VALUE_TEXT, .text = text, .size = strlen(text)};
    return gs_dataset_set(dataset, path, &value, 1, &error);
}

static void set(struct gs_dataset *dataset, const char *path, const char *text)
{
    if (set_text(dataset, path, text) != 0)
        fail_msg("%s: %s", path, error.message);
}

static struct gs_value get(struct gs_dataset *dataset, const char *path)
{
    struct gs_value value;
    if (gs_dataset_get(dataset, path, &value, &error) != 0)
        fail_msg("%s: %s", path, error.message);
    return value;
}

static void check(struct gs_dataset *dataset, const char *path, const char *text)
{
    struct gs_value value = get(dataset, path);
    assert_int_equal(value.kind, GS_VALUE_TEXT);
    assert_string_equal(value.text, text);
    assert_int_equal(value.size, strlen(text));
}

/* --- paths ------------------------------------------------------------------------------------ */

static void an_attribute_has_four_names(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "PatientID", "A1");
    check(dataset, "PatientID", "A1");
    check(dataset, "0010,0020", "A1");
    check(dataset, "(0010,0020)", "A1");
    set(dataset, "(0008,1140)[1].ReferencedSOPInstanceUID", "1.2.3");
    check(dataset, "ReferencedImageSequence[1].0008,1155", "1.2.3");
    struct gs_value value = get(dataset, "ReferencedImageSequence");
    assert_int_equal(value.kind, GS_VALUE_SEQUENCE);
    assert_int_equal(value.count, 2);
    assert_string_equal(value.vr, "SQ");
    assert_int_equal(get(dataset, "ReferencedImageSequence[1]").kind, GS_VALUE_ITEM);
    assert_int_equal(get(dataset, "ReferencedImageSequence[2]").kind, GS_VALUE_ABSENT);
    assert_int_equal(get(dataset, "ReferencedImageSequence[2].PatientID").kind, GS_VALUE_ABSENT);
    assert_int_equal(get(dataset, "OtherPatientIDs").kind, GS_VALUE_ABSENT);
    gs_dataset_free(dataset);
}

static void bad_paths_are_told_and_create_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *path, *says;
    } paths[] = {
        {"", "tag"},
        {"PatinetName", "did you mean 'PatientName'"},
        {"Xyzzy", "unknown keyword 'Xyzzy'"},
        {"0010,001", "0010"},
        {"(0010,0010", "(0010,0010"},
        {"0010,0010 ", "unexpected text"},
        {"PatientName[0]", "no sequence"},
        {"PatientName[0].PatientID", "no sequence"},
        {"ReferencedImageSequence.PatientID", "item number"},
        {"ReferencedImageSequence[*].PatientID", "item number"},
        {"ReferencedImageSequence[-1].PatientID", "item number"},
        {"ReferencedImageSequence[].PatientID", "item number"},
        {"ReferencedImageSequence[99999999999999999999].PatientID", "item number"},
        {"ReferencedImageSequence[0].PatientID.", "item number"},
        {"ReferencedImageSequence[0].", "tag"},
        {"ReferencedImageSequence[0].Xyzzy", "Xyzzy"},
        {"ReferencedImageSequence[0].(0009,1001)", "creator (0009,0010)"},
        {"0002,0010", "data set"},
        {"0000,0100", "data set"},
        {"FFFE,E000", "data set"},
    };
    struct gs_dataset *dataset = new_dataset();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(set_text(dataset, paths[i].path, "x"), -1);
        assert_string_equal(error.code, "bad-path");
        if (strstr(error.message, paths[i].says) == NULL)
            fail_msg("'%s': %s", paths[i].path, error.message);
    }
    const struct gs_element *elements;
    size_t count;
    assert_int_equal(gs_dataset_elements(dataset, &elements, &count, &error), 0);
    assert_int_equal(count, 0);
    gs_dataset_free(dataset);
}

static void a_private_attribute_needs_its_creator(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "0029,0010", "SIEMENS CSA HEADER");
    set(dataset, "0029,1008", "IMAGE NUM 4");
    struct gs_value value = get(dataset, "(0029,1008)");
    assert_string_equal(value.vr, "CS"); /* from the private dictionary */
    assert_string_equal(value.text, "IMAGE NUM 4");
    gs_dataset_free(dataset);
}

/* --- values ----------------------------------------------------------------------------------- */

static void numbers_keep_their_value(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    struct gs_value number = {.kind = GS_VALUE_INTEGER, .integer = 512};
    assert_int_equal(gs_dataset_set(dataset, "Rows", &number, 1, &error), 0);
    assert_int_equal(get(dataset, "Rows").integer, 512);
    assert_int_equal(gs_dataset_set(dataset, "SeriesNumber", &number, 1, &error), 0);
    check(dataset, "SeriesNumber", "512");
    struct gs_value reals[] = {{.kind = GS_VALUE_REAL, .real = 0.1},
                               {.kind = GS_VALUE_REAL, .real = 1.0 / 3}};
    assert_int_equal(gs_dataset_set(dataset, "PixelSpacing", reals, 2, &error), 0);
    check(dataset, "PixelSpacing", "0.1\\0.33333333333333"); /* DS: at most 16 characters */
    assert_int_equal(gs_dataset_set(dataset, "0018,9087", reals + 1, 1, &error), 0);
    assert_true(get(dataset, "0018,9087").real == 1.0 / 3);
    assert_int_equal(gs_dataset_set(dataset, "0072,0076", reals, 2, &error), 0); /* FL */
    check(dataset, "0072,0076", "0.1\\0.33333334");
    gs_dataset_free(dataset);
}

static void values_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path, *text;
    } bad[] = {
        {"Rows", "65536"},
        {"Rows", "-1"},
        {"Rows", "1x"},
        {"Rows", "1\\"},
        {"Rows", "0x10"},
        {"SimpleFrameList", "4294967296"},
        {"0018,9087", "one"},
        {"PatientName", "\xff"},
        {"PatientID", "\xc3"},
        {"Modality", "MÖ"},
        {"StudyInstanceUID", "ü"},
        {"ReferencedImageSequence", "x"},
        {"ReferencedImageSequence[0]", "x"},
        {"0028,0009", "nonsense"},
    };
    struct gs_dataset *dataset = new_dataset();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (set_text(dataset, bad[i].path, bad[i].text) == 0)
            fail_msg("%s took '%s'", bad[i].path, bad[i].text);
        assert_string_equal(error.code, "bad-value");
        assert_int_equal(gs_dataset_has(dataset, bad[i].path, &error), 0);
    }
    char *longest = calloc(1, 65537);
    memset(longest, 'x', 65535);
    assert_int_equal(set_text(dataset, "PatientID", longest), -1);
    assert_string_equal(error.code, "bad-value");
    set(dataset, "TextValue", longest);
    free(longest);
    gs_dataset_free(dataset);
}

static void us_or_ss_follows_the_pixels(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    assert_int_equal(set_text(dataset, "SmallestImagePixelValue", "-5"), -1);
    set(dataset, "PixelRepresentation", "1");
    set(dataset, "SmallestImagePixelValue", "-5");
    assert_int_equal(get(dataset, "SmallestImagePixelValue").integer, -5);
    assert_string_equal(get(dataset, "SmallestImagePixelValue").vr, "SS");
    gs_dataset_free(dataset);
}

static void bytes_are_little_endian_whatever_the_syntax(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    struct gs_value bytes = {.kind = GS_VALUE_TEXT, .text = "\x01\x00\x02\x03", .size = 4};
    assert_int_equal(gs_dataset_set(dataset, "RedPaletteColorLookupTableData", &bytes, 1, &error),
                     0);
    const char *encoded;
    size_t size;
    assert_int_equal(gs_dataset_encode(dataset, EXPLICIT_BIG, &encoded, &size, &error), 0);
    struct gs_dataset *decoded = gs_dataset_decode(encoded, size, EXPLICIT_BIG, &error);
    assert_non_null(decoded);
    struct gs_value value = get(decoded, "RedPaletteColorLookupTableData");
    assert_int_equal(value.kind, GS_VALUE_BYTES);
    assert_int_equal(value.size, 4);
    assert_memory_equal(value.text, bytes.text, 4);
    gs_dataset_free(decoded);
    gs_dataset_free(dataset);
}

/* --- character sets --------------------------------------------------------------------------- */

static void text_that_does_not_fit_makes_it_utf8(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "SpecificCharacterSet", "ISO_IR 100");
    set(dataset, "PatientName", "Jérôme");
    set(dataset, "ReferencedImageSequence[0].SpecificCharacterSet", "ISO_IR 126");
    set(dataset, "ReferencedImageSequence[0].TextValue", "Διο");
    check(dataset, "SpecificCharacterSet", "ISO_IR 100");
    set(dataset, "PatientComments", "山");
    check(dataset, "SpecificCharacterSet", "ISO_IR 192");
    check(dataset, "PatientName", "Jérôme");
    check(dataset, "PatientComments", "山");
    check(dataset, "ReferencedImageSequence[0].TextValue", "Διο");
    assert_int_equal(
        gs_dataset_has(dataset, "ReferencedImageSequence[0].SpecificCharacterSet", &error), 0);
    gs_dataset_free(dataset);
}

static void a_new_character_set_converts_what_is_there(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "PatientName", "Jérôme"); /* becomes ISO_IR 192 */
    set(dataset, "SpecificCharacterSet", "ISO_IR 100");
    check(dataset, "PatientName", "Jérôme");
    const char *bytes;
    size_t size;
    struct gs_tag name = {0x0010, 0x0010};
    assert_int_equal(
        gs_dataset_encode_element(dataset, name, IMPLICIT_LITTLE, &bytes, &size, &error), 0);
    assert_int_equal(size, 14);
    assert_memory_equal(bytes, "\x10\0\x10\0\x06\0\0\0J\xe9r\xf4me", 14);
    assert_int_equal(set_text(dataset, "SpecificCharacterSet", "ISO_IR 126"), -1);
    assert_string_equal(error.code, "charset");
    assert_int_equal(gs_dataset_remove(dataset, "SpecificCharacterSet", &error), -1);
    assert_string_equal(error.code, "charset");
    check(dataset, "PatientName", "Jérôme");
    gs_dataset_free(dataset);
}

/* A wrong declaration is repaired by the right one: bytes that it did not know are left alone. */
static void unknown_bytes_wait_for_their_character_set(void **state)
{
    (void)state;
    static const char bytes[] = "\x10\0\x10\0\x04\0\0\0\xe9m\xe9 ";
    struct gs_dataset *dataset = gs_dataset_decode(bytes, 12, IMPLICIT_LITTLE, &error);
    assert_non_null(dataset);
    assert_true(get(dataset, "PatientName").invalid);
    check(dataset, "PatientName", "\xef\xbf\xbdm\xef\xbf\xbd");
    set(dataset, "SpecificCharacterSet", "ISO_IR 100");
    check(dataset, "PatientName", "émé");
    assert_false(get(dataset, "PatientName").invalid);
    gs_dataset_free(dataset);
}

static void an_item_that_leaves_its_data_set_says_its_character_set(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "SpecificCharacterSet", "ISO_IR 100");
    set(dataset, "ReferencedImageSequence[0].TextValue", "é");
    struct gs_dataset *item = gs_dataset_item(dataset, "ReferencedImageSequence[0]", &error);
    struct gs_dataset *clone = gs_dataset_clone(item, &error);
    check(clone, "SpecificCharacterSet", "ISO_IR 100");
    check(clone, "TextValue", "é");

    struct gs_dataset *other = new_dataset();
    set(other, "SpecificCharacterSet", "\\ISO 2022 IR 87");
    struct gs_dataset *copy = gs_dataset_append(other, "ReferencedImageSequence", item, &error);
    assert_non_null(copy);
    check(copy, "TextValue", "é");
    check(other, "SpecificCharacterSet", "ISO_IR 192");
    assert_int_equal(gs_dataset_has(copy, "SpecificCharacterSet", &error), 0);
    gs_dataset_free(copy);
    gs_dataset_free(other);
    gs_dataset_free(clone);
    gs_dataset_free(item);
    gs_dataset_free(dataset);
}

/* --- items ------------------------------------------------------------------------------------ */

static void an_item_keeps_the_whole_alive(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "RequestAttributesSequence[0].ScheduledProcedureStepID", "1");
    struct gs_dataset *item = gs_dataset_item(dataset, "RequestAttributesSequence[0]", &error);
    gs_dataset_free(dataset);
    check(item, "ScheduledProcedureStepID", "1");
    set(item, "ScheduledProcedureStepID", "2");
    check(item, "ScheduledProcedureStepID", "2");
    gs_dataset_free(item);
}

static void expect_expired(struct gs_dataset *item)
{
    struct gs_value value;
    const struct gs_element *elements;
    const char *bytes;
    size_t size;
    struct gs_meta meta;
    error.code = "";
    assert_int_equal(gs_dataset_get(item, "PatientID", &value, &error), -1);
    assert_string_equal(error.code, "dataset-expired");
    assert_int_equal(set_text(item, "PatientID", "x"), -1);
    assert_int_equal(gs_dataset_has(item, "PatientID", &error), -1);
    assert_int_equal(gs_dataset_remove(item, "PatientID", &error), -1);
    assert_int_equal(gs_dataset_elements(item, &elements, &size, &error), -1);
    assert_int_equal(gs_dataset_encode(item, IMPLICIT_LITTLE, &bytes, &size, &error), -1);
    assert_int_equal(gs_dataset_write(item, "/nowhere/at/all", NULL, &error), -1);
    assert_int_equal(gs_dataset_dump(item, &bytes, &size, &error), -1);
    assert_int_equal(gs_dataset_json(item, &bytes, &size, &error), -1);
    assert_int_equal(gs_dataset_meta(item, &meta, &error), -1);
    assert_null(gs_dataset_item(item, "RequestAttributesSequence[0]", &error));
    assert_null(gs_dataset_append(item, "RequestAttributesSequence", NULL, &error));
    assert_null(gs_dataset_clone(item, &error));
    assert_string_equal(error.code, "dataset-expired");
}

static void only_what_was_removed_expires(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    char path[80];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, STEP, i);
        set(dataset, path, "x");
    }
    set(dataset, "RequestAttributesSequence[1].ReferencedStudySequence[0].StudyID", "deep");
    struct gs_dataset *first = gs_dataset_item(dataset, "RequestAttributesSequence[0]", &error);
    struct gs_dataset *second = gs_dataset_item(dataset, "RequestAttributesSequence[1]", &error);
    struct gs_dataset *third = gs_dataset_item(dataset, "RequestAttributesSequence[2]", &error);
    struct gs_dataset *deep = gs_dataset_item(second, "ReferencedStudySequence[0]", &error);
    check(deep, "StudyID", "deep");
    assert_int_equal(gs_dataset_remove(dataset, "RequestAttributesSequence[1]", &error), 1);
    expect_expired(second);
    expect_expired(deep);
    check(first, "ScheduledProcedureStepID", "x");
    check(third, "ScheduledProcedureStepID", "x");
    set(dataset, "RequestAttributesSequence", "");
    expect_expired(first);
    expect_expired(third);
    set(dataset, "PatientID", "still there");
    gs_dataset_expire(dataset);
    expect_expired(dataset);
    gs_dataset_expire(dataset);
    gs_dataset_free(deep);
    gs_dataset_free(dataset);
    gs_dataset_free(third);
    gs_dataset_free(second);
    gs_dataset_free(first);
}

static void a_sequence_can_be_appended_to_itself(void **state)
{
    (void)state;
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "RequestAttributesSequence[0].ScheduledProcedureStepID", "1");
    struct gs_dataset *copy = gs_dataset_append(
        dataset, "RequestAttributesSequence[0].ReferencedStudySequence", dataset, &error);
    assert_non_null(copy);
    check(copy, "RequestAttributesSequence[0].ScheduledProcedureStepID", "1");
    gs_dataset_free(copy);
    gs_dataset_free(dataset);
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    struct gs_dataset *view = new_dataset();
    int depth = 0;
    for (; depth < 100; depth++) {
        struct gs_dataset *inner = gs_dataset_append(view, "ReferencedStudySequence", NULL, &error);
        if (inner == NULL)
            break;
        gs_dataset_free(view);
        view = inner;
    }
    assert_int_equal(depth, GS_DATASET_DEPTH_MAX);
    assert_string_equal(error.code, "bad-path");
    assert_int_equal(set_text(view, "ReferencedStudySequence[0].StudyID", "x"), -1);
    assert_string_equal(error.code, "bad-path");
    set(view, "StudyID", "x");
    gs_dataset_free(view);
}

/* --- bytes and files -------------------------------------------------------------------------- */

static struct gs_dataset *sample(void)
{
    struct gs_dataset *dataset = new_dataset();
    set(dataset, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2");
    set(dataset, "SOPInstanceUID", "1.2.3.4");
    set(dataset, "SpecificCharacterSet", "ISO_IR 100");
    set(dataset, "PatientName", "Jérôme");
    set(dataset, "Rows", "2");
    set(dataset, "RequestAttributesSequence[1].ScheduledProcedureStepID", "x");
    return dataset;
}

static void every_syntax_gives_back_what_it_took(void **state)
{
    (void)state;
    static const char *const syntaxes[] = {IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG,
                                           DEFLATED_LITTLE};
    struct gs_dataset *dataset = sample();
    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++) {
        const char *bytes, *again;
        size_t size, size_again;
        struct gs_meta meta;
        assert_int_equal(gs_dataset_encode(dataset, syntaxes[i], &bytes, &size, &error), 0);
        struct gs_dataset *decoded = gs_dataset_decode(bytes, size, syntaxes[i], &error);
        assert_non_null(decoded);
        check(decoded, "PatientName", "Jérôme");
        check(decoded, "RequestAttributesSequence[1].ScheduledProcedureStepID", "x");
        assert_int_equal(get(decoded, "Rows").integer, 2);
        assert_int_equal(gs_dataset_encode(decoded, syntaxes[i], &again, &size_again, &error), 0);
        assert_int_equal(size, size_again);
        assert_memory_equal(bytes, again, size);
        assert_int_equal(gs_dataset_meta(decoded, &meta, &error), 0);
        assert_string_equal(meta.transfer_syntax, syntaxes[i]);
        assert_string_equal(meta.sop_instance, "1.2.3.4");
        assert_false(meta.part10);
        gs_dataset_free(decoded);
    }
    const char *bytes;
    size_t size;
    assert_int_equal(gs_dataset_encode(dataset, "1.2.3", &bytes, &size, &error), -1);
    assert_string_equal(error.code, "dataset-syntax");
    assert_int_equal(gs_dataset_encode(dataset, "", &bytes, &size, &error), -1);
    gs_dataset_free(dataset);
}

static void a_codec_is_not_pretended(void **state)
{
    (void)state;
    struct gs_dataset *dataset = sample();
    struct gs_value pixels = {.kind = GS_VALUE_TEXT, .text = "\1\2\3\4", .size = 4};
    set(dataset, "BitsAllocated", "8");
    assert_int_equal(gs_dataset_set(dataset, "PixelData", &pixels, 1, &error), 0);
    const char *bytes;
    size_t size;
    assert_int_equal(gs_dataset_encode(dataset, JPEG_BASELINE, &bytes, &size, &error), -1);
    assert_string_equal(error.code, "dataset-syntax");
    assert_int_equal(gs_dataset_encode(dataset, EXPLICIT_LITTLE, &bytes, &size, &error), 0);
    struct gs_value value = get(dataset, "PixelData");
    assert_int_equal(value.kind, GS_VALUE_BYTES);
    assert_memory_equal(value.text, "\1\2\3\4", 4);
    gs_dataset_free(dataset);
}

static void compressed_pixels_are_kept_and_have_no_plain_bytes(void **state)
{
    (void)state;
    static const char bytes[] = "\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
                                "\xfe\xff\0\xe0\0\0\0\0"
                                "\xfe\xff\0\xe0\4\0\0\0abcd"
                                "\xfe\xff\xdd\xe0\0\0\0\0";
    struct gs_dataset *dataset = gs_dataset_decode(bytes, sizeof bytes - 1, JPEG_BASELINE, &error);
    assert_non_null(dataset);
    struct gs_value value;
    assert_int_equal(gs_dataset_get(dataset, "PixelData", &value, &error), -1);
    assert_string_equal(error.code, "dataset-value");
    const char *encoded;
    size_t size;
    assert_int_equal(gs_dataset_encode(dataset, JPEG_BASELINE, &encoded, &size, &error), 0);
    assert_int_equal(size, sizeof bytes - 1);
    assert_memory_equal(encoded, bytes, size);
    assert_int_equal(gs_dataset_encode(dataset, EXPLICIT_LITTLE, &encoded, &size, &error), -1);
    assert_string_equal(error.code, "dataset-syntax");
    gs_dataset_free(dataset);
}

static void a_file_is_there_complete_or_not_at_all(void **state)
{
    (void)state;
    char directory[] = "/tmp/getscu-dataset-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/x.dcm", directory);
    struct gs_dataset *dataset = sample();
    assert_int_equal(gs_dataset_write(dataset, path, DEFLATED_LITTLE, &error), 0);
    struct gs_dataset *read = gs_dataset_read(path, &error);
    assert_non_null(read);
    check(read, "PatientName", "Jérôme");
    struct gs_meta meta;
    assert_int_equal(gs_dataset_meta(read, &meta, &error), 0);
    assert_true(meta.part10);
    assert_string_equal(meta.transfer_syntax, DEFLATED_LITTLE);
    assert_string_equal(meta.sop_class, "1.2.840.10008.5.1.4.1.1.2");
    /* over itself, as it was read */
    assert_int_equal(gs_dataset_write(read, path, NULL, &error), 0);
    gs_dataset_free(read);
    read = gs_dataset_read(path, &error);
    assert_int_equal(gs_dataset_meta(read, &meta, &error), 0);
    assert_string_equal(meta.transfer_syntax, DEFLATED_LITTLE);
    gs_dataset_free(read);
    unlink(path);
    assert_int_equal(gs_dataset_write(dataset, "/dev/full/x", NULL, &error), -1);
    assert_string_equal(error.code, "dataset-file");
    assert_int_equal(gs_dataset_write(dataset, directory, NULL, &error), -1);
    assert_string_equal(error.code, "dataset-file");
    gs_dataset_free(dataset);
    assert_int_equal(rmdir(directory), 0); /* nothing else was left in it */
}

static void what_is_no_data_set_is_told(void **state)
{
    (void)state;
    assert_null(gs_dataset_read("/nonexistent", &error));
    assert_string_equal(error.code, "dataset-file");
    assert_null(gs_dataset_read("/etc/passwd", &error));
    assert_string_equal(error.code, "dataset-parse");
    assert_null(gs_dataset_read("/tmp", &error));
    assert_null(gs_dataset_decode("x", 1, "1.2.3", &error));
    assert_string_equal(error.code, "dataset-syntax");
    assert_null(gs_dataset_decode("x", 1, IMPLICIT_LITTLE, &error));
    assert_string_equal(error.code, "dataset-parse");
    assert_null(gs_dataset_decode("xxxxxx", 6, DEFLATED_LITTLE, &error));
    assert_string_equal(error.code, "dataset-parse");
    struct gs_dataset *empty = gs_dataset_decode("", 0, IMPLICIT_LITTLE, &error);
    assert_non_null(empty);
    gs_dataset_free(empty);
}

/* DCMTK parses by recursion: without care each of these ends the process. */
static void nesting_without_end_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *syntax, *level;
        size_t size;
    } levels[] = {
        {IMPLICIT_LITTLE, "\x08\0\x40\x11\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", 16},
        {EXPLICIT_LITTLE, "\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", 20},
        {EXPLICIT_BIG, "\0\x08\x11\x40SQ\0\0\xff\xff\xff\xff\xff\xfe\xe0\0\xff\xff\xff\xff", 20},
    };
    size_t count = 100000;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        char *bytes = malloc(count * levels[i].size);
        for (size_t n = 0; n < count; n++)
            memcpy(bytes + n * levels[i].size, levels[i].level, levels[i].size);
        assert_null(gs_dataset_decode(bytes, count * levels[i].size, levels[i].syntax, &error));
        assert_string_equal(error.code, "dataset-parse");
        assert_non_null(strstr(error.message, "nest deeper than 64"));
        free(bytes);
    }
}

/* A Specific Character Set whose VR is that of no text made every function fail, for every element.
 */
static void a_character_set_that_is_no_text_says_nothing(void **state)
{
    (void)state;
    static const char bytes[] = "\x08\0\x05\0AT\x04\0\1\2\3\4\x10\0\x10\0PN\x04\0Doe ";
    struct gs_dataset *dataset =
        gs_dataset_decode(bytes, sizeof bytes - 1, EXPLICIT_LITTLE, &error);
    const struct gs_element *elements;
    const char *text;
    size_t count, size;
    assert_non_null(dataset);
    check(dataset, "PatientName", "Doe");
    assert_int_equal(gs_dataset_elements(dataset, &elements, &count, &error), 0);
    assert_int_equal(count, 2);
    assert_int_equal(gs_dataset_dump(dataset, &text, &size, &error), 0);
    assert_int_equal(gs_dataset_json(dataset, &text, &size, &error), 0);
    set(dataset, "PatientName", "山");
    check(dataset, "PatientName", "山");
    check(dataset, "SpecificCharacterSet", "ISO_IR 192");
    gs_dataset_free(dataset);
}

/* DCMTK allocated what an element claims before it read it: 12 bytes took 4 GiB. */
static void an_element_that_claims_more_than_there_is_allocates_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *syntax, *bytes;
        size_t size;
    } claims[] = {
        {IMPLICIT_LITTLE,
         "\xe0\x7f\x10\0\xfe\xff\xff\xff"
         "abcd",
         12},
        {EXPLICIT_LITTLE,
         "\xe0\x7f\x10\0OB\0\0\xfe\xff\xff\xff"
         "abcd",
         16},
        {EXPLICIT_LITTLE,
         "\x10\0\0\x40UT\0\0\xfe\xff\xff\x7f"
         "abcd",
         16},
        {IMPLICIT_LITTLE, /* in a sequence whose own length is true */
         "\x08\0\x40\x11\x14\0\0\0\xfe\xff\0\xe0\xff\xff\xff\xff\x10\0\0\x40\xfe\xff\xff\xff"
         "abcd",
         28},
        {JPEG_BASELINE,
         "\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xfe\xff\xff\xff"
         "abcd",
         24},
    };
    struct rlimit before, small;
    assert_null(gs_dataset_decode("x", 1, IMPLICIT_LITTLE, &error)); /* the dictionary is loaded */
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
    small = (struct rlimit){.rlim_cur = 1u << 30, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_DATA, &small), 0);
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        assert_null(gs_dataset_decode(claims[i].bytes, claims[i].size, claims[i].syntax, &error));
        assert_string_equal(error.code, "dataset-parse");
    }
    assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
}

/* In implicit VR the dictionary decides what is a sequence, so that defined lengths nest as well.
 */
static void nesting_with_defined_lengths_is_refused(void **state)
{
    (void)state;
    uint32_t count = 100000;
    unsigned char *bytes = malloc(count * 16);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t lengths[2] = {(count - n - 1) * 16 + 8, (count - n - 1) * 16};
        memcpy(bytes + n * 16, "\x08\0\x40\x11----\xfe\xff\0\xe0----", 16);
        for (int i = 0; i < 4; i++) {
            bytes[n * 16 + 4 + i] = (unsigned char)(lengths[0] >> 8 * i);
            bytes[n * 16 + 12 + i] = (unsigned char)(lengths[1] >> 8 * i);
        }
    }
    assert_null(gs_dataset_decode(bytes, count * 16, IMPLICIT_LITTLE, &error));
    assert_non_null(strstr(error.message, "nest deeper than 64"));

    char path[] = "/tmp/getscu-nested-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes, count * 16), count * 16);
    close(fd);
    assert_null(gs_dataset_read(path, &error));
    assert_string_equal(error.code, "dataset-parse");
    unlink(path);
    free(bytes);
}

/* Cut anywhere and changed anywhere: an error or a data set, and nothing else. */
static void damaged_bytes_never_crash(void **state)
{
    (void)state;
    static const char *const syntaxes[] = {IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG};
    struct gs_dataset *dataset = sample();
    srand(1);
    for (int round = 0; round < 600; round++) {
        const char *encoded, *syntax = syntaxes[round % 3], *text;
        size_t size;
        assert_int_equal(gs_dataset_encode(dataset, syntax, &encoded, &size, &error), 0);
        if (round % 2 == 0)
            size = (size_t)rand() % size;
        char *bytes = malloc(size + 1);
        memcpy(bytes, encoded, size);
        for (int i = rand() % 4; i > 0 && size > 0; i--)
            bytes[(size_t)rand() % size] = (char)(rand() % 3 == 0 ? rand() % 4 : rand());
        struct gs_dataset *decoded = gs_dataset_decode(bytes, size, syntax, &error);
        free(bytes);
        if (decoded == NULL)
            continue;
        gs_dataset_dump(decoded, &text, &size, &error);
        gs_dataset_json(decoded, &text, &size, &error);
        set_text(decoded, "PatientComments", "山");
        gs_dataset_encode(decoded, EXPLICIT_LITTLE, &text, &size, &error);
        gs_dataset_free(decoded);
    }
    gs_dataset_free(dataset);
}

/* --- what an edit of a received object needs -------------------------------------------------- */

static void what_was_touched_is_known(void **state)
{
    (void)state;
    struct gs_dataset *source = sample();
    const char *bytes;
    size_t size, count;
    assert_int_equal(gs_dataset_encode(source, EXPLICIT_LITTLE, &bytes, &size, &error), 0);
    struct gs_dataset *dataset = gs_dataset_decode(bytes, size, EXPLICIT_LITTLE, &error);
    const struct gs_tag *tags;
    assert_int_equal(gs_dataset_touched(dataset, &tags, &count, &error), 0);
    assert_int_equal(count, 0);
    struct gs_dataset *item = gs_dataset_item(dataset, "RequestAttributesSequence[1]", &error);
    set(item, "ScheduledProcedureStepID", "y");
    set(dataset, "PatientID", "1");
    assert_int_equal(gs_dataset_remove(dataset, "Rows", &error), 1);
    assert_int_equal(gs_dataset_remove(dataset, "Columns", &error), 0);
    assert_int_equal(gs_dataset_touched(dataset, &tags, &count, &error), 0);
    assert_int_equal(count, 3);
    assert_int_equal(tags[0].element, 0x0020);
    assert_int_equal(tags[1].group, 0x0028);
    assert_int_equal(tags[2].group, 0x0040);
    struct gs_tag patient_id = {0x0010, 0x0020}, rows = {0x0028, 0x0010};
    assert_int_equal(
        gs_dataset_encode_element(dataset, patient_id, EXPLICIT_LITTLE, &bytes, &size, &error), 0);
    assert_int_equal(size, 10);
    assert_memory_equal(bytes, "\x10\0\x20\0LO\2\0001 ", 10);
    static const char *const others[] = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"};
    for (int i = 0; i < 2; i++) { /* deflated and encapsulated: as in Explicit VR Little Endian */
        assert_int_equal(
            gs_dataset_encode_element(dataset, patient_id, others[i], &bytes, &size, &error), 0);
        assert_int_equal(size, 10);
        assert_memory_equal(bytes, "\x10\0\x20\0LO\2\0001 ", 10);
    }
    assert_int_equal(
        gs_dataset_encode_element(dataset, rows, EXPLICIT_LITTLE, &bytes, &size, &error), 0);
    assert_int_equal(size, 0);
    gs_dataset_free(item);
    gs_dataset_free(dataset);
    gs_dataset_free(source);
}

static void what_has_not_arrived_is_not_absent(void **state)
{
    (void)state;
    struct gs_dataset *dataset = sample();
    gs_dataset_bound(dataset, (struct gs_tag){0x7fe0, 0x0000});
    struct gs_value value;
    assert_int_equal(gs_dataset_get(dataset, "PixelData", &value, &error), -1);
    assert_string_equal(error.code, "incomplete");
    assert_int_equal(gs_dataset_has(dataset, "PixelData", &error), -1);
    assert_int_equal(gs_dataset_remove(dataset, "DataSetTrailingPadding", &error), -1);
    assert_int_equal(set_text(dataset, "PixelData", ""), -1);
    assert_string_equal(error.code, "incomplete");
    check(dataset, "PatientName", "Jérôme");
    gs_dataset_free(dataset);
}

/* --- for people ------------------------------------------------------------------------------- */

static void a_dump_shows_text_and_no_controls(void **state)
{
    (void)state;
    static const char bytes[] = "\x08\0\x05\0\x0a\0\0\0ISO_IR 192"
                                "\x10\0\x10\0\x0a\0\0\0\xc3\xa9\x1b[31m\xc2\x9b\x07";
    struct gs_dataset *dataset =
        gs_dataset_decode(bytes, sizeof bytes - 1, IMPLICIT_LITTLE, &error);
    assert_non_null(dataset);
    const char *text;
    size_t size;
    assert_int_equal(gs_dataset_dump(dataset, &text, &size, &error), 0);
    assert_non_null(strstr(text, "ISO_IR 192"));
    assert_non_null(strstr(text, "é\\x1b[31m\\xc2\\x9b\\x07"));
    for (size_t i = 0; i < size; i++)
        assert_true(text[i] == '\n' || (unsigned char)text[i] >= 0x20);
    gs_dataset_free(dataset);
}

static void a_dump_says_in_which_character_set_the_object_is(void **state)
{
    (void)state;
    struct gs_dataset *dataset = sample();
    const char *text;
    size_t size;
    assert_int_equal(gs_dataset_dump(dataset, &text, &size, &error), 0);
    assert_non_null(strstr(text, "ISO_IR 100"));
    assert_non_null(strstr(text, "Jérôme"));
    assert_int_equal(gs_dataset_json(dataset, &text, &size, &error), 0); /* which is UTF-8 */
    assert_non_null(strstr(text, "ISO_IR 192"));
    assert_non_null(strstr(text, "Jérôme"));
    check(dataset, "SpecificCharacterSet", "ISO_IR 100");
    gs_dataset_free(dataset);
}

static void names_are_those_of_the_standard(void **state)
{
    (void)state;
    struct gs_tag tag;
    assert_int_equal(gs_keyword_to_tag("OtherPatientIDs", &tag, &error), 0);
    assert_int_equal(tag.element, 0x1000);
    assert_string_equal(gs_tag_to_keyword(tag), "OtherPatientIDs"); /* DCMTK: RETIRED_... */
    assert_null(gs_tag_to_keyword((struct gs_tag){0x0009, 0x1001}));
    assert_null(gs_tag_to_keyword((struct gs_tag){0x0010, 0x0000}));
    assert_null(gs_tag_to_keyword((struct gs_tag){0x6002, 0x3000}));
    assert_string_equal(gs_tag_to_keyword((struct gs_tag){0x6000, 0x3000}), "OverlayData");
    assert_int_equal(gs_keyword_to_tag("Nonsense", &tag, &error), -1);
    assert_string_equal(gs_keyword_nearest("patientname"), "PatientName");
    assert_null(gs_keyword_nearest("qqqqqqqqqqqqqqqq"));
    assert_string_equal(gs_uid_name("1.2.840.10008.5.1.4.1.1.2"), "CTImageStorage");
    assert_null(gs_uid_name("1.2.3"));
    assert_string_equal(gs_modality_prefix("1.2.840.10008.5.1.4.1.1.2"), "CT");
    assert_null(gs_modality_prefix("1.2.3"));
    char first[65], second[65];
    gs_uid_generate(first);
    gs_uid_generate(second);
    assert_string_not_equal(first, second);
}

/* --- messages --------------------------------------------------------------------------------- */

/* What a function writes to standard error. */
static const char *caught(void (*write_messages)(void))
{
    static char text[4096];
    int pipes[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    close(pipes[1]);
    write_messages();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t size = read(pipes[0], text, sizeof text - 1);
    close(pipes[0]);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void two_messages(void)
{
    static const char hostile[] = "a\x1b[31m\nI: forged \xff\xc2\x85 \xe2\x80\xae é%s";
    gs_log(GS_LOG_INFO, "not shown", 9);
    gs_log(GS_LOG_WARN, hostile, sizeof hostile - 1);
    gs_log(GS_LOG_ERROR, "b", 1);
}

static void a_message_is_one_line_without_controls(void **state)
{
    (void)state;
    assert_int_equal(gs_log_start(GS_LOG_WARN, &error), 0);
    assert_string_equal(caught(two_messages),
                        "W: a\\x1b[31m\\x0aI: forged \\xff\\xc2\\x85 \\xe2\\x80\\xae é%s\nE: b\n");
    assert_true(gs_log_enabled(GS_LOG_WARN));
    assert_false(gs_log_enabled(GS_LOG_INFO));
    assert_int_equal(gs_log_start(GS_LOG_FATAL, &error), 0);
    assert_string_equal(caught(two_messages), "");
    assert_int_equal(gs_log_level_named("debug"), GS_LOG_DEBUG);
    assert_int_equal(gs_log_level_named("loud"), -1);
}

static void a_closed_standard_error_loses_messages_only(void **state)
{
    (void)state;
    int saved = dup(STDERR_FILENO);
    assert_int_equal(gs_log_start(GS_LOG_WARN, &error), 0);
    close(STDERR_FILENO);
    two_messages();
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_string_not_equal(caught(two_messages), "");
    gs_log_start(GS_LOG_OFF, &error);
}

static void a_configuration_file_decides(void **state)
{
    (void)state;
    char path[] = "/tmp/getscu-log-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("nothing = here\n", file);
    fflush(file);
    assert_int_equal(gs_log_config(path, &error), -1);
    assert_string_equal(error.code, "log-config");
    fputs("log4cplus.rootLogger = ERROR, console\n"
          "log4cplus.appender.console = log4cplus::ConsoleAppender\n"
          "log4cplus.appender.console.logToStdErr = true\n"
          "log4cplus.appender.console.ImmediateFlush = true\n"
          "log4cplus.appender.console.layout = log4cplus::PatternLayout\n"
          "log4cplus.appender.console.layout.ConversionPattern = <%m>%n\n",
          file);
    fclose(file);
    assert_int_equal(gs_log_config(path, &error), 0);
    assert_string_equal(caught(two_messages), "<b>\n");
    unlink(path);
    assert_int_equal(gs_log_config("/nonexistent", &error), -1);
    assert_string_equal(error.code, "log-config");
    gs_log_start(GS_LOG_OFF, &error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attribute_has_four_names),
        cmocka_unit_test(bad_paths_are_told_and_create_nothing),
        cmocka_unit_test(a_private_attribute_needs_its_creator),
        cmocka_unit_test(numbers_keep_their_value),
        cmocka_unit_test(values_that_cannot_be_are_refused),
        cmocka_unit_test(us_or_ss_follows_the_pixels),
        cmocka_unit_test(bytes_are_little_endian_whatever_the_syntax),
        cmocka_unit_test(text_that_does_not_fit_makes_it_utf8),
        cmocka_unit_test(a_new_character_set_converts_what_is_there),
        cmocka_unit_test(unknown_bytes_wait_for_their_character_set),
        cmocka_unit_test(an_item_that_leaves_its_data_set_says_its_character_set),
        cmocka_unit_test(an_item_keeps_the_whole_alive),
        cmocka_unit_test(only_what_was_removed_expires),
        cmocka_unit_test(a_sequence_can_be_appended_to_itself),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(every_syntax_gives_back_what_it_took),
        cmocka_unit_test(a_codec_is_not_pretended),
        cmocka_unit_test(compressed_pixels_are_kept_and_have_no_plain_bytes),
        cmocka_unit_test(a_file_is_there_complete_or_not_at_all),
        cmocka_unit_test(what_is_no_data_set_is_told),
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test(a_character_set_that_is_no_text_says_nothing),
        cmocka_unit_test(an_element_that_claims_more_than_there_is_allocates_nothing),
        cmocka_unit_test(nesting_with_defined_lengths_is_refused),
        cmocka_unit_test(damaged_bytes_never_crash),
        cmocka_unit_test(what_was_touched_is_known),
        cmocka_unit_test(what_has_not_arrived_is_not_absent),
        cmocka_unit_test(a_dump_shows_text_and_no_controls),
        cmocka_unit_test(a_dump_says_in_which_character_set_the_object_is),
        cmocka_unit_test(names_are_those_of_the_standard),
        cmocka_unit_test(a_message_is_one_line_without_controls),
        cmocka_unit_test(a_closed_standard_error_loses_messages_only),
        cmocka_unit_test(a_configuration_file_decides),
    };
    gs_log_start(GS_LOG_OFF, &error);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The synthetic CT image that the benchmarks send: valid, of any size, and different from object to
 * object in SOP Instance UID and Instance Number only. */

#ifndef BENCH_IMAGE_H
#define BENCH_IMAGE_H

#include "wire.h"

#define STUDY_UID    "2.25.141421356237309504880168872420000000001"
#define SERIES_UID   "2.25.141421356237309504880168872420000000002"
#define FRAME_UID    "2.25.141421356237309504880168872420000000003"
#define INSTANCE_UID "2.25.173205080756887729352744634150%09u"

enum { UID_LENGTH = 44, NUMBER_LENGTH = 8 };

/* What differs; the lengths do not, so that values can be replaced in their places. */
struct identity {
    char uid[UID_LENGTH + 1], number[NUMBER_LENGTH + 1];
};

struct image {
    struct bytes bytes;
    size_t uid_at, number_at;
};

/* In the order of their tags. NULL: made when the image is. */
static const struct element {
    uint32_t tag;
    const char *vr, *value;
} elements[] = {
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"},
    {0x00080012, "DA", "20240102"},
    {0x00080013, "TM", "101112"},
    {0x00080016, "UI", CT_IMAGE_STORAGE},
    {0x00080018, "UI", NULL}, /* SOP Instance UID */
    {0x00080020, "DA", "20240102"},
    {0x00080022, "DA", "20240102"},
    {0x00080030, "TM", "101112"},
    {0x00080050, "SH", "BENCH1"},
    {0x00080060, "CS", "CT"},
    {0x00080070, "LO", "Synthetic"},
    {0x00080090, "PN", ""},
    {0x00081030, "LO", "Benchmark"},
    {0x00100010, "PN", "Bench^Mark"},
    {0x00100020, "LO", "BENCH"},
    {0x00100030, "DA", "19700101"},
    {0x00100040, "CS", "O"},
    {0x00180050, "DS", "1.0"},
    {0x00180060, "DS", "120"},
    {0x00185100, "CS", "HFS"},
    {0x0020000D, "UI", STUDY_UID},
    {0x0020000E, "UI", SERIES_UID},
    {0x00200010, "SH", "1"},
    {0x00200011, "IS", "1"},
    {0x00200012, "IS", "1"},
    {0x00200013, "IS", NULL}, /* Instance Number */
    {0x00200032, "DS", "0\\0\\0"},
    {0x00200037, "DS", "1\\0\\0\\0\\1\\0"},
    {0x00200052, "UI", FRAME_UID},
    {0x00201040, "LO", ""},
    {0x00280002, "US", "1"},
    {0x00280004, "CS", "MONOCHROME2"},
    {0x00280010, "US", NULL}, /* Rows */
    {0x00280011, "US", NULL}, /* Columns */
    {0x00280030, "DS", "0.5\\0.5"},
    {0x00280100, "US", "16"},
    {0x00280101, "US", "12"},
    {0x00280102, "US", "11"},
    {0x00280103, "US", "0"},
    {0x00281052, "DS", "-1024"},
    {0x00281053, "DS", "1"},
};

static inline struct identity name_instance(unsigned n)
{
    struct identity identity;
    snprintf(identity.uid, sizeof identity.uid, INSTANCE_UID, n);
    snprintf(identity.number, sizeof identity.number, "%-8u", n);
    return identity;
}

static inline void put_pixels(struct bytes *b, struct encoding e, unsigned rows, unsigned columns)
{
    size_t count = (size_t)rows * columns;
    put_header(b, e, 0x7FE00010, "OW", count * 2);
    uint8_t *at = extend(b, count * 2);
    for (size_t i = 0; i < count; i++, at += 2)
        store(at, (uint32_t)(i * 7 + i / columns * 13) & 0xFFF, 2, e.big_endian);
}

/* About `size` bytes; the shape is near a square. */
static inline struct image make_image(struct encoding e, size_t size)
{
    struct image image = {0};
    struct bytes *b = &image.bytes;
    struct identity first = name_instance(1);
    size_t pixels = size > 1200 ? (size - 1000) / 2 : 100;
    unsigned columns = 8;
    while (pixels / columns > columns * 2)
        columns *= 2;
    unsigned rows = (unsigned)(pixels / columns);
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        const struct element *element = &elements[i];
        if (strcmp(element->vr, "US") == 0) {
            unsigned made = element->tag == 0x00280010 ? rows : columns;
            put_header(b, e, element->tag, "US", 2);
            put(b, element->value ? (uint32_t)atoi(element->value) : made, 2, e.big_endian);
        } else if (element->value != NULL) {
            put_text(b, e, element->tag, element->vr, element->value);
        } else if (element->tag == 0x00080018) {
            put_text(b, e, element->tag, element->vr, first.uid);
            image.uid_at = b->size - UID_LENGTH;
        } else {
            put_text(b, e, element->tag, element->vr, first.number);
            image.number_at = b->size - NUMBER_LENGTH;
        }
    }
    put_pixels(b, e, rows, columns);
    return image;
}

#endif

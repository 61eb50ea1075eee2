#include "storage/part10.h"

#include <stdbool.h>
#include <string.h>

#define PREFIX_END   132 /* 128 bytes of preamble, "DICM" */
#define GROUP_END    12  /* bytes of the element (0002,0000), which does not count itself */
#define SHORT_MAX    0xfffe
#define LONG_HEADER  12
#define SHORT_HEADER 8
#define UNDEFINED    0xffffffffu

/* Encoding: always Explicit VR Little Endian. */

struct writer {
    uint8_t *bytes;
    size_t capacity;
    size_t size;
    bool full;
};

static void put(struct writer *to, const void *bytes, size_t size)
{
    if (to->full || size > to->capacity - to->size) {
        to->full = true;
        return;
    }
    if (size > 0)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void store32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static void put_header(struct writer *to, uint8_t element, const char *vr, size_t length)
{
    if (length > SHORT_MAX)
        to->full = true;
    put(to, (const uint8_t[]){0x02, 0x00, element, 0x00}, 4);
    put(to, vr, 2);
    put(to, (const uint8_t[]){(uint8_t)length, (uint8_t)(length >> 8)}, 2);
}

static void put_text(struct writer *to, uint8_t element, const char *vr, const char *text,
                     size_t size)
{
    put_header(to, element, vr, size + size % 2);
    put(to, text, size);
    if (size % 2 != 0)
        put(to, strcmp(vr, "UI") == 0 ? "" : " ", 1);
}

static void put_string(struct writer *to, uint8_t element, const char *vr, const char *text)
{
    if (text != NULL)
        put_text(to, element, vr, text, strlen(text));
}

/* All elements are there: their length is known. */
static size_t complete(const struct writer *to)
{
    if (to->full)
        return 0;
    size_t begin = PREFIX_END + GROUP_END;
    store32(to->bytes + begin - 4, (uint32_t)(to->size - begin));
    return to->size;
}

size_t gs_part10_encode(const struct gs_part10 *meta, uint8_t *bytes, size_t capacity)
{
    static const uint8_t preamble[128] = {0};
    static const uint8_t version[] = {0x02, 0, 0x01, 0, 'O', 'B', 0, 0, 2, 0, 0, 0, 0x00, 0x01};
    struct writer to = {.bytes = bytes, .capacity = capacity};
    put(&to, preamble, sizeof preamble);
    put(&to, "DICM", 4);
    put_header(&to, 0x00, "UL", 4);
    put(&to, preamble, 4); /* the group length, when it is known */
    put(&to, version, sizeof version);
    put_text(&to, 0x02, "UI", meta->sop_class, meta->sop_class_size);
    put_text(&to, 0x03, "UI", meta->sop_instance, meta->sop_instance_size);
    put_text(&to, 0x10, "UI", meta->transfer_syntax, meta->transfer_syntax_size);
    put_string(&to, 0x12, "UI", meta->implementation_class);
    put_string(&to, 0x13, "SH", meta->implementation_version);
    if (meta->source != NULL && meta->source[0] != '\0')
        put_string(&to, 0x16, "AE", meta->source);
    return complete(&to);
}

/* Decoding: nothing in the file is believed. */

static uint32_t load(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

struct element {
    unsigned number; /* of group 0002 */
    const uint8_t *value;
    size_t length;
};

static bool is_long(const uint8_t *vr)
{
    static const char vrs[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV";
    for (const char *known = vrs; known < vrs + sizeof vrs - 1; known += 3)
        if (memcmp(vr, known, 2) == 0)
            return true;
    return false;
}

/* The element at `bytes`, of at least SHORT_HEADER bytes; how many bytes it has, or 0. */
static size_t decode_element(const uint8_t *bytes, size_t size, struct element *element)
{
    for (int i = 4; i < 6; i++)
        if (bytes[i] < 'A' || bytes[i] > 'Z')
            return 0;
    bool long_form = is_long(bytes + 4);
    size_t header = long_form ? LONG_HEADER : SHORT_HEADER;
    if (size < header)
        return 0;
    uint32_t length = long_form ? load(bytes + 8, 4) : load(bytes + 6, 2);
    if (length == UNDEFINED || length > size - header)
        return 0;
    *element =
        (struct element){.number = load(bytes + 2, 2), .value = bytes + header, .length = length};
    return header + length;
}

static void take_text(const struct element *element, const char **text, size_t *size)
{
    *text = (const char *)element->value;
    *size = element->length;
    while (*size > 0 && ((*text)[*size - 1] == '\0' || (*text)[*size - 1] == ' '))
        --*size;
}

static void take(const struct element *element, struct gs_part10 *meta)
{
    switch (element->number) {
    case 0x02:
        take_text(element, &meta->sop_class, &meta->sop_class_size);
        break;
    case 0x03:
        take_text(element, &meta->sop_instance, &meta->sop_instance_size);
        break;
    case 0x10:
        take_text(element, &meta->transfer_syntax, &meta->transfer_syntax_size);
        break;
    default:
        break;
    }
}

/* The group length is wrong in too many files to tell where the meta information ends: it ends
 * where another group begins. But where the bytes end with an element, it tells whether more belong
 * to it. */
int gs_part10_decode(const uint8_t *bytes, size_t size, struct gs_part10 *meta, size_t *data_offset)
{
    if (size < PREFIX_END + SHORT_HEADER || memcmp(bytes + PREFIX_END - 4, "DICM", 4) != 0)
        return -1;
    if (load(bytes + PREFIX_END, 2) != 2)
        return -1;
    *meta = (struct gs_part10){.sop_class = "", .sop_instance = "", .transfer_syntax = ""};
    size_t offset = PREFIX_END;
    uint64_t promised = 0;
    while (size - offset >= SHORT_HEADER && load(bytes + offset, 2) == 2) {
        struct element element = {0};
        size_t length = decode_element(bytes + offset, size - offset, &element);
        if (length == 0)
            return -1;
        offset += length;
        if (element.number == 0 && element.length == 4)
            promised = offset + (uint64_t)load(element.value, 4);
        take(&element, meta);
    }
    size_t left = size - offset;
    bool other_group = left >= SHORT_HEADER;
    if (!other_group && (promised > offset || (left >= 2 && load(bytes + offset, 2) == 2)))
        return -1;
    *data_offset = offset;
    return 0;
}

size_t gs_part10_replace(const uint8_t *from, size_t size, const char *sop_class,
                         const char *sop_instance, uint8_t *bytes, size_t capacity)
{
    struct writer to = {.bytes = bytes, .capacity = capacity};
    put(&to, from, PREFIX_END);
    for (size_t offset = PREFIX_END; size - offset >= SHORT_HEADER;) {
        struct element element = {0};
        size_t length = decode_element(from + offset, size - offset, &element);
        if (length == 0)
            return 0;
        const char *uid = element.number == 0x02 ? sop_class : NULL;
        if (element.number == 0x03)
            uid = sop_instance;
        if (uid != NULL)
            put_text(&to, (uint8_t)element.number, "UI", uid, strlen(uid));
        else
            put(&to, from + offset, length);
        offset += length;
    }
    return complete(&to);
}

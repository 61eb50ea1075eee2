/* What the programs of this folder share: growing byte strings, and elements, command sets and PDUs
 * written into them. It is no part of getscu, so that the yardstick is not made of what it
 * measures. */

#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CT_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define IMPLICIT_LITTLE  "1.2.840.10008.1.2"
#define EXPLICIT_LITTLE  "1.2.840.10008.1.2.1"
#define EXPLICIT_BIG     "1.2.840.10008.1.2.2"
#define IMPLEMENTATION   "2.25.141421356237309504880168872420000000009"

enum {
    C_STORE_RQ = 0x0001,
    C_GET_RQ = 0x0010,
    C_ECHO_RQ = 0x0030,
    C_CANCEL_RQ = 0x0FFF,
    RESPONSE = 0x8000, /* added to a request's command field */
    NO_DATA_SET = 0x0101
};

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

struct encoding {
    bool explicit_vr, big_endian;
};

static inline _Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static inline uint8_t *extend(struct bytes *b, size_t n)
{
    if (b->capacity - b->size < n) {
        b->capacity = (b->size + n) * 2;
        b->data = realloc(b->data, b->capacity);
        if (b->data == NULL)
            die("out of memory");
    }
    b->size += n;
    return b->data + b->size - n;
}

static inline void store(uint8_t *at, uint32_t value, int octets, bool big_endian)
{
    for (int i = 0; i < octets; i++)
        at[big_endian ? octets - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t load(const uint8_t *at, int octets, bool big_endian)
{
    uint32_t value = 0;
    for (int i = 0; i < octets; i++)
        value |= (uint32_t)at[big_endian ? octets - 1 - i : i] << 8 * i;
    return value;
}

static inline void put(struct bytes *b, uint32_t value, int octets, bool big_endian)
{
    store(extend(b, (size_t)octets), value, octets, big_endian);
}

static inline void put_bytes(struct bytes *b, const void *data, size_t size)
{
    memcpy(extend(b, size), data, size);
}

/* ---- elements ---- */

static inline void put_header(struct bytes *b, struct encoding e, uint32_t tag, const char *vr,
                              size_t length)
{
    bool wide = strcmp(vr, "OW") == 0 || strcmp(vr, "OB") == 0;
    put(b, tag >> 16, 2, e.big_endian);
    put(b, tag & 0xFFFF, 2, e.big_endian);
    if (e.explicit_vr) {
        put_bytes(b, vr, 2);
        if (wide)
            put(b, 0, 2, false);
    }
    put(b, (uint32_t)length, e.explicit_vr && !wide ? 2 : 4, e.big_endian);
}

static inline void put_text(struct bytes *b, struct encoding e, uint32_t tag, const char *vr,
                            const char *value)
{
    size_t length = strlen(value);
    put_header(b, e, tag, vr, length + length % 2);
    put_bytes(b, value, length);
    if (length % 2 != 0)
        put(b, strcmp(vr, "UI") == 0 ? 0 : ' ', 1, false);
}

/* Preamble and file meta information of a Part 10 file. */
static inline void put_file_meta(struct bytes *b, const char *uid, const char *syntax)
{
    struct encoding e = {.explicit_vr = true};
    memset(extend(b, 128), 0, 128);
    put_bytes(b, "DICM", 4);
    put_header(b, e, 0x00020000, "UL", 4);
    size_t start = b->size + 4;
    put(b, 0, 4, false);
    put_header(b, e, 0x00020001, "OB", 2);
    put(b, 0x0100, 2, false);
    put_text(b, e, 0x00020002, "UI", CT_IMAGE_STORAGE);
    put_text(b, e, 0x00020003, "UI", uid);
    put_text(b, e, 0x00020010, "UI", syntax);
    put_text(b, e, 0x00020012, "UI", IMPLEMENTATION);
    store(b->data + start - 4, (uint32_t)(b->size - start), 4, false);
}

/* ---- command sets ---- */

static inline void command_us(struct bytes *b, uint16_t element, unsigned value)
{
    put_header(b, (struct encoding){0}, element, "US", 2);
    put(b, value, 2, false);
}

static inline void command_ui(struct bytes *b, uint16_t element, const char *uid)
{
    put_text(b, (struct encoding){0}, element, "UI", uid);
}

/* Begins a P-DATA-TF of one PDV; returns where it begins, for pdu_end. */
static inline size_t pdu_begin(struct bytes *b, uint8_t context, uint8_t control)
{
    put(b, 4 << 8, 2, true);
    put(b, 0, 4, true);
    put(b, 0, 4, true);
    put(b, context, 1, true);
    put(b, control, 1, true);
    return b->size - 12;
}

static inline void pdu_end(struct bytes *b, size_t start)
{
    store(b->data + start + 2, (uint32_t)(b->size - start - 6), 4, true);
    store(b->data + start + 6, (uint32_t)(b->size - start - 10), 4, true);
}

/* Begins a command set in a PDU of its own; returns where it begins, for command_end. */
static inline size_t command_begin(struct bytes *b, uint8_t context)
{
    size_t start = pdu_begin(b, context, 3);
    put_header(b, (struct encoding){0}, 0, "UL", 4);
    put(b, 0, 4, false);
    return start;
}

static inline void command_end(struct bytes *b, size_t start)
{
    pdu_end(b, start);
    store(b->data + start + 20, (uint32_t)(b->size - start - 24), 4, false);
}

/* An element's value, NULL where it is absent. */
static inline const uint8_t *command_value(const struct bytes *command, uint16_t element,
                                           size_t *length)
{
    size_t at = 0;
    while (command->size - at >= 8) {
        *length = load(command->data + at + 4, 4, false);
        if (*length > command->size - at - 8)
            break;
        if (load(command->data + at, 4, false) == (uint32_t)element << 16)
            return command->data + at + 8;
        at += 8 + *length;
    }
    return NULL;
}

static inline unsigned command_number(const struct bytes *command, uint16_t element)
{
    size_t length;
    const uint8_t *value = command_value(command, element, &length);
    return value != NULL && length >= 2 ? load(value, 2, false) : 0;
}

/* ---- items of A-ASSOCIATE ---- */

static inline size_t item_begin(struct bytes *b, uint8_t type)
{
    put(b, (uint32_t)type << 24, 4, true);
    return b->size;
}

static inline void item_end(struct bytes *b, size_t start)
{
    store(b->data + start - 2, (uint32_t)(b->size - start), 2, true);
}

static inline void put_item(struct bytes *b, uint8_t type, const void *content, size_t size)
{
    size_t start = item_begin(b, type);
    put_bytes(b, content, size);
    item_end(b, start);
}

/* Walks over items: the next one's content, type and size; NULL at the end. */
static inline const uint8_t *next_item(const uint8_t **at, const uint8_t *end, uint8_t *type,
                                       size_t *size)
{
    if (end - *at < 4)
        return NULL;
    const uint8_t *content = *at + 4;
    *type = **at;
    *size = load(*at + 2, 2, true);
    if (*size > (size_t)(end - content))
        die("the peer sent an item that is too long");
    *at = content + *size;
    return content;
}

#endif

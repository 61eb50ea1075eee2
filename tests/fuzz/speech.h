/*
 * speech: what a server says to a client, made of the bytes of an input.
 *
 * The input is a list of things to say, each with its choices: mostly PDUs and messages that are
 * right, so that a fuzzer need not find out lengths, and now and then raw bytes. Sizes are small.
 */
#ifndef SPEECH_H
#define SPEECH_H

#include "fuzz.h"

#define SPEECH_MAX 65536

struct speech {
    size_t size;
    uint8_t bytes[SPEECH_MAX];
};

static inline void put(struct speech *speech, const void *bytes, size_t size)
{
    if (size > SPEECH_MAX - speech->size)
        size = SPEECH_MAX - speech->size;
    if (size > 0)
        memcpy(speech->bytes + speech->size, bytes, size);
    speech->size += size;
}

static inline void put8(struct speech *speech, unsigned value)
{
    put(speech, &(uint8_t){(uint8_t)value}, 1);
}

static inline void put32(struct speech *speech, size_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        put8(speech, (unsigned)(value >> shift));
}

static inline void put_item(struct speech *speech, unsigned type, const void *bytes, size_t size)
{
    const uint8_t header[] = {(uint8_t)type, 0, (uint8_t)(size >> 8), (uint8_t)size};
    put(speech, header, sizeof header);
    put(speech, bytes, size);
}

/* A P-DATA-TF of one PDV. */
static inline void put_pdv(struct speech *speech, unsigned context, unsigned control,
                           const void *bytes, size_t size)
{
    put(speech, "\4\0", 2);
    put32(speech, size + 6);
    put32(speech, size + 2);
    put8(speech, context);
    put8(speech, control);
    put(speech, bytes, size);
}

/* A-ASSOCIATE-AC: contexts 1, 3, ... 15 as the bits of a byte say, each in the syntax in which the
 * client proposed it. */
static inline void say_accept(struct speech *speech, struct input *input,
                              const char *const *syntaxes, size_t count)
{
    static const char application[] = "1.2.840.10008.3.1.1.1";
    static struct speech items;
    unsigned accepted = take8(input), length = take8(input);
    items.size = 0;
    put_item(&items, 0x10, application, sizeof application - 1);
    for (size_t i = 0; i < count; i++) {
        uint8_t context[72] = {(uint8_t)(2 * i + 1), 0, accepted >> i & 1 ? 0 : 3, 0, 0x40, 0, 0};
        size_t size = strlen(syntaxes[i]);
        context[7] = (uint8_t)size;
        memcpy(context + 8, syntaxes[i], size);
        put_item(&items, 0x21, context, 8 + size);
    }
    uint8_t user[] = {0x51, 0, 0, 4, 0, 0, (uint8_t)(length > 127 ? length : 64), (uint8_t)length};
    put_item(&items, 0x50, user, sizeof user);
    put(speech, "\2\0", 2);
    put32(speech, 68 + items.size);
    put(speech, "\0\1\0\0PEER            CLIENT          ", 36);
    put(speech, (const uint8_t[32]){0}, 32);
    put(speech, items.bytes, items.size);
}

static inline void put_element(struct speech *command, unsigned element, const void *value,
                               size_t size)
{
    const uint8_t header[] = {
        0, 0, (uint8_t)element, (uint8_t)(element >> 8), (uint8_t)size, (uint8_t)(size >> 8), 0, 0};
    put(command, header, sizeof header);
    put(command, value, size);
}

static inline void put_us(struct speech *command, unsigned element, unsigned value)
{
    put_element(command, element, (const uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2);
}

/* Bytes of a command or data set in PDVs of one size. */
static inline void say_fragments(struct speech *speech, unsigned context, unsigned command,
                                 const uint8_t *bytes, size_t size, size_t piece, bool ends)
{
    piece += piece == 0;
    do {
        size_t part = size < piece ? size : piece;
        put_pdv(speech, context, command | (ends && part == size ? 2u : 0u), bytes, part);
        bytes += part;
        size -= part;
    } while (size > 0);
}

/* The words that a server uses for an object; the last ones are no UIDs. */
static const char *const instances[] = {
    "1.2.3.4\0", "1.2.3.5\0",   "1.2.3.4.5.6\0", "",          "../../escape", "/tmp/escape\0",
    "..",        ".",           "a/b",           "\x1b[2J\n", "\xff\xfe",     "%2e%2e%2f\0",
    "con.\0",    "1.2.3.4\0\0", "1.2/../3\0",    "~",
};

static inline size_t padded_size(const char *text)
{
    return (strlen(text) + 1) & ~(size_t)1;
}

static inline void say_store(struct speech *speech, struct input *input)
{
    static struct speech command;
    unsigned choice = take8(input), context = take8(input), more = take8(input);
    const char *instance = instances[choice % 16];
    command.size = 0;
    put_element(&command, 0x0002, "1.2.840.10008.5.1.4.1.1.2\0", 26);
    put_us(&command, 0x0100, 0x0001);
    put_us(&command, 0x0110, choice);
    put_us(&command, 0x0800, more & 1 ? 0x0101 : 0);
    if (more & 2)
        put_element(&command, 0x1000, "1.2.3.77", 8);
    else
        put_element(&command, 0x1000, instance, padded_size(instance));
    say_fragments(speech, context, 1, command.bytes, command.size, more & 4 ? 20 : 4000, true);
}

/* A data set: bytes of the input, or a small image that repeats itself. */
static inline void say_data(struct speech *speech, struct input *input)
{
    static const uint8_t element[] = "\x09\0\1\x10\4\0\0\0abcd";
    static uint8_t image[30000];
    unsigned context = take8(input), choice = take8(input), piece = take8(input);
    size_t size = take16(input) % (choice & 1 ? sizeof image : 300);
    if (choice & 1) {
        for (size_t i = 0; i < size; i++)
            image[i] = element[i % 12];
        say_fragments(speech, context, 0, image, size, piece * 37, !(choice & 2));
        return;
    }
    uint8_t *bytes = take_copy(input, &size);
    say_fragments(speech, context, 0, bytes, size, piece, !(choice & 2));
    free(bytes);
}

static inline void say_response(struct speech *speech, struct input *input)
{
    static struct speech command;
    unsigned field = take8(input), message = take8(input), status = take16(input);
    unsigned more = take8(input);
    static const uint16_t fields[] = {0x8010, 0x8010, 0x8010, 0x0030, 0x8030,
                                      0x0010, 0x0120, 0x0fff, 0x8020, 0x7777};
    command.size = 0;
    put_us(&command, 0x0100, fields[field % 10]);
    if (!(more & 1))
        put_us(&command, 0x0120, message);
    put_us(&command, 0x0110, message);
    put_us(&command, 0x0800, more & 2 ? 0 : 0x0101);
    if (!(more & 4))
        put_us(&command, 0x0900, status);
    if (more & 8)
        put_element(&command, 0x0902, "\x1b]0;went wrong\7 ", 16);
    put_us(&command, 0x1021, message);
    say_fragments(speech, more & 0x10 ? 3 : 1, 1, command.bytes, command.size, 4000, true);
}

static inline void say_short(struct speech *speech, struct input *input)
{
    static const uint8_t types[] = {3, 5, 6, 7, 1, 8};
    unsigned choice = take8(input);
    const uint8_t pdu[] = {types[choice % 6],
                           0,
                           0,
                           0,
                           0,
                           (uint8_t)(choice & 0x80 ? 5 : 4),
                           0,
                           (uint8_t)take8(input),
                           (uint8_t)take8(input),
                           (uint8_t)take8(input)};
    put(speech, pdu, sizeof pdu);
}

static inline void say_raw(struct speech *speech, struct input *input)
{
    size_t size = take8(input);
    uint8_t *bytes = take_copy(input, &size);
    put(speech, bytes, size);
    free(bytes);
}

/* Several PDVs in one PDU; their lengths are right, its own as well unless a bit says otherwise. */
static inline void say_several(struct speech *speech, struct input *input)
{
    static struct speech pdvs;
    unsigned count = take8(input), wrong = take8(input);
    pdvs.size = 0;
    for (unsigned i = 0; i < count % 8; i++) {
        size_t size = take8(input) % 60;
        unsigned context = take8(input), control = take8(input) % 4;
        uint8_t *bytes = take_copy(input, &size);
        put32(&pdvs, size + 2);
        put8(&pdvs, context);
        put8(&pdvs, control);
        put(&pdvs, bytes, size);
        free(bytes);
    }
    put(speech, "\4\0", 2);
    put32(speech, pdvs.size + (wrong == 255) - (wrong == 254));
    put(speech, pdvs.bytes, pdvs.size);
}

static inline void say_all(struct speech *speech, struct input *input, const char *const *syntaxes,
                           size_t count)
{
    while (input->size > 0 && speech->size < SPEECH_MAX) {
        switch (take8(input) % 8) {
        case 0:
            say_accept(speech, input, syntaxes, count);
            break;
        case 1:
            say_store(speech, input);
            break;
        case 2:
            say_data(speech, input);
            break;
        case 3:
            say_response(speech, input);
            break;
        case 4:
            say_short(speech, input);
            break;
        case 5:
            say_several(speech, input);
            break;
        case 6:
            say_raw(speech, input);
            break;
        default: /* the usual: an object */
            say_store(speech, input);
            say_data(speech, input);
            break;
        }
    }
}

#endif

/*
 * listener: what a stream of PDUs says, read once more, simply and with all of it at hand.
 *
 * It knows as much as the oracle of fuzz_session.c needs: which objects a server sent, and whether
 * each of them came to its end. It stops where the stream makes no sense.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include "fuzz.h"

#define HEARD_MAX   65536
#define OBJECTS_MAX 2048

struct heard_object {
    size_t start; /* in the data */
    size_t size;
    bool complete;
};

struct heard {
    size_t count;
    struct heard_object objects[OBJECTS_MAX];
    size_t data_size;
    uint8_t data[HEARD_MAX]; /* of all objects */
    size_t command_size;
    uint8_t command[HEARD_MAX];
    bool in_object; /* the last command announced one */
};

static inline size_t number(const uint8_t *bytes, int count, bool little)
{
    size_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[little ? count - 1 - i : i];
    return value;
}

/* The value of an element of two bytes; of several the first that has a value counts. */
static inline unsigned heard_us(const struct heard *heard, unsigned element, unsigned otherwise)
{
    const uint8_t *at = heard->command, *end = heard->command + heard->command_size;
    while (end - at >= 8) {
        size_t length = number(at + 4, 4, true);
        if (length > (size_t)(end - at) - 8)
            break;
        if (number(at, 2, true) == 0 && number(at + 2, 2, true) == element && length >= 2)
            return (unsigned)number(at + 8, 2, true);
        at += 8 + length;
    }
    return otherwise;
}

static inline void hear_command(struct heard *heard)
{
    bool store = heard_us(heard, 0x0100, 0) == 0x0001;
    heard->in_object = store && heard_us(heard, 0x0800, 0x0101) != 0x0101;
    heard->command_size = 0;
    if (!heard->in_object)
        return;
    REQUIRE(heard->count < OBJECTS_MAX);
    heard->objects[heard->count++] = (struct heard_object){.start = heard->data_size};
}

static inline void hear_pdv(struct heard *heard, unsigned control, const uint8_t *bytes,
                            size_t size)
{
    if (control & 1) {
        REQUIRE(size <= HEARD_MAX - heard->command_size);
        memcpy(heard->command + heard->command_size, bytes, size);
        heard->command_size += size;
        if (control & 2)
            hear_command(heard);
    } else if (heard->in_object) {
        struct heard_object *object = &heard->objects[heard->count - 1];
        REQUIRE(size <= HEARD_MAX - heard->data_size);
        memcpy(heard->data + heard->data_size, bytes, size);
        heard->data_size += size;
        object->size += size;
        object->complete = (control & 2) != 0;
        heard->in_object = !object->complete;
    }
}

/* The PDVs of a P-DATA-TF; false: they do not fit. */
static inline bool hear_data(struct heard *heard, const uint8_t *bytes, size_t size)
{
    while (size >= 6) {
        size_t length = number(bytes, 4, false);
        if (length < 2 || length > size - 4)
            return false;
        hear_pdv(heard, bytes[5], bytes + 6, length - 2);
        bytes += 4 + length;
        size -= 4 + length;
    }
    return size == 0;
}

static inline void hear(struct heard *heard, const uint8_t *bytes, size_t size)
{
    heard->count = heard->data_size = heard->command_size = 0;
    heard->in_object = false;
    while (size >= 6) {
        size_t length = number(bytes + 2, 4, false);
        size_t here = length < size - 6 ? length : size - 6;
        if (bytes[0] == 4 && !hear_data(heard, bytes + 6, here))
            return;
        bytes += 6 + here;
        size -= 6 + here;
    }
}

#endif

/*
 * fuzz: what the targets share.
 *
 * A target is one function over any bytes. Whatever they are, what it REQUIREs must hold; nothing
 * else is an error. The first bytes are taken as choices, the rest is what is tested. With clang a
 * target is linked with libFuzzer, else with replay.c, which runs files through it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes of an input that are still to be taken; beyond the end there are zeros. */
struct input {
    const uint8_t *bytes;
    size_t size;
};

static inline unsigned take8(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->bytes++;
}

static inline unsigned take16(struct input *input)
{
    unsigned high = take8(input);
    return high << 8 | take8(input);
}

/* The next `size` bytes, or as many as there are: a copy of its own, so that a sanitizer sees who
 * reads beyond it. Free it. */
static inline uint8_t *take_copy(struct input *input, size_t *size)
{
    if (*size > input->size)
        *size = input->size;
    uint8_t *copy = malloc(*size + (*size == 0));
    REQUIRE(copy != NULL);
    if (*size > 0)
        memcpy(copy, input->bytes, *size);
    input->bytes += *size;
    input->size -= *size;
    return copy;
}

/* Where a stream is cut: a seed of 0 gives pieces of one byte, 1 one piece, others all sizes. */
static inline size_t next_piece(uint32_t seed, uint32_t *state, size_t left)
{
    if (seed <= 1)
        return seed == 0 ? 1 : left;
    *state = *state * 1664525u + 1013904223u + seed;
    size_t piece = 1 + (*state >> 16) % ((*state >> 8 & 3) == 0 ? 300 : 12);
    return piece < left ? piece : left;
}

#endif

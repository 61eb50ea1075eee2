/*
 * hold: bytes in one piece of memory that a budget lends; private to storage/.
 *
 * Zero-initialized with a budget it is empty; what it holds is given back by gs_hold_release().
 */
#ifndef GS_HOLD_H
#define GS_HOLD_H

#include "storage/sink.h"

struct gs_hold {
    struct gs_budget *budget;
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

/* All or nothing: false when the budget, or the memory, does not allow `size` bytes more. */
bool gs_hold_append(struct gs_hold *hold, const uint8_t *bytes, size_t size);
void gs_hold_release(struct gs_hold *hold);

#endif

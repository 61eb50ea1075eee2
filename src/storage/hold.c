#include "storage/hold.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN ((size_t)GS_HOLD_AHEAD)

void gs_budget_init(struct gs_budget *budget)
{
    *budget = (struct gs_budget){.object_max = GS_HOLD_OBJECT_MAX, .total_max = GS_HOLD_TOTAL_MAX};
}

void gs_budget_clear(struct gs_budget *budget)
{
    free(budget->spare);
    budget->spare = NULL;
    budget->spare_capacity = 0;
    free(budget->spare_sink); /* it owns nothing any more */
    budget->spare_sink = NULL;
}

/* The capacity for `size` bytes: doubled, so that bytes are moved seldom, where the budget allows
 * that; 0 where it does not even allow `size`. */
static size_t next_capacity(const struct gs_hold *hold, size_t size)
{
    const struct gs_budget *budget = hold->budget;
    size_t others = budget->used - hold->capacity;
    size_t limit = budget->total_max > others ? budget->total_max - others : 0;
    if (limit > budget->object_max)
        limit = budget->object_max;
    if (size > limit)
        return 0;
    size_t capacity = hold->capacity > 0 ? hold->capacity : CAPACITY_MIN;
    while (capacity < size)
        capacity *= 2;
    return capacity < limit ? capacity : limit;
}

static void take_spare(struct gs_hold *hold)
{
    struct gs_budget *budget = hold->budget;
    hold->bytes = budget->spare;
    hold->capacity = budget->spare_capacity;
    budget->used += hold->capacity;
    budget->spare = NULL;
    budget->spare_capacity = 0;
}

static bool grow(struct gs_hold *hold, size_t size)
{
    struct gs_budget *budget = hold->budget;
    if (hold->bytes == NULL && budget->spare != NULL)
        take_spare(hold);
    if (size <= hold->capacity)
        return true;
    size_t capacity = next_capacity(hold, size);
    if (capacity == 0)
        return false;
    size_t used = budget->used - hold->capacity + capacity;
    if (used + budget->spare_capacity > budget->total_max)
        gs_budget_clear(budget);
    uint8_t *bytes = realloc(hold->bytes, capacity);
    if (bytes == NULL)
        return false;
    hold->bytes = bytes;
    hold->capacity = capacity;
    budget->used = used;
    return true;
}

bool gs_hold_append(struct gs_hold *hold, const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return true;
    if (size > hold->capacity - hold->size) {
        if (size > SIZE_MAX / 4 - hold->size || !grow(hold, hold->size + size))
            return false;
    }
    memcpy(hold->bytes + hold->size, bytes, size);
    hold->size += size;
    return true;
}

/* The larger buffer stays for the next object: after a few objects of a series, none is allocated.
 */
void gs_hold_release(struct gs_hold *hold)
{
    struct gs_budget *budget = hold->budget;
    if (hold->bytes == NULL)
        return;
    budget->used -= hold->capacity;
    if (hold->capacity > budget->spare_capacity) {
        free(budget->spare);
        budget->spare = hold->bytes;
        budget->spare_capacity = hold->capacity;
    } else {
        free(hold->bytes);
    }
    *hold = (struct gs_hold){.budget = budget};
}

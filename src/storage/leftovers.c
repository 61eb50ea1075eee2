#include "storage/leftovers.h"

#include "storage/path.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum leftover_state { STATE_FREE, STATE_CLAIMED, STATE_LISTED };

struct gs_leftover {
    atomic_int state; /* written last when the rest is right, and first when it is not any more */
    int directory;
    char name[GS_TEMPORARY_SIZE];
};

/* A signal handler has no argument, so this is a variable of the process. */
static struct gs_leftover leftovers[GS_LEFTOVERS_MAX];

struct gs_leftover *gs_leftover_claim(void)
{
    for (size_t i = 0; i < GS_LEFTOVERS_MAX; i++) {
        int expected = STATE_FREE;
        if (atomic_compare_exchange_strong(&leftovers[i].state, &expected, STATE_CLAIMED))
            return &leftovers[i];
    }
    return NULL;
}

void gs_leftover_list(struct gs_leftover *leftover, int directory, const char *name)
{
    if (leftover == NULL)
        return;
    leftover->directory = directory;
    strncpy(leftover->name, name, sizeof leftover->name - 1);
    atomic_store(&leftover->state, STATE_LISTED);
}

void gs_leftover_free(struct gs_leftover *leftover)
{
    if (leftover != NULL)
        atomic_store(&leftover->state, STATE_FREE);
}

bool gs_leftovers_remove(void)
{
    bool all = true;
    for (size_t i = 0; i < GS_LEFTOVERS_MAX; i++) {
        int state = atomic_load(&leftovers[i].state);
        if (state == STATE_LISTED)
            unlinkat(leftovers[i].directory, leftovers[i].name, 0);
        else if (state == STATE_CLAIMED)
            all = false;
    }
    return all;
}

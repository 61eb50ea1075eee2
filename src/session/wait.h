/*
 * wait: one wait over many sources.
 */
#ifndef GS_WAIT_H
#define GS_WAIT_H

#include "session/event.h"

#define GS_SOURCES_MAX 1024 /* in one wait */

/* Seconds of the monotonic clock. */
double gs_clock(void);

/* Remembers whose turn it is. Zero-initialize; one for a program. */
struct gs_waiter {
    size_t turn;
    unsigned unpolled; /* events since the last poll(2) */
};

enum gs_wait_result {
    GS_WAIT_EVENT,       /* `index` and `event` are filled */
    GS_WAIT_TIMEOUT,     /* also when no source has a descriptor, and none moved */
    GS_WAIT_INTERRUPTED, /* by a signal that no source takes */
    GS_WAIT_FAILED       /* poll(2) failed: errno */
};

/* Steps the sources in turn until one has an event; waits `timeout` seconds at most (INFINITY: no
 * limit). */
enum gs_wait_result gs_wait(struct gs_waiter *waiter, struct gs_source **sources, size_t count,
                            double timeout, size_t *index, struct gs_event *event);

#endif

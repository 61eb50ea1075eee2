/*
 * slice: how much CPU time a call may take that nobody can trust to return.
 *
 * gs_slice_begin() and gs_slice_end() enclose the call. When the thread has used the time (waiting
 * does not count) a signal handler calls `stop`, and again every GS_SLICE_AGAIN seconds, since that
 * may come to nothing; when that has not helped for GS_SLICE_GRACE seconds, it ends the process by
 * gs_last_words(). Slices nest: the time is that of the outermost, `stop` is that of the innermost.
 *
 * The signal is the highest real-time signal whose disposition is the default: SIGRTMAX where
 * nobody has taken it. Timer and signal are the process's, and go to the one thread that takes
 * slices.
 */
#ifndef GS_SLICE_H
#define GS_SLICE_H

#include "error.h"

#include <stdbool.h>

#define GS_SLICE_AGAIN 0.1 /* seconds of CPU time, as all here */
#define GS_SLICE_GRACE 2.0
#define GS_SLICE_MIN   1e-3
#define GS_SLICE_MAX   1e9

struct gs_slice {
    void (*stop)(void *of); /* async-signal-safe; or called by gs_slice_end() of an inner slice */
    void *of;
    struct gs_slice *outer;
};

/* Makes the timer, so that a failure ("script-limit") is told before anything depends on it. */
int gs_slice_prepare(struct gs_error *error);

/* `slice` has `stop` and `of`, and stays where it is until its end. `seconds`: GS_SLICE_MIN to
 * GS_SLICE_MAX. -1: nothing has begun. */
int gs_slice_begin(struct gs_slice *slice, double seconds, struct gs_error *error);
/* Whether the time was up. `stop` is not called afterwards, but that of the outer slice is now
 * where its time is up as well. */
bool gs_slice_end(struct gs_slice *slice);
/* Whether the time of the slices that are open now is up. */
bool gs_slice_over(void);

#endif

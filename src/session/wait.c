#include "session/wait.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* While one association has an event whenever it is asked, nothing else would call poll(2), and
 * the other sources wait for that: it is called after so many events at the latest. */
#define UNPOLLED_MAX 64

double gs_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

const char *gs_event_name(enum gs_event_type type)
{
    static const char *const names[] = {
        [GS_EVENT_NONE] = "none",           [GS_EVENT_ASSOCIATED] = "associated",
        [GS_EVENT_REJECTED] = "rejected",   [GS_EVENT_REQUESTED] = "requested",
        [GS_EVENT_COMMAND] = "command",     [GS_EVENT_HEADER] = "header",
        [GS_EVENT_RECEIVED] = "received",   [GS_EVENT_SENT] = "sent",
        [GS_EVENT_RELEASED] = "released",   [GS_EVENT_ABORTED] = "aborted",
        [GS_EVENT_FAILED] = "failed",       [GS_EVENT_CLOSED] = "closed",
        [GS_EVENT_ACCEPTED] = "accepted",   [GS_EVENT_EXITED] = "exited",
        [GS_EVENT_SIGNALLED] = "signalled",
    };
    return names[type];
}

/* Whether a step is worth its system call: a source without `ready` has something exactly when
 * poll(2) said so since it last had nothing. */
static bool worth_a_step(const struct gs_source *source)
{
    return source->operations->ready != NULL || !source->quiet;
}

/* Gives each source one step, the one after the last that had an event first. */
static bool step_all(struct gs_waiter *waiter, struct gs_source **sources, size_t count,
                     size_t *index, struct gs_event *event)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (waiter->turn + i) % count;
        sources[at]->busy = false;
        *event = (struct gs_event){.type = GS_EVENT_NONE};
        if (!worth_a_step(sources[at]))
            continue;
        sources[at]->quiet = !sources[at]->operations->step(sources[at], event);
        if (!sources[at]->quiet) {
            waiter->turn = at + 1;
            *index = at;
            return true;
        }
    }
    return false;
}

/* Milliseconds until `moment`, rounded up so that it has come when poll(2) returns. */
static int milliseconds_until(double moment)
{
    if (isinf(moment))
        return -1;
    double left = ceil((moment - gs_clock()) * 1000);
    return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Waits for the descriptors. Positive when a source is worth another step, 0 when none will be
 * (`until` may have come), -1 with errno. */
static int poll_all(struct gs_waiter *waiter, struct gs_source **sources, size_t count,
                    struct pollfd *polled, double until)
{
    bool busy = false, pollable = false;
    double moment = until;
    for (size_t i = 0; i < count; i++) {
        polled[i] = sources[i]->operations->interest(sources[i]);
        pollable = pollable || polled[i].fd >= 0;
        busy = busy || sources[i]->busy;
        if (sources[i]->operations->deadline != NULL)
            moment = fmin(moment, sources[i]->operations->deadline(sources[i]));
    }
    if (!pollable && !busy && isinf(moment))
        return 0;
    waiter->unpolled = 0;
    int ready = poll(polled, (nfds_t)count, busy ? 0 : milliseconds_until(moment));
    for (size_t i = 0; ready > 0 && i < count; i++) {
        if (polled[i].revents == 0)
            continue;
        sources[i]->quiet = false;
        if (sources[i]->operations->ready != NULL)
            sources[i]->operations->ready(sources[i], polled[i].revents);
    }
    return ready < 0 ? -1 : 1;
}

/* A signal came. True: one of the sources, its self-pipe most likely, has an event. */
static bool signalled(struct gs_waiter *waiter, struct gs_source **sources, size_t count,
                      size_t *index, struct gs_event *event)
{
    for (size_t i = 0; i < count; i++)
        sources[i]->quiet = false;
    return step_all(waiter, sources, count, index, event);
}

static enum gs_wait_result wait_until(struct gs_waiter *waiter, struct gs_source **sources,
                                      size_t count, struct pollfd *polled, double until,
                                      size_t *index, struct gs_event *event)
{
    if (++waiter->unpolled > UNPOLLED_MAX)
        poll_all(waiter, sources, count, polled, gs_clock());
    for (bool late = false;;) {
        if (step_all(waiter, sources, count, index, event))
            return GS_WAIT_EVENT;
        if (late)
            return GS_WAIT_TIMEOUT;
        late = gs_clock() >= until; /* what has come by then is told: poll(2) once, even for 0 s */
        int worth = poll_all(waiter, sources, count, polled, until);
        if (worth == 0)
            return GS_WAIT_TIMEOUT;
        if (worth < 0 && errno != EINTR)
            return GS_WAIT_FAILED;
        if (worth < 0 && !signalled(waiter, sources, count, index, event))
            return GS_WAIT_INTERRUPTED;
        if (worth < 0)
            return GS_WAIT_EVENT;
    }
}

/* Whatever else was done since a source was last waited for is no fault of its peer. */
static void excuse_all(struct gs_source **sources, size_t count, double now)
{
    for (size_t i = 0; i < count; i++)
        if (sources[i]->operations->excuse != NULL)
            sources[i]->operations->excuse(sources[i], now - sources[i]->left);
}

enum gs_wait_result gs_wait(struct gs_waiter *waiter, struct gs_source **sources, size_t count,
                            double timeout, size_t *index, struct gs_event *event)
{
    double now = gs_clock();
    excuse_all(sources, count, now);
    struct pollfd few[8];
    struct pollfd *polled = count <= 8 ? few : calloc(count, sizeof *polled);
    if (polled == NULL) {
        errno = ENOMEM;
        return GS_WAIT_FAILED;
    }
    enum gs_wait_result result =
        wait_until(waiter, sources, count, polled, now + timeout, index, event);
    int failed = errno;
    if (polled != few)
        free(polled);
    now = gs_clock();
    for (size_t i = 0; i < count; i++)
        sources[i]->left = now;
    errno = failed;
    return result;
}

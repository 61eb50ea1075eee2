#include "session/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define SIGNALS_MAX 8

struct gs_signals {
    struct gs_source source; /* first: a source is cast to this */
    int pipe[2];
    size_t count;
    int signals[SIGNALS_MAX];
    struct sigaction before[SIGNALS_MAX];
};

/* A handler has no argument, so this is the one place that needs a variable of the process. */
static atomic_int signal_pipe = -1;

static void note_signal(int signal)
{
    int kept = errno;
    unsigned char byte = (unsigned char)signal;
    ssize_t written = write(atomic_load(&signal_pipe), &byte, 1);
    (void)written; /* a full pipe: signals enough are told already */
    errno = kept;
}

static bool signals_step(struct gs_source *source, struct gs_event *event)
{
    unsigned char byte;
    if (read(((struct gs_signals *)source)->pipe[0], &byte, 1) != 1)
        return false;
    event->type = GS_EVENT_SIGNALLED;
    event->signal = byte;
    return true;
}

static struct pollfd signals_interest(const struct gs_source *source)
{
    return (struct pollfd){.fd = ((const struct gs_signals *)source)->pipe[0], .events = POLLIN};
}

static const struct gs_source_operations signals_operations = {signals_step, signals_interest, NULL,
                                                               NULL, NULL};

struct gs_signals *gs_signals_open(const int *signals, size_t count, struct gs_error *error)
{
    struct gs_signals *opened = calloc(1, sizeof *opened);
    int none = -1;
    if (count > SIGNALS_MAX || atomic_load(&signal_pipe) != none) {
        gs_error_set(error, "signals", "signals are taken already");
        free(opened);
        return NULL;
    }
    if (opened == NULL || pipe2(opened->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        gs_error_system(error, "signals", errno, "cannot take signals");
        free(opened);
        return NULL;
    }
    atomic_store(&signal_pipe, opened->pipe[1]);
    opened->source.operations = &signals_operations;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (; opened->count < count; opened->count++) {
        opened->signals[opened->count] = signals[opened->count];
        if (sigaction(signals[opened->count], &action, &opened->before[opened->count]) != 0) {
            gs_error_system(error, "signals", errno, "cannot take signal %d",
                            signals[opened->count]);
            gs_signals_close(opened);
            return NULL;
        }
    }
    return opened;
}

void gs_signals_close(struct gs_signals *signals)
{
    if (signals == NULL)
        return;
    while (signals->count-- > 0) /* backwards, for one may have been taken twice */
        sigaction(signals->signals[signals->count], &signals->before[signals->count], NULL);
    atomic_store(&signal_pipe, -1);
    close(signals->pipe[0]);
    close(signals->pipe[1]);
    free(signals);
}

struct gs_source *gs_signals_source(struct gs_signals *signals)
{
    return &signals->source;
}

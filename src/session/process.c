#include "session/process.h"

#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static double no_deadline(const struct gs_source *source)
{
    (void)source;
    return INFINITY;
}

static void nothing_to_note(struct gs_source *source, short events)
{
    (void)source;
    (void)events;
}

static void nothing_to_excuse(struct gs_source *source, double seconds)
{
    (void)source;
    (void)seconds;
}

/* --- signals -----------------------------------------------------------------------------------
 */

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

static const struct gs_source_operations signals_operations = {
    signals_step, signals_interest, nothing_to_note, no_deadline, nothing_to_excuse};

struct gs_signals *gs_signals_open(const int *signals, size_t count, struct gs_error *error)
{
    struct gs_signals *opened = calloc(1, sizeof *opened);
    int none = -1;
    if (opened == NULL || count > SIGNALS_MAX || atomic_load(&signal_pipe) != none ||
        pipe2(opened->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        gs_error_set(error, "signals", "signals are taken already, or no resources are left");
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
    for (size_t i = 0; i < signals->count; i++)
        sigaction(signals->signals[i], &signals->before[i], NULL);
    atomic_store(&signal_pipe, -1);
    close(signals->pipe[0]);
    close(signals->pipe[1]);
    free(signals);
}

struct gs_source *gs_signals_source(struct gs_signals *signals)
{
    return &signals->source;
}

/* --- child processes ---------------------------------------------------------------------------
 */

struct gs_child {
    struct gs_source source; /* first: a source is cast to this */
    pid_t pid;
    int descriptor; /* pidfd; -1 when it was reaped */
};

static bool child_step(struct gs_source *source, struct gs_event *event)
{
    struct gs_child *child = (struct gs_child *)source;
    if (child->descriptor < 0 || waitpid(child->pid, &event->status, WNOHANG) != child->pid)
        return false;
    close(child->descriptor);
    child->descriptor = -1;
    event->type = GS_EVENT_EXITED;
    return true;
}

static struct pollfd child_interest(const struct gs_source *source)
{
    return (struct pollfd){.fd = ((const struct gs_child *)source)->descriptor, .events = POLLIN};
}

static const struct gs_source_operations child_operations = {
    child_step, child_interest, nothing_to_note, no_deadline, nothing_to_excuse};

/* Runs the program with an empty standard input and without our signal dispositions. */
static int start(char *const *arguments, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int failed = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
        failed = posix_spawnp(pid, arguments[0], &files, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

struct gs_child *gs_child_spawn(char *const *arguments, struct gs_error *error)
{
    struct gs_child *child = calloc(1, sizeof *child);
    int failed = child == NULL ? ENOMEM : start(arguments, &child->pid);
    if (failed != 0) {
        gs_error_system(error, "spawn-failed", failed, "cannot run %s", arguments[0]);
        free(child);
        return NULL;
    }
    child->source.operations = &child_operations;
    child->descriptor = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->descriptor < 0) {
        gs_error_system(error, "spawn-failed", errno, "cannot watch %s", arguments[0]);
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        free(child);
        return NULL;
    }
    return child;
}

void gs_child_free(struct gs_child *child)
{
    if (child == NULL)
        return;
    if (child->descriptor >= 0) {
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        close(child->descriptor);
    }
    free(child);
}

pid_t gs_child_pid(const struct gs_child *child)
{
    return child->pid;
}

int gs_child_kill(struct gs_child *child, int signal)
{
    return child->descriptor >= 0 ? kill(child->pid, signal) : -1;
}

struct gs_source *gs_child_source(struct gs_child *child)
{
    return &child->source;
}

/* --- listeners ---------------------------------------------------------------------------------
 */

struct gs_listening {
    struct gs_source source; /* first: a source is cast to this */
    struct gs_listener *listener;
    uint32_t receive_max;
    struct gs_error error;
};

static bool listening_step(struct gs_source *source, struct gs_event *event)
{
    struct gs_listening *listening = (struct gs_listening *)source;
    struct gs_transport *transport = NULL;
    int result = gs_listener_accept(listening->listener, &transport, &listening->error);
    if (result == GS_IO_AGAIN)
        return false;
    if (result == 0) {
        event->session = gs_session_new(transport, false, listening->receive_max);
        event->type = GS_EVENT_ACCEPTED;
        if (event->session != NULL)
            return true;
        gs_error_set(&listening->error, "out-of-memory", "no memory for an association");
    }
    event->type = GS_EVENT_FAILED;
    event->error = &listening->error;
    return true;
}

static struct pollfd listening_interest(const struct gs_source *source)
{
    const struct gs_listening *listening = (const struct gs_listening *)source;
    return (struct pollfd){.fd = gs_listener_descriptor(listening->listener), .events = POLLIN};
}

static const struct gs_source_operations listening_operations = {
    listening_step, listening_interest, nothing_to_note, no_deadline, nothing_to_excuse};

struct gs_listening *gs_listening_new(const char *host, uint16_t port, uint32_t receive_max,
                                      struct gs_error *error)
{
    struct gs_listening *listening = calloc(1, sizeof *listening);
    if (listening == NULL) {
        gs_error_set(error, "out-of-memory", "no memory for a listener");
        return NULL;
    }
    listening->listener = gs_listener_open(host, port, error);
    if (listening->listener == NULL) {
        free(listening);
        return NULL;
    }
    listening->source.operations = &listening_operations;
    listening->receive_max = receive_max;
    return listening;
}

void gs_listening_free(struct gs_listening *listening)
{
    if (listening == NULL)
        return;
    gs_listener_close(listening->listener);
    free(listening);
}

uint16_t gs_listening_port(const struct gs_listening *listening)
{
    return gs_listener_port(listening->listener);
}

struct gs_source *gs_listening_source(struct gs_listening *listening)
{
    return &listening->source;
}

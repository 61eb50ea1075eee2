#include "session/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_UNKNOWN (255 << 8) /* exit code 255 */

extern char **environ;

struct gs_child {
    struct gs_source source; /* first: a source is cast to this */
    pid_t pid;
    int descriptor; /* pidfd; -1 when it was reaped */
};

static bool child_step(struct gs_source *source, struct gs_event *event)
{
    struct gs_child *child = (struct gs_child *)source;
    if (child->descriptor < 0)
        return false;
    pid_t reaped = waitpid(child->pid, &event->status, WNOHANG);
    if (reaped == 0)
        return false;
    if (reaped < 0) /* somebody else has its status */
        event->status = STATUS_UNKNOWN;
    close(child->descriptor);
    child->descriptor = -1;
    event->type = GS_EVENT_EXITED;
    return true;
}

static struct pollfd child_interest(const struct gs_source *source)
{
    return (struct pollfd){.fd = ((const struct gs_child *)source)->descriptor, .events = POLLIN};
}

static const struct gs_source_operations child_operations = {child_step, child_interest, NULL, NULL,
                                                             NULL};

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

/* Where our parent left it ignored, the kernel would reap the child and its status be lost. */
static void heed_children(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        signal(SIGCHLD, SIG_DFL);
}

struct gs_child *gs_child_spawn(char *const *arguments, struct gs_error *error)
{
    struct gs_child *child = calloc(1, sizeof *child);
    heed_children();
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

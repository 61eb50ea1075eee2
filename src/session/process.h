/*
 * process: a child process as a source; its end is an event.
 *
 * SIGCHLD must not be ignored, so spawning the first child makes its disposition the default then.
 */
#ifndef GS_PROCESS_H
#define GS_PROCESS_H

#include "session/event.h"

#include <sys/types.h>

struct gs_child;

/* `arguments` ends with NULL, the first is looked up in PATH. Its standard input is /dev/null.
 * Error "spawn-failed", also when the program cannot be executed. */
struct gs_child *gs_child_spawn(char *const *arguments, struct gs_error *error);
void gs_child_free(struct gs_child *child); /* kills it if it still runs, and reaps it */
pid_t gs_child_pid(const struct gs_child *child);
int gs_child_kill(struct gs_child *child, int signal); /* 0, or -1 when it has ended */
struct gs_source *gs_child_source(struct gs_child *child);

#endif

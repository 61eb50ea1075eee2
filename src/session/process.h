/*
 * process: signals, child processes and listeners as sources.
 */
#ifndef GS_PROCESS_H
#define GS_PROCESS_H

#include "net/tcp.h"
#include "session/event.h"

#include <sys/types.h>

/* Signals by a self-pipe: while it stands, these signals no longer end the program but are told as
 * events. One at a time in a process, since signal handlers are the process's. Error "signals". */
struct gs_signals;
struct gs_signals *gs_signals_open(const int *signals, size_t count, struct gs_error *error);
void gs_signals_close(struct gs_signals *signals); /* the handlers from before are back */
struct gs_source *gs_signals_source(struct gs_signals *signals);

/* A child process: `arguments` ends with NULL, the first is looked up in PATH. Its standard input
 * is /dev/null. Error "spawn-failed", also when the program cannot be executed. */
struct gs_child;
struct gs_child *gs_child_spawn(char *const *arguments, struct gs_error *error);
void gs_child_free(struct gs_child *child); /* kills it if it still runs, and reaps it */
pid_t gs_child_pid(const struct gs_child *child);
int gs_child_kill(struct gs_child *child, int signal); /* 0, or -1 when it has ended */
struct gs_source *gs_child_source(struct gs_child *child);

/* A listener whose connections come as acceptor sessions; each announces `receive_max`. */
struct gs_listening;
struct gs_listening *gs_listening_new(const char *host, uint16_t port, uint32_t receive_max,
                                      struct gs_error *error);
void gs_listening_free(struct gs_listening *listening);
uint16_t gs_listening_port(const struct gs_listening *listening);
struct gs_source *gs_listening_source(struct gs_listening *listening);

#endif

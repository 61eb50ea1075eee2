/*
 * pipe: two transports in memory, joined; what one sends the other receives.
 *
 * For tests and fuzzing: a whole session runs on it without a socket.
 */
#ifndef GS_PIPE_H
#define GS_PIPE_H

#include "net/transport.h"

/* Each direction holds up to `capacity` bytes. -1: out of memory. Each end is closed on its own. */
int gs_pipe_new(struct gs_transport *ends[2], size_t capacity);

#endif

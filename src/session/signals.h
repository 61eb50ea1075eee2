/*
 * signals: signals as a source, by a self-pipe.
 *
 * While it stands, its signals no longer end the program but are told as events. One at a time in a
 * process, since signal handlers are the process's. Error "signals".
 */
#ifndef GS_SIGNALS_H
#define GS_SIGNALS_H

#include "session/event.h"

struct gs_signals;

struct gs_signals *gs_signals_open(const int *signals, size_t count, struct gs_error *error);
void gs_signals_close(struct gs_signals *signals); /* the handlers from before are back */
struct gs_source *gs_signals_source(struct gs_signals *signals);

#endif

/*
 * last_words: what is said when a signal handler ends the process.
 *
 * A script that nothing stops must leave neither a peer that waits nor half an object: every
 * association that stands is aborted, and every temporary file removed, with what
 * signal-safety(7) allows. Sessions are listed by their descriptor from the moment at which their
 * transport stands until they end, before it is closed, in a table like that of
 * storage/leftovers.h: what is listed is whole at any moment.
 */
#ifndef GS_LAST_WORDS_H
#define GS_LAST_WORDS_H

#include <stdbool.h>

#define GS_STANDING_MAX       1024 /* associations at once; those beyond are closed without a word */
#define GS_LAST_WORDS_EXIT    82   /* a script ran past its limits */
#define GS_LAST_WORDS_SECONDS 0.25 /* in which the peers may read what was said */

struct gs_standing;

/* `plain`: what is written to the descriptor is what the peer reads. NULL: no entry is left. */
struct gs_standing *gs_standing_list(int descriptor, bool plain);
void gs_standing_free(struct gs_standing *standing); /* NULL: nothing */

/* Removes temporary files, sends A-ABORTs, says on standard error why, and ends the process.
 * Async-signal-safe. It returns only when a file is just being made: call it again. */
void gs_last_words(void);

#endif

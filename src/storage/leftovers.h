/*
 * leftovers: the temporary files that there are, for a signal handler that ends the process.
 *
 * A table of fixed size: a handler may neither allocate nor follow a pointer that is just being
 * changed. An entry is claimed before its file is made, listed when all of it is written, and free
 * when the file was removed or moved to its name. So whenever a handler interrupts, what is listed
 * is whole, a name that is no file any more does no harm (none is used twice), and for an entry
 * that is claimed the handler is told to come again. The directory's descriptor stays open while an
 * entry is listed. Private to storage/, but for gs_leftovers_remove().
 */
#ifndef GS_LEFTOVERS_H
#define GS_LEFTOVERS_H

#include <stdbool.h>

#define GS_LEFTOVERS_MAX 1024 /* files at once; those beyond stay when the process ends so */

struct gs_leftover;

struct gs_leftover *gs_leftover_claim(void); /* NULL, which the others take too: no entry is left */
void gs_leftover_list(struct gs_leftover *leftover, int directory, const char *name);
void gs_leftover_free(struct gs_leftover *leftover);

/* Removes the files. Async-signal-safe. False: one is just being made. */
bool gs_leftovers_remove(void);

#endif

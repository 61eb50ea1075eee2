/*
 * commit: a temporary file gets its final name; private to storage/.
 */
#ifndef GS_COMMIT_H
#define GS_COMMIT_H

#include "storage/sink.h"
#include "storage/temporary.h"

/* As gs_sink_commit(), for a file that is closed. Where it succeeds, the temporary name is gone. */
int gs_commit(struct gs_temporary *file, const char *name, enum gs_collision collision,
              struct gs_committed *committed, struct gs_error *error);

#endif

/*
 * lookup: names to addresses, without blocking.
 *
 * getaddrinfo(3) blocks, so it runs on a thread of its own, the only kind of thread in the program;
 * a pipe tells when it is done. A numeric address is answered at once and needs no thread.
 */
#ifndef GS_LOOKUP_H
#define GS_LOOKUP_H

#include "net/tcp.h"

#include <netdb.h>

struct gs_lookup;

struct gs_lookup *gs_lookup_start(const char *host, uint16_t port, enum gs_family family,
                                  struct gs_error *error);
/* Readable when the answer is there; -1 when it is there already. */
int gs_lookup_descriptor(const struct gs_lookup *lookup);
/* The addresses (they belong to the lookup), GS_IO_AGAIN or GS_IO_FAILED ("lookup-failed"). */
int gs_lookup_finish(struct gs_lookup *lookup, const struct addrinfo **addresses,
                     struct gs_error *error);
/* May be called before the answer is there: the thread then frees what is left. */
void gs_lookup_free(struct gs_lookup *lookup);

#endif

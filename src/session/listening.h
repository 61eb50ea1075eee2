/*
 * listening: a listener as a source, whose connections come as acceptor sessions.
 */
#ifndef GS_LISTENING_H
#define GS_LISTENING_H

#include "net/tls_context.h"
#include "session/event.h"

struct gs_listening;

/* `host` and `port` as of gs_listener_open(); each session announces `receive_max`. */
struct gs_listening *gs_listening_new(const char *host, uint16_t port, uint32_t receive_max,
                                      struct gs_error *error);
/* From now on connections come with TLS; the context is held. */
void gs_listening_secure(struct gs_listening *listening, struct gs_tls_context *context);
void gs_listening_free(struct gs_listening *listening);
uint16_t gs_listening_port(const struct gs_listening *listening);
struct gs_source *gs_listening_source(struct gs_listening *listening);

#endif

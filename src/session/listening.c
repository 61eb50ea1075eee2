#include "session/listening.h"

#include "net/tcp.h"
#include "net/tls.h"
#include "session/session.h"

#include <stdlib.h>

struct gs_listening {
    struct gs_source source; /* first: a source is cast to this */
    struct gs_listener *listener;
    uint32_t receive_max;
    struct gs_tls_context *tls; /* NULL: plain TCP */
    struct gs_error error;
};

static bool listening_step(struct gs_source *source, struct gs_event *event)
{
    struct gs_listening *listening = (struct gs_listening *)source;
    struct gs_transport *transport = NULL;
    int result = gs_listener_accept(listening->listener, &transport, &listening->error);
    if (result == GS_IO_AGAIN)
        return false;
    if (result == 0 && listening->tls != NULL) {
        transport = gs_tls_new(transport, listening->tls, false, NULL, &listening->error);
        result = transport != NULL ? 0 : GS_IO_FAILED;
    }
    if (result == 0) {
        event->session = gs_session_new(transport, false, listening->receive_max);
        event->type = GS_EVENT_ACCEPTED;
        if (event->session != NULL)
            return true;
        gs_error_set(&listening->error, "out-of-memory", "no memory for an association");
    }
    event->type = GS_EVENT_FAILED;
    event->error = &listening->error;
    return true;
}

static struct pollfd listening_interest(const struct gs_source *source)
{
    const struct gs_listening *listening = (const struct gs_listening *)source;
    return (struct pollfd){.fd = gs_listener_descriptor(listening->listener), .events = POLLIN};
}

static const struct gs_source_operations listening_operations = {listening_step, listening_interest,
                                                                 NULL, NULL, NULL};

struct gs_listening *gs_listening_new(const char *host, uint16_t port, uint32_t receive_max,
                                      struct gs_error *error)
{
    struct gs_listening *listening = calloc(1, sizeof *listening);
    if (listening == NULL) {
        gs_error_set(error, "out-of-memory", "no memory for a listener");
        return NULL;
    }
    listening->listener = gs_listener_open(host, port, error);
    if (listening->listener == NULL) {
        free(listening);
        return NULL;
    }
    listening->source.operations = &listening_operations;
    listening->receive_max = receive_max;
    return listening;
}

void gs_listening_secure(struct gs_listening *listening, struct gs_tls_context *context)
{
    gs_tls_context_release(listening->tls);
    listening->tls = gs_tls_context_hold(context);
}

void gs_listening_free(struct gs_listening *listening)
{
    if (listening == NULL)
        return;
    gs_listener_close(listening->listener);
    gs_tls_context_release(listening->tls);
    free(listening);
}

uint16_t gs_listening_port(const struct gs_listening *listening)
{
    return gs_listener_port(listening->listener);
}

struct gs_source *gs_listening_source(struct gs_listening *listening)
{
    return &listening->source;
}

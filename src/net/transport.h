/*
 * transport: a stream of bytes to a peer, as a struct of functions.
 *
 * TCP, TLS and an in-memory pipe stand behind it; who uses one never knows which. All of it is
 * non-blocking: what cannot be done now returns GS_IO_AGAIN, and wants() says what to poll for on
 * descriptor(). A descriptor of -1 (in memory) needs no poll: trying again is enough.
 */
#ifndef GS_TRANSPORT_H
#define GS_TRANSPORT_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum gs_io {
    GS_IO_AGAIN = -1,   /* would block */
    GS_IO_FAILED = -2,  /* the error is filled */
    GS_IO_SECURING = -3 /* open: the connection stands, the handshake of TLS would block */
};

struct gs_transport;

struct gs_transport_operations {
    /* Go on connecting: 0 when the stream stands, GS_IO_AGAIN, GS_IO_SECURING, GS_IO_FAILED. */
    int (*open)(struct gs_transport *transport, struct gs_error *error);
    /* Bytes moved (at least 1; receive: 0 at the end of the stream), GS_IO_AGAIN, GS_IO_FAILED. */
    ssize_t (*receive)(struct gs_transport *transport, void *bytes, size_t size,
                       struct gs_error *error);
    ssize_t (*send)(struct gs_transport *transport, const void *bytes, size_t size,
                    struct gs_error *error);
    /* We send no more: the peer reads the end of the stream after what was sent. */
    void (*shut)(struct gs_transport *transport);
    int (*descriptor)(const struct gs_transport *transport);
    /* POLLIN, POLLOUT: what the open, receive (POLLIN in `otherwise`) or send (POLLOUT) that said
     * GS_IO_AGAIN last waits for; with TLS either may wait for the other. */
    short (*wants)(const struct gs_transport *transport, short otherwise);
    void (*close)(struct gs_transport *transport); /* frees it */
    /* The peer's address as text, for messages and `origin`; never NULL. */
    const char *(*peer)(const struct gs_transport *transport);
    /* Something lies here to be received that poll(2) does not know of. NULL: never. */
    bool (*holds)(const struct gs_transport *transport);
};

struct gs_transport {
    const struct gs_transport_operations *operations;
    bool plain; /* what is sent goes to the descriptor as it is: a signal handler can do that */
};

/* Whether receive() has something to tell although poll(2) may be silent. */
static inline bool gs_transport_holds(const struct gs_transport *transport)
{
    return transport->operations->holds != NULL && transport->operations->holds(transport);
}

#endif

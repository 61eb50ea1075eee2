#include "net/pipe.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct pipe_end {
    struct gs_transport transport; /* first: a transport is cast to this */
    struct pipe_end *other;        /* NULL when it was closed */
    bool ended;                    /* the other end sends no more */
    size_t capacity;
    size_t start; /* received bytes lie at start to start + size */
    size_t size;
    unsigned char bytes[];
};

static struct pipe_end *end_of(struct gs_transport *transport)
{
    return (struct pipe_end *)transport;
}

static int pipe_open(struct gs_transport *transport, struct gs_error *error)
{
    (void)transport;
    (void)error;
    return 0;
}

static ssize_t pipe_receive(struct gs_transport *transport, void *bytes, size_t size,
                            struct gs_error *error)
{
    (void)error;
    struct pipe_end *end = end_of(transport);
    if (end->size == 0)
        return end->ended ? 0 : GS_IO_AGAIN;
    size_t moved = size < end->size ? size : end->size;
    memcpy(bytes, end->bytes + end->start, moved);
    end->start += moved;
    end->size -= moved;
    return (ssize_t)moved;
}

static ssize_t pipe_send(struct gs_transport *transport, const void *bytes, size_t size,
                         struct gs_error *error)
{
    struct pipe_end *to = end_of(transport)->other;
    if (to == NULL) {
        gs_error_set(error, "peer-closed", "the other end of the pipe is closed");
        return GS_IO_FAILED;
    }
    memmove(to->bytes, to->bytes + to->start, to->size);
    to->start = 0;
    size_t room = to->capacity - to->size;
    size_t moved = size < room ? size : room;
    if (moved == 0)
        return GS_IO_AGAIN;
    memcpy(to->bytes + to->size, bytes, moved);
    to->size += moved;
    return (ssize_t)moved;
}

static void pipe_shut(struct gs_transport *transport)
{
    struct pipe_end *other = end_of(transport)->other;
    if (other != NULL)
        other->ended = true;
}

static int pipe_descriptor(const struct gs_transport *transport)
{
    (void)transport;
    return -1;
}

static short pipe_wants(const struct gs_transport *transport, short otherwise)
{
    (void)transport;
    return otherwise;
}

static void pipe_close(struct gs_transport *transport)
{
    struct pipe_end *end = end_of(transport);
    pipe_shut(transport);
    if (end->other != NULL)
        end->other->other = NULL;
    free(end);
}

static const char *pipe_peer(const struct gs_transport *transport)
{
    (void)transport;
    return "memory";
}

static const struct gs_transport_operations pipe_operations = {
    .open = pipe_open,
    .receive = pipe_receive,
    .send = pipe_send,
    .shut = pipe_shut,
    .descriptor = pipe_descriptor,
    .wants = pipe_wants,
    .close = pipe_close,
    .peer = pipe_peer,
};

int gs_pipe_new(struct gs_transport *ends[2], size_t capacity)
{
    struct pipe_end *pair[2];
    for (int i = 0; i < 2; i++) {
        pair[i] = calloc(1, sizeof *pair[i] + capacity);
        if (pair[i] == NULL) {
            if (i == 1)
                free(pair[0]);
            return -1;
        }
        pair[i]->transport.operations = &pipe_operations;
        pair[i]->capacity = capacity;
        ends[i] = &pair[i]->transport;
    }
    pair[0]->other = pair[1];
    pair[1]->other = pair[0];
    return 0;
}

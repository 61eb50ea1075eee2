#include "session/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AHEAD       (256u << 10) /* bytes of a stream that may wait for the transport */
#define STREAM_STEP (64u << 10)  /* bytes read from a file at once */
#define DIRECT_MAX  (64u << 10)  /* a data set up to this goes out with its command */

void gs_outgoing_drop(struct gs_stream *stream)
{
    if (stream->descriptor >= 0)
        close(stream->descriptor);
    free(stream->bytes);
    *stream = (struct gs_stream){.descriptor = -1};
}

bool gs_outgoing_waits(const struct gs_session *session)
{
    const uint8_t *bytes;
    return session->stream.active || gs_association_output(session->association, &bytes) > 0;
}

void gs_outgoing_begins(struct gs_session *session)
{
    if (!gs_outgoing_waits(session))
        session->write_progress = gs_clock();
}

/* Writes what the transport takes. False: it takes no more now, or is gone. */
static bool flush(struct gs_session *session)
{
    const uint8_t *bytes;
    size_t size;
    while ((size = gs_association_output(session->association, &bytes)) > 0) {
        if (!session->writable)
            return false;
        ssize_t moved =
            session->transport->operations->send(session->transport, bytes, size, &session->error);
        if (moved == GS_IO_AGAIN) {
            session->writable = session->transport->operations->descriptor(session->transport) < 0;
            return false;
        }
        if (moved < 0) {
            /* what the peer said before it went (an A-ABORT) may still be readable: receiving tells
             */
            session->writable = false;
            session->readable = true;
            session->unsendable = true;
            session->send_failed =
                session->error.system != EPIPE && session->error.system != ECONNRESET;
            return false;
        }
        gs_association_sent(session->association, (size_t)moved);
        gs_session_moved(session);
        session->write_progress =
            gs_deadline_paced(session, session->write_progress, (size_t)moved);
        if (session->stream.advances)
            session->progress = gs_deadline_paced(session, session->progress, (size_t)moved);
    }
    return true;
}

/* Queues the next part of the stream. False: it cannot be read. */
static bool queue_part(struct gs_session *session)
{
    struct gs_stream *stream = &session->stream;
    uint8_t part[STREAM_STEP + 1]; /* one more to pad it */
    uint64_t left = stream->length - stream->offset;
    size_t size = left < STREAM_STEP ? (size_t)left : STREAM_STEP;
    const uint8_t *bytes = part;
    if (stream->bytes != NULL) {
        bytes = stream->bytes + stream->offset;
    } else if (size > 0) {
        ssize_t got;
        do
            got = read(stream->descriptor, part, size);
        while (got < 0 && errno == EINTR);
        if (got <= 0) {
            gs_error_system(&session->error, "read-failed", got < 0 ? errno : 0,
                            "cannot read the file that is being sent%s",
                            got == 0 ? ": it became shorter" : "");
            return false;
        }
        size = (size_t)got;
    }
    stream->offset += size;
    stream->ended = stream->offset == stream->length;
    bool last = stream->ended && !stream->unfinished;
    if (last && bytes == part && stream->length % 2 != 0)
        part[size++] = 0; /* a deflated data set may be odd, what is sent may not: PS3.5 A.5 */
    if (gs_association_send(session->association, stream->context, false, last, bytes, size) != 0) {
        gs_error_set(&session->error, "out-of-memory", "no memory for what is being sent");
        return false;
    }
    return true;
}

/* Queues of the stream what may wait. False: it has failed, and the association with it. */
static bool fill_output(struct gs_session *session)
{
    struct gs_stream *stream = &session->stream;
    const uint8_t *bytes;
    while (!stream->ended && gs_association_output(session->association, &bytes) < AHEAD) {
        if (!queue_part(session)) {
            gs_session_fail(session, GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED);
            return false;
        }
    }
    if (stream->ended) {
        bool tell = stream->tell;
        bool advances = stream->advances;
        gs_outgoing_drop(stream);
        stream->tell = tell;
        stream->advances = advances;
    }
    return true;
}

bool gs_outgoing_step(struct gs_session *session, struct gs_event *event)
{
    struct gs_stream *stream = &session->stream;
    uint64_t began = stream->offset;
    while (stream->active && stream->offset - began < GS_SHARE)
        if (!fill_output(session) || !flush(session))
            return false;
    session->source.busy = session->source.busy || stream->active;
    if (!flush(session) || stream->active || !stream->tell)
        return false;
    stream->tell = false;
    if (stream->advances)
        gs_deadline_advance(session);
    stream->advances = false;
    event->type = GS_EVENT_SENT;
    return true;
}

static int send_failed(struct gs_outgoing *data, struct gs_error *error, const char *code,
                       const char *why)
{
    if (data != NULL && data->descriptor >= 0)
        close(data->descriptor);
    return gs_error_set(error, code, "cannot send: %s", why);
}

/* Takes the data set as a stream. */
static int start_stream(struct gs_session *session, uint8_t context, struct gs_outgoing *data)
{
    struct gs_stream *stream = &session->stream;
    uint8_t *copy = NULL;
    if (data->bytes != NULL) {
        copy = malloc(data->size + 1);
        if (copy == NULL)
            return -1;
        memcpy(copy, data->bytes, data->size);
        copy[data->size] = 0;
    }
    *stream =
        (struct gs_stream){.active = true,
                           .context = context,
                           .unfinished = data->unfinished,
                           .advances = stream->advances,
                           .descriptor = data->descriptor,
                           .bytes = copy,
                           .length = copy != NULL ? data->size + data->size % 2 : data->length};
    return 0;
}

/* Queues the command, and the data set too where it is small; larger ones become the stream. */
static int queue_message(struct gs_session *session, uint8_t context,
                         const struct gs_command *command, struct gs_outgoing *data)
{
    uint8_t encoded[GS_COMMAND_ENCODED_MAX];
    size_t size = gs_command_encode(command, encoded, sizeof encoded);
    if (size == 0 ||
        gs_association_send(session->association, context, true, true, encoded, size) != 0)
        return -1;
    if (data == NULL)
        return 0;
    bool direct = data->size <= DIRECT_MAX && data->size % 2 == 0 && !data->unfinished;
    if (data->bytes != NULL && direct &&
        gs_association_send(session->association, context, false, true, data->bytes, data->size) ==
            0)
        return 0;
    if (start_stream(session, context, data) == 0)
        return 0;
    /* the command cannot be taken back, and the peer would wait for its data set */
    gs_error_set(&session->error, "out-of-memory", "no memory for what is being sent");
    gs_session_fail(session, GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED);
    return -1;
}

/* A message that begins something new; what we only answer with, a peer may ask for for ever. */
static bool is_progress(const struct gs_session *session, const struct gs_command *command)
{
    uint16_t field = command->command_field;
    return !session->requestor || ((field & 0x8000) == 0 && field != GS_C_CANCEL_RQ);
}

static bool may_send(const struct gs_session *session)
{
    enum gs_association_state state = gs_association_state(session->association);
    return session->phase == GS_PHASE_OPEN &&
           (state == GS_STATE_ESTABLISHED || state == GS_STATE_RELEASE_REQUESTED);
}

int gs_session_send(struct gs_session *session, uint8_t context, const struct gs_command *command,
                    struct gs_outgoing *data, struct gs_error *error)
{
    if (!may_send(session))
        return send_failed(data, error, "not-associated", "the association does not stand");
    if (session->stream.active)
        return send_failed(data, error, "busy", "another data set is still being sent");
    if (gs_association_context(session->association, context) == NULL)
        return send_failed(data, error, "no-context", "the presentation context was not accepted");
    bool more = session->stream.tell; /* an earlier message waits, and its event is due */
    gs_outgoing_begins(session);
    if (is_progress(session, command)) {
        gs_deadline_advance(session);
        session->stream.advances = true;
    }
    if (queue_message(session, context, command, data) != 0)
        return send_failed(data, error, "out-of-memory", "too much waits for the peer");
    session->stream.tell = true;
    struct gs_event event = {.type = GS_EVENT_NONE};
    bool gone = gs_outgoing_step(session, &event);
    session->stream.tell = session->stream.tell || (gone && more);
    return gone && !more ? 1 : 0;
}

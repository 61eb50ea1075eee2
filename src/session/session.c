#include "session/parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define FREE_LINGER 0.25       /* seconds: gs_session_free() may take so long */
#define CLOGGED     (1u << 20) /* bytes that wait for a peer which has to read before it is read */

static struct gs_session *session_of(struct gs_source *source)
{
    return (struct gs_session *)source;
}

static void enter(struct gs_session *session, enum gs_phase phase)
{
    session->phase = phase;
    session->began = gs_clock();
}

static void close_transport(struct gs_session *session)
{
    if (session->transport != NULL)
        session->transport->operations->close(session->transport);
    session->transport = NULL;
    free(session->buffer);
    session->buffer = NULL;
}

static bool in_memory(const struct gs_session *session)
{
    return session->transport->operations->descriptor(session->transport) < 0;
}

void gs_session_moved(struct gs_session *session)
{
    session->moved = gs_clock();
    if (!session->requestor)
        session->progress = session->moved;
    if (in_memory(session))
        session->source.busy = true;
}

void gs_session_end(struct gs_session *session, enum gs_event_type final, bool last_words)
{
    if (session->phase >= GS_PHASE_CLOSING)
        return;
    gs_standing_free(session->standing);
    session->standing = NULL;
    gs_incoming_drop(&session->incoming);
    gs_outgoing_drop(&session->stream);
    session->final.type = final;
    session->final.error = &session->error;
    session->start = session->end = 0;
    enter(session, last_words ? GS_PHASE_CLOSING : GS_PHASE_OVER);
    session->source.busy = true;
    if (last_words)
        return;
    if (final == GS_EVENT_RELEASED)
        session->transport->operations->shut(session->transport); /* TLS says so: close_notify */
    close_transport(session);
    struct gs_association_event event;
    gs_association_closed(session->association, &event);
}

void gs_session_fail(struct gs_session *session, uint8_t source, uint8_t reason)
{
    bool said = session->phase == GS_PHASE_OPEN &&
                gs_association_abort(session->association, source, reason) == 0;
    gs_session_end(session, GS_EVENT_FAILED, said);
}

/* A server that expects TLS often has no words for us. */
static bool left_at_request(const struct gs_session *session, const struct gs_error *error)
{
    return gs_association_state(session->association) == GS_STATE_AWAITING_ANSWER &&
           session->transport->plain && (error == NULL || error->system == ECONNRESET);
}

/* The transport ended under us: what that means depends on what was going on. */
static void transport_ended(struct gs_session *session, const struct gs_error *error)
{
    if (left_at_request(session, error))
        gs_error_set(&session->error, "peer-closed",
                     "%s closed the connection without a word when an association was requested: "
                     "the peer expects TLS on this port, or no such request",
                     gs_session_peer(session));
    else if (error != NULL)
        session->error = *error;
    else if (!session->send_failed)
        gs_error_set(&session->error, "peer-closed",
                     "%s closed the connection without a release or abort (%s)",
                     gs_session_peer(session),
                     gs_association_state_name(gs_association_state(session->association)));
    gs_session_end(session, GS_EVENT_FAILED, false);
}

/* --- opening --------------------------------------------------------------------------------- */

static void go_on_opening(struct gs_session *session)
{
    int result = session->transport->operations->open(session->transport, &session->error);
    if (result == GS_IO_SECURING && session->phase == GS_PHASE_OPENING)
        enter(session, GS_PHASE_SECURING);
    if (result == GS_IO_AGAIN || result == GS_IO_SECURING)
        return;
    if (result == GS_IO_FAILED) {
        gs_session_end(session, GS_EVENT_FAILED, false);
        return;
    }
    session->buffer = malloc(GS_RECEIVE_BUFFER);
    if (session->buffer == NULL) {
        gs_error_set(&session->error, "out-of-memory", "no memory for a receive buffer");
        gs_session_end(session, GS_EVENT_FAILED, false);
        return;
    }
    enter(session, GS_PHASE_OPEN);
    session->moved = session->progress = session->write_progress = session->began;
    session->readable = session->writable = true;
    const struct gs_transport *transport = session->transport;
    session->standing =
        gs_standing_list(transport->operations->descriptor(transport), transport->plain);
    gs_association_connected(session->association);
}

/* --- events of the association -----------------------------------------------------------------
 */

static void release_requested(struct gs_session *session)
{
    bool collision = gs_association_state(session->association) != GS_STATE_RELEASE_REQUESTED;
    /* as acceptor in a collision we may only answer after the peer's own answer came */
    if (gs_association_release_reply(session->association) != 0 || collision)
        return;
    session->final.by_peer = true;
    gs_session_end(session, GS_EVENT_RELEASED, true);
}

static void released(struct gs_session *session)
{
    bool reply_due =
        gs_association_state(session->association) == GS_STATE_COLLISION_ACCEPTOR_DONE &&
        gs_association_release_reply(session->association) == 0;
    gs_session_end(session, GS_EVENT_RELEASED, reply_due);
}

static void violated(struct gs_session *session, const struct gs_association_event *event)
{
    gs_error_set(&session->error, "protocol-error", "%s: %s", gs_session_peer(session),
                 event->problem);
    gs_session_end(session, GS_EVENT_FAILED, true); /* the machine has queued the A-ABORT */
}

/* One event of the state machine. True: `event` is filled. */
static bool dispatch(struct gs_session *session, const struct gs_association_event *happened,
                     struct gs_event *event)
{
    switch (happened->type) {
    case GS_ASSOCIATION_REQUESTED:
        event->type = GS_EVENT_REQUESTED;
        event->associate = gs_association_peer(session->association);
        return true;
    case GS_ASSOCIATION_ACCEPTED:
        gs_deadline_advance(session);
        event->type = GS_EVENT_ASSOCIATED;
        event->associate = gs_association_peer(session->association);
        return true;
    case GS_ASSOCIATION_REJECTED:
        session->final.reject = happened->reject;
        gs_session_end(session, GS_EVENT_REJECTED, gs_outgoing_waits(session));
        return false;
    case GS_ASSOCIATION_FRAGMENT:
        return gs_incoming_fragment(session, happened, event);
    case GS_ASSOCIATION_RELEASE_REQUESTED:
        release_requested(session);
        return false;
    case GS_ASSOCIATION_RELEASED:
        released(session);
        return false;
    case GS_ASSOCIATION_ABORTED:
        session->final.source = happened->source;
        session->final.reason = happened->reason;
        gs_session_end(session, GS_EVENT_ABORTED, false);
        return false;
    case GS_ASSOCIATION_FAILED:
        violated(session, happened);
        return false;
    case GS_ASSOCIATION_CLOSED:
        transport_ended(session, NULL);
        return false;
    case GS_ASSOCIATION_NONE:
        return false;
    }
    return false;
}

/* --- receiving ---------------------------------------------------------------------------------
 */

/* Bytes from the transport into the empty buffer. False: there are none now. */
static bool fill_buffer(struct gs_session *session)
{
    if (!session->readable)
        return false;
    gs_incoming_settle(&session->incoming);
    struct gs_error error;
    ssize_t moved = session->transport->operations->receive(session->transport, session->buffer,
                                                            GS_RECEIVE_BUFFER, &error);
    if (moved == GS_IO_AGAIN) {
        session->readable = in_memory(session);
        if (session->unsendable)
            transport_ended(session, NULL);
        return false;
    }
    if (moved <= 0) {
        transport_ended(session, moved == 0 ? NULL : &error);
        return false;
    }
    /* a short read has emptied the socket: poll(2) tells when there is more */
    if (moved < (ssize_t)GS_RECEIVE_BUFFER)
        session->readable = in_memory(session) || gs_transport_holds(session->transport);
    session->start = 0;
    session->end = (size_t)moved;
    gs_session_moved(session);
    return true;
}

/* A peer that asks and does not read our answers is not read either: all that happens then is that
 * the write deadline comes. What is far less than GS_OUTPUT_MAX leaves room for answers. */
static bool is_clogged(const struct gs_session *session)
{
    const uint8_t *bytes;
    return gs_association_output(session->association, &bytes) > CLOGGED && !session->unsendable;
}

static bool may_receive(const struct gs_session *session)
{
    return session->phase == GS_PHASE_OPEN && session->incoming.question == GS_QUESTION_NONE &&
           !is_clogged(session);
}

static bool receive(struct gs_session *session, struct gs_event *event)
{
    size_t moved = 0;
    while (may_receive(session)) {
        if (gs_incoming_ended(session, event))
            return true;
        if (session->start == session->end) {
            if (moved >= GS_SHARE) {
                session->source.busy = true;
                return false;
            }
            if (!fill_buffer(session))
                return false;
            moved += session->end;
        }
        size_t consumed = 0;
        struct gs_association_event happened = {0};
        gs_association_feed(session->association, session->buffer + session->start,
                            session->end - session->start, &consumed, &happened);
        session->start += consumed;
        if (dispatch(session, &happened, event))
            return true;
    }
    return false;
}

/* --- the end -----------------------------------------------------------------------------------
 */

/* Last words, as far as the transport takes them; behind them, that there is no more. False: it
 * takes nothing any more. */
static bool say_last_words(struct gs_session *session)
{
    const struct gs_transport_operations *operations = session->transport->operations;
    const uint8_t *bytes;
    size_t size;
    while ((size = gs_association_output(session->association, &bytes)) > 0) {
        ssize_t moved = operations->send(session->transport, bytes, size, NULL);
        if (moved < 0)
            return moved == GS_IO_AGAIN;
        gs_association_sent(session->association, (size_t)moved);
        gs_session_moved(session);
        if (moved == (ssize_t)size)
            operations->shut(session->transport);
    }
    return true;
}

/* Reads until the peer closes: it may have to write before it reads, and what is unread when we
 * close would reset the connection. */
static void linger(struct gs_session *session)
{
    const struct gs_transport_operations *operations = session->transport->operations;
    ssize_t drained = say_last_words(session) ? 1 : 0;
    for (size_t moved = 0; drained > 0 && moved < GS_SHARE; moved += (size_t)drained) {
        drained = operations->receive(session->transport, session->buffer, GS_RECEIVE_BUFFER, NULL);
        if (drained == GS_IO_AGAIN)
            return;
    }
    if (drained > 0) {
        session->source.busy = true;
        return;
    }
    close_transport(session);
    enter(session, GS_PHASE_OVER);
}

static void check_deadline(struct gs_session *session)
{
    const char *code = NULL, *what = NULL;
    double moment = gs_deadline_now(session, &code, &what);
    if (isinf(moment) || gs_clock() < moment)
        return;
    if (session->phase == GS_PHASE_CLOSING) {
        gs_association_expired(session->association);
        close_transport(session);
        enter(session, GS_PHASE_OVER);
        return;
    }
    bool refused = what == session->incoming.received.error.message;
    gs_error_set(&session->error, code,
                 refused ? "%s did not end an object that is not stored: %s"
                         : "%s: waited in vain for %s",
                 gs_session_peer(session), what);
    gs_session_fail(session, GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED);
}

/* --- as a source -------------------------------------------------------------------------------
 */

static bool step(struct gs_source *source, struct gs_event *event)
{
    struct gs_session *session = session_of(source);
    if (session->phase < GS_PHASE_OPEN)
        go_on_opening(session);
    if (session->phase == GS_PHASE_OPEN && gs_outgoing_step(session, event))
        return true;
    if (session->phase == GS_PHASE_OPEN && receive(session, event))
        return true;
    /* an answer that the machine gave by itself goes out at once */
    if (session->phase == GS_PHASE_OPEN && !session->source.busy &&
        gs_outgoing_step(session, event))
        return true;
    if (session->phase == GS_PHASE_CLOSING)
        linger(session);
    check_deadline(session);
    if (session->phase != GS_PHASE_OVER || session->told)
        return false;
    session->told = true;
    *event = session->final;
    return true;
}

static struct pollfd interest(const struct gs_source *source)
{
    const struct gs_session *session = (const struct gs_session *)source;
    struct pollfd wanted = {.fd = -1};
    if (session->transport == NULL)
        return wanted;
    short events = 0;
    if (session->phase < GS_PHASE_OPEN)
        events = POLLOUT;
    else if (session->phase == GS_PHASE_CLOSING || may_receive(session))
        events = POLLIN;
    if (session->phase >= GS_PHASE_OPEN && gs_outgoing_waits(session))
        events |= POLLOUT;
    if (events == 0)
        return wanted; /* poll(2) would tell all the same that the peer has gone, again and again */
    wanted.fd = session->transport->operations->descriptor(session->transport);
    wanted.events = session->transport->operations->wants(session->transport, events);
    return wanted;
}

static void ready(struct gs_source *source, short events)
{
    struct gs_session *session = session_of(source);
    if (session->transport == NULL)
        return;
    const struct gs_transport_operations *operations = session->transport->operations;
    const short broken = POLLHUP | POLLERR;
    if (events & (operations->wants(session->transport, POLLIN) | broken))
        session->readable = true;
    if (events & (operations->wants(session->transport, POLLOUT) | broken))
        session->writable = true;
}

static double deadline(const struct gs_source *source)
{
    const char *code, *what;
    return gs_deadline_now((const struct gs_session *)source, &code, &what);
}

static void excuse(struct gs_source *source, double seconds)
{
    struct gs_session *session = session_of(source);
    double now = gs_clock();
    session->began = fmin(session->began + seconds, now);
    session->progress = fmin(session->progress + seconds, now);
    session->incoming.refused += seconds;
    session->write_progress = fmin(session->write_progress + seconds, now);
}

static const struct gs_source_operations operations = {step, interest, ready, deadline, excuse};

/* --- the user's side ---------------------------------------------------------------------------
 */

struct gs_session *gs_session_new(struct gs_transport *transport, bool requestor,
                                  uint32_t receive_max)
{
    struct gs_session *session = calloc(1, sizeof *session);
    if (session != NULL)
        session->association = gs_association_new(requestor, receive_max);
    if (session == NULL || session->association == NULL) {
        transport->operations->close(transport);
        free(session);
        return NULL;
    }
    session->source.operations = &operations;
    session->transport = transport;
    session->requestor = requestor;
    session->deadlines = (struct gs_deadlines)GS_DEADLINES_DEFAULT;
    session->incoming.refused = INFINITY;
    session->stream.descriptor = -1;
    enter(session, GS_PHASE_OPENING);
    session->source.left = session->began;
    return session;
}

void gs_session_free(struct gs_session *session)
{
    if (session == NULL)
        return;
    if (session->phase == GS_PHASE_OPEN)
        gs_session_abort(session);
    session->told = true; /* nobody listens any more */
    struct gs_source *source = &session->source;
    struct gs_waiter waiter = {0};
    struct gs_event event;
    size_t index;
    double until = gs_clock() + FREE_LINGER;
    while (session->phase == GS_PHASE_CLOSING && gs_clock() < until)
        if (gs_wait(&waiter, &source, 1, until - gs_clock(), &index, &event) == GS_WAIT_FAILED)
            break;
    close_transport(session);
    gs_incoming_drop(&session->incoming);
    gs_message_clear(&session->incoming.message);
    gs_outgoing_drop(&session->stream);
    gs_association_free(session->association);
    free(session);
}

struct gs_source *gs_session_source(struct gs_session *session)
{
    return &session->source;
}

struct gs_association *gs_session_association(const struct gs_session *session)
{
    return session->association;
}

const char *gs_session_peer(const struct gs_session *session)
{
    return session->transport != NULL ? session->transport->operations->peer(session->transport)
                                      : "the peer";
}

int gs_session_tls(const struct gs_session *session, struct gs_tls_facts *facts)
{
    return session->transport != NULL ? gs_tls_facts(session->transport, facts) : -1;
}

double gs_session_idle(const struct gs_session *session)
{
    return gs_clock() - fmax(session->progress, session->began);
}

struct gs_deadlines *gs_session_deadlines(struct gs_session *session)
{
    return &session->deadlines;
}

bool gs_session_over(const struct gs_session *session)
{
    return session->told;
}

bool gs_session_undecided(const struct gs_session *session)
{
    return session->phase == GS_PHASE_OPEN && session->incoming.question != GS_QUESTION_NONE;
}

int gs_session_request(struct gs_session *session, struct gs_associate *associate)
{
    gs_outgoing_begins(session);
    if (session->phase >= GS_PHASE_CLOSING) {
        gs_associate_clear(associate);
        return -1;
    }
    if (gs_association_request(session->association, associate) != 0)
        return -1;
    if (session->phase == GS_PHASE_OPEN)
        session->began = gs_clock();
    return 0;
}

int gs_session_accept(struct gs_session *session, struct gs_associate *associate)
{
    gs_outgoing_begins(session);
    if (gs_association_accept(session->association, associate) != 0)
        return -1;
    gs_deadline_advance(session);
    return 0;
}

int gs_session_reject(struct gs_session *session, struct gs_reject reject)
{
    if (gs_association_reject(session->association, reject) != 0)
        return -1;
    gs_session_end(session, GS_EVENT_CLOSED, true);
    return 0;
}

int gs_session_release(struct gs_session *session)
{
    gs_outgoing_begins(session);
    if (session->stream.active || gs_association_release(session->association) != 0)
        return -1;
    session->began = gs_clock();
    return 0;
}

int gs_session_abort(struct gs_session *session)
{
    if (session->phase >= GS_PHASE_CLOSING)
        return -1;
    bool said =
        session->phase == GS_PHASE_OPEN &&
        gs_association_abort(session->association, GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED) == 0;
    gs_session_end(session, GS_EVENT_CLOSED, said);
    return 0;
}

void gs_session_drop(struct gs_session *session)
{
    gs_session_end(session, GS_EVENT_CLOSED, false);
}

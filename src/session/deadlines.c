#include "session/parts.h"

#include <math.h>

void gs_deadline_advance(struct gs_session *session)
{
    session->progress = gs_clock();
}

double gs_deadline_paced(const struct gs_session *session, double since, size_t bytes)
{
    double rate = session->deadlines.rate;
    double until = rate > 0 ? since + (double)bytes / rate : session->moved;
    return fmax(since, fmin(until, session->moved));
}

/* The peer goes on with an object that is not stored, or with nothing. */
static double message_deadline(const struct gs_session *session, const char **code,
                               const char **what)
{
    const struct gs_incoming *incoming = &session->incoming;
    if (incoming->question != GS_QUESTION_NONE)
        return INFINITY;
    double dimse = session->progress + session->deadlines.dimse;
    double drain = incoming->refused + session->deadlines.drain;
    *code = drain < dimse ? incoming->received.error.code : "dimse-timeout";
    *what = drain < dimse ? incoming->received.error.message : "a DIMSE message";
    return fmin(dimse, drain);
}

double gs_deadline_now(const struct gs_session *session, const char **code, const char **what)
{
    const struct gs_deadlines *limit = &session->deadlines;
    if (session->phase == GS_PHASE_OPENING) {
        *code = "connect-timeout";
        *what = "the connection";
        return session->began + limit->connect;
    }
    if (session->phase == GS_PHASE_SECURING) {
        *code = "acse-timeout";
        *what = "the TLS handshake: it may not speak TLS on this port";
        return session->began + limit->acse;
    }
    if (session->phase != GS_PHASE_OPEN)
        return session->phase == GS_PHASE_CLOSING ? session->began + GS_LINGER : INFINITY;
    double write = INFINITY;
    if (gs_outgoing_waits(session))
        write = session->write_progress + limit->write;
    double other = INFINITY;
    switch (gs_association_state(session->association)) {
    case GS_STATE_AWAITING_REQUEST:
    case GS_STATE_AWAITING_ANSWER:
        *code = "acse-timeout";
        *what = "an answer to the association request";
        other = session->began + limit->acse;
        break;
    case GS_STATE_ESTABLISHED:
        other = message_deadline(session, code, what);
        break;
    case GS_STATE_AWAITING_RELEASE_REPLY:
    case GS_STATE_COLLISION_ACCEPTOR:
    case GS_STATE_COLLISION_REQUESTOR_DONE:
        *code = "release-timeout";
        *what = "the answer to the release";
        other = session->began + limit->release;
        break;
    default:
        break;
    }
    if (write >= other)
        return other;
    *code = "write-timeout";
    *what = "the peer to take what was sent";
    return write;
}

#include "session/parts.h"

#include <math.h>

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
        *code = "dimse-timeout";
        *what = "a DIMSE message";
        if (session->incoming.question == GS_QUESTION_NONE)
            other = session->progress + limit->dimse;
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

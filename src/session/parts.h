/*
 * parts: the inside of a session, for the files that make it up: session.c (life), deadlines.c,
 * incoming.c (messages and sinks) and outgoing.c (what we send). Nobody else includes it.
 */
#ifndef GS_SESSION_PARTS_H
#define GS_SESSION_PARTS_H

#include "session/last_words.h"
#include "session/session.h"
#include "session/wait.h"

#define GS_RECEIVE_BUFFER (256u << 10) /* bytes asked of the transport at once */

enum gs_phase {
    GS_PHASE_OPENING,  /* the transport is not there yet */
    GS_PHASE_SECURING, /* it is, and its TLS handshake goes on */
    GS_PHASE_OPEN,
    GS_PHASE_CLOSING, /* our last words go out; then we wait for the peer to close */
    GS_PHASE_OVER     /* the final event was told or is about to be */
};

/* What an event asked the user for. */
enum gs_question { GS_QUESTION_NONE, GS_QUESTION_SINK, GS_QUESTION_HEADER };

struct gs_incoming {
    struct gs_message message;
    enum gs_question question;
    struct gs_sink *sink; /* from receive to the next command */
    bool header_told;
    double refused; /* since then the data set is only read; INFINITY: it is stored, or has ended */
    bool ended;     /* all of the data set is there, its end is not told yet */
    bool named;
    char name[GS_PATH_MAX];
    enum gs_collision collision;
    struct gs_received received;
};

struct gs_stream { /* a data set on its way out */
    bool active;
    bool tell;       /* GS_EVENT_SENT when it and all output is gone */
    bool ended;      /* all of it is queued */
    bool unfinished; /* no fragment of it is marked as the last */
    bool advances;   /* it is progress, as of gs_deadlines */
    uint8_t context;
    int descriptor;
    uint8_t *bytes; /* malloc'd */
    uint64_t offset;
    uint64_t length;
};

struct gs_session {
    struct gs_source source; /* first: a source is cast to this */
    struct gs_transport *transport;
    struct gs_association *association;
    struct gs_standing *standing; /* its entry while the phase is OPEN */
    enum gs_phase phase;
    struct gs_deadlines deadlines;
    double began; /* of the current phase, or of the wait for an answer or a release */
    bool requestor;
    double moved;          /* bytes moved last, either way */
    double progress;       /* what `dimse` counts from */
    double write_progress; /* what `write` counts from: where it began to wait, and on */
    bool readable;         /* the transport may have bytes */
    bool writable;
    uint8_t *buffer; /* GS_RECEIVE_BUFFER bytes; what is not consumed lies at start to end */
    size_t start;
    size_t end;
    struct gs_incoming incoming;
    struct gs_stream stream;
    struct gs_event final; /* told when the phase is over; type NONE: not decided yet */
    struct gs_error error; /* of the final event */
    bool unsendable;       /* sending failed: what can still be read is read, then it is over */
    bool send_failed;      /* `error` says why, and not just that the peer has gone */
    bool told;
};

/* session.c: the association ends; `final` says how. The transport is closed at once, or after our
 * last words (A-ABORT, A-RELEASE-RP) have been read. */
void gs_session_end(struct gs_session *session, enum gs_event_type final, bool last_words);
/* The same for a failure of ours: queues an A-ABORT. `session->error` is filled already. */
void gs_session_fail(struct gs_session *session, uint8_t source, uint8_t reason);
/* Bytes have moved. A transport in memory has nothing to poll for, but its other end may be able to
 * go on now: the source is busy. */
void gs_session_moved(struct gs_session *session);

/* deadlines.c: the moment at which the deadline that runs now is over, INFINITY where none runs;
 * the code of the error it ends in, and what was waited for. */
double gs_deadline_now(const struct gs_session *session, const char **code, const char **what);
/* Progress: something began or is whole; or, from `since` on, so many bytes of it moved. */
void gs_deadline_advance(struct gs_session *session);
double gs_deadline_paced(const struct gs_session *session, double since, size_t bytes);

/* incoming.c: one fragment. True: `event` is filled. */
bool gs_incoming_fragment(struct gs_session *session, const struct gs_association_event *fragment,
                          struct gs_event *event);
/* Tells the end of a data set whose header was the last thing to decide. */
bool gs_incoming_ended(struct gs_session *session, struct gs_event *event);
/* The receive buffer is about to be reused. */
void gs_incoming_settle(struct gs_incoming *incoming);
void gs_incoming_drop(struct gs_incoming *incoming);

/* outgoing.c: write what waits, and go on with the stream. True: `event` is filled. */
bool gs_outgoing_step(struct gs_session *session, struct gs_event *event);
bool gs_outgoing_waits(const struct gs_session *session);
/* Something is about to be queued: where nothing waits yet, the write deadline starts anew. */
void gs_outgoing_begins(struct gs_session *session);
void gs_outgoing_drop(struct gs_stream *stream);

#endif

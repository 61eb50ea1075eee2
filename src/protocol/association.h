/*
 * association: the DICOM upper-layer state machine of PS3.8 section 9.2, requestor and acceptor.
 *
 * Sans-I/O. Bytes of the transport go in with gs_association_feed(), which stops at each event;
 * primitives of the user go in with the functions named after them; bytes for the transport are
 * taken with gs_association_output(). It reads no clock: gs_association_artim() tells whether the
 * ARTIM timer should run, and gs_association_expired() tells the machine that it ran out.
 *
 * Memory: control PDUs are collected as their bytes arrive, up to GS_ASSOCIATE_MAX; fragments of
 * P-DATA are never copied. What waits for the transport is at most GS_OUTPUT_MAX bytes.
 */
#ifndef GS_ASSOCIATION_H
#define GS_ASSOCIATION_H

#include "protocol/pdu.h"

#define GS_OUTPUT_MAX (2u << 20) /* bytes that wait for the transport */

/* Sta1 to Sta13 of PS3.8 table 9-10 have the values 1 to 13. */
enum gs_association_state {
    GS_STATE_IDLE = 1,                 /* Sta1: no transport connection */
    GS_STATE_AWAITING_REQUEST,         /* Sta2: open, A-ASSOCIATE-RQ expected */
    GS_STATE_AWAITING_ACCEPT,          /* Sta3: the local user has to answer the request */
    GS_STATE_CONNECTING,               /* Sta4: waiting for the transport connection */
    GS_STATE_AWAITING_ANSWER,          /* Sta5: A-ASSOCIATE-AC or -RJ expected */
    GS_STATE_ESTABLISHED,              /* Sta6: ready for data transfer */
    GS_STATE_AWAITING_RELEASE_REPLY,   /* Sta7: A-RELEASE-RP expected */
    GS_STATE_RELEASE_REQUESTED,        /* Sta8: the local user has to answer a release */
    GS_STATE_COLLISION_REQUESTOR,      /* Sta9: both released; the local user has to answer */
    GS_STATE_COLLISION_ACCEPTOR,       /* Sta10: both released; A-RELEASE-RP expected */
    GS_STATE_COLLISION_REQUESTOR_DONE, /* Sta11: answered; A-RELEASE-RP expected */
    GS_STATE_COLLISION_ACCEPTOR_DONE,  /* Sta12: A-RELEASE-RP came; the user has to answer */
    GS_STATE_AWAITING_CLOSE            /* Sta13: waiting for the transport to close */
};

enum gs_association_event_type {
    GS_ASSOCIATION_NONE = 0,          /* everything that was fed is consumed */
    GS_ASSOCIATION_REQUESTED,         /* A-ASSOCIATE indication: gs_association_peer() has it */
    GS_ASSOCIATION_ACCEPTED,          /* A-ASSOCIATE confirmation, accept: the same */
    GS_ASSOCIATION_REJECTED,          /* `reject` */
    GS_ASSOCIATION_FRAGMENT,          /* a part of a PDV: `context` to `size` */
    GS_ASSOCIATION_RELEASE_REQUESTED, /* A-RELEASE indication */
    GS_ASSOCIATION_RELEASED,          /* A-RELEASE confirmation */
    GS_ASSOCIATION_ABORTED,           /* A-ABORT or A-P-ABORT of the peer: `source`, `reason` */
    GS_ASSOCIATION_FAILED, /* we sent A-ABORT: `source`, `reason`, and `problem` says why */
    GS_ASSOCIATION_CLOSED  /* the transport closed where no PDU had announced it */
};

struct gs_association_event {
    enum gs_association_event_type type;
    struct gs_reject reject;
    uint8_t source; /* enum gs_abort_source, or what the peer sent */
    uint8_t reason;
    const char *problem;  /* static text: what was wrong with what the peer sent */
    uint8_t context;      /* presentation context ID, always one that was accepted */
    bool command;         /* of a command, else of a data set */
    bool last;            /* of the last PDV of its command or data set */
    bool end;             /* these bytes end their PDV */
    const uint8_t *bytes; /* lies in what was fed */
    size_t size;          /* may be 0 when `end` */
};

struct gs_association;

/* How we name ourselves to the peer (PS3.7 D.3.3.2): a UID made of a UUID, as PS3.5 B.2 has it. */
#define GS_IMPLEMENTATION_CLASS "2.25.271838191840402943640133468379431927812"
#ifndef GETSCU_VERSION
#define GETSCU_VERSION "0.0.0"
#endif
#define GS_IMPLEMENTATION_VERSION "GETSCU_" GETSCU_VERSION

/* `receive_max` is announced as the maximum length of the P-DATA-TF PDUs that we receive (0
 * announces no limit, and GS_RECEIVE_UNLIMITED is then ours). NULL: out of memory. */
#define GS_RECEIVE_UNLIMITED (128u << 20)
struct gs_association *gs_association_new(bool requestor, uint32_t receive_max);
void gs_association_free(struct gs_association *association);

enum gs_association_state gs_association_state(const struct gs_association *association);
const char *gs_association_state_name(enum gs_association_state state);

/* What was proposed or answered by the peer; valid until the association is freed; NULL before. */
const struct gs_associate *gs_association_peer(const struct gs_association *association);
/* What we proposed or answered; NULL before. */
const struct gs_associate *gs_association_own(const struct gs_association *association);
/* The context that was accepted under this ID with its abstract syntax and one transfer syntax, or
 * NULL. Valid as above. */
const struct gs_context *gs_association_context(const struct gs_association *association,
                                                uint8_t id);
/* Largest P-DATA-TF PDU length (without its header of 6) that the peer takes, GS_SEND_MAX at most.
 * 0 before the association stands. */
#define GS_SEND_MAX (256u << 10)
uint32_t gs_association_send_max(const struct gs_association *association);

/* Bytes of the transport. Consumes up to the next event, tells how many bytes in `consumed`, and
 * returns the event's type. Call it again with the rest until it returns GS_ASSOCIATION_NONE. After
 * ABORTED, RELEASED, REJECTED, FAILED and CLOSED it consumes and ignores everything. (One
 * exception is PS3.8's: the acceptor of an association that both release at once is told
 * RELEASED in Sta12, and owes a gs_association_release_reply() then, not before.) */
enum gs_association_event_type gs_association_feed(struct gs_association *association,
                                                   const uint8_t *bytes, size_t size,
                                                   size_t *consumed,
                                                   struct gs_association_event *event);

/* The transport: connected (requestor: A-ASSOCIATE-RQ goes out; acceptor: a connection came in),
 * and closed by the peer or an error. */
void gs_association_connected(struct gs_association *association);
enum gs_association_event_type gs_association_closed(struct gs_association *association,
                                                     struct gs_association_event *event);

/* The user's primitives. 0, or -1 where the state does not allow it or memory is short. `associate`
 * is moved into the association in any case (and zeroed). gs_association_request() may come before
 * the transport is connected; it fills what is empty: application context, maximum length and our
 * implementation identification. gs_association_accept() too, and the titles. */
int gs_association_request(struct gs_association *association, struct gs_associate *associate);
int gs_association_accept(struct gs_association *association, struct gs_associate *associate);
int gs_association_reject(struct gs_association *association, struct gs_reject reject);
int gs_association_release(struct gs_association *association);       /* A-RELEASE request */
int gs_association_release_reply(struct gs_association *association); /* A-RELEASE response */
int gs_association_abort(struct gs_association *association, uint8_t source, uint8_t reason);

/* P-DATA request: `size` bytes of a command or data set, cut into PDVs of the peer's maximum, one
 * to a PDU; `last` marks the last of them. -1: the state does not allow it, the context was not
 * accepted, or more than GS_OUTPUT_MAX would wait. */
int gs_association_send(struct gs_association *association, uint8_t context, bool command,
                        bool last, const uint8_t *bytes, size_t size);

/* Bytes that wait for the transport, in one piece and valid until the next call of any other
 * function here, and how many of them it took. None before the transport is connected. */
size_t gs_association_output(const struct gs_association *association, const uint8_t **bytes);
void gs_association_sent(struct gs_association *association, size_t size);

/* Whether the ARTIM timer runs (Sta2, Sta13), and what happens when it runs out: the caller closes
 * the transport. Whether the machine wants the transport closed now (once the output is written).
 */
bool gs_association_artim(const struct gs_association *association);
void gs_association_expired(struct gs_association *association);
bool gs_association_wants_close(const struct gs_association *association);

#endif

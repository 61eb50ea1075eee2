/*
 * machine: the inside of an association, shared by the files that implement it and by nobody else.
 *
 * machine.c has the table of PS3.8 9-10 and its actions, reception.c turns bytes into its events,
 * association.c turns the user's primitives into its events. Only machine.c changes the state.
 */
#ifndef GS_MACHINE_H
#define GS_MACHINE_H

#include "protocol/association.h"

/* Evt1 to Evt19 of PS3.8 9.2.2 have the values 1 to 19. */
enum gs_machine_event {
    GS_EVENT_ASSOCIATE_REQUEST = 1,
    GS_EVENT_CONNECTED, /* the transport connection that the requestor wanted */
    GS_EVENT_ASSOCIATE_AC,
    GS_EVENT_ASSOCIATE_RJ,
    GS_EVENT_CONNECTION_CAME, /* the transport connection that the acceptor got */
    GS_EVENT_ASSOCIATE_RQ,
    GS_EVENT_ACCEPT,
    GS_EVENT_REJECT,
    GS_EVENT_DATA_REQUEST,
    GS_EVENT_DATA,
    GS_EVENT_RELEASE_REQUEST,
    GS_EVENT_RELEASE_RQ,
    GS_EVENT_RELEASE_RP,
    GS_EVENT_RELEASE_RESPONSE,
    GS_EVENT_ABORT_REQUEST,
    GS_EVENT_ABORT,
    GS_EVENT_CLOSED,
    GS_EVENT_EXPIRED,
    GS_EVENT_INVALID, /* unrecognized or invalid PDU */
    GS_EVENTS
};

/* What waits for the transport lies in one piece: bytes[start] to bytes[end - 1]. */
struct gs_output {
    uint8_t *bytes;
    size_t start;
    size_t end;
    size_t capacity;
};

enum gs_reception_stage {
    GS_RECEIVE_HEADER,     /* of a PDU */
    GS_RECEIVE_SHORT,      /* the four bytes of an A-ASSOCIATE-RJ, A-RELEASE or A-ABORT */
    GS_RECEIVE_ASSOCIATE,  /* the body of an A-ASSOCIATE-RQ or -AC */
    GS_RECEIVE_PDV_HEADER, /* in a P-DATA-TF */
    GS_RECEIVE_FRAGMENT,   /* bytes of a PDV */
    GS_RECEIVE_SKIP        /* the rest of a PDU that the state ignores */
};

/* The PDU that is coming in. */
struct gs_reception {
    enum gs_reception_stage stage;
    uint8_t header[GS_PDU_SHORT_SIZE]; /* of the PDU or PDV so far, or a whole short PDU */
    size_t header_size;
    uint8_t type;
    uint32_t pdu_left; /* bytes of the PDU that have not come */
    uint32_t pdv_left;
    uint8_t context; /* of the PDV */
    uint8_t control; /* its message control header */
    uint8_t *body;
    size_t body_size;
    size_t body_capacity;
};

struct gs_association {
    enum gs_association_state state;
    bool requestor;
    bool connected; /* the transport, before the requestor's A-ASSOCIATE request */
    bool ended;     /* in Sta1 for good */
    bool deaf; /* after a fault of the peer nothing more is read: where its PDUs begin is lost */
    uint32_t receive_max; /* as announced */
    uint32_t send_max;
    bool has_own;
    bool has_peer;
    struct gs_associate own;
    struct gs_associate peer;
    size_t accepted_count;
    struct gs_context *accepted;               /* with abstract syntax and one transfer syntax */
    struct gs_context *by_id[GS_CONTEXTS_MAX]; /* of them the one with ID 2 * index + 1 */
    struct gs_output output;
    struct gs_reception reception;
};

/* Whether the table has an action for the event in the present state, and what that action is for
 * an event that a PDU of the peer makes. */
enum gs_pdu_verdict {
    GS_PDU_TAKEN,
    GS_PDU_IGNORED,   /* AA-6 */
    GS_PDU_UNEXPECTED /* AA-1, AA-7, AA-8 */
};
bool gs_machine_allows(const struct gs_association *association, enum gs_machine_event event);
enum gs_pdu_verdict gs_machine_verdict(const struct gs_association *association,
                                       enum gs_machine_event event);

/* Performs the action of the table, and returns what the user is told. `event` has what the action
 * needs (source and reason of an abort, reject) and is completed. Where there is no action, nothing
 * happens. */
enum gs_association_event_type gs_machine_perform(struct gs_association *association,
                                                  enum gs_machine_event machine_event,
                                                  struct gs_association_event *event);

/* Room for `size` bytes, and beside them for the short PDUs that may become due: an action has no
 * way to fail. -1: out of memory, or beyond what may wait. */
int gs_output_reserve(struct gs_output *output, size_t size);
/* Queues `size` bytes, that were reserved or are of a short PDU, for the caller to fill in. */
uint8_t *gs_output_append(struct gs_output *output, size_t size);

/* Puts together from `own` and `peer` what both agree upon: the contexts and the maximum length.
 * NULL, or what is wrong with the peer's answer; `reason` is that of the A-ABORT. */
const char *gs_association_negotiate(struct gs_association *association,
                                     enum gs_abort_reason *reason);

#endif

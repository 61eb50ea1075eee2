/* Bytes of the peer to events of the state machine. Whatever is judged is judged when its header is
 * whole, so that the outcome does not depend on how the transport cut the bytes. */
#include "protocol/machine.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LENGTH_LEAST 14 /* the header of a PDV and the least that a command element needs */

static const enum gs_machine_event event_of_pdu[] = {
    [GS_PDU_ASSOCIATE_RQ] = GS_EVENT_ASSOCIATE_RQ,
    [GS_PDU_ASSOCIATE_AC] = GS_EVENT_ASSOCIATE_AC,
    [GS_PDU_ASSOCIATE_RJ] = GS_EVENT_ASSOCIATE_RJ,
    [GS_PDU_DATA] = GS_EVENT_DATA,
    [GS_PDU_RELEASE_RQ] = GS_EVENT_RELEASE_RQ,
    [GS_PDU_RELEASE_RP] = GS_EVENT_RELEASE_RP,
    [GS_PDU_ABORT] = GS_EVENT_ABORT,
};

static const char *const unexpected_pdu[] = {
    [GS_PDU_ASSOCIATE_RQ] = "the peer sent an A-ASSOCIATE-RQ where none is allowed",
    [GS_PDU_ASSOCIATE_AC] = "the peer sent an A-ASSOCIATE-AC where none is allowed",
    [GS_PDU_ASSOCIATE_RJ] = "the peer sent an A-ASSOCIATE-RJ where none is allowed",
    [GS_PDU_DATA] = "the peer sent a P-DATA-TF where none is allowed",
    [GS_PDU_RELEASE_RQ] = "the peer sent an A-RELEASE-RQ where none is allowed",
    [GS_PDU_RELEASE_RP] = "the peer sent an A-RELEASE-RP where none is allowed",
};

/* What speaks first on a port that is not the one of a DICOM application. */
static const struct {
    const char *start;
    const char *problem;
} strangers[] = {
    {"HTTP", "the peer is a web server (HTTP), not a DICOM application: check the port"},
    {"GET ", "the peer is a web client (HTTP), not a DICOM application"},
    {"POST", "the peer is a web client (HTTP), not a DICOM application"},
    {"HEAD", "the peer is a web client (HTTP), not a DICOM application"},
    {"SSH-", "the peer is an SSH server, not a DICOM application: check the port"},
    {"\x15\x03", "the peer expects TLS on this port: it answers with a TLS alert"},
    {"\x16\x03", "the peer starts a TLS handshake, but TLS was not asked for here"},
};

static const char *name_stranger(const uint8_t header[GS_PDU_HEADER_SIZE])
{
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        if (memcmp(header, strangers[i].start, strlen(strangers[i].start)) == 0)
            return strangers[i].problem;
    return "the peer sent a PDU of unknown type: it may not be a DICOM application";
}

static uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum gs_association_event_type fault(struct gs_association *association,
                                            enum gs_machine_event machine_event,
                                            enum gs_abort_reason reason, const char *problem,
                                            struct gs_association_event *event)
{
    event->source = GS_ABORT_PROVIDER;
    event->reason = (uint8_t)reason;
    event->problem = problem;
    return gs_machine_perform(association, machine_event, event);
}

static enum gs_association_event_type
invalid(struct gs_association *association, const char *problem, struct gs_association_event *event)
{
    return fault(association, GS_EVENT_INVALID, GS_ABORT_INVALID_PARAMETER, problem, event);
}

static void expect(struct gs_reception *reception, enum gs_reception_stage stage)
{
    reception->stage = stage;
    reception->header_size = 0;
}

static enum gs_association_event_type malformed_abort(struct gs_association *association,
                                                      struct gs_association_event *event)
{
    /* An abort that cannot be read still is one; nobody can have meant to go on. */
    return fault(association, GS_EVENT_ABORT, GS_ABORT_NOT_SPECIFIED,
                 "the peer aborted with a malformed A-ABORT", event);
}

/* A PDU that the state takes: whether its length is possible, before any of its content is read. */
static enum gs_association_event_type begin_pdu(struct gs_association *association,
                                                struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    switch (reception->type) {
    case GS_PDU_ASSOCIATE_RQ:
    case GS_PDU_ASSOCIATE_AC:
        if (reception->pdu_left < GS_ASSOCIATE_FIXED_SIZE)
            return invalid(association, "an A-ASSOCIATE PDU is too short", event);
        if (reception->pdu_left > GS_ASSOCIATE_MAX)
            return invalid(association, "an A-ASSOCIATE PDU is longer than 1 MiB", event);
        expect(reception, GS_RECEIVE_ASSOCIATE);
        return GS_ASSOCIATION_NONE;
    case GS_PDU_DATA:
        if (reception->pdu_left < GS_PDV_HEADER_SIZE)
            return invalid(association, "a P-DATA-TF is too short for a PDV", event);
        if (reception->pdu_left > association->receive_max)
            return invalid(association, "a P-DATA-TF is longer than the maximum that we announced",
                           event);
        expect(reception, GS_RECEIVE_PDV_HEADER);
        return GS_ASSOCIATION_NONE;
    default:
        if (reception->pdu_left == GS_PDU_SHORT_SIZE - GS_PDU_HEADER_SIZE) {
            reception->stage = GS_RECEIVE_SHORT; /* the header stays, the rest joins it */
            return GS_ASSOCIATION_NONE;
        }
        if (reception->type == GS_PDU_ABORT)
            return malformed_abort(association, event);
        return invalid(association, "a PDU whose length must be 4 has another", event);
    }
}

/* Collects up to `size` bytes of a header that has `whole`. */
static size_t collect(struct gs_reception *reception, size_t whole, const uint8_t *bytes,
                      size_t size)
{
    size_t missing = whole - reception->header_size;
    size_t taken = size < missing ? size : missing;
    memcpy(reception->header + reception->header_size, bytes, taken);
    reception->header_size += taken;
    return taken;
}

static size_t receive_header(struct gs_association *association, const uint8_t *bytes, size_t size,
                             struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    size_t taken = collect(reception, GS_PDU_HEADER_SIZE, bytes, size);
    if (reception->header_size < GS_PDU_HEADER_SIZE)
        return taken;
    reception->type = reception->header[0];
    reception->pdu_left = get32(reception->header + 2);
    if (reception->type < GS_PDU_ASSOCIATE_RQ || reception->type > GS_PDU_ABORT) {
        event->type = fault(association, GS_EVENT_INVALID, GS_ABORT_UNRECOGNIZED_PDU,
                            name_stranger(reception->header), event);
        return taken;
    }
    enum gs_machine_event machine_event = event_of_pdu[reception->type];
    switch (gs_machine_verdict(association, machine_event)) {
    case GS_PDU_TAKEN:
        event->type = begin_pdu(association, event);
        break;
    case GS_PDU_UNEXPECTED:
        event->type = fault(association, machine_event, GS_ABORT_UNEXPECTED_PDU,
                            unexpected_pdu[reception->type], event);
        break;
    case GS_PDU_IGNORED:
        expect(reception, reception->pdu_left > 0 ? GS_RECEIVE_SKIP : GS_RECEIVE_HEADER);
        break;
    }
    return taken;
}

static size_t receive_short(struct gs_association *association, const uint8_t *bytes, size_t size,
                            struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    size_t taken = collect(reception, GS_PDU_SHORT_SIZE, bytes, size);
    if (reception->header_size < GS_PDU_SHORT_SIZE)
        return taken;
    const uint8_t *pdu = reception->header;
    expect(reception, GS_RECEIVE_HEADER);
    if (reception->type == GS_PDU_ASSOCIATE_RJ) {
        event->reject = (struct gs_reject){pdu[7], pdu[8], pdu[9]};
    } else if (reception->type == GS_PDU_ABORT) {
        event->source = pdu[8];
        event->reason = pdu[9];
    }
    event->type = gs_machine_perform(association, event_of_pdu[reception->type], event);
    return taken;
}

/* A maximum below this has no room for the first element of a command, and some would never end. */
static const char *judge_associate(struct gs_association *association, enum gs_abort_reason *reason)
{
    struct gs_reception *reception = &association->reception;
    struct gs_associate *peer = &association->peer;
    if (gs_associate_decode(peer, (enum gs_pdu_type)reception->type, reception->body,
                            reception->body_size, reason) != 0)
        return *reason == GS_ABORT_NOT_SPECIFIED ? "out of memory for the peer's A-ASSOCIATE PDU"
                                                 : "the peer's A-ASSOCIATE PDU is malformed";
    *reason = GS_ABORT_INVALID_PARAMETER;
    if (peer->max_length > 0 && peer->max_length < MAX_LENGTH_LEAST)
        return "the peer announces a maximum length that is too small to be used";
    if (reception->type == GS_PDU_ASSOCIATE_RQ)
        return NULL;
    if (!association->own.has_async)
        peer->has_async = false;
    return gs_association_negotiate(association, reason);
}

static enum gs_association_event_type end_associate(struct gs_association *association,
                                                    struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    enum gs_abort_reason reason;
    const char *problem = judge_associate(association, &reason);
    free(reception->body);
    reception->body = NULL;
    reception->body_size = reception->body_capacity = 0;
    expect(reception, GS_RECEIVE_HEADER);
    if (problem != NULL) {
        gs_associate_clear(&association->peer);
        return fault(association, GS_EVENT_INVALID, reason, problem, event);
    }
    association->has_peer = true;
    return gs_machine_perform(association, event_of_pdu[reception->type], event);
}

static size_t receive_associate(struct gs_association *association, const uint8_t *bytes,
                                size_t size, struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    size_t taken = size < reception->pdu_left ? size : reception->pdu_left;
    if (reception->body_size + taken > reception->body_capacity) {
        /* By what is here; the length that the peer claims only keeps it from being too much. */
        size_t capacity = 2 * (reception->body_size + taken);
        if (capacity > reception->body_size + reception->pdu_left)
            capacity = reception->body_size + reception->pdu_left;
        uint8_t *body = realloc(reception->body, capacity);
        if (body == NULL) {
            event->type = fault(association, GS_EVENT_INVALID, GS_ABORT_NOT_SPECIFIED,
                                "out of memory for the peer's A-ASSOCIATE PDU", event);
            return taken;
        }
        reception->body = body;
        reception->body_capacity = capacity;
    }
    memcpy(reception->body + reception->body_size, bytes, taken);
    reception->body_size += taken;
    reception->pdu_left -= (uint32_t)taken;
    if (reception->pdu_left == 0)
        event->type = end_associate(association, event);
    return taken;
}

static void deliver(struct gs_association *association, const uint8_t *bytes, size_t size,
                    struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    event->context = reception->context;
    event->command = (reception->control & 1) != 0;
    event->last = (reception->control & 2) != 0;
    event->end = reception->pdv_left == 0;
    event->bytes = bytes;
    event->size = size;
    if (event->end)
        expect(reception, reception->pdu_left > 0 ? GS_RECEIVE_PDV_HEADER : GS_RECEIVE_HEADER);
    event->type = gs_machine_perform(association, GS_EVENT_DATA, event);
}

/* NULL, or why the PDV with this length cannot be in this PDU. */
static const char *judge_pdv(const struct gs_association *association, uint32_t length)
{
    uint32_t rest = association->reception.pdu_left + 2; /* what follows the length */
    if (length < 2)
        return "a PDV is too short for its own header";
    if (length > rest)
        return "a PDV is longer than its PDU";
    if (rest - length > 0 && rest - length < GS_PDV_HEADER_SIZE)
        return "the lengths of the PDVs do not add up to that of their PDU";
    if (gs_association_context(association, association->reception.context) == NULL)
        return "a PDV came in a presentation context that was not accepted";
    return NULL;
}

static size_t receive_pdv_header(struct gs_association *association, const uint8_t *bytes,
                                 size_t size, struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    size_t taken = collect(reception, GS_PDV_HEADER_SIZE, bytes, size);
    reception->pdu_left -= (uint32_t)taken;
    if (reception->header_size < GS_PDV_HEADER_SIZE)
        return taken;
    uint32_t length = get32(reception->header);
    reception->context = reception->header[4];
    reception->control = reception->header[5];
    const char *problem = judge_pdv(association, length);
    if (problem != NULL) {
        event->type = invalid(association, problem, event);
        return taken;
    }
    reception->pdv_left = length - 2;
    expect(reception, GS_RECEIVE_FRAGMENT);
    if (reception->pdv_left == 0)
        deliver(association, bytes + taken, 0, event);
    return taken;
}

static size_t receive_fragment(struct gs_association *association, const uint8_t *bytes,
                               size_t size, struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    size_t taken = size < reception->pdv_left ? size : reception->pdv_left;
    reception->pdv_left -= (uint32_t)taken;
    reception->pdu_left -= (uint32_t)taken;
    deliver(association, bytes, taken, event);
    return taken;
}

static size_t skip(struct gs_association *association, size_t size)
{
    struct gs_reception *reception = &association->reception;
    size_t taken = size < reception->pdu_left ? size : reception->pdu_left;
    reception->pdu_left -= (uint32_t)taken;
    if (reception->pdu_left == 0)
        expect(reception, GS_RECEIVE_HEADER);
    return taken;
}

static size_t receive(struct gs_association *association, const uint8_t *bytes, size_t size,
                      struct gs_association_event *event)
{
    struct gs_reception *reception = &association->reception;
    switch (reception->stage) {
    case GS_RECEIVE_HEADER:
        return receive_header(association, bytes, size, event);
    case GS_RECEIVE_SHORT:
        return receive_short(association, bytes, size, event);
    case GS_RECEIVE_ASSOCIATE:
        return receive_associate(association, bytes, size, event);
    case GS_RECEIVE_PDV_HEADER:
        return receive_pdv_header(association, bytes, size, event);
    case GS_RECEIVE_FRAGMENT:
        return receive_fragment(association, bytes, size, event);
    case GS_RECEIVE_SKIP:
        break;
    }
    return skip(association, size);
}

/* The user may abort in the middle of a PDU: what is left of it is not for him any more. */
static void leave_data(struct gs_association *association)
{
    struct gs_reception *reception = &association->reception;
    bool in_data =
        reception->stage == GS_RECEIVE_PDV_HEADER || reception->stage == GS_RECEIVE_FRAGMENT;
    if (in_data && gs_machine_verdict(association, GS_EVENT_DATA) != GS_PDU_TAKEN)
        expect(reception, GS_RECEIVE_SKIP);
}

enum gs_association_event_type gs_association_feed(struct gs_association *association,
                                                   const uint8_t *bytes, size_t size,
                                                   size_t *consumed,
                                                   struct gs_association_event *event)
{
    memset(event, 0, sizeof *event);
    size_t at = 0;
    leave_data(association);
    while (at < size && event->type == GS_ASSOCIATION_NONE) {
        if (association->deaf || association->state == GS_STATE_IDLE ||
            association->state == GS_STATE_CONNECTING)
            at = size;
        else
            at += receive(association, bytes + at, size - at, event);
    }
    *consumed = at;
    return event->type;
}

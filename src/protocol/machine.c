#include "protocol/machine.h"

#include <string.h>

enum action {
    NONE = 0,
    AE_1,
    AE_2,
    AE_3,
    AE_4,
    AE_5,
    AE_6,
    AE_7,
    AE_8,
    DT_1,
    DT_2,
    AR_1,
    AR_2,
    AR_3,
    AR_4,
    AR_5,
    AR_6,
    AR_7,
    AR_8,
    AR_9,
    AR_10,
    AA_1,
    AA_2,
    AA_3,
    AA_4,
    AA_5,
    AA_6,
    AA_7,
    AA_8,
    ACTIONS
};

/* PS3.8 table 9-10: Evt1 to Evt19 down, Sta1 to Sta13 across. */
static const uint8_t table[GS_EVENTS - 1][GS_STATE_AWAITING_CLOSE] = {
    /* Evt1 A-ASSOCIATE request */
    {AE_1, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    /* Evt2 transport connected */
    {NONE, NONE, NONE, AE_2, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    /* Evt3 A-ASSOCIATE-AC PDU */
    {NONE, AA_1, AA_8, NONE, AE_3, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_6},
    /* Evt4 A-ASSOCIATE-RJ PDU */
    {NONE, AA_1, AA_8, NONE, AE_4, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_6},
    /* Evt5 transport connection came */
    {AE_5, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    /* Evt6 A-ASSOCIATE-RQ PDU */
    {NONE, AE_6, AA_8, NONE, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_7},
    /* Evt7 A-ASSOCIATE response, accept */
    {NONE, NONE, AE_7, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    /* Evt8 A-ASSOCIATE response, reject */
    {NONE, NONE, AE_8, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    /* Evt9 P-DATA request */
    {NONE, NONE, NONE, NONE, NONE, DT_1, NONE, AR_7, NONE, NONE, NONE, NONE, NONE},
    /* Evt10 P-DATA-TF PDU */
    {NONE, AA_1, AA_8, NONE, AA_8, DT_2, AR_6, AA_8, AA_8, AA_8, AA_8, AA_8, AA_6},
    /* Evt11 A-RELEASE request */
    {NONE, NONE, NONE, NONE, NONE, AR_1, NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    /* Evt12 A-RELEASE-RQ PDU */
    {NONE, AA_1, AA_8, NONE, AA_8, AR_2, AR_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_6},
    /* Evt13 A-RELEASE-RP PDU */
    {NONE, AA_1, AA_8, NONE, AA_8, AA_8, AR_3, AA_8, AA_8, AR_10, AR_3, AA_8, AA_6},
    /* Evt14 A-RELEASE response */
    {NONE, NONE, NONE, NONE, NONE, NONE, NONE, AR_4, AR_9, NONE, NONE, AR_4, NONE},
    /* Evt15 A-ABORT request */
    {NONE, NONE, AA_1, AA_2, AA_1, AA_1, AA_1, AA_1, AA_1, AA_1, AA_1, AA_1, NONE},
    /* Evt16 A-ABORT PDU */
    {NONE, AA_2, AA_3, NONE, AA_3, AA_3, AA_3, AA_3, AA_3, AA_3, AA_3, AA_3, AA_2},
    /* Evt17 transport closed */
    {NONE, AA_5, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4, AR_5},
    /* Evt18 ARTIM expired */
    {NONE, AA_2, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, AA_2},
    /* Evt19 unrecognized or invalid PDU */
    {NONE, AA_1, AA_8, NONE, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_7},
};

enum sends { NOTHING, REJECT, RELEASE_RQ, RELEASE_RP, ABORT };

/* What each action is: a PDU that goes out, what the user is told, the next state. PDUs that carry
 * something of the user (A-ASSOCIATE-RQ and -AC, P-DATA-TF) are queued by the primitives, which can
 * fail; an action cannot. */
static const struct {
    enum sends sends;
    enum gs_association_event_type told;
    enum gs_association_state next;
} actions[ACTIONS] = {
    [AE_1] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_CONNECTING},
    [AE_2] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_ANSWER},
    [AE_3] = {NOTHING, GS_ASSOCIATION_ACCEPTED, GS_STATE_ESTABLISHED},
    [AE_4] = {NOTHING, GS_ASSOCIATION_REJECTED, GS_STATE_IDLE},
    [AE_5] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_REQUEST},
    [AE_6] = {NOTHING, GS_ASSOCIATION_REQUESTED, GS_STATE_AWAITING_ACCEPT},
    [AE_7] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_ESTABLISHED},
    [AE_8] = {REJECT, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_CLOSE},
    [DT_1] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_ESTABLISHED},
    [DT_2] = {NOTHING, GS_ASSOCIATION_FRAGMENT, GS_STATE_ESTABLISHED},
    [AR_1] = {RELEASE_RQ, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_RELEASE_REPLY},
    [AR_2] = {NOTHING, GS_ASSOCIATION_RELEASE_REQUESTED, GS_STATE_RELEASE_REQUESTED},
    [AR_3] = {NOTHING, GS_ASSOCIATION_RELEASED, GS_STATE_IDLE},
    [AR_4] = {RELEASE_RP, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_CLOSE},
    [AR_5] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_IDLE},
    [AR_6] = {NOTHING, GS_ASSOCIATION_FRAGMENT, GS_STATE_AWAITING_RELEASE_REPLY},
    [AR_7] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_RELEASE_REQUESTED},
    [AR_8] = {NOTHING, GS_ASSOCIATION_RELEASE_REQUESTED, GS_STATE_COLLISION_REQUESTOR},
    [AR_9] = {RELEASE_RP, GS_ASSOCIATION_NONE, GS_STATE_COLLISION_REQUESTOR_DONE},
    [AR_10] = {NOTHING, GS_ASSOCIATION_RELEASED, GS_STATE_COLLISION_ACCEPTOR_DONE},
    [AA_1] = {ABORT, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_CLOSE},
    [AA_2] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_IDLE},
    [AA_3] = {NOTHING, GS_ASSOCIATION_ABORTED, GS_STATE_IDLE},
    [AA_4] = {NOTHING, GS_ASSOCIATION_CLOSED, GS_STATE_IDLE},
    [AA_5] = {NOTHING, GS_ASSOCIATION_CLOSED, GS_STATE_IDLE},
    [AA_6] = {NOTHING, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_CLOSE},
    [AA_7] = {ABORT, GS_ASSOCIATION_NONE, GS_STATE_AWAITING_CLOSE},
    [AA_8] = {ABORT, GS_ASSOCIATION_FAILED, GS_STATE_AWAITING_CLOSE},
};

static enum action action_of(const struct gs_association *association, enum gs_machine_event event)
{
    return association->ended ? NONE : (enum action)table[event - 1][association->state - 1];
}

bool gs_machine_allows(const struct gs_association *association, enum gs_machine_event event)
{
    return action_of(association, event) != NONE;
}

enum gs_pdu_verdict gs_machine_verdict(const struct gs_association *association,
                                       enum gs_machine_event event)
{
    switch (action_of(association, event)) {
    case NONE:
    case AA_6:
        return GS_PDU_IGNORED;
    case AA_1:
    case AA_7:
    case AA_8:
        return GS_PDU_UNEXPECTED;
    default:
        return GS_PDU_TAKEN;
    }
}

/* The ARTIM timer needs no switch of its own: it runs in Sta2 and Sta13, and nowhere else. What
 * waits for the transport in Sta1 has no reader any more. */
static void set_state(struct gs_association *association, enum gs_association_state state)
{
    association->state = state;
    if (state == GS_STATE_IDLE) {
        association->ended = true;
        association->output.start = association->output.end = 0;
    }
}

static void transmit(struct gs_association *association, enum sends sends,
                     const struct gs_association_event *event)
{
    if (sends == NOTHING)
        return;
    uint8_t *pdu = gs_output_append(&association->output, GS_PDU_SHORT_SIZE);
    if (sends == REJECT)
        gs_reject_encode(&event->reject, pdu);
    else if (sends == ABORT)
        gs_abort_encode(event->source, event->reason, pdu);
    else
        gs_release_encode(sends == RELEASE_RQ ? GS_PDU_RELEASE_RQ : GS_PDU_RELEASE_RP, pdu);
}

/* The only version is in bit 0, and a request that lacks it is not acceptable to the provider. */
static bool version_refused(const struct gs_association *association,
                            struct gs_association_event *event)
{
    if ((association->peer.protocol_version & 1) != 0)
        return false;
    event->reject = (struct gs_reject){.result = 1, .source = 2, .reason = 2};
    event->problem = "the peer does not offer version 1 of the DICOM upper layer protocol";
    return true;
}

enum gs_association_event_type gs_machine_perform(struct gs_association *association,
                                                  enum gs_machine_event machine_event,
                                                  struct gs_association_event *event)
{
    enum action action = action_of(association, machine_event);
    if (action == NONE)
        return GS_ASSOCIATION_NONE;
    enum gs_association_event_type told = actions[action].told;
    enum gs_association_state next = actions[action].next;
    bool of_peer = machine_event != GS_EVENT_ABORT_REQUEST;
    if (action == AE_6 && version_refused(association, event)) {
        action = AE_8;
        told = GS_ASSOCIATION_REJECTED;
        next = actions[action].next;
    } else if (action == AR_8 && !association->requestor) {
        next = GS_STATE_COLLISION_ACCEPTOR;
    } else if (action == AA_1 && of_peer) {
        /* The standard has no indication in Sta2, for there is no user yet; here there is one. */
        told = GS_ASSOCIATION_FAILED;
    } else if (action == AA_2 && machine_event == GS_EVENT_ABORT &&
               association->state == GS_STATE_AWAITING_REQUEST) {
        told = GS_ASSOCIATION_ABORTED;
    }
    if (actions[action].sends == ABORT && of_peer)
        association->deaf = true;
    transmit(association, actions[action].sends, event);
    set_state(association, next);
    return told;
}

/* The state machine of PS3.8 9.2: every event in every state. */
#include "upper_layer.h"

/* Whether an acceptor can be in a state; what only a requestor is in is tested once, as only what
 * an acceptor is in. */
static bool both_have(int state)
{
    return state == GS_STATE_ESTABLISHED || state == GS_STATE_AWAITING_RELEASE_REPLY ||
           state == GS_STATE_RELEASE_REQUESTED || state == GS_STATE_AWAITING_CLOSE;
}

/* PS3.8 table 9-10, once more and in other words. For a PDU in each state, Sta1 to Sta13:
 *
 *   - not read            Q A J R P D B  the event of that name, and its next state
 *   u A-ABORT 2/2         n A-ABORT 2/1  i ignored     x ignored, but a second A-ABORT
 *   b closes silently */
static const struct {
    uint8_t type;
    const char *outcomes;
} pdus[] = {
    {GS_PDU_ASSOCIATE_RQ, "-Qu-uuuuuuuux"}, {GS_PDU_ASSOCIATE_AC, "-uu-Auuuuuuui"},
    {GS_PDU_ASSOCIATE_RJ, "-uu-Juuuuuuui"}, {GS_PDU_DATA, "-uu-uDDuuuuui"},
    {GS_PDU_RELEASE_RQ, "-uu-uRRuuuuui"},   {GS_PDU_RELEASE_RP, "-uu-uuPuuPPui"},
    {GS_PDU_ABORT, "-BB-BBBBBBBBb"},        {8, "-nn-nnnnnnnnx"},
};

static void put_any(uint8_t type)
{
    stream.size = 0;
    if (type == GS_PDU_ASSOCIATE_RQ)
        put_request();
    else if (type == GS_PDU_ASSOCIATE_AC)
        put_answer();
    else if (type == GS_PDU_DATA)
        put_data(1, 3, "ab");
    else
        put_short(type, 1, 2, 1);
}

static int next_state(char outcome, int state, bool requestor)
{
    switch (outcome) {
    case 'Q':
        return GS_STATE_AWAITING_ACCEPT;
    case 'A':
        return GS_STATE_ESTABLISHED;
    case 'R':
        return state == GS_STATE_ESTABLISHED ? GS_STATE_RELEASE_REQUESTED
               : requestor                   ? GS_STATE_COLLISION_REQUESTOR
                                             : GS_STATE_COLLISION_ACCEPTOR;
    case 'P':
        return state == GS_STATE_COLLISION_ACCEPTOR ? GS_STATE_COLLISION_ACCEPTOR_DONE
                                                    : GS_STATE_IDLE;
    case 'J':
    case 'B':
    case 'b':
        return GS_STATE_IDLE;
    case 'u':
    case 'n':
        return GS_STATE_AWAITING_CLOSE;
    default:
        return state;
    }
}

static enum gs_association_event_type told(char outcome)
{
    static const struct {
        char outcome;
        enum gs_association_event_type type;
    } events[] = {
        {'Q', GS_ASSOCIATION_REQUESTED}, {'A', GS_ASSOCIATION_ACCEPTED},
        {'J', GS_ASSOCIATION_REJECTED},  {'R', GS_ASSOCIATION_RELEASE_REQUESTED},
        {'P', GS_ASSOCIATION_RELEASED},  {'D', GS_ASSOCIATION_FRAGMENT},
        {'B', GS_ASSOCIATION_ABORTED},   {'u', GS_ASSOCIATION_FAILED},
        {'n', GS_ASSOCIATION_FAILED},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i].outcome == outcome)
            return events[i].type;
    return GS_ASSOCIATION_NONE;
}

static void judge_pdu(uint8_t pdu, char outcome, int state, bool requestor)
{
    reach_as(requestor, state);
    put_any(pdu);
    enum gs_association_event_type type = feed();
    if (type != told(outcome) ||
        (int)gs_association_state(association) != next_state(outcome, state, requestor))
        fail_msg("PDU %d in Sta%d: event %d, Sta%d", pdu, state, type,
                 gs_association_state(association));
    if (outcome == 'u')
        assert_abort_sent(2, GS_ABORT_UNEXPECTED_PDU);
    else if (outcome == 'n')
        assert_abort_sent(2, GS_ABORT_UNRECOGNIZED_PDU);
    else if (outcome == 'x')
        assert_abort_sent(2, pdu == 8 ? 1 : 2);
    else
        assert_output("", 0);
}

static void every_pdu_in_every_state_does_what_table_9_10_says(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof pdus / sizeof pdus[0]; i++) {
        for (int state = 1; state <= 13; state++) {
            judge_pdu(pdus[i].type, pdus[i].outcomes[state - 1], state, true);
            if (both_have(state))
                judge_pdu(pdus[i].type, pdus[i].outcomes[state - 1], state, false);
        }
    }
}

/* Evt19 of a PDU that the state takes and that is malformed, as far as its length tells. */
static void every_pdu_that_is_expected_but_malformed_is_answered_by_an_abort(void **unused)
{
    (void)unused;
    static const struct {
        int state;
        uint8_t type;
        uint32_t length;
    } malformed[] = {
        {GS_STATE_AWAITING_REQUEST, GS_PDU_ASSOCIATE_RQ, GS_ASSOCIATE_FIXED_SIZE - 1},
        {GS_STATE_AWAITING_REQUEST, GS_PDU_ASSOCIATE_RQ, GS_ASSOCIATE_MAX + 1},
        {GS_STATE_AWAITING_ANSWER, GS_PDU_ASSOCIATE_AC, 0},
        {GS_STATE_AWAITING_ANSWER, GS_PDU_ASSOCIATE_AC, UINT32_MAX},
        {GS_STATE_AWAITING_ANSWER, GS_PDU_ASSOCIATE_RJ, 3},
        {GS_STATE_ESTABLISHED, GS_PDU_DATA, GS_PDV_HEADER_SIZE - 1},
        {GS_STATE_ESTABLISHED, GS_PDU_DATA, RECEIVE_MAX + 1},
        {GS_STATE_ESTABLISHED, GS_PDU_RELEASE_RQ, 5},
        {GS_STATE_AWAITING_RELEASE_REPLY, GS_PDU_DATA, 0},
        {GS_STATE_AWAITING_RELEASE_REPLY, GS_PDU_RELEASE_RQ, 0},
        {GS_STATE_AWAITING_RELEASE_REPLY, GS_PDU_RELEASE_RP, UINT32_MAX},
        {GS_STATE_COLLISION_ACCEPTOR, GS_PDU_RELEASE_RP, 0},
        {GS_STATE_COLLISION_REQUESTOR_DONE, GS_PDU_RELEASE_RP, 5},
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        for (int requestor = both_have(malformed[i].state) ? 0 : 1; requestor < 2; requestor++) {
            reach_as(requestor, malformed[i].state);
            put_pdu_header(malformed[i].type, malformed[i].length);
            assert_fault(GS_ABORT_INVALID_PARAMETER);
        }
    }
}

/* The primitives: '.' is refused and changes nothing, else the next state in hexadecimal. */

static void every_primitive_in_every_state_does_what_table_9_10_says(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        int (*primitive)(void);
        const char *outcomes;
        uint8_t sends; /* type of the PDU */
    } primitives[] = {
        {"request", do_request, "4............", 0},
        {"accept", do_accept, "..6..........", GS_PDU_ASSOCIATE_AC},
        {"reject", do_reject, "..d..........", GS_PDU_ASSOCIATE_RJ},
        {"release", do_release, ".....7.......", GS_PDU_RELEASE_RQ},
        {"reply", do_reply, ".......db..d.", GS_PDU_RELEASE_RP},
        {"abort", do_abort, "..d1dddddddd.", GS_PDU_ABORT},
        {"send", do_send, ".....6.8.....", GS_PDU_DATA},
    };
    for (size_t i = 0; i < sizeof primitives / sizeof primitives[0]; i++) {
        for (int step = 1; step <= 26; step++) { /* each state, as requestor and as acceptor */
            int state = (step + 1) / 2;
            char outcome = primitives[i].outcomes[state - 1];
            reach_as(step % 2 == 1, state);
            int result = primitives[i].primitive();
            int expected = outcome == '.' ? state : (int)strtol((char[]){outcome, 0}, NULL, 16);
            if (result != (outcome == '.' ? -1 : 0) ||
                (int)gs_association_state(association) != expected)
                fail_msg("%s in Sta%d: %d, Sta%d", primitives[i].name, state, result,
                         gs_association_state(association));
            const uint8_t *bytes;
            size_t size = output(&bytes);
            if (outcome == '.' || expected == GS_STATE_IDLE || primitives[i].sends == 0)
                assert_int_equal(size, 0);
            else
                assert_int_equal(bytes[0], primitives[i].sends);
        }
    }
}

static void the_transport_and_the_timer_do_what_table_9_10_says(void **unused)
{
    (void)unused;
    for (int step = 1; step <= 26; step++) {
        int state = (step + 1) / 2;
        bool requestor = step % 2 == 1;
        reach_as(requestor, state);
        bool timed = state == 2 || state == 13;
        assert_int_equal(gs_association_artim(association), timed);
        gs_association_expired(association);
        assert_int_equal(gs_association_state(association), timed ? 1 : state);
        assert_int_equal(gs_association_wants_close(association), timed);
        reach_as(requestor, state);
        gs_association_connected(association);
        assert_int_equal(gs_association_state(association),
                         state == GS_STATE_CONNECTING ? GS_STATE_AWAITING_ANSWER : state);
        reach_as(requestor, state);
        bool unannounced = state >= 2 && state <= 12;
        assert_int_equal(gs_association_closed(association, &event),
                         unannounced ? GS_ASSOCIATION_CLOSED : GS_ASSOCIATION_NONE);
        assert_int_equal(gs_association_state(association), GS_STATE_IDLE);
        assert_int_equal(gs_association_closed(association, &event), GS_ASSOCIATION_NONE);
    }
}

static void an_association_that_has_ended_takes_no_primitive(void **unused)
{
    (void)unused;
    reach(GS_STATE_ESTABLISHED);
    put_short(GS_PDU_ABORT, 0, 0, 0);
    assert_int_equal(feed(), GS_ASSOCIATION_ABORTED);
    assert_true(gs_association_wants_close(association));
    assert_int_equal(do_request(), -1);
    assert_int_equal(do_send(), -1);
    assert_int_equal(do_abort(), -1);
    gs_association_connected(association);
    assert_int_equal(gs_association_state(association), GS_STATE_IDLE);
    put_data(1, 3, "late");
    assert_int_equal(feed(), GS_ASSOCIATION_NONE);
}

static void a_rejection_is_decoded_whatever_its_values(void **unused)
{
    (void)unused;
    reach(GS_STATE_AWAITING_ANSWER);
    put_short(GS_PDU_ASSOCIATE_RJ, 2, 3, 250);
    assert_int_equal(feed(), GS_ASSOCIATION_REJECTED);
    assert_int_equal(event.reject.result, 2);
    assert_int_equal(event.reject.source, 3);
    assert_int_equal(event.reject.reason, 250);
    assert_true(gs_association_wants_close(association));
}

static void a_request_for_another_protocol_version_is_rejected(void **unused)
{
    (void)unused;
    await_request();
    struct gs_associate associate = proposal();
    associate.protocol_version = 2;
    put_associate(associate, GS_PDU_ASSOCIATE_RQ);
    assert_int_equal(feed(), GS_ASSOCIATION_REJECTED);
    assert_output("\3\0\0\0\0\4\0\1\2\2", 10);
    assert_int_equal(gs_association_state(association), GS_STATE_AWAITING_CLOSE);
}

static void an_abort_tells_source_and_reason(void **unused)
{
    (void)unused;
    reach(GS_STATE_ESTABLISHED);
    put_short(GS_PDU_ABORT, 0, 2, 4);
    assert_int_equal(feed(), GS_ASSOCIATION_ABORTED);
    assert_int_equal(event.source, 2);
    assert_int_equal(event.reason, 4);
}

static void a_malformed_abort_is_an_abort(void **unused)
{
    (void)unused;
    static const uint32_t lengths[] = {0, 3, 5, 0xffffffff};
    for (size_t i = 0; i < 4; i++) {
        reach(GS_STATE_ESTABLISHED);
        put_pdu_header(GS_PDU_ABORT, lengths[i]);
        assert_int_equal(feed(), GS_ASSOCIATION_ABORTED);
        assert_true(gs_association_wants_close(association));
        assert_output("", 0);
    }
}

static void a_user_aborts_with_the_reason_of_its_choice(void **unused)
{
    (void)unused;
    reach(GS_STATE_ESTABLISHED);
    assert_int_equal(gs_association_abort(association, 2, 5), 0);
    assert_abort_sent(2, 5);
}

/* Release collision, PS3.8 9.2.1: who requested the association answers first. */

static void both_release_at_once_and_the_requestor_answers_first(void **unused)
{
    (void)unused;
    collide(true);
    assert_int_equal(gs_association_state(association), GS_STATE_COLLISION_REQUESTOR);
    drain();
    assert_int_equal(gs_association_release_reply(association), 0);
    assert_output("\6\0\0\0\0\4\0\0\0\0", 10);
    put_short(GS_PDU_RELEASE_RP, 0, 0, 0);
    assert_int_equal(feed(), GS_ASSOCIATION_RELEASED);
    assert_true(gs_association_wants_close(association));
}

static void both_release_at_once_and_the_acceptor_answers_last(void **unused)
{
    (void)unused;
    collide(false);
    drain();
    assert_int_equal(gs_association_release_reply(association), -1);
    put_short(GS_PDU_RELEASE_RP, 0, 0, 0);
    assert_int_equal(feed(), GS_ASSOCIATION_RELEASED);
    assert_false(gs_association_wants_close(association));
    assert_int_equal(gs_association_release_reply(association), 0);
    assert_output("\6\0\0\0\0\4\0\0\0\0", 10);
    assert_int_equal(gs_association_closed(association, &event), GS_ASSOCIATION_NONE);
}

static void data_is_delivered_after_we_asked_for_release(void **unused)
{
    (void)unused;
    reach(GS_STATE_AWAITING_RELEASE_REPLY);
    put_data(1, 2, "late");
    assert_int_equal(feed(), GS_ASSOCIATION_FRAGMENT);
    assert_int_equal(event.size, 4);
    assert_memory_equal(event.bytes, "late", 4);
}

static void every_state_has_a_name_of_its_own(void **unused)
{
    (void)unused;
    for (int i = 1; i <= 13; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(gs_association_state_name((enum gs_association_state)i),
                                    gs_association_state_name((enum gs_association_state)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_pdu_in_every_state_does_what_table_9_10_says),
        TEST(every_pdu_that_is_expected_but_malformed_is_answered_by_an_abort),
        TEST(every_primitive_in_every_state_does_what_table_9_10_says),
        TEST(the_transport_and_the_timer_do_what_table_9_10_says),
        TEST(an_association_that_has_ended_takes_no_primitive),
        TEST(a_rejection_is_decoded_whatever_its_values),
        TEST(a_request_for_another_protocol_version_is_rejected),
        TEST(an_abort_tells_source_and_reason),
        TEST(a_malformed_abort_is_an_abort),
        TEST(a_user_aborts_with_the_reason_of_its_choice),
        TEST(both_release_at_once_and_the_requestor_answers_first),
        TEST(both_release_at_once_and_the_acceptor_answers_last),
        TEST(data_is_delivered_after_we_asked_for_release),
        TEST(every_state_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}

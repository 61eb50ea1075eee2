/* An association's negotiation and output, and two associations that talk to each other. */
#include "upper_layer.h"

static void only_a_requestor_requests(void **unused)
{
    (void)unused;
    fresh(false);
    assert_int_equal(do_request(), -1);
}

static void a_request_waits_for_the_transport(void **unused)
{
    (void)unused;
    fresh(true);
    request();
    const uint8_t *bytes;
    assert_int_equal(output(&bytes), 0);
    gs_association_connected(association);
    assert_true(output(&bytes) > 74);
    assert_int_equal(bytes[0], GS_PDU_ASSOCIATE_RQ);
    /* The other order. */
    fresh(true);
    gs_association_connected(association);
    assert_int_equal(output(&bytes), 0);
    request();
    assert_true(output(&bytes) > 74);
    assert_int_equal(gs_association_state(association), GS_STATE_AWAITING_ANSWER);
}

static void a_request_on_a_transport_that_closed_is_not_sent(void **unused)
{
    (void)unused;
    fresh(true);
    gs_association_connected(association);
    gs_association_closed(association, &event);
    request();
    assert_output("", 0);
}

static void a_request_is_filled_with_what_identifies_us(void **unused)
{
    (void)unused;
    fresh(true);
    request();
    const struct gs_associate *own = gs_association_own(association);
    assert_string_equal(own->application_context, "1.2.840.10008.3.1.1.1");
    assert_int_equal(own->max_length, RECEIVE_MAX);
    assert_int_equal(own->protocol_version, 1);
    assert_string_equal(own->implementation_class, GS_IMPLEMENTATION_CLASS);
    assert_string_equal(own->implementation_version, GS_IMPLEMENTATION_VERSION);
    assert_null(gs_association_peer(association));
}

static void an_answer_repeats_the_titles_of_the_request(void **unused)
{
    (void)unused;
    establish_acceptor();
    assert_string_equal(gs_association_own(association)->called, "STORE");
    assert_string_equal(gs_association_own(association)->calling, "GETSCU");
}

/* Negotiation. */

static void accepted_contexts_have_their_abstract_syntax_and_one_transfer_syntax(void **unused)
{
    (void)unused;
    for (int acceptor = 0; acceptor < 2; acceptor++) {
        acceptor ? establish_acceptor() : establish_requestor();
        const struct gs_context *context = gs_association_context(association, 1);
        assert_non_null(context);
        assert_int_equal(context->id, 1);
        assert_string_equal(context->abstract, CT);
        assert_int_equal(context->syntax_count, 1);
        assert_string_equal(context->syntaxes[0], IMPLICIT);
        assert_null(gs_association_context(association, 0));
        assert_null(gs_association_context(association, 2));
        assert_null(gs_association_context(association, 3));
        assert_null(gs_association_context(association, 5));
        assert_null(gs_association_context(association, 255));
    }
}

static void an_answer_with_a_syntax_that_was_not_proposed_is_invalid(void **unused)
{
    (void)unused;
    reach(GS_STATE_AWAITING_ANSWER);
    put_answer_with(5, EXPLICIT, 0);
    assert_fault(GS_ABORT_INVALID_PARAMETER);
    assert_null(gs_association_peer(association));
    assert_null(gs_association_context(association, 5));
}

static void a_context_that_was_never_proposed_is_ignored(void **unused)
{
    (void)unused;
    reach(GS_STATE_AWAITING_ANSWER);
    put_answer_with(7, EXPLICIT, 0);
    assert_int_equal(feed(), GS_ASSOCIATION_ACCEPTED);
    assert_null(gs_association_context(association, 7));
}

static void the_peers_maximum_length_is_kept_within_ours(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t announced;
        uint32_t used; /* 0: invalid */
    } cases[] = {{0, GS_SEND_MAX},
                 {1, 0},
                 {13, 0},
                 {14, 14},
                 {16384, 16384},
                 {GS_SEND_MAX, GS_SEND_MAX},
                 {GS_SEND_MAX + 1, GS_SEND_MAX},
                 {0xffffffff, GS_SEND_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reach(GS_STATE_AWAITING_ANSWER);
        assert_int_equal(gs_association_send_max(association), 0);
        put_answer_with(1, EXPLICIT, cases[i].announced);
        if (cases[i].used == 0)
            assert_fault(GS_ABORT_INVALID_PARAMETER);
        else
            assert_int_equal(feed(), GS_ASSOCIATION_ACCEPTED);
        assert_int_equal(gs_association_send_max(association), cases[i].used);
    }
}

static void an_asynchronous_window_answered_though_not_proposed_is_ignored(void **unused)
{
    (void)unused;
    for (int proposed = 0; proposed < 2; proposed++) {
        fresh(true);
        struct gs_associate associate = proposal();
        associate.has_async = proposed;
        associate.async_invoked = associate.async_performed = 4;
        assert_int_equal(gs_association_request(association, &associate), 0);
        gs_association_connected(association);
        struct gs_associate answered = answer();
        answered.has_async = true;
        answered.async_performed = 3;
        put_associate(answered, GS_PDU_ASSOCIATE_AC);
        assert_int_equal(feed(), GS_ASSOCIATION_ACCEPTED);
        assert_int_equal(gs_association_peer(association)->has_async, proposed);
    }
}

/* Sending. */

static void a_message_is_one_span_of_output(void **unused)
{
    (void)unused;
    establish_requestor();
    assert_int_equal(do_send(), 0);
    assert_int_equal(gs_association_send(association, 1, false, true, (const uint8_t *)"wxyz", 4),
                     0);
    assert_output("\4\0\0\0\0\x08\0\0\0\4\1\3ab"
                  "\4\0\0\0\0\x0a\0\0\0\6\1\2wxyz",
                  14 + 16);
}

static void what_is_sent_is_cut_at_the_peers_maximum(void **unused)
{
    (void)unused;
    reach(GS_STATE_AWAITING_ANSWER);
    put_answer_with(1, EXPLICIT, 15); /* nine bytes would fit, but fragments are even */
    assert_int_equal(feed(), GS_ASSOCIATION_ACCEPTED);
    drain();
    const uint8_t *data = (const uint8_t *)"0123456789abcdefX";
    assert_int_equal(gs_association_send(association, 1, false, true, data, 17), 0);
    assert_output("\4\0\0\0\0\x0e\0\0\0\x0a\1\0"
                  "01234567"
                  "\4\0\0\0\0\x0e\0\0\0\x0a\1\0"
                  "89abcdef"
                  "\4\0\0\0\0\x07\0\0\0\x03\1\2X",
                  20 + 20 + 13);
    assert_int_equal(gs_association_send(association, 1, false, false, data, 16), 0);
    const uint8_t *bytes;
    assert_int_equal(output(&bytes), 40);
    assert_int_equal(bytes[20 + 11], 0); /* more is to come */
}

static void an_empty_last_fragment_is_sent_and_an_empty_other_one_is_not(void **unused)
{
    (void)unused;
    establish_requestor();
    assert_int_equal(gs_association_send(association, 1, false, false, NULL, 0), 0);
    assert_output("", 0);
    assert_int_equal(gs_association_send(association, 1, false, true, NULL, 0), 0);
    assert_output("\4\0\0\0\0\x06\0\0\0\2\1\2", 12);
}

static void only_accepted_contexts_are_sent_on(void **unused)
{
    (void)unused;
    establish_requestor();
    assert_int_equal(gs_association_send(association, 3, true, true, (const uint8_t *)"ab", 2), -1);
    assert_int_equal(gs_association_send(association, 2, true, true, (const uint8_t *)"ab", 2), -1);
    assert_output("", 0);
}

static void what_waits_is_bounded_and_an_abort_still_fits(void **unused)
{
    (void)unused;
    establish_requestor();
    uint8_t *data = calloc(1, 100000);
    assert_non_null(data);
    size_t waiting = 0;
    const uint8_t *bytes;
    while (gs_association_send(association, 1, false, false, data, 100000) == 0) {
        assert_true(output(&bytes) > waiting);
        waiting = output(&bytes);
        assert_true(waiting <= GS_OUTPUT_MAX);
    }
    free(data);
    assert_true(waiting > GS_OUTPUT_MAX - 101000);
    assert_int_equal(output(&bytes), waiting);
    /* To the brim. */
    for (size_t left = GS_OUTPUT_MAX - waiting; left > 14; left = GS_OUTPUT_MAX - output(&bytes))
        if (do_send() != 0)
            break;
    assert_int_equal(do_send(), -1);
    waiting = output(&bytes);
    assert_int_equal(do_abort(), 0);
    assert_int_equal(output(&bytes), waiting + GS_PDU_SHORT_SIZE);
    assert_memory_equal(bytes + waiting, "\7\0\0\0\0\4\0\0\0\0", 10);
}

static void output_is_taken_in_any_portions(void **unused)
{
    (void)unused;
    establish_requestor();
    uint8_t expected[14 * 400];
    uint8_t seen[sizeof expected];
    size_t taken = 0;
    for (int i = 0; i < 400; i++) {
        uint8_t two[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
        gs_pdata_encode(1, true, true, 2, expected + 14 * i);
        memcpy(expected + 14 * i + 12, two, 2);
        assert_int_equal(gs_association_send(association, 1, true, true, two, 2), 0);
        const uint8_t *bytes;
        size_t size = output(&bytes) % 11; /* falls behind, so that the queue moves and grows */
        memcpy(seen + taken, bytes, size);
        gs_association_sent(association, size);
        taken += size;
    }
    const uint8_t *bytes;
    size_t size = output(&bytes);
    assert_int_equal(taken + size, sizeof expected);
    memcpy(seen + taken, bytes, size);
    assert_memory_equal(seen, expected, sizeof expected);
}

/* Two of ours, one against the other. */

static size_t carry(struct gs_association *from, struct gs_association *to,
                    enum gs_association_event_type *last)
{
    const uint8_t *bytes;
    size_t size = gs_association_output(from, &bytes);
    size_t done = 0;
    size_t received = 0;
    *last = GS_ASSOCIATION_NONE;
    for (;;) {
        size_t consumed;
        gs_association_feed(to, bytes + done, size - done, &consumed, &event);
        done += consumed;
        if (event.type == GS_ASSOCIATION_NONE)
            break;
        *last = event.type;
        received += event.size;
    }
    gs_association_sent(from, size);
    return received;
}

static void requestor_and_acceptor_understand_each_other(void **unused)
{
    (void)unused;
    enum gs_association_event_type last;
    struct gs_association *acceptor = gs_association_new(false, 4096);
    assert_non_null(acceptor);
    gs_association_connected(acceptor);
    start(true);
    carry(association, acceptor, &last);
    assert_int_equal(last, GS_ASSOCIATION_REQUESTED);
    assert_string_equal(gs_association_peer(acceptor)->calling, "GETSCU");
    struct gs_associate answered = answer();
    assert_int_equal(gs_association_accept(acceptor, &answered), 0);
    carry(acceptor, association, &last);
    assert_int_equal(last, GS_ASSOCIATION_ACCEPTED);
    assert_int_equal(gs_association_send_max(association), 4096);
    assert_int_equal(gs_association_send_max(acceptor), RECEIVE_MAX);
    uint8_t *data = calloc(1, 1000001);
    assert_non_null(data);
    assert_int_equal(gs_association_send(association, 1, false, true, data, 1000001), 0);
    free(data);
    assert_int_equal(carry(association, acceptor, &last), 1000001);
    assert_int_equal(last, GS_ASSOCIATION_FRAGMENT);
    assert_int_equal(gs_association_release(association), 0);
    carry(association, acceptor, &last);
    assert_int_equal(last, GS_ASSOCIATION_RELEASE_REQUESTED);
    assert_int_equal(gs_association_release_reply(acceptor), 0);
    carry(acceptor, association, &last);
    assert_int_equal(last, GS_ASSOCIATION_RELEASED);
    assert_true(gs_association_wants_close(association));
    assert_int_equal(gs_association_closed(acceptor, &event), GS_ASSOCIATION_NONE);
    gs_association_free(acceptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_a_requestor_requests),
        TEST(a_request_waits_for_the_transport),
        TEST(a_request_on_a_transport_that_closed_is_not_sent),
        TEST(a_request_is_filled_with_what_identifies_us),
        TEST(an_answer_repeats_the_titles_of_the_request),
        TEST(accepted_contexts_have_their_abstract_syntax_and_one_transfer_syntax),
        TEST(an_answer_with_a_syntax_that_was_not_proposed_is_invalid),
        TEST(a_context_that_was_never_proposed_is_ignored),
        TEST(the_peers_maximum_length_is_kept_within_ours),
        TEST(an_asynchronous_window_answered_though_not_proposed_is_ignored),
        TEST(a_message_is_one_span_of_output),
        TEST(what_is_sent_is_cut_at_the_peers_maximum),
        TEST(an_empty_last_fragment_is_sent_and_an_empty_other_one_is_not),
        TEST(only_accepted_contexts_are_sent_on),
        TEST(what_waits_is_bounded_and_an_abort_still_fits),
        TEST(output_is_taken_in_any_portions),
        TEST(requestor_and_acceptor_understand_each_other),
    };
    return cmocka_run_group_tests_name("association", tests, NULL, NULL);
}

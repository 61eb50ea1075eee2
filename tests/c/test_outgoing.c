/*
 * What a session sends: whole messages, streams that wait for the transport, last words.
 */
#include "pair.h"

static void a_large_data_set_passes_a_small_transport_from_memory_and_from_a_file(void **state)
{
    (void)state;
    const size_t size = 3 * MIB + 2;
    uint8_t *bytes = image(size);
    associated_pipe(1000);
    for (int from_file = 0; from_file < 2; from_file++) {
        int sent =
            from_file ? send_file(REQUESTOR, bytes, size) : send_bytes(REQUESTOR, bytes, size);
        assert_int_equal(sent, 0);
        receive(ACCEPTOR, file_sink(false), from_file ? "file" : "memory");
        await_file(ACCEPTOR, from_file ? "file" : "memory", bytes, size);
        await(REQUESTOR, GS_EVENT_SENT);
    }
    release_pair();
    free(bytes);
}

/* A deflated file of odd length was sent as it is: Orthanc waited for the byte that PS3.5 A.5 asks
 * for, and aborted. */
static void what_is_odd_is_sent_with_a_byte_more(void **state)
{
    (void)state;
    const size_t sizes[] = {103, MIB + 1};
    associated_pipe(1000);
    for (int i = 0; i < 4; i++) {
        size_t size = sizes[i / 2];
        uint8_t *bytes = image(size + 1);
        bytes[size] = 0;
        int sent = i % 2 ? send_file(REQUESTOR, bytes, size) : send_bytes(REQUESTOR, bytes, size);
        char name[] = {(char)('a' + i), '\0'};
        receive(ACCEPTOR, file_sink(false), name);
        await_file(ACCEPTOR, name, bytes, size + 1);
        if (sent == 0)
            await(REQUESTOR, GS_EVENT_SENT);
        free(bytes);
    }
    release_pair();
}

static void both_sides_may_send_large_data_sets_at_once(void **state)
{
    (void)state;
    const size_t size = 2 * MIB;
    uint8_t *bytes = image(size);
    associated_pipe(1000);
    for (int who = 0; who < 2; who++)
        assert_int_equal(send_bytes(who, bytes, size), 0);
    receive(ACCEPTOR, file_sink(false), "from-requestor");
    receive(REQUESTOR, file_sink(false), "from-acceptor");
    for (int who = 0; who < 2; who++) {
        const struct gs_event *event = next_event(who);
        event = event->type == GS_EVENT_SENT ? next_event(who) : event;
        assert_int_equal(event->type, GS_EVENT_RECEIVED);
        assert_true(event->received->committed);
    }
    assert_file_has("from-requestor", bytes, size);
    assert_file_has("from-acceptor", bytes, size);
    free(bytes);
}

static void what_cannot_be_sent_is_refused_and_its_file_is_closed(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    open_pipe(1000);
    assert_int_equal(send_file(REQUESTOR, bytes, 8), -1);
    assert_string_equal(failed, "not-associated");
    associate_pair();
    struct gs_command command = command_of(GS_C_STORE_RQ, true);
    struct gs_outgoing data = {.descriptor = file_of(bytes, 8), .length = 8};
    struct gs_error error;
    assert_int_equal(gs_session_send(session_of(REQUESTOR), 3, &command, &data, &error), -1);
    assert_string_equal(error.code, "no-context");
    assert_int_equal(send_bytes(REQUESTOR, bytes, MIB), 0);
    assert_int_equal(send_file(REQUESTOR, bytes, 8), -1);
    assert_string_equal(failed, "busy");
    free(bytes);
}

static void nothing_is_sent_after_the_request_for_release(void **state)
{
    (void)state;
    associated_pipe(MIB);
    gs_session_release(session_of(REQUESTOR));
    assert_int_equal(send_echo(REQUESTOR), -1);
    assert_string_equal(failed, "not-associated");
    await(REQUESTOR, GS_EVENT_RELEASED);
}

/* The data set that was under way could not be ended after it, so the association was aborted. */
static void a_release_has_to_wait_for_the_data_set_that_is_under_way(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    associated_pipe(1000);
    send_bytes(REQUESTOR, bytes, MIB);
    assert_int_equal(gs_session_release(session_of(REQUESTOR)), -1);
    receive(ACCEPTOR, file_sink(false), "1.2.3");
    await_file(ACCEPTOR, "1.2.3", bytes, MIB);
    await(REQUESTOR, GS_EVENT_SENT);
    release_pair();
    free(bytes);
}

static void a_file_that_becomes_shorter_while_it_is_sent_ends_in_an_abort(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    associated_pipe(1000);
    struct gs_outgoing data = {.descriptor = file_of(bytes, MIB), .length = MIB + 1};
    send_message(REQUESTOR, GS_C_STORE_RQ, &data);
    receive(ACCEPTOR, file_sink(false), "1.2.3");
    await(ACCEPTOR, GS_EVENT_ABORTED);
    await_failure(REQUESTOR, "read-failed");
    assert_int_equal(files(), 0);
    free(bytes);
}

/* A command was queued though its data set found no room: the peer would have waited for ever. */
static void a_message_goes_out_whole_or_not_at_all(void **state)
{
    (void)state;
    uint8_t *bytes = image(60000);
    associated_pipe(1000);
    int sent = 0;
    while (send_bytes(REQUESTOR, bytes, 60000) >= 0)
        assert_true(++sent < 100);
    assert_string_equal(failed, "busy");
    for (int i = 0; i < sent; i++) {
        receive(ACCEPTOR, gs_sink_discard_new(), NULL);
        assert_int_equal(await(ACCEPTOR, GS_EVENT_RECEIVED)->received->size, 60000);
    }
    await(REQUESTOR, GS_EVENT_SENT);
    release_pair();
    free(bytes);
}

/* A second message that went out at once took the event of the first one with it. */
static void what_waited_is_told_though_later_messages_went_at_once(void **state)
{
    (void)state;
    uint8_t *bytes = image(2000);
    associated_pipe(1200);
    assert_int_equal(send_bytes(REQUESTOR, bytes, 2000), 0);
    struct gs_source *source = gs_session_source(session_of(ACCEPTOR));
    struct gs_event event = {0};
    assert_true(source->operations->step(source, &event)); /* takes what is in the pipe */
    gs_session_receive(session_of(ACCEPTOR), gs_sink_discard_new(), NULL, GS_COLLISION_REPLACE, "");
    assert_int_equal(send_echo(REQUESTOR), 0);
    await(REQUESTOR, GS_EVENT_SENT);
    await(ACCEPTOR, GS_EVENT_RECEIVED);
    await(ACCEPTOR, GS_EVENT_COMMAND);
    free(bytes);
}

/* Words that were queued behind a stream that nobody took were never sent, because nothing was read
 * meanwhile: the peer was as blocked as we. */
static void an_abort_reaches_a_peer_that_has_to_write_before_it_reads(void **state)
{
    (void)state;
    open_raw(ACCEPTOR, 20000);
    struct gs_associate associate = proposal();
    uint8_t *pdu;
    size_t size;
    associate.protocol_version = 1;
    assert_int_equal(gs_associate_encode(&associate, GS_PDU_ASSOCIATE_RQ, &pdu, &size), 0);
    raw_send(pdu, size);
    free(pdu);
    gs_associate_clear(&associate);
    await(ACCEPTOR, GS_EVENT_REQUESTED);
    accept_request();
    uint8_t *bytes = image(50000);
    assert_int_equal(send_bytes(ACCEPTOR, bytes, 50000), 0);
    gs_session_abort(session_of(ACCEPTOR));
    size_t written = 0;
    for (int i = 0; i < 100 && written < 200000; i++) {
        ssize_t moved = raw->operations->send(raw, bytes, 50000, NULL);
        written += moved > 0 ? (size_t)moved : 0;
        turn(0.001);
    }
    assert_true(written >= 200000);
    uint8_t last[10] = {0};
    for (int i = 0; i < 100; i++) {
        uint8_t part[1000];
        for (ssize_t got; (got = raw->operations->receive(raw, part, sizeof part, NULL)) >= 10;)
            memcpy(last, part + got - 10, 10);
        turn(0.001);
    }
    assert_memory_equal(last, "\x07\0\0\0\0\x04\0\0\0\0", 10);
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_large_data_set_passes_a_small_transport_from_memory_and_from_a_file),
        TEST(what_is_odd_is_sent_with_a_byte_more),
        TEST(both_sides_may_send_large_data_sets_at_once),
        TEST(what_cannot_be_sent_is_refused_and_its_file_is_closed),
        TEST(nothing_is_sent_after_the_request_for_release),
        TEST(a_release_has_to_wait_for_the_data_set_that_is_under_way),
        TEST(a_file_that_becomes_shorter_while_it_is_sent_ends_in_an_abort),
        TEST(a_message_goes_out_whole_or_not_at_all),
        TEST(what_waited_is_told_though_later_messages_went_at_once),
        TEST(an_abort_reaches_a_peer_that_has_to_write_before_it_reads),
    };
    return cmocka_run_group_tests_name("outgoing", tests, NULL, NULL);
}

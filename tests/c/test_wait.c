/*
 * One wait over many sources: transports that are worse than any, equal shares, deadlines.
 */
#include "pair.h"

#include <errno.h>
#include <time.h>

/* --- worse transports --------------------------------------------------------------------------
 */

/* Stands before a transport and cuts what passes; or is the whole of a hostile one. */
struct cutter {
    struct gs_transport transport; /* first: a transport is cast to this */
    struct gs_transport *inner;    /* NULL: it talks for ever, about nothing */
    unsigned *seed;                /* NULL: single bytes */
    bool whole;                    /* nothing is cut */
    int send_error;                /* every send fails so, and nothing is there to be read */
    size_t moved;
};

static size_t cut(const struct cutter *cutter, size_t size)
{
    if (cutter->whole)
        return size;
    if (cutter->seed == NULL)
        return 1;
    unsigned kind = (unsigned)rand_r(cutter->seed);
    size_t most = kind % 3 == 0 ? 8 : kind % 3 == 1 ? 2000 : 300000;
    size_t piece = 1 + (size_t)rand_r(cutter->seed) % most;
    return piece < size ? piece : size;
}

static int cutter_open(struct gs_transport *transport, struct gs_error *error)
{
    (void)transport;
    (void)error;
    return 0;
}

static ssize_t cutter_receive(struct gs_transport *transport, void *bytes, size_t size,
                              struct gs_error *error)
{
    struct cutter *cutter = (struct cutter *)transport;
    if (cutter->inner != NULL)
        return cutter->inner->operations->receive(cutter->inner, bytes, cut(cutter, size), error);
    if (cutter->send_error != 0)
        return 0;
    memset(bytes, 0, size);
    cutter->moved += size;
    return (ssize_t)size;
}

static ssize_t cutter_send(struct gs_transport *transport, const void *bytes, size_t size,
                           struct gs_error *error)
{
    struct cutter *cutter = (struct cutter *)transport;
    if (cutter->inner != NULL) {
        ssize_t moved =
            cutter->inner->operations->send(cutter->inner, bytes, cut(cutter, size), error);
        cutter->moved += moved > 0 ? (size_t)moved : 0;
        return moved;
    }
    if (cutter->send_error == 0)
        return (ssize_t)size;
    gs_error_system(error, "peer-closed", cutter->send_error, "cannot send");
    return GS_IO_FAILED;
}

static void cutter_shut(struct gs_transport *transport)
{
    struct cutter *cutter = (struct cutter *)transport;
    if (cutter->inner != NULL)
        cutter->inner->operations->shut(cutter->inner);
}

static int cutter_descriptor(const struct gs_transport *transport)
{
    (void)transport;
    return -1;
}

static short cutter_wants(const struct gs_transport *transport, short otherwise)
{
    (void)transport;
    return otherwise;
}

static void cutter_close(struct gs_transport *transport)
{
    struct cutter *cutter = (struct cutter *)transport;
    if (cutter->inner != NULL)
        cutter->inner->operations->close(cutter->inner);
    free(cutter);
}

static const char *cutter_peer(const struct gs_transport *transport)
{
    (void)transport;
    return "cutter";
}

static struct cutter *new_cutter(struct gs_transport *inner, unsigned *seed)
{
    static const struct gs_transport_operations operations = {
        .open = cutter_open,
        .receive = cutter_receive,
        .send = cutter_send,
        .shut = cutter_shut,
        .descriptor = cutter_descriptor,
        .wants = cutter_wants,
        .close = cutter_close,
        .peer = cutter_peer,
    };
    struct cutter *cutter = calloc(1, sizeof *cutter);
    assert_non_null(cutter);
    *cutter = (struct cutter){.transport.operations = &operations, .inner = inner, .seed = seed};
    return cutter;
}

/* What the acceptor is told while it is sent a command, an object, one more, and a release. */
static void tell_a_story(const uint8_t *bytes, size_t size)
{
    associate_pair();
    assert_int_not_equal(send_echo(REQUESTOR), -1);
    assert_int_not_equal(send_bytes(REQUESTOR, bytes, size), -1);
    const struct gs_event *event = await(ACCEPTOR, GS_EVENT_COMMAND);
    assert_int_equal(event->command->command_field, GS_C_ECHO_RQ);
    receive(ACCEPTOR, file_sink(true), NULL);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_HEADER)->received;
    assert_int_equal(received->bytes_size, HEADER_SIZE);
    gs_session_resume(session_of(ACCEPTOR), true, "first", GS_COLLISION_REPLACE, NULL);
    await_file(ACCEPTOR, "first", bytes, size);
    assert_int_not_equal(send_file(REQUESTOR, bytes, size / 2), -1);
    receive(ACCEPTOR, gs_sink_memory_new(size), NULL);
    received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
    assert_int_equal(received->size, size / 2);
    assert_memory_equal(received->bytes, bytes, size / 2);
    assert_int_equal(gs_session_release(session_of(REQUESTOR)), 0);
    assert_true(await(ACCEPTOR, GS_EVENT_RELEASED)->by_peer);
    while (next_event(REQUESTOR)->type == GS_EVENT_SENT)
        ;
}

static void open_cut_pipe(unsigned *seed)
{
    struct gs_transport *ends[2];
    assert_int_equal(gs_pipe_new(ends, 100000), 0);
    open_side(REQUESTOR, &new_cutter(ends[0], seed)->transport);
    open_side(ACCEPTOR, &new_cutter(ends[1], seed)->transport);
}

static void single_bytes_tell_the_same_story(void **state)
{
    (void)state;
    uint8_t *bytes = image(50000);
    open_cut_pipe(NULL);
    tell_a_story(bytes, 50000);
    free(bytes);
}

static void random_pieces_tell_the_same_story(void **state)
{
    (void)state;
    uint8_t *bytes = image(200000);
    unsigned first = (unsigned)time(NULL);
    const char *given = getenv("SEED");
    if (given != NULL)
        first = (unsigned)strtoul(given, NULL, 10);
    for (unsigned i = 0; i < 30; i++) {
        unsigned seed = first + i;
        print_message("SEED=%u\n", seed);
        open_cut_pipe(&seed);
        tell_a_story(bytes, 200000);
        close_sides();
        remove_files();
    }
    free(bytes);
}

/* The end of the stream was told instead, which came of it. */
static void the_error_of_a_send_is_what_is_told(void **state)
{
    (void)state;
    struct cutter *cutter = new_cutter(NULL, NULL);
    cutter->send_error = ETIMEDOUT;
    open_side(REQUESTOR, &cutter->transport);
    request();
    assert_int_equal(await(REQUESTOR, GS_EVENT_FAILED)->error->system, ETIMEDOUT);
}

/* --- one wait over many ------------------------------------------------------------------------
 */

static void many_that_never_fall_silent_have_equal_shares(void **state)
{
    (void)state;
    struct cutter *talkers[3];
    struct gs_session *sessions[3];
    struct gs_source *sources[3];
    for (int i = 0; i < 3; i++) {
        talkers[i] = new_cutter(NULL, NULL);
        /* who asked for nothing yet reads and forgets */
        sessions[i] = gs_session_new(&talkers[i]->transport, true, RECEIVE_MAX);
        assert_non_null(sessions[i]);
        sources[i] = gs_session_source(sessions[i]);
    }
    struct gs_event event;
    size_t index;
    for (int i = 0; i < 20; i++) {
        size_t before = talkers[0]->moved;
        assert_int_equal(gs_wait(&waiter, sources, 3, 0, &index, &event), GS_WAIT_TIMEOUT);
        assert_in_range(talkers[0]->moved - before, GS_SHARE, 3 * GS_SHARE);
        assert_int_equal(talkers[1]->moved, talkers[0]->moved);
        assert_int_equal(talkers[2]->moved, talkers[0]->moved);
    }
    for (int i = 0; i < 3; i++)
        gs_session_free(sessions[i]);
}

/* It was four times its share. */
static void a_stream_moves_one_share_in_its_turn(void **state)
{
    (void)state;
    uint8_t *bytes = image(8 * MIB);
    struct gs_transport *ends[2];
    assert_int_equal(gs_pipe_new(ends, 16 * MIB), 0);
    struct cutter *counted = new_cutter(ends[0], NULL);
    counted->whole = true;
    open_side(REQUESTOR, &counted->transport);
    open_side(ACCEPTOR, ends[1]);
    associate_pair();
    counted->moved = 0;
    assert_int_equal(send_bytes(REQUESTOR, bytes, 8 * MIB), 0);
    struct gs_source *source = gs_session_source(session_of(REQUESTOR));
    struct gs_event event = {0};
    bool sent = false;
    assert_in_range(counted->moved, 1, GS_SHARE + GS_SHARE / 2);
    while (!sent) {
        size_t before = counted->moved;
        sent = source->operations->step(source, &event);
        assert_in_range(counted->moved - before, 1, GS_SHARE + GS_SHARE / 2);
    }
    assert_true(counted->moved > 8 * MIB);
    free(bytes);
}

static void who_had_an_event_comes_last_in_the_next_wait(void **state)
{
    (void)state;
    associated_pipe(MIB);
    struct gs_source *sources[] = {gs_session_source(session_of(REQUESTOR)),
                                   gs_session_source(session_of(ACCEPTOR))};
    for (int i = 0; i < 3; i++)
        for (int who = 0; who < 2; who++)
            assert_int_equal(send_echo(who), 1);
    size_t index, last = 2;
    struct gs_event event;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(gs_wait(&waiter, sources, 2, 0, &index, &event), GS_WAIT_EVENT);
        assert_int_not_equal(index, last);
        last = index;
    }
}

/* --- deadlines ---------------------------------------------------------------------------------
 */

static void sleep_for(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&time, NULL);
}

/* The peer is alive but nobody lets it do anything. */
static struct gs_session *hidden;
static void hide_acceptor(void)
{
    hidden = sides[ACCEPTOR].session;
    sides[ACCEPTOR].session = NULL;
}

static void show_acceptor(void)
{
    sides[ACCEPTOR].session = hidden;
    hidden = NULL;
}

static struct gs_deadlines *deadlines_of(int who)
{
    return gs_session_deadlines(session_of(who));
}

static void a_request_that_is_not_answered_ends_in_an_abort(void **state)
{
    (void)state;
    open_pipe(MIB);
    deadlines_of(REQUESTOR)->acse = BRIEF;
    request();
    await(ACCEPTOR, GS_EVENT_REQUESTED); /* and never answers */
    await_failure(REQUESTOR, "acse-timeout");
    assert_int_equal(await(ACCEPTOR, GS_EVENT_ABORTED)->source, GS_ABORT_USER);
}

static void a_connection_without_a_request_ends_in_an_abort(void **state)
{
    (void)state;
    open_raw(ACCEPTOR, MIB);
    deadlines_of(ACCEPTOR)->acse = BRIEF;
    while (!gs_session_over(session_of(ACCEPTOR)))
        turn(PATIENCE);
    await_failure(ACCEPTOR, "acse-timeout");
}

static void silence_of_the_peer_ends_in_an_abort(void **state)
{
    (void)state;
    associated_pipe(MIB);
    deadlines_of(REQUESTOR)->dimse = BRIEF;
    const struct gs_event *event = await(ACCEPTOR, GS_EVENT_ABORTED);
    assert_int_equal(event->source, GS_ABORT_USER);
    assert_int_equal(event->reason, GS_ABORT_NOT_SPECIFIED);
    await_failure(REQUESTOR, "dimse-timeout");
}

static void objects_postpone_the_deadline(void **state)
{
    (void)state;
    uint8_t *bytes = image(1000);
    associated_pipe(MIB);
    deadlines_of(REQUESTOR)->dimse = 10 * BRIEF;
    for (int i = 0; i < 6; i++) {
        assert_false(turn(2 * BRIEF));
        send_bytes(ACCEPTOR, bytes, 1000);
        receive(REQUESTOR, gs_sink_discard_new(), NULL);
        await(REQUESTOR, GS_EVENT_RECEIVED);
    }
    await_failure(REQUESTOR, "dimse-timeout");
    free(bytes);
}

/* Pending responses for ever, with data sets or without, are none either. */
static void messages_without_an_object_are_no_progress(void **state)
{
    (void)state;
    struct gs_outgoing data = {.bytes = (const uint8_t *)"list", .size = 4, .descriptor = -1};
    associated_pipe(MIB);
    for (int i = 0; i < 3; i++) {
        send_echo(ACCEPTOR);
        await(REQUESTOR, GS_EVENT_COMMAND);
        send_message(REQUESTOR, GS_C_ECHO_RSP, NULL);
        await(ACCEPTOR, GS_EVENT_COMMAND);
        send_message(ACCEPTOR, GS_C_GET_RSP, NULL);
        await(REQUESTOR, GS_EVENT_COMMAND);
        send_message(ACCEPTOR, GS_C_GET_RSP, &data);
        receive(REQUESTOR, gs_sink_discard_new(), NULL);
        await(REQUESTOR, GS_EVENT_RECEIVED);
        assert_false(turn(BRIEF));
    }
    assert_true(gs_session_idle(session_of(REQUESTOR)) >= 3 * BRIEF);
    send_echo(REQUESTOR); /* what we ask for is */
    assert_true(gs_session_idle(session_of(REQUESTOR)) < 3 * BRIEF);
}

/* An object begins to come to the requestor. */
static void begin_object(struct gs_sink *sink)
{
    struct gs_association *peer = gs_session_association(session_of(ACCEPTOR));
    struct gs_command command = command_of(GS_C_STORE_RQ, true);
    uint8_t encoded[GS_COMMAND_ENCODED_MAX];
    size_t size = gs_command_encode(&command, encoded, sizeof encoded);
    assert_int_equal(gs_association_send(peer, CT_CONTEXT, true, true, encoded, size), 0);
    receive(REQUESTOR, sink, NULL);
}

/* Some of it comes every now and then, for so long. */
static void trickle(size_t size, double seconds)
{
    struct gs_association *peer = gs_session_association(session_of(ACCEPTOR));
    uint8_t *bytes = image(1000);
    double until = gs_clock() + seconds;
    while (gs_clock() < until && !gs_session_over(session_of(REQUESTOR))) {
        gs_association_send(peer, CT_CONTEXT, false, false, bytes, size);
        turn(BRIEF);
    }
    free(bytes);
}

static void single_bytes_now_and_then_are_no_progress(void **state)
{
    (void)state;
    associated_pipe(MIB);
    deadlines_of(REQUESTOR)->dimse = 10 * BRIEF;
    deadlines_of(REQUESTOR)->rate = 10 / BRIEF;
    begin_object(gs_sink_discard_new());
    trickle(20, 20 * BRIEF);
    assert_false(gs_session_over(session_of(REQUESTOR)));
    trickle(1, 40 * BRIEF);
    await_failure(REQUESTOR, "dimse-timeout");
    assert_int_equal(await(ACCEPTOR, GS_EVENT_ABORTED)->source, GS_ABORT_USER);
}

/* One that is not stored, and has no end: the error is that for which it is not stored. */
static void an_object_that_was_given_up_has_to_end(void **state)
{
    (void)state;
    associated_pipe(MIB);
    deadlines_of(REQUESTOR)->drain = 10 * BRIEF;
    begin_object(gs_sink_memory_new(100));
    trickle(20, 40 * BRIEF);
    await_failure(REQUESTOR, "object-too-large");
    assert_int_equal(await(ACCEPTOR, GS_EVENT_ABORTED)->source, GS_ABORT_USER);
}

static void a_peer_that_takes_nothing_is_given_up(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    associated_pipe(1000);
    deadlines_of(REQUESTOR)->write = BRIEF;
    assert_int_equal(send_bytes(REQUESTOR, bytes, MIB), 0);
    hide_acceptor();
    await_failure(REQUESTOR, "write-timeout");
    show_acceptor();
    free(bytes);
}

/* Each message began the deadline anew, so that a peer that sends but never reads was never given
 * up. */
static void more_to_be_written_does_not_postpone_the_write_deadline(void **state)
{
    (void)state;
    associated_pipe(1000);
    deadlines_of(REQUESTOR)->write = 4 * BRIEF;
    hide_acceptor();
    double began = gs_clock();
    while (send_echo(REQUESTOR) >= 0) {
        turn(BRIEF);
        assert_true(gs_clock() < began + 40 * BRIEF);
    }
    await_failure(REQUESTOR, "write-timeout");
    show_acceptor();
}

static void a_long_silence_before_a_message_is_not_counted_against_its_writing(void **state)
{
    (void)state;
    associated_pipe(10);
    deadlines_of(REQUESTOR)->write = BRIEF;
    turn(3 * BRIEF);
    assert_int_equal(gs_session_release(session_of(REQUESTOR)), 0);
    hide_acceptor();
    assert_false(turn(0));
    show_acceptor();
    await(REQUESTOR, GS_EVENT_RELEASED);
}

static void a_release_that_is_not_answered_is_given_up(void **state)
{
    (void)state;
    associated_pipe(MIB);
    deadlines_of(REQUESTOR)->release = BRIEF;
    gs_session_release(session_of(REQUESTOR));
    hide_acceptor();
    await_failure(REQUESTOR, "release-timeout");
    show_acceptor();
}

/* A release that was refused began the deadline for the answer to the request anew. */
static void a_primitive_that_is_refused_postpones_nothing(void **state)
{
    (void)state;
    open_pipe(MIB);
    deadlines_of(REQUESTOR)->acse = 4 * BRIEF;
    request();
    await(ACCEPTOR, GS_EVENT_REQUESTED);
    double began = gs_clock();
    while (!gs_session_over(session_of(REQUESTOR))) {
        turn(BRIEF);
        assert_int_equal(gs_session_release(session_of(REQUESTOR)), -1);
        struct gs_associate associate = proposal();
        assert_int_equal(gs_session_request(session_of(REQUESTOR), &associate), -1);
        assert_true(gs_clock() < began + 40 * BRIEF);
    }
    await_failure(REQUESTOR, "acse-timeout");
}

/* It was read from for ever, and nobody else had a turn. */
static void a_peer_that_goes_on_talking_after_our_abort_is_left_after_a_moment(void **state)
{
    (void)state;
    open_side(ACCEPTOR, &new_cutter(NULL, NULL)->transport);
    double began = gs_clock();
    await_failure(ACCEPTOR, "protocol-error");
    assert_true(gs_clock() - began < GS_LINGER + 1);
}

static void an_association_is_freed_in_a_moment_whatever_the_peer_does(void **state)
{
    (void)state;
    associated_pipe(MIB);
    hide_acceptor();
    double began = gs_clock();
    gs_session_free(session_of(REQUESTOR));
    sides[REQUESTOR].session = NULL;
    assert_true(gs_clock() - began < 0.5);
    show_acceptor();
    await(ACCEPTOR, GS_EVENT_ABORTED);
}

static void time_away_from_the_wait_is_no_fault_of_the_peer(void **state)
{
    (void)state;
    associated_pipe(MIB);
    deadlines_of(REQUESTOR)->dimse = BRIEF;
    for (int i = 0; i < 3; i++) {
        sleep_for(3 * BRIEF);
        assert_false(turn(0));
    }
    await_failure(REQUESTOR, "dimse-timeout");
}

/* It was, when somebody else was waited for meanwhile. */
static void time_in_which_others_are_waited_for_is_no_fault_of_the_peer_either(void **state)
{
    (void)state;
    associated_pipe(MIB);
    deadlines_of(ACCEPTOR)->dimse = BRIEF;
    hide_acceptor();
    assert_false(turn(3 * BRIEF));
    show_acceptor();
    assert_false(turn(0));
    await_failure(ACCEPTOR, "dimse-timeout");
}

static void an_association_is_idle_since_the_last_byte(void **state)
{
    (void)state;
    associated_pipe(MIB);
    turn(4 * BRIEF);
    assert_true(gs_session_idle(session_of(ACCEPTOR)) >= 4 * BRIEF);
    send_echo(REQUESTOR);
    await(ACCEPTOR, GS_EVENT_COMMAND);
    assert_true(gs_session_idle(session_of(ACCEPTOR)) < 4 * BRIEF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(single_bytes_tell_the_same_story),
        TEST(random_pieces_tell_the_same_story),
        TEST(the_error_of_a_send_is_what_is_told),
        TEST(many_that_never_fall_silent_have_equal_shares),
        TEST(a_stream_moves_one_share_in_its_turn),
        TEST(who_had_an_event_comes_last_in_the_next_wait),
        TEST(a_request_that_is_not_answered_ends_in_an_abort),
        TEST(a_connection_without_a_request_ends_in_an_abort),
        TEST(silence_of_the_peer_ends_in_an_abort),
        TEST(objects_postpone_the_deadline),
        TEST(messages_without_an_object_are_no_progress),
        TEST(single_bytes_now_and_then_are_no_progress),
        TEST(an_object_that_was_given_up_has_to_end),
        TEST(a_peer_that_takes_nothing_is_given_up),
        TEST(more_to_be_written_does_not_postpone_the_write_deadline),
        TEST(a_long_silence_before_a_message_is_not_counted_against_its_writing),
        TEST(a_release_that_is_not_answered_is_given_up),
        TEST(a_primitive_that_is_refused_postpones_nothing),
        TEST(a_peer_that_goes_on_talking_after_our_abort_is_left_after_a_moment),
        TEST(an_association_is_freed_in_a_moment_whatever_the_peer_does),
        TEST(time_away_from_the_wait_is_no_fault_of_the_peer),
        TEST(time_in_which_others_are_waited_for_is_no_fault_of_the_peer_either),
        TEST(an_association_is_idle_since_the_last_byte),
    };
    return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}

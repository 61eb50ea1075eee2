/*
 * One association from its transport to its sinks, against another one or a peer that is worse than
 * any session.
 */
#include "pair.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

/* --- the life of an association ----------------------------------------------------------------
 */

static void an_association_is_requested_accepted_and_released(void **state)
{
    (void)state;
    associated_pipe(MIB);
    assert_string_equal(gs_session_peer(session_of(REQUESTOR)), "memory");
    release_pair();
    assert_true(gs_session_over(session_of(REQUESTOR)));
    assert_true(gs_session_over(session_of(ACCEPTOR)));
}

static void the_acceptor_may_release_too(void **state)
{
    (void)state;
    associated_pipe(MIB);
    assert_int_equal(gs_session_release(session_of(ACCEPTOR)), 0);
    assert_true(await(REQUESTOR, GS_EVENT_RELEASED)->by_peer);
    assert_false(await(ACCEPTOR, GS_EVENT_RELEASED)->by_peer);
}

static void both_may_release_at_once(void **state)
{
    (void)state;
    associated_pipe(MIB);
    assert_int_equal(gs_session_release(session_of(REQUESTOR)), 0);
    assert_int_equal(gs_session_release(session_of(ACCEPTOR)), 0);
    await(REQUESTOR, GS_EVENT_RELEASED);
    await(ACCEPTOR, GS_EVENT_RELEASED);
}

static void a_rejection_has_its_result_source_and_reason(void **state)
{
    (void)state;
    open_pipe(MIB);
    request();
    await(ACCEPTOR, GS_EVENT_REQUESTED);
    const struct gs_reject reject = {.result = 2, .source = 3, .reason = 2};
    assert_int_equal(gs_session_reject(session_of(ACCEPTOR), reject), 0);
    struct gs_reject told = await(REQUESTOR, GS_EVENT_REJECTED)->reject;
    assert_memory_equal(&told, &reject, sizeof told);
    await(ACCEPTOR, GS_EVENT_CLOSED);
}

/* It was queued and then lost, since the connection was closed at once. */
static void a_request_of_another_protocol_version_is_rejected_on_the_wire(void **state)
{
    (void)state;
    open_pipe(MIB);
    struct gs_associate associate = proposal();
    associate.protocol_version = 2;
    assert_int_equal(gs_session_request(session_of(REQUESTOR), &associate), 0);
    struct gs_reject told = await(REQUESTOR, GS_EVENT_REJECTED)->reject;
    assert_int_equal(told.source, 2);
    assert_int_equal(told.reason, 2);
    await(ACCEPTOR, GS_EVENT_REJECTED);
}

static void an_abort_of_either_side_is_read_by_the_other(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        associated_pipe(MIB);
        assert_int_equal(gs_session_abort(session_of(who)), 0);
        const struct gs_event *event = await(1 - who, GS_EVENT_ABORTED);
        assert_int_equal(event->source, GS_ABORT_USER);
        assert_int_equal(event->reason, GS_ABORT_NOT_SPECIFIED);
        await(who, GS_EVENT_CLOSED);
        close_sides();
    }
}

static void raw_send(const void *bytes, size_t size)
{
    assert_int_equal(raw->operations->send(raw, bytes, size, NULL), size);
}

static void assert_raw_reads(const void *expected, size_t size)
{
    uint8_t bytes[64];
    assert_int_equal(raw->operations->receive(raw, bytes, size, NULL), size);
    assert_memory_equal(bytes, expected, size);
}

static void a_violation_of_the_protocol_is_answered_by_an_abort_with_its_reason(void **state)
{
    (void)state;
    open_raw(ACCEPTOR, MIB);
    raw_send("\x09\0\0\0\0\0", 6);
    turn(0.01);
    assert_raw_reads("\x07\0\0\0\0\x04\0\0\x02\x01", 10);
    close_raw();
    await_failure(ACCEPTOR, "protocol-error");
}

static void what_is_no_dicom_peer_is_named(void **state)
{
    (void)state;
    open_raw(REQUESTOR, MIB);
    request();
    raw_send("HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    close_raw();
    const char *message = await(REQUESTOR, GS_EVENT_FAILED)->error->message;
    assert_non_null(strstr(message, "HTTP"));
}

static void an_end_without_release_or_abort_is_a_failure(void **state)
{
    (void)state;
    associated_pipe(MIB);
    gs_session_drop(session_of(ACCEPTOR));
    await_failure(REQUESTOR, "peer-closed");
    await(ACCEPTOR, GS_EVENT_CLOSED);
}

static void an_end_is_told_once(void **state)
{
    (void)state;
    associated_pipe(MIB);
    release_pair();
    assert_false(turn(0));
    assert_false(turn(INFINITY)); /* nothing to wait for: it returns */
}

static void an_association_that_is_over_refuses_everything(void **state)
{
    (void)state;
    struct gs_session *session = NULL;
    for (int way = 0; way < 3; way++) {
        if (way < 2)
            associated_pipe(MIB);
        else
            open_pipe(MIB); /* dropped before it was requested */
        session = session_of(REQUESTOR);
        way == 0 ? gs_session_release(session) : gs_session_drop(session);
        next_event(REQUESTOR);
        assert_true(gs_session_over(session));
        struct gs_associate associate = proposal();
        assert_int_equal(gs_session_request(session, &associate), -1);
        assert_null(associate.contexts);
        associate = proposal();
        assert_int_equal(gs_session_accept(session, &associate), -1);
        assert_null(associate.contexts);
        assert_int_equal(gs_session_reject(session, (struct gs_reject){1, 1, 1}), -1);
        assert_int_equal(gs_session_release(session), -1);
        assert_int_equal(gs_session_abort(session), -1);
        assert_int_equal(send_file(REQUESTOR, "1234", 4), -1);
        assert_string_equal(failed, "not-associated");
        struct gs_sink *sink = gs_sink_discard_new();
        assert_int_equal(gs_session_receive(session, sink, NULL, GS_COLLISION_REPLACE, ""), -1);
        assert_int_equal(gs_session_resume(session, true, NULL, GS_COLLISION_REPLACE), -1);
        struct gs_error error;
        assert_null(gs_session_commit(session, "a", GS_COLLISION_REPLACE, &error));
        close_sides();
    }
}

/* --- objects -----------------------------------------------------------------------------------
 */

static void a_command_without_a_data_set_asks_for_no_sink(void **state)
{
    (void)state;
    associated_pipe(MIB);
    assert_int_equal(send_echo(REQUESTOR), 1);
    const struct gs_event *event = await(ACCEPTOR, GS_EVENT_COMMAND);
    assert_int_equal(event->context, CT_CONTEXT);
    assert_int_equal(event->command->command_field, GS_C_ECHO_RQ);
    assert_false(gs_session_undecided(session_of(ACCEPTOR)));
    struct gs_sink *sink = gs_sink_discard_new();
    assert_int_equal(gs_session_receive(session_of(ACCEPTOR), sink, NULL, GS_COLLISION_REPLACE, ""),
                     -1);
    release_pair();
}

static void an_object_becomes_the_file_of_its_name(void **state)
{
    (void)state;
    const size_t size = 300000;
    uint8_t *bytes = image(size);
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, size);
    receive(ACCEPTOR, file_sink(false), "1.2.3");
    await_file(ACCEPTOR, "1.2.3", bytes, size);
    assert_int_equal(files(), 1);
    release_pair();
    free(bytes);
}

static void an_object_may_go_to_memory(void **state)
{
    (void)state;
    uint8_t *bytes = image(5000);
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, 5000);
    receive(ACCEPTOR, gs_sink_memory_new(5000), NULL);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
    assert_false(received->failed);
    assert_int_equal(received->bytes_size, 5000);
    assert_memory_equal(received->bytes, bytes, 5000);
    send_bytes(REQUESTOR, bytes, 5000);
    receive(ACCEPTOR, gs_sink_memory_new(4999), NULL);
    received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
    assert_true(received->failed);
    assert_string_equal(received->error.code, "object-too-large");
    assert_null(received->bytes);
    assert_int_equal(received->size, 5000);
    free(bytes);
}

static void an_object_may_be_forgotten(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, MIB);
    receive(ACCEPTOR, gs_sink_discard_new(), NULL);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
    assert_false(received->failed || received->committed);
    assert_int_equal(received->size, MIB);
    free(bytes);
}

static void objects_come_one_after_the_other_each_to_its_own_sink(void **state)
{
    (void)state;
    uint8_t *bytes = image(20000);
    associated_pipe(MIB);
    for (int i = 0; i < 6; i++)
        assert_int_equal(send_bytes(REQUESTOR, bytes, 20000 - (size_t)i), 1);
    for (int i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        if (i % 2 == 0) {
            receive(ACCEPTOR, file_sink(i == 0), name);
            if (i == 0) {
                await(ACCEPTOR, GS_EVENT_HEADER);
                gs_session_resume(session_of(ACCEPTOR), true, name, GS_COLLISION_DISTINCT);
            }
            await_file(ACCEPTOR, name, bytes, 20000 - (size_t)i);
        } else {
            receive(ACCEPTOR, gs_sink_discard_new(), NULL);
            assert_int_equal(await(ACCEPTOR, GS_EVENT_RECEIVED)->received->size, 20000 - i);
        }
    }
    assert_int_equal(files(), 3);
    release_pair();
    free(bytes);
}

static void an_empty_data_set_is_received_as_such(void **state)
{
    (void)state;
    associated_pipe(MIB);
    for (int from_file = 0; from_file < 2; from_file++) {
        int sent = from_file ? send_file(REQUESTOR, "", 0) : send_bytes(REQUESTOR, "", 0);
        assert_int_equal(sent, 1);
        receive(ACCEPTOR, gs_sink_discard_new(), NULL);
        assert_int_equal(await(ACCEPTOR, GS_EVENT_RECEIVED)->received->size, 0);
    }
    release_pair();
}

static void an_object_may_get_its_name_when_it_is_there(void **state)
{
    (void)state;
    uint8_t *bytes = image(100000);
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, 100000);
    receive(ACCEPTOR, file_sink(false), NULL);
    assert_false(await(ACCEPTOR, GS_EVENT_RECEIVED)->received->committed);
    struct gs_error error;
    char long_name[GS_PATH_MAX + 10];
    memset(long_name, '/', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_null(gs_session_commit(session_of(ACCEPTOR), long_name, GS_COLLISION_DISTINCT, &error));
    assert_string_equal(error.code, "object-name");
    const struct gs_committed *file =
        gs_session_commit(session_of(ACCEPTOR), "later", GS_COLLISION_DISTINCT, &error);
    assert_non_null(file);
    assert_string_equal(file->name, "later");
    assert_file_has("later", bytes, 100000);
    assert_null(gs_session_commit(session_of(ACCEPTOR), "again", GS_COLLISION_DISTINCT, &error));
    release_pair();
    assert_int_equal(files(), 1);
    free(bytes);
}

static void an_object_that_gets_no_name_leaves_nothing(void **state)
{
    (void)state;
    uint8_t *bytes = image(100000);
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, 100000);
    struct gs_sink *sink = gs_sink_file_new(directory, &budget, false);
    receive(ACCEPTOR, sink, NULL);
    await(ACCEPTOR, GS_EVENT_RECEIVED);
    assert_int_equal(files(), 1);
    send_echo(REQUESTOR);
    await(ACCEPTOR, GS_EVENT_COMMAND);
    assert_int_equal(files(), 0);
    struct gs_error error;
    assert_null(gs_session_commit(session_of(ACCEPTOR), "late", GS_COLLISION_DISTINCT, &error));
    free(bytes);
}

static void a_name_that_is_too_long_fails_the_object_and_nothing_else(void **state)
{
    (void)state;
    char name[GS_PATH_MAX + 1];
    memset(name, 'a', sizeof name);
    name[GS_PATH_MAX] = '\0';
    associated_pipe(MIB);
    send_bytes(REQUESTOR, "1234", 4);
    receive(ACCEPTOR, file_sink(false), name);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
    assert_true(received->failed);
    assert_string_equal(received->error.code, "object-name");
    release_pair();
    assert_int_equal(files(), 0);
}

static void a_peer_that_ends_within_an_object_leaves_no_file(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    for (int way = 0; way < 3; way++) {
        associated_pipe(MIB);
        struct gs_outgoing data = {
            .bytes = bytes, .size = MIB, .descriptor = -1, .unfinished = true};
        send_message(REQUESTOR, GS_C_STORE_RQ, &data);
        receive(ACCEPTOR, gs_sink_file_new(directory, &budget, false), "1.2.3");
        while (turn(0.01)) /* the requestor has sent all that it will */
            ;
        assert_int_equal(files(), 1);
        if (way == 0)
            gs_session_abort(session_of(REQUESTOR));
        else if (way == 1)
            gs_session_drop(session_of(REQUESTOR));
        else
            gs_session_release(session_of(REQUESTOR));
        static const enum gs_event_type ends[] = {GS_EVENT_ABORTED, GS_EVENT_FAILED,
                                                  GS_EVENT_RELEASED};
        await(ACCEPTOR, ends[way]);
        assert_int_equal(files(), 0);
        close_sides();
    }
    free(bytes);
}

static void limit_file_size(rlim_t limit)
{
    struct rlimit limits;
    getrlimit(RLIMIT_FSIZE, &limits);
    limits.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limits), 0);
}

static void
an_object_that_cannot_be_written_is_read_to_its_end_and_the_next_one_is_stored(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    signal(SIGXFSZ, SIG_IGN);
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, MIB);
    receive(ACCEPTOR, gs_sink_file_new(directory, &budget, false), "1.2.3");
    limit_file_size(200000);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
    limit_file_size(RLIM_INFINITY);
    assert_true(received->failed);
    assert_string_equal(received->error.code, "object-write");
    assert_int_equal(received->error.system, EFBIG);
    assert_int_equal(received->size, MIB);
    assert_int_equal(files(), 0);
    await(REQUESTOR, GS_EVENT_SENT);
    send_bytes(REQUESTOR, bytes, 1000);
    receive(ACCEPTOR, file_sink(false), "1.2.4");
    await_file(ACCEPTOR, "1.2.4", bytes, 1000);
    release_pair();
    free(bytes);
}

static void an_output_directory_that_was_removed_fails_its_objects_and_nothing_else(void **state)
{
    (void)state;
    associated_pipe(MIB);
    assert_int_equal(rmdir(directory_path), 0);
    for (int i = 0; i < 2; i++) {
        send_bytes(REQUESTOR, "1234", 4);
        receive(ACCEPTOR, gs_sink_file_new(directory, &budget, i == 0), "1.2.3");
        const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
        assert_true(received->failed);
        assert_string_equal(received->error.code, "object-write");
        assert_int_equal(received->size, 4);
    }
    release_pair();
}

/* --- the header window -------------------------------------------------------------------------
 */

static void a_header_is_told_before_the_rest_and_decides_the_name(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    associated_pipe(65536);
    send_bytes(REQUESTOR, bytes, MIB);
    receive(ACCEPTOR, file_sink(true), NULL);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_HEADER)->received;
    assert_true(gs_session_undecided(session_of(ACCEPTOR)));
    assert_false(received->incomplete);
    assert_int_equal(received->bytes_size, HEADER_SIZE);
    assert_memory_equal(received->bytes, bytes, HEADER_SIZE);
    assert_true(received->size < MIB);
    assert_int_equal(gs_session_resume(session_of(ACCEPTOR), true, "A^B", GS_COLLISION_DISTINCT),
                     0);
    await_file(ACCEPTOR, "A^B", bytes, MIB);
    await(REQUESTOR, GS_EVENT_SENT);
    release_pair();
    free(bytes);
}

static void a_header_may_decide_that_the_object_is_not_kept(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    associated_pipe(65536);
    send_bytes(REQUESTOR, bytes, MIB);
    receive(ACCEPTOR, file_sink(true), NULL);
    await(ACCEPTOR, GS_EVENT_HEADER);
    gs_session_resume(session_of(ACCEPTOR), false, NULL, GS_COLLISION_DISTINCT);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
    assert_false(received->failed || received->committed);
    assert_int_equal(received->size, MIB);
    await(REQUESTOR, GS_EVENT_SENT);
    release_pair();
    assert_int_equal(files(), 0);
    free(bytes);
}

static void the_header_of_an_object_without_pixel_data_is_all_of_it(void **state)
{
    (void)state;
    uint8_t *bytes = image(HEADER_SIZE + 8);
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, HEADER_SIZE);
    receive(ACCEPTOR, file_sink(true), NULL);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_HEADER)->received;
    assert_int_equal(received->bytes_size, HEADER_SIZE);
    gs_session_resume(session_of(ACCEPTOR), true, "short", GS_COLLISION_DISTINCT);
    await_file(ACCEPTOR, "short", bytes, HEADER_SIZE);
    free(bytes);
}

static void the_header_of_a_broken_data_set_is_incomplete_and_the_object_goes_on(void **state)
{
    (void)state;
    static const char bytes[] = "\x10\0\x10\0\xff\xff\xff\x7f"
                                "A^B";
    associated_pipe(MIB);
    send_bytes(REQUESTOR, bytes, sizeof bytes);
    receive(ACCEPTOR, file_sink(true), NULL);
    const struct gs_received *received = await(ACCEPTOR, GS_EVENT_HEADER)->received;
    assert_true(received->incomplete);
    assert_null(received->bytes);
    gs_session_resume(session_of(ACCEPTOR), true, "broken", GS_COLLISION_DISTINCT);
    await_file(ACCEPTOR, "broken", bytes, sizeof bytes);
}

static void an_end_while_a_header_waits_for_its_answer_leaves_no_file(void **state)
{
    (void)state;
    uint8_t *bytes = image(MIB);
    associated_pipe(65536);
    send_bytes(REQUESTOR, bytes, MIB);
    receive(ACCEPTOR, file_sink(true), NULL);
    await(ACCEPTOR, GS_EVENT_HEADER);
    gs_session_abort(session_of(ACCEPTOR));
    assert_false(gs_session_undecided(session_of(ACCEPTOR)));
    assert_int_equal(gs_session_resume(session_of(ACCEPTOR), true, "late", GS_COLLISION_DISTINCT),
                     -1);
    await(ACCEPTOR, GS_EVENT_CLOSED);
    await(REQUESTOR, GS_EVENT_ABORTED);
    assert_int_equal(files(), 0);
    free(bytes);
}

/* --- sending -----------------------------------------------------------------------------------
 */

static void a_large_data_set_passes_a_small_transport_from_memory_and_from_a_file(void **state)
{
    (void)state;
    const size_t size = 3 * MIB + 1;
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
        cutter_open,       cutter_receive, cutter_send,  cutter_shut,
        cutter_descriptor, cutter_wants,   cutter_close, cutter_peer};
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
    gs_session_resume(session_of(ACCEPTOR), true, "first", GS_COLLISION_REPLACE);
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

static void bytes_postpone_the_deadline(void **state)
{
    (void)state;
    associated_pipe(MIB);
    deadlines_of(REQUESTOR)->dimse = 10 * BRIEF;
    for (int i = 0; i < 6; i++) {
        assert_false(turn(2 * BRIEF));
        send_echo(ACCEPTOR);
        await(REQUESTOR, GS_EVENT_COMMAND);
    }
    await_failure(REQUESTOR, "dimse-timeout");
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
        TEST(an_association_is_requested_accepted_and_released),
        TEST(the_acceptor_may_release_too),
        TEST(both_may_release_at_once),
        TEST(a_rejection_has_its_result_source_and_reason),
        TEST(a_request_of_another_protocol_version_is_rejected_on_the_wire),
        TEST(an_abort_of_either_side_is_read_by_the_other),
        TEST(a_violation_of_the_protocol_is_answered_by_an_abort_with_its_reason),
        TEST(what_is_no_dicom_peer_is_named),
        TEST(an_end_without_release_or_abort_is_a_failure),
        TEST(an_end_is_told_once),
        TEST(an_association_that_is_over_refuses_everything),
        TEST(a_command_without_a_data_set_asks_for_no_sink),
        TEST(an_object_becomes_the_file_of_its_name),
        TEST(an_object_may_go_to_memory),
        TEST(an_object_may_be_forgotten),
        TEST(objects_come_one_after_the_other_each_to_its_own_sink),
        TEST(an_empty_data_set_is_received_as_such),
        TEST(an_object_may_get_its_name_when_it_is_there),
        TEST(an_object_that_gets_no_name_leaves_nothing),
        TEST(a_name_that_is_too_long_fails_the_object_and_nothing_else),
        TEST(a_peer_that_ends_within_an_object_leaves_no_file),
        TEST(an_object_that_cannot_be_written_is_read_to_its_end_and_the_next_one_is_stored),
        TEST(an_output_directory_that_was_removed_fails_its_objects_and_nothing_else),
        TEST(a_header_is_told_before_the_rest_and_decides_the_name),
        TEST(a_header_may_decide_that_the_object_is_not_kept),
        TEST(the_header_of_an_object_without_pixel_data_is_all_of_it),
        TEST(the_header_of_a_broken_data_set_is_incomplete_and_the_object_goes_on),
        TEST(an_end_while_a_header_waits_for_its_answer_leaves_no_file),
        TEST(a_large_data_set_passes_a_small_transport_from_memory_and_from_a_file),
        TEST(both_sides_may_send_large_data_sets_at_once),
        TEST(what_cannot_be_sent_is_refused_and_its_file_is_closed),
        TEST(nothing_is_sent_after_the_request_for_release),
        TEST(a_release_has_to_wait_for_the_data_set_that_is_under_way),
        TEST(a_file_that_becomes_shorter_while_it_is_sent_ends_in_an_abort),
        TEST(a_message_goes_out_whole_or_not_at_all),
        TEST(what_waited_is_told_though_later_messages_went_at_once),
        TEST(an_abort_reaches_a_peer_that_has_to_write_before_it_reads),
        TEST(single_bytes_tell_the_same_story),
        TEST(random_pieces_tell_the_same_story),
        TEST(the_error_of_a_send_is_what_is_told),
        TEST(many_that_never_fall_silent_have_equal_shares),
        TEST(a_stream_moves_one_share_in_its_turn),
        TEST(who_had_an_event_comes_last_in_the_next_wait),
        TEST(a_request_that_is_not_answered_ends_in_an_abort),
        TEST(a_connection_without_a_request_ends_in_an_abort),
        TEST(silence_of_the_peer_ends_in_an_abort),
        TEST(bytes_postpone_the_deadline),
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
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

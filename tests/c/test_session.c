/*
 * One association from its transport to its sinks: its life, its objects, their headers, what is
 * edited of them.
 */
#include "pair.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

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
        assert_int_equal(gs_session_resume(session, true, NULL, GS_COLLISION_REPLACE, NULL), -1);
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
        assert_int_equal(send_bytes(REQUESTOR, bytes, 20000 - 2 * (size_t)i), 1);
    for (int i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        if (i % 2 == 0) {
            receive(ACCEPTOR, file_sink(i == 0), name);
            if (i == 0) {
                await(ACCEPTOR, GS_EVENT_HEADER);
                gs_session_resume(session_of(ACCEPTOR), true, name, GS_COLLISION_DISTINCT, NULL);
            }
            await_file(ACCEPTOR, name, bytes, 20000 - 2 * (size_t)i);
        } else {
            receive(ACCEPTOR, gs_sink_discard_new(), NULL);
            assert_int_equal(await(ACCEPTOR, GS_EVENT_RECEIVED)->received->size, 20000 - 2 * i);
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
    assert_int_equal(mkdirat(gs_directory_descriptor(directory), "taken", 0777), 0);
    assert_null(gs_session_commit(session_of(ACCEPTOR), "taken", GS_COLLISION_REPLACE, &error));
    assert_string_equal(error.code, "object-name");
    assert_int_equal(unlinkat(gs_directory_descriptor(directory), "taken", AT_REMOVEDIR), 0);
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

static void an_object_that_cannot_be_written_fails_and_the_next_is_stored(void **state)
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
    assert_int_equal(
        gs_session_resume(session_of(ACCEPTOR), true, "A^B", GS_COLLISION_DISTINCT, NULL), 0);
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
    gs_session_resume(session_of(ACCEPTOR), false, NULL, GS_COLLISION_DISTINCT, NULL);
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
    gs_session_resume(session_of(ACCEPTOR), true, "short", GS_COLLISION_DISTINCT, NULL);
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
    gs_session_resume(session_of(ACCEPTOR), true, "broken", GS_COLLISION_DISTINCT, NULL);
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
    assert_int_equal(
        gs_session_resume(session_of(ACCEPTOR), true, "late", GS_COLLISION_DISTINCT, NULL), -1);
    await(ACCEPTOR, GS_EVENT_CLOSED);
    await(REQUESTOR, GS_EVENT_ABORTED);
    assert_int_equal(files(), 0);
    free(bytes);
}

/* --- edits -------------------------------------------------------------------------------------
 */

#define NAME_EDIT "\x10\0\x10\0\x08\0\0\0NEW^NAME"
static const struct gs_edit name_edit = {0x00100010, (const uint8_t *)NAME_EDIT, 16};
static const struct gs_edits name_edits = {.list = &name_edit, .count = 1, .sop_instance = "9.8"};

/* The file of an image whose name was edited. */
static void assert_edited(const char *name, const uint8_t *bytes, size_t size)
{
    uint8_t *expected = malloc(size + 4);
    memcpy(expected, NAME_EDIT, 16);
    memcpy(expected + 16, bytes + HEADER_SIZE, size - HEADER_SIZE);
    assert_file_has(name, expected, size + 4);
    free(expected);
}

/* Of one fragment, which is whole when its header is told, and of many. */
static void an_object_is_edited_while_it_comes(void **state)
{
    (void)state;
    static const size_t sizes[] = {HEADER_SIZE + 8, 100, 16000, 20000, 100000, MIB};
    associated_pipe(65536);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *bytes = image(sizes[i]);
        for (int named = 0; named < 2; named++) {
            int sent = send_bytes(REQUESTOR, bytes, sizes[i]);
            receive(ACCEPTOR, file_sink(true), NULL);
            await(ACCEPTOR, GS_EVENT_HEADER);
            assert_int_equal(gs_session_resume(session_of(ACCEPTOR), true, named ? "edited" : NULL,
                                               GS_COLLISION_REPLACE, &name_edits),
                             0);
            const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
            assert_false(received->failed);
            assert_int_equal(received->size, sizes[i]);
            assert_int_equal(received->committed, named);
            if (!named)
                assert_non_null(
                    gs_session_commit(session_of(ACCEPTOR), "edited", GS_COLLISION_REPLACE, NULL));
            assert_edited("edited", bytes, sizes[i]);
            if (sent == 0)
                await(REQUESTOR, GS_EVENT_SENT);
        }
        free(bytes);
    }
    assert_int_equal(files(), 1);
    release_pair();
}

static void an_object_that_waits_for_its_name_can_be_edited(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 100000, MIB};
    associated_pipe(65536);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *bytes = image(sizes[i]);
        char path[GS_PATH_MAX];
        struct gs_error error = {0};
        int sent = send_bytes(REQUESTOR, bytes, sizes[i]);
        receive(ACCEPTOR, file_sink(i % 2 == 1), NULL);
        if (i % 2 == 1) {
            await(ACCEPTOR, GS_EVENT_HEADER);
            gs_session_resume(session_of(ACCEPTOR), true, NULL, GS_COLLISION_REPLACE, NULL);
        }
        await(ACCEPTOR, GS_EVENT_RECEIVED);
        assert_int_equal(gs_session_spool(session_of(ACCEPTOR), path, NULL), 0);
        assert_int_equal(gs_session_edit(session_of(ACCEPTOR), &name_edits, NULL), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_non_null(
            gs_session_commit(session_of(ACCEPTOR), "edited", GS_COLLISION_REPLACE, NULL));
        assert_edited("edited", bytes, sizes[i]);
        assert_int_equal(gs_session_edit(session_of(ACCEPTOR), &name_edits, &error), -1);
        if (sent == 0)
            await(REQUESTOR, GS_EVENT_SENT);
        free(bytes);
    }
    release_pair();
    struct gs_error error = {0};
    assert_int_equal(gs_session_edit(session_of(ACCEPTOR), &name_edits, &error), -1);
    assert_string_equal(error.code, "object-name");
}

static void an_edit_that_cannot_be_made_fails_the_object_and_nothing_else(void **state)
{
    (void)state;
    static const struct gs_edit wrong = {0x00100020, (const uint8_t *)NAME_EDIT, 16};
    const struct gs_edits edits = {.list = &wrong, .count = 1};
    associated_pipe(2 * MIB);
    for (size_t size = 100; size <= MIB; size += MIB - 100) {
        uint8_t *bytes = image(size);
        send_bytes(REQUESTOR, bytes, size);
        free(bytes);
        receive(ACCEPTOR, file_sink(true), NULL);
        await(ACCEPTOR, GS_EVENT_HEADER);
        gs_session_resume(session_of(ACCEPTOR), true, "x", GS_COLLISION_REPLACE, &edits);
        const struct gs_received *received = await(ACCEPTOR, GS_EVENT_RECEIVED)->received;
        assert_true(received->failed);
        assert_string_equal(received->error.code, "bad-value");
        assert_int_equal(received->size, size);
        assert_int_equal(files(), 0);
    }
    uint8_t *bytes = image(MIB);
    send_bytes(REQUESTOR, bytes, MIB);
    receive(ACCEPTOR, file_sink(false), "next");
    await_file(ACCEPTOR, "next", bytes, MIB);
    free(bytes);
}

static void a_header_that_is_incomplete_takes_no_edits_but_the_object_does(void **state)
{
    (void)state;
    enum { SIZE = 5 * MIB };
    uint8_t *bytes = calloc(1, SIZE);
    put_element(bytes, 0x0010, 0x0010, 4);
    put_element(bytes + HEADER_SIZE, 0x0029, 0x1010, SIZE - HEADER_SIZE - 8);
    associated_pipe(65536);
    send_bytes(REQUESTOR, bytes, SIZE);
    receive(ACCEPTOR, file_sink(true), NULL);
    assert_true(await(ACCEPTOR, GS_EVENT_HEADER)->received->incomplete);
    struct gs_session *session = session_of(ACCEPTOR);
    assert_int_equal(gs_session_resume(session, true, NULL, GS_COLLISION_REPLACE, &name_edits), -1);
    assert_true(gs_session_undecided(session));
    assert_int_equal(gs_session_resume(session, true, NULL, GS_COLLISION_REPLACE, NULL), 0);
    await(ACCEPTOR, GS_EVENT_RECEIVED);
    assert_int_equal(gs_session_edit(session, &name_edits, NULL), 0);
    assert_non_null(gs_session_commit(session, "edited", GS_COLLISION_REPLACE, NULL));
    assert_edited("edited", bytes, SIZE);
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* --- a connection that takes nothing -----------------------------------------------------------
 */

static int mute_errno; /* of its send */

static int mute_open(struct gs_transport *transport, struct gs_error *failure)
{
    (void)transport;
    (void)failure;
    return 0;
}

static ssize_t mute_receive(struct gs_transport *transport, void *bytes, size_t size,
                            struct gs_error *failure)
{
    (void)transport;
    (void)bytes;
    (void)size;
    (void)failure;
    return GS_IO_AGAIN;
}

static ssize_t mute_send(struct gs_transport *transport, const void *bytes, size_t size,
                         struct gs_error *failure)
{
    (void)transport;
    (void)bytes;
    (void)size;
    gs_error_system(failure, "network", mute_errno, "cannot send");
    return GS_IO_FAILED;
}

static void mute_shut(struct gs_transport *transport)
{
    (void)transport;
}

static int mute_descriptor(const struct gs_transport *transport)
{
    (void)transport;
    return -1;
}

static short mute_wants(const struct gs_transport *transport, short otherwise)
{
    (void)transport;
    return otherwise;
}

static const char *mute_peer(const struct gs_transport *transport)
{
    (void)transport;
    return "mute";
}

/* Sending failed while there was nothing to read: the session tried again, as fast as it could,
 * until the write deadline came after a minute. */
static void a_transport_that_cannot_send_ends_the_session_at_once(void **state)
{
    (void)state;
    static const struct gs_transport_operations operations = {
        mute_open,  mute_receive, mute_send, mute_shut, mute_descriptor,
        mute_wants, mute_shut,    mute_peer, NULL};
    static struct gs_transport transport = {&operations, false};
    static const struct {
        int system;
        const char *code;
    } failures[] = {{ECONNRESET, "peer-closed"}, {EPIPE, "peer-closed"}, {ENOBUFS, "network"}};
    for (size_t i = 0; i < 3; i++) {
        mute_errno = failures[i].system;
        open_side(REQUESTOR, &transport);
        request();
        const struct gs_event *event = await(REQUESTOR, GS_EVENT_FAILED);
        assert_string_equal(event->error->code, failures[i].code);
        close_sides();
    }
}

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
        TEST(an_object_that_cannot_be_written_fails_and_the_next_is_stored),
        TEST(an_output_directory_that_was_removed_fails_its_objects_and_nothing_else),
        TEST(a_header_is_told_before_the_rest_and_decides_the_name),
        TEST(a_header_may_decide_that_the_object_is_not_kept),
        TEST(the_header_of_an_object_without_pixel_data_is_all_of_it),
        TEST(the_header_of_a_broken_data_set_is_incomplete_and_the_object_goes_on),
        TEST(an_end_while_a_header_waits_for_its_answer_leaves_no_file),
        TEST(an_object_is_edited_while_it_comes),
        TEST(an_object_that_waits_for_its_name_can_be_edited),
        TEST(an_edit_that_cannot_be_made_fails_the_object_and_nothing_else),
        TEST(a_header_that_is_incomplete_takes_no_edits_but_the_object_does),

        TEST(a_transport_that_cannot_send_ends_the_session_at_once),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

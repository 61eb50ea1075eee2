/*
 * What a process does that ends within a signal handler: its associations are aborted, and its
 * temporary files are gone. It happens in a child; the test itself is the peer.
 */
#include "pair.h"

#include "net/tcp.h"
#include "session/last_words.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#define LEFT_OVER (100u << 10) /* bytes of an object whose end never comes */

static struct gs_listener *listener;
static pid_t child;
static int child_log;
static char told[256]; /* by the child, on its standard error */

static int setup_listener(void **state)
{
    struct gs_error error;
    if (setup(state) != 0)
        return -1;
    listener = gs_listener_open(NULL, 0, &error);
    return listener != NULL ? 0 : -1;
}

static int teardown_listener(void **state)
{
    gs_listener_close(listener);
    return teardown(state);
}

/* --- the child ---------------------------------------------------------------------------------
 */

/* Runs `body` as a child, whose standard error is a file without a name. */
static void start_child(void (*body)(void))
{
    child_log = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(child_log >= 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1); /* an assertion ends the child, not just its test */
        dup2(child_log, STDERR_FILENO);
        body();
        _exit(99);
    }
}

static void assert_ended(void)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    ssize_t size = pread(child_log, told, sizeof told - 1, 0);
    told[size > 0 ? size : 0] = '\0';
    close(child_log);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != GS_LAST_WORDS_EXIT)
        fail_msg("the child's status is %x: %s", (unsigned)status, told);
}

static struct gs_transport *connect_to_parent(void)
{
    struct gs_error error;
    struct gs_transport *transport =
        gs_tcp_connect("127.0.0.1", gs_listener_port(listener), GS_FAMILY_IPV4, &error);
    assert_non_null(transport);
    return transport;
}

static void receive_an_object(struct gs_transport *transport)
{
    open_side(REQUESTOR, transport);
    request();
    await(REQUESTOR, GS_EVENT_ASSOCIATED);
    receive(REQUESTOR, gs_sink_file_new(directory, &budget, false), "1.2.3");
    assert_int_equal(files(), 1);
}

/* The parent's end. */
static struct gs_transport *accept_child(void)
{
    struct gs_transport *transport = NULL;
    struct pollfd readable = {.fd = gs_listener_descriptor(listener), .events = POLLIN};
    assert_int_equal(poll(&readable, 1, (int)(PATIENCE * 1000)), 1);
    assert_int_equal(gs_listener_accept(listener, &transport, NULL), 0);
    return transport;
}

static void serve_half_an_object(void)
{
    open_side(ACCEPTOR, accept_child());
    await(ACCEPTOR, GS_EVENT_REQUESTED);
    accept_request();
    uint8_t *bytes = image(2 * LEFT_OVER);
    struct gs_outgoing data = {
        .bytes = bytes, .size = LEFT_OVER, .descriptor = -1, .unfinished = true};
    send_message(ACCEPTOR, GS_C_STORE_RQ, &data);
    free(bytes);
}

/* --- associations ------------------------------------------------------------------------------
 */

static void receive_and_end(void)
{
    receive_an_object(connect_to_parent());
    gs_last_words();
}

static const struct gs_event *next_end(void)
{
    const struct gs_event *event = next_event(ACCEPTOR);
    return event->type == GS_EVENT_SENT ? next_event(ACCEPTOR) : event;
}

static void an_association_is_aborted_and_half_an_object_removed(void **state)
{
    (void)state;
    start_child(receive_and_end);
    serve_half_an_object();
    const struct gs_event *event = next_end();
    assert_int_equal(event->type, GS_EVENT_ABORTED);
    assert_int_equal(event->source, GS_ABORT_USER);
    assert_int_equal(event->reason, GS_ABORT_NOT_SPECIFIED);
    assert_ended();
    assert_int_equal(files(), 0);
    assert_string_equal(told, "F: a script ran past its limit and could not be stopped; the "
                              "association was aborted\n");
}

static void receive_and_end_without_a_word(void)
{
    struct gs_transport *transport = connect_to_parent();
    transport->plain = false;
    receive_an_object(transport);
    gs_last_words();
}

static void a_transport_that_is_not_plain_is_shut(void **state)
{
    (void)state;
    start_child(receive_and_end_without_a_word);
    serve_half_an_object();
    const struct gs_event *event = next_end();
    assert_int_equal(event->type, GS_EVENT_FAILED);
    assert_string_equal(event->error->code, "peer-closed");
    assert_ended();
    assert_int_equal(files(), 0);
}

static void drop_and_end(void)
{
    receive_an_object(connect_to_parent());
    gs_session_drop(session_of(REQUESTOR));
    assert_int_equal(files(), 0);
    gs_last_words();
}

static void an_association_that_is_over_has_no_last_words(void **state)
{
    (void)state;
    start_child(drop_and_end);
    serve_half_an_object();
    assert_int_equal(next_end()->type, GS_EVENT_FAILED);
    assert_ended();
    assert_string_equal(told, "F: a script ran past its limit and could not be stopped\n");
}

static int ends[2]; /* of the child and of its parent: each tells the other when it is ready */

static void await_turn(int end)
{
    char byte;
    assert_int_equal(read(end, &byte, 1), 1);
}

static void end_with_bytes_unread(void)
{
    open_side(REQUESTOR, connect_to_parent());
    turn(0);
    assert_int_equal(write(ends[0], "", 1), 1);
    await_turn(ends[0]);
    gs_last_words();
}

/* What is unread when a connection is closed resets it, and on many systems the peer then loses
 * what it has not read. */
static void bytes_that_we_did_not_read_do_not_reset_the_connection(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    start_child(end_with_bytes_unread);
    raw = accept_child();
    await_turn(ends[1]);
    raw_send("\x04\0\0\0\x01\0", 6);
    assert_int_equal(write(ends[1], "", 1), 1);
    assert_ended();
    uint8_t bytes[64];
    assert_int_equal(raw->operations->receive(raw, bytes, sizeof bytes, NULL), 10);
    assert_memory_equal(bytes, "\x07\0\0\0\0\x04\0\0\0\0", 10);
    int reset = 0;
    socklen_t size = sizeof reset;
    getsockopt(raw->operations->descriptor(raw), SOL_SOCKET, SO_ERROR, &reset, &size);
    assert_int_equal(reset, 0);
    close(ends[0]);
    close(ends[1]);
}

/* Sends what nobody reads until no more is taken. */
static void fill_and_end(void)
{
    struct gs_transport *transport = connect_to_parent();
    open_side(REQUESTOR, transport);
    turn(0);
    uint8_t *bytes = image(MIB);
    while (transport->operations->send(transport, bytes, MIB, NULL) > 0)
        ;
    gs_last_words();
}

static void a_peer_that_reads_nothing_holds_nobody_up(void **state)
{
    (void)state;
    start_child(fill_and_end);
    assert_ended();
    assert_non_null(strstr(told, "aborted"));
}

/* --- files -------------------------------------------------------------------------------------
 */

static const struct gs_part10 meta = {
    .sop_class = CT,
    .sop_class_size = sizeof CT - 1,
    .sop_instance = "1.2.3",
    .sop_instance_size = 5,
    .transfer_syntax = IMPLICIT,
    .transfer_syntax_size = sizeof IMPLICIT - 1,
};

/* An object that has come, and has no name yet. */
static struct gs_sink *finished_sink(void)
{
    struct gs_error error;
    struct gs_sink *sink = gs_sink_file_new(directory, &budget, false);
    assert_non_null(sink);
    assert_int_equal(gs_sink_begin(sink, &meta, 0, &error), 0);
    assert_int_equal(gs_sink_write(sink, (const uint8_t *)"1234", 4, &error), 0);
    assert_int_equal(gs_sink_finish(sink, &error), 0);
    return sink;
}

static void commit_one_of_three_and_end(void)
{
    struct gs_error error;
    struct gs_committed committed;
    struct gs_sink *sinks[] = {finished_sink(), finished_sink(), finished_sink()};
    assert_int_equal(gs_sink_commit(sinks[1], "kept", GS_COLLISION_DISTINCT, &committed, &error),
                     0);
    assert_int_equal(files(), 3);
    gs_last_words();
}

static void only_what_has_its_name_stays(void **state)
{
    (void)state;
    start_child(commit_one_of_three_and_end);
    assert_ended();
    assert_int_equal(files(), 1);
    assert_file_has("kept", "1234", 4);
}

static void end_now(int number)
{
    (void)number;
    gs_last_words();
}

static suseconds_t delay;

static void write_until_the_end(void)
{
    signal(SIGALRM, end_now);
    struct itimerval timer = {.it_value.tv_usec = delay, .it_interval.tv_usec = 100};
    setitimer(ITIMER_REAL, &timer, NULL);
    for (unsigned i = 0;; i++) {
        struct gs_error error;
        struct gs_committed committed;
        struct gs_sink *sink = finished_sink();
        if (i % 2 == 0)
            gs_sink_commit(sink, "kept", GS_COLLISION_REPLACE, &committed, &error);
        gs_sink_free(sink);
    }
}

static void there_is_no_moment_that_leaves_a_file(void **state)
{
    (void)state;
    for (delay = 1000; delay < 5000; delay += 97) {
        start_child(write_until_the_end);
        assert_ended();
        assert_in_range(files(), 0, 1);
        if (files() == 1)
            assert_file_has("kept", "1234", 4);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_listener, teardown_listener)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_association_is_aborted_and_half_an_object_removed),
        TEST(a_transport_that_is_not_plain_is_shut),
        TEST(an_association_that_is_over_has_no_last_words),
        TEST(bytes_that_we_did_not_read_do_not_reset_the_connection),
        TEST(a_peer_that_reads_nothing_holds_nobody_up),
        TEST(only_what_has_its_name_stays),
        TEST(there_is_no_moment_that_leaves_a_file),
    };
    return cmocka_run_group_tests_name("last_words", tests, NULL, NULL);
}

/*
 * Associations over TCP on the loopback interface, listeners, and look-ups of names.
 */
#include "pair.h"

#include "net/tcp.h"
#include "session/listening.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

/* --- names, as a test wants them ---------------------------------------------------------------
 *
 * This program's definition comes before that of the C library. "several.test" has the addresses
 * 127.0.0.2, 127.0.0.3 and ::1, "slow.test" is answered when the test says so, and any other name
 * below "test" is unknown.
 */

static sem_t slow_answers;

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static look_up *system_look_up(void)
{
    look_up *found;
    *(void **)&found = dlsym(RTLD_NEXT, "getaddrinfo");
    return found;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **addresses)
{
    size_t size = strlen(host);
    if (size < 5 || strcmp(host + size - 5, ".test") != 0)
        return system_look_up()(host, port, hints, addresses);
    bool several = strcmp(host, "several.test") == 0, slow = strcmp(host, "slow.test") == 0;
    if ((hints->ai_flags & AI_NUMERICHOST) != 0 || !(several || slow))
        return EAI_NONAME;
    if (slow)
        sem_wait(&slow_answers);
    static const char *const hosts[] = {"127.0.0.2", "127.0.0.3", "::1"};
    struct addrinfo **end = addresses;
    for (size_t i = 0; i < (several ? 3 : 1); i++) {
        int result = system_look_up()(hosts[i], port, hints, end);
        if (result != 0)
            return result;
        while (*end != NULL)
            end = &(*end)->ai_next;
    }
    return 0;
}

/* --- listening and connecting ------------------------------------------------------------------
 */

static struct gs_listening *listening;

static void open_listening(const char *host)
{
    struct gs_error error;
    listening = gs_listening_new(host, 0, RECEIVE_MAX, &error);
    if (listening == NULL)
        fail_msg("%s", error.message);
    assert_int_not_equal(gs_listening_port(listening), 0);
}

static struct gs_transport *connect_to(const char *host, uint16_t port, enum gs_family family)
{
    struct gs_error error;
    struct gs_transport *transport = gs_tcp_connect(host, port, family, &error);
    if (transport == NULL)
        fail_msg("%s", error.message);
    return transport;
}

static void connect_requestor(const char *host, uint16_t port, enum gs_family family)
{
    open_side(REQUESTOR, connect_to(host, port, family));
}

/* The session of the next connection. */
static struct gs_session *await_connection(void)
{
    struct gs_source *sources[2] = {gs_listening_source(listening)};
    size_t count = 1, index;
    struct gs_event event;
    if (session_of(REQUESTOR) != NULL)
        sources[count++] = gs_session_source(session_of(REQUESTOR));
    assert_int_equal(gs_wait(&waiter, sources, count, PATIENCE, &index, &event), GS_WAIT_EVENT);
    if (event.type == GS_EVENT_FAILED)
        fail_msg("%s", event.error->message);
    assert_int_equal(event.type, GS_EVENT_ACCEPTED);
    assert_non_null(event.session);
    return event.session;
}

static void connected_pair(const char *listens, const char *host, enum gs_family family)
{
    open_listening(listens);
    connect_requestor(host, gs_listening_port(listening), family);
    sides[ACCEPTOR].session = await_connection();
}

static void associated_tcp(void)
{
    connected_pair(NULL, "127.0.0.1", GS_FAMILY_ANY);
    associate_pair();
}

static int close_listening(void **state)
{
    gs_listening_free(listening);
    listening = NULL;
    return teardown(state);
}

/* A port where nobody listens, for it is taken by a socket that does not. */
static int unused;
static uint16_t unused_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t size = sizeof address;
    unused = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(unused, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(unused, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

/* --- a socket of the test as the peer ----------------------------------------------------------
 */

static int peer = -1;

static void connect_peer(void)
{
    open_listening(NULL);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gs_listening_port(listening)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    sides[ACCEPTOR].session = await_connection();
}

static void peer_sends(const void *bytes, size_t size)
{
    assert_int_equal(send(peer, bytes, size, MSG_NOSIGNAL), size);
}

/* An association that the socket has requested. */
static void associate_peer(void)
{
    connect_peer();
    struct gs_associate associate = proposal();
    associate.protocol_version = 1;
    uint8_t *pdu;
    size_t size;
    assert_int_equal(gs_associate_encode(&associate, GS_PDU_ASSOCIATE_RQ, &pdu, &size), 0);
    peer_sends(pdu, size);
    free(pdu);
    gs_associate_clear(&associate);
    await(ACCEPTOR, GS_EVENT_REQUESTED);
    accept_request();
}

/* A C-STORE-RQ and the first bytes of its data set. */
static void peer_begins_an_object(size_t size)
{
    struct gs_command command = command_of(GS_C_STORE_RQ, true);
    uint8_t bytes[GS_PDATA_HEADER_SIZE + 16000];
    size_t encoded = gs_command_encode(&command, bytes + GS_PDATA_HEADER_SIZE, 4096);
    gs_pdata_encode(CT_CONTEXT, true, true, (uint32_t)encoded, bytes);
    peer_sends(bytes, GS_PDATA_HEADER_SIZE + encoded);
    memset(bytes, 0, sizeof bytes);
    gs_pdata_encode(CT_CONTEXT, false, false, 16000, bytes);
    for (size_t sent = 0; sent < size; sent += 16000)
        peer_sends(bytes, sizeof bytes);
}

static void close_peer(bool reset)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(peer);
    peer = -1;
}

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* --- connecting --------------------------------------------------------------------------------
 */

static void a_whole_association_passes_over_ipv4_and_ipv6(void **state)
{
    (void)state;
    static const struct {
        const char *listens, *host;
        enum gs_family family;
        const char *peer;
    } ways[] = {{"127.0.0.1", "127.0.0.1", GS_FAMILY_ANY, "127.0.0.1:"},
                {"127.0.0.1", "127.0.0.1", GS_FAMILY_IPV4, "127.0.0.1:"},
                {"::1", "::1", GS_FAMILY_ANY, "[::1]:"},
                {"::1", "::1", GS_FAMILY_IPV6, "[::1]:"},
                {"127.0.0.1", "localhost", GS_FAMILY_IPV4, "127.0.0.1:"},
                {"127.0.0.1", "localhost", GS_FAMILY_ANY, "127.0.0.1:"},
                {"::1", "several.test", GS_FAMILY_ANY, "[::1]:"}};
    uint8_t *bytes = image(MIB);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        connected_pair(ways[i].listens, ways[i].host, ways[i].family);
        associate_pair();
        const char *address = gs_session_peer(session_of(REQUESTOR));
        assert_memory_equal(address, ways[i].peer, strlen(ways[i].peer));
        send_file(REQUESTOR, bytes, MIB);
        receive(ACCEPTOR, file_sink(false), "1.2.3");
        await_file(ACCEPTOR, "1.2.3", bytes, MIB);
        gs_session_release(session_of(REQUESTOR));
        await(ACCEPTOR, GS_EVENT_RELEASED);
        close_sides();
        remove_files();
        gs_listening_free(listening);
        listening = NULL;
    }
    free(bytes);
}

static void a_name_that_nobody_knows_is_named(void **state)
{
    (void)state;
    connect_requestor("nobody.test", 104, GS_FAMILY_ANY);
    const struct gs_event *event = await(REQUESTOR, GS_EVENT_FAILED);
    assert_string_equal(event->error->code, "lookup-failed");
    assert_non_null(strstr(event->error->message, "nobody.test"));
}

static void an_address_of_the_other_family_is_an_error_of_look_up(void **state)
{
    (void)state;
    connect_requestor("127.0.0.1", 104, GS_FAMILY_IPV6);
    const struct gs_event *event = await(REQUESTOR, GS_EVENT_FAILED);
    assert_string_equal(event->error->code, "lookup-failed");
    assert_non_null(strstr(event->error->message, "IPv6"));
}

static void a_refused_connection_names_every_address(void **state)
{
    (void)state;
    connect_requestor("several.test", unused_port(), GS_FAMILY_ANY);
    const struct gs_event *event = await(REQUESTOR, GS_EVENT_FAILED);
    assert_string_equal(event->error->code, "connect-refused");
    static const char *const named[] = {"several.test",
                                        "127.0.0.2:", "127.0.0.3:", "[::1]:", "refused"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        assert_non_null(strstr(event->error->message, named[i]));
    close(unused);
}

static void a_name_that_is_answered_too_late_runs_into_the_deadline(void **state)
{
    (void)state;
    int before = open_descriptors();
    connect_requestor("slow.test", 104, GS_FAMILY_ANY);
    gs_session_deadlines(session_of(REQUESTOR))->connect = BRIEF;
    await_failure(REQUESTOR, "connect-timeout");
    gs_session_free(session_of(REQUESTOR));
    sides[REQUESTOR].session = NULL;
    /* the thread lets go of what is left when its answer comes */
    sem_post(&slow_answers);
    double until = gs_clock() + PATIENCE;
    while (open_descriptors() > before && gs_clock() < until)
        sched_yield();
}

static void a_name_that_is_answered_late_is_connected_to(void **state)
{
    (void)state;
    uint16_t port = unused_port();
    connect_requestor("slow.test", port, GS_FAMILY_ANY);
    assert_false(turn(BRIEF));
    sem_post(&slow_answers);
    await_failure(REQUESTOR, "connect-refused");
    close(unused);
}

/* Connections beyond the backlog are not answered. */
static void a_connection_that_is_not_answered_runs_into_the_deadline(void **state)
{
    (void)state;
    uint16_t port = unused_port();
    assert_int_equal(listen(unused, 0), 0);
    struct gs_transport *waiting[8];
    struct gs_error error;
    int opened;
    for (opened = 0; opened < 8; opened++) {
        waiting[opened] = connect_to("127.0.0.1", port, GS_FAMILY_IPV4);
        waiting[opened]->operations->open(waiting[opened], &error);
    }
    connect_requestor("127.0.0.1", port, GS_FAMILY_ANY);
    gs_session_deadlines(session_of(REQUESTOR))->connect = BRIEF;
    double used = cpu_seconds();
    const struct gs_event *event = await(REQUESTOR, GS_EVENT_FAILED);
    assert_string_equal(event->error->code, "connect-timeout");
    assert_non_null(strstr(event->error->message, "127.0.0.1:"));
    assert_true(cpu_seconds() - used < BRIEF);
    while (opened-- > 0)
        waiting[opened]->operations->close(waiting[opened]);
    close(unused);
}

static void a_port_can_be_listened_on_once(void **state)
{
    (void)state;
    struct gs_error error;
    open_listening(NULL);
    assert_null(gs_listening_new(NULL, gs_listening_port(listening), RECEIVE_MAX, &error));
    assert_string_equal(error.code, "listen-failed");
    assert_int_equal(error.system, EADDRINUSE);
    assert_null(gs_listening_new("nobody.test", 0, RECEIVE_MAX, &error));
    assert_string_equal(error.code, "listen-failed");
}

static void a_listener_takes_many_connections(void **state)
{
    (void)state;
    open_listening(NULL);
    struct gs_transport *opened[20];
    struct gs_session *accepted[20];
    struct gs_error error;
    for (int i = 0; i < 20; i++) {
        opened[i] = connect_to("127.0.0.1", gs_listening_port(listening), GS_FAMILY_ANY);
        opened[i]->operations->open(opened[i], &error);
    }
    for (int i = 0; i < 20; i++)
        accepted[i] = await_connection();
    struct gs_source *source = gs_listening_source(listening);
    struct gs_event event;
    size_t index;
    assert_int_equal(gs_wait(&waiter, &source, 1, 0, &index, &event), GS_WAIT_TIMEOUT);
    for (int i = 0; i < 20; i++) {
        gs_session_free(accepted[i]);
        opened[i]->operations->close(opened[i]);
    }
}

static void a_listener_without_descriptors_is_an_error_and_goes_on_later(void **state)
{
    (void)state;
    open_listening(NULL);
    struct gs_transport *opened =
        connect_to("127.0.0.1", gs_listening_port(listening), GS_FAMILY_ANY);
    struct gs_error error;
    opened->operations->open(opened, &error);
    int taken[4096];
    int count = 0;
    while (count < 4096 && (taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    struct gs_source *source = gs_listening_source(listening);
    struct gs_event event;
    size_t index;
    if (count < 4096) {
        assert_int_equal(gs_wait(&waiter, &source, 1, PATIENCE, &index, &event), GS_WAIT_EVENT);
        assert_int_equal(event.type, GS_EVENT_FAILED);
        assert_string_equal(event.error->code, "accept-failed");
        assert_null(gs_tcp_connect("several.test", 104, GS_FAMILY_ANY, &error));
        assert_string_equal(error.code, "lookup-failed");
        connect_requestor("127.0.0.1", 104, GS_FAMILY_ANY);
        await_failure(REQUESTOR, "connect-failed");
    }
    while (count-- > 0)
        close(taken[count]);
    gs_session_free(await_connection());
    opened->operations->close(opened);
}

/* --- ends --------------------------------------------------------------------------------------
 */

/* What the peer has not read yet is destroyed when the connection is reset, as it is by closing a
 * socket that has something unread. */
static void an_abort_is_read_by_a_peer_that_was_sending(void **state)
{
    (void)state;
    uint8_t *bytes = image(8 * MIB);
    for (int who = 0; who < 2; who++) {
        associated_tcp();
        send_bytes(1 - who, bytes, 8 * MIB);
        receive(who, gs_sink_file_new(directory, &budget, false), "1.2.3");
        turn(BRIEF);
        assert_int_equal(gs_session_abort(session_of(who)), 0);
        const struct gs_event *event = next_event(1 - who);
        if (event->type == GS_EVENT_SENT)
            event = next_event(1 - who);
        assert_int_equal(event->type, GS_EVENT_ABORTED);
        assert_int_equal(event->source, GS_ABORT_USER);
        await(who, GS_EVENT_CLOSED);
        assert_int_equal(files(), 0);
        close_sides();
        gs_listening_free(listening);
        listening = NULL;
    }
    free(bytes);
}

static void the_abort_of_an_association_that_is_freed_arrives_too(void **state)
{
    (void)state;
    associate_peer();
    peer_begins_an_object(32000);
    double began = gs_clock();
    gs_session_free(session_of(ACCEPTOR));
    assert_true(gs_clock() - began < 1);
    sides[ACCEPTOR].session = NULL;
    uint8_t bytes[4096];
    ssize_t got = recv(peer, bytes, sizeof bytes, MSG_WAITALL);
    assert_true(got >= 10);
    assert_memory_equal(bytes + got - 10, "\x07\0\0\0\0\x04\0\0\0\0", 10);
    close_peer(false);
}

static void a_peer_that_closes_or_resets_within_an_object_leaves_no_file(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        associate_peer();
        peer_begins_an_object(160000);
        receive(ACCEPTOR, gs_sink_file_new(directory, &budget, false), "1.2.3");
        assert_false(turn(BRIEF));
        assert_int_equal(files(), 1);
        close_peer(reset);
        await_failure(ACCEPTOR, "peer-closed");
        assert_int_equal(files(), 0);
        close_sides();
        gs_listening_free(listening);
        listening = NULL;
    }
}

/* The abort came before the reset that our next write met. */
static void an_abort_is_read_though_writing_fails(void **state)
{
    (void)state;
    associate_peer();
    turn(0.01);
    peer_sends("\x07\0\0\0\0\x04\0\0\x02\x01", 10);
    close_peer(false);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(send_echo(ACCEPTOR), -1);
    const struct gs_event *event = next_event(ACCEPTOR);
    if (event->type == GS_EVENT_FAILED)
        skip(); /* some kernels forget what was received when a reset follows */
    assert_int_equal(event->type, GS_EVENT_ABORTED);
    assert_int_equal(event->source, 2);
    assert_int_equal(event->reason, 1);
}

static void a_peer_that_never_closes_after_the_release_is_left_after_a_moment(void **state)
{
    (void)state;
    associate_peer();
    peer_sends("\x05\0\0\0\0\x04\0\0\0\0", 10);
    double began = gs_clock(), used = cpu_seconds();
    assert_true(await(ACCEPTOR, GS_EVENT_RELEASED)->by_peer);
    assert_in_range((int)((gs_clock() - began) * 10), 9, 15);
    assert_true(cpu_seconds() - used < 0.2);
    close_peer(false);
}

static void a_write_to_a_peer_that_has_gone_raises_no_signal(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL);
    uint8_t *bytes = image(MIB);
    associate_peer();
    turn(0.01);
    close_peer(true);
    send_bytes(ACCEPTOR, bytes, MIB);
    await_failure(ACCEPTOR, "peer-closed");
    free(bytes);
}

/* --- waiting -----------------------------------------------------------------------------------
 */

/* What the socket had was only looked for when there was time to wait. */
static void a_wait_of_no_time_sees_what_has_come(void **state)
{
    (void)state;
    associate_peer();
    peer_begins_an_object(0);
    double until = gs_clock() + PATIENCE;
    while (!turn(0) && gs_clock() < until)
        ;
    await(ACCEPTOR, GS_EVENT_COMMAND);
    close_peer(false);
}

/* A question is open and the peer has gone: poll(2) says so again and again. */
static void an_open_question_costs_no_time_though_the_peer_has_gone(void **state)
{
    (void)state;
    associate_peer();
    peer_begins_an_object(16000);
    await(ACCEPTOR, GS_EVENT_COMMAND);
    close_peer(true);
    double used = cpu_seconds();
    assert_false(turn(4 * BRIEF));
    assert_true(cpu_seconds() - used < 2 * BRIEF);
    struct gs_sink *sink = gs_sink_discard_new();
    assert_int_equal(gs_session_receive(session_of(ACCEPTOR), sink, NULL, GS_COLLISION_REPLACE, ""),
                     0);
    await_failure(ACCEPTOR, "peer-closed");
}

/* What could not be written waits, and the peer has gone. */
static void a_peer_that_reads_nothing_costs_no_time(void **state)
{
    (void)state;
    uint8_t *bytes = image(16 * MIB);
    associate_peer();
    assert_int_equal(send_bytes(ACCEPTOR, bytes, 16 * MIB), 0);
    assert_false(turn(BRIEF));
    double used = cpu_seconds();
    assert_false(turn(4 * BRIEF));
    assert_true(cpu_seconds() - used < 2 * BRIEF);
    gs_session_deadlines(session_of(ACCEPTOR))->write = BRIEF;
    await_failure(ACCEPTOR, "write-timeout");
    close_peer(false);
    free(bytes);
}

enum { QUESTIONS = 400, ANSWER = 60000 };

/* Answers what is asked, as long as something happens within `seconds`; returns how many times. */
static int answer_all(const uint8_t *bytes, double seconds)
{
    int answered = 0;
    while (turn(seconds)) {
        if (next_event(ACCEPTOR)->type != GS_EVENT_COMMAND)
            continue; /* what was sent has gone */
        assert_int_not_equal(send_bytes(ACCEPTOR, bytes, ANSWER), -1);
        answered++;
    }
    return answered;
}

/* It asked on and on, until so much waited for it that an answer was refused. */
static void a_peer_that_asks_and_does_not_read_is_not_read_either(void **state)
{
    (void)state;
    uint8_t *bytes = image(ANSWER), *heard = malloc(MIB);
    associate_peer();
    struct gs_command command = command_of(GS_C_ECHO_RQ, false);
    uint8_t pdu[GS_PDATA_HEADER_SIZE + 4096];
    size_t size = gs_command_encode(&command, pdu + GS_PDATA_HEADER_SIZE, 4096);
    gs_pdata_encode(CT_CONTEXT, true, true, (uint32_t)size, pdu);
    for (int i = 0; i < QUESTIONS; i++)
        peer_sends(pdu, GS_PDATA_HEADER_SIZE + size);
    int answered = answer_all(bytes, BRIEF);
    assert_in_range(answered, 1, QUESTIONS - 1);
    while (answered < QUESTIONS) {
        assert_true(recv(peer, heard, MIB, 0) > 0);
        answered += answer_all(bytes, 0);
    }
    close_peer(false);
    free(bytes);
    free(heard);
}

static void an_association_has_its_turn_though_another_never_falls_silent(void **state)
{
    (void)state;
    associate_peer(); /* over TCP, by poll(2) */
    turn(0.01);
    struct gs_session *quiet = session_of(ACCEPTOR);
    sides[ACCEPTOR].session = NULL;
    associated_pipe(MIB);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(send_echo(REQUESTOR), 1);
    peer_begins_an_object(0);
    struct gs_source *sources[] = {gs_session_source(session_of(ACCEPTOR)),
                                   gs_session_source(quiet)};
    struct gs_event event;
    size_t index;
    int others = 0;
    while (gs_wait(&waiter, sources, 2, PATIENCE, &index, &event) == GS_WAIT_EVENT && index == 0)
        others++;
    assert_int_equal(index, 1);
    assert_in_range(others, 0, 2000);
    close_peer(false);
    gs_session_free(quiet);
}

static void ignore(int number)
{
    (void)number;
}

static void a_signal_is_invisible_to_what_is_sent_and_received(void **state)
{
    (void)state;
    uint8_t *bytes = image(8 * MIB);
    struct sigaction action = {.sa_handler = ignore}, before;
    sigaction(SIGALRM, &action, &before); /* without SA_RESTART */
    struct itimerspec often = {.it_value.tv_nsec = 200000, .it_interval.tv_nsec = 200000};
    timer_t timer;
    struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &by_signal, &timer), 0);
    timer_settime(timer, 0, &often, NULL);
    associated_tcp();
    assert_int_not_equal(send_file(REQUESTOR, bytes, 8 * MIB), -1);
    receive(ACCEPTOR, gs_sink_file_new(directory, &budget, false), "1.2.3");
    await_file(ACCEPTOR, "1.2.3", bytes, 8 * MIB);
    timer_delete(timer);
    sigaction(SIGALRM, &before, NULL);
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, close_listening)

static void without_descriptors_there_are_errors_that_say_so(void **state)
{
    (void)state;
    struct gs_error error;
    struct gs_listener *listener = gs_listener_open(NULL, 0, &error);
    assert_non_null(listener);
    uint16_t port = gs_listener_port(listener);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(caller, (struct sockaddr *)&address, sizeof address), 0);
    int next = dup(caller);
    close(next);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct gs_transport *transport = NULL;
    assert_int_equal(gs_listener_accept(listener, &transport, &error), GS_IO_FAILED);
    assert_string_equal(error.code, "accept-failed");
    assert_int_equal(error.system, EMFILE);
    transport = gs_tcp_connect("127.0.0.1", port, GS_FAMILY_ANY, &error);
    assert_non_null(transport);
    assert_int_equal(transport->operations->open(transport, &error), GS_IO_FAILED);
    assert_string_equal(error.code, "connect-failed");
    assert_int_equal(error.system, EMFILE);
    transport->operations->close(transport);
    assert_null(gs_tcp_connect("several.test", port, GS_FAMILY_ANY, &error));
    assert_string_equal(error.code, "lookup-failed");
    assert_null(gs_listener_open(NULL, 0, &error));
    assert_string_equal(error.code, "listen-failed");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(caller);
    gs_listener_close(listener);
}

int main(void)
{
    sem_init(&slow_answers, 0, 0);
    const struct CMUnitTest tests[] = {
        TEST(a_whole_association_passes_over_ipv4_and_ipv6),
        TEST(a_name_that_nobody_knows_is_named),
        TEST(an_address_of_the_other_family_is_an_error_of_look_up),
        TEST(a_refused_connection_names_every_address),
        TEST(a_name_that_is_answered_too_late_runs_into_the_deadline),
        TEST(a_name_that_is_answered_late_is_connected_to),
        TEST(a_connection_that_is_not_answered_runs_into_the_deadline),
        TEST(a_port_can_be_listened_on_once),
        TEST(a_listener_takes_many_connections),
        TEST(a_listener_without_descriptors_is_an_error_and_goes_on_later),
        TEST(an_abort_is_read_by_a_peer_that_was_sending),
        TEST(the_abort_of_an_association_that_is_freed_arrives_too),
        TEST(a_peer_that_closes_or_resets_within_an_object_leaves_no_file),
        TEST(an_abort_is_read_though_writing_fails),
        TEST(a_peer_that_never_closes_after_the_release_is_left_after_a_moment),
        TEST(a_write_to_a_peer_that_has_gone_raises_no_signal),
        TEST(a_wait_of_no_time_sees_what_has_come),
        TEST(an_open_question_costs_no_time_though_the_peer_has_gone),
        TEST(a_peer_that_reads_nothing_costs_no_time),
        TEST(a_peer_that_asks_and_does_not_read_is_not_read_either),
        TEST(an_association_has_its_turn_though_another_never_falls_silent),
        TEST(without_descriptors_there_are_errors_that_say_so),
        TEST(a_signal_is_invisible_to_what_is_sent_and_received),
    };
    return cmocka_run_group_tests_name("TCP", tests, NULL, NULL);
}

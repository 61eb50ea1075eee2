/*
 * TLS below a session: in memory, where every segmentation occurs, and over TCP.
 */
#include "pair.h"

#include "certificate.h"
#include "net/tcp.h"
#include "net/tls_parts.h"
#include "session/listening.h"
#include "session/parts.h"

#include <malloc.h>
#include <openssl/err.h>

#define CAPACITY (64u << 10)

/* --- contexts ----------------------------------------------------------------------------------
 */

static char certificates_path[] = "/tmp/getscu-tls-XXXXXX";
static struct certificate authority, stranger, certificate[2];
static struct gs_tls_context *context[2];

static struct gs_tls_context *context_of(int who, const struct gs_tls_options *wanted)
{
    const char *const trusted[] = {authority.path};
    struct gs_tls_options options = *wanted;
    if (options.profile == NULL)
        options.profile = "8996";
    options.key = certificate[who].key_path;
    options.certificate = certificate[who].path;
    options.ca_files = (struct gs_tls_names){.names = trusted, .count = 1};
    struct gs_error error = {0};
    struct gs_tls_context *made = gs_tls_context_new(&options, &error);
    if (made == NULL)
        fail_msg("%s", error.message);
    return made;
}

static void replace_context(int who, const struct gs_tls_options *wanted)
{
    gs_tls_context_release(context[who]);
    context[who] = context_of(who, wanted);
}

static int make_contexts(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(certificates_path));
    make_certificate(&authority, certificates_path, "authority", NULL);
    make_certificate(&stranger, certificates_path, "stranger", NULL);
    make_certificate(&certificate[REQUESTOR], certificates_path, "requestor", &authority);
    make_certificate(&certificate[ACCEPTOR], certificates_path, "acceptor", &authority);
    return 0;
}

static int remove_contexts(void **state)
{
    (void)state;
    remove_certificate(&authority);
    remove_certificate(&stranger);
    remove_certificate(&certificate[REQUESTOR]);
    remove_certificate(&certificate[ACCEPTOR]);
    rmdir(certificates_path);
    return 0;
}

static struct gs_listening *listening;

static int setup_tls(void **state)
{
    for (int who = 0; who < 2; who++)
        context[who] = context_of(who, &(struct gs_tls_options){.verify = true});
    return setup(state);
}

static int teardown_tls(void **state)
{
    gs_listening_free(listening);
    listening = NULL;
    int result = teardown(state);
    for (int who = 0; who < 2; who++) {
        gs_tls_context_release(context[who]);
        context[who] = NULL;
    }
    return result;
}

/* --- ends --------------------------------------------------------------------------------------
 */

static struct gs_transport *secured(struct gs_transport *below, int who)
{
    struct gs_error error = {0};
    struct gs_transport *transport =
        gs_tls_new(below, context[who], who == REQUESTOR, "127.0.0.1", &error);
    if (transport == NULL)
        fail_msg("%s", error.message);
    return transport;
}

static void open_secured_pipe(size_t capacity)
{
    struct gs_transport *ends[2];
    restless = true;
    assert_int_equal(gs_pipe_new(ends, capacity), 0);
    open_side(REQUESTOR, secured(ends[0], REQUESTOR));
    open_side(ACCEPTOR, secured(ends[1], ACCEPTOR));
}

/* The session `who` with TLS, and the test itself at the other end, without it. */
static void open_against_raw(int who)
{
    struct gs_transport *ends[2];
    restless = true;
    assert_int_equal(gs_pipe_new(ends, CAPACITY), 0);
    open_side(who, secured(ends[0], who));
    raw = ends[1];
}

/* The same with TLS, up to the end of its handshake. */
static void open_against_secured_raw(int who)
{
    open_against_raw(who);
    raw = secured(raw, who == REQUESTOR ? ACCEPTOR : REQUESTOR);
    int result;
    while ((result = raw->operations->open(raw, NULL)) == GS_IO_SECURING)
        turn(0);
    assert_int_equal(result, 0);
}

static SSL *ssl_of(struct gs_transport *transport)
{
    return ((struct gs_tls *)transport)->ssl;
}

static void raw_receive(void *bytes, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t moved = raw->operations->receive(raw, (char *)bytes + got, size - got, NULL);
        if (moved == GS_IO_AGAIN)
            turn(0);
        else
            assert_true(moved > 0);
        got += moved > 0 ? (size_t)moved : 0;
    }
}

/* A PDU, whose header is six bytes; returns its type. */
static int raw_receive_pdu(void)
{
    uint8_t header[6], body[4096];
    raw_receive(header, sizeof header);
    size_t size = (size_t)header[4] << 8 | header[5];
    assert_true(size <= sizeof body);
    raw_receive(body, size);
    return header[0];
}

static void send_in_parts(const uint8_t *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t moved = raw->operations->send(raw, bytes + sent, size - sent, NULL);
        assert_true(moved > 0 || moved == GS_IO_AGAIN);
        sent += moved > 0 ? (size_t)moved : 0;
        turn(0);
    }
}

/* What a requestor sends from A-ASSOCIATE-RQ on, as bytes: taken from a session without TLS. */
static size_t record_request(uint8_t *bytes, size_t size)
{
    struct gs_transport *ends[2];
    assert_int_equal(gs_pipe_new(ends, CAPACITY), 0);
    open_side(REQUESTOR, ends[0]);
    request();
    turn(0);
    ssize_t got = ends[1]->operations->receive(ends[1], bytes, size, NULL);
    assert_true(got > 0);
    gs_session_drop(session_of(REQUESTOR));
    gs_session_free(session_of(REQUESTOR));
    sides[REQUESTOR].session = NULL;
    ends[1]->operations->close(ends[1]);
    return (size_t)got;
}

/* The session is an acceptor, and the test its associated requestor. */
static void associate_raw(void)
{
    uint8_t bytes[4096];
    size_t size = record_request(bytes, sizeof bytes);
    open_against_secured_raw(ACCEPTOR);
    send_in_parts(bytes, size);
    await(ACCEPTOR, GS_EVENT_REQUESTED);
    accept_request();
    assert_int_equal(raw_receive_pdu(), 2);
}

static const struct gs_error *failure_of(int who)
{
    return await(who, GS_EVENT_FAILED)->error;
}

static void assert_says(const struct gs_error *error, const char *code, const char *words)
{
    assert_string_equal(error->code, code);
    if (strstr(error->message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, error->message);
}

/* --- whole associations ------------------------------------------------------------------------
 */

static void store_objects(void)
{
    const size_t sizes[] = {100, 16384, 300000, 2 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "1.2.%zu", i);
        uint8_t *bytes = image(sizes[i]);
        assert_int_not_equal(send_bytes(REQUESTOR, bytes, sizes[i]), -1);
        receive(ACCEPTOR, file_sink(false), name);
        await_file(ACCEPTOR, name, bytes, sizes[i]);
        while (sides[REQUESTOR].first < sides[REQUESTOR].count)
            sides[REQUESTOR].first++; /* GS_EVENT_SENT of what did not go at once */
        free(bytes);
    }
}

static void an_association_with_tls_carries_objects_and_ends_well(void **state)
{
    (void)state;
    open_secured_pipe(CAPACITY);
    associate_pair();
    store_objects();
    release_pair();
}

static void however_the_bytes_are_cut_it_is_the_same(void **state)
{
    (void)state;
    const size_t capacities[] = {1, 5, 7, 100, 1500, 16390};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        open_secured_pipe(capacities[i]);
        associate_pair();
        uint8_t *bytes = image(40000);
        assert_int_not_equal(send_bytes(REQUESTOR, bytes, 40000), -1);
        receive(ACCEPTOR, file_sink(false), NULL);
        assert_int_equal(await(ACCEPTOR, GS_EVENT_RECEIVED)->received->size, 40000);
        assert_int_equal(await(REQUESTOR, GS_EVENT_SENT)->type, GS_EVENT_SENT);
        free(bytes);
        release_pair();
        close_sides();
    }
}

static void both_ends_know_what_was_agreed(void **state)
{
    (void)state;
    replace_context(REQUESTOR,
                    &(struct gs_tls_options){.verify = true, .server_name = "pacs.test"});
    open_secured_pipe(CAPACITY);
    associate_pair();
    for (int who = 0; who < 2; who++) {
        struct gs_tls_facts facts;
        assert_int_equal(gs_session_tls(session_of(who), &facts), 0);
        assert_string_equal(facts.version, "TLS 1.3");
        assert_string_equal(facts.ciphersuite, "TLS_AES_256_GCM_SHA384");
        assert_string_equal(facts.subject, who == REQUESTOR ? "CN=acceptor" : "CN=requestor");
        assert_string_equal(facts.issuer, "CN=authority");
        assert_string_equal(facts.key, "EC 256");
        assert_string_equal(facts.server_name, "pacs.test");
        assert_true(facts.verified);
        assert_null(facts.problem);
    }
}

static void a_transport_without_tls_has_no_facts(void **state)
{
    (void)state;
    associated_pipe(CAPACITY);
    struct gs_tls_facts facts;
    assert_int_equal(gs_session_tls(session_of(REQUESTOR), &facts), -1);
}

static void close_notify_is_the_last_thing_that_is_said(void **state)
{
    (void)state;
    associate_raw();
    send_in_parts((const uint8_t *)"\5\0\0\0\0\4\0\0\0\0", 10); /* A-RELEASE-RQ */
    assert_int_equal(raw_receive_pdu(), 6);
    raw->operations->shut(raw);
    assert_true(await(ACCEPTOR, GS_EVENT_RELEASED)->by_peer);
    char byte;
    assert_int_equal(raw->operations->receive(raw, &byte, 1, NULL), 0);
    assert_true((SSL_get_shutdown(ssl_of(raw)) & SSL_RECEIVED_SHUTDOWN) != 0);
}

static void a_requestor_says_close_notify_too(void **state)
{
    (void)state;
    open_against_secured_raw(REQUESTOR);
    request();
    assert_int_equal(raw_receive_pdu(), 1);
    gs_session_abort(session_of(REQUESTOR));
    assert_int_equal(raw_receive_pdu(), 7);
    char byte;
    assert_int_equal(raw->operations->receive(raw, &byte, 1, NULL), 0);
}

/* --- ends that are none ------------------------------------------------------------------------
 */

static void a_stream_that_is_cut_off_is_never_the_end(void **state)
{
    (void)state;
    associate_raw();
    close_raw();
    assert_says(failure_of(ACCEPTOR), "peer-closed", "without a close_notify");
}

static void a_close_notify_within_an_association_is_a_failure_too(void **state)
{
    (void)state;
    associate_raw();
    raw->operations->shut(raw);
    assert_says(failure_of(ACCEPTOR), "peer-closed", "without a release or abort");
}

static void what_came_before_the_cut_is_told_first(void **state)
{
    (void)state;
    associate_raw();
    assert_int_equal(raw->operations->send(raw, "\7\0\0\0\0\4\0\0\2\1", 10, NULL), 10);
    close_raw();
    const struct gs_event *event = await(ACCEPTOR, GS_EVENT_ABORTED);
    assert_int_equal(event->source, 2);
    assert_int_equal(event->reason, 1);
}

/* A record that was not encrypted with the keys of the connection. */
static void forge_record(struct gs_transport *transport)
{
    static const uint8_t forged[37] = {SSL3_RT_APPLICATION_DATA, 3, 3, 0, 32};
    struct gs_transport *below = ((struct gs_tls *)transport)->below;
    assert_int_equal(below->operations->send(below, forged, sizeof forged, NULL), sizeof forged);
}

static void a_record_that_was_changed_is_a_failure(void **state)
{
    (void)state;
    associate_raw();
    forge_record(raw);
    assert_string_equal(failure_of(ACCEPTOR)->code, "tls-failed");
}

/* --- one speaks TLS, the other does not --------------------------------------------------------
 */

static void a_peer_without_tls_is_told_from_its_first_bytes(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } answers[] = {
        {"\7\0\0\0\0\4\0\0\2\1", 10, "does not speak TLS on this port, but plain DICOM"},
        {"\3\0\0\0\0\4\0\1\1\1", 10, "does not speak TLS on this port, but plain DICOM"},
        {"HTTP/1.1 400 Bad Request\r\n", 26, "does not speak TLS on this port: it is a web server"},
        {"SSH-2.0-OpenSSH_9.2p1\r\n", 23, "does not speak TLS on this port: it is an SSH server"},
        {"220 mail ready\r\n", 16, "does not speak TLS on this port"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        open_against_raw(REQUESTOR);
        raw_send(answers[i].bytes, answers[i].size);
        assert_says(failure_of(REQUESTOR), "tls-failed", answers[i].words);
        close_sides();
    }
}

static void a_web_client_is_told_from_its_first_bytes(void **state)
{
    (void)state;
    static const char *const words[] = {"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "HEAD / HTTP"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        open_against_raw(ACCEPTOR);
        raw_send(words[i], strlen(words[i]));
        assert_says(failure_of(ACCEPTOR), "tls-failed", "does not speak TLS: it is a web client");
        close_sides();
    }
}

static void a_peer_that_closes_at_the_handshake_may_not_speak_tls(void **state)
{
    (void)state;
    open_against_raw(REQUESTOR);
    close_raw();
    assert_says(failure_of(REQUESTOR), "tls-failed", "does not speak TLS on this port, or not");
}

static void a_requestor_without_tls_is_told_on_the_other_side(void **state)
{
    (void)state;
    restless = true;
    struct gs_transport *ends[2];
    assert_int_equal(gs_pipe_new(ends, CAPACITY), 0);
    open_side(REQUESTOR, ends[0]);
    open_side(ACCEPTOR, secured(ends[1], ACCEPTOR));
    request();
    assert_says(failure_of(ACCEPTOR), "tls-failed", "does not speak TLS, but plain DICOM");
    assert_says(failure_of(REQUESTOR), "protocol-error", "expects TLS");
}

static void a_requestor_with_tls_meets_an_acceptor_without(void **state)
{
    (void)state;
    restless = true;
    struct gs_transport *ends[2];
    assert_int_equal(gs_pipe_new(ends, CAPACITY), 0);
    open_side(REQUESTOR, secured(ends[0], REQUESTOR));
    open_side(ACCEPTOR, ends[1]);
    request();
    assert_says(failure_of(REQUESTOR), "tls-failed", "does not speak TLS on this port, but plain");
    assert_says(failure_of(ACCEPTOR), "protocol-error", "TLS handshake");
}

static void a_handshake_that_stalls_runs_into_the_acse_deadline(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        open_against_raw(who);
        gs_session_deadlines(session_of(who))->acse = BRIEF;
        assert_says(failure_of(who), "acse-timeout", "TLS handshake");
        close_sides();
    }
}

/* A byte now and then is no progress: whoever sends so holds us no longer than who sends none. */
static void a_handshake_that_trickles_runs_into_the_acse_deadline(void **state)
{
    (void)state;
    static const uint8_t record[5] = {SSL3_RT_HANDSHAKE, 3, 3, 0x40, 0}; /* of 16 KiB */
    for (int who = 0; who < 2; who++) {
        open_against_raw(who);
        gs_session_deadlines(session_of(who))->acse = BRIEF;
        raw_send(record, sizeof record);
        for (int i = 0; i < 0x4000 && sides[who].count == 0; i++) {
            raw_send("\1", 1);
            turn(0.001);
        }
        assert_says(failure_of(who), "acse-timeout", "TLS handshake");
        close_sides();
    }
}

/* --- certificates ------------------------------------------------------------------------------
 */

static void use_certificate_of(int who, struct certificate *of)
{
    struct certificate kept = certificate[who];
    certificate[who] = *of;
    replace_context(who, &(struct gs_tls_options){.verify = true});
    certificate[who] = kept;
}

static void a_certificate_of_nobody_that_is_trusted_is_refused(void **state)
{
    (void)state;
    use_certificate_of(ACCEPTOR, &stranger);
    open_secured_pipe(CAPACITY);
    request();
    const struct gs_error *error = failure_of(REQUESTOR);
    assert_says(error, "peer-certificate", "CN=stranger");
    assert_says(failure_of(ACCEPTOR), "tls-failed", "does not know who issued our certificate");
}

/* With TLS 1.3 the requestor's handshake is over before its certificate is looked at. */
static void a_requestor_learns_that_its_certificate_is_refused(void **state)
{
    (void)state;
    use_certificate_of(REQUESTOR, &stranger);
    open_secured_pipe(CAPACITY);
    request();
    assert_says(failure_of(ACCEPTOR), "peer-certificate", "CN=stranger");
    assert_says(failure_of(REQUESTOR), "tls-failed", "does not know who issued our certificate");
}

static void a_name_that_is_not_in_the_certificate_is_refused_where_it_matters(void **state)
{
    (void)state;
    replace_context(REQUESTOR, &(struct gs_tls_options){.verify = true, .verify_host = true});
    open_secured_pipe(CAPACITY);
    request();
    assert_string_equal(failure_of(REQUESTOR)->code, "peer-certificate");
}

/* --- what TLS 1.3 says in between --------------------------------------------------------------
 */

static int handshake_messages[256];

static void count_message(int sent, int version, int type, const void *bytes, size_t size, SSL *ssl,
                          void *argument)
{
    (void)sent;
    (void)version;
    (void)ssl;
    (void)argument;
    if (type == SSL3_RT_HANDSHAKE && size > 0)
        handshake_messages[*(const unsigned char *)bytes]++;
}

static void raw_data(bool command, bool last, const uint8_t *bytes, size_t size)
{
    uint8_t header[GS_PDATA_HEADER_SIZE];
    gs_pdata_encode(CT_CONTEXT, command, last, (uint32_t)size, header);
    send_in_parts(header, sizeof header);
    send_in_parts(bytes, size);
}

/* The test sends an object, and wants new keys of both ends after each part of it. */
static void keys_change_in_mid_transfer(void **state)
{
    (void)state;
    enum { PART = 10000, PARTS = 50 };
    associate_raw();
    memset(handshake_messages, 0, sizeof handshake_messages);
    SSL_set_msg_callback(ssl_of(raw), count_message);
    uint8_t *bytes = image(PARTS * PART), encoded[GS_COMMAND_ENCODED_MAX];
    struct gs_command command = command_of(GS_C_STORE_RQ, true);
    size_t size = gs_command_encode(&command, encoded, sizeof encoded);
    raw_data(true, true, encoded, size);
    receive(ACCEPTOR, file_sink(false), "1.2.3");
    for (int i = 0; i < PARTS; i++) {
        assert_int_equal(SSL_key_update(ssl_of(raw), SSL_KEY_UPDATE_REQUESTED), 1);
        raw_data(false, i == PARTS - 1, bytes + i * PART, PART);
        char byte;
        assert_int_equal(raw->operations->receive(raw, &byte, 1, NULL), GS_IO_AGAIN);
    }
    await_file(ACCEPTOR, "1.2.3", bytes, PARTS * PART);
    assert_true(handshake_messages[SSL3_MT_KEY_UPDATE] > PARTS); /* the answers are among them */
    free(bytes);
}

static void tickets_come_at_any_time(void **state)
{
    (void)state;
    open_secured_pipe(CAPACITY);
    associate_pair();
    memset(handshake_messages, 0, sizeof handshake_messages);
    SSL_set_msg_callback(ssl_of(session_of(REQUESTOR)->transport), count_message);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SSL_new_session_ticket(ssl_of(session_of(ACCEPTOR)->transport)), 1);
        assert_int_not_equal(send_echo(ACCEPTOR), -1); /* it goes with this */
        await(REQUESTOR, GS_EVENT_COMMAND);
    }
    assert_int_equal(handshake_messages[SSL3_MT_NEWSESSION_TICKET], 3);
    release_pair();
}

static void renegotiation_is_refused(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++)
        replace_context(who, &(struct gs_tls_options){.verify = true, .profile = "bcp195-ex"});
    SSL_CTX_clear_options(context[REQUESTOR]->openssl, SSL_OP_NO_RENEGOTIATION); /* the test's */
    associate_raw();
    SSL *ssl = ssl_of(raw);
    assert_int_equal(SSL_version(ssl), TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(ssl), 1);
    assert_true(SSL_do_handshake(ssl) <= 1);
    char byte;
    ssize_t moved = GS_IO_AGAIN;
    double until = gs_clock() + PATIENCE;
    while (moved == GS_IO_AGAIN && gs_clock() < until) {
        turn(0);
        moved = raw->operations->receive(raw, &byte, 1, NULL);
    }
    assert_int_equal(moved, GS_IO_FAILED);
    assert_true(SSL_renegotiate_pending(ssl));
    assert_false(gs_session_over(session_of(ACCEPTOR)));
}

/* --- over TCP ----------------------------------------------------------------------------------
 */

static void listen_with_tls(void)
{
    struct gs_error error;
    listening = gs_listening_new(NULL, 0, RECEIVE_MAX, &error);
    assert_non_null(listening);
    gs_listening_secure(listening, context[ACCEPTOR]);
}

static void connect_with_tls(void)
{
    struct gs_error error;
    struct gs_transport *tcp =
        gs_tcp_connect("127.0.0.1", gs_listening_port(listening), GS_FAMILY_ANY, &error);
    assert_non_null(tcp);
    open_side(REQUESTOR, secured(tcp, REQUESTOR));
    struct gs_source *sources[2] = {gs_listening_source(listening),
                                    gs_session_source(session_of(REQUESTOR))};
    size_t index;
    struct gs_event event;
    assert_int_equal(gs_wait(&waiter, sources, 2, PATIENCE, &index, &event), GS_WAIT_EVENT);
    assert_int_equal(event.type, GS_EVENT_ACCEPTED);
    sides[ACCEPTOR].session = event.session;
}

static void an_association_over_tcp_carries_objects_and_costs_no_time_while_it_waits(void **state)
{
    (void)state;
    listen_with_tls();
    connect_with_tls();
    associate_pair();
    store_objects();
    clock_t began = clock();
    assert_false(turn(0.3));
    assert_true(clock() - began < CLOCKS_PER_SEC / 10);
    release_pair();
}

/* When the data has been told poll(2) knows of nothing more, but the session must. */
static void a_failure_that_came_with_data_is_told(void **state)
{
    (void)state;
    listen_with_tls();
    connect_with_tls();
    associate_pair();
    struct gs_transport *transport = session_of(REQUESTOR)->transport;
    static const uint8_t part[] = {4, 0, 0, 0, 0x20, 0}; /* a P-DATA-TF begins */
    assert_int_equal(transport->operations->send(transport, part, sizeof part, NULL), sizeof part);
    forge_record(transport);
    struct gs_session *silent = session_of(REQUESTOR);
    sides[REQUESTOR].session = NULL; /* else it would close, and poll(2) would speak */
    assert_string_equal(failure_of(ACCEPTOR)->code, "tls-failed");
    sides[REQUESTOR].session = silent;
}

/* Each waits for the other to read, and keys are changed meanwhile. */
static void both_may_send_at_once(void **state)
{
    (void)state;
    uint8_t *bytes = image(8 * MIB);
    listen_with_tls();
    connect_with_tls();
    associate_pair();
    for (int who = 0; who < 2; who++)
        assert_int_not_equal(send_bytes(who, bytes, 8 * MIB), -1);
    for (int who = 0; who < 2; who++) {
        SSL_key_update(ssl_of(session_of(who)->transport), SSL_KEY_UPDATE_REQUESTED);
        receive(who, file_sink(false), who == REQUESTOR ? "1.2.3" : "1.2.4");
    }
    int received = 0;
    while (received < 2)
        for (int who = 0; who < 2; who++)
            received += next_event(who)->type == GS_EVENT_RECEIVED;
    free(bytes);
}

static size_t memory_in_use(void)
{
    return mallinfo2().uordblks;
}

static void a_thousand_handshakes_leave_nothing_behind(void **state)
{
    (void)state;
    size_t before = 0;
    listen_with_tls();
    int descriptors = open_descriptors();
    for (int i = 0; i < 1000; i++) {
        connect_with_tls();
        associate_pair();
        if (i % 2 == 0)
            release_pair();
        close_sides();
        assert_int_equal(open_descriptors(), descriptors);
        if (i == 100)
            before = memory_in_use();
    }
    assert_true(memory_in_use() < before + (64u << 10));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_association_with_tls_carries_objects_and_ends_well),
        TEST(however_the_bytes_are_cut_it_is_the_same),
        TEST(both_ends_know_what_was_agreed),
        TEST(a_transport_without_tls_has_no_facts),
        TEST(close_notify_is_the_last_thing_that_is_said),
        TEST(a_requestor_says_close_notify_too),
        TEST(a_stream_that_is_cut_off_is_never_the_end),
        TEST(a_close_notify_within_an_association_is_a_failure_too),
        TEST(what_came_before_the_cut_is_told_first),
        TEST(a_record_that_was_changed_is_a_failure),
        TEST(a_peer_without_tls_is_told_from_its_first_bytes),
        TEST(a_web_client_is_told_from_its_first_bytes),
        TEST(a_peer_that_closes_at_the_handshake_may_not_speak_tls),
        TEST(a_requestor_without_tls_is_told_on_the_other_side),
        TEST(a_requestor_with_tls_meets_an_acceptor_without),
        TEST(a_handshake_that_stalls_runs_into_the_acse_deadline),
        TEST(a_handshake_that_trickles_runs_into_the_acse_deadline),
        TEST(a_certificate_of_nobody_that_is_trusted_is_refused),
        TEST(a_requestor_learns_that_its_certificate_is_refused),
        TEST(a_name_that_is_not_in_the_certificate_is_refused_where_it_matters),
        TEST(keys_change_in_mid_transfer),
        TEST(tickets_come_at_any_time),
        TEST(renegotiation_is_refused),
        TEST(an_association_over_tcp_carries_objects_and_costs_no_time_while_it_waits),
        TEST(a_failure_that_came_with_data_is_told),
        TEST(both_may_send_at_once),
        TEST(a_thousand_handshakes_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("TLS", tests, make_contexts, remove_contexts);
}

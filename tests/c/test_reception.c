/* What a peer's bytes lead to: hostile lengths, and that the outcome never depends on how the bytes
 * were cut. */
#include "upper_layer.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void an_answer_of_an_impossible_length_is_invalid_before_its_content(void **unused)
{
    (void)unused;
    static const uint32_t lengths[] = {0, 67, GS_ASSOCIATE_MAX + 1, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < 5; i++) {
        reach(GS_STATE_AWAITING_ANSWER);
        put_pdu_header(GS_PDU_ASSOCIATE_AC, lengths[i]);
        assert_fault(GS_ABORT_INVALID_PARAMETER);
    }
    static const uint32_t possible[] = {68, GS_ASSOCIATE_MAX};
    for (size_t i = 0; i < 2; i++) {
        reach(GS_STATE_AWAITING_ANSWER);
        put_pdu_header(GS_PDU_ASSOCIATE_AC, possible[i]);
        assert_int_equal(feed(), GS_ASSOCIATION_NONE);
        assert_int_equal(gs_association_state(association), GS_STATE_AWAITING_ANSWER);
    }
}

static void a_malformed_answer_is_invalid(void **unused)
{
    (void)unused;
    reach(GS_STATE_AWAITING_ANSWER);
    put_answer();
    stream.bytes[stream.size - 1 - strlen(GS_IMPLEMENTATION_CLASS)]++;
    stream.bytes[6 + 68 + 3]++; /* the length of the application context */
    assert_fault(GS_ABORT_INVALID_PARAMETER);
}

static void an_answer_cut_anywhere_is_never_accepted(void **unused)
{
    (void)unused;
    stream.size = 0;
    put_answer();
    size_t whole = stream.size;
    for (size_t size = 0; size < whole; size++) {
        reach(GS_STATE_AWAITING_ANSWER);
        put_answer();
        stream.size = size;
        assert_int_equal(feed(), GS_ASSOCIATION_NONE);
        assert_int_equal(gs_association_closed(association, &event), GS_ASSOCIATION_CLOSED);
        assert_null(gs_association_peer(association));
    }
}

static void rejections_and_releases_of_another_length_than_4_are_invalid(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t type;
        int state;
    } cases[] = {{GS_PDU_ASSOCIATE_RJ, GS_STATE_AWAITING_ANSWER},
                 {GS_PDU_RELEASE_RQ, GS_STATE_ESTABLISHED},
                 {GS_PDU_RELEASE_RP, GS_STATE_AWAITING_RELEASE_REPLY}};
    static const uint32_t lengths[] = {0, 3, 5, 0xffffffff};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 4; j++) {
            reach(cases[i].state);
            put_pdu_header(cases[i].type, lengths[j]);
            assert_fault(GS_ABORT_INVALID_PARAMETER);
        }
    }
}

/* Who else may be at the other end. */

static void assert_named(const char *bytes, size_t size, const char *name)
{
    reach(GS_STATE_AWAITING_ANSWER);
    put(bytes, size);
    assert_int_equal(feed(), GS_ASSOCIATION_FAILED);
    assert_int_equal(event.reason, GS_ABORT_UNRECOGNIZED_PDU);
    if (strstr(event.problem, name) == NULL)
        fail_msg("'%s' does not name %s", event.problem, name);
}

static void what_is_no_dicom_application_is_named_by_its_first_bytes(void **unused)
{
    (void)unused;
    assert_named("HTTP/1.1 400 Bad Request\r\n", 26, "HTTP");
    assert_named("SSH-2.0-OpenSSH_9.6\r\n", 21, "SSH");
    assert_named("\x15\x03\x01\0\2\2\x28", 7, "TLS");
    assert_named("\x16\x03\x03\0\x50\2", 6, "TLS");
    assert_named("220 mail\r\n", 10, "unknown type");
}

/* PDUs and PDVs. */

static void a_pdata_pdu_longer_than_announced_is_an_invalid_parameter(void **unused)
{
    (void)unused;
    establish_requestor();
    put_pdu_header(GS_PDU_DATA, RECEIVE_MAX);
    put_pdv(1, 2, "ab");
    assert_int_equal(feed(), GS_ASSOCIATION_FRAGMENT);
    static const uint32_t lengths[] = {RECEIVE_MAX + 1, 0xffffffff};
    for (size_t i = 0; i < 2; i++) {
        establish_requestor();
        put_pdu_header(GS_PDU_DATA, lengths[i]);
        assert_fault(GS_ABORT_INVALID_PARAMETER);
    }
}

static void a_pdata_pdu_too_short_for_a_pdv_is_an_invalid_parameter(void **unused)
{
    (void)unused;
    for (uint32_t length = 0; length < GS_PDV_HEADER_SIZE; length++) {
        establish_requestor();
        put_pdu_header(GS_PDU_DATA, length);
        assert_fault(GS_ABORT_INVALID_PARAMETER);
    }
}

static void without_an_announced_maximum_ours_holds(void **unused)
{
    (void)unused;
    for (uint32_t excess = 0; excess < 2; excess++) {
        gs_association_free(association);
        association = gs_association_new(true, 0);
        assert_non_null(association);
        stream.size = 0;
        request();
        assert_int_equal(gs_association_own(association)->max_length, 0);
        gs_association_connected(association);
        drain();
        put_answer();
        assert_int_equal(feed(), GS_ASSOCIATION_ACCEPTED);
        put_pdu_header(GS_PDU_DATA, GS_RECEIVE_UNLIMITED + excess);
        if (excess > 0)
            assert_fault(GS_ABORT_INVALID_PARAMETER);
        else
            assert_int_equal(feed(), GS_ASSOCIATION_NONE);
    }
}

static void a_pdv_longer_than_its_pdu_is_an_invalid_parameter(void **unused)
{
    (void)unused;
    static const uint32_t lengths[] = {9, 0x7fffffff, 0xfffffffe, 0xffffffff};
    for (size_t i = 0; i < 4; i++) {
        establish_requestor();
        put_claim(lengths[i]);
        assert_fault(GS_ABORT_INVALID_PARAMETER);
    }
}

static void a_pdv_of_length_0_or_1_is_an_invalid_parameter(void **unused)
{
    (void)unused;
    for (uint32_t length = 0; length < 2; length++) {
        establish_requestor();
        put_claim(length);
        assert_fault(GS_ABORT_INVALID_PARAMETER);
    }
}

static void pdvs_that_do_not_add_up_to_their_pdu_are_an_invalid_parameter(void **unused)
{
    (void)unused;
    for (uint32_t length = 3; length < 8; length++) {
        establish_requestor();
        put_claim(length);
        assert_fault(GS_ABORT_INVALID_PARAMETER);
    }
    establish_requestor();
    put_claim(8);
    assert_int_equal(feed(), GS_ASSOCIATION_FRAGMENT);
}

static void a_context_that_is_unknown_even_or_rejected_is_an_invalid_parameter(void **unused)
{
    (void)unused;
    static const uint8_t contexts[] = {0, 2, 3, 5, 7, 255};
    for (size_t i = 0; i < sizeof contexts; i++) {
        establish_requestor();
        put_data(contexts[i], 3, "ab");
        assert_fault(GS_ABORT_INVALID_PARAMETER);
    }
}

static void after_a_fault_of_the_peer_everything_is_ignored(void **unused)
{
    (void)unused;
    establish_requestor();
    put_data(9, 3, "ab");
    assert_fault(GS_ABORT_INVALID_PARAMETER);
    put_data(1, 3, "ab");
    put("HTTP/1.1", 8);
    assert_int_equal(feed(), GS_ASSOCIATION_NONE);
    assert_output("", 0);
    assert_true(gs_association_artim(association));
    assert_false(gs_association_wants_close(association));
    assert_int_equal(gs_association_closed(association, &event), GS_ASSOCIATION_NONE);
}

static void an_abort_in_mid_pdu_silences_the_rest_of_it_and_sees_the_peers_abort(void **unused)
{
    (void)unused;
    establish_requestor();
    put_pdu_header(GS_PDU_DATA, 100);
    put32(96);
    put("\1\0some", 6);
    assert_int_equal(feed(), GS_ASSOCIATION_FRAGMENT);
    assert_int_equal(do_abort(), 0);
    drain();
    for (int i = 0; i < 90; i++)
        put("x", 1);
    put_data(1, 0, "ab");
    assert_int_equal(feed(), GS_ASSOCIATION_NONE);
    assert_output("", 0);
    put_short(GS_PDU_ABORT, 0, 0, 0);
    assert_int_equal(feed(), GS_ASSOCIATION_NONE);
    assert_true(gs_association_wants_close(association));
}

static void fragments_lie_in_what_was_fed(void **unused)
{
    (void)unused;
    establish_requestor();
    put_data(1, 3, "abcd");
    assert_int_equal(feed(), GS_ASSOCIATION_FRAGMENT);
    assert_ptr_equal(event.bytes, stream.bytes + GS_PDATA_HEADER_SIZE);
    assert_int_equal(event.size, 4);
    assert_int_equal(event.context, 1);
    assert_true(event.command);
    assert_true(event.last);
    assert_true(event.end);
}

/* However the bytes are cut, the events are the same. */

struct journal {
    size_t size;
    char text[256 * 1024];
    bool in_pdv;
};

static void write_journal(struct journal *journal, const void *bytes, size_t size)
{
    assert_true(journal->size + size < sizeof journal->text);
    memcpy(journal->text + journal->size, bytes, size);
    journal->size += size;
}

/* Fragments of one PDV are written as if they had come in one. */
static void record(struct journal *journal)
{
    char line[128];
    if (event.type != GS_ASSOCIATION_FRAGMENT) {
        int size = snprintf(line, sizeof line, "\nevent %d %d %d %d/%d %s", event.type,
                            event.reject.result, event.reject.reason, event.source, event.reason,
                            event.problem != NULL ? event.problem : "");
        write_journal(journal, line, (size_t)size);
        return;
    }
    assert_true(event.size > 0 || event.end);
    if (!journal->in_pdv) {
        int size = snprintf(line, sizeof line, "\npdv %d %d %d: ", event.context, event.command,
                            event.last);
        write_journal(journal, line, (size_t)size);
    }
    write_journal(journal, event.bytes, event.size);
    journal->in_pdv = !event.end;
}

static void play(struct journal *journal, size_t (*portion)(void))
{
    size_t at = 0;
    journal->size = 0;
    journal->in_pdv = false;
    while (at < stream.size) {
        size_t size = portion();
        if (size > stream.size - at)
            size = stream.size - at;
        /* A copy of exactly this portion lets the sanitizer see every read beyond it. */
        uint8_t *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, stream.bytes + at, size);
        at += size;
        size_t done = 0;
        for (;;) {
            size_t consumed;
            gs_association_feed(association, copy + done, size - done, &consumed, &event);
            done += consumed;
            assert_true(done <= size);
            if (event.type == GS_ASSOCIATION_NONE)
                break;
            record(journal);
            if (event.type == GS_ASSOCIATION_REQUESTED)
                assert_int_equal(do_accept(), 0);
        }
        assert_int_equal(done, size);
        free(copy);
    }
}

static size_t everything(void)
{
    return sizeof stream.bytes;
}

static size_t one_byte(void)
{
    return 1;
}

static size_t at_random(void)
{
    return 1 + (size_t)rand() % (rand() % 4 == 0 ? 1000 : 20);
}

static void put_conversation(int variant)
{
    stream.size = 0;
    variant % 2 == 0 ? put_answer() : put_request();
    for (int i = 0; i < 3; i++) {
        put_data(1, 1, "co");
        put_data(1, 1, "mm");
        put_data(1, 3, "and");
        put_pdu_header(GS_PDU_DATA, 3 * GS_PDV_HEADER_SIZE + 4 + 9 + 0);
        put_pdv(1, 3, "head");
        put_pdv(1, 0, "some data");
        put_pdv(1, 0, "");
        put_data(1, 2, "");
        char large[10001];
        memset(large, 'a' + i, sizeof large - 1);
        large[sizeof large - 1] = '\0';
        put_data(1, 0, large);
    }
    switch (variant / 2) {
    case 0:
        put_short(GS_PDU_RELEASE_RQ, 0, 0, 0);
        break;
    case 1:
        put_short(GS_PDU_ABORT, 0, 2, 1);
        put_data(1, 3, "late");
        break;
    case 2:
        put("HTTP/1.1 500", 12);
        break;
    case 3:
        put_claim(0x7fffffff);
        break;
    default:
        put_claim(5); /* the second PDV would have no room */
        put_data(1, 3, "late");
        break;
    }
}

static void the_same_bytes_give_the_same_events_however_they_are_cut(void **unused)
{
    (void)unused;
    static struct journal expected;
    static struct journal journal;
    const char *given = getenv("GETSCU_TEST_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
                                  : (unsigned)time(NULL) ^ (unsigned)getpid() << 16;
    print_message("GETSCU_TEST_SEED=%u\n", seed);
    srand(seed);
    for (int variant = 0; variant < 10; variant++) {
        bool requestor = variant % 2 == 0;
        put_conversation(variant);
        start(requestor);
        play(&expected, everything);
        assert_true(expected.size > 30000);
        for (int round = 0; round < 40; round++) {
            start(requestor);
            play(&journal, round == 0 ? one_byte : at_random);
            assert_int_equal(journal.size, expected.size);
            assert_memory_equal(journal.text, expected.text, expected.size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_of_an_impossible_length_is_invalid_before_its_content),
        TEST(a_malformed_answer_is_invalid),
        TEST(an_answer_cut_anywhere_is_never_accepted),
        TEST(rejections_and_releases_of_another_length_than_4_are_invalid),
        TEST(what_is_no_dicom_application_is_named_by_its_first_bytes),
        TEST(a_pdata_pdu_longer_than_announced_is_an_invalid_parameter),
        TEST(a_pdata_pdu_too_short_for_a_pdv_is_an_invalid_parameter),
        TEST(without_an_announced_maximum_ours_holds),
        TEST(a_pdv_longer_than_its_pdu_is_an_invalid_parameter),
        TEST(a_pdv_of_length_0_or_1_is_an_invalid_parameter),
        TEST(pdvs_that_do_not_add_up_to_their_pdu_are_an_invalid_parameter),
        TEST(a_context_that_is_unknown_even_or_rejected_is_an_invalid_parameter),
        TEST(after_a_fault_of_the_peer_everything_is_ignored),
        TEST(an_abort_in_mid_pdu_silences_the_rest_of_it_and_sees_the_peers_abort),
        TEST(fragments_lie_in_what_was_fed),
        TEST(the_same_bytes_give_the_same_events_however_they_are_cut),
    };
    return cmocka_run_group_tests_name("reception", tests, NULL, NULL);
}

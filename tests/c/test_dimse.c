/* Command sets to and from bytes, and messages out of fragments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/dimse.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"

/* A command set as a test writes it. */
static uint8_t set[2 * GS_COMMAND_MAX];
static size_t set_size;

static void put_element_of(uint16_t group, uint16_t element, uint32_t length, const void *value,
                           size_t size)
{
    uint8_t header[8] = {(uint8_t)group,          (uint8_t)(group >> 8),  (uint8_t)element,
                         (uint8_t)(element >> 8), (uint8_t)length,        (uint8_t)(length >> 8),
                         (uint8_t)(length >> 16), (uint8_t)(length >> 24)};
    memcpy(set + set_size, header, 8);
    memcpy(set + set_size + 8, value, size);
    set_size += 8 + size;
}

static void put_element(uint16_t element, const void *value, size_t size)
{
    put_element_of(0, element, (uint32_t)size, value, size);
}

static void put_number(uint16_t element, uint16_t value)
{
    put_element(element, (uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2);
}

static struct gs_command command;
static const char *problem;

static int decode(void)
{
    uint8_t *copy = malloc(set_size > 0 ? set_size : 1);
    assert_non_null(copy);
    memcpy(copy, set, set_size);
    problem = NULL;
    int result = gs_command_decode(&command, copy, set_size, &problem);
    free(copy);
    return result;
}

static void set_text(enum gs_command_bit bit, struct gs_command_text *text, const char *value)
{
    text->size = (uint16_t)strlen(value);
    memcpy(text->bytes, value, text->size);
    command.present |= 1u << bit;
}

static void assert_text(const struct gs_command_text *text, const char *expected)
{
    assert_int_equal(text->size, strlen(expected));
    assert_string_equal(text->bytes, expected);
}

/* A whole C-STORE-RQ, with its group length. */
static void put_store_request(void)
{
    set_size = 0;
    put_element(0x0000, "\x66\0\0\0", 4);
    put_element(0x0002, CT "\0", sizeof CT);
    put_number(0x0100, GS_C_STORE_RQ);
    put_number(0x0110, 7);
    put_number(0x0700, 2);
    put_number(0x0800, 0);
    put_element(0x1000, "1.2.3\0", 6);
    put_element(0x1030, "PEER", 4);
    put_number(0x1031, 0x0102);
}

static void a_c_store_request_is_decoded(void **state)
{
    (void)state;
    put_store_request();
    assert_int_equal(decode(), 0);
    assert_text(&command.affected_sop_class, CT);
    assert_int_equal(command.command_field, GS_C_STORE_RQ);
    assert_int_equal(command.message_id, 7);
    assert_int_equal(command.priority, 2);
    assert_text(&command.affected_sop_instance, "1.2.3");
    assert_text(&command.move_originator, "PEER");
    assert_int_equal(command.move_originator_message_id, 0x0102);
    assert_true(gs_command_has_data_set(&command));
    assert_true(gs_command_has(&command, GS_BIT_PRIORITY));
    assert_false(gs_command_has(&command, GS_BIT_STATUS));
    assert_int_equal(command.cut, 0);
}

static void an_encoded_command_has_the_bytes_of_the_standard(void **state)
{
    (void)state;
    put_store_request();
    assert_int_equal(decode(), 0);
    set[8] = (uint8_t)(set_size - 12);
    uint8_t bytes[GS_COMMAND_ENCODED_MAX];
    assert_int_equal(gs_command_encode(&command, bytes, sizeof bytes), set_size);
    assert_memory_equal(bytes, set, set_size);
}

static void every_field_survives_encoding_and_decoding(void **state)
{
    (void)state;
    struct gs_command before;
    memset(&command, 0, sizeof command);
    const struct gs_command_field *fields = gs_command_fields();
    for (int bit = 0; bit < GS_BITS; bit++) {
        uint8_t *field = (uint8_t *)&command + fields[bit].offset;
        if (fields[bit].vr == GS_VR_US) {
            uint16_t value = (uint16_t)(0x1234 + bit);
            memcpy(field, &value, 2);
        } else if (fields[bit].vr != GS_VR_AT) {
            char text[] = "value A";
            text[6] = (char)('A' + bit);
            set_text((enum gs_command_bit)bit, (struct gs_command_text *)(void *)field, text);
        }
    }
    command.offending_count = 2;
    command.offending[0] = 0x00100020;
    command.offending[1] = 0x7fe00010;
    command.present = (1u << GS_BITS) - 1;
    before = command;
    set_size = gs_command_encode(&command, set, GS_COMMAND_ENCODED_MAX);
    assert_int_not_equal(set_size, 0);
    assert_int_equal(decode(), 0);
    assert_memory_equal(&command, &before, sizeof command);
}

static void the_fields_stand_in_the_order_of_their_elements(void **state)
{
    (void)state;
    const struct gs_command_field *fields = gs_command_fields();
    for (int bit = 1; bit < GS_BITS; bit++)
        assert_true(fields[bit - 1].element < fields[bit].element);
    assert_string_equal(fields[GS_BIT_AFFECTED_SOP_INSTANCE].keyword, "AffectedSOPInstanceUID");
    assert_int_equal(fields[GS_BIT_REMAINING].element, 0x1020);
}

static void the_largest_command_fits_into_what_is_promised(void **state)
{
    (void)state;
    memset(&command, 0x41, sizeof command); /* sizes and counts beyond every limit too */
    command.present = (1u << GS_BITS) - 1;
    uint8_t bytes[GS_COMMAND_ENCODED_MAX];
    size_t size = gs_command_encode(&command, bytes, sizeof bytes);
    assert_in_range(size, 7 * GS_COMMAND_TEXT_MAX, sizeof bytes);
    assert_int_equal(gs_command_encode(&command, bytes, size), size);
    assert_int_equal(gs_command_encode(&command, bytes, size - 1), 0);
}

static void padding_of_texts_is_stripped(void **state)
{
    (void)state;
    set_size = 0;
    put_number(0x0100, GS_C_GET_RSP);
    put_element(0x0002, "1.2 ", 4);
    put_element(0x0003, "1.23", 4);
    put_element(0x0600, "A B   ", 6);
    put_element(0x0902, "  no luck ", 10);
    put_element(0x1000, "\0", 1);
    assert_int_equal(decode(), 0);
    assert_text(&command.affected_sop_class, "1.2");
    assert_text(&command.requested_sop_class, "1.23");
    assert_text(&command.move_destination, "A B");
    assert_text(&command.error_comment, "  no luck");
    assert_text(&command.affected_sop_instance, "");
    assert_true(gs_command_has(&command, GS_BIT_AFFECTED_SOP_INSTANCE));
}

/* Of several NULs behind a UID one was stripped, then the spaces before it, so that what a command
 * was read as was read as something else when it was written again. */
static void all_of_the_padding_is_stripped_whatever_it_is(void **state)
{
    (void)state;
    char comment[GS_COMMAND_TEXT_MAX + 4];
    memset(comment, ' ', sizeof comment);
    comment[0] = comment[sizeof comment - 1] = 'x';
    set_size = 0;
    put_number(0x0100, GS_C_GET_RSP);
    put_element(0x0002, "1.2\0\0 \0", 7);
    put_element(0x0902, comment, sizeof comment); /* it is cut where there are spaces */
    assert_int_equal(decode(), 0);
    assert_text(&command.affected_sop_class, "1.2");
    assert_text(&command.error_comment, "x");
    assert_int_equal(command.cut, 1u << GS_BIT_ERROR_COMMENT);
}

static void a_text_that_is_too_long_is_cut_and_marked(void **state)
{
    (void)state;
    static char comment[60000];
    memset(comment, 'x', sizeof comment);
    set_size = 0;
    put_number(0x0100, GS_C_GET_RSP);
    put_element(0x0902, comment, sizeof comment);
    put_element(0x0600, comment, GS_COMMAND_TEXT_MAX);
    assert_int_equal(decode(), 0);
    assert_int_equal(command.error_comment.size, GS_COMMAND_TEXT_MAX);
    assert_int_equal(strlen(command.error_comment.bytes), GS_COMMAND_TEXT_MAX);
    assert_int_equal(command.move_destination.size, GS_COMMAND_TEXT_MAX);
    assert_int_equal(command.cut, 1u << GS_BIT_ERROR_COMMENT);
}

static void only_so_many_offending_elements_are_kept(void **state)
{
    (void)state;
    uint8_t tags[4 * (GS_OFFENDING_MAX + 5)] = {0x10, 0x00, 0x20, 0x00};
    set_size = 0;
    put_number(0x0100, GS_C_GET_RSP);
    put_element(0x0901, tags, sizeof tags);
    assert_int_equal(decode(), 0);
    assert_int_equal(command.offending_count, GS_OFFENDING_MAX);
    assert_int_equal(command.offending[0], 0x00100020);
}

static void disorder_and_what_is_unknown_are_tolerated(void **state)
{
    (void)state;
    set_size = 0;
    put_element_of(0x0008, 0x0018, 4, "9.9\0", 4); /* of another group */
    put_number(0x0900, 0xff00);
    put_element(0x0000, "\xff\xff\xff\xff", 4); /* a wrong group length, and late */
    put_element(0x5130, "unknown ", 8);
    put_number(0x0120, 3);
    put_number(0x0100, GS_C_GET_RSP);
    put_number(0x0100, GS_C_ECHO_RSP); /* of duplicates the first counts */
    put_element(0x1020, "", 0);
    put_element(0x1021, "\1", 1);
    assert_int_equal(decode(), 0);
    assert_int_equal(command.command_field, GS_C_GET_RSP);
    assert_int_equal(command.status, 0xff00);
    assert_int_equal(command.responded_message_id, 3);
    assert_false(gs_command_has(&command, GS_BIT_REMAINING));
    assert_false(gs_command_has(&command, GS_BIT_COMPLETED));
    assert_false(gs_command_has_data_set(&command));
}

static void the_data_set_type_tells_whether_a_data_set_follows(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        bool follows;
    } cases[] = {{0x0101, false}, {0x0000, true}, {0x0001, true}, {0x0102, true}};
    for (size_t i = 0; i < 4; i++) {
        set_size = 0;
        put_number(0x0100, GS_C_GET_RSP);
        put_number(0x0800, cases[i].type);
        assert_int_equal(decode(), 0);
        assert_int_equal(gs_command_has_data_set(&command), cases[i].follows);
    }
}

static void an_element_longer_than_the_rest_is_refused(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {3, 0x7fffffff, 0xfffffff8, 0xffffffff};
    for (size_t i = 0; i < 4; i++) {
        set_size = 0;
        put_number(0x0100, GS_C_GET_RSP);
        put_element_of(0, 0x0900, lengths[i], "\0\0", 2);
        assert_int_equal(decode(), -1);
        assert_non_null(problem);
    }
}

static void a_command_without_command_field_is_refused(void **state)
{
    (void)state;
    set_size = 0;
    assert_int_equal(decode(), -1);
    put_number(0x0110, 1);
    assert_int_equal(decode(), -1);
    assert_non_null(strstr(problem, "Command Field"));
}

static void a_command_cut_within_an_element_is_refused(void **state)
{
    (void)state;
    put_store_request();
    size_t whole = set_size;
    size_t boundaries = 0;
    for (set_size = 0; set_size < whole; set_size++)
        boundaries += decode() == 0;
    /* What ends between two elements, from the Command Field on, is a command. */
    assert_int_equal(boundaries, 6);
}

/* Messages. */

static struct gs_message message;

static int clear(void **state)
{
    (void)state;
    gs_message_clear(&message);
    return 0;
}

static enum gs_message_event feed(uint8_t context, bool is_command, bool last, bool end,
                                  const void *bytes, size_t size)
{
    struct gs_association_event fragment = {.type = GS_ASSOCIATION_FRAGMENT,
                                            .context = context,
                                            .command = is_command,
                                            .last = last,
                                            .end = end,
                                            .bytes = bytes,
                                            .size = size};
    return gs_message_feed(&message, &fragment);
}

static enum gs_message_event feed_command(void)
{
    gs_message_clear(&message);
    put_store_request();
    return feed(1, true, true, true, set, set_size);
}

static void assert_invalid(enum gs_message_event got, uint8_t source, uint8_t reason)
{
    assert_int_equal(got, GS_MESSAGE_INVALID);
    assert_int_equal(message.source, source);
    assert_int_equal(message.reason, reason);
    assert_non_null(message.problem);
}

static void a_command_and_its_data_set_are_a_message(void **state)
{
    (void)state;
    assert_int_equal(feed_command(), GS_MESSAGE_COMMAND);
    assert_int_equal(message.command.message_id, 7);
    assert_int_equal(message.context, 1);
    assert_true(message.in_data);
    assert_int_equal(feed(1, false, false, true, "abcd", 4), GS_MESSAGE_DATA);
    assert_int_equal(feed(1, false, true, false, "ab", 2), GS_MESSAGE_DATA);
    assert_int_equal(feed(1, false, true, true, "cd", 2), GS_MESSAGE_END);
    assert_false(message.in_data);
    /* And the next one, on another context. */
    put_store_request();
    assert_int_equal(feed(3, true, true, true, set, set_size), GS_MESSAGE_COMMAND);
    assert_int_equal(message.context, 3);
}

static void a_command_in_pdvs_of_two_bytes_is_assembled(void **state)
{
    (void)state;
    put_store_request();
    for (size_t i = 0; i < set_size; i += 2) {
        bool last = i + 2 == set_size;
        assert_int_equal(feed(1, true, last, true, set + i, 2),
                         last ? GS_MESSAGE_COMMAND : GS_MESSAGE_NONE);
    }
    assert_text(&message.command.affected_sop_instance, "1.2.3");
}

static void an_empty_last_fragment_ends_a_command_and_a_data_set(void **state)
{
    (void)state;
    put_store_request();
    assert_int_equal(feed(1, true, false, true, set, set_size), GS_MESSAGE_NONE);
    assert_true(message.in_command);
    assert_int_equal(feed(1, true, true, true, NULL, 0), GS_MESSAGE_COMMAND);
    assert_int_equal(feed(1, false, false, true, "ab", 2), GS_MESSAGE_DATA);
    assert_int_equal(feed(1, false, true, true, NULL, 0), GS_MESSAGE_END);
    assert_false(message.odd);
}

static void a_command_without_a_data_set_is_followed_by_a_command(void **state)
{
    (void)state;
    set_size = 0;
    put_number(0x0100, GS_C_ECHO_RQ);
    put_number(0x0800, GS_NO_DATA_SET);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(feed(1, true, true, true, set, set_size), GS_MESSAGE_COMMAND);
        assert_false(message.in_data);
    }
}

static void a_pdv_of_odd_length_is_marked(void **state)
{
    (void)state;
    assert_int_equal(feed_command(), GS_MESSAGE_COMMAND);
    /* Odd parts of an even PDV are the transport's. */
    feed(1, false, false, false, "a", 1);
    feed(1, false, false, true, "bcd", 3);
    assert_false(message.odd);
    feed(1, false, false, true, "abc", 3);
    assert_true(message.odd);
}

static void a_context_that_changes_within_a_message_is_unexpected(void **state)
{
    (void)state;
    put_store_request();
    feed(1, true, false, true, set, 10);
    assert_invalid(feed(3, true, false, true, set + 10, 10), GS_ABORT_PROVIDER,
                   GS_ABORT_UNEXPECTED_PARAMETER);
    assert_int_equal(feed_command(), GS_MESSAGE_COMMAND);
    assert_invalid(feed(3, false, false, true, "ab", 2), GS_ABORT_PROVIDER,
                   GS_ABORT_UNEXPECTED_PARAMETER);
}

static void a_command_within_a_data_set_is_unexpected(void **state)
{
    (void)state;
    assert_int_equal(feed_command(), GS_MESSAGE_COMMAND);
    feed(1, false, false, true, "ab", 2);
    assert_invalid(feed(1, true, true, true, set, set_size), GS_ABORT_PROVIDER,
                   GS_ABORT_UNEXPECTED_PARAMETER);
}

static void a_data_set_within_a_command_is_unexpected(void **state)
{
    (void)state;
    put_store_request();
    feed(1, true, false, true, set, 10);
    assert_invalid(feed(1, false, true, true, "ab", 2), GS_ABORT_PROVIDER,
                   GS_ABORT_UNEXPECTED_PARAMETER);
}

static void a_data_set_that_no_command_announced_is_refused(void **state)
{
    (void)state;
    assert_invalid(feed(1, false, true, true, "ab", 2), GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED);
    assert_non_null(strstr(message.problem, "announced"));
    assert_int_equal(feed_command(), GS_MESSAGE_COMMAND);
    assert_int_equal(feed(1, false, true, true, "ab", 2), GS_MESSAGE_END);
    assert_invalid(feed(1, false, true, true, "ab", 2), GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED);
}

static void a_command_that_never_ends_is_refused_at_its_limit(void **state)
{
    (void)state;
    static const uint8_t zeros[1024];
    for (size_t size = 0; size < GS_COMMAND_MAX; size += sizeof zeros)
        assert_int_equal(feed(1, true, false, true, zeros, sizeof zeros), GS_MESSAGE_NONE);
    assert_true(message.capacity <= GS_COMMAND_MAX);
    assert_invalid(feed(1, true, false, true, zeros, 1), GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED);
}

static void a_command_that_cannot_be_decoded_is_refused(void **state)
{
    (void)state;
    assert_invalid(feed(1, true, true, true, "garbage!!", 9), GS_ABORT_USER,
                   GS_ABORT_NOT_SPECIFIED);
}

/* Whatever comes, the assembler answers, and hostile bytes never lead it astray. */
static void random_commands_are_decoded_or_refused(void **state)
{
    (void)state;
    const char *given = getenv("GETSCU_TEST_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
                                  : (unsigned)time(NULL) ^ (unsigned)getpid() << 16;
    print_message("GETSCU_TEST_SEED=%u\n", seed);
    srand(seed);
    int decoded = 0;
    for (int round = 0; round < 20000; round++) {
        put_store_request();
        for (int i = rand() % 4; i > 0; i--)
            set[(size_t)rand() % set_size] = (uint8_t)rand();
        if (decode() != 0) {
            assert_non_null(problem);
            continue;
        }
        decoded++;
        uint8_t bytes[GS_COMMAND_ENCODED_MAX];
        struct gs_command first = command;
        set_size = gs_command_encode(&first, bytes, sizeof bytes);
        memcpy(set, bytes, set_size);
        assert_int_equal(decode(), 0);
        assert_int_equal(command.present, first.present);
        assert_int_equal(command.message_id, first.message_id);
    }
    assert_in_range(decoded, 5000, 19999);
}

#define TEST(name) cmocka_unit_test_teardown(name, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_c_store_request_is_decoded),
        TEST(an_encoded_command_has_the_bytes_of_the_standard),
        TEST(every_field_survives_encoding_and_decoding),
        TEST(the_fields_stand_in_the_order_of_their_elements),
        TEST(the_largest_command_fits_into_what_is_promised),
        TEST(padding_of_texts_is_stripped),
        TEST(all_of_the_padding_is_stripped_whatever_it_is),
        TEST(a_text_that_is_too_long_is_cut_and_marked),
        TEST(only_so_many_offending_elements_are_kept),
        TEST(disorder_and_what_is_unknown_are_tolerated),
        TEST(the_data_set_type_tells_whether_a_data_set_follows),
        TEST(an_element_longer_than_the_rest_is_refused),
        TEST(a_command_without_command_field_is_refused),
        TEST(a_command_cut_within_an_element_is_refused),
        TEST(a_command_and_its_data_set_are_a_message),
        TEST(a_command_in_pdvs_of_two_bytes_is_assembled),
        TEST(an_empty_last_fragment_ends_a_command_and_a_data_set),
        TEST(a_command_without_a_data_set_is_followed_by_a_command),
        TEST(a_pdv_of_odd_length_is_marked),
        TEST(a_context_that_changes_within_a_message_is_unexpected),
        TEST(a_command_within_a_data_set_is_unexpected),
        TEST(a_data_set_within_a_command_is_unexpected),
        TEST(a_data_set_that_no_command_announced_is_refused),
        TEST(a_command_that_never_ends_is_refused_at_its_limit),
        TEST(a_command_that_cannot_be_decoded_is_refused),
        TEST(random_commands_are_decoded_or_refused),
    };
    return cmocka_run_group_tests_name("dimse", tests, NULL, NULL);
}

/* PDUs to and from bytes. What is decoded is written here byte by byte, so that decoder and encoder
 * cannot agree on the same mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/pdu.h"

#include <stdlib.h>
#include <string.h>

#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define CT       "1.2.840.10008.5.1.4.1.1.2"
#define MR       "1.2.840.10008.5.1.4.1.1.4"

/* The body of a PDU that a test writes. */
struct body {
    size_t size;
    uint8_t bytes[GS_ASSOCIATE_MAX + 16];
};

static struct body body;

static void put(const void *bytes, size_t size)
{
    memcpy(body.bytes + body.size, bytes, size);
    body.size += size;
}

static void put16(size_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    put(bytes, 2);
}

static size_t begin(uint8_t type)
{
    put((uint8_t[]){type, 0, 0, 0}, 4);
    return body.size;
}

static void end(size_t start)
{
    size_t size = body.size - start;
    body.bytes[start - 2] = (uint8_t)(size >> 8);
    body.bytes[start - 1] = (uint8_t)size;
}

static void put_item(uint8_t type, const void *bytes, size_t size)
{
    size_t item = begin(type);
    put(bytes, size);
    end(item);
}

static void put_text_item(uint8_t type, const char *text)
{
    put_item(type, text, strlen(text));
}

static void put_counted(const char *text)
{
    put16(strlen(text));
    put(text, strlen(text));
}

static void put_fixed(void)
{
    body.size = 0;
    put16(1);
    put16(0);
    put("STORE           ", 16);
    put("GETSCU          ", 16);
    memset(body.bytes + body.size, 0, 32);
    body.size += 32;
}

static size_t begin_context(uint8_t type, uint8_t id, uint8_t result)
{
    size_t item = begin(type);
    put((uint8_t[]){id, 0, result, 0}, 4);
    return item;
}

static void put_proposal(uint8_t id, const char *abstract, const char *syntax)
{
    size_t context = begin_context(0x20, id, 0);
    put_text_item(0x30, abstract);
    put_text_item(0x40, syntax);
    end(context);
}

static void put_answer(uint8_t id, uint8_t result, const char *syntax)
{
    size_t context = begin_context(0x21, id, result);
    put_text_item(0x40, syntax);
    end(context);
}

static void put_max_length(uint32_t value)
{
    size_t item = begin(0x51);
    put16(value >> 16);
    put16(value & 0xffff);
    end(item);
}

static void put_user_information(void)
{
    size_t item = begin(0x50);
    put_max_length(16384);
    put_text_item(0x52, "1.2.3.4");
    end(item);
}

/* The result of decoding the body; what was decoded stays until the next call. */
static struct gs_associate decoded;
static enum gs_abort_reason reason;

static int decode(enum gs_pdu_type type)
{
    gs_associate_clear(&decoded);
    /* A copy of exactly the size lets the address sanitizer see every read beyond it. */
    uint8_t *copy = malloc(body.size > 0 ? body.size : 1);
    assert_non_null(copy);
    memcpy(copy, body.bytes, body.size);
    int result = gs_associate_decode(&decoded, type, copy, body.size, &reason);
    free(copy);
    return result;
}

static void assert_valid(enum gs_pdu_type type)
{
    assert_int_equal(decode(type), 0);
}

static void assert_invalid(enum gs_pdu_type type)
{
    assert_int_equal(decode(type), -1);
    assert_int_equal(reason, GS_ABORT_INVALID_PARAMETER);
}

static int clear(void **state)
{
    (void)state;
    gs_associate_clear(&decoded);
    return 0;
}

/* Items of a request. */

static void put_full_request(void)
{
    put_fixed();
    put_text_item(0x10, "1.2.840.10008.3.1.1.1");
    size_t item = begin_context(0x20, 1, 0);
    put_text_item(0x30, CT);
    put_text_item(0x40, EXPLICIT);
    put_text_item(0x40, IMPLICIT);
    end(item);
    put_proposal(255, MR, IMPLICIT);
    size_t information = begin(0x50);
    put_max_length(0x00012345);
    put_text_item(0x52, "1.2.276.0.7230010.3.0.3.6.7");
    put_item(0x53, "\x00\x05\x01\x02", 4);
    item = begin(0x54);
    put_counted(CT);
    put("\x00\x01", 2);
    end(item);
    put_text_item(0x55, "VERSION_1");
    item = begin(0x56);
    put_counted(MR);
    put("\x01\x00\x02", 3);
    end(item);
    item = begin(0x57);
    put_counted(CT);
    put_counted("1.2.840.10008.4.2");
    put16(2 + strlen("1.2.3") + 2 + strlen("1.2.4"));
    put_counted("1.2.3");
    put_counted("1.2.4");
    end(item);
    item = begin(0x58);
    put("\x02\x01", 2);
    put_counted("anna");
    put_counted("secret");
    end(item);
    end(information);
}

static void assert_full_request(const struct gs_associate *request)
{
    assert_int_equal(request->protocol_version, 1);
    assert_string_equal(request->called, "STORE");
    assert_string_equal(request->calling, "GETSCU");
    assert_string_equal(request->application_context, "1.2.840.10008.3.1.1.1");
    assert_int_equal(request->context_count, 2);
    assert_int_equal(request->contexts[0].id, 1);
    assert_string_equal(request->contexts[0].abstract, CT);
    assert_int_equal(request->contexts[0].syntax_count, 2);
    assert_string_equal(request->contexts[0].syntaxes[0], EXPLICIT);
    assert_string_equal(request->contexts[0].syntaxes[1], IMPLICIT);
    assert_int_equal(request->contexts[1].id, 255);
    assert_string_equal(request->contexts[1].abstract, MR);
    assert_int_equal(request->max_length, 0x00012345);
    assert_string_equal(request->implementation_class, "1.2.276.0.7230010.3.0.3.6.7");
    assert_string_equal(request->implementation_version, "VERSION_1");
    assert_true(request->has_async);
    assert_int_equal(request->async_invoked, 5);
    assert_int_equal(request->async_performed, 0x0102);
    assert_int_equal(request->role_count, 1);
    assert_string_equal(request->roles[0].sop_class, CT);
    assert_false(request->roles[0].scu);
    assert_true(request->roles[0].scp);
    assert_int_equal(request->extended_count, 1);
    assert_string_equal(request->extended[0].sop_class, MR);
    assert_int_equal(request->extended[0].size, 3);
    assert_memory_equal(request->extended[0].information, "\x01\x00\x02", 3);
    assert_int_equal(request->common_extended_count, 1);
    assert_string_equal(request->common_extended[0].sop_class, CT);
    assert_string_equal(request->common_extended[0].service_class, "1.2.840.10008.4.2");
    assert_int_equal(request->common_extended[0].related_count, 2);
    assert_string_equal(request->common_extended[0].related[0], "1.2.3");
    assert_string_equal(request->common_extended[0].related[1], "1.2.4");
    assert_int_equal(request->identity.type, GS_IDENTITY_PASSCODE);
    assert_true(request->identity.response_requested);
    assert_false(request->identity.answered);
    assert_int_equal(request->identity.primary_size, 4);
    assert_memory_equal(request->identity.primary, "anna", 4);
    assert_int_equal(request->identity.secondary_size, 6);
    assert_memory_equal(request->identity.secondary, "secret", 6);
}

static void a_request_with_every_item_is_decoded(void **state)
{
    (void)state;
    put_full_request();
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_full_request(&decoded);
}

/* The encoder is held to the bytes that the test wrote by hand. */
static void assert_encoded(enum gs_pdu_type type)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(gs_associate_encode(&decoded, type, &bytes, &size), 0);
    assert_int_equal(size, GS_PDU_HEADER_SIZE + body.size);
    uint8_t header[GS_PDU_HEADER_SIZE] = {
        (uint8_t)type,     0, 0, (uint8_t)(body.size >> 16), (uint8_t)(body.size >> 8),
        (uint8_t)body.size};
    assert_memory_equal(bytes, header, sizeof header);
    assert_memory_equal(bytes + GS_PDU_HEADER_SIZE, body.bytes, body.size);
    free(bytes);
}

static void a_request_with_every_item_is_encoded_as_the_standard_orders_it(void **state)
{
    (void)state;
    put_full_request();
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_encoded(GS_PDU_ASSOCIATE_RQ);
}

static void put_full_answer(void)
{
    put_fixed();
    put_text_item(0x10, "1.2.840.10008.3.1.1.1");
    put_answer(1, GS_CONTEXT_ACCEPTED, EXPLICIT);
    put_answer(3, GS_CONTEXT_ABSTRACT_SYNTAX, IMPLICIT);
    size_t information = begin(0x50);
    put_max_length(131072);
    put_text_item(0x52, "1.2.3");
    put_item(0x53, "\x00\x01\x00\x01", 4);
    size_t item = begin(0x54);
    put_counted(CT);
    put("\x01\x00", 2);
    end(item);
    put_text_item(0x55, "PEER");
    item = begin(0x56);
    put_counted(CT);
    end(item);
    item = begin(0x59);
    put_counted("ticket");
    end(item);
    end(information);
}

static void an_answer_with_every_item_is_decoded_and_encoded(void **state)
{
    (void)state;
    put_full_answer();
    assert_valid(GS_PDU_ASSOCIATE_AC);
    assert_int_equal(decoded.context_count, 2);
    assert_int_equal(decoded.contexts[0].result, GS_CONTEXT_ACCEPTED);
    assert_int_equal(decoded.contexts[0].syntax_count, 1);
    assert_string_equal(decoded.contexts[0].syntaxes[0], EXPLICIT);
    assert_string_equal(decoded.contexts[0].abstract, "");
    assert_int_equal(decoded.contexts[1].result, GS_CONTEXT_ABSTRACT_SYNTAX);
    assert_true(decoded.roles[0].scu);
    assert_false(decoded.roles[0].scp);
    assert_int_equal(decoded.extended[0].size, 0);
    assert_true(decoded.identity.answered);
    assert_int_equal(decoded.identity.primary_size, 6);
    assert_memory_equal(decoded.identity.primary, "ticket", 6);
    assert_encoded(GS_PDU_ASSOCIATE_AC);
}

static void a_context_is_found_by_its_id(void **state)
{
    (void)state;
    put_full_request();
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_ptr_equal(gs_associate_context(&decoded, 255), &decoded.contexts[1]);
    assert_null(gs_associate_context(&decoded, 3));
}

static void an_empty_application_context_is_encoded_as_that_of_dicom(void **state)
{
    (void)state;
    put_fixed();
    put_user_information();
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(gs_associate_encode(&decoded, GS_PDU_ASSOCIATE_RQ, &bytes, &size), 0);
    assert_memory_equal(bytes + GS_PDU_HEADER_SIZE + GS_ASSOCIATE_FIXED_SIZE,
                        "\x10\0\0\x15"
                        "1.2.840.10008.3.1.1.1",
                        25);
    free(bytes);
}

/* Lengths. */

static void a_valid_pdu_cut_anywhere_is_invalid(void **state)
{
    (void)state;
    static const enum gs_pdu_type types[] = {GS_PDU_ASSOCIATE_RQ, GS_PDU_ASSOCIATE_AC};
    for (size_t i = 0; i < 2; i++) {
        if (types[i] == GS_PDU_ASSOCIATE_RQ)
            put_full_request();
        else
            put_full_answer();
        size_t whole = body.size;
        assert_valid(types[i]);
        for (body.size = 0; body.size < whole; body.size++)
            assert_invalid(types[i]);
    }
}

static void assert_within_limits(const struct gs_associate *associate)
{
    assert_in_range(associate->context_count, 0, GS_CONTEXTS_MAX);
    assert_in_range(associate->role_count, 0, GS_ROLES_MAX);
    for (size_t i = 0; i < associate->context_count; i++) {
        const struct gs_context *context = &associate->contexts[i];
        assert_int_equal(context->id % 2, 1);
        assert_in_range(context->syntax_count, 0, GS_CONTEXT_SYNTAXES_MAX);
        for (size_t j = 0; j < context->syntax_count; j++)
            assert_in_range(strnlen(context->syntaxes[j], GS_UID_MAX + 1), 1, GS_UID_MAX);
    }
}

static void any_byte_may_be_wrong_and_nothing_is_read_beyond_the_end(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x20, 0x50, 0x59, 0x7f, 0x80, 0xff};
    size_t valid = 0;
    put_full_request();
    for (size_t i = 0; i < body.size; i++) {
        uint8_t original = body.bytes[i];
        for (size_t j = 0; j < sizeof values; j++) {
            body.bytes[i] = values[j];
            if (decode(GS_PDU_ASSOCIATE_RQ) == 0) {
                valid++;
                assert_within_limits(&decoded);
            }
        }
        body.bytes[i] = original;
    }
    assert_in_range(valid, 1, body.size * sizeof values - 1);
}

static void a_body_of_67_bytes_is_invalid(void **state)
{
    (void)state;
    put_fixed();
    body.size = 67;
    assert_invalid(GS_PDU_ASSOCIATE_AC);
}

static void a_pdu_without_user_information_is_invalid(void **state)
{
    (void)state;
    put_fixed();
    put_answer(1, 0, EXPLICIT);
    assert_invalid(GS_PDU_ASSOCIATE_AC);
}

static void a_body_of_more_than_a_mebibyte_is_invalid(void **state)
{
    (void)state;
    put_fixed();
    put_user_information();
    while (body.size + 4 + 0xffff <= GS_ASSOCIATE_MAX) {
        size_t item = begin(0xee);
        body.size += 0xffff;
        end(item);
    }
    size_t item = begin(0xee);
    body.size = GS_ASSOCIATE_MAX;
    end(item);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    body.size = GS_ASSOCIATE_MAX + 1;
    end(item);
    assert_invalid(GS_PDU_ASSOCIATE_RQ);
}

static void an_item_longer_than_its_parent_is_invalid(void **state)
{
    (void)state;
    static const uint8_t types[] = {0x10, 0x20, 0x50, 0xee};
    for (size_t i = 0; i < sizeof types; i++) {
        put_fixed();
        put_user_information();
        put((uint8_t[]){types[i], 0, 0, 5, 1, 0, 0, 0}, 8);
        assert_invalid(GS_PDU_ASSOCIATE_RQ);
    }
    /* Within the PDU, but not within its context, which is complete without it. */
    put_fixed();
    size_t larger = begin_context(0x20, 1, 0);
    put_text_item(0x30, CT);
    put_text_item(0x40, IMPLICIT);
    end(larger);
    body.bytes[larger - 1] += 4;
    put((uint8_t[]){0x40, 0, 0, 4}, 4);
    put_user_information();
    assert_invalid(GS_PDU_ASSOCIATE_RQ);
    put_fixed();
    size_t context = begin_context(0x20, 1, 0);
    put_text_item(0x30, CT);
    put_text_item(0x40, IMPLICIT);
    end(context);
    body.bytes[context - 1]--;
    put_user_information();
    assert_invalid(GS_PDU_ASSOCIATE_RQ);
}

static void assert_invalid_information(uint8_t type, const void *bytes, size_t size)
{
    put_fixed();
    size_t information = begin(0x50);
    put_max_length(16384);
    put_item(type, bytes, size);
    end(information);
    assert_invalid(type == 0x59 ? GS_PDU_ASSOCIATE_AC : GS_PDU_ASSOCIATE_RQ);
}

static void a_sub_item_whose_fields_do_not_fit_is_invalid(void **state)
{
    (void)state;
    put_fixed();
    size_t information = begin(0x50);
    put_item(0x51, "\0\0\x40", 3);
    end(information);
    assert_invalid(GS_PDU_ASSOCIATE_RQ);
    assert_invalid_information(0x53, "\0\1\0", 3);
    assert_invalid_information(0x54,
                               "\0\5"
                               "1.2.3\1",
                               8);
    assert_invalid_information(0x54,
                               "\0\x09"
                               "1.2.3\1\1",
                               9);
    assert_invalid_information(0x56,
                               "\0\6"
                               "1.2.3",
                               7);
    assert_invalid_information(0x57,
                               "\0\5"
                               "1.2.3\0\5"
                               "1.2.4",
                               14);
    assert_invalid_information(0x57,
                               "\0\5"
                               "1.2.3\0\5"
                               "1.2.4\0\4\0\5"
                               "1.",
                               20);
    assert_invalid_information(0x58, "\1\0\0\5anna\0\0", 10);
    assert_invalid_information(0x58, "\1\0\0\4anna\0", 9);
    assert_invalid_information(0x59, "\0\3ab", 4);
}

/* UIDs. */

static void one_trailing_nul_or_space_of_a_uid_is_stripped(void **state)
{
    (void)state;
    put_fixed();
    size_t context = begin_context(0x20, 1, 0);
    put_item(0x30, "1.2.3\0", 6);
    put_item(0x40, IMPLICIT " ", sizeof IMPLICIT);
    end(context);
    put_user_information();
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_string_equal(decoded.contexts[0].abstract, "1.2.3");
    assert_string_equal(decoded.contexts[0].syntaxes[0], IMPLICIT);
}

static void decode_with_abstract(const void *uid, size_t size)
{
    put_fixed();
    size_t context = begin_context(0x20, 1, 0);
    put_item(0x30, uid, size);
    put_text_item(0x40, IMPLICIT);
    end(context);
    put_user_information();
    decode(GS_PDU_ASSOCIATE_RQ);
}

/* A UID with two spaces behind it lost one each time it was decoded, so that it was never the same
 * twice; with two NULs it was refused already. */
static void a_uid_that_is_empty_or_too_long_or_holds_a_nul_is_invalid(void **state)
{
    (void)state;
    char digits[GS_UID_MAX + 1];
    memset(digits, '1', sizeof digits);
    decode_with_abstract(digits, GS_UID_MAX);
    assert_int_equal(strlen(decoded.contexts[0].abstract), GS_UID_MAX);
    static const struct {
        const char *uid;
        size_t size;
    } wrong[] = {{"", 0}, {"\0", 1}, {" ", 1}, {"1.2\0.3", 6}, {"1.2\0\0", 5}, {"1.2  ", 5}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        decode_with_abstract(wrong[i].uid, wrong[i].size);
        assert_invalid(GS_PDU_ASSOCIATE_RQ);
    }
    decode_with_abstract(digits, GS_UID_MAX + 1);
    assert_invalid(GS_PDU_ASSOCIATE_RQ);
}

/* Contexts. */

static void a_rejected_context_may_have_an_empty_syntax_or_none(void **state)
{
    (void)state;
    put_fixed();
    put_answer(1, GS_CONTEXT_TRANSFER_SYNTAXES, "");
    size_t context = begin_context(0x21, 3, GS_CONTEXT_USER_REJECTION);
    end(context);
    put_user_information();
    assert_valid(GS_PDU_ASSOCIATE_AC);
    assert_int_equal(decoded.context_count, 2);
    assert_int_equal(decoded.contexts[0].result, GS_CONTEXT_TRANSFER_SYNTAXES);
    assert_int_equal(decoded.contexts[1].result, GS_CONTEXT_USER_REJECTION);
}

static void an_accepted_context_without_a_syntax_is_invalid(void **state)
{
    (void)state;
    put_fixed();
    size_t context = begin_context(0x21, 1, GS_CONTEXT_ACCEPTED);
    end(context);
    put_user_information();
    assert_invalid(GS_PDU_ASSOCIATE_AC);
    put_fixed();
    put_answer(1, GS_CONTEXT_ACCEPTED, "");
    put_user_information();
    assert_invalid(GS_PDU_ASSOCIATE_AC);
}

static void a_proposed_context_needs_an_odd_id_and_both_syntaxes(void **state)
{
    (void)state;
    put_fixed();
    put_proposal(2, CT, IMPLICIT);
    put_user_information();
    assert_invalid(GS_PDU_ASSOCIATE_RQ);
    for (uint8_t only = 0x30; only <= 0x40; only += 0x10) {
        put_fixed();
        size_t context = begin_context(0x20, 1, 0);
        put_text_item(only, CT);
        end(context);
        put_user_information();
        assert_invalid(GS_PDU_ASSOCIATE_RQ);
    }
}

static void an_even_id_in_an_answer_is_ignored(void **state)
{
    (void)state;
    put_fixed();
    put_answer(2, GS_CONTEXT_ACCEPTED, IMPLICIT);
    put_answer(1, GS_CONTEXT_ACCEPTED, EXPLICIT);
    put_user_information();
    assert_valid(GS_PDU_ASSOCIATE_AC);
    assert_int_equal(decoded.context_count, 1);
    assert_int_equal(decoded.contexts[0].id, 1);
}

static void syntaxes_beyond_the_limit_are_skipped(void **state)
{
    (void)state;
    put_fixed();
    size_t context = begin_context(0x20, 1, 0);
    put_text_item(0x30, CT);
    for (int i = 0; i < 3 * GS_CONTEXT_SYNTAXES_MAX; i++)
        put_text_item(0x40, IMPLICIT);
    end(context);
    put_user_information();
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_int_equal(decoded.contexts[0].syntax_count, GS_CONTEXT_SYNTAXES_MAX);
}

/* Unknown and duplicate items. */

static void unknown_items_are_skipped_in_every_place(void **state)
{
    (void)state;
    put_fixed();
    put_item(0xee, "abc", 3);
    put_item(0x51, "\0\0\0\1", 4); /* known, but not here */
    size_t context = begin_context(0x20, 1, 0);
    put_item(0xee, "", 0);
    put_text_item(0x30, CT);
    put_text_item(0x40, IMPLICIT);
    put_item(0x52, "x", 1);
    end(context);
    size_t information = begin(0x50);
    put_item(0x10, "1.2", 3);
    put_item(0x5a, "abc", 3);
    put_item(0x59, "\0\7", 2); /* of an answer only */
    put_max_length(4096);
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_int_equal(decoded.max_length, 4096);
    assert_string_equal(decoded.application_context, "");
    assert_int_equal(decoded.context_count, 1);
    assert_false(decoded.identity.answered);
}

static void put_role(const char *sop_class, uint8_t scp)
{
    size_t item = begin(0x54);
    put_counted(sop_class);
    put((uint8_t[]){0, scp}, 2);
    end(item);
}

static void of_duplicate_items_the_first_counts(void **state)
{
    (void)state;
    put_fixed();
    put_text_item(0x10, "1.1");
    put_text_item(0x10, "1.2");
    put_proposal(1, CT, IMPLICIT);
    put_proposal(1, MR, EXPLICIT);
    size_t information = begin(0x50);
    put_max_length(1000);
    put_max_length(2000);
    put_text_item(0x52, "1.3");
    put_text_item(0x52, "1.4");
    put_role(CT, 1);
    put_role(CT, 0);
    put_text_item(0x55, "ONE");
    put_text_item(0x55, "TWO");
    end(information);
    information = begin(0x50);
    put_max_length(3000);
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_true(decoded.repeated);
    assert_string_equal(decoded.application_context, "1.1");
    assert_int_equal(decoded.context_count, 1);
    assert_string_equal(decoded.contexts[0].abstract, CT);
    assert_int_equal(decoded.contexts[0].syntax_count, 1);
    assert_int_equal(decoded.max_length, 1000);
    assert_string_equal(decoded.implementation_class, "1.3");
    assert_string_equal(decoded.implementation_version, "ONE");
    assert_int_equal(decoded.role_count, 1);
    assert_true(decoded.roles[0].scp);
}

static void put_extended(uint8_t type, const char *sop_class, const char *rest, size_t size)
{
    size_t item = begin(type);
    put_counted(sop_class);
    put(rest, size);
    end(item);
}

static void of_extended_items_for_one_class_the_first_counts(void **state)
{
    (void)state;
    put_fixed();
    size_t information = begin(0x50);
    put_extended(0x56, CT, "\1", 1);
    put_extended(0x56, MR, "\2\2", 2);
    put_extended(0x56, CT, "\3\3\3", 3);
    put_extended(0x57, CT,
                 "\0\3"
                 "1.1\0\0",
                 7);
    put_extended(0x57, MR,
                 "\0\3"
                 "1.2\0\0",
                 7);
    put_extended(0x57, CT,
                 "\0\3"
                 "1.3\0\0",
                 7);
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_int_equal(decoded.extended_count, 2);
    assert_int_equal(decoded.extended[0].size, 1);
    assert_int_equal(decoded.extended[1].size, 2);
    assert_int_equal(decoded.common_extended_count, 2);
    assert_string_equal(decoded.common_extended[0].service_class, "1.1");
    assert_string_equal(decoded.common_extended[1].service_class, "1.2");
}

static void of_server_responses_the_first_counts(void **state)
{
    (void)state;
    put_fixed();
    size_t information = begin(0x50);
    put_item(0x59, "\0\3one", 5);
    put_item(0x59, "\0\3two", 5);
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_AC);
    assert_memory_equal(decoded.identity.primary, "one", 3);
}

static void roles_beyond_the_limit_are_skipped(void **state)
{
    (void)state;
    put_fixed();
    size_t information = begin(0x50);
    put_max_length(16384);
    for (int i = 0; i < 2 * GS_ROLES_MAX; i++) {
        char uid[GS_UID_MAX] = "1.2.100";
        uid[4] = (char)('0' + i / 100);
        uid[5] = (char)('0' + i / 10 % 10);
        uid[6] = (char)('0' + i % 10);
        put_role(uid, 1);
    }
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_int_equal(decoded.role_count, GS_ROLES_MAX);
}

/* Texts. */

static void titles_lose_the_spaces_around_them_and_padding_of_nuls(void **state)
{
    (void)state;
    put_fixed();
    memcpy(body.bytes + 4, "  A TITLE \0\0\0\0\0\0", 16);
    memcpy(body.bytes + 20, "SIXTEEN-LETTERS!", 16);
    put_user_information();
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_string_equal(decoded.called, "A TITLE");
    assert_string_equal(decoded.calling, "SIXTEEN-LETTERS!");
}

static void a_version_name_that_is_too_long_is_cut(void **state)
{
    (void)state;
    put_fixed();
    size_t information = begin(0x50);
    put_text_item(0x55, "0123456789ABCDEFG");
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_string_equal(decoded.implementation_version, "0123456789ABCDEF");
}

/* Spaces at the place where it was cut stayed, and were taken for padding the next time. */
static void a_name_that_is_cut_where_it_has_spaces_ends_before_them(void **state)
{
    (void)state;
    put_fixed();
    size_t information = begin(0x50);
    put_text_item(0x55, "0123          EFGH");
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_string_equal(decoded.implementation_version, "0123          EF");
    put_fixed();
    information = begin(0x50);
    put_text_item(0x55, "0123              EFGH");
    end(information);
    assert_valid(GS_PDU_ASSOCIATE_RQ);
    assert_string_equal(decoded.implementation_version, "0123");
}

/* Encoding. */

static void what_does_not_fit_into_an_item_is_not_encoded(void **state)
{
    (void)state;
    struct gs_associate associate = {0};
    struct gs_extended *extended = gs_associate_add_extended(&associate);
    assert_non_null(extended);
    strcpy(extended->sop_class, CT);
    extended->size = 0xffff;
    extended->information = calloc(1, 0xffff);
    assert_non_null(extended->information);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(gs_associate_encode(&associate, GS_PDU_ASSOCIATE_RQ, &bytes, &size), -1);
    extended->size = 0xff00;
    assert_int_equal(gs_associate_encode(&associate, GS_PDU_ASSOCIATE_RQ, &bytes, &size), 0);
    free(bytes);
    gs_associate_clear(&associate);
}

static void lists_end_at_their_limits(void **state)
{
    (void)state;
    struct gs_associate associate = {0};
    for (int i = 0; i < GS_CONTEXTS_MAX; i++)
        assert_non_null(gs_associate_add_context(&associate));
    assert_null(gs_associate_add_context(&associate));
    assert_int_equal(associate.context_count, GS_CONTEXTS_MAX);
    for (int i = 0; i < GS_CONTEXT_SYNTAXES_MAX; i++)
        assert_non_null(gs_context_add_syntax(&associate.contexts[0]));
    assert_null(gs_context_add_syntax(&associate.contexts[0]));
    gs_associate_clear(&associate);
    assert_int_equal(associate.context_count, 0);
    assert_null(associate.contexts);
}

static void a_rejected_context_is_encoded_with_a_valid_syntax(void **state)
{
    (void)state;
    struct gs_associate associate = {0};
    struct gs_context *context = gs_associate_add_context(&associate);
    assert_non_null(context);
    context->id = 1;
    context->result = GS_CONTEXT_ABSTRACT_SYNTAX;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(gs_associate_encode(&associate, GS_PDU_ASSOCIATE_AC, &bytes, &size), 0);
    static const uint8_t expected[] = "\x21\0\0\x19\1\0\3\0\x40\0\0\x11" IMPLICIT;
    assert_memory_equal(bytes + GS_PDU_HEADER_SIZE + GS_ASSOCIATE_FIXED_SIZE + 25, expected,
                        sizeof expected - 1);
    free(bytes);
    gs_associate_clear(&associate);
}

static void short_pdus_are_ten_bytes(void **state)
{
    (void)state;
    uint8_t bytes[GS_PDU_SHORT_SIZE];
    struct gs_reject reject = {1, 2, 3};
    gs_reject_encode(&reject, bytes);
    assert_memory_equal(bytes, "\3\0\0\0\0\4\0\1\2\3", 10);
    gs_release_encode(GS_PDU_RELEASE_RQ, bytes);
    assert_memory_equal(bytes, "\5\0\0\0\0\4\0\0\0\0", 10);
    gs_release_encode(GS_PDU_RELEASE_RP, bytes);
    assert_memory_equal(bytes, "\6\0\0\0\0\4\0\0\0\0", 10);
    gs_abort_encode(2, 6, bytes);
    assert_memory_equal(bytes, "\7\0\0\0\0\4\0\0\2\6", 10);
}

static void a_pdata_header_counts_the_header_of_its_pdv(void **state)
{
    (void)state;
    uint8_t bytes[GS_PDATA_HEADER_SIZE];
    gs_pdata_encode(5, true, false, 0x010203, bytes);
    assert_memory_equal(bytes, "\4\0\0\1\2\x09\0\1\2\5\5\1", 12);
    gs_pdata_encode(255, false, true, 0, bytes);
    assert_memory_equal(bytes, "\4\0\0\0\0\6\0\0\0\2\xff\2", 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_with_every_item_is_decoded),
        cmocka_unit_test(a_request_with_every_item_is_encoded_as_the_standard_orders_it),
        cmocka_unit_test(an_answer_with_every_item_is_decoded_and_encoded),
        cmocka_unit_test(a_context_is_found_by_its_id),
        cmocka_unit_test(an_empty_application_context_is_encoded_as_that_of_dicom),
        cmocka_unit_test(a_valid_pdu_cut_anywhere_is_invalid),
        cmocka_unit_test(any_byte_may_be_wrong_and_nothing_is_read_beyond_the_end),
        cmocka_unit_test(a_body_of_67_bytes_is_invalid),
        cmocka_unit_test(a_pdu_without_user_information_is_invalid),
        cmocka_unit_test(a_body_of_more_than_a_mebibyte_is_invalid),
        cmocka_unit_test(an_item_longer_than_its_parent_is_invalid),
        cmocka_unit_test(a_sub_item_whose_fields_do_not_fit_is_invalid),
        cmocka_unit_test(one_trailing_nul_or_space_of_a_uid_is_stripped),
        cmocka_unit_test(a_uid_that_is_empty_or_too_long_or_holds_a_nul_is_invalid),
        cmocka_unit_test(a_rejected_context_may_have_an_empty_syntax_or_none),
        cmocka_unit_test(an_accepted_context_without_a_syntax_is_invalid),
        cmocka_unit_test(a_proposed_context_needs_an_odd_id_and_both_syntaxes),
        cmocka_unit_test(an_even_id_in_an_answer_is_ignored),
        cmocka_unit_test(syntaxes_beyond_the_limit_are_skipped),
        cmocka_unit_test(unknown_items_are_skipped_in_every_place),
        cmocka_unit_test(of_duplicate_items_the_first_counts),
        cmocka_unit_test(of_extended_items_for_one_class_the_first_counts),
        cmocka_unit_test(of_server_responses_the_first_counts),
        cmocka_unit_test(roles_beyond_the_limit_are_skipped),
        cmocka_unit_test(titles_lose_the_spaces_around_them_and_padding_of_nuls),
        cmocka_unit_test(a_version_name_that_is_too_long_is_cut),
        cmocka_unit_test(a_name_that_is_cut_where_it_has_spaces_ends_before_them),
        cmocka_unit_test(what_does_not_fit_into_an_item_is_not_encoded),
        cmocka_unit_test(lists_end_at_their_limits),
        cmocka_unit_test(a_rejected_context_is_encoded_with_a_valid_syntax),
        cmocka_unit_test(short_pdus_are_ten_bytes),
        cmocka_unit_test(a_pdata_header_counts_the_header_of_its_pdv),
    };
    return cmocka_run_group_tests_name("pdu", tests, NULL, clear);
}

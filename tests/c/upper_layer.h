/*
 * upper_layer: a scripted peer, and one association that is tested against it.
 *
 * The peer is a stream of bytes that a test puts together, valid or not. reach() brings the
 * association into any of the states of PS3.8; feed() lets it read what the peer says.
 */
#ifndef UPPER_LAYER_H
#define UPPER_LAYER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/association.h"

#include <stdlib.h>
#include <string.h>

#define IMPLICIT    "1.2.840.10008.1.2"
#define EXPLICIT    "1.2.840.10008.1.2.1"
#define CT          "1.2.840.10008.5.1.4.1.1.2"
#define RECEIVE_MAX 16384

/* The bytes of a peer, as a test writes them. */
struct stream {
    size_t size;
    uint8_t bytes[256 * 1024];
};

static struct stream stream;

static inline void put(const void *bytes, size_t size)
{
    assert_true(stream.size + size <= sizeof stream.bytes);
    memcpy(stream.bytes + stream.size, bytes, size);
    stream.size += size;
}

static inline void put_short(uint8_t type, uint8_t result, uint8_t source, uint8_t reason)
{
    put((uint8_t[]){type, 0, 0, 0, 0, 4, 0, result, source, reason}, GS_PDU_SHORT_SIZE);
}

static inline void put32(uint32_t value)
{
    put((uint8_t[]){(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                    (uint8_t)value},
        4);
}

static inline void put_pdu_header(uint8_t type, uint32_t length)
{
    put((uint8_t[]){type, 0}, 2);
    put32(length);
}

static inline void put_pdv(uint8_t context, uint8_t control, const char *text)
{
    put32((uint32_t)strlen(text) + 2);
    put((uint8_t[]){context, control}, 2);
    put(text, strlen(text));
}

/* A P-DATA-TF with one PDV. */
static inline void put_data(uint8_t context, uint8_t control, const char *text)
{
    put_pdu_header(GS_PDU_DATA, (uint32_t)strlen(text) + GS_PDV_HEADER_SIZE);
    put_pdv(context, control, text);
}

static inline void add_context(struct gs_associate *associate, uint8_t id, uint8_t result,
                               const char *first, const char *second)
{
    struct gs_context *context = gs_associate_add_context(associate);
    assert_non_null(context);
    context->id = id;
    context->result = result;
    strcpy(context->abstract, CT);
    const char *syntaxes[] = {first, second};
    for (size_t i = 0; i < 2 && syntaxes[i] != NULL; i++) {
        gs_uid_text *syntax = gs_context_add_syntax(context);
        assert_non_null(syntax);
        strcpy(*syntax, syntaxes[i]);
    }
}

/* Contexts 1 and 3 with two syntaxes, 5 with one. */
static inline struct gs_associate proposal(void)
{
    struct gs_associate associate = {0};
    strcpy(associate.called, "STORE");
    strcpy(associate.calling, "GETSCU");
    add_context(&associate, 1, 0, EXPLICIT, IMPLICIT);
    add_context(&associate, 3, 0, EXPLICIT, IMPLICIT);
    add_context(&associate, 5, 0, IMPLICIT, NULL);
    return associate;
}

/* 1 is accepted, 3 is rejected, 5 is passed over. */
static inline struct gs_associate answer(void)
{
    struct gs_associate associate = {0};
    add_context(&associate, 1, GS_CONTEXT_ACCEPTED, IMPLICIT, NULL);
    add_context(&associate, 3, GS_CONTEXT_ABSTRACT_SYNTAX, NULL, NULL);
    return associate;
}

static inline void put_associate(struct gs_associate associate, enum gs_pdu_type type)
{
    uint8_t *bytes;
    size_t size;
    if (associate.protocol_version == 0)
        associate.protocol_version = 1;
    assert_int_equal(gs_associate_encode(&associate, type, &bytes, &size), 0);
    put(bytes, size);
    free(bytes);
    gs_associate_clear(&associate);
}

static inline void put_request(void)
{
    put_associate(proposal(), GS_PDU_ASSOCIATE_RQ);
}

static inline void put_answer(void)
{
    put_associate(answer(), GS_PDU_ASSOCIATE_AC);
}

/* The association under test, one at a time; freed by the teardown. */
static struct gs_association *association;
static struct gs_association_event event;

static inline int teardown(void **state)
{
    (void)state;
    gs_association_free(association);
    association = NULL;
    return 0;
}

static inline void fresh(bool requestor)
{
    gs_association_free(association);
    association = gs_association_new(requestor, RECEIVE_MAX);
    assert_non_null(association);
    stream.size = 0;
}

/* Feeds what was put and returns the first event; the bytes of a fragment stay in the stream. */
static inline enum gs_association_event_type feed(void)
{
    size_t consumed;
    enum gs_association_event_type type =
        gs_association_feed(association, stream.bytes, stream.size, &consumed, &event);
    assert_int_equal(type, event.type);
    if (type == GS_ASSOCIATION_NONE)
        assert_int_equal(consumed, stream.size);
    stream.size = 0;
    return type;
}

static inline size_t output(const uint8_t **bytes)
{
    return gs_association_output(association, bytes);
}

static inline void drain(void)
{
    const uint8_t *bytes;
    gs_association_sent(association, output(&bytes));
    assert_int_equal(output(&bytes), 0);
}

static inline void assert_output(const void *expected, size_t size)
{
    const uint8_t *bytes;
    assert_int_equal(output(&bytes), size);
    assert_memory_equal(bytes, expected, size);
    gs_association_sent(association, size);
}

static inline void assert_abort_sent(uint8_t source, uint8_t reason)
{
    assert_output((uint8_t[]){7, 0, 0, 0, 0, 4, 0, 0, source, reason}, GS_PDU_SHORT_SIZE);
}

/* The peer's fault: told, and the A-ABORT is in the output already. */
static inline void assert_fault(uint8_t reason)
{
    assert_int_equal(feed(), GS_ASSOCIATION_FAILED);
    assert_int_equal(event.source, GS_ABORT_PROVIDER);
    assert_int_equal(event.reason, reason);
    assert_non_null(event.problem);
    assert_int_equal(gs_association_state(association), GS_STATE_AWAITING_CLOSE);
    assert_abort_sent(GS_ABORT_PROVIDER, reason);
}

static inline void request(void)
{
    struct gs_associate associate = proposal();
    assert_int_equal(gs_association_request(association, &associate), 0);
    assert_null(associate.contexts);
}

static inline void establish_requestor(void)
{
    fresh(true);
    request();
    gs_association_connected(association);
    drain();
    put_answer();
    assert_int_equal(feed(), GS_ASSOCIATION_ACCEPTED);
}

static inline void await_request(void)
{
    fresh(false);
    gs_association_connected(association);
}

static inline void establish_acceptor(void)
{
    await_request();
    put_request();
    assert_int_equal(feed(), GS_ASSOCIATION_REQUESTED);
    struct gs_associate associate = answer();
    assert_int_equal(gs_association_accept(association, &associate), 0);
    drain();
}

static inline void collide(bool requestor)
{
    requestor ? establish_requestor() : establish_acceptor();
    assert_int_equal(gs_association_release(association), 0);
    put_short(GS_PDU_RELEASE_RQ, 0, 0, 0);
    assert_int_equal(feed(), GS_ASSOCIATION_RELEASE_REQUESTED);
}

static inline void establish(bool requestor)
{
    requestor ? establish_requestor() : establish_acceptor();
}

/* An association in that state, with nothing in its output. Of the states that both have (Sta6, 7,
 * 8, 13) it is that of the requestor, or of the acceptor. */
static inline void reach_as(bool requestor, int state)
{
    switch (state) {
    case GS_STATE_IDLE:
        fresh(true);
        break;
    case GS_STATE_AWAITING_REQUEST:
        await_request();
        break;
    case GS_STATE_AWAITING_ACCEPT:
        await_request();
        put_request();
        feed();
        break;
    case GS_STATE_CONNECTING:
        fresh(true);
        request();
        break;
    case GS_STATE_AWAITING_ANSWER:
        fresh(true);
        request();
        gs_association_connected(association);
        break;
    case GS_STATE_ESTABLISHED:
        establish(requestor);
        break;
    case GS_STATE_AWAITING_RELEASE_REPLY:
        establish(requestor);
        gs_association_release(association);
        break;
    case GS_STATE_RELEASE_REQUESTED:
        establish(requestor);
        put_short(GS_PDU_RELEASE_RQ, 0, 0, 0);
        feed();
        break;
    case GS_STATE_COLLISION_REQUESTOR:
        collide(true);
        break;
    case GS_STATE_COLLISION_ACCEPTOR:
        collide(false);
        break;
    case GS_STATE_COLLISION_REQUESTOR_DONE:
        collide(true);
        gs_association_release_reply(association);
        break;
    case GS_STATE_COLLISION_ACCEPTOR_DONE:
        collide(false);
        put_short(GS_PDU_RELEASE_RP, 0, 0, 0);
        feed();
        break;
    default:
        establish(requestor);
        gs_association_abort(association, 0, 0);
        break;
    }
    drain();
    assert_int_equal(gs_association_state(association), state);
}

static inline void reach(int state)
{
    reach_as(true, state);
}

/* The primitives with what they need, and as functions of one type. */

static inline int do_request(void)
{
    struct gs_associate associate = proposal();
    int result = gs_association_request(association, &associate);
    assert_null(associate.contexts);
    return result;
}

static inline int do_accept(void)
{
    struct gs_associate associate = answer();
    int result = gs_association_accept(association, &associate);
    assert_null(associate.contexts);
    return result;
}

static inline int do_reject(void)
{
    return gs_association_reject(association, (struct gs_reject){1, 1, 1});
}

static inline int do_release(void)
{
    return gs_association_release(association);
}

static inline int do_reply(void)
{
    return gs_association_release_reply(association);
}

static inline int do_abort(void)
{
    return gs_association_abort(association, 0, 0);
}

static inline int do_send(void)
{
    return gs_association_send(association, 1, true, true, (const uint8_t *)"ab", 2);
}

static inline void put_answer_with(uint8_t id, const char *syntax, uint32_t max_length)
{
    struct gs_associate associate = {.max_length = max_length};
    add_context(&associate, id, GS_CONTEXT_ACCEPTED, syntax, NULL);
    put_associate(associate, GS_PDU_ASSOCIATE_AC);
}

/* A P-DATA-TF of 12 bytes whose first PDV claims that length. */
static inline void put_claim(uint32_t pdv_length)
{
    put_pdu_header(GS_PDU_DATA, 12);
    put32(pdv_length);
    put("\1\2abcdef", 8);
}

static inline void start(bool requestor)
{
    gs_association_free(association);
    association = gs_association_new(requestor, RECEIVE_MAX);
    assert_non_null(association);
    if (requestor)
        request();
    gs_association_connected(association);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

#endif

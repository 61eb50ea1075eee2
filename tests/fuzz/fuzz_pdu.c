/* PDUs: the events of an association, and what it answers, do not depend on how the transport cut
 * the bytes; who breaks the rules gets an A-ABORT, once, and is not read any more. */
#include "fuzz.h"

#include "protocol/association.h"

#define RECEIVE_MAX 16384

/* What happened, as bytes; the fragments of one PDV are one. */
struct story {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool in_pdv;
    bool failed;
};

static void tell(struct story *story, const void *bytes, size_t size)
{
    if (size > story->capacity - story->size) {
        story->capacity = 2 * (story->size + size) + 256;
        story->bytes = realloc(story->bytes, story->capacity);
        REQUIRE(story->bytes != NULL);
    }
    if (size > 0)
        memcpy(story->bytes + story->size, bytes, size);
    story->size += size;
}

static void tell_event(struct story *story, const struct gs_association_event *event)
{
    if (event->type != GS_ASSOCIATION_FRAGMENT) {
        const uint8_t told[] = {0xff,
                                (uint8_t)event->type,
                                event->reject.result,
                                event->reject.source,
                                event->reject.reason,
                                event->source,
                                event->reason};
        tell(story, told, sizeof told);
        tell(story, &event->problem, sizeof event->problem);
        return;
    }
    if (!story->in_pdv)
        tell(story, (uint8_t[]){0xfe, event->context, event->command, event->last}, 4);
    tell(story, event->bytes, event->size);
    story->in_pdv = !event->end;
    if (event->end)
        tell(story, "\xfd", 1);
}

static void propose(struct gs_associate *associate, uint8_t id, const char *abstract, bool answer)
{
    struct gs_context *context = gs_associate_add_context(associate);
    REQUIRE(context != NULL);
    context->id = id;
    strcpy(context->abstract, abstract);
    gs_uid_text *syntax = gs_context_add_syntax(context);
    REQUIRE(syntax != NULL);
    strcpy(*syntax, GS_UID_IMPLICIT_LITTLE);
    if (!answer && (syntax = gs_context_add_syntax(context)) != NULL)
        strcpy(*syntax, GS_UID_EXPLICIT_LITTLE);
}

static struct gs_associate proposal(bool answer)
{
    struct gs_associate associate = {.protocol_version = 1, .max_length = RECEIVE_MAX};
    strcpy(associate.called, "PEER");
    strcpy(associate.calling, "GETSCU");
    propose(&associate, 1, "1.2.840.10008.5.1.4.1.2.2.3", answer);
    propose(&associate, 3, "1.2.840.10008.5.1.4.1.1.2", answer);
    return associate;
}

static void say(struct gs_association *association, enum gs_pdu_type type)
{
    struct gs_associate associate = proposal(type == GS_PDU_ASSOCIATE_AC);
    struct gs_association_event event;
    uint8_t *bytes;
    size_t size, consumed;
    REQUIRE(gs_associate_encode(&associate, type, &bytes, &size) == 0);
    gs_associate_clear(&associate);
    gs_association_feed(association, bytes, size, &consumed, &event);
    free(bytes);
}

/* What the user does by himself, and so at the same place whatever the cuts. */
static void react(struct gs_association *association, enum gs_association_event_type type,
                  bool refuses)
{
    struct gs_associate answer;
    switch (type) {
    case GS_ASSOCIATION_REQUESTED:
        answer = proposal(true);
        if (refuses || gs_association_accept(association, &answer) != 0)
            gs_association_reject(association, (struct gs_reject){1, 1, 1});
        gs_associate_clear(&answer);
        break;
    case GS_ASSOCIATION_RELEASE_REQUESTED:
    case GS_ASSOCIATION_RELEASED:
        gs_association_release_reply(association);
        break;
    default:
        break;
    }
}

/* Brings the association to where the peer's bytes begin. */
static struct gs_association *begin(unsigned choice)
{
    bool requestor = choice % 2 == 0;
    struct gs_association *association = gs_association_new(requestor, RECEIVE_MAX);
    struct gs_associate own = proposal(false);
    REQUIRE(association != NULL);
    gs_association_connected(association);
    if (requestor)
        REQUIRE(gs_association_request(association, &own) == 0);
    gs_associate_clear(&own);
    if (choice / 2 % 4 == 0)
        return association;
    say(association, requestor ? GS_PDU_ASSOCIATE_AC : GS_PDU_ASSOCIATE_RQ);
    if (!requestor)
        react(association, GS_ASSOCIATION_REQUESTED, false);
    if (choice / 2 % 4 == 2)
        gs_association_release(association);
    if (choice / 2 % 4 == 3)
        gs_association_abort(association, 0, 0);
    return association;
}

static void converse(struct story *story, unsigned choice, const uint8_t *bytes, size_t size,
                     uint32_t seed)
{
    struct gs_association *association = begin(choice);
    uint32_t state = 0;
    const uint8_t *output;
    while (size > 0) {
        size_t piece = next_piece(seed, &state, size), consumed = 0;
        struct gs_association_event event = {0};
        enum gs_association_event_type type =
            gs_association_feed(association, bytes, piece, &consumed, &event);
        REQUIRE(type == event.type && consumed <= piece);
        REQUIRE(type != GS_ASSOCIATION_NONE || consumed == piece);
        REQUIRE(type == GS_ASSOCIATION_NONE || !story->failed);
        if (type != GS_ASSOCIATION_NONE)
            tell_event(story, &event);
        if (type == GS_ASSOCIATION_FAILED) {
            size_t waiting = gs_association_output(association, &output);
            const uint8_t said[] = {7, 0, 0, 0, 0, 4, 0, 0, event.source, event.reason};
            REQUIRE(event.problem != NULL && waiting >= sizeof said);
            REQUIRE(memcmp(output + waiting - sizeof said, said, sizeof said) == 0);
            story->failed = true;
        }
        react(association, type, choice & 8);
        bytes += consumed;
        size -= consumed;
    }
    size_t waiting = gs_association_output(association, &output);
    tell(story, output, waiting);
    tell(story, &(uint8_t){(uint8_t)gs_association_state(association)}, 1);
    gs_association_free(association);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    unsigned choice = take8(&input);
    uint32_t seeds[] = {1, 0, take8(&input) + 2};
    uint8_t *copy = take_copy(&input, &size);
    struct story stories[3] = {0};
    for (int i = 0; i < 3; i++) {
        converse(&stories[i], choice, copy, size, seeds[i]);
        REQUIRE(stories[i].size == stories[0].size);
        REQUIRE(memcmp(stories[i].bytes, stories[0].bytes, stories[0].size) == 0);
    }
    for (int i = 0; i < 3; i++)
        free(stories[i].bytes);
    free(copy);
    return 0;
}

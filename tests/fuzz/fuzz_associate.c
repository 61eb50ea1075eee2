/* A-ASSOCIATE: decoding is safe and stable, and whatever the peer answers, what is accepted is a
 * part of what was proposed. */
#include "fuzz.h"

#include "protocol/association.h"

#include <sys/types.h>

/* Decodes; what that gives is encoded, decoded and encoded again, and stays as it is. */
static void require_stable(enum gs_pdu_type type, const uint8_t *body, size_t size)
{
    struct gs_associate first = {0}, second = {0};
    enum gs_abort_reason reason = GS_ABORT_NOT_SPECIFIED;
    uint8_t *once, *again;
    size_t once_size, again_size;
    if (gs_associate_decode(&first, type, body, size, &reason) != 0) {
        REQUIRE(reason == GS_ABORT_INVALID_PARAMETER);
    } else if (gs_associate_encode(&first, type, &once, &once_size) == 0) {
        REQUIRE(gs_associate_decode(&second, type, once + GS_PDU_HEADER_SIZE,
                                    once_size - GS_PDU_HEADER_SIZE, &reason) == 0);
        REQUIRE(second.context_count == first.context_count);
        REQUIRE(second.role_count == first.role_count);
        REQUIRE(second.extended_count == first.extended_count);
        REQUIRE(gs_associate_encode(&second, type, &again, &again_size) == 0);
        REQUIRE(again_size == once_size && memcmp(once, again, once_size) == 0);
        free(once);
        free(again);
    }
    gs_associate_clear(&first);
    gs_associate_clear(&second);
}

static const char *const abstracts[] = {"1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.1.1",
                                        "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"};
static const char *const syntaxes[] = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                       "1.2.840.10008.1.2.4.70"};

/* Contexts 1, 3, ... 17; the number of transfer syntaxes varies. */
static struct gs_associate proposal(unsigned choice)
{
    struct gs_associate associate = {.protocol_version = 1, .max_length = 16384};
    strcpy(associate.called, "PEER");
    strcpy(associate.calling, "GETSCU");
    associate.has_async = choice & 1;
    associate.async_invoked = associate.async_performed = 4;
    for (unsigned i = 0; i < 9; i++) {
        struct gs_context *context = gs_associate_add_context(&associate);
        REQUIRE(context != NULL);
        context->id = (uint8_t)(2 * i + 1);
        strcpy(context->abstract, abstracts[(i + choice) % 4]);
        for (unsigned j = 0; j <= (i + choice) % 3; j++) {
            gs_uid_text *syntax = gs_context_add_syntax(context);
            REQUIRE(syntax != NULL);
            strcpy(*syntax, syntaxes[j]);
        }
    }
    return associate;
}

static void require_proposed(const struct gs_associate *proposed, const struct gs_context *accepted)
{
    const struct gs_context *context = gs_associate_context(proposed, accepted->id);
    REQUIRE(context != NULL && accepted->syntax_count == 1);
    REQUIRE(strcmp(context->abstract, accepted->abstract) == 0);
    size_t i = 0;
    while (i < context->syntax_count && strcmp(context->syntaxes[i], accepted->syntaxes[0]) != 0)
        i++;
    REQUIRE(i < context->syntax_count);
}

static void require_subset(struct gs_association *association, const struct gs_associate *proposed)
{
    REQUIRE(gs_association_state(association) == GS_STATE_ESTABLISHED);
    uint32_t most = gs_association_send_max(association);
    REQUIRE(most >= 14 && most <= GS_SEND_MAX);
    REQUIRE(!gs_association_peer(association)->has_async || proposed->has_async);
    for (unsigned id = 0; id < 256; id++) {
        const struct gs_context *accepted = gs_association_context(association, (uint8_t)id);
        if (accepted != NULL)
            require_proposed(proposed, accepted);
        int sent = gs_association_send(association, (uint8_t)id, true, true, (uint8_t *)"ab", 2);
        REQUIRE(sent == (accepted != NULL ? 0 : -1));
    }
}

/* As the answer to our proposal. */
static void require_negotiated(unsigned choice, const uint8_t *body, size_t size)
{
    struct gs_association *association = gs_association_new(true, 16384);
    REQUIRE(association != NULL);
    struct gs_associate proposed = proposal(choice);
    REQUIRE(gs_association_request(association, &proposed) == 0);
    gs_association_connected(association);
    const uint8_t header[] = {
        2, 0, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    struct gs_association_event event = {0};
    size_t consumed = 0;
    gs_association_feed(association, header, sizeof header, &consumed, &event);
    if (event.type == GS_ASSOCIATION_NONE)
        gs_association_feed(association, body, size, &consumed, &event);
    if (event.type == GS_ASSOCIATION_ACCEPTED)
        require_subset(association, gs_association_own(association));
    else
        REQUIRE(event.type == GS_ASSOCIATION_FAILED && event.problem != NULL);
    gs_association_free(association);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    unsigned choice = take8(&input);
    uint8_t *body = take_copy(&input, &size);
    require_stable(GS_PDU_ASSOCIATE_RQ, body, size);
    require_stable(GS_PDU_ASSOCIATE_AC, body, size);
    require_negotiated(choice, body, size);
    free(body);
    return 0;
}

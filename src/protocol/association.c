#include "protocol/machine.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_START  4096
#define SHORT_RESERVE 64 /* more than an association can send of short PDUs: six would fit */

_Static_assert(sizeof GS_IMPLEMENTATION_VERSION - 1 <= GS_VERSION_NAME_MAX,
               "the implementation version name has 16 characters at most");
_Static_assert(sizeof GS_IMPLEMENTATION_CLASS - 1 <= GS_UID_MAX, "a UID has 64 characters at most");

int gs_output_reserve(struct gs_output *output, size_t size)
{
    size_t waiting = output->end - output->start;
    if (size > GS_OUTPUT_MAX || waiting + size > GS_OUTPUT_MAX)
        return -1;
    size_t needed = waiting + size + SHORT_RESERVE;
    if (needed <= output->capacity - output->start)
        return 0;
    if (needed > output->capacity) {
        size_t capacity = output->capacity == 0 ? OUTPUT_START : output->capacity;
        while (capacity < needed)
            capacity *= 2;
        if (capacity > GS_OUTPUT_MAX + SHORT_RESERVE)
            capacity = GS_OUTPUT_MAX + SHORT_RESERVE;
        uint8_t *bytes = realloc(output->bytes, capacity);
        if (bytes == NULL)
            return -1;
        output->bytes = bytes;
        output->capacity = capacity;
    }
    memmove(output->bytes, output->bytes + output->start, waiting);
    output->start = 0;
    output->end = waiting;
    return 0;
}

uint8_t *gs_output_append(struct gs_output *output, size_t size)
{
    uint8_t *at = output->bytes + output->end;
    output->end += size;
    return at;
}

struct gs_association *gs_association_new(bool requestor, uint32_t receive_max)
{
    struct gs_association *association = calloc(1, sizeof *association);
    if (association == NULL)
        return NULL;
    association->state = GS_STATE_IDLE;
    association->requestor = requestor;
    association->receive_max = receive_max;
    if (gs_output_reserve(&association->output, 0) != 0) {
        free(association);
        return NULL;
    }
    return association;
}

static void clear_accepted(struct gs_association *association)
{
    for (size_t i = 0; i < association->accepted_count; i++)
        free(association->accepted[i].syntaxes);
    free(association->accepted);
    association->accepted = NULL;
    association->accepted_count = 0;
    memset(association->by_id, 0, sizeof association->by_id);
}

void gs_association_free(struct gs_association *association)
{
    if (association == NULL)
        return;
    clear_accepted(association);
    gs_associate_clear(&association->own);
    gs_associate_clear(&association->peer);
    free(association->reception.body);
    free(association->output.bytes);
    free(association);
}

enum gs_association_state gs_association_state(const struct gs_association *association)
{
    return association->state;
}

const char *gs_association_state_name(enum gs_association_state state)
{
    static const char *const names[] = {
        [GS_STATE_IDLE] = "idle",
        [GS_STATE_AWAITING_REQUEST] = "awaiting A-ASSOCIATE-RQ",
        [GS_STATE_AWAITING_ACCEPT] = "awaiting the answer to A-ASSOCIATE-RQ",
        [GS_STATE_CONNECTING] = "connecting",
        [GS_STATE_AWAITING_ANSWER] = "awaiting A-ASSOCIATE-AC",
        [GS_STATE_ESTABLISHED] = "established",
        [GS_STATE_AWAITING_RELEASE_REPLY] = "awaiting A-RELEASE-RP",
        [GS_STATE_RELEASE_REQUESTED] = "release requested",
        [GS_STATE_COLLISION_REQUESTOR] = "release collision, requestor",
        [GS_STATE_COLLISION_ACCEPTOR] = "release collision, acceptor",
        [GS_STATE_COLLISION_REQUESTOR_DONE] = "release collision, requestor has answered",
        [GS_STATE_COLLISION_ACCEPTOR_DONE] = "release collision, acceptor was answered",
        [GS_STATE_AWAITING_CLOSE] = "awaiting close",
    };
    size_t index = (size_t)state;
    return index > 0 && index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}

const struct gs_associate *gs_association_peer(const struct gs_association *association)
{
    return association->has_peer ? &association->peer : NULL;
}

const struct gs_associate *gs_association_own(const struct gs_association *association)
{
    return association->has_own ? &association->own : NULL;
}

const struct gs_context *gs_association_context(const struct gs_association *association,
                                                uint8_t id)
{
    return id % 2 == 0 ? NULL : association->by_id[id / 2];
}

uint32_t gs_association_send_max(const struct gs_association *association)
{
    return association->send_max;
}

static bool proposes(const struct gs_context *context, const char *syntax)
{
    for (size_t i = 0; i < context->syntax_count; i++)
        if (strcmp(context->syntaxes[i], syntax) == 0)
            return true;
    return false;
}

/* False: out of memory. */
static bool add_accepted(struct gs_association *association, const struct gs_context *proposed,
                         const struct gs_context *answered)
{
    struct gs_context *context = &association->accepted[association->accepted_count];
    *context = (struct gs_context){.id = proposed->id};
    gs_uid_text *syntax = gs_context_add_syntax(context);
    if (syntax == NULL)
        return false;
    memcpy(context->abstract, proposed->abstract, sizeof context->abstract);
    memcpy(*syntax, answered->syntaxes[0], sizeof *syntax);
    association->by_id[proposed->id / 2] = context;
    association->accepted_count++;
    return true;
}

const char *gs_association_negotiate(struct gs_association *association,
                                     enum gs_abort_reason *reason)
{
    bool requestor = association->requestor;
    const struct gs_associate *proposal = requestor ? &association->own : &association->peer;
    const struct gs_associate *answer = requestor ? &association->peer : &association->own;
    const char *problem = NULL;
    association->accepted = calloc(GS_CONTEXTS_MAX, sizeof *association->accepted);
    if (association->accepted == NULL)
        problem = "out of memory for the presentation contexts";
    *reason = GS_ABORT_NOT_SPECIFIED;
    for (size_t i = 0; i < proposal->context_count && problem == NULL; i++) {
        const struct gs_context *proposed = &proposal->contexts[i];
        const struct gs_context *answered = gs_associate_context(answer, proposed->id);
        if (answered == NULL || answered->result != GS_CONTEXT_ACCEPTED ||
            answered->syntax_count == 0 || proposed->id % 2 == 0 ||
            association->by_id[proposed->id / 2] != NULL)
            continue;
        if (!proposes(proposed, answered->syntaxes[0])) {
            *reason = GS_ABORT_INVALID_PARAMETER;
            problem = "the peer accepts a transfer syntax that was not proposed";
        } else if (!add_accepted(association, proposed, answered)) {
            problem = "out of memory for the presentation contexts";
        }
    }
    if (problem != NULL) {
        clear_accepted(association);
        return problem;
    }
    uint32_t max_length = association->peer.max_length;
    association->send_max = max_length == 0 || max_length > GS_SEND_MAX ? GS_SEND_MAX : max_length;
    return NULL;
}

/* Takes over what the user proposes or answers, completes it and queues its PDU. */
static int queue_associate(struct gs_association *association, enum gs_pdu_type type)
{
    struct gs_associate *own = &association->own;
    if (own->application_context[0] == '\0')
        strcpy(own->application_context, GS_UID_APPLICATION);
    if (own->protocol_version == 0)
        own->protocol_version = 1;
    if (own->max_length == 0)
        own->max_length = association->receive_max;
    if (own->implementation_class[0] == '\0') {
        strcpy(own->implementation_class, GS_IMPLEMENTATION_CLASS);
        if (own->implementation_version[0] == '\0')
            strcpy(own->implementation_version, GS_IMPLEMENTATION_VERSION);
    }
    uint8_t *bytes;
    size_t size;
    if (gs_associate_encode(own, type, &bytes, &size) != 0)
        return -1;
    int result = gs_output_reserve(&association->output, size);
    if (result == 0)
        memcpy(gs_output_append(&association->output, size), bytes, size);
    free(bytes);
    if (result == 0)
        association->receive_max = own->max_length > 0 ? own->max_length : GS_RECEIVE_UNLIMITED;
    association->has_own = result == 0;
    return result;
}

static void perform(struct gs_association *association, enum gs_machine_event machine_event)
{
    struct gs_association_event event = {0};
    gs_machine_perform(association, machine_event, &event);
}

int gs_association_request(struct gs_association *association, struct gs_associate *associate)
{
    struct gs_associate moved = *associate;
    memset(associate, 0, sizeof *associate);
    if (!association->requestor || !gs_machine_allows(association, GS_EVENT_ASSOCIATE_REQUEST)) {
        gs_associate_clear(&moved);
        return -1;
    }
    association->own = moved;
    if (queue_associate(association, GS_PDU_ASSOCIATE_RQ) != 0) {
        gs_associate_clear(&association->own);
        return -1;
    }
    perform(association, GS_EVENT_ASSOCIATE_REQUEST);
    if (association->connected)
        perform(association, GS_EVENT_CONNECTED);
    return 0;
}

int gs_association_accept(struct gs_association *association, struct gs_associate *associate)
{
    struct gs_associate moved = *associate;
    memset(associate, 0, sizeof *associate);
    if (!gs_machine_allows(association, GS_EVENT_ACCEPT)) {
        gs_associate_clear(&moved);
        return -1;
    }
    /* The titles of an answer repeat those of the request (PS3.8 9.3.3). */
    if (moved.called[0] == '\0')
        memcpy(moved.called, association->peer.called, sizeof moved.called);
    if (moved.calling[0] == '\0')
        memcpy(moved.calling, association->peer.calling, sizeof moved.calling);
    association->own = moved;
    enum gs_abort_reason reason;
    if (gs_association_negotiate(association, &reason) != NULL ||
        queue_associate(association, GS_PDU_ASSOCIATE_AC) != 0) {
        clear_accepted(association);
        gs_associate_clear(&association->own);
        association->send_max = 0;
        return -1;
    }
    perform(association, GS_EVENT_ACCEPT);
    return 0;
}

int gs_association_reject(struct gs_association *association, struct gs_reject reject)
{
    struct gs_association_event event = {.reject = reject};
    if (!gs_machine_allows(association, GS_EVENT_REJECT))
        return -1;
    gs_machine_perform(association, GS_EVENT_REJECT, &event);
    return 0;
}

int gs_association_release(struct gs_association *association)
{
    if (!gs_machine_allows(association, GS_EVENT_RELEASE_REQUEST))
        return -1;
    perform(association, GS_EVENT_RELEASE_REQUEST);
    return 0;
}

int gs_association_release_reply(struct gs_association *association)
{
    if (!gs_machine_allows(association, GS_EVENT_RELEASE_RESPONSE))
        return -1;
    perform(association, GS_EVENT_RELEASE_RESPONSE);
    return 0;
}

int gs_association_abort(struct gs_association *association, uint8_t source, uint8_t reason)
{
    struct gs_association_event event = {.source = source, .reason = reason};
    if (!gs_machine_allows(association, GS_EVENT_ABORT_REQUEST))
        return -1;
    gs_machine_perform(association, GS_EVENT_ABORT_REQUEST, &event);
    return 0;
}

int gs_association_send(struct gs_association *association, uint8_t context, bool command,
                        bool last, const uint8_t *bytes, size_t size)
{
    if (!gs_machine_allows(association, GS_EVENT_DATA_REQUEST) || size > GS_OUTPUT_MAX ||
        gs_association_context(association, context) == NULL)
        return -1;
    if (size == 0 && !last)
        return 0;
    /* Fragments have even lengths (PS3.8 annex E), except for the last of an odd whole. */
    size_t most = (association->send_max - GS_PDV_HEADER_SIZE) & ~(size_t)1;
    size_t count = size == 0 ? 1 : (size + most - 1) / most;
    if (gs_output_reserve(&association->output, size + count * GS_PDATA_HEADER_SIZE) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        size_t part = size < most ? size : most;
        uint8_t *pdu = gs_output_append(&association->output, GS_PDATA_HEADER_SIZE + part);
        gs_pdata_encode(context, command, last && part == size, (uint32_t)part, pdu);
        if (part == 0)
            break;
        memcpy(pdu + GS_PDATA_HEADER_SIZE, bytes, part);
        bytes += part;
        size -= part;
    }
    perform(association, GS_EVENT_DATA_REQUEST);
    return 0;
}

size_t gs_association_output(const struct gs_association *association, const uint8_t **bytes)
{
    const struct gs_output *output = &association->output;
    *bytes = output->bytes + output->start;
    return association->state == GS_STATE_CONNECTING ? 0 : output->end - output->start;
}

void gs_association_sent(struct gs_association *association, size_t size)
{
    struct gs_output *output = &association->output;
    size_t waiting = output->end - output->start;
    output->start += size < waiting ? size : waiting;
    if (output->start == output->end)
        output->start = output->end = 0;
}

void gs_association_connected(struct gs_association *association)
{
    association->connected = true;
    perform(association, association->requestor ? GS_EVENT_CONNECTED : GS_EVENT_CONNECTION_CAME);
}

enum gs_association_event_type gs_association_closed(struct gs_association *association,
                                                     struct gs_association_event *event)
{
    memset(event, 0, sizeof *event);
    association->connected = false;
    event->type = gs_machine_perform(association, GS_EVENT_CLOSED, event);
    return event->type;
}

bool gs_association_artim(const struct gs_association *association)
{
    return association->state == GS_STATE_AWAITING_REQUEST ||
           association->state == GS_STATE_AWAITING_CLOSE;
}

void gs_association_expired(struct gs_association *association)
{
    perform(association, GS_EVENT_EXPIRED);
}

bool gs_association_wants_close(const struct gs_association *association)
{
    return association->ended;
}

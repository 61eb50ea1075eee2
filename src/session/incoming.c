#include "session/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void gs_incoming_drop(struct gs_incoming *incoming)
{
    gs_sink_free(incoming->sink);
    incoming->sink = NULL;
    incoming->question = GS_QUESTION_NONE;
    incoming->ended = false;
    incoming->refused = INFINITY;
}

/* From here on the data set is only read. The first error is the one that counts. */
static void refuse(struct gs_incoming *incoming, const struct gs_error *error)
{
    if (incoming->received.failed)
        return;
    incoming->received.failed = true;
    incoming->refused = gs_clock();
    incoming->received.error = *error;
    gs_sink_free(incoming->sink);
    incoming->sink = NULL;
}

void gs_incoming_settle(struct gs_incoming *incoming)
{
    struct gs_error error;
    if (incoming->sink != NULL && gs_sink_settle(incoming->sink, &error) != 0)
        refuse(incoming, &error);
}

static bool command_came(struct gs_session *session, struct gs_event *event)
{
    struct gs_incoming *incoming = &session->incoming;
    gs_incoming_drop(incoming); /* what the last object left uncommitted */
    if (gs_command_has_data_set(&incoming->message.command))
        incoming->question = GS_QUESTION_SINK;
    event->type = GS_EVENT_COMMAND;
    event->context = incoming->message.context;
    event->command = &incoming->message.command;
    return true;
}

/* The header window, as soon as it is decided: tell it once. */
static bool header_came(struct gs_incoming *incoming, struct gs_event *event)
{
    if (incoming->header_told || incoming->sink == NULL)
        return false;
    struct gs_received *received = &incoming->received;
    int decided = gs_sink_header(incoming->sink, &received->bytes, &received->bytes_size);
    if (decided == 0)
        return false;
    incoming->header_told = true;
    received->incomplete = decided < 0;
    received->whole = decided > 0 && !gs_sink_scanner(incoming->sink)->header_complete;
    incoming->question = GS_QUESTION_HEADER;
    event->type = GS_EVENT_HEADER;
    event->received = received;
    return true;
}

static void commit(struct gs_incoming *incoming)
{
    struct gs_error error;
    if (gs_sink_commit(incoming->sink, incoming->name, incoming->collision,
                       &incoming->received.file, &error) != 0)
        refuse(incoming, &error);
    else
        incoming->received.committed = true;
}

/* Keeps a UID of the data set if it is another one than that of the request. */
static void compare_uid(struct gs_scan_uid *other, const struct gs_scan_uid *uid,
                        const struct gs_command_text *text)
{
    uint32_t size = uid->size;
    while (size > 0 && (uid->bytes[size - 1] == '\0' || uid->bytes[size - 1] == ' '))
        size--; /* padding */
    bool whole = uid->length <= GS_SCAN_UID_MAX;
    bool same_size = whole ? size == text->size : size <= text->size;
    if (size == 0 || (same_size && memcmp(uid->bytes, text->bytes, size) == 0))
        return;
    *other = *uid;
    other->size = size;
}

/* What the sink has seen of the data set. */
static void note_content(struct gs_incoming *incoming)
{
    const struct gs_command *command = &incoming->message.command;
    const struct gs_scanner *scanner = gs_sink_scanner(incoming->sink);
    struct gs_received *received = &incoming->received;
    received->header_size = scanner->header_size;
    received->has_meta = scanner->has_meta;
    received->unchecked = scanner->verdict == GS_SCAN_OPAQUE ? scanner->problem : NULL;
    compare_uid(&received->others[GS_SCAN_CLASS], &scanner->uids[GS_SCAN_CLASS],
                &command->affected_sop_class);
    compare_uid(&received->others[GS_SCAN_INSTANCE], &scanner->uids[GS_SCAN_INSTANCE],
                &command->affected_sop_instance);
}

bool gs_incoming_ended(struct gs_session *session, struct gs_event *event)
{
    struct gs_incoming *incoming = &session->incoming;
    if (!incoming->ended)
        return false;
    incoming->ended = false;
    incoming->received.incomplete = false;
    incoming->received.odd = incoming->message.odd;
    if (incoming->sink != NULL)
        note_content(incoming);
    if (incoming->sink != NULL && incoming->named)
        commit(incoming);
    if (incoming->sink != NULL)
        incoming->received.bytes = gs_sink_bytes(incoming->sink, &incoming->received.bytes_size);
    incoming->refused = INFINITY;
    event->type = GS_EVENT_RECEIVED;
    event->context = incoming->message.context;
    event->received = &incoming->received;
    return true;
}

/* Whether what comes is what was asked for: an object, or what was found; not the list of a
 * response that a peer may repeat for ever. */
static bool is_awaited(const struct gs_message *message)
{
    uint16_t field = message->command.command_field;
    return field == GS_C_STORE_RQ || field == GS_C_FIND_RSP;
}

/* A fragment of the data set, the last one if `end`. */
static bool data_came(struct gs_session *session, const struct gs_association_event *fragment,
                      bool end, struct gs_event *event)
{
    struct gs_incoming *incoming = &session->incoming;
    struct gs_error error;
    incoming->received.size += fragment->size;
    if (is_awaited(&incoming->message))
        session->progress = end ? fmax(session->progress, session->moved)
                                : gs_deadline_paced(session, session->progress, fragment->size);
    if (incoming->sink != NULL && fragment->size > 0 &&
        gs_sink_write(incoming->sink, fragment->bytes, fragment->size, &error) != 0)
        refuse(incoming, &error);
    if (end) {
        incoming->ended = true;
        if (incoming->sink != NULL && gs_sink_finish(incoming->sink, &error) != 0)
            refuse(incoming, &error);
    }
    return header_came(incoming, event) || gs_incoming_ended(session, event);
}

bool gs_incoming_fragment(struct gs_session *session, const struct gs_association_event *fragment,
                          struct gs_event *event)
{
    struct gs_message *message = &session->incoming.message;
    enum gs_message_event got = gs_message_feed(message, fragment);
    switch (got) {
    case GS_MESSAGE_NONE:
        return false;
    case GS_MESSAGE_COMMAND:
        return command_came(session, event);
    case GS_MESSAGE_DATA:
    case GS_MESSAGE_END:
        return data_came(session, fragment, got == GS_MESSAGE_END, event);
    case GS_MESSAGE_INVALID:
        gs_error_set(&session->error, "protocol-error", "%s: %s", gs_session_peer(session),
                     message->problem);
        gs_session_fail(session, message->source, message->reason);
        return false;
    }
    return false;
}

static void set_name(struct gs_incoming *incoming, const char *name, enum gs_collision collision)
{
    incoming->named = name != NULL;
    incoming->collision = collision;
    if (name == NULL)
        return;
    size_t size = strlen(name);
    if (size < sizeof incoming->name) {
        memcpy(incoming->name, name, size + 1);
        return;
    }
    struct gs_error error;
    gs_error_set(&error, "object-name", "a name of %zu bytes is too long: at most %zu", size,
                 sizeof incoming->name - 1);
    refuse(incoming, &error);
}

static struct gs_part10 meta_of(const struct gs_session *session, const char *source)
{
    const struct gs_command *command = &session->incoming.message.command;
    const struct gs_context *context =
        gs_association_context(session->association, session->incoming.message.context);
    const char *syntax = context != NULL && context->syntax_count > 0 ? context->syntaxes[0]
                                                                      : GS_UID_IMPLICIT_LITTLE;
    return (struct gs_part10){
        .sop_class = command->affected_sop_class.bytes,
        .sop_class_size = command->affected_sop_class.size,
        .sop_instance = command->affected_sop_instance.bytes,
        .sop_instance_size = command->affected_sop_instance.size,
        .transfer_syntax = syntax,
        .transfer_syntax_size = strlen(syntax),
        .implementation_class = GS_IMPLEMENTATION_CLASS,
        .implementation_version = GS_IMPLEMENTATION_VERSION,
        .source = source,
    };
}

int gs_session_receive(struct gs_session *session, struct gs_sink *sink, const char *name,
                       enum gs_collision collision, const char *source)
{
    struct gs_incoming *incoming = &session->incoming;
    if (incoming->question != GS_QUESTION_SINK) {
        gs_sink_free(sink);
        return -1;
    }
    incoming->question = GS_QUESTION_NONE;
    incoming->sink = sink;
    incoming->header_told = false;
    incoming->received.size = 0;
    incoming->received.failed = incoming->received.committed = false;
    incoming->refused = INFINITY;
    incoming->received.incomplete = incoming->received.whole = false;
    incoming->received.has_meta = false;
    incoming->received.unchecked = NULL;
    incoming->received.header_size = 0;
    for (int i = 0; i < GS_SCAN_UIDS; i++)
        incoming->received.others[i].length = 0;
    incoming->received.bytes = NULL;
    set_name(incoming, name, collision);
    struct gs_part10 meta = meta_of(session, source);
    const struct gs_uid *syntax = gs_uid_find(meta.transfer_syntax);
    struct gs_error error;
    if (incoming->sink != NULL &&
        gs_sink_begin(incoming->sink, &meta, syntax != NULL ? syntax->flags : 0, &error) != 0)
        refuse(incoming, &error);
    return 0;
}

int gs_session_resume(struct gs_session *session, bool keep, const char *name,
                      enum gs_collision collision, const struct gs_edits *edits)
{
    struct gs_incoming *incoming = &session->incoming;
    struct gs_error error;
    if (incoming->question != GS_QUESTION_HEADER)
        return -1;
    if (keep && edits != NULL && incoming->received.incomplete)
        return -1;
    incoming->question = GS_QUESTION_NONE;
    incoming->received.bytes = NULL;
    if (!keep) {
        gs_sink_free(incoming->sink);
        incoming->sink = NULL;
        return 0;
    }
    if (edits != NULL && gs_sink_edit(incoming->sink, edits, &error) != 0)
        refuse(incoming, &error);
    set_name(incoming, name, collision);
    return 0;
}

const struct gs_committed *gs_session_commit(struct gs_session *session, const char *name,
                                             enum gs_collision collision, struct gs_error *error)
{
    struct gs_incoming *incoming = &session->incoming;
    if (incoming->sink == NULL) {
        gs_error_set(error, "object-name", "no object waits for its name");
        return NULL;
    }
    if (gs_sink_commit(incoming->sink, name, collision, &incoming->received.file, error) != 0)
        return NULL;
    return &incoming->received.file;
}

int gs_session_spool(struct gs_session *session, char path[GS_PATH_MAX], struct gs_error *error)
{
    struct gs_incoming *incoming = &session->incoming;
    if (incoming->sink == NULL)
        return gs_error_set(error, "object-name", "no object waits for its name");
    return gs_sink_spool(incoming->sink, path, error);
}

int gs_session_edit(struct gs_session *session, const struct gs_edits *edits,
                    struct gs_error *error)
{
    struct gs_incoming *incoming = &session->incoming;
    if (incoming->sink == NULL)
        return gs_error_set(error, "object-name", "no object waits for its name");
    return gs_sink_edit(incoming->sink, edits, error);
}

#include "protocol/dimse.h"

#include <stdlib.h>
#include <string.h>

static enum gs_message_event invalid(struct gs_message *message, uint8_t source, uint8_t reason,
                                     const char *problem)
{
    message->source = source;
    message->reason = reason;
    message->problem = problem;
    return GS_MESSAGE_INVALID;
}

static enum gs_message_event unexpected(struct gs_message *message, const char *problem)
{
    return invalid(message, GS_ABORT_PROVIDER, GS_ABORT_UNEXPECTED_PARAMETER, problem);
}

static enum gs_message_event refused(struct gs_message *message, const char *problem)
{
    return invalid(message, GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED, problem);
}

/* NULL, or what went wrong. */
static const char *collect(struct gs_message *message, const uint8_t *bytes, size_t size)
{
    if (size > GS_COMMAND_MAX - message->size)
        return "the command set is longer than any command set needs to be";
    if (message->size + size > message->capacity) {
        size_t capacity = message->capacity == 0 ? 1024 : message->capacity;
        while (capacity < message->size + size)
            capacity *= 2;
        uint8_t *grown = realloc(message->bytes, capacity);
        if (grown == NULL)
            return "out of memory for the command set";
        message->bytes = grown;
        message->capacity = capacity;
    }
    if (size > 0)
        memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
    return NULL;
}

static enum gs_message_event feed_command(struct gs_message *message,
                                          const struct gs_association_event *fragment, bool ends)
{
    if (message->in_data)
        return unexpected(message, "a command began before the data set had ended");
    if (message->in_command && fragment->context != message->context)
        return unexpected(message, "the presentation context changed within a command");
    if (!message->in_command) {
        message->in_command = true;
        message->context = fragment->context;
        message->size = 0;
    }
    const char *problem = collect(message, fragment->bytes, fragment->size);
    if (problem != NULL)
        return refused(message, problem);
    if (!ends)
        return GS_MESSAGE_NONE;
    message->in_command = false;
    if (gs_command_decode(&message->command, message->bytes, message->size, &problem) != 0)
        return refused(message, problem);
    message->in_data = gs_command_has_data_set(&message->command);
    return GS_MESSAGE_COMMAND;
}

static enum gs_message_event feed_data(struct gs_message *message,
                                       const struct gs_association_event *fragment, bool ends)
{
    if (message->in_command)
        return unexpected(message, "a data set began before the command had ended");
    if (!message->in_data)
        return refused(message, "a data set came though no command had announced it");
    if (fragment->context != message->context)
        return unexpected(message,
                          "the data set came in another presentation context than its command");
    if (!ends)
        return GS_MESSAGE_DATA;
    message->in_data = false;
    return GS_MESSAGE_END;
}

enum gs_message_event gs_message_feed(struct gs_message *message,
                                      const struct gs_association_event *fragment)
{
    bool ends = fragment->end && fragment->last;
    message->pdv_size += fragment->size;
    if (fragment->end) {
        if (message->pdv_size % 2 != 0)
            message->odd = true;
        message->pdv_size = 0;
    }
    if (fragment->command)
        return feed_command(message, fragment, ends);
    return feed_data(message, fragment, ends);
}

void gs_message_clear(struct gs_message *message)
{
    free(message->bytes);
    memset(message, 0, sizeof *message);
}

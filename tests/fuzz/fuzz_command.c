/* Command sets: decoding is safe and stable, and a command that comes in fragments is the same
 * however it was cut. */
#include "fuzz.h"

#include "protocol/dimse.h"

static void require_stable(const struct gs_command *command)
{
    uint8_t once[GS_COMMAND_ENCODED_MAX], again[GS_COMMAND_ENCODED_MAX];
    struct gs_command decoded;
    const char *problem = NULL;
    size_t size = gs_command_encode(command, once, sizeof once);
    REQUIRE(size > 0 && size % 2 == 0);
    REQUIRE(gs_command_encode(command, again, size - 1) == 0);
    REQUIRE(gs_command_decode(&decoded, once, size, &problem) == 0);
    REQUIRE(decoded.present == command->present);
    REQUIRE(gs_command_encode(&decoded, again, sizeof again) == size);
    REQUIRE(memcmp(once, again, size) == 0);
}

/* The command from fragments, cut as the seed says; each is given in two pieces, as a transport
 * would. */
static enum gs_message_event assemble(struct gs_message *message, const uint8_t *bytes, size_t size,
                                      uint32_t seed)
{
    enum gs_message_event got = GS_MESSAGE_NONE;
    uint32_t state = 0;
    do {
        size_t piece = size == 0 ? 0 : next_piece(seed, &state, size);
        struct gs_association_event fragment = {
            .type = GS_ASSOCIATION_FRAGMENT, .context = 1, .command = true, .last = piece == size};
        fragment.bytes = bytes;
        fragment.size = piece / 2;
        REQUIRE(gs_message_feed(message, &fragment) == GS_MESSAGE_NONE);
        fragment.bytes += piece / 2;
        fragment.size = piece - piece / 2;
        fragment.end = true;
        got = gs_message_feed(message, &fragment);
        bytes += piece;
        size -= piece;
    } while (size > 0 && got == GS_MESSAGE_NONE);
    return got;
}

static void require_assembled(const struct gs_command *command, const uint8_t *bytes, size_t size,
                              uint32_t seed)
{
    struct gs_message message = {0};
    enum gs_message_event got = assemble(&message, bytes, size, seed);
    if (command == NULL) {
        REQUIRE(got == GS_MESSAGE_INVALID && message.problem != NULL);
    } else {
        REQUIRE(got == GS_MESSAGE_COMMAND);
        REQUIRE(memcmp(&message.command, command, sizeof *command) == 0);
        REQUIRE(message.in_data == gs_command_has_data_set(command));
    }
    gs_message_clear(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    uint32_t seed = take8(&input);
    uint8_t *copy = take_copy(&input, &size);
    static struct gs_command command; /* its padding is compared, too */
    const char *problem = NULL;
    if (size <= GS_COMMAND_MAX) {
        bool valid = gs_command_decode(&command, copy, size, &problem) == 0;
        REQUIRE(valid == (problem == NULL));
        if (valid)
            require_stable(&command);
        require_assembled(valid ? &command : NULL, copy, size, seed);
        require_assembled(valid ? &command : NULL, copy, size, 1);
    }
    free(copy);
    return 0;
}

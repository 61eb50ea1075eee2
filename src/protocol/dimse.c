#include "protocol/dimse.h"

#include <string.h>

#define ELEMENT_HEADER_SIZE 8 /* tag and length, Implicit VR Little Endian */

#define FIELD(element, vr, keyword, member)                                                        \
    {                                                                                              \
        element, vr, keyword, offsetof(struct gs_command, member)                                  \
    }

static const struct gs_command_field fields[GS_BITS] = {
    [GS_BIT_AFFECTED_SOP_CLASS] =
        FIELD(0x0002, GS_VR_UI, "AffectedSOPClassUID", affected_sop_class),
    [GS_BIT_REQUESTED_SOP_CLASS] =
        FIELD(0x0003, GS_VR_UI, "RequestedSOPClassUID", requested_sop_class),
    [GS_BIT_COMMAND_FIELD] = FIELD(0x0100, GS_VR_US, "CommandField", command_field),
    [GS_BIT_MESSAGE_ID] = FIELD(0x0110, GS_VR_US, "MessageID", message_id),
    [GS_BIT_RESPONDED_MESSAGE_ID] =
        FIELD(0x0120, GS_VR_US, "MessageIDBeingRespondedTo", responded_message_id),
    [GS_BIT_MOVE_DESTINATION] = FIELD(0x0600, GS_VR_AE, "MoveDestination", move_destination),
    [GS_BIT_PRIORITY] = FIELD(0x0700, GS_VR_US, "Priority", priority),
    [GS_BIT_DATA_SET_TYPE] = FIELD(0x0800, GS_VR_US, "CommandDataSetType", data_set_type),
    [GS_BIT_STATUS] = FIELD(0x0900, GS_VR_US, "Status", status),
    [GS_BIT_OFFENDING_ELEMENT] = FIELD(0x0901, GS_VR_AT, "OffendingElement", offending),
    [GS_BIT_ERROR_COMMENT] = FIELD(0x0902, GS_VR_LO, "ErrorComment", error_comment),
    [GS_BIT_ERROR_ID] = FIELD(0x0903, GS_VR_US, "ErrorID", error_id),
    [GS_BIT_AFFECTED_SOP_INSTANCE] =
        FIELD(0x1000, GS_VR_UI, "AffectedSOPInstanceUID", affected_sop_instance),
    [GS_BIT_REQUESTED_SOP_INSTANCE] =
        FIELD(0x1001, GS_VR_UI, "RequestedSOPInstanceUID", requested_sop_instance),
    [GS_BIT_REMAINING] = FIELD(0x1020, GS_VR_US, "NumberOfRemainingSuboperations", remaining),
    [GS_BIT_COMPLETED] = FIELD(0x1021, GS_VR_US, "NumberOfCompletedSuboperations", completed),
    [GS_BIT_FAILED] = FIELD(0x1022, GS_VR_US, "NumberOfFailedSuboperations", failed),
    [GS_BIT_WARNING] = FIELD(0x1023, GS_VR_US, "NumberOfWarningSuboperations", warning),
    [GS_BIT_MOVE_ORIGINATOR] =
        FIELD(0x1030, GS_VR_AE, "MoveOriginatorApplicationEntityTitle", move_originator),
    [GS_BIT_MOVE_ORIGINATOR_MESSAGE_ID] =
        FIELD(0x1031, GS_VR_US, "MoveOriginatorMessageID", move_originator_message_id),
};

const struct gs_command_field *gs_command_fields(void)
{
    return fields;
}

bool gs_command_has(const struct gs_command *command, enum gs_command_bit bit)
{
    return (command->present & 1u << bit) != 0;
}

bool gs_command_has_data_set(const struct gs_command *command)
{
    return gs_command_has(command, GS_BIT_DATA_SET_TYPE) &&
           command->data_set_type != GS_NO_DATA_SET;
}

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t get32(const uint8_t *bytes)
{
    return get16(bytes) | (uint32_t)get16(bytes + 2) << 16;
}

static void put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *bytes, uint32_t value)
{
    put16(bytes, value & 0xffff);
    put16(bytes + 2, value >> 16);
}

/* All of the padding goes, whatever a peer took for it: what is left is the same when it is padded
 * and read again. */
static size_t without_padding(enum gs_command_vr vr, const uint8_t *value, size_t size)
{
    while (size > 0 && (value[size - 1] == ' ' || (vr == GS_VR_UI && value[size - 1] == '\0')))
        size--;
    return size;
}

static void decode_text(struct gs_command *command, enum gs_command_bit bit, const uint8_t *value,
                        size_t size)
{
    struct gs_command_text *text = (void *)((uint8_t *)command + fields[bit].offset);
    size = without_padding(fields[bit].vr, value, size);
    if (size > GS_COMMAND_TEXT_MAX) {
        size = without_padding(fields[bit].vr, value, GS_COMMAND_TEXT_MAX);
        command->cut |= 1u << bit;
    }
    memcpy(text->bytes, value, size);
    text->bytes[size] = '\0';
    text->size = (uint16_t)size;
}

static void decode_element(struct gs_command *command, enum gs_command_bit bit,
                           const uint8_t *value, size_t size)
{
    switch (fields[bit].vr) {
    case GS_VR_US:
        if (size < 2)
            return; /* no value is the same as no element */
        *(uint16_t *)(void *)((uint8_t *)command + fields[bit].offset) = get16(value);
        break;
    case GS_VR_AT:
        for (size_t i = 0; i < size / 4 && i < GS_OFFENDING_MAX; i++) {
            const uint8_t *tag = value + 4 * i; /* group and element, each little endian */
            command->offending[i] = (uint32_t)get16(tag) << 16 | get16(tag + 2);
            command->offending_count = (uint16_t)(i + 1);
        }
        break;
    default:
        decode_text(command, bit, value, size);
        break;
    }
    command->present |= 1u << bit;
}

static int find_field(uint32_t element)
{
    for (int i = 0; i < GS_BITS; i++)
        if (fields[i].element == element)
            return i;
    return -1;
}

int gs_command_decode(struct gs_command *command, const uint8_t *bytes, size_t size,
                      const char **problem)
{
    memset(command, 0, sizeof *command);
    while (size > 0) {
        if (size < ELEMENT_HEADER_SIZE || get32(bytes + 4) > size - ELEMENT_HEADER_SIZE) {
            *problem = "an element of the command set is longer than the command set";
            return -1;
        }
        size_t length = get32(bytes + 4);
        int bit = get16(bytes) == 0 ? find_field(get16(bytes + 2)) : -1;
        if (bit >= 0 && !gs_command_has(command, (enum gs_command_bit)bit))
            decode_element(command, (enum gs_command_bit)bit, bytes + ELEMENT_HEADER_SIZE, length);
        bytes += ELEMENT_HEADER_SIZE + length;
        size -= ELEMENT_HEADER_SIZE + length;
    }
    if (!gs_command_has(command, GS_BIT_COMMAND_FIELD)) {
        *problem = "the command set has no Command Field";
        return -1;
    }
    return 0;
}

static uint8_t *put_header(uint8_t *at, uint16_t element, size_t length)
{
    put16(at, 0);
    put16(at + 2, element);
    put32(at + 4, (uint32_t)length);
    return at + ELEMENT_HEADER_SIZE;
}

/* Writes one element, of GS_COMMAND_TEXT_MAX and its header at most, and returns what follows it.
 */
static uint8_t *encode_element(const struct gs_command *command, enum gs_command_bit bit,
                               uint8_t *at)
{
    const struct gs_command_field *field = &fields[bit];
    const void *value = (const uint8_t *)command + field->offset;
    if (field->vr == GS_VR_US) {
        at = put_header(at, field->element, 2);
        put16(at, *(const uint16_t *)value);
        return at + 2;
    }
    if (field->vr == GS_VR_AT) {
        size_t count = command->offending_count;
        if (count > GS_OFFENDING_MAX)
            count = GS_OFFENDING_MAX;
        at = put_header(at, field->element, 4 * count);
        for (size_t i = 0; i < count; i++, at += 4) {
            put16(at, command->offending[i] >> 16);
            put16(at + 2, command->offending[i] & 0xffff);
        }
        return at;
    }
    const struct gs_command_text *text = value;
    size_t size = text->size < GS_COMMAND_TEXT_MAX ? text->size : GS_COMMAND_TEXT_MAX;
    at = put_header(at, field->element, size + size % 2);
    memcpy(at, text->bytes, size);
    if (size % 2 != 0)
        at[size] = field->vr == GS_VR_UI ? '\0' : ' ';
    return at + size + size % 2;
}

_Static_assert(ELEMENT_HEADER_SIZE + 4 + GS_BITS * ELEMENT_HEADER_SIZE +
                       sizeof(struct gs_command) <=
                   GS_COMMAND_ENCODED_MAX,
               "every command set fits into GS_COMMAND_ENCODED_MAX");

size_t gs_command_encode(const struct gs_command *command, uint8_t *bytes, size_t capacity)
{
    uint8_t whole[GS_COMMAND_ENCODED_MAX];
    uint8_t *start = put_header(whole, 0x0000, 4) + 4;
    uint8_t *at = start;
    for (int i = 0; i < GS_BITS; i++)
        if (gs_command_has(command, (enum gs_command_bit)i))
            at = encode_element(command, (enum gs_command_bit)i, at);
    put32(start - 4, (uint32_t)(at - start));
    size_t size = (size_t)(at - whole);
    if (size > capacity)
        return 0;
    memcpy(bytes, whole, size);
    return size;
}

/*
 * dimse: command sets of PS3.7 section 9.3 and annex E, to and from bytes, and their assembly from
 * the fragments that an association hands out.
 *
 * Command sets are Implicit VR Little Endian whatever the context says (PS3.7 6.3.1). One table,
 * gs_command_fields(), describes every element; decoder, encoder and the Lua binding walk it. A
 * decoder tolerates a wrong or missing group length, elements out of order and unknown elements.
 */
#ifndef GS_DIMSE_H
#define GS_DIMSE_H

#include "protocol/association.h"

#define GS_COMMAND_MAX      (128u << 10) /* bytes of a command set that are collected */
#define GS_COMMAND_TEXT_MAX 256          /* bytes kept of one text element; the rest is cut */
#define GS_OFFENDING_MAX    16           /* tags kept of Offending Element */
#define GS_NO_DATA_SET      0x0101       /* Command Data Set Type */

enum gs_command_field_value { /* Command Field (0000,0100) */
                              GS_C_STORE_RQ = 0x0001,
                              GS_C_STORE_RSP = 0x8001,
                              GS_C_GET_RQ = 0x0010,
                              GS_C_GET_RSP = 0x8010,
                              GS_C_FIND_RQ = 0x0020,
                              GS_C_FIND_RSP = 0x8020,
                              GS_C_MOVE_RQ = 0x0021,
                              GS_C_MOVE_RSP = 0x8021,
                              GS_C_ECHO_RQ = 0x0030,
                              GS_C_ECHO_RSP = 0x8030,
                              GS_N_EVENT_REPORT_RQ = 0x0100,
                              GS_N_GET_RQ = 0x0110,
                              GS_N_SET_RQ = 0x0120,
                              GS_N_ACTION_RQ = 0x0130,
                              GS_N_CREATE_RQ = 0x0140,
                              GS_N_DELETE_RQ = 0x0150,
                              GS_C_CANCEL_RQ = 0x0FFF
};

struct gs_command_text {
    uint16_t size;                       /* bytes kept, without the padding; no NUL is implied */
    char bytes[GS_COMMAND_TEXT_MAX + 1]; /* NUL after `size`, for convenience */
};

/* One bit for each field of struct gs_command: its place in gs_command_fields(). */
enum gs_command_bit {
    GS_BIT_AFFECTED_SOP_CLASS,
    GS_BIT_REQUESTED_SOP_CLASS,
    GS_BIT_COMMAND_FIELD,
    GS_BIT_MESSAGE_ID,
    GS_BIT_RESPONDED_MESSAGE_ID,
    GS_BIT_MOVE_DESTINATION,
    GS_BIT_PRIORITY,
    GS_BIT_DATA_SET_TYPE,
    GS_BIT_STATUS,
    GS_BIT_OFFENDING_ELEMENT,
    GS_BIT_ERROR_COMMENT,
    GS_BIT_ERROR_ID,
    GS_BIT_AFFECTED_SOP_INSTANCE,
    GS_BIT_REQUESTED_SOP_INSTANCE,
    GS_BIT_REMAINING,
    GS_BIT_COMPLETED,
    GS_BIT_FAILED,
    GS_BIT_WARNING,
    GS_BIT_MOVE_ORIGINATOR,
    GS_BIT_MOVE_ORIGINATOR_MESSAGE_ID,
    GS_BITS
};

/* A command set. A field counts where its bit is set in `present`. */
struct gs_command {
    uint32_t present;
    uint32_t cut; /* text fields that were longer than GS_COMMAND_TEXT_MAX */
    struct gs_command_text affected_sop_class;
    struct gs_command_text requested_sop_class;
    uint16_t command_field;
    uint16_t message_id;
    uint16_t responded_message_id;
    struct gs_command_text move_destination;
    uint16_t priority; /* 0 medium, 1 high, 2 low */
    uint16_t data_set_type;
    uint16_t status;
    uint16_t offending_count;
    uint32_t offending[GS_OFFENDING_MAX]; /* tags, group in the upper half */
    struct gs_command_text error_comment;
    uint16_t error_id;
    struct gs_command_text affected_sop_instance;
    struct gs_command_text requested_sop_instance;
    uint16_t remaining; /* sub-operations, as the next three */
    uint16_t completed;
    uint16_t failed;
    uint16_t warning;
    struct gs_command_text move_originator;
    uint16_t move_originator_message_id;
};

enum gs_command_vr { GS_VR_US, GS_VR_UI, GS_VR_LO, GS_VR_AE, GS_VR_AT };

struct gs_command_field {
    uint16_t element; /* of group 0000 */
    enum gs_command_vr vr;
    const char *keyword; /* of the standard, for example "AffectedSOPInstanceUID" */
    size_t offset;       /* in struct gs_command */
};

/* GS_BITS fields in the order of enum gs_command_bit, which is the order of their elements. */
const struct gs_command_field *gs_command_fields(void);

bool gs_command_has(const struct gs_command *command, enum gs_command_bit bit);
bool gs_command_has_data_set(const struct gs_command *command);

/* 0, or -1 with a static text in `problem`: an element longer than the rest, or no Command Field.
 */
int gs_command_decode(struct gs_command *command, const uint8_t *bytes, size_t size,
                      const char **problem);

/* Encodes the fields that are present, group length first. Returns the number of bytes written to
 * `bytes`, or 0 when `capacity` does not suffice (GS_COMMAND_ENCODED_MAX always does). */
#define GS_COMMAND_ENCODED_MAX 4096
size_t gs_command_encode(const struct gs_command *command, uint8_t *bytes, size_t capacity);

/* Assembly: fragments in, messages out (PS3.7 6.3, PS3.8 annex E). */
enum gs_message_event {
    GS_MESSAGE_NONE,    /* nothing whole yet */
    GS_MESSAGE_COMMAND, /* `message->command` is whole; where it announces a data set, that follows
                         */
    GS_MESSAGE_DATA,    /* the fragment is of the data set: store its bytes */
    GS_MESSAGE_END,     /* as DATA, and the data set ends with it */
    GS_MESSAGE_INVALID  /* `source`, `reason`, `problem`: abort with these */
};

/* Zero-initialize; clear when done. */
struct gs_message {
    struct gs_command command;
    uint8_t context;
    bool in_data;    /* the command is whole and its data set is coming in */
    bool in_command; /* some fragments of the command are here */
    bool odd;        /* a fragment had an odd length (legal only in sum): worth one warning */
    uint8_t *bytes;  /* of the command set so far */
    size_t size;
    size_t capacity;
    size_t pdv_size; /* bytes of the current PDV so far */
    uint8_t source;
    uint8_t reason;
    const char *problem;
};

enum gs_message_event gs_message_feed(struct gs_message *message,
                                      const struct gs_association_event *fragment);
void gs_message_clear(struct gs_message *message);

#endif

/* A-ASSOCIATE-RQ and -AC to bytes: PS3.8 9.3.2 and 9.3.3, PS3.7 annex D. */
#include "protocol/pdu.h"

#include <stdlib.h>
#include <string.h>

/* Grows up to one PDU. After a failure every further write is ignored, so that only the end has to
 * look. */
struct writer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool failed;
};

static uint8_t *extend(struct writer *writer, size_t size)
{
    size_t limit = GS_PDU_HEADER_SIZE + GS_ASSOCIATE_MAX;
    if (writer->failed || size > limit - writer->size) {
        writer->failed = true;
        return NULL;
    }
    if (writer->size + size > writer->capacity) {
        size_t capacity = writer->capacity == 0 ? 4096 : writer->capacity;
        while (capacity < writer->size + size)
            capacity *= 2;
        uint8_t *bytes = realloc(writer->bytes, capacity);
        if (bytes == NULL) {
            writer->failed = true;
            return NULL;
        }
        writer->bytes = bytes;
        writer->capacity = capacity;
    }
    uint8_t *at = writer->bytes + writer->size;
    writer->size += size;
    return at;
}

static void write_bytes(struct writer *writer, const void *bytes, size_t size)
{
    uint8_t *at = extend(writer, size);
    if (at != NULL && size > 0)
        memcpy(at, bytes, size);
}

static void write8(struct writer *writer, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    write_bytes(writer, &byte, 1);
}

static void write16(struct writer *writer, unsigned value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    write_bytes(writer, bytes, sizeof bytes);
}

static void write32(struct writer *writer, uint32_t value)
{
    write16(writer, value >> 16);
    write16(writer, value & 0xffff);
}

static void write_text(struct writer *writer, const char *text)
{
    write_bytes(writer, text, strlen(text));
}

/* A text after its length, as in the sub-items of PS3.7 annex D. */
static void write_counted(struct writer *writer, const char *text)
{
    write16(writer, (unsigned)strlen(text));
    write_text(writer, text);
}

static size_t begin_item(struct writer *writer, uint8_t type, uint8_t second)
{
    write8(writer, type);
    write8(writer, second);
    write16(writer, 0); /* end_item() knows */
    return writer->size;
}

static void end_item(struct writer *writer, size_t start)
{
    if (writer->failed)
        return;
    size_t size = writer->size - start;
    if (size > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    writer->bytes[start - 2] = (uint8_t)(size >> 8);
    writer->bytes[start - 1] = (uint8_t)size;
}

static void write_text_item(struct writer *writer, uint8_t type, const char *text)
{
    size_t item = begin_item(writer, type, 0);
    write_text(writer, text);
    end_item(writer, item);
}

static void write_title(struct writer *writer, const char *title)
{
    char padded[GS_AE_TITLE_MAX];
    size_t length = strlen(title);
    memset(padded, ' ', sizeof padded);
    memcpy(padded, title, length < sizeof padded ? length : sizeof padded);
    write_bytes(writer, padded, sizeof padded);
}

static void write_proposed_context(struct writer *writer, const struct gs_context *context)
{
    size_t item = begin_item(writer, 0x20, 0);
    write8(writer, context->id);
    write_bytes(writer, "\0\0", 3);
    write_text_item(writer, 0x30, context->abstract);
    for (size_t i = 0; i < context->syntax_count; i++)
        write_text_item(writer, 0x40, context->syntaxes[i]);
    end_item(writer, item);
}

static void write_answered_context(struct writer *writer, const struct gs_context *context)
{
    size_t item = begin_item(writer, 0x21, 0);
    write8(writer, context->id);
    write8(writer, 0);
    write8(writer, context->result);
    write8(writer, 0);
    /* A rejected context must carry the sub-item too, though nobody may test what is in it. */
    write_text_item(writer, 0x40,
                    context->syntax_count > 0 ? context->syntaxes[0] : GS_UID_IMPLICIT_LITTLE);
    end_item(writer, item);
}

static void write_role(struct writer *writer, const struct gs_role *role)
{
    size_t item = begin_item(writer, 0x54, 0);
    write_counted(writer, role->sop_class);
    write8(writer, role->scu);
    write8(writer, role->scp);
    end_item(writer, item);
}

static void write_extended(struct writer *writer, const struct gs_extended *extended)
{
    size_t item = begin_item(writer, 0x56, 0);
    write_counted(writer, extended->sop_class);
    write_bytes(writer, extended->information, extended->size);
    end_item(writer, item);
}

static void write_common_extended(struct writer *writer, const struct gs_common_extended *common)
{
    size_t item = begin_item(writer, 0x57, 0);
    write_counted(writer, common->sop_class);
    write_counted(writer, common->service_class);
    write16(writer, 0);
    size_t related = writer->size;
    for (size_t i = 0; i < common->related_count; i++)
        write_counted(writer, common->related[i]);
    end_item(writer, related); /* the list has a length just before it, as an item has */
    end_item(writer, item);
}

static void write_identity(struct writer *writer, const struct gs_identity *identity,
                           enum gs_pdu_type type)
{
    if (type == GS_PDU_ASSOCIATE_RQ && identity->type != GS_IDENTITY_NONE) {
        size_t item = begin_item(writer, 0x58, 0);
        write8(writer, identity->type);
        write8(writer, identity->response_requested);
        write16(writer, identity->primary_size);
        write_bytes(writer, identity->primary, identity->primary_size);
        write16(writer, identity->secondary_size);
        write_bytes(writer, identity->secondary, identity->secondary_size);
        end_item(writer, item);
    } else if (type == GS_PDU_ASSOCIATE_AC && identity->answered) {
        size_t item = begin_item(writer, 0x59, 0);
        write16(writer, identity->primary_size);
        write_bytes(writer, identity->primary, identity->primary_size);
        end_item(writer, item);
    }
}

static void write_user_information(struct writer *writer, const struct gs_associate *associate,
                                   enum gs_pdu_type type)
{
    size_t information = begin_item(writer, 0x50, 0);
    size_t item = begin_item(writer, 0x51, 0);
    write32(writer, associate->max_length);
    end_item(writer, item);
    if (associate->implementation_class[0] != '\0')
        write_text_item(writer, 0x52, associate->implementation_class);
    if (associate->has_async) {
        item = begin_item(writer, 0x53, 0);
        write16(writer, associate->async_invoked);
        write16(writer, associate->async_performed);
        end_item(writer, item);
    }
    for (size_t i = 0; i < associate->role_count; i++)
        write_role(writer, &associate->roles[i]);
    if (associate->implementation_version[0] != '\0')
        write_text_item(writer, 0x55, associate->implementation_version);
    for (size_t i = 0; i < associate->extended_count; i++)
        write_extended(writer, &associate->extended[i]);
    if (type == GS_PDU_ASSOCIATE_RQ)
        for (size_t i = 0; i < associate->common_extended_count; i++)
            write_common_extended(writer, &associate->common_extended[i]);
    write_identity(writer, &associate->identity, type);
    end_item(writer, information);
}

int gs_associate_encode(const struct gs_associate *associate, enum gs_pdu_type type,
                        uint8_t **bytes, size_t *size)
{
    static const uint8_t reserved[32];
    struct writer writer = {0};
    write8(&writer, type);
    write8(&writer, 0);
    write32(&writer, 0); /* the length, when it is known */
    write16(&writer, associate->protocol_version);
    write16(&writer, 0);
    write_title(&writer, associate->called);
    write_title(&writer, associate->calling);
    write_bytes(&writer, reserved, sizeof reserved);
    bool standard = associate->application_context[0] == '\0';
    write_text_item(&writer, 0x10, standard ? GS_UID_APPLICATION : associate->application_context);
    for (size_t i = 0; i < associate->context_count; i++) {
        if (type == GS_PDU_ASSOCIATE_RQ)
            write_proposed_context(&writer, &associate->contexts[i]);
        else
            write_answered_context(&writer, &associate->contexts[i]);
    }
    write_user_information(&writer, associate, type);
    if (writer.failed) {
        free(writer.bytes);
        return -1;
    }
    size_t length = writer.size - GS_PDU_HEADER_SIZE;
    for (int i = 0; i < 4; i++)
        writer.bytes[2 + i] = (uint8_t)(length >> (24 - 8 * i));
    *bytes = writer.bytes;
    *size = writer.size;
    return 0;
}

#include "protocol/pdu.h"

#include <stdlib.h>
#include <string.h>

void gs_associate_clear(struct gs_associate *associate)
{
    for (size_t i = 0; i < associate->context_count; i++)
        free(associate->contexts[i].syntaxes);
    for (size_t i = 0; i < associate->extended_count; i++)
        free(associate->extended[i].information);
    for (size_t i = 0; i < associate->common_extended_count; i++)
        free(associate->common_extended[i].related);
    free(associate->contexts);
    free(associate->roles);
    free(associate->extended);
    free(associate->common_extended);
    free(associate->identity.primary);
    free(associate->identity.secondary);
    memset(associate, 0, sizeof *associate);
}

const struct gs_context *gs_associate_context(const struct gs_associate *associate, uint8_t id)
{
    for (size_t i = 0; i < associate->context_count; i++)
        if (associate->contexts[i].id == id)
            return &associate->contexts[i];
    return NULL;
}

/* Makes room for one more element and returns the list, moved or not; NULL leaves it as it was.
 * The list grows at the powers of two, so that no capacity has to be kept beside the count. */
static void *grow(void *list, size_t count, size_t element_size, size_t limit)
{
    if (count >= limit)
        return NULL;
    if ((count & (count - 1)) == 0)
        list = realloc(list, (count == 0 ? 1 : 2 * count) * element_size);
    if (list != NULL)
        memset((uint8_t *)list + count * element_size, 0, element_size);
    return list;
}

struct gs_context *gs_associate_add_context(struct gs_associate *associate)
{
    struct gs_context *list =
        grow(associate->contexts, associate->context_count, sizeof *list, GS_CONTEXTS_MAX);
    if (list == NULL)
        return NULL;
    associate->contexts = list;
    return &list[associate->context_count++];
}

gs_uid_text *gs_context_add_syntax(struct gs_context *context)
{
    gs_uid_text *list =
        grow(context->syntaxes, context->syntax_count, sizeof *list, GS_CONTEXT_SYNTAXES_MAX);
    if (list == NULL)
        return NULL;
    context->syntaxes = list;
    return &list[context->syntax_count++];
}

struct gs_role *gs_associate_add_role(struct gs_associate *associate)
{
    struct gs_role *list =
        grow(associate->roles, associate->role_count, sizeof *list, GS_ROLES_MAX);
    if (list == NULL)
        return NULL;
    associate->roles = list;
    return &list[associate->role_count++];
}

struct gs_extended *gs_associate_add_extended(struct gs_associate *associate)
{
    struct gs_extended *list =
        grow(associate->extended, associate->extended_count, sizeof *list, GS_EXTENDED_MAX);
    if (list == NULL)
        return NULL;
    associate->extended = list;
    return &list[associate->extended_count++];
}

struct gs_common_extended *gs_associate_add_common_extended(struct gs_associate *associate)
{
    struct gs_common_extended *list =
        grow(associate->common_extended, associate->common_extended_count, sizeof *list,
             GS_EXTENDED_MAX);
    if (list == NULL)
        return NULL;
    associate->common_extended = list;
    return &list[associate->common_extended_count++];
}

gs_uid_text *gs_common_extended_add_related(struct gs_common_extended *item)
{
    gs_uid_text *list =
        grow(item->related, item->related_count, sizeof *list, GS_RELATED_CLASSES_MAX);
    if (list == NULL)
        return NULL;
    item->related = list;
    return &list[item->related_count++];
}

static void put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void put32(uint8_t *bytes, uint32_t value)
{
    put16(bytes, value >> 16);
    put16(bytes + 2, value);
}

static void short_pdu(enum gs_pdu_type type, uint8_t bytes[GS_PDU_SHORT_SIZE])
{
    memset(bytes, 0, GS_PDU_SHORT_SIZE);
    bytes[0] = (uint8_t)type;
    put32(bytes + 2, GS_PDU_SHORT_SIZE - GS_PDU_HEADER_SIZE);
}

void gs_reject_encode(const struct gs_reject *reject, uint8_t bytes[GS_PDU_SHORT_SIZE])
{
    short_pdu(GS_PDU_ASSOCIATE_RJ, bytes);
    bytes[7] = reject->result;
    bytes[8] = reject->source;
    bytes[9] = reject->reason;
}

void gs_release_encode(enum gs_pdu_type type, uint8_t bytes[GS_PDU_SHORT_SIZE])
{
    short_pdu(type, bytes);
}

void gs_abort_encode(uint8_t source, uint8_t reason, uint8_t bytes[GS_PDU_SHORT_SIZE])
{
    short_pdu(GS_PDU_ABORT, bytes);
    bytes[8] = source;
    bytes[9] = reason;
}

void gs_pdata_encode(uint8_t context, bool command, bool last, uint32_t fragment_size,
                     uint8_t bytes[GS_PDATA_HEADER_SIZE])
{
    bytes[0] = GS_PDU_DATA;
    bytes[1] = 0;
    put32(bytes + 2, fragment_size + GS_PDV_HEADER_SIZE);
    put32(bytes + 6, fragment_size + 2); /* the context ID and the message control header count */
    bytes[10] = context;
    bytes[11] = (uint8_t)((command ? 1 : 0) | (last ? 2 : 0));
}

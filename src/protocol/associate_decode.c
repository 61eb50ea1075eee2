/* A-ASSOCIATE-RQ and -AC from bytes: PS3.8 9.3.2 and 9.3.3, PS3.7 annex D. */
#include "protocol/pdu.h"

#include <stdlib.h>
#include <string.h>

/* What is left of an item. Reading beyond it yields zeros and marks it, so that an item is judged
 * once, when its fields are read. */
struct reader {
    const uint8_t *bytes;
    size_t size;
    bool overrun;
};

struct item {
    uint8_t type;
    struct reader content;
};

struct decoder {
    struct gs_associate *associate;
    enum gs_pdu_type type;
    bool no_memory;
    bool seen[256]; /* items and sub-items of which only the first counts, by type */
};

static struct reader take(struct reader *reader, size_t size)
{
    struct reader taken = {reader->bytes, size, false};
    if (size > reader->size) {
        reader->overrun = true;
        taken.size = 0;
        return taken;
    }
    reader->bytes += size;
    reader->size -= size;
    return taken;
}

static uint8_t read8(struct reader *reader)
{
    struct reader field = take(reader, 1);
    return field.size == 1 ? field.bytes[0] : 0;
}

static uint16_t read16(struct reader *reader)
{
    struct reader field = take(reader, 2);
    return field.size == 2 ? (uint16_t)(field.bytes[0] << 8 | field.bytes[1]) : 0;
}

static uint32_t read32(struct reader *reader)
{
    uint32_t high = read16(reader);
    return high << 16 | read16(reader);
}

static bool next_item(struct reader *list, struct item *item)
{
    if (list->size == 0 || list->overrun)
        return false;
    item->type = read8(list);
    read8(list);
    item->content = take(list, read16(list));
    return !list->overrun;
}

static bool read_uid(struct reader content, gs_uid_text uid)
{
    size_t size = content.size;
    if (size > 0 && (content.bytes[size - 1] == '\0' || content.bytes[size - 1] == ' '))
        size--;
    if (size == 0 || size > GS_UID_MAX || memchr(content.bytes, '\0', size) != NULL ||
        content.bytes[size - 1] == ' ')
        return false;
    memcpy(uid, content.bytes, size);
    uid[size] = '\0';
    return true;
}

static bool read_counted_uid(struct reader *reader, gs_uid_text uid)
{
    return read_uid(take(reader, read16(reader)), uid);
}

/* Spaces around an AE title are not significant (PS3.8 9.3.2); some peers pad with NUL. */
static void read_text(struct reader content, char *text, size_t capacity)
{
    const uint8_t *start = content.bytes;
    const uint8_t *end = content.size > 0 ? memchr(start, '\0', content.size) : NULL;
    if (end == NULL)
        end = start + content.size;
    while (start < end && *start == ' ')
        start++;
    size_t size = (size_t)(end - start);
    if (size >= capacity)
        size = capacity - 1;
    while (size > 0 && start[size - 1] == ' ')
        size--;
    if (size > 0)
        memcpy(text, start, size);
    text[size] = '\0';
}

static bool copy_bytes(struct decoder *decoder, struct reader content, uint8_t **bytes,
                       uint16_t *size)
{
    if (content.size == 0)
        return true;
    *bytes = malloc(content.size);
    if (*bytes == NULL) {
        decoder->no_memory = true;
        return false;
    }
    memcpy(*bytes, content.bytes, content.size);
    *size = (uint16_t)content.size; /* lengths of fields have 16 bits */
    return true;
}

/* An item of which the first counts stands here once more. */
static bool pass_over(struct decoder *decoder)
{
    decoder->associate->repeated = true;
    return true;
}

/* Each of the decoders of one item returns false where the item is invalid or memory is short. */

static bool decode_context_item(struct decoder *decoder, struct gs_context *context,
                                struct item *item)
{
    bool answer = decoder->type == GS_PDU_ASSOCIATE_AC;
    if (item->type == 0x30 && !answer && context->abstract[0] == '\0')
        return read_uid(item->content, context->abstract);
    if (item->type != 0x40)
        return true;
    /* Nobody may test the syntax of a rejected context, and some peers leave it empty. */
    if (answer && (context->result != GS_CONTEXT_ACCEPTED || context->syntax_count > 0))
        return true;
    if (context->syntax_count == GS_CONTEXT_SYNTAXES_MAX)
        return true;
    gs_uid_text *syntax = gs_context_add_syntax(context);
    decoder->no_memory = syntax == NULL;
    return syntax != NULL && read_uid(item->content, *syntax);
}

static bool decode_context(struct decoder *decoder, struct reader content)
{
    bool answer = decoder->type == GS_PDU_ASSOCIATE_AC;
    uint8_t id = read8(&content);
    read8(&content);
    uint8_t result = read8(&content);
    read8(&content);
    if (content.overrun)
        return false;
    if (id % 2 == 0)
        return answer; /* in an answer: one that nobody can have proposed */
    if (gs_associate_context(decoder->associate, id) != NULL)
        return pass_over(decoder);
    struct gs_context *context = gs_associate_add_context(decoder->associate);
    if (context == NULL) { /* 128 odd numbers fit: it is memory */
        decoder->no_memory = true;
        return false;
    }
    context->id = id;
    context->result = answer ? result : 0;
    struct item item;
    while (next_item(&content, &item))
        if (!decode_context_item(decoder, context, &item))
            return false;
    if (content.overrun)
        return false;
    if (answer)
        return result != GS_CONTEXT_ACCEPTED || context->syntax_count > 0;
    return context->abstract[0] != '\0' && context->syntax_count > 0;
}

static bool decode_role(struct decoder *decoder, struct reader content)
{
    struct gs_associate *associate = decoder->associate;
    struct gs_role role = {0};
    bool valid = read_counted_uid(&content, role.sop_class);
    role.scu = read8(&content) == 1;
    role.scp = read8(&content) == 1;
    if (!valid || content.overrun)
        return false;
    if (associate->role_count == GS_ROLES_MAX)
        return true;
    for (size_t i = 0; i < associate->role_count; i++)
        if (strcmp(associate->roles[i].sop_class, role.sop_class) == 0)
            return pass_over(decoder);
    struct gs_role *added = gs_associate_add_role(associate);
    decoder->no_memory = added == NULL;
    if (added != NULL)
        *added = role;
    return added != NULL;
}

static bool decode_extended(struct decoder *decoder, struct reader content)
{
    struct gs_associate *associate = decoder->associate;
    gs_uid_text sop_class;
    if (!read_counted_uid(&content, sop_class) || content.overrun)
        return false;
    if (associate->extended_count == GS_EXTENDED_MAX)
        return true;
    for (size_t i = 0; i < associate->extended_count; i++)
        if (strcmp(associate->extended[i].sop_class, sop_class) == 0)
            return pass_over(decoder);
    struct gs_extended *added = gs_associate_add_extended(associate);
    decoder->no_memory = added == NULL;
    if (added == NULL)
        return false;
    memcpy(added->sop_class, sop_class, sizeof sop_class);
    return copy_bytes(decoder, content, &added->information, &added->size);
}

static bool decode_related(struct decoder *decoder, struct gs_common_extended *common,
                           struct reader list)
{
    while (list.size > 0) {
        gs_uid_text uid;
        if (!read_counted_uid(&list, uid) || list.overrun)
            return false;
        if (common->related_count == GS_RELATED_CLASSES_MAX)
            continue;
        gs_uid_text *related = gs_common_extended_add_related(common);
        decoder->no_memory = related == NULL;
        if (related == NULL)
            return false;
        memcpy(*related, uid, sizeof uid);
    }
    return true;
}

static bool decode_common_extended(struct decoder *decoder, struct reader content)
{
    struct gs_associate *associate = decoder->associate;
    struct gs_common_extended common = {0};
    bool valid = read_counted_uid(&content, common.sop_class);
    valid = valid && read_counted_uid(&content, common.service_class);
    struct reader related = take(&content, read16(&content));
    if (!valid || content.overrun)
        return false;
    if (associate->common_extended_count == GS_EXTENDED_MAX)
        return true;
    for (size_t i = 0; i < associate->common_extended_count; i++)
        if (strcmp(associate->common_extended[i].sop_class, common.sop_class) == 0)
            return pass_over(decoder);
    struct gs_common_extended *added = gs_associate_add_common_extended(associate);
    decoder->no_memory = added == NULL;
    if (added == NULL)
        return false;
    *added = common;
    return decode_related(decoder, added, related);
}

static bool decode_identity(struct decoder *decoder, struct reader content)
{
    struct gs_identity *identity = &decoder->associate->identity;
    if (decoder->type == GS_PDU_ASSOCIATE_AC) {
        struct reader response = take(&content, read16(&content));
        identity->answered = true;
        return !content.overrun &&
               copy_bytes(decoder, response, &identity->primary, &identity->primary_size);
    }
    identity->type = read8(&content);
    identity->response_requested = read8(&content) == 1;
    struct reader primary = take(&content, read16(&content));
    struct reader secondary = take(&content, read16(&content));
    return !content.overrun &&
           copy_bytes(decoder, primary, &identity->primary, &identity->primary_size) &&
           copy_bytes(decoder, secondary, &identity->secondary, &identity->secondary_size);
}

static bool decode_max_length(struct decoder *decoder, struct reader content)
{
    decoder->associate->max_length = read32(&content);
    return !content.overrun;
}

static bool decode_implementation_class(struct decoder *decoder, struct reader content)
{
    return read_uid(content, decoder->associate->implementation_class);
}

static bool decode_implementation_version(struct decoder *decoder, struct reader content)
{
    read_text(content, decoder->associate->implementation_version,
              sizeof decoder->associate->implementation_version);
    return true;
}

static bool decode_async(struct decoder *decoder, struct reader content)
{
    decoder->associate->has_async = true;
    decoder->associate->async_invoked = read16(&content);
    decoder->associate->async_performed = read16(&content);
    return !content.overrun;
}

static bool decode_application_context(struct decoder *decoder, struct reader content)
{
    return read_uid(content, decoder->associate->application_context);
}

static bool decode_user_information(struct decoder *decoder, struct reader content);

#define IN_RQ (1u << GS_PDU_ASSOCIATE_RQ)
#define IN_AC (1u << GS_PDU_ASSOCIATE_AC)

enum item_place { OF_PDU, OF_USER_INFORMATION };

/* Bytes after the known fields of an item are skipped: a later edition may have put them there. */
static const struct item_kind {
    uint8_t type;
    enum item_place place;
    unsigned pdus;
    bool repeated; /* else of several the first counts */
    bool (*decode)(struct decoder *decoder, struct reader content);
} kinds[] = {
    {0x10, OF_PDU, IN_RQ | IN_AC, false, decode_application_context},
    {0x20, OF_PDU, IN_RQ, true, decode_context},
    {0x21, OF_PDU, IN_AC, true, decode_context},
    {0x50, OF_PDU, IN_RQ | IN_AC, false, decode_user_information},
    {0x51, OF_USER_INFORMATION, IN_RQ | IN_AC, false, decode_max_length},
    {0x52, OF_USER_INFORMATION, IN_RQ | IN_AC, false, decode_implementation_class},
    {0x53, OF_USER_INFORMATION, IN_RQ | IN_AC, false, decode_async},
    {0x54, OF_USER_INFORMATION, IN_RQ | IN_AC, true, decode_role},
    {0x55, OF_USER_INFORMATION, IN_RQ | IN_AC, false, decode_implementation_version},
    {0x56, OF_USER_INFORMATION, IN_RQ | IN_AC, true, decode_extended},
    {0x57, OF_USER_INFORMATION, IN_RQ, true, decode_common_extended},
    {0x58, OF_USER_INFORMATION, IN_RQ, false, decode_identity},
    {0x59, OF_USER_INFORMATION, IN_AC, false, decode_identity},
};

static bool decode_item(struct decoder *decoder, enum item_place place, const struct item *item)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct item_kind *kind = &kinds[i];
        if (kind->type != item->type || kind->place != place ||
            (kind->pdus & 1u << decoder->type) == 0)
            continue;
        if (decoder->seen[kind->type] && !kind->repeated)
            return pass_over(decoder);
        decoder->seen[kind->type] = true;
        return kind->decode(decoder, item->content);
    }
    return true;
}

static bool decode_items(struct decoder *decoder, enum item_place place, struct reader list)
{
    struct item item;
    while (next_item(&list, &item))
        if (!decode_item(decoder, place, &item))
            return false;
    return !list.overrun;
}

static bool decode_user_information(struct decoder *decoder, struct reader content)
{
    return decode_items(decoder, OF_USER_INFORMATION, content);
}

int gs_associate_decode(struct gs_associate *associate, enum gs_pdu_type type, const uint8_t *body,
                        size_t size, enum gs_abort_reason *reason)
{
    struct decoder decoder = {.associate = associate, .type = type};
    struct reader reader = {body, size, false};
    *reason = GS_ABORT_INVALID_PARAMETER;
    if (size < GS_ASSOCIATE_FIXED_SIZE || size > GS_ASSOCIATE_MAX)
        return -1;
    associate->protocol_version = read16(&reader);
    take(&reader, 2);
    read_text(take(&reader, GS_AE_TITLE_MAX), associate->called, sizeof associate->called);
    read_text(take(&reader, GS_AE_TITLE_MAX), associate->calling, sizeof associate->calling);
    take(&reader, 32);
    bool valid = decode_items(&decoder, OF_PDU, reader);
    if (decoder.no_memory)
        *reason = GS_ABORT_NOT_SPECIFIED;
    /* Without user information there is no maximum length: such a PDU was cut short. */
    return valid && decoder.seen[0x50] ? 0 : -1;
}

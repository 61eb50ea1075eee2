/*
 * pdu: the seven protocol data units of PS3.8 section 9.3 and their items, to and from bytes.
 *
 * Pure functions over memory: no socket, no clock, no state. A decoder never reads beyond `size`,
 * never trusts a length of the wire, and allocates only within the limits named here; what it fills
 * is freed with gs_associate_clear(). Unknown items and sub-items are skipped (PS3.8 9.3.1), of
 * duplicate ones the first counts, and those beyond the limits named here are skipped too.
 */
#ifndef GS_PDU_H
#define GS_PDU_H

#include "protocol/uid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS_PDU_HEADER_SIZE      6 /* type, reserved, length: PS3.8 9.3.1 */
#define GS_PDV_HEADER_SIZE      6 /* item length, context ID, message control header: PS3.8 9.3.5.1 */
#define GS_AE_TITLE_MAX         16
#define GS_ASSOCIATE_MAX        (1u << 20) /* bytes of an A-ASSOCIATE-RQ, -AC after its header */
#define GS_ASSOCIATE_FIXED_SIZE 68         /* of them what stands before the items */
#define GS_CONTEXTS_MAX         128        /* odd IDs 1 to 255 */
#define GS_CONTEXT_SYNTAXES_MAX 64         /* transfer syntaxes in one presentation context */
#define GS_ROLES_MAX            256
#define GS_EXTENDED_MAX         256 /* extended, and as many common extended negotiation items */
#define GS_RELATED_CLASSES_MAX  64  /* related general SOP classes in one common extended item */
#define GS_VERSION_NAME_MAX     16  /* implementation version name */

enum gs_pdu_type {
    GS_PDU_ASSOCIATE_RQ = 1,
    GS_PDU_ASSOCIATE_AC = 2,
    GS_PDU_ASSOCIATE_RJ = 3,
    GS_PDU_DATA = 4,
    GS_PDU_RELEASE_RQ = 5,
    GS_PDU_RELEASE_RP = 6,
    GS_PDU_ABORT = 7
};

enum gs_abort_source { GS_ABORT_USER = 0, GS_ABORT_PROVIDER = 2 };

/* A-ABORT reasons of the provider, PS3.8 9.3.8. */
enum gs_abort_reason {
    GS_ABORT_NOT_SPECIFIED = 0,
    GS_ABORT_UNRECOGNIZED_PDU = 1,
    GS_ABORT_UNEXPECTED_PDU = 2,
    GS_ABORT_UNRECOGNIZED_PARAMETER = 4,
    GS_ABORT_UNEXPECTED_PARAMETER = 5,
    GS_ABORT_INVALID_PARAMETER = 6
};

/* Result of a presentation context in an A-ASSOCIATE-AC, PS3.8 table 9-18. */
enum gs_context_result {
    GS_CONTEXT_ACCEPTED = 0,
    GS_CONTEXT_USER_REJECTION = 1,
    GS_CONTEXT_NO_REASON = 2,
    GS_CONTEXT_ABSTRACT_SYNTAX = 3,  /* not supported */
    GS_CONTEXT_TRANSFER_SYNTAXES = 4 /* not supported */
};

typedef char gs_uid_text[GS_UID_MAX + 1];

/* In a request: what is proposed. In an answer: `result`, and the one syntax chosen if accepted
 * (`abstract` is empty: it is not on the wire). */
struct gs_context {
    uint8_t id;     /* odd */
    uint8_t result; /* enum gs_context_result */
    gs_uid_text abstract;
    size_t syntax_count;
    gs_uid_text *syntaxes;
};

struct gs_role { /* PS3.7 D.3.3.4 */
    gs_uid_text sop_class;
    bool scu;
    bool scp;
};

struct gs_extended { /* PS3.7 D.3.3.5 */
    gs_uid_text sop_class;
    uint16_t size;
    uint8_t *information;
};

struct gs_common_extended { /* PS3.7 D.3.3.6, only in requests */
    gs_uid_text sop_class;
    gs_uid_text service_class;
    size_t related_count;
    gs_uid_text *related;
};

enum gs_identity_type { /* PS3.7 D.3.3.7 */
                        GS_IDENTITY_NONE = 0,
                        GS_IDENTITY_USERNAME = 1,
                        GS_IDENTITY_PASSCODE = 2, /* user name and passcode */
                        GS_IDENTITY_KERBEROS = 3,
                        GS_IDENTITY_SAML = 4,
                        GS_IDENTITY_JWT = 5
};

struct gs_identity {
    uint8_t type; /* of the request; GS_IDENTITY_NONE: there is no item */
    bool response_requested;
    bool answered; /* an A-ASSOCIATE-AC carried the item; `primary` is the server response */
    uint16_t primary_size;
    uint16_t secondary_size;
    uint8_t *primary;
    uint8_t *secondary;
};

/* An A-ASSOCIATE-RQ or -AC. Zero-initialize it; all pointers are its own (malloc). */
struct gs_associate {
    uint16_t protocol_version;        /* bit 0 is set by every DICOM implementation */
    char called[GS_AE_TITLE_MAX + 1]; /* without the spaces around it */
    char calling[GS_AE_TITLE_MAX + 1];
    gs_uid_text application_context;
    size_t context_count;
    struct gs_context *contexts;
    uint32_t max_length; /* of P-DATA-TF PDUs that the sender of this PDU receives; 0: unlimited */
    gs_uid_text implementation_class;
    char implementation_version[GS_VERSION_NAME_MAX + 1];
    bool has_async; /* an asynchronous operations window stands in it */
    uint16_t async_invoked;
    uint16_t async_performed;
    size_t role_count;
    struct gs_role *roles;
    size_t extended_count;
    struct gs_extended *extended;
    size_t common_extended_count;
    struct gs_common_extended *common_extended;
    struct gs_identity identity;
    bool repeated; /* decoded: an item of which the first counts stood in it more than once */
};

void gs_associate_clear(struct gs_associate *associate);

/* The context with this ID, or NULL. */
const struct gs_context *gs_associate_context(const struct gs_associate *associate, uint8_t id);

/* Append one zeroed element to the list and return it, valid until the next is appended; NULL when
 * out of memory or at the limit. */
struct gs_context *gs_associate_add_context(struct gs_associate *associate);
gs_uid_text *gs_context_add_syntax(struct gs_context *context);
struct gs_role *gs_associate_add_role(struct gs_associate *associate);
struct gs_extended *gs_associate_add_extended(struct gs_associate *associate);
struct gs_common_extended *gs_associate_add_common_extended(struct gs_associate *associate);
gs_uid_text *gs_common_extended_add_related(struct gs_common_extended *item);

/* Decode the body (what follows the six bytes of header) of an A-ASSOCIATE-RQ or -AC into a zeroed
 * `associate`. 0, or -1 with the A-ABORT reason in `reason`; clear it in both cases. */
int gs_associate_decode(struct gs_associate *associate, enum gs_pdu_type type, const uint8_t *body,
                        size_t size, enum gs_abort_reason *reason);

/* Encode the whole PDU. `*bytes` is malloc'd and the caller's. -1: out of memory, or `associate`
 * does not fit into a PDU of GS_ASSOCIATE_MAX. An empty application context is the DICOM one. */
int gs_associate_encode(const struct gs_associate *associate, enum gs_pdu_type type,
                        uint8_t **bytes, size_t *size);

struct gs_reject { /* PS3.8 9.3.4 */
    uint8_t result;
    uint8_t source;
    uint8_t reason;
};

#define GS_PDU_SHORT_SIZE 10 /* bytes of an A-ASSOCIATE-RJ, A-RELEASE-RQ, -RP and A-ABORT */

void gs_reject_encode(const struct gs_reject *reject, uint8_t bytes[GS_PDU_SHORT_SIZE]);
void gs_release_encode(enum gs_pdu_type type, uint8_t bytes[GS_PDU_SHORT_SIZE]);
void gs_abort_encode(uint8_t source, uint8_t reason, uint8_t bytes[GS_PDU_SHORT_SIZE]);

/* The six bytes before the fragment of a PDV that is alone in its PDU, and those of the PDU. */
#define GS_PDATA_HEADER_SIZE (GS_PDU_HEADER_SIZE + GS_PDV_HEADER_SIZE)
void gs_pdata_encode(uint8_t context, bool command, bool last, uint32_t fragment_size,
                     uint8_t bytes[GS_PDATA_HEADER_SIZE]);

#endif

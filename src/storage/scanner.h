/*
 * scanner: the structure of a data set as its bytes pass (PS3.5 section 7 and annex A).
 *
 * Streaming, iterative, constant memory: the verdict does not depend on how the bytes are cut. It
 * knows tags, VRs and lengths, and of the values only those two by which an object is known;
 * implicit and explicit VR, little and big endian, encapsulated pixel data, defined and undefined
 * lengths. A deflated data set has to be inflated before: structure.h.
 */
#ifndef GS_SCANNER_H
#define GS_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS_SCAN_DEPTH_MAX  64          /* nested sequences that are followed; deeper is opaque */
#define GS_SCAN_HEADER_END 0x7fe00000u /* the first tag that is no longer of the header */

enum gs_scan_verdict {
    GS_SCAN_GOOD,   /* so far */
    GS_SCAN_BROKEN, /* `problem` and `offset` say what and where */
    GS_SCAN_OPAQUE  /* not followed any further; `problem` says why */
};

struct gs_scan_level {
    uint64_t end; /* offset that nothing in it may pass; of a defined length: where it ends */
    uint8_t kind; /* data set, sequence, item or fragments, and how it is encoded: scanner.c */
};

/* An element of the data set itself, not of an item. */
struct gs_scan_element {
    uint64_t start;  /* offset of its tag */
    uint32_t tag;    /* group and element */
    uint32_t length; /* of its value, as it says */
};

/* The value of SOP Class UID or SOP Instance UID, its padding included. */
#define GS_SCAN_UID_MAX 64 /* bytes kept of it */
struct gs_scan_uid {
    uint32_t length; /* as the element says; 0: there is none, or nothing in it */
    uint32_t size;   /* bytes kept so far */
    char bytes[GS_SCAN_UID_MAX];
};
enum gs_scan_uids { GS_SCAN_CLASS, GS_SCAN_INSTANCE, GS_SCAN_UIDS };

struct gs_scanner {
    enum gs_scan_verdict verdict;
    const char *problem; /* static text */
    uint64_t offset;     /* bytes followed; where the problem is */
    bool big_endian;
    bool implicit;
    bool has_meta;        /* an element of group 0002 stands in the data set itself */
    bool header_complete; /* a top-level element behind the header began */
    uint64_t header_size; /* bytes before the first top-level element of tag 7FE0,0000 or more;
                           * after gs_scanner_finish() without one: all */
    bool began;           /* gs_scanner_step() has stopped behind the tag, VR and length of: */
    struct gs_scan_element element; /* the last one; it ends where the next one starts */
    uint64_t skip;                  /* bytes of a value still to pass */
    struct gs_scan_uid uids[GS_SCAN_UIDS];
    uint8_t keeping;     /* which of them the value is; GS_SCAN_UIDS: none */
    uint8_t pending[12]; /* an element's tag, VR and length, as far as they came */
    uint8_t pending_size;
    size_t depth;
    struct gs_scan_level levels[2 * GS_SCAN_DEPTH_MAX + 1]; /* a sequence and its item each */
};

/* `flags` as of the transfer syntax: enum gs_scan_syntax, of which the last is not its matter. */
enum gs_scan_syntax {
    GS_SCAN_IMPLICIT = 1,
    GS_SCAN_BIG_ENDIAN = 2,
    GS_SCAN_DEFLATED = 8
}; /* the values of enum gs_uid_flags */
void gs_scanner_start(struct gs_scanner *scanner, unsigned flags);
enum gs_scan_verdict gs_scanner_feed(struct gs_scanner *scanner, const uint8_t *bytes, size_t size);
/* As feed, but stops where an element of the data set itself has begun. Returns how many bytes it
 * took; all of them where none began, as long as the data set is good. */
size_t gs_scanner_step(struct gs_scanner *scanner, const uint8_t *bytes, size_t size);
/* The data set has ended: where it ends inside an element, sequence or item, it is broken. */
enum gs_scan_verdict gs_scanner_finish(struct gs_scanner *scanner);

#endif

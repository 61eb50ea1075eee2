/*
 * structure: what the scanner finds in a data set as it comes over the wire; one that is deflated
 * (PS3.5 annex A.5) is inflated for it. Private to storage/.
 *
 * Streaming, constant memory, and as with the scanner the verdict does not depend on how the bytes
 * are cut. Offsets and sizes are those of the inflated data set. A deflate stream that is damaged
 * or has no end is GS_SCAN_BROKEN; of one that inflates to more than GS_INFLATED_MAX bytes only so
 * many are looked at: GS_SCAN_OPAQUE, as where memory runs out.
 */
#ifndef GS_STRUCTURE_H
#define GS_STRUCTURE_H

#include "storage/deflated.h"
#include "storage/scanner.h"

/* Zero-initialized it is empty, and has seen nothing. */
struct gs_structure {
    struct gs_scanner scanner;
    struct gs_inflater *inflater; /* of a deflated data set; else NULL */
};

/* `flags` as of gs_scanner_start(). -1: out of memory. */
int gs_structure_start(struct gs_structure *structure, unsigned flags);
void gs_structure_feed(struct gs_structure *structure, const uint8_t *bytes, size_t size);
/* The data set has ended. */
void gs_structure_finish(struct gs_structure *structure);
/* Frees what it needs to go on; what the scanner says stays. */
void gs_structure_release(struct gs_structure *structure);

#endif

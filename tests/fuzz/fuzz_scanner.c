/* The structural scanner, and the inflating in front of it: what it says does not depend on how the
 * bytes are cut; and an explicit data set that it lets pass is one that DCMTK reads. In implicit VR
 * the dictionary decides what is a sequence, and the scanner has none: there DCMTK may find more.
 */
#include "fuzz.h"

#include "dcmtk/dataset.h"
#include "dcmtk/log.h"
#include "protocol/uid.h"
#include "storage/structure.h"

static const char *const syntaxes[] = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                       "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50",
                                       "1.2.840.10008.1.2.1.99"};

static void scan(struct gs_scanner *scanner, unsigned flags, const uint8_t *bytes, size_t size,
                 uint32_t seed)
{
    uint32_t state = 0;
    struct gs_structure structure = {.inflater = NULL};
    REQUIRE(gs_structure_start(&structure, flags) == 0);
    while (size > 0) {
        size_t piece = next_piece(seed, &state, size);
        gs_structure_feed(&structure, bytes, piece);
        bytes += piece;
        size -= piece;
    }
    gs_structure_finish(&structure);
    gs_structure_release(&structure);
    *scanner = structure.scanner;
}

static void require_same(const struct gs_scanner *one, const struct gs_scanner *other)
{
    REQUIRE(one->verdict == other->verdict);
    REQUIRE(one->problem == other->problem);
    REQUIRE(one->offset == other->offset);
    REQUIRE(one->header_complete == other->header_complete);
    REQUIRE(one->header_size == other->header_size);
}

/* What is no matter of structure. */
static const char *const excused[] = {"Transfer Syntax uses explicit length"};

static bool is_excused(const char *message)
{
    for (size_t i = 0; i < sizeof excused / sizeof excused[0]; i++)
        if (strstr(message, excused[i]) != NULL)
            return true;
    return false;
}

static void require_readable(const uint8_t *bytes, size_t size, const char *syntax)
{
    struct gs_error error;
    struct gs_dataset *dataset = gs_dataset_decode(bytes, size, syntax, &error);
    if (dataset == NULL && !is_excused(error.message))
        fprintf(stderr, "%s: %s\n", error.code, error.message);
    REQUIRE(dataset != NULL || is_excused(error.message));
    gs_dataset_free(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    gs_log_start(GS_LOG_OFF, NULL);
    struct input input = {bytes, size};
    const char *syntax = syntaxes[take8(&input) % 5];
    uint32_t seed = take8(&input) + 2;
    uint8_t *data = take_copy(&input, &size);
    struct gs_scanner whole, single, pieces;
    unsigned flags = gs_uid_find(syntax)->flags;
    scan(&whole, flags, data, size, 1);
    scan(&single, flags, data, size, 0);
    scan(&pieces, flags, data, size, seed);
    require_same(&whole, &single);
    require_same(&whole, &pieces);
    REQUIRE(whole.header_size <= whole.offset);
    if (whole.verdict == GS_SCAN_GOOD && !whole.implicit)
        require_readable(data, size, syntax);
    free(data);
    return 0;
}

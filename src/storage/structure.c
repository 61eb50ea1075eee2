#include "storage/structure.h"

#include <errno.h>
#include <string.h>

int gs_structure_start(struct gs_structure *structure, unsigned flags)
{
    gs_structure_release(structure);
    gs_scanner_start(&structure->scanner, flags);
    if ((flags & GS_SCAN_DEFLATED) == 0)
        return 0;
    structure->inflater = gs_inflater_new();
    return structure->inflater != NULL ? 0 : -1;
}

/* Nothing more is inflated than the scanner has a use for; that is no error. */
static int scan(void *to, const uint8_t *bytes, size_t size, struct gs_error *error)
{
    struct gs_scanner *scanner = to;
    (void)error;
    return gs_scanner_feed(scanner, bytes, size) == GS_SCAN_GOOD ? 0 : -1;
}

static void judge(struct gs_scanner *scanner, const struct gs_error *error)
{
    bool broken = strcmp(error->code, "object-broken") == 0;
    scanner->verdict = broken ? GS_SCAN_BROKEN : GS_SCAN_OPAQUE;
    scanner->problem = broken                    ? "its deflate stream is damaged or has no end"
                       : error->system == ENOMEM ? "no memory is left to inflate it"
                                                 : "it inflates to more than is looked at";
}

void gs_structure_feed(struct gs_structure *structure, const uint8_t *bytes, size_t size)
{
    struct gs_scanner *scanner = &structure->scanner;
    struct gs_error error;
    if (structure->inflater == NULL)
        gs_scanner_feed(scanner, bytes, size);
    else if (scanner->verdict == GS_SCAN_GOOD &&
             gs_inflater_feed(structure->inflater, bytes, size, scan, scanner, &error) != 0 &&
             scanner->verdict == GS_SCAN_GOOD)
        judge(scanner, &error);
}

void gs_structure_finish(struct gs_structure *structure)
{
    struct gs_scanner *scanner = &structure->scanner;
    struct gs_error error;
    bool inflates = structure->inflater != NULL && scanner->verdict == GS_SCAN_GOOD;
    if (inflates && gs_inflater_finish(structure->inflater, &error) != 0)
        judge(scanner, &error);
    gs_scanner_finish(scanner);
}

void gs_structure_release(struct gs_structure *structure)
{
    gs_inflater_free(structure->inflater);
    structure->inflater = NULL;
}

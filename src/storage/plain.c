#include "storage/plain.h"

#include "storage/scanner.h"

#include <string.h>

#define VR_OFFSET 4 /* of an element: behind its tag */

static bool is_one_of(const uint8_t vr[2], const char *list)
{
    for (; *list != '\0'; list += 2)
        if (memcmp(vr, list, 2) == 0)
            return true;
    return false;
}

/* Backslash and tilde are other characters in JIS X 0201, and the first separates values. */
static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '}' || text[i] == '\\')
            return false;
    return size > 0 && text[0] != ' ';
}

static enum gs_plain_result read_value(const uint8_t *vr, const uint8_t *value, size_t size,
                                       struct gs_plain *plain)
{
    if (!is_one_of(vr, "AEASCSDADSDTISLOPNSHTMUI"))
        return GS_PLAIN_UNKNOWN;
    plain->text = (const char *)value;
    while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\0'))
        size--;
    plain->size = size;
    plain->is_number = is_one_of(vr, "DSIS");
    return is_plain(plain->text, size) ? GS_PLAIN_FOUND : GS_PLAIN_UNKNOWN;
}

enum gs_plain_result gs_plain_find(const uint8_t *bytes, size_t size, uint32_t tag,
                                   struct gs_plain *plain)
{
    struct gs_scanner scanner;
    if (tag >= GS_SCAN_HEADER_END)
        return GS_PLAIN_UNKNOWN;
    gs_scanner_start(&scanner, 0);
    for (size_t at = 0; at < size;) {
        at += gs_scanner_step(&scanner, bytes + at, size - at);
        if (scanner.verdict != GS_SCAN_GOOD)
            return GS_PLAIN_UNKNOWN;
        if (!scanner.began)
            break;
        if (scanner.element.tag != tag)
            continue;
        if (scanner.element.length > size - at)
            return GS_PLAIN_UNKNOWN;
        return read_value(bytes + scanner.element.start + VR_OFFSET, bytes + at,
                          scanner.element.length, plain);
    }
    return GS_PLAIN_ABSENT;
}

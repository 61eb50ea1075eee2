/* Names from outside: any bytes give one component that is safe, and from which, unless it was
 * shortened, they can be read again. */
#include "fuzz.h"

#include "storage/path.h"
#include "text/text.h"

static int hexadecimal(char digit)
{
    return digit >= 'A' && digit <= 'F'   ? digit - 'A' + 10
           : digit >= '0' && digit <= '9' ? digit - '0'
                                          : -1;
}

/* The way back; -1 where an escape is none. */
static long unescape(const char *component, size_t length, uint8_t *bytes)
{
    long size = 0;
    for (size_t i = 0; i < length; i++) {
        if (component[i] != '%') {
            bytes[size++] = (uint8_t)component[i];
            continue;
        }
        if (i + 2 >= length || hexadecimal(component[i + 1]) < 0 ||
            hexadecimal(component[i + 2]) < 0)
            return -1;
        bytes[size++] =
            (uint8_t)(hexadecimal(component[i + 1]) << 4 | hexadecimal(component[i + 2]));
        i += 2;
    }
    return size;
}

static void require_safe(const char *component, size_t length)
{
    REQUIRE(length > 0 && length <= GS_COMPONENT_MAX);
    REQUIRE(strlen(component) == length);
    REQUIRE(strchr(component, '/') == NULL && strchr(component, '\\') == NULL);
    REQUIRE(component[0] != '.');
    for (size_t i = 0; i < length;) {
        unsigned long code;
        size_t size = gs_utf8_next(component + i, length - i, &code);
        REQUIRE(size > 0 && code >= 0x20 && !(code >= 0x7f && code <= 0x9f));
        i += size;
    }
}

/* The hash at its end: '~' and 32 digits. */
static bool is_shortened(const char *component, size_t length)
{
    return length > 33 && component[length - 33] == '~' &&
           strspn(component + length - 32, "0123456789abcdef") == 32;
}

static void require_component(const uint8_t *bytes, size_t size)
{
    char component[GS_COMPONENT_MAX + 1];
    uint8_t again[GS_COMPONENT_MAX + 1];
    size_t length = gs_path_component((const char *)bytes, size, component);
    require_safe(component, length);
    if (size == 0) {
        REQUIRE(strcmp(component, "%") == 0);
        return;
    }
    if (size > GS_COMPONENT_MAX)
        REQUIRE(is_shortened(component, length));
    long back = unescape(component, length, again);
    if (!is_shortened(component, length)) {
        REQUIRE(back == (long)size && memcmp(again, bytes, size) == 0);
    }
    if (strchr(component, '%') == NULL) { /* such a name is the same once more */
        char once_more[GS_COMPONENT_MAX + 1];
        REQUIRE(gs_path_component(component, length, once_more) == length);
        REQUIRE(strcmp(component, once_more) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    uint8_t *copy = take_copy(&input, &size);
    require_component(copy, size);
    free(copy);
    return 0;
}

/* Character sets: whatever the bytes, they become valid UTF-8; and what was valid comes back. */
#include "fuzz.h"

#include "text/text.h"

static const char *const terms[] = {"",
                                    "ISO_IR 100",
                                    "ISO_IR 101",
                                    "ISO_IR 13",
                                    "ISO_IR 192",
                                    "GB18030",
                                    "GBK",
                                    "ISO 2022 IR 6\\ISO 2022 IR 87",
                                    "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
                                    "\\ISO 2022 IR 149",
                                    "\\ISO 2022 IR 58",
                                    "ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126",
                                    "ISO_IR 166",
                                    "ISO_IR 203",
                                    "ISO 2022 IR 6\\ISO 2022 IR 101\\ISO 2022 IR 127",
                                    "NO SUCH TERM\\\\ISO 2022 IR 87"};

#define TERMS (sizeof terms / sizeof terms[0])

static void require_utf8(const struct gs_text_buffer *utf8)
{
    for (size_t i = 0; i < utf8->size;) {
        unsigned long code;
        size_t length = gs_utf8_next(utf8->data + i, utf8->size - i, &code);
        REQUIRE(length > 0);
        i += length;
    }
}

/* What was decoded without a loss is encoded, and that is decoded to the same text. */
static void require_back(struct gs_text *text, enum gs_text_kind kind,
                         const struct gs_text_buffer *utf8)
{
    struct gs_text_buffer bytes = {0}, again = {0};
    bool invalid = false;
    if (gs_text_encode(text, kind, utf8->data, utf8->size, &bytes) == 0) {
        REQUIRE(gs_text_decode(text, kind, bytes.data, bytes.size, &again, &invalid) == 0);
        REQUIRE(!invalid);
        REQUIRE(again.size == utf8->size);
        REQUIRE(utf8->size == 0 || memcmp(again.data, utf8->data, utf8->size) == 0);
    }
    gs_text_buffer_free(&bytes);
    gs_text_buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    unsigned choice = take8(&input);
    enum gs_text_kind kind = (enum gs_text_kind)(take8(&input) % 3);
    size_t terms_size = choice < TERMS ? strlen(terms[choice]) : choice % 64;
    uint8_t *own = choice < TERMS ? NULL : take_copy(&input, &terms_size);
    uint8_t *copy = take_copy(&input, &size);
    struct gs_text *text =
        gs_text_open(own != NULL ? (char *)own : terms[choice % TERMS], terms_size);
    REQUIRE(text != NULL);
    gs_text_known(text);
    struct gs_text_buffer utf8 = {0};
    bool invalid = false;
    REQUIRE(gs_text_decode(text, kind, (char *)copy, size, &utf8, &invalid) == 0);
    require_utf8(&utf8);
    REQUIRE(utf8.size <= 6 * size);
    if (!invalid)
        require_back(text, kind, &utf8);
    struct gs_text_buffer encoded = {0};
    REQUIRE(gs_text_encode(text, kind, (char *)copy, size, &encoded) >= 0);
    gs_text_buffer_free(&encoded);
    gs_text_buffer_free(&utf8);
    gs_text_close(text);
    free(own);
    free(copy);
    return 0;
}

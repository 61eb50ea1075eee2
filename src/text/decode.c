/* From DICOM character sets to UTF-8. */

#include "text/parts.h"

#include <string.h>

static int append_replacement(struct gs_text_buffer *buffer, bool *invalid)
{
    *invalid = true;
    return gs_text_append(buffer, "\xef\xbf\xbd", 3);
}

/* A known escape sequence at `at`: designates its set. Its length, or 0. */
static size_t read_escape(struct passage *in, size_t at)
{
    for (int set = 0; set < SET_COUNT; set++) {
        size_t length = strlen(gs_text_sets[set].escape);
        if (in->size - at - 1 < length ||
            memcmp(in->bytes + at + 1, gs_text_sets[set].escape, length) != 0)
            continue;
        *(gs_text_sets[set].region == 0 ? &in->g0 : &in->g1) = set;
        return length + 1;
    }
    return 0;
}

/* One character of a designated set. The bytes that it took, or 0: there is none. */
static size_t decode_character(struct passage *in, size_t at, int set, char utf8[CHARACTER_MAX],
                               size_t *utf8_size)
{
    const struct coded_set *coded = &gs_text_sets[set];
    if (in->size - at < coded->width)
        return 0;
    char bytes[CHARACTER_MAX];
    size_t size = 0;
    if (coded->prefix != 0)
        bytes[size++] = (char)coded->prefix;
    for (size_t i = 0; i < coded->width; i++) {
        uint8_t byte = (uint8_t)in->bytes[at + i];
        if ((byte & 0x80) != coded->region || (byte & 0x7f) <= 0x1f)
            return 0;
        bytes[size++] = (char)(coded->width == 2 ? byte | 0x80 : byte);
    }
    *utf8_size = gs_text_convert(gs_text_decoder(in->text, set), bytes, size, utf8);
    return *utf8_size == 0 ? 0 : coded->width;
}

static int decode_extended(struct passage *in, bool *invalid)
{
    for (size_t at = 0; at < in->size;) {
        uint8_t byte = (uint8_t)in->bytes[at];
        bool wide = byte < 0x80 && gs_text_sets[in->g0].width == 2;
        int set = byte < 0x80 ? in->g0 : in->g1;
        char utf8[CHARACTER_MAX] = {(char)byte};
        size_t utf8_size = 1, taken = 1;
        if (byte == ESC) {
            taken = read_escape(in, at);
            utf8_size = 0;
        } else if (gs_text_is_delimiter(in->kind, byte) && (byte < 0x20 || !wide)) {
            in->g0 = in->text->g0;
            in->g1 = in->text->g1;
        } else if (byte != ' ' && !(set == ASCII && byte < 0x80)) {
            taken = set == NONE ? 0 : decode_character(in, at, set, utf8, &utf8_size);
        }
        if ((taken == 0 ? append_replacement(in->out, invalid)
                        : gs_text_append(in->out, utf8, utf8_size)) != 0)
            return -1;
        at += taken == 0 ? 1 : taken;
    }
    return 0;
}

static int decode_utf8(struct passage *in, bool *invalid)
{
    size_t length;
    for (size_t at = 0; at < in->size; at += length == 0 ? 1 : length) {
        unsigned long code_point;
        length = gs_utf8_next(in->bytes + at, in->size - at, &code_point);
        if ((length == 0 ? append_replacement(in->out, invalid)
                         : gs_text_append(in->out, in->bytes + at, length)) != 0)
            return -1;
    }
    return 0;
}

/* GB18030 and GBK: a character has 1, 2 or 4 bytes. */
static int decode_whole(struct passage *in, bool *invalid)
{
    iconv_t converter = gs_text_decoder(in->text, SET_COUNT);
    for (size_t at = 0; at < in->size;) {
        char utf8[CHARACTER_MAX];
        size_t taken = 0, utf8_size = 0;
        for (size_t width = 1; width <= 4 && width <= in->size - at && utf8_size == 0; width *= 2) {
            utf8_size = gs_text_convert(converter, in->bytes + at, width, utf8);
            taken = width;
        }
        if ((utf8_size == 0 ? append_replacement(in->out, invalid)
                            : gs_text_append(in->out, utf8, utf8_size)) != 0)
            return -1;
        at += utf8_size == 0 ? 1 : taken;
    }
    return 0;
}

int gs_text_decode(struct gs_text *text, enum gs_text_kind kind, const char *bytes, size_t size,
                   struct gs_text_buffer *utf8, bool *invalid)
{
    utf8->size = 0;
    if (gs_text_is_plain(text, bytes, size))
        return gs_text_append(utf8, bytes, size);
    struct passage in = {text, kind, bytes, size, utf8, text->g0, text->g1};
    if (text->whole == NULL)
        return decode_extended(&in, invalid);
    return strcmp(text->whole, "UTF-8") == 0 ? decode_utf8(&in, invalid)
                                             : decode_whole(&in, invalid);
}

/* From UTF-8 to DICOM character sets. */

#include "text/parts.h"

#include <string.h>

/* Whether the bytes that a character became are that character, read again. iconv(3) takes some for
 * others that look alike: in Shift JIS 5CH is both the yen sign and the backslash. */
static bool comes_back(struct gs_text *text, int set, const char *bytes, size_t made,
                       const char *utf8, size_t size)
{
    char again[CHARACTER_MAX];
    return gs_text_convert(gs_text_decoder(text, set), bytes, made, again) == size &&
           memcmp(again, utf8, size) == 0;
}

/* One character in a set, as it stands in a data set. Its size, or 0: the set does not have it. */
static size_t encode_character(struct gs_text *text, int set, const char *utf8, size_t size,
                               char out[CHARACTER_MAX])
{
    const struct coded_set *coded = &gs_text_sets[set];
    char bytes[CHARACTER_MAX];
    size_t made = gs_text_convert(gs_text_encoder(text, set), utf8, size, bytes);
    size_t skip = coded->prefix != 0;
    if (made != coded->width + skip || (skip == 1 && (uint8_t)bytes[0] != coded->prefix) ||
        !comes_back(text, set, bytes, made, utf8, size))
        return 0;
    for (size_t i = 0; i < coded->width; i++) {
        uint8_t byte = (uint8_t)bytes[skip + i];
        bool fits = coded->width == 2 ? byte > 0xa0 : (byte & 0x80) == coded->region;
        if (!fits)
            return 0;
        out[i] = (char)((byte & 0x7f) | coded->region);
    }
    return coded->width;
}

static int designate(struct passage *in, int set)
{
    int *designated = gs_text_sets[set].region == 0 ? &in->g0 : &in->g1;
    if (*designated == set)
        return 0;
    *designated = set;
    if (gs_text_append(in->out, "\x1b", 1) != 0)
        return -1;
    return gs_text_append(in->out, gs_text_sets[set].escape, strlen(gs_text_sets[set].escape));
}

/* What holds at the start holds before a delimiter and at the end again. Where nothing was
 * designated to G1, the delimiter itself ends the designation. */
static int restore(struct passage *in)
{
    if (designate(in, in->text->g0) != 0)
        return -1;
    if (in->text->g1 != NONE)
        return designate(in, in->text->g1);
    in->g1 = NONE;
    return 0;
}

/* One character in the first set that has it: those designated now, then those that are listed. */
static int encode_listed(struct passage *in, const char *utf8, size_t size)
{
    struct gs_text *text = in->text;
    int candidates[2 * TERMS_MAX + 4] = {in->g0, in->g1, text->g0, text->g1};
    size_t count = 4;
    for (size_t i = 0; text->extensions && i < text->listed_count; i++)
        candidates[count++] = text->listed[i];
    for (size_t i = 0; i < count; i++) {
        char bytes[CHARACTER_MAX];
        if (candidates[i] == NONE)
            continue;
        size_t made = encode_character(text, candidates[i], utf8, size, bytes);
        if (made == 0 || (made == 1 && gs_text_is_delimiter(in->kind, (uint8_t)bytes[0])))
            continue; /* the yen sign of ISO_IR 13 would be read as a backslash between values */
        if (designate(in, candidates[i]) != 0)
            return -1;
        return gs_text_append(in->out, bytes, made);
    }
    return 1;
}

static int encode_extended(struct passage *in)
{
    size_t length;
    for (size_t at = 0; at < in->size; at += length) {
        unsigned long code_point;
        const char *utf8 = in->bytes + at;
        length = gs_utf8_next(utf8, in->size - at, &code_point);
        if (length == 0 || code_point == ESC)
            return 1;
        int outcome;
        if (gs_text_is_delimiter(in->kind, code_point))
            outcome = restore(in) != 0 ? -1 : gs_text_append(in->out, utf8, 1);
        else if (code_point == ' ') /* is in all sets of one byte, and in none of two */
            outcome = gs_text_sets[in->g0].width == 2 && designate(in, in->text->g0) != 0
                          ? -1
                          : gs_text_append(in->out, utf8, 1);
        else if (in->g0 == ASCII && code_point < 0x80)
            outcome = gs_text_append(in->out, utf8, 1);
        else
            outcome = encode_listed(in, utf8, length);
        if (outcome != 0)
            return outcome;
    }
    return restore(in);
}

static int encode_whole(struct passage *in)
{
    bool same = strcmp(in->text->whole, "UTF-8") == 0;
    size_t length;
    for (size_t at = 0; at < in->size; at += length) {
        unsigned long code_point;
        length = gs_utf8_next(in->bytes + at, in->size - at, &code_point);
        if (length == 0)
            return 1;
        char bytes[CHARACTER_MAX];
        size_t made = 0;
        if (!same)
            made = gs_text_convert(gs_text_encoder(in->text, SET_COUNT), in->bytes + at, length,
                                   bytes);
        if (!same &&
            (made == 0 || !comes_back(in->text, SET_COUNT, bytes, made, in->bytes + at, length)))
            return 1;
        if (gs_text_append(in->out, same ? in->bytes + at : bytes, same ? length : made) != 0)
            return -1;
    }
    return 0;
}

int gs_text_encode(struct gs_text *text, enum gs_text_kind kind, const char *utf8, size_t size,
                   struct gs_text_buffer *bytes)
{
    bytes->size = 0;
    if (gs_text_is_plain(text, utf8, size))
        return gs_text_append(bytes, utf8, size);
    struct passage in = {text, kind, utf8, size, bytes, text->g0, text->g1};
    return text->whole != NULL ? encode_whole(&in) : encode_extended(&in);
}

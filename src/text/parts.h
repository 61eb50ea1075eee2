/*
 * parts: what the files of this room share; no other room includes it.
 */
#ifndef GS_TEXT_PARTS_H
#define GS_TEXT_PARTS_H

#include "text/text.h"

#include <iconv.h>
#include <stdint.h>

#define ESC           0x1b
#define TERMS_MAX     16 /* values of Specific Character Set that are looked at */
#define CHARACTER_MAX 8  /* bytes of one character in any encoding */
#define NONE          (-1)

/* A coded character set of PS3.3 tables C.12-3 and C.12-4, as ISO 2022 designates it to G0 (bytes
 * below 80H) or G1. Those of two bytes are found in the EUC encodings of iconv, with the high bits
 * set and in one case a prefix; the two halves of JIS X 0201 are the single bytes of Shift JIS. */
struct coded_set {
    const char *escape; /* what follows ESC */
    const char *encoding;
    uint8_t region; /* 0: G0, 80H: G1 */
    uint8_t width;
    uint8_t prefix;
};

enum set {
    ASCII,
    ROMAJI,
    KATAKANA,
    JIS_X_0208,
    JIS_X_0212,
    KS_X_1001,
    GB_2312,
    LATIN_1,
    LATIN_2,
    LATIN_3,
    LATIN_4,
    CYRILLIC,
    ARABIC,
    GREEK,
    HEBREW,
    LATIN_5,
    LATIN_9,
    THAI,
    SET_COUNT
};

extern const struct coded_set gs_text_sets[SET_COUNT];

struct gs_text {
    const char *whole; /* UTF-8, GB18030 or GBK: one encoding for all, no escapes; else NULL */
    int g0, g1;        /* what is designated at the start and after a delimiter; NONE */
    int listed[2 * TERMS_MAX]; /* where a character to encode is looked for, in this order */
    size_t listed_count;
    bool extensions; /* escapes may be written */
    bool known;
    iconv_t decoders[SET_COUNT + 1]; /* the last is of `whole`; NULL: not open yet */
    iconv_t encoders[SET_COUNT + 1];
};

/* A value of a data set while it is read or written. */
struct passage {
    struct gs_text *text;
    enum gs_text_kind kind;
    const char *bytes;
    size_t size;
    struct gs_text_buffer *out;
    int g0, g1; /* designated now */
};

/* --- text.c ----------------------------------------------------------------------------------- */

/* 0, or -1: no memory. */
int gs_text_append(struct gs_text_buffer *buffer, const void *bytes, size_t size);

/* Whether a character ends a designation. */
bool gs_text_is_delimiter(enum gs_text_kind kind, unsigned long character);

/* Most texts: what is ASCII in every set, so that there is nothing to convert. */
bool gs_text_is_plain(const struct gs_text *text, const char *bytes, size_t size);

iconv_t gs_text_decoder(struct gs_text *text, int set);
iconv_t gs_text_encoder(struct gs_text *text, int set);

/* Converts exactly `size` bytes, one character. The bytes it became, or 0: there is no such
 * character. */
size_t gs_text_convert(iconv_t converter, const char *bytes, size_t size, char out[CHARACTER_MAX]);

#endif

#include "text/text.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

static const struct coded_set SETS[SET_COUNT] = {
    [ASCII] = {"(B", "ASCII", 0, 1, 0},
    [ROMAJI] = {"(J", "SHIFT_JIS", 0, 1, 0},
    [KATAKANA] = {")I", "SHIFT_JIS", 0x80, 1, 0},
    [JIS_X_0208] = {"$B", "EUC-JP", 0, 2, 0},
    [JIS_X_0212] = {"$(D", "EUC-JP", 0, 2, 0x8f},
    [KS_X_1001] = {"$)C", "EUC-KR", 0x80, 2, 0},
    [GB_2312] = {"$)A", "EUC-CN", 0x80, 2, 0},
    [LATIN_1] = {"-A", "ISO-8859-1", 0x80, 1, 0},
    [LATIN_2] = {"-B", "ISO-8859-2", 0x80, 1, 0},
    [LATIN_3] = {"-C", "ISO-8859-3", 0x80, 1, 0},
    [LATIN_4] = {"-D", "ISO-8859-4", 0x80, 1, 0},
    [CYRILLIC] = {"-L", "ISO-8859-5", 0x80, 1, 0},
    [ARABIC] = {"-G", "ISO-8859-6", 0x80, 1, 0},
    [GREEK] = {"-F", "ISO-8859-7", 0x80, 1, 0},
    [HEBREW] = {"-H", "ISO-8859-8", 0x80, 1, 0},
    [LATIN_5] = {"-M", "ISO-8859-9", 0x80, 1, 0},
    [LATIN_9] = {"-b", "ISO-8859-15", 0x80, 1, 0},
    [THAI] = {"-T", "TIS-620", 0x80, 1, 0},
};

/* Defined terms by their registration number, with and without code extensions. */
static const struct {
    int number;
    int g0, g1;
} TERMS[] = {
    {6, ASCII, NONE},       {100, ASCII, LATIN_1},  {101, ASCII, LATIN_2},   {109, ASCII, LATIN_3},
    {110, ASCII, LATIN_4},  {144, ASCII, CYRILLIC}, {127, ASCII, ARABIC},    {126, ASCII, GREEK},
    {138, ASCII, HEBREW},   {148, ASCII, LATIN_5},  {203, ASCII, LATIN_9},   {166, ASCII, THAI},
    {13, ROMAJI, KATAKANA}, {87, JIS_X_0208, NONE}, {159, JIS_X_0212, NONE}, {149, NONE, KS_X_1001},
    {58, NONE, GB_2312},
};

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

/* --- buffers
 * --------------------------------------------------------------------------------------- */

static int append(struct gs_text_buffer *buffer, const void *bytes, size_t size)
{
    if (size > buffer->capacity - buffer->size) {
        size_t capacity = buffer->capacity * 2 + size + 64;
        char *data = realloc(buffer->data, capacity);
        if (data == NULL)
            return -1;
        buffer->data = data;
        buffer->capacity = capacity;
    }
    if (size > 0)
        memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
    return 0;
}

void gs_text_buffer_free(struct gs_text_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct gs_text_buffer){0};
}

static int append_replacement(struct gs_text_buffer *buffer, bool *invalid)
{
    *invalid = true;
    return append(buffer, "\xef\xbf\xbd", 3);
}

/* --- UTF-8
 * ----------------------------------------------------------------------------------------- */

size_t gs_utf8_next(const char *bytes, size_t size, unsigned long *code_point)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = (uint8_t)bytes[0];
    size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || first >= 0xf8 || length > size)
        return 0;
    unsigned long value = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        uint8_t next = (uint8_t)bytes[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code_point = value;
    return length;
}

/* --- Specific Character Set
 * ------------------------------------------------------------------------ */

/* Letters and digits only, so that "ISO-IR 100" and "ISO_IR100", which occur, are known too. */
static void normalize(const char *term, size_t size, char *plain, size_t capacity)
{
    size_t length = 0;
    for (size_t i = 0; i < size && length + 1 < capacity; i++)
        if (isalnum((unsigned char)term[i]))
            plain[length++] = (char)toupper((unsigned char)term[i]);
    plain[length] = '\0';
}

static const char *whole_encoding(const char *term)
{
    if (strcmp(term, "ISOIR192") == 0)
        return "UTF-8";
    if (strcmp(term, "GB18030") == 0)
        return "GB18030";
    return strcmp(term, "GBK") == 0 ? "GBK" : NULL;
}

static void list(struct gs_text *text, int set)
{
    if (set != NONE)
        text->listed[text->listed_count++] = set;
}

/* Adds one term; `first` decides what is designated at the start. */
static void add_term(struct gs_text *text, const char *bytes, size_t size, bool first)
{
    char term[24];
    normalize(bytes, size, term, sizeof term);
    bool extended = strncmp(term, "ISO2022IR", 9) == 0;
    bool plain = !extended && strncmp(term, "ISOIR", 5) == 0;
    int number = extended ? atoi(term + 9) : plain ? atoi(term + 5) : term[0] == '\0' ? 6 : 0;
    text->extensions = text->extensions || extended || !first;
    if (first && (text->whole = whole_encoding(term)) != NULL)
        return;
    for (size_t i = 0; i < sizeof TERMS / sizeof *TERMS; i++) {
        if (TERMS[i].number != number)
            continue;
        list(text, TERMS[i].g0);
        list(text, TERMS[i].g1);
        /* a set of two bytes in G0 is never designated at the start, though it may come first */
        if (first && TERMS[i].g0 != NONE && SETS[TERMS[i].g0].width == 1)
            text->g0 = TERMS[i].g0;
        if (first)
            text->g1 = TERMS[i].g1;
        return;
    }
    text->known = false;
}

struct gs_text *gs_text_open(const char *terms, size_t size)
{
    struct gs_text *text = calloc(1, sizeof *text);
    if (text == NULL)
        return NULL;
    text->g0 = ASCII;
    text->g1 = NONE;
    text->known = true;
    size_t start = 0;
    for (int i = 0; i < TERMS_MAX && start <= size && text->whole == NULL; i++) {
        size_t end = start;
        while (end < size && terms[end] != '\\')
            end++;
        add_term(text, terms + start, end - start, i == 0);
        start = end + 1;
    }
    return text;
}

void gs_text_close(struct gs_text *text)
{
    if (text == NULL)
        return;
    for (int i = 0; i <= SET_COUNT; i++) {
        if (text->decoders[i] != NULL && text->decoders[i] != (iconv_t)-1)
            iconv_close(text->decoders[i]);
        if (text->encoders[i] != NULL && text->encoders[i] != (iconv_t)-1)
            iconv_close(text->encoders[i]);
    }
    free(text);
}

bool gs_text_known(const struct gs_text *text)
{
    return text->known;
}

/* --- iconv
 * ----------------------------------------------------------------------------------------- */

static const char *encoding_of(const struct gs_text *text, int set)
{
    return set == SET_COUNT ? text->whole : SETS[set].encoding;
}

static iconv_t decoder(struct gs_text *text, int set)
{
    if (text->decoders[set] == NULL)
        text->decoders[set] = iconv_open("UTF-8", encoding_of(text, set));
    return text->decoders[set];
}

static iconv_t encoder(struct gs_text *text, int set)
{
    if (text->encoders[set] == NULL)
        text->encoders[set] = iconv_open(encoding_of(text, set), "UTF-8");
    return text->encoders[set];
}

/* Converts exactly `size` bytes, one character. The bytes it became, or 0: there is no such
 * character. */
static size_t convert(iconv_t converter, const char *bytes, size_t size, char out[CHARACTER_MAX])
{
    if (converter == (iconv_t)-1)
        return 0;
    char in[CHARACTER_MAX];
    memcpy(in, bytes, size);
    char *from = in, *to = out;
    size_t left = size, room = CHARACTER_MAX;
    iconv(converter, NULL, NULL, NULL, NULL);
    if (iconv(converter, &from, &left, &to, &room) != 0 || left != 0)
        return 0;
    return CHARACTER_MAX - room;
}

/* --- decoding
 * -------------------------------------------------------------------------------------- */

/* A value of a data set while it is read or written. */
struct passage {
    struct gs_text *text;
    enum gs_text_kind kind;
    const char *bytes;
    size_t size;
    struct gs_text_buffer *out;
    int g0, g1; /* designated now */
};

static bool is_delimiter(enum gs_text_kind kind, unsigned long character)
{
    return character < 0x20 || (character == '\\' && kind != GS_TEXT_PLAIN) ||
           ((character == '^' || character == '=') && kind == GS_TEXT_NAME);
}

/* A known escape sequence at `at`: designates its set. Its length, or 0. */
static size_t read_escape(struct passage *in, size_t at)
{
    for (int set = 0; set < SET_COUNT; set++) {
        size_t length = strlen(SETS[set].escape);
        if (in->size - at - 1 < length || memcmp(in->bytes + at + 1, SETS[set].escape, length) != 0)
            continue;
        *(SETS[set].region == 0 ? &in->g0 : &in->g1) = set;
        return length + 1;
    }
    return 0;
}

/* One character of a designated set. The bytes that it took, or 0: there is none. */
static size_t decode_character(struct passage *in, size_t at, int set, char utf8[CHARACTER_MAX],
                               size_t *utf8_size)
{
    const struct coded_set *coded = &SETS[set];
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
    *utf8_size = convert(decoder(in->text, set), bytes, size, utf8);
    return *utf8_size == 0 ? 0 : coded->width;
}

static int decode_extended(struct passage *in, bool *invalid)
{
    for (size_t at = 0; at < in->size;) {
        uint8_t byte = (uint8_t)in->bytes[at];
        bool wide = byte < 0x80 && SETS[in->g0].width == 2;
        int set = byte < 0x80 ? in->g0 : in->g1;
        char utf8[CHARACTER_MAX] = {(char)byte};
        size_t utf8_size = 1, taken = 1;
        if (byte == ESC) {
            taken = read_escape(in, at);
            utf8_size = 0;
        } else if (is_delimiter(in->kind, byte) && (byte < 0x20 || !wide)) {
            in->g0 = in->text->g0;
            in->g1 = in->text->g1;
        } else if (byte != ' ' && !(set == ASCII && byte < 0x80)) {
            taken = set == NONE ? 0 : decode_character(in, at, set, utf8, &utf8_size);
        }
        if ((taken == 0 ? append_replacement(in->out, invalid)
                        : append(in->out, utf8, utf8_size)) != 0)
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
                         : append(in->out, in->bytes + at, length)) != 0)
            return -1;
    }
    return 0;
}

/* GB18030 and GBK: a character has 1, 2 or 4 bytes. */
static int decode_whole(struct passage *in, bool *invalid)
{
    iconv_t converter = decoder(in->text, SET_COUNT);
    for (size_t at = 0; at < in->size;) {
        char utf8[CHARACTER_MAX];
        size_t taken = 0, utf8_size = 0;
        for (size_t width = 1; width <= 4 && width <= in->size - at && utf8_size == 0; width *= 2) {
            utf8_size = convert(converter, in->bytes + at, width, utf8);
            taken = width;
        }
        if ((utf8_size == 0 ? append_replacement(in->out, invalid)
                            : append(in->out, utf8, utf8_size)) != 0)
            return -1;
        at += utf8_size == 0 ? 1 : taken;
    }
    return 0;
}

/* Most texts: what is ASCII in every set. */
static bool is_plain(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)bytes[i] >= 0x80 || bytes[i] == ESC)
            return false;
    return true;
}

int gs_text_decode(struct gs_text *text, enum gs_text_kind kind, const char *bytes, size_t size,
                   struct gs_text_buffer *utf8, bool *invalid)
{
    utf8->size = 0;
    if (is_plain(bytes, size) && text->g0 == ASCII)
        return append(utf8, bytes, size);
    struct passage in = {text, kind, bytes, size, utf8, text->g0, text->g1};
    if (text->whole == NULL)
        return decode_extended(&in, invalid);
    return strcmp(text->whole, "UTF-8") == 0 ? decode_utf8(&in, invalid)
                                             : decode_whole(&in, invalid);
}

/* --- encoding
 * -------------------------------------------------------------------------------------- */

/* One character in a set, as it stands in a data set. Its size, or 0: the set does not have it. */
static size_t encode_character(struct gs_text *text, int set, const char *utf8, size_t size,
                               char out[CHARACTER_MAX])
{
    const struct coded_set *coded = &SETS[set];
    char bytes[CHARACTER_MAX];
    size_t made = convert(encoder(text, set), utf8, size, bytes);
    size_t skip = coded->prefix != 0;
    if (made != coded->width + skip || (skip == 1 && (uint8_t)bytes[0] != coded->prefix))
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
    int *designated = SETS[set].region == 0 ? &in->g0 : &in->g1;
    if (*designated == set)
        return 0;
    *designated = set;
    if (append(in->out, "\x1b", 1) != 0)
        return -1;
    return append(in->out, SETS[set].escape, strlen(SETS[set].escape));
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
        if (made == 0)
            continue;
        if (designate(in, candidates[i]) != 0)
            return -1;
        return append(in->out, bytes, made);
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
        if (is_delimiter(in->kind, code_point))
            outcome = restore(in) != 0 ? -1 : append(in->out, utf8, 1);
        else if (code_point == ' ') /* is in all sets of one byte, and in none of two */
            outcome = SETS[in->g0].width == 2 && designate(in, in->text->g0) != 0
                          ? -1
                          : append(in->out, utf8, 1);
        else if (in->g0 == ASCII && code_point < 0x80)
            outcome = append(in->out, utf8, 1);
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
            made = convert(encoder(in->text, SET_COUNT), in->bytes + at, length, bytes);
        if (!same && made == 0)
            return 1;
        if (append(in->out, same ? in->bytes + at : bytes, same ? length : made) != 0)
            return -1;
    }
    return 0;
}

int gs_text_encode(struct gs_text *text, enum gs_text_kind kind, const char *utf8, size_t size,
                   struct gs_text_buffer *bytes)
{
    bytes->size = 0;
    if (is_plain(utf8, size) && text->g0 == ASCII)
        return append(bytes, utf8, size);
    struct passage in = {text, kind, utf8, size, bytes, text->g0, text->g1};
    return text->whole != NULL ? encode_whole(&in) : encode_extended(&in);
}

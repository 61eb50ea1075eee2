#include "text/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const struct coded_set gs_text_sets[SET_COUNT] = {
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

/* --- buffers ---------------------------------------------------------------------------------- */

int gs_text_append(struct gs_text_buffer *buffer, const void *bytes, size_t size)
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

/* --- UTF-8 ------------------------------------------------------------------------------------ */

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

/* --- Specific Character Set ------------------------------------------------------------------- */

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
        if (first && TERMS[i].g0 != NONE && gs_text_sets[TERMS[i].g0].width == 1)
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

/* --- iconv ------------------------------------------------------------------------------------ */

static const char *encoding_of(const struct gs_text *text, int set)
{
    return set == SET_COUNT ? text->whole : gs_text_sets[set].encoding;
}

iconv_t gs_text_decoder(struct gs_text *text, int set)
{
    if (text->decoders[set] == NULL)
        text->decoders[set] = iconv_open("UTF-8", encoding_of(text, set));
    return text->decoders[set];
}

iconv_t gs_text_encoder(struct gs_text *text, int set)
{
    if (text->encoders[set] == NULL)
        text->encoders[set] = iconv_open(encoding_of(text, set), "UTF-8");
    return text->encoders[set];
}

size_t gs_text_convert(iconv_t converter, const char *bytes, size_t size, char out[CHARACTER_MAX])
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

/* --- values ----------------------------------------------------------------------------------- */

bool gs_text_is_delimiter(enum gs_text_kind kind, unsigned long character)
{
    return character < 0x20 || (character == '\\' && kind != GS_TEXT_PLAIN) ||
           ((character == '^' || character == '=') && kind == GS_TEXT_NAME);
}

bool gs_text_is_plain(const struct gs_text *text, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)bytes[i] >= 0x80 || bytes[i] == ESC)
            return false;
    return text->g0 == ASCII;
}

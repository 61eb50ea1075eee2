/*
 * text: DICOM character sets to and from UTF-8 (PS3.5 section 6.1 and annexes H to K; the defined
 * terms are those of PS3.3 C.12.1.1.2).
 *
 * A `struct gs_text` is one value of Specific Character Set. It opens what it needs of iconv(3)
 * when it first needs it and keeps it; it is not to be shared between threads. Decoding never ends
 * at garbage: what is no character comes out as U+FFFD. Bytes go into a `struct gs_text_buffer` of
 * the caller's, which starts as {0}, grows as needed and is freed by gs_text_buffer_free.
 */
#ifndef GS_TEXT_H
#define GS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Which characters end a designation by escape sequence (PS3.5 6.1.2.5.3). */
enum gs_text_kind {
    GS_TEXT_PLAIN,  /* ST, LT, UT: control characters only */
    GS_TEXT_VALUES, /* SH, LO, UC: also the backslash between values */
    GS_TEXT_NAME    /* PN: also the '^' between components and the '=' between component groups */
};

struct gs_text;

struct gs_text_buffer {
    char *data; /* not terminated */
    size_t size;
    size_t capacity;
};

/* `terms` is the value of (0008,0005), its values separated by backslashes; empty is the default
 * repertoire. An unknown term is read as the default repertoire. NULL: no memory. */
struct gs_text *gs_text_open(const char *terms, size_t size);
void gs_text_close(struct gs_text *text);

/* False where a term of it was unknown. */
bool gs_text_known(const struct gs_text *text);

/* Replaces the content of `utf8` by `bytes` in UTF-8. `invalid` becomes true where a byte was no
 * character of the set. 0, or -1: no memory. */
int gs_text_decode(struct gs_text *text, enum gs_text_kind kind, const char *bytes, size_t size,
                   struct gs_text_buffer *utf8, bool *invalid);

/* The way back: 0; 1 where the set cannot hold a character or `utf8` is not valid UTF-8; -1: no
 * memory.
 */
int gs_text_encode(struct gs_text *text, enum gs_text_kind kind, const char *utf8, size_t size,
                   struct gs_text_buffer *bytes);

void gs_text_buffer_free(struct gs_text_buffer *buffer);

/* The length in bytes, 1 to 4, of the UTF-8 character at `bytes`, and its code point; 0 where there
 * is none (truncated, overlong, a surrogate, beyond U+10FFFF). `size` is at least 1. */
size_t gs_utf8_next(const char *bytes, size_t size, unsigned long *code_point);

#endif

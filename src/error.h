/*
 * error: how a failure travels from any room to its caller.
 *
 * A function that can fail takes a `struct gs_error *` as its last parameter, fills it when it
 * returns -1 (or NULL), and leaves it alone otherwise. The caller owns the structure; nothing in it
 * needs to be freed. `code` never changes between releases, so that callers match it and not text.
 * The room `protocol/` does not use it: its errors are the A-ABORT reasons of PS3.8 9.3.8.
 */
#ifndef GS_ERROR_H
#define GS_ERROR_H

#include <stdint.h>

#define GS_ERROR_MESSAGE_SIZE 512 /* bytes of a message, its NUL included; longer ones are cut */

struct gs_error {
    const char *code;                    /* static, stable, listed in docs/api.md */
    int system;                          /* errno of the call that failed, or 0 */
    char message[GS_ERROR_MESSAGE_SIZE]; /* what failed, on what and why; one line without a dot */
};

/* Fills `error` (may be NULL) by a printf format. Always returns -1, so that callers can return it.
 * Bytes below 20H and 7FH become '?': a message may quote the peer. */
int gs_error_set(struct gs_error *error, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and strerror(`system`), and keeps `system`. */
int gs_error_system(struct gs_error *error, const char *code, int system, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif

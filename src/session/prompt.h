/*
 * prompt: a secret from standard input, which the terminal does not show.
 */
#ifndef GS_PROMPT_H
#define GS_PROMPT_H

#include "error.h"

#include <stddef.h>

#define GS_SECRET_MAX 1024 /* bytes of a secret */

/* Reads the first line, and no byte more. On a terminal `text` is written to standard error first,
 * and nothing is echoed; a signal that comes meanwhile finds the terminal as it was. -1: `error`
 * ("read-failed": nothing came, or too much). */
int gs_prompt(const char *text, char secret[GS_SECRET_MAX + 1], struct gs_error *error);

#endif

#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct gs_error *error, const char *code, int system, const char *format,
                 va_list arguments)
{
    error->code = code;
    error->system = system;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    size_t used = strlen(error->message);
    if (system != 0)
        snprintf(error->message + used, sizeof error->message - used, ": %s", strerror(system));
    for (char *c = error->message; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

int gs_error_set(struct gs_error *error, const char *code, const char *format, ...)
{
    if (error == NULL)
        return -1;
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, 0, format, arguments);
    va_end(arguments);
    return -1;
}

int gs_error_system(struct gs_error *error, const char *code, int system, const char *format, ...)
{
    if (error == NULL)
        return -1;
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, system, format, arguments);
    va_end(arguments);
    return -1;
}

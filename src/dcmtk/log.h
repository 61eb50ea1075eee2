/*
 * log: messages by levels to standard error or as a configuration file says, by DCMTK's oflog.
 *
 * DCMTK's own messages go the same way. No raw bytes reach a terminal: control characters and what
 * is not UTF-8 come out as "\x1b", so that a message is one line (a configuration file's own
 * layouts get DCMTK's messages as they are). Call gs_log_start first. A standard error that is
 * closed loses messages and nothing else.
 */
#ifndef GS_LOG_H
#define GS_LOG_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

enum gs_log_level {
    GS_LOG_TRACE,
    GS_LOG_DEBUG,
    GS_LOG_INFO,
    GS_LOG_WARN,
    GS_LOG_ERROR,
    GS_LOG_FATAL,
    GS_LOG_OFF
};

/* Standard error, one letter for the level before each message, from this level on. */
int gs_log_start(enum gs_log_level level, struct gs_error *error);

/* A log4cplus property file. "log-config": it cannot be read, has no root logger, or something in
 * it does not go, like a log file that cannot be opened; standard error, from warnings on, is in
 * force again then. Our logger is dcmtk.apps.getscu; ${appname}, ${hostname} and ${pid} are known,
 * as in DCMTK's tools. */
int gs_log_config(const char *path, struct gs_error *error);

/* Cheap: ask before a message is put together. */
bool gs_log_enabled(enum gs_log_level level);

void gs_log(enum gs_log_level level, const char *text, size_t size);

/* "trace" ... "off" to the level; -1 where the name is none of them. */
int gs_log_level_named(const char *name);

#endif

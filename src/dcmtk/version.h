/*
 * version: which DCMTK this was built with, and what of it depends on how DCMTK was built.
 */
#ifndef GS_VERSION_H
#define GS_VERSION_H

#include <stdbool.h>

/* "3.6.7"; static */
const char *gs_dcmtk_version(void);

/* Whether it reads and writes deflated data sets. */
bool gs_dcmtk_has_zlib(void);

#endif

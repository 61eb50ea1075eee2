extern "C" {
#include "dcmtk/version.h"
}

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dcuid.h"

const char *gs_dcmtk_version(void)
{
    return OFFIS_DCMTK_VERSION_STRING;
}

bool gs_dcmtk_has_zlib(void)
{
#ifdef WITH_ZLIB
    return true;
#else
    return false;
#endif
}

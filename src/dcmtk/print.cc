/* Data sets as text for people and as DICOM JSON. Both work on a copy that is in UTF-8. */

#include "dcmtk/escape.h"
#include "dcmtk/room.h"

#include "dcmtk/dcmdata/dcjson.h"

#include <sstream>

namespace room
{

static std::shared_ptr<Root> utf8_copy(gs_dataset *dataset, bool declare)
{
    std::shared_ptr<Root> root = copy(dataset);
    DcmDataset *whole = root->dataset();
    if (whole->containsExtendedCharacters(OFTrue) || !charset_of(whole).empty())
        make_utf8(*root, declare);
    return root;
}

static void dump(gs_dataset *dataset)
{
    std::shared_ptr<Root> root = utf8_copy(dataset, false);
    std::ostringstream stream;
    DcmObject *element = nullptr;
    while ((element = root->dataset()->nextInContainer(element)) != nullptr)
        element->print(stream, DCMTypes::PF_shortenLongTagValues, 1);
    dataset->text = escaped(stream.str(), "\n");
}

static void json(gs_dataset *dataset)
{
    std::shared_ptr<Root> root = utf8_copy(dataset, true);
    std::ostringstream stream;
    DcmJsonFormatCompact format(OFFalse);
    OFCondition condition = root->dataset()->writeJsonExt(stream, format, OFTrue, OFFalse);
    if (condition.bad())
        fail_with("dataset-value", "DICOM JSON", condition);
    dataset->text = escaped_json(stream.str());
}

} // namespace room

using namespace room;

static int give(gs_dataset *dataset, const char **text, size_t *size)
{
    *text = dataset->text.c_str();
    *size = dataset->text.size();
    return 0;
}

int gs_dataset_dump(gs_dataset *dataset, const char **text, size_t *size, gs_error *error)
{
    return guarded(error, -1, [&] {
        dump(dataset);
        return give(dataset, text, size);
    });
}

int gs_dataset_json(gs_dataset *dataset, const char **text, size_t *size, gs_error *error)
{
    return guarded(error, -1, [&] {
        json(dataset);
        return give(dataset, text, size);
    });
}

/* Values out of elements. */

#include "dcmtk/room.h"

#include <charconv>
#include <cstring>

namespace room
{

DcmEVR actual_vr(DcmElement *element)
{
    DcmEVR vr = element->ident(); /* for a choice as "US or SS" the class tells which it became */
    if (vr == EVR_UNKNOWN || vr == EVR_PixelData || vr > EVR_UV)
        vr = element->getTag().getVR().getValidEVR();
    return DcmVR(vr).getValidEVR();
}

static void put_vr(char to[3], DcmEVR vr)
{
    snprintf(to, 3, "%.2s", DcmVR(vr).getValidVRName());
}

DcmSequenceOfItems *as_sequence(DcmElement *element)
{
    return dynamic_cast<DcmSequenceOfItems *>(element);
}

size_t count_values(std::string_view utf8, DcmEVR vr)
{
    if (utf8.empty())
        return 0;
    if (vr == EVR_LT || vr == EVR_ST || vr == EVR_UT || vr == EVR_UR)
        return 1;
    size_t count = 1;
    for (char c : utf8)
        count += c == '\\';
    return count;
}

std::string_view raw_text(DcmElement *element)
{
    char *bytes = nullptr;
    Uint32 size = 0;
    OFCondition condition = element->getString(bytes, size);
    if (condition.bad())
        fail_with("dataset-value", tag_text(element->getTag()), condition);
    return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}

bool is_bytes(DcmEVR vr)
{
    return vr == EVR_OB || vr == EVR_OW || vr == EVR_OF || vr == EVR_OD || vr == EVR_OL ||
           vr == EVR_OV || vr == EVR_UN;
}

/* The value as it stands in memory; the machine is little endian, or the words are swapped by it.
 */
template <class Word>
static OFCondition words(DcmElement *element, OFCondition (DcmElement::*get)(Word *&),
                         const char *&bytes)
{
    Word *value = nullptr;
    OFCondition condition = (element->*get)(value);
    bytes = reinterpret_cast<const char *>(value);
    return condition;
}

static void get_bytes(DcmElement *element, DcmEVR vr, gs_value *value)
{
    const char *bytes = nullptr;
    OFCondition condition;
    switch (vr) {
    case EVR_OW:
        condition = words(element, &DcmElement::getUint16Array, bytes);
        break;
    case EVR_OF:
        condition = words(element, &DcmElement::getFloat32Array, bytes);
        break;
    case EVR_OD:
        condition = words(element, &DcmElement::getFloat64Array, bytes);
        break;
    case EVR_OL:
        condition = words(element, &DcmElement::getUint32Array, bytes);
        break;
    case EVR_OV:
        condition = words(element, &DcmElement::getUint64Array, bytes);
        break;
    default:
        condition = words(element, &DcmElement::getUint8Array, bytes);
    }
    if (condition.bad())
        fail("dataset-value", "%s has no plain bytes (compressed pixel data has none): %s",
             tag_text(element->getTag()).c_str(), condition.text());
    value->kind = GS_VALUE_BYTES;
    value->text = bytes == nullptr ? "" : bytes;
    value->size = bytes == nullptr ? 0 : element->getLength();
    value->count = value->size > 0;
}

static void put_number(gs_value *value, double number)
{
    value->kind = GS_VALUE_REAL;
    value->real = number;
}

/* The largest 64-bit numbers do not fit: nearly right is better than negative. */
static void put_number(gs_value *value, Uint64 number)
{
    if (number > INT64_MAX)
        return put_number(value, static_cast<double>(number));
    value->kind = GS_VALUE_INTEGER;
    value->integer = static_cast<int64_t>(number);
}

static void put_number(gs_value *value, Sint64 number)
{
    value->kind = GS_VALUE_INTEGER;
    value->integer = number;
}

template <class Number> static void append_number(std::string &text, Number number)
{
    char digits[32];
    auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    text.append(digits, end);
}

/* One value as a number, several as text. `Wide` is the type of the border. */
template <class Wide, class Number>
static void get_numbers(gs_dataset *dataset, DcmElement *element,
                        OFCondition (DcmElement::*get)(Number &, unsigned long), gs_value *value)
{
    unsigned long count = element->getNumberOfValues();
    value->kind = GS_VALUE_TEXT;
    value->count = count;
    for (unsigned long i = 0; i < count; i++) {
        Number number{};
        OFCondition condition = (element->*get)(number, i);
        if (condition.bad())
            fail_with("dataset-value", tag_text(element->getTag()), condition);
        if (count == 1)
            return put_number(value, static_cast<Wide>(number));
        if (i > 0)
            dataset->text += '\\';
        append_number(dataset->text, number);
    }
    value->text = dataset->text.c_str();
    value->size = dataset->text.size();
}

static void get_text(gs_dataset *dataset, DcmItem *item, DcmElement *element, DcmEVR vr,
                     gs_value *value)
{
    if (vr == EVR_AT) {
        OFString tags;
        OFCondition condition = element->getOFStringArray(tags);
        if (condition.bad())
            fail_with("dataset-value", tag_text(element->getTag()), condition);
        dataset->text.assign(tags.data(), tags.size());
    } else {
        std::string terms = is_text(vr) ? charset_of(item) : std::string();
        dataset->text = to_utf8(*dataset->root, element, terms, &value->invalid);
    }
    value->kind = GS_VALUE_TEXT;
    value->text = dataset->text.c_str();
    value->size = dataset->text.size();
    value->count = count_values(dataset->text, vr);
}

static void get_element(gs_dataset *dataset, DcmItem *item, DcmElement *element, gs_value *value)
{
    DcmEVR vr = actual_vr(element);
    put_vr(value->vr, vr);
    if (DcmSequenceOfItems *sequence = as_sequence(element)) {
        value->kind = GS_VALUE_SEQUENCE;
        value->count = sequence->card();
        return;
    }
    switch (vr) {
    case EVR_US:
        return get_numbers<Sint64>(dataset, element, &DcmElement::getUint16, value);
    case EVR_SS:
        return get_numbers<Sint64>(dataset, element, &DcmElement::getSint16, value);
    case EVR_UL:
        return get_numbers<Sint64>(dataset, element, &DcmElement::getUint32, value);
    case EVR_SL:
        return get_numbers<Sint64>(dataset, element, &DcmElement::getSint32, value);
    case EVR_UV:
        return get_numbers<Uint64>(dataset, element, &DcmElement::getUint64, value);
    case EVR_SV:
        return get_numbers<Sint64>(dataset, element, &DcmElement::getSint64, value);
    case EVR_FL:
        return get_numbers<double>(dataset, element, &DcmElement::getFloat32, value);
    case EVR_FD:
        return get_numbers<double>(dataset, element, &DcmElement::getFloat64, value);
    default:
        if (is_bytes(vr))
            return get_bytes(element, vr, value);
        return get_text(dataset, item, element, vr, value);
    }
}

static void get(gs_dataset *dataset, const char *path, gs_value *value)
{
    item_of(dataset);
    *value = gs_value{};
    value->text = "";
    Target target = find(dataset, parse_path(path));
    DcmElement *element = target.element();
    if (element == nullptr)
        return;
    if (target.index == NO_ITEM)
        return get_element(dataset, target.item, element, value);
    value->kind = target.entry() == nullptr ? GS_VALUE_ABSENT : GS_VALUE_ITEM;
}

static size_t count_of(gs_dataset *dataset, DcmItem *item, DcmElement *element, DcmEVR vr)
{
    if (DcmSequenceOfItems *sequence = as_sequence(element))
        return sequence->card();
    if (is_bytes(vr))
        return element->getLengthField() > 0;
    if (!is_text(vr))
        return element->getNumberOfValues();
    bool invalid = false;
    return count_values(to_utf8(*dataset->root, element, charset_of(item), &invalid), vr);
}

static gs_element describe(gs_dataset *dataset, DcmItem *item, DcmElement *element)
{
    gs_element description{};
    DcmEVR vr = actual_vr(element);
    const DcmTag &tag = element->getTag();
    if (query_key(tag) == nullptr)
        need_dictionary();
    description.tag = {tag.getGroup(), tag.getElement()};
    description.keyword = gs_tag_to_keyword(description.tag);
    description.count = count_of(dataset, item, element, vr);
    description.length = element->getLengthField();
    put_vr(description.vr, vr);
    return description;
}

} // namespace room

using namespace room;

int gs_dataset_get(gs_dataset *dataset, const char *path, gs_value *value, gs_error *error)
{
    return guarded(error, -1, [&] {
        get(dataset, path, value);
        return 0;
    });
}

int gs_dataset_has(gs_dataset *dataset, const char *path, gs_error *error)
{
    return guarded(error, -1, [&] {
        item_of(dataset);
        Target target = find(dataset, parse_path(path));
        return static_cast<int>(target.index == NO_ITEM ? target.element() != nullptr
                                                        : target.entry() != nullptr);
    });
}

int gs_dataset_elements(gs_dataset *dataset, const gs_element **elements, size_t *count,
                        gs_error *error)
{
    return guarded(error, -1, [&] {
        DcmItem *item = item_of(dataset);
        DcmObject *object = nullptr;
        while ((object = item->nextInContainer(object)) != nullptr)
            if (auto *element = dynamic_cast<DcmElement *>(object))
                dataset->elements.push_back(describe(dataset, item, element));
        *elements = dataset->elements.data();
        *count = dataset->elements.size();
        return 0;
    });
}

/* Values into elements. */

#include "dcmtk/room.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace room
{

/* What a number of a VR can be. */
struct Range {
    DcmEVR vr;
    bool whole;
    double least, most;
};

static const Range RANGES[] = {
    {EVR_US, true, 0, 65535},
    {EVR_SS, true, -32768, 32767},
    {EVR_UL, true, 0, 4294967295.0},
    {EVR_SL, true, -2147483648.0, 2147483647.0},
    {EVR_UV, true, 0, 18446744073709551615.0},
    {EVR_SV, true, -9223372036854775808.0, 9223372036854775807.0},
    {EVR_FL, false, -INFINITY, INFINITY},
    {EVR_FD, false, -INFINITY, INFINITY},
};

static const Range *range_of(DcmEVR vr)
{
    for (const Range &range : RANGES)
        if (range.vr == vr)
            return &range;
    return nullptr;
}

/* Decimal String has 16 characters (PS3.5 table 6.2-1): as many digits as fit. */
static std::string decimal(double number)
{
    char digits[40];
    int precision = 17;
    auto shortest = std::to_chars(digits, digits + sizeof digits, number);
    if (shortest.ptr - digits <= 16)
        return std::string(digits, shortest.ptr);
    do
        snprintf(digits, sizeof digits, "%.*g", precision--, number);
    while (strlen(digits) > 16);
    return digits;
}

template <class Number> static std::string shortest(Number number)
{
    char digits[40];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/* Of Integer String only numbers are checked: as text a query may ask for anything. */
static void check_integer_string(double number, const DcmTagKey &key)
{
    if (number != std::floor(number) || std::fabs(number) > 2147483647.0)
        fail("bad-value", "%s: %g is no value of VR IS", tag_text(key).c_str(), number);
}

static std::string number_text(const gs_value &value, DcmEVR vr, const DcmTagKey &key)
{
    bool integer = value.kind == GS_VALUE_INTEGER;
    double number = integer ? static_cast<double>(value.integer) : value.real;
    if (!std::isfinite(number))
        fail("bad-value", "%s cannot be infinite or no number", tag_text(key).c_str());
    if (vr == EVR_IS)
        check_integer_string(number, key);
    if (integer)
        return shortest(value.integer);
    if (number == std::floor(number) && std::fabs(number) < 9e15)
        return shortest(static_cast<int64_t>(number));
    return vr == EVR_DS ? decimal(number) : shortest(number);
}

/* All values as one text, separated by backslashes. */
static std::string join(const gs_value *values, size_t count, DcmEVR vr, const DcmTagKey &key)
{
    std::string text;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text += '\\';
        if (values[i].kind == GS_VALUE_TEXT || values[i].kind == GS_VALUE_BYTES)
            text.append(values[i].text, values[i].size);
        else
            text += number_text(values[i], vr, key);
    }
    return text;
}

template <class Visit> static void each_value(std::string_view text, Visit visit)
{
    for (size_t start = 0; start <= text.size();) {
        size_t end = std::min(text.find('\\', start), text.size());
        visit(text.substr(start, end - start));
        start = end + 1;
    }
}

static bool parses(std::string_view text, bool whole, double &number)
{
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    if (text.size() > 1 && text[0] == '+')
        text.remove_prefix(1);
    if (whole) {
        bool negative = !text.empty() && text[0] == '-';
        std::string_view digits = text.substr(negative);
        if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
            return false;
    }
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    return problem == std::errc() && end == text.data() + text.size();
}

/* DCMTK would take the first digits of anything, modulo the width of the VR. */
static void check_numbers(std::string_view text, const Range &range, const DcmTagKey &key)
{
    if (text.empty())
        return;
    each_value(text, [&](std::string_view one) {
        double number;
        if (!parses(one, range.whole, number) || number < range.least || number > range.most)
            fail("bad-value", "%s: '%.*s' is no value of VR %s", tag_text(key).c_str(),
                 static_cast<int>(std::min<size_t>(one.size(), 64)), one.data(),
                 DcmVR(range.vr).getValidVRName());
    });
}

static void check_text(std::string_view text, DcmEVR vr, const DcmTagKey &key)
{
    size_t step;
    for (size_t i = 0; i < text.size(); i += step) {
        unsigned long code_point;
        step = gs_utf8_next(text.data() + i, text.size() - i, &code_point);
        if (step == 0)
            fail("bad-value", "%s: the text is not valid UTF-8", tag_text(key).c_str());
        if (code_point > 0x7f && !is_text(vr))
            fail("bad-value", "%s: VR %s holds ASCII only", tag_text(key).c_str(),
                 DcmVR(vr).getValidVRName());
    }
}

static size_t word_size(DcmEVR vr)
{
    switch (vr) {
    case EVR_OW:
        return 2;
    case EVR_OF:
    case EVR_OL:
        return 4;
    case EVR_OD:
    case EVR_OV:
        return 8;
    default:
        return 1;
    }
}

/* Bytes in little endian into OB, OW, ... UN. */
static void put_words(DcmElement *element, std::string_view bytes)
{
    DcmEVR vr = actual_vr(element);
    size_t size = word_size(vr);
    if (bytes.size() % size != 0)
        fail("bad-value", "%s: %zu bytes are no whole words of %zu",
             tag_text(element->getTag()).c_str(), bytes.size(), size);
    std::vector<Uint64> aligned(bytes.size() / sizeof(Uint64) + 1);
    if (!bytes.empty())
        memcpy(aligned.data(), bytes.data(), bytes.size());
    unsigned long count = bytes.size() / size;
    OFCondition condition;
    if (vr == EVR_OW)
        condition = element->putUint16Array(reinterpret_cast<Uint16 *>(aligned.data()), count);
    else if (vr == EVR_OF)
        condition = element->putFloat32Array(reinterpret_cast<Float32 *>(aligned.data()), count);
    else if (vr == EVR_OL)
        condition = element->putUint32Array(reinterpret_cast<Uint32 *>(aligned.data()), count);
    else if (vr == EVR_OD)
        condition = element->putFloat64Array(reinterpret_cast<Float64 *>(aligned.data()), count);
    else if (auto *very_long = dynamic_cast<DcmOther64bitVeryLong *>(element))
        condition = very_long->putUint64Array(aligned.data(), count);
    else
        condition = element->putUint8Array(reinterpret_cast<Uint8 *>(aligned.data()), count);
    if (condition.bad())
        fail_with("bad-value", tag_text(element->getTag()), condition);
}

void put_bytes(DcmElement *element, std::string_view bytes)
{
    if (bytes.size() > 0xfffffffe)
        fail("bad-value", "%s: longer than an element can be", tag_text(element->getTag()).c_str());
    OFCondition condition = element->putString(bytes.data(), static_cast<Uint32>(bytes.size()));
    if (condition.bad())
        fail_with("bad-value", tag_text(element->getTag()), condition);
}

/* The text in the character set of its item; where that is too small the data set becomes ISO_IR
 * 192. */
static std::string encode(Root &root, DcmItem *item, DcmEVR vr, const std::string &text)
{
    std::string bytes;
    if (!is_text(vr) || from_utf8(root, vr, text, charset_of(item), bytes))
        return is_text(vr) ? bytes : text;
    make_utf8(root);
    return text;
}

static void replace(const Target &target, Root &root, std::unique_ptr<DcmElement> made)
{
    /* explicit VR has 16 bits for the length of most (PS3.5 7.1.2) */
    bool wide = DcmVR(actual_vr(made.get())).usesExtendedLengthEncoding();
    if (!wide && made->getLength() > 65534)
        fail("bad-value", "%s: longer than the 65534 bytes that its VR can have",
             tag_text(target.tag).c_str());
    if (DcmElement *old = target.element())
        root.expire_below(old);
    OFCondition condition = target.item->insert(made.get(), OFTrue);
    if (condition.bad())
        fail_with("bad-value", tag_text(target.tag), condition);
    made.release();
    root.touch(target.top);
}

static std::unique_ptr<DcmElement> new_element(const DcmTag &tag)
{
    DcmElement *made = nullptr;
    OFCondition condition = DcmItem::newDicomElementWithVR(made, tag);
    if (condition.bad() || made == nullptr)
        fail_with("bad-value", tag_text(tag), condition);
    return std::unique_ptr<DcmElement>(made);
}

static void check_value(std::string_view text, DcmEVR vr, const DcmTagKey &key)
{
    if (vr == EVR_SQ && !text.empty())
        fail("bad-value", "%s is a sequence and takes items, not '%.*s'", tag_text(key).c_str(),
             static_cast<int>(std::min<size_t>(text.size(), 64)), text.data());
    if (is_bytes(vr) || vr == EVR_SQ)
        return;
    check_text(text, vr, key);
    if (const Range *range = range_of(vr))
        check_numbers(text, *range, key);
}

/* A path to an item creates it, and takes no value. */
static void set_item(gs_dataset *dataset, const char *path, const std::vector<Step> &steps,
                     const gs_value *values, size_t count)
{
    DcmTag tag = check_creatable(dataset, steps);
    if (!join(values, count, EVR_SQ, tag).empty())
        fail("bad-value", "'%s' is an item and takes no value", path);
    Target target = create(dataset, steps);
    dataset->root->touch(target.top);
    DcmItem *item = nullptr;
    OFCondition condition = target.item->findOrCreateSequenceItem(tag, item, target.index);
    if (condition.bad())
        fail_with("bad-path", tag_text(tag), condition);
}

static void set(gs_dataset *dataset, const char *path, const gs_value *values, size_t count)
{
    item_of(dataset);
    Root &root = *dataset->root;
    std::vector<Step> steps = parse_path(path);
    if (steps.back().item != NO_ITEM)
        return set_item(dataset, path, steps, values, count);
    DcmTag tag = check_creatable(dataset, steps);
    std::unique_ptr<DcmElement> made = new_element(tag);
    DcmEVR vr = actual_vr(made.get());
    std::string text = join(values, count, vr, tag);
    check_value(text, vr, tag);
    Target target = create(dataset, steps);
    if (vr == EVR_SQ)
        return replace(target, root, std::move(made));
    if (is_bytes(vr)) {
        put_words(made.get(), text);
        return replace(target, root, std::move(made));
    }
    if (tag == DCM_SpecificCharacterSet)
        convert(root, target.item, charset_of(target.item), text);
    put_bytes(made.get(), encode(root, target.item, vr, text));
    replace(target, root, std::move(made));
}

/* 1: removed; 0: there was none. */
static int remove(gs_dataset *dataset, const char *path)
{
    item_of(dataset);
    Root &root = *dataset->root;
    Target target = find(dataset, parse_path(path));
    DcmElement *element = target.element();
    DcmItem *entry = target.entry();
    if (element == nullptr || (target.index != NO_ITEM && entry == nullptr))
        return 0;
    root.touch(target.top);
    if (entry != nullptr) {
        root.expire_below(entry);
        delete as_sequence(element)->remove(entry);
        return 1;
    }
    if (target.tag == DCM_SpecificCharacterSet)
        convert(root, target.item, charset_of(target.item),
                charset_of(target.item->getParentItem()));
    root.expire_below(element);
    delete target.item->remove(element);
    return 1;
}

} // namespace room

using namespace room;

int gs_dataset_set(gs_dataset *dataset, const char *path, const gs_value *values, size_t count,
                   gs_error *error)
{
    return guarded(error, -1, [&] {
        set(dataset, path, values, count);
        return 0;
    });
}

int gs_dataset_remove(gs_dataset *dataset, const char *path, gs_error *error)
{
    return guarded(error, -1, [&] { return remove(dataset, path); });
}

/* Character sets of data sets and their items: text/ converts, here is what belongs to what. */

#include "dcmtk/room.h"

#include <utility>

namespace room
{

static const char UTF8_TERM[] = "ISO_IR 192";

bool is_text(DcmEVR vr)
{
    return vr == EVR_LO || vr == EVR_LT || vr == EVR_PN || vr == EVR_SH || vr == EVR_ST ||
           vr == EVR_UC || vr == EVR_UT;
}

static gs_text_kind kind_of(DcmEVR vr)
{
    if (vr == EVR_PN)
        return GS_TEXT_NAME;
    return vr == EVR_LT || vr == EVR_ST || vr == EVR_UT ? GS_TEXT_PLAIN : GS_TEXT_VALUES;
}

/* False: the item has no Specific Character Set of its own, or one that is no text. */
static bool own_charset(DcmItem *item, std::string &terms)
{
    DcmElement *element = nullptr;
    if (item->findAndGetElement(DCM_SpecificCharacterSet, element).bad() || !element->isaString())
        return false;
    terms = raw_text(element);
    return true;
}

std::string charset_of(DcmItem *item)
{
    std::string terms;
    while (item != nullptr && !own_charset(item, terms))
        item = item->getParentItem();
    return terms;
}

namespace
{
/* Frees what text/ allocated. */
struct Buffer : gs_text_buffer {
    Buffer() : gs_text_buffer{}
    {
    }
    ~Buffer()
    {
        gs_text_buffer_free(this);
    }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
};
} // namespace

/* Padding, and in the VRs where PS3.5 table 6.2-1 gives it no meaning leading space. */
static void strip(std::string &text, DcmEVR vr)
{
    bool single = vr == EVR_LT || vr == EVR_ST || vr == EVR_UT || vr == EVR_UR;
    bool leading = vr == EVR_AE || vr == EVR_CS || vr == EVR_DS || vr == EVR_IS || vr == EVR_LO ||
                   vr == EVR_SH;
    std::string stripped;
    for (size_t start = 0;;) {
        size_t end = single ? text.size() : std::min(text.find('\\', start), text.size());
        size_t from = start, to = end;
        while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\0'))
            to--;
        while (leading && from < to && text[from] == ' ')
            from++;
        stripped.append(text, from, to - from);
        if (end == text.size())
            break;
        stripped += '\\';
        start = end + 1;
    }
    text.swap(stripped);
}

std::string to_utf8(Root &root, DcmElement *element, const std::string &terms, bool *invalid)
{
    DcmEVR vr = actual_vr(element);
    std::string_view bytes = raw_text(element);
    Buffer utf8;
    gs_text *text = root.charset(is_text(vr) ? terms : std::string());
    if (gs_text_decode(text, kind_of(vr), bytes.data(), bytes.size(), &utf8, invalid) != 0)
        throw std::bad_alloc();
    std::string result(utf8.data == nullptr ? "" : utf8.data, utf8.size);
    strip(result, vr);
    return result;
}

bool from_utf8(Root &root, DcmEVR vr, std::string_view utf8, const std::string &terms,
               std::string &bytes)
{
    Buffer encoded;
    gs_text *text = root.charset(is_text(vr) ? terms : std::string());
    int outcome = gs_text_encode(text, kind_of(vr), utf8.data(), utf8.size(), &encoded);
    if (outcome < 0)
        throw std::bad_alloc();
    if (outcome == 0)
        bytes.assign(encoded.data == nullptr ? "" : encoded.data, encoded.size);
    return outcome == 0;
}

namespace
{
/* New texts are collected first, so that a conversion is done as a whole or not at all. */
struct Change {
    DcmElement *element;
    std::string bytes;
};

struct Conversion {
    Root &root;
    std::string after;
    bool everything; /* also items with a character set of their own, also what is invalid */
    std::vector<Change> changes;
    std::vector<DcmItem *> declared; /* items whose own character set goes */

    void visit_item(DcmItem *item, const std::string &before);
    void visit_text(DcmElement *element, const std::string &before);
    void apply();
};
} // namespace

void Conversion::visit_text(DcmElement *element, const std::string &before)
{
    bool invalid = false;
    std::string utf8 = to_utf8(root, element, before, &invalid);
    if (invalid && !everything)
        return;
    std::string bytes;
    if (!from_utf8(root, actual_vr(element), utf8, after, bytes))
        fail("charset", "%s cannot be written in the character set '%s'",
             tag_text(element->getTag()).c_str(), after.c_str());
    if (bytes != raw_text(element))
        changes.push_back({element, std::move(bytes)});
}

void Conversion::visit_item(DcmItem *item, const std::string &before)
{
    DcmObject *object = nullptr;
    while ((object = item->nextInContainer(object)) != nullptr) {
        auto *element = dynamic_cast<DcmElement *>(object);
        if (element == nullptr)
            continue;
        if (is_text(actual_vr(element)))
            visit_text(element, before);
        DcmSequenceOfItems *sequence = as_sequence(element);
        DcmObject *entry = nullptr;
        while (sequence != nullptr && (entry = sequence->nextInContainer(entry)) != nullptr) {
            auto *inner = dynamic_cast<DcmItem *>(entry);
            std::string terms = before;
            bool own = inner != nullptr && own_charset(inner, terms);
            if (inner == nullptr || (own && !everything))
                continue;
            if (own)
                declared.push_back(inner);
            visit_item(inner, terms);
        }
    }
}

/* The top-level element that an object lives in. */
static DcmTagKey top_of(DcmObject *object, DcmItem *whole)
{
    while (object->getParent() != nullptr && object->getParent() != whole)
        object = object->getParent();
    return object->getTag();
}

void Conversion::apply()
{
    for (Change &change : changes) {
        root.touch(top_of(change.element, root.dataset()));
        put_bytes(change.element, change.bytes);
    }
    for (DcmItem *item : declared) {
        root.touch(top_of(item, root.dataset()));
        item->findAndDeleteElement(DCM_SpecificCharacterSet);
    }
}

void convert(Root &root, DcmItem *item, const std::string &before, const std::string &after)
{
    Conversion conversion{root, after, false, {}, {}};
    conversion.visit_item(item, before);
    conversion.apply();
}

void make_utf8(Root &root, bool declare)
{
    DcmDataset *whole = root.dataset();
    Conversion conversion{root, UTF8_TERM, true, {}, {}};
    conversion.visit_item(whole, charset_of(whole));
    if (!declare)
        conversion.declared.clear();
    conversion.apply();
    if (!declare)
        return;
    root.touch(DCM_SpecificCharacterSet);
    OFCondition condition = whole->putAndInsertString(DCM_SpecificCharacterSet, UTF8_TERM);
    if (condition.bad())
        fail_with("bad-value", "Specific Character Set", condition);
}

} // namespace room

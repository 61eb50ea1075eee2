/* Paths: "Sequence[0].(0010,0010)" to the item and the tag that it names. */

#include "dcmtk/room.h"

#include "dcmtk/dcmdata/dcpath.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>

namespace room
{

/* Items that a path may count to: creating item n creates those before it. */
constexpr long ITEM_MAX = 9999;

std::string tag_text(const DcmTagKey &key)
{
    char text[16];
    snprintf(text, sizeof text, "(%04x,%04x)", key.getGroup(), key.getElement());
    return text;
}

void need_dictionary()
{
    if (!dcmDataDict.isDictionaryLoaded())
        fail("no-dictionary", "DCMTK's data dictionary was not found; set the environment variable "
                              "DCMDICTPATH to the path of dicom.dic");
}

/* Four hexadecimal digits. */
static bool read_hex(const char *text, Uint16 &number)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit(static_cast<unsigned char>(text[i])))
            return false;
        char digit = static_cast<char>(tolower(text[i]));
        value = value * 16 + static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    number = static_cast<Uint16>(value);
    return true;
}

/* "gggg,eeee", at the start of `text`. */
static bool read_tag(const char *text, DcmTagKey &key)
{
    Uint16 group, element;
    if (!read_hex(text, group) || text[4] != ',' || !read_hex(text + 5, element))
        return false;
    key.set(group, element);
    return true;
}

/* The tag with its VR. */
static DcmTag described(const DcmTagKey &key)
{
    if (const QueryKey *known = query_key(key))
        return DcmTag(key, DcmVR(known->vr));
    need_dictionary();
    return DcmTag(key);
}

/* A tag or keyword; `at` moves behind it. */
static DcmTag parse_attribute(const char *path, const char *&at)
{
    DcmTagKey key;
    bool parenthesis = *at == '(';
    if (read_tag(at + parenthesis, key) && (!parenthesis || at[10] == ')')) {
        at += parenthesis ? 11 : 9;
        return described(key);
    }
    const char *start = at;
    while (isalnum(static_cast<unsigned char>(*at)) || *at == '_')
        at++;
    if (at == start)
        fail("bad-path", "'%s': a tag as (0010,0010) or a keyword is wanted at '%s'", path, start);
    gs_tag tag;
    gs_error error;
    if (gs_keyword_to_tag(std::string(start, at).c_str(), &tag, &error) != 0)
        throw Failure{error};
    return described(DcmTagKey(tag.group, tag.element));
}

/* "[3]", if there is one; `at` moves behind it. */
static long parse_item(const char *path, const char *&at)
{
    if (*at != '[')
        return NO_ITEM;
    const char *start = at++;
    long number = 0;
    while (isdigit(static_cast<unsigned char>(*at)) && number <= ITEM_MAX)
        number = number * 10 + (*at++ - '0');
    if (at == start + 1 || *at != ']' || number > ITEM_MAX)
        fail("bad-path", "'%s': an item number from 0 to %ld is wanted at '%s'", path, ITEM_MAX,
             start);
    at++;
    return number;
}

std::vector<Step> parse_path(const char *path)
{
    std::vector<Step> steps;
    const char *at = path;
    for (;;) {
        DcmTag tag = parse_attribute(path, at);
        steps.push_back({tag, parse_item(path, at)});
        if (*at == '\0')
            return steps;
        if (*at != '.' || steps.back().item == NO_ITEM)
            fail("bad-path", "'%s': %s at '%s'", path,
                 *at == '.' ? "a sequence needs an item number, as [0]," : "unexpected text", at);
        if (steps.size() > GS_DATASET_DEPTH_MAX)
            fail("bad-path", "'%s' nests deeper than %d sequences", path, GS_DATASET_DEPTH_MAX);
        at++;
    }
}

DcmElement *Target::element() const
{
    DcmElement *element = nullptr;
    if (item == nullptr || item->findAndGetElement(tag, element).bad())
        return nullptr;
    return element;
}

DcmItem *Target::entry() const
{
    DcmElement *found = element();
    DcmSequenceOfItems *sequence = found == nullptr ? nullptr : as_sequence(found);
    if (sequence == nullptr || index == NO_ITEM ||
        static_cast<unsigned long>(index) >= sequence->card())
        return nullptr;
    return sequence->getItem(static_cast<unsigned long>(index));
}

/* The top-level element that is concerned; it must have arrived. */
static DcmTagKey top_of(gs_dataset *dataset, const std::vector<Step> &path)
{
    DcmTagKey top = dataset->depth == 0 ? DcmTagKey(path.front().tag) : dataset->top;
    const DcmTagKey &bound = dataset->root->bound;
    if (bound != DCM_UndefinedTagKey && !(top < bound))
        fail("incomplete", "%s has not arrived yet: only what stands before %s is here",
             tag_text(top).c_str(), tag_text(bound).c_str());
    return top;
}

Target find(gs_dataset *dataset, const std::vector<Step> &path)
{
    Target target;
    target.top = top_of(dataset, path);
    target.item = dataset->item;
    target.depth = dataset->depth;
    for (size_t i = 0; i < path.size(); i++) {
        if (i > 0) {
            target.item = target.entry();
            target.depth++;
        }
        target.tag = path[i].tag;
        target.index = path[i].item;
    }
    return target;
}

static bool is_private(const DcmTagKey &key)
{
    return (key.getGroup() & 1) != 0;
}

/* Whether pixels are signed decides what "US or SS" is (PS3.5 annex A.1). */
static bool has_signed_pixels(DcmItem *item)
{
    Uint16 representation = 0;
    while (item != nullptr && item->findAndGetUint16(DCM_PixelRepresentation, representation).bad())
        item = item->getParentItem();
    return representation == 1;
}

/* Gives a tag the VR that it has in this item, or would have. */
static void complete_tag(DcmItem *item, DcmTag &tag)
{
    DcmElement *element = nullptr;
    if (item != nullptr && item->findAndGetElement(tag, element).good()) {
        tag = element->getTag();
        return;
    }
    if (tag.getEVR() == EVR_xs)
        tag.setVR(has_signed_pixels(item) ? EVR_SS : EVR_US);
    bool reservation = tag.getElement() >= 0x10 && tag.getElement() <= 0xff;
    if (!is_private(tag) || reservation)
        return;
    OFString creator;
    if (item == nullptr || DcmPathProcessor::getPrivateCreator(item, tag, creator).bad())
        fail("bad-path", "%s is private, and its creator (%04x,00%02x) is missing",
             tag_text(tag).c_str(), tag.getGroup(), tag.getElement() >> 8);
    tag.setPrivateCreator(creator.c_str());
    tag.lookupVRinDictionary();
}

DcmTag check_creatable(gs_dataset *dataset, const std::vector<Step> &path)
{
    if (dataset->depth + path.size() > GS_DATASET_DEPTH_MAX + 1)
        fail("bad-path", "deeper than %d nested sequences", GS_DATASET_DEPTH_MAX);
    Target target = find(dataset, {path.front()});
    for (size_t i = 0; i < path.size(); i++) {
        DcmTag tag = path[i].tag;
        complete_tag(target.item, tag);
        Uint16 group = tag.getGroup();
        bool elsewhere = group == 0 || group == 2; /* command set, file meta information */
        if (elsewhere || group == 1 || group == 3 || group >= 0xfffe)
            fail("bad-path", "%s does not belong into a data set", tag_text(tag).c_str());
        if (path[i].item != NO_ITEM && tag.getEVR() != EVR_SQ)
            fail("bad-path", "%s is no sequence", tag_text(tag).c_str());
        target.tag = tag;
        target.index = path[i].item;
        if (i + 1 < path.size())
            target.item = target.entry();
    }
    return target.tag;
}

Target create(gs_dataset *dataset, const std::vector<Step> &path)
{
    check_creatable(dataset, path);
    Target target = find(dataset, {path.front()});
    for (size_t i = 0;; i++) {
        target.tag = path[i].tag;
        target.index = path[i].item;
        complete_tag(target.item, target.tag);
        if (i + 1 == path.size())
            return target;
        dataset->root->touch(target.top);
        DcmItem *inner = nullptr;
        OFCondition condition =
            target.item->findOrCreateSequenceItem(target.tag, inner, target.index);
        if (condition.bad())
            fail_with("bad-path", tag_text(target.tag), condition);
        target.item = inner;
        target.depth++;
    }
}

} // namespace room

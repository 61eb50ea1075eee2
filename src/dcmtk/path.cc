/* Paths: "Sequence[0].(0010,0010)" to the item and the tag that it names. */

#include "dcmtk/room.h"

#include "dcmtk/dcmdata/dcpath.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace room
{

constexpr long ITEM_MAX = 99999999; /* items that a path may count to */
/* The same where it is created: creating item n creates those before it. */
constexpr long NEW_ITEM_MAX = 9999;

std::string tag_text(const DcmTagKey &key)
{
    char text[16];
    snprintf(text, sizeof text, "(%04x,%04x)", key.getGroup(), key.getElement());
    return text;
}

/* What reads the dictionary does not look whether malloc(3) had memory for it. It takes less. */
constexpr size_t DICTIONARY_MEMORY = 16 << 20;

static bool has_memory()
{
    ::operator delete(::operator new(DICTIONARY_MEMORY)); /* a new-expression might be left out */
    return true;
}

void need_dictionary()
{
    static const bool seen = has_memory(); /* or it throws, and is asked again the next time */
    (void)seen;
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

/* Two hexadecimal digits. */
static bool read_byte(const char *text, Uint16 &number)
{
    std::string padded = std::string("00") + std::string(text, strnlen(text, 2));
    return padded.size() == 4 && read_hex(padded.c_str(), number);
}

/* gggg,"CREATOR",ee (PS3.5 7.8.1), perhaps in parentheses; false: it is something else. */
static bool parse_private(const char *path, const char *&at, Step &step)
{
    bool parenthesis = *at == '(';
    const char *start = at + parenthesis;
    Uint16 group, element;
    if (!read_hex(start, group) || strncmp(start + 4, ",\"", 2) != 0)
        return false;
    const char *name = start + 6;
    const char *end = strchr(name, '"');
    if (end == nullptr || end == name || end - name > 64 || end[1] != ',' ||
        !read_byte(end + 2, element) || (parenthesis && end[4] != ')'))
        fail("bad-path", "'%s': a private element is written as (0019,\"CREATOR\",01)", path);
    if ((group & 1) == 0)
        fail("bad-path", "'%s': group %04x is not private", path, group);
    step.tag = DcmTag(group, element);
    step.creator.assign(name, end);
    at = end + 4 + parenthesis;
    return true;
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
        Step step{{}, NO_ITEM, {}};
        if (!parse_private(path, at, step))
            step.tag = parse_attribute(path, at);
        step.item = parse_item(path, at);
        steps.push_back(std::move(step));
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

/* The element that reserves a block of a private group, if `creator` has it (PS3.5 7.8.1). */
static bool has_block(DcmItem *item, const DcmTagKey &key, const std::string &creator)
{
    OFString found;
    return item->findAndGetOFString(key, found).good() && creator == found.c_str();
}

constexpr Uint16 FIRST_BLOCK = 0x10, LAST_BLOCK = 0xff;
constexpr Uint16 NO_ELEMENT = 0x0001; /* of a private group: no data set has it (PS3.5 7.8) */

static DcmTag private_tag(const Step &step, Uint16 block)
{
    auto element = static_cast<Uint16>(block << 8 | step.tag.getElement());
    DcmTag tag(step.tag.getGroup(), element, step.creator.c_str());
    tag.lookupVRinDictionary();
    return tag;
}

/* The tag of a step in this item; where no block is reserved for its creator, one that is absent.
 */
static DcmTag tag_in(DcmItem *item, const Step &step)
{
    if (step.creator.empty())
        return step.tag;
    Uint16 group = step.tag.getGroup();
    for (Uint16 block = FIRST_BLOCK; item != nullptr && block <= LAST_BLOCK; block++)
        if (has_block(item, DcmTagKey(group, block), step.creator))
            return private_tag(step, block);
    return DcmTag(group, NO_ELEMENT);
}

/* The first block of a private group that nobody has; LAST_BLOCK + 1: all are taken. */
static Uint16 free_block(DcmItem *item, Uint16 group)
{
    Uint16 block = FIRST_BLOCK;
    while (item != nullptr && block <= LAST_BLOCK && item->tagExists(DcmTagKey(group, block)))
        block++;
    return block;
}

/* The same, with a block that is reserved now where none was. */
static DcmTag reserved_tag(Root &root, const Target &target, const Step &step)
{
    DcmTag tag = tag_in(target.item, step);
    if (step.creator.empty() || tag.getElement() != NO_ELEMENT)
        return tag;
    Uint16 block = free_block(target.item, step.tag.getGroup());
    DcmTag reservation(step.tag.getGroup(), block);
    reservation.setVR(DcmVR(EVR_LO));
    OFCondition condition =
        block > LAST_BLOCK ? EC_IllegalCall
                           : target.item->putAndInsertString(reservation, step.creator.c_str());
    if (condition.bad())
        fail_with("bad-path", tag_text(reservation), condition);
    root.touch(target.depth == 0 ? DcmTagKey(reservation) : target.top);
    return private_tag(step, block);
}

/* The top-level element that is concerned; it must have arrived. */
static DcmTagKey top_of(gs_dataset *dataset, const std::vector<Step> &path)
{
    DcmTagKey top =
        dataset->depth == 0 ? DcmTagKey(tag_in(dataset->item, path.front())) : dataset->top;
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
        target.tag = tag_in(target.item, path[i]);
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
        DcmTag tag = tag_in(target.item, path[i]);
        if (path[i].creator.empty())
            complete_tag(target.item, tag);
        else if (tag.getElement() == NO_ELEMENT)
            tag = private_tag(path[i], free_block(target.item, tag.getGroup()));
        Uint16 group = tag.getGroup();
        bool elsewhere = group == 0 || group == 2; /* command set, file meta information */
        if (elsewhere || group == 1 || group == 3 || group >= 0xfffe)
            fail("bad-path", "%s does not belong into a data set", tag_text(tag).c_str());
        if (path[i].item != NO_ITEM && tag.getEVR() != EVR_SQ)
            fail("bad-path", "%s is no sequence", tag_text(tag).c_str());
        target.tag = tag;
        target.index = path[i].item;
        if (path[i].item > NEW_ITEM_MAX && target.entry() == nullptr)
            fail("bad-path", "item %ld of %s cannot be created: at most %ld", path[i].item,
                 tag_text(tag).c_str(), NEW_ITEM_MAX);
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
        target.tag = reserved_tag(*dataset->root, target, path[i]);
        target.index = path[i].item;
        complete_tag(target.item, target.tag);
        if (i == 0 && dataset->depth == 0)
            target.top = target.tag;
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

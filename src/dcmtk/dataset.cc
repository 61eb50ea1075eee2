#include "dcmtk/room.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace room
{

void fail(const char *code, const char *format, ...)
{
    char message[GS_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    Failure failure{};
    gs_error_set(&failure.error, code, "%s", message);
    throw failure;
}

void fail_with(const char *code, const std::string &what, const OFCondition &condition)
{
    if (condition == EC_MemoryExhausted)
        throw std::bad_alloc();
    fail(code, "%s: %s", what.c_str(), condition.text());
}

Root::~Root()
{
    gs_text_close(text);
}

static bool before(const gs_tag &left, const gs_tag &right)
{
    return left.group != right.group ? left.group < right.group : left.element < right.element;
}

void Root::touch(const DcmTagKey &top)
{
    gs_tag tag{top.getGroup(), top.getElement()};
    auto place = std::lower_bound(touched.begin(), touched.end(), tag, before);
    if (place == touched.end() || before(tag, *place))
        touched.insert(place, tag);
}

/* All items at and below an object. Depth is bounded by GS_DATASET_DEPTH_MAX. */
static void collect_items(DcmObject *object, std::vector<const DcmItem *> &items)
{
    if (auto *item = dynamic_cast<DcmItem *>(object))
        items.push_back(item);
    else if (dynamic_cast<DcmSequenceOfItems *>(object) == nullptr)
        return;
    DcmObject *inner = nullptr;
    while ((inner = object->nextInContainer(inner)) != nullptr)
        collect_items(inner, items);
}

void Root::expire_below(DcmObject *gone)
{
    bool nested = false;
    for (gs_dataset *view = views; view != nullptr; view = view->next)
        nested = nested || view->depth > 0;
    if (!nested)
        return;
    std::vector<const DcmItem *> items;
    collect_items(gone, items);
    std::sort(items.begin(), items.end());
    for (gs_dataset *view = views; view != nullptr; view = view->next)
        if (std::binary_search(items.begin(), items.end(), view->item))
            view->item = nullptr;
}

gs_text *Root::charset(const std::string &wanted)
{
    if (text == nullptr || terms != wanted) {
        std::string kept = wanted; /* may be `terms` itself */
        gs_text *opened = gs_text_open(kept.data(), kept.size());
        if (opened == nullptr)
            throw std::bad_alloc();
        gs_text_close(text);
        text = opened;
        terms.swap(kept);
    }
    return text;
}

gs_dataset *new_view(const std::shared_ptr<Root> &root, DcmItem *item, DcmTagKey top,
                     unsigned depth)
{
    auto *view = new gs_dataset{root, item, top, depth, {}, {}, {}, nullptr, root->views};
    if (root->views != nullptr)
        root->views->previous = view;
    root->views = view;
    return view;
}

DcmItem *item_of(gs_dataset *dataset)
{
    if (dataset->item == nullptr || dataset->root->expired)
        fail("dataset-expired", dataset->depth == 0
                                    ? "the data set has expired; clone() keeps it longer"
                                    : "the item has expired: it was removed or replaced");
    std::string().swap(dataset->text); /* may have been large */
    dataset->elements.clear();
    dataset->tags.clear();
    return dataset->item;
}

/* Copies the elements of one item into another that is empty. */
static void copy_elements(DcmItem *from, DcmItem *to)
{
    DcmObject *object = nullptr;
    while ((object = from->nextInContainer(object)) != nullptr) {
        std::unique_ptr<DcmObject> made(object->clone());
        auto *element = dynamic_cast<DcmElement *>(made.get());
        if (element == nullptr)
            continue;
        OFCondition condition = to->insert(element, OFTrue);
        if (condition.bad())
            fail_with("dataset-value", tag_text(element->getTag()), condition);
        made.release();
    }
}

/* What an item inherits has to be said by itself where it is taken out of the whole. */
static void declare_charset(DcmItem *item, const std::string &terms)
{
    if (terms.empty() || item->tagExists(DCM_SpecificCharacterSet))
        return;
    item->putAndInsertString(DCM_SpecificCharacterSet, terms.data(),
                             static_cast<Uint32>(terms.size()));
}

std::shared_ptr<Root> copy(gs_dataset *dataset)
{
    DcmItem *item = item_of(dataset);
    auto root = std::make_shared<Root>();
    if (dataset->depth == 0) {
        root->transfer_syntax = dataset->root->transfer_syntax;
        root->part10 = dataset->root->part10;
        root->bound = dataset->root->bound;
        root->touched = dataset->root->touched;
        root->file = dataset->root->file;
        return root;
    }
    copy_elements(item, root->dataset());
    declare_charset(root->dataset(), charset_of(item));
    return root;
}

static gs_dataset *view_of_whole(const std::shared_ptr<Root> &root)
{
    return new_view(root, root->dataset(), DCM_UndefinedTagKey, 0);
}

/* The sequence that `target` names; it is created where it is missing. */
static DcmSequenceOfItems *sequence_at(const Target &target)
{
    if (target.index != NO_ITEM)
        fail("bad-path", "a sequence is wanted, not its item %ld", target.index);
    if (DcmElement *element = target.element()) {
        if (DcmSequenceOfItems *sequence = as_sequence(element))
            return sequence;
        fail("bad-value", "%s is no sequence", tag_text(target.tag).c_str());
    }
    if (target.tag.getEVR() != EVR_SQ)
        fail("bad-value", "%s is no sequence", tag_text(target.tag).c_str());
    auto made = std::make_unique<DcmSequenceOfItems>(target.tag);
    OFCondition condition = target.item->insert(made.get());
    if (condition.bad())
        fail_with("bad-value", tag_text(target.tag), condition);
    return made.release();
}

/* How many sequences are nested in an item. */
static unsigned height(DcmObject *object)
{
    unsigned highest = 0;
    DcmObject *inner = nullptr;
    while ((inner = object->nextInContainer(inner)) != nullptr)
        if (dynamic_cast<DcmSequenceOfItems *>(inner) != nullptr ||
            dynamic_cast<DcmItem *>(inner) != nullptr)
            highest = std::max(highest, height(inner));
    return highest + (dynamic_cast<DcmItem *>(object) != nullptr ? 1 : 0);
}

/* Brings an item that was copied into the whole to the character set that holds there. */
static void adopt_charset(Root &root, DcmItem *item)
{
    std::string before = charset_of(item);
    std::string after = charset_of(item->getParentItem());
    try {
        convert(root, item, before, after);
    } catch (const Failure &failure) {
        if (strcmp(failure.error.code, "charset") != 0)
            throw;
        make_utf8(root);
    }
    item->findAndDeleteElement(DCM_SpecificCharacterSet);
}

static gs_dataset *append(gs_dataset *dataset, const char *path, gs_dataset *source)
{
    auto made = std::make_unique<DcmItem>();
    if (source != nullptr) { /* first, since it may be what it is appended to */
        DcmItem *from = item_of(source);
        copy_elements(from, made.get());
        declare_charset(made.get(), charset_of(from));
    }
    item_of(dataset);
    Root &root = *dataset->root;
    std::vector<Step> steps = parse_path(path);
    if (dataset->depth + steps.size() - 1 + height(made.get()) > GS_DATASET_DEPTH_MAX)
        fail("bad-path", "'%s' would nest deeper than %d sequences", path, GS_DATASET_DEPTH_MAX);
    Target target = create(dataset, steps);
    DcmSequenceOfItems *sequence = sequence_at(target);
    root.touch(target.top);
    OFCondition condition = sequence->append(made.get());
    if (condition.bad())
        fail_with("bad-value", tag_text(target.tag), condition);
    DcmItem *item = made.release();
    if (item->tagExists(DCM_SpecificCharacterSet))
        adopt_charset(root, item);
    return new_view(dataset->root, item, target.top, target.depth + 1);
}

static void copy_text(char *to, size_t capacity, const OFString &from)
{
    snprintf(to, capacity, "%s", from.c_str());
}

static void describe(gs_dataset *dataset, gs_meta *meta)
{
    item_of(dataset);
    Root &root = *dataset->root;
    memset(meta, 0, sizeof *meta);
    meta->part10 = root.part10;
    auto take = [](DcmItem *item, const DcmTagKey &key, char *to, size_t capacity) {
        OFString value;
        if (item->findAndGetOFString(key, value).good())
            copy_text(to, capacity, value);
    };
    DcmMetaInfo *header = root.file.getMetaInfo();
    take(root.dataset(), DCM_SOPClassUID, meta->sop_class, sizeof meta->sop_class);
    take(root.dataset(), DCM_SOPInstanceUID, meta->sop_instance, sizeof meta->sop_instance);
    take(header, DCM_MediaStorageSOPClassUID, meta->sop_class, sizeof meta->sop_class);
    take(header, DCM_MediaStorageSOPInstanceUID, meta->sop_instance, sizeof meta->sop_instance);
    take(header, DCM_ImplementationClassUID, meta->implementation_class,
         sizeof meta->implementation_class);
    take(header, DCM_ImplementationVersionName, meta->implementation_version,
         sizeof meta->implementation_version);
    take(header, DCM_SourceApplicationEntityTitle, meta->source, sizeof meta->source);
    copy_text(meta->transfer_syntax, sizeof meta->transfer_syntax, root.transfer_syntax.c_str());
}

} // namespace room

using namespace room;

gs_dataset *gs_dataset_new(gs_error *error)
{
    return guarded(error, static_cast<gs_dataset *>(nullptr),
                   [] { return view_of_whole(std::make_shared<Root>()); });
}

gs_dataset *gs_dataset_clone(gs_dataset *dataset, gs_error *error)
{
    return guarded(error, static_cast<gs_dataset *>(nullptr),
                   [&] { return view_of_whole(copy(dataset)); });
}

void gs_dataset_expire(gs_dataset *dataset)
{
    if (dataset == nullptr || dataset->root->expired)
        return;
    Root &root = *dataset->root;
    root.expired = true;
    for (gs_dataset *view = root.views; view != nullptr; view = view->next)
        view->item = nullptr;
    guarded(nullptr, 0, [&] {
        root.file.clear();
        return 0;
    });
}

void gs_dataset_free(gs_dataset *dataset)
{
    if (dataset == nullptr)
        return;
    if (dataset->previous != nullptr)
        dataset->previous->next = dataset->next;
    else
        dataset->root->views = dataset->next;
    if (dataset->next != nullptr)
        dataset->next->previous = dataset->previous;
    delete dataset;
}

void gs_dataset_bound(gs_dataset *dataset, gs_tag tag)
{
    dataset->root->bound = DcmTagKey(tag.group, tag.element);
}

int gs_dataset_meta(gs_dataset *dataset, gs_meta *meta, gs_error *error)
{
    return guarded(error, -1, [&] {
        describe(dataset, meta);
        return 0;
    });
}

gs_dataset *gs_dataset_item(gs_dataset *dataset, const char *path, gs_error *error)
{
    return guarded(error, static_cast<gs_dataset *>(nullptr), [&] {
        item_of(dataset);
        Target target = find(dataset, parse_path(path));
        if (target.index == NO_ITEM)
            fail("bad-path", "'%s' does not end in an item number", path);
        DcmItem *item = target.entry();
        if (item == nullptr)
            fail("no-item", "there is no item '%s'", path);
        return new_view(dataset->root, item, target.top, target.depth + 1);
    });
}

gs_dataset *gs_dataset_append(gs_dataset *dataset, const char *path, gs_dataset *source,
                              gs_error *error)
{
    return guarded(error, static_cast<gs_dataset *>(nullptr),
                   [&] { return append(dataset, path, source); });
}

int gs_dataset_touched(gs_dataset *dataset, const gs_tag **tags, size_t *count, gs_error *error)
{
    return guarded(error, -1, [&] {
        item_of(dataset);
        dataset->tags = dataset->root->touched;
        *tags = dataset->tags.data();
        *count = dataset->tags.size();
        return 0;
    });
}

#include "dcmtk/room.h"

#include "dcmtk/dcmdata/dcdicent.h"
#include "dcmtk/dcmdata/dcuid.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace room
{

/* The unique keys of queries, and the required ones of patients and studies (PS3.4 C.6). Loading
 * the dictionary takes as long as it takes to receive hundreds of objects, so these are known
 * without it. */
static const QueryKey query_keys[] = {
    {"SpecificCharacterSet", {0x0008, 0x0005}, EVR_CS},
    {"SOPClassUID", {0x0008, 0x0016}, EVR_UI},
    {"SOPInstanceUID", {0x0008, 0x0018}, EVR_UI},
    {"StudyDate", {0x0008, 0x0020}, EVR_DA},
    {"StudyTime", {0x0008, 0x0030}, EVR_TM},
    {"AccessionNumber", {0x0008, 0x0050}, EVR_SH},
    {"QueryRetrieveLevel", {0x0008, 0x0052}, EVR_CS},
    {"Modality", {0x0008, 0x0060}, EVR_CS},
    {"PatientName", {0x0010, 0x0010}, EVR_PN},
    {"PatientID", {0x0010, 0x0020}, EVR_LO},
    {"StudyInstanceUID", {0x0020, 0x000d}, EVR_UI},
    {"SeriesInstanceUID", {0x0020, 0x000e}, EVR_UI},
    {"StudyID", {0x0020, 0x0010}, EVR_SH},
};

const QueryKey *query_key(std::string_view keyword)
{
    for (const QueryKey &key : query_keys)
        if (keyword == key.keyword)
            return &key;
    return nullptr;
}

const QueryKey *query_key(const DcmTagKey &tag)
{
    for (const QueryKey &key : query_keys)
        if (tag == DcmTagKey(key.tag.group, key.tag.element))
            return &key;
    return nullptr;
}

/* DCMTK finds a keyword by looking at every entry; scripts ask for keywords with every object. */
using Keywords = std::unordered_map<std::string_view, DcmTagKey>;

/* DCMTK calls OtherPatientIDs "RETIRED_OtherPatientIDs"; PS3.6 does not. */
static const char *without_prefix(const char *name)
{
    static const char prefix[] = "RETIRED_";
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : name;
}

/* The dictionary is loaded once and never again, so the names in it stay. */
static Keywords collect_keywords()
{
    Keywords keywords;
    DcmDataDictionary &dictionary = dcmDataDict.wrlock();
    auto add = [&](const DcmDictEntry *entry) {
        if (entry->getPrivateCreator() != nullptr)
            return;
        keywords.emplace(entry->getTagName(), entry->getKey());
        keywords.emplace(without_prefix(entry->getTagName()), entry->getKey());
    };
    for (auto i = dictionary.normalBegin(); i != dictionary.normalEnd(); ++i)
        add(*i);
    for (auto i = dictionary.repeatingBegin(); i != dictionary.repeatingEnd(); ++i)
        add(*i);
    dcmDataDict.wrunlock();
    return keywords;
}

static const Keywords &keywords()
{
    need_dictionary();
    static const Keywords known = collect_keywords();
    return known;
}

/* Letters to insert, delete, replace or swap with their neighbour; at most `limit` + 1. */
static size_t distance(std::string_view left, std::string_view right, size_t limit)
{
    size_t apart =
        left.size() > right.size() ? left.size() - right.size() : right.size() - left.size();
    if (apart > limit)
        return limit + 1;
    std::vector<size_t> older(right.size() + 1), old(right.size() + 1), now(right.size() + 1);
    for (size_t j = 0; j <= right.size(); j++)
        old[j] = j;
    for (size_t i = 1; i <= left.size(); i++) {
        now[0] = i;
        for (size_t j = 1; j <= right.size(); j++) {
            bool same = tolower(static_cast<unsigned char>(left[i - 1])) ==
                        tolower(static_cast<unsigned char>(right[j - 1]));
            now[j] = std::min({old[j] + 1, now[j - 1] + 1, old[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                now[j] = std::min(now[j], older[j - 2] + 1);
        }
        older.swap(old);
        old.swap(now);
    }
    return old[right.size()];
}

static const char *nearest(std::string_view keyword)
{
    const char *best = nullptr;
    size_t limit = std::max<size_t>(2, keyword.size() / 4);
    for (const auto &[name, key] : keywords()) {
        size_t far = distance(keyword, name, limit);
        /* among equals the first of the alphabet, so that the answer is always the same */
        if (far < limit || (far == limit && (best == nullptr || name < best))) {
            limit = far;
            best = name.data();
        }
    }
    return best;
}

E_TransferSyntax syntax_named(const char *uid)
{
    /* DCMTK has a syntax of its own whose UID is empty */
    E_TransferSyntax syntax = uid[0] == '\0' ? EXS_Unknown : DcmXfer(uid).getXfer();
    if (syntax == EXS_Unknown)
        fail("dataset-syntax", "unknown transfer syntax '%s'", uid);
    return syntax;
}

} // namespace room

using namespace room;

int gs_keyword_to_tag(const char *keyword, gs_tag *tag, gs_error *error)
{
    return guarded(error, -1, [&] {
        if (const QueryKey *key = query_key(std::string_view(keyword))) {
            *tag = key->tag;
            return 0;
        }
        auto found = keywords().find(keyword);
        if (found == keywords().end()) {
            const char *near =
                keyword[0] == '\0' || strlen(keyword) > 64 ? nullptr : nearest(keyword);
            fail("bad-path", "unknown keyword '%s'%s%s%s", keyword,
                 near == nullptr ? "" : "; did you mean '", near == nullptr ? "" : near,
                 near == nullptr ? "" : "'?");
        }
        *tag = {found->second.getGroup(), found->second.getElement()};
        return 0;
    });
}

int gs_tag_parse(const char *text, gs_tag *tag, gs_error *error)
{
    return guarded(error, -1, [&] {
        std::vector<Step> path = parse_path(text);
        if (path.size() != 1 || path[0].item != NO_ITEM)
            fail("bad-path", "'%s' is not one tag or keyword", text);
        *tag = {path[0].tag.getGroup(), path[0].tag.getElement()};
        return 0;
    });
}

const char *gs_tag_to_keyword(gs_tag tag)
{
    return guarded(nullptr, static_cast<const char *>(nullptr), [&]() -> const char * {
        DcmTagKey key(tag.group, tag.element);
        if (const QueryKey *query = query_key(key))
            return query->keyword;
        const Keywords &known = keywords();
        const DcmDictEntry *entry = dcmDataDict.rdlock().findEntry(key, nullptr);
        const char *name = entry == nullptr ? nullptr : without_prefix(entry->getTagName());
        dcmDataDict.rdunlock();
        /* only one of several elements (all group lengths, all overlays) has the keyword */
        auto found = name == nullptr ? known.end() : known.find(name);
        return found != known.end() && found->second == key ? name : nullptr;
    });
}

const char *gs_keyword_nearest(const char *keyword)
{
    return guarded(nullptr, static_cast<const char *>(nullptr), [&] { return nearest(keyword); });
}

const char *gs_uid_name(const char *uid)
{
    return dcmFindNameOfUID(uid);
}

const char *gs_uid_named(const char *name)
{
    return dcmFindUIDFromName(name);
}

const char *gs_modality_prefix(const char *sop_class)
{
    return dcmSOPClassUIDToModality(sop_class);
}

void gs_uid_generate(char uid[65])
{
    guarded(nullptr, 0, [&] {
        char made[100];
        snprintf(uid, 65, "%s", dcmGenerateUniqueIdentifier(made));
        return 0;
    });
}

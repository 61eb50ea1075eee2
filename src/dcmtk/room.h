/*
 * room: what the C++ files of this room share; no other room includes it.
 *
 * Inside, a failure is thrown as `Failure` and caught by `guarded`, the frame of every entry point.
 * It is never thrown above a frame of DCMTK's.
 */
#ifndef GS_ROOM_H
#define GS_ROOM_H

#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dctk.h"

extern "C" {
#include "dcmtk/dataset.h"
#include "dcmtk/dictionary.h"
#include "error.h"
#include "text/text.h"
}

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace room
{

struct Failure {
    gs_error error;
};

[[noreturn]] void fail(const char *code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Runs `body`; where it throws, fills `error` and returns `otherwise`. */
template <class Body, class Result>
Result guarded(gs_error *error, Result otherwise, Body body) noexcept
{
    try {
        return body();
    } catch (const Failure &failure) {
        if (error != nullptr)
            *error = failure.error;
    } catch (const std::bad_alloc &) {
        gs_error_set(error, "memory", "out of memory");
    } catch (...) {
        gs_error_set(error, "memory", "unexpected exception in DCMTK");
    }
    return otherwise;
}

/* What all views of one data set share. */
struct Root {
    DcmFileFormat file; /* file meta information (may be empty) and data set */
    std::string transfer_syntax;
    bool part10 = false;
    bool expired = false;
    DcmTagKey bound = DCM_UndefinedTagKey; /* the first tag that has not arrived; FFFF,FFFF: none */
    std::vector<gs_tag> touched;           /* sorted */
    gs_dataset *views = nullptr;           /* all of them, so that they can be expired */
    std::string terms;                     /* the character set that `text` is for */
    gs_text *text = nullptr;

    Root() = default;
    Root(const Root &) = delete;
    Root &operator=(const Root &) = delete;
    ~Root();

    DcmDataset *dataset()
    {
        return file.getDataset();
    }
    void touch(const DcmTagKey &top);
    /* Expires the views of all items below `gone`, which is about to be deleted. */
    void expire_below(DcmObject *gone);
    /* A converter for this value of Specific Character Set; valid until the next call. */
    gs_text *charset(const std::string &wanted);
};

/* --- names and paths: dictionary.cc, path.cc -------------------------------------------------- */

struct Step {
    DcmTag tag;
    long item;           /* counted from 0; NO_ITEM: the element itself */
    std::string creator; /* of a private element; `tag` has only the last byte of its number then */
};
constexpr long NO_ITEM = -1;

std::vector<Step> parse_path(const char *path);

/* Where a path leads. */
struct Target {
    DcmItem *item = nullptr; /* that holds (or would hold) the last element; null: not there */
    DcmTag tag;
    long index = NO_ITEM;
    DcmTagKey top;      /* the top-level element of the whole data set that is concerned */
    unsigned depth = 0; /* of `item` */

    DcmElement *element() const; /* null: absent */
    DcmItem *entry() const;      /* the item `index` of the element; null: absent */
};

/* Never creates anything. */
Target find(gs_dataset *dataset, const std::vector<Step> &path);
/* Nothing is created for a path that cannot be created as a whole. Gives the last tag, with the VR
 * that it has or would have. */
DcmTag check_creatable(gs_dataset *dataset, const std::vector<Step> &path);
/* Checks that; then creates sequences and items on the way, never the last element. */
Target create(gs_dataset *dataset, const std::vector<Step> &path);

std::string tag_text(const DcmTagKey &key); /* "(0010,0010)" */
void need_dictionary();

/* What is known without the dictionary; NULL: what is not. */
struct QueryKey {
    const char *keyword;
    gs_tag tag;
    DcmEVR vr;
};
const QueryKey *query_key(std::string_view keyword);
const QueryKey *query_key(const DcmTagKey &tag);

/* Throws "dataset-syntax" where DCMTK does not know it. */
E_TransferSyntax syntax_named(const char *uid);

/* --- character sets: charset.cc --------------------------------------------------------------- */

bool is_text(DcmEVR vr); /* those that Specific Character Set concerns */
/* The value of Specific Character Set that holds in an item: its own or that of what encloses it.
 */
std::string charset_of(DcmItem *item);
std::string to_utf8(Root &root, DcmElement *element, const std::string &terms, bool *invalid);
/* False: the set cannot hold it. */
bool from_utf8(Root &root, DcmEVR vr, std::string_view utf8, const std::string &terms,
               std::string &bytes);
/* Makes the whole data set ISO_IR 192; where it is only to be shown, without saying so in it. */
void make_utf8(Root &root, bool declare = true);
/* Converts the texts of an item (and of items in it that have no character set of their own) from
 * `before` to `after`; "charset" where `after` cannot hold one. What was invalid stays as it is. */
void convert(Root &root, DcmItem *item, const std::string &before, const std::string &after);

/* --- values and elements: value.cc, set.cc ---------------------------------------------------- */

DcmEVR actual_vr(DcmElement *element);
bool is_bytes(DcmEVR vr); /* OB, OW, ... UN */
size_t count_values(std::string_view utf8, DcmEVR vr);
/* Text as the data set has it. */
std::string_view raw_text(DcmElement *element);
void put_bytes(DcmElement *element, std::string_view bytes);
DcmSequenceOfItems *as_sequence(DcmElement *element); /* null: it is none */

/* --- files: write.cc -------------------------------------------------------------------------- */

/* A new file beside the one that it shall become; it goes with this unless it is kept. Throws
 * "dataset-file". */
class Temporary
{
  public:
    explicit Temporary(const char *path);
    ~Temporary();
    Temporary(const Temporary &) = delete;
    Temporary &operator=(const Temporary &) = delete;
    void keep(); /* under its final name */
    int descriptor() const
    {
        return descriptor_;
    }

  private:
    std::string path_;
    std::string name_;
    int descriptor_ = -1;
};

/* False and errno: not all of it was written. */
bool write_all(int fd, const char *bytes, size_t size);
/* `path` is for what a failure says. */
void write_part10(Root &root, E_TransferSyntax syntax, int fd, const char *path);

/* --- life: dataset.cc ------------------------------------------------------------------------- */

gs_dataset *new_view(const std::shared_ptr<Root> &root, DcmItem *item, DcmTagKey top,
                     unsigned depth);
/* The view's item; throws "dataset-expired". Clears what the last call returned. */
DcmItem *item_of(gs_dataset *dataset);
std::shared_ptr<Root> copy(gs_dataset *dataset);
[[noreturn]] void fail_with(const char *code, const std::string &what,
                            const OFCondition &condition);

} // namespace room

struct gs_dataset {
    std::shared_ptr<room::Root> root;
    DcmItem *item;    /* null: expired */
    DcmTagKey top;    /* the top-level element that it lives in; of the whole: undefined */
    unsigned depth;   /* 0: the whole data set */
    std::string text; /* what the last call returned */
    std::vector<gs_element> elements;
    std::vector<gs_tag> tags;
    gs_dataset *previous;
    gs_dataset *next;
};

#endif

/* Data sets to bytes and files. */

#include "dcmtk/room.h"

#include "dcmtk/dcmdata/dcostrma.h"
#include "dcmtk/dcmdata/dcwcache.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <unistd.h>

namespace room
{

namespace
{

/* Where encoded bytes go: false ends it. */
using Put = std::function<bool(const char *bytes, size_t size)>;

/* Exceptions stay inside: DCMTK's frames are above. */
class Sink : public DcmConsumer
{
  public:
    explicit Sink(Put put) : put_(std::move(put))
    {
    }
    OFBool good() const override
    {
        return status_.good();
    }
    OFCondition status() const override
    {
        return status_;
    }
    OFBool isFlushed() const override
    {
        return OFTrue;
    }
    offile_off_t avail() const override
    {
        return status_.good() ? 1 << 20 : 0;
    }
    offile_off_t write(const void *bytes, offile_off_t size) override
    {
        try {
            if (status_.good() && put_(static_cast<const char *>(bytes), static_cast<size_t>(size)))
                return size;
            status_ = EC_InvalidStream;
        } catch (...) {
            status_ = EC_MemoryExhausted;
        }
        return 0;
    }
    void flush() override
    {
    }

  private:
    Put put_;
    OFCondition status_;
};

class Output : public DcmOutputStream
{
  public:
    explicit Output(Put put) : DcmOutputStream(&sink_), sink_(std::move(put))
    {
    }
    /* What DCMTK's functions returned, or what went wrong behind them. */
    OFCondition finish(const OFCondition &condition)
    {
        flush();
        return condition.good() ? status() : condition;
    }

  private:
    Sink sink_;
};

static Put into(std::string &text)
{
    return [&text](const char *bytes, size_t size) {
        text.append(bytes, size);
        return true;
    };
}

} // namespace

static void check_writable(Root &root, E_TransferSyntax syntax)
{
    DcmDataset *dataset = root.dataset();
    if (!dataset->canWriteXfer(syntax, dataset->getOriginalXfer()))
        fail("dataset-syntax", "Pixel Data cannot be converted to %s",
             DcmXfer(syntax).getXferName());
}

/* A whole data set to write: this one, or a copy of an item. */
static std::shared_ptr<Root> whole_of(gs_dataset *dataset)
{
    item_of(dataset);
    return dataset->depth == 0 ? dataset->root : copy(dataset);
}

static void encode(gs_dataset *dataset, const char *transfer_syntax)
{
    std::shared_ptr<Root> root = whole_of(dataset);
    E_TransferSyntax syntax = syntax_named(transfer_syntax);
    check_writable(*root, syntax);
    Output output(into(dataset->text));
    DcmWriteCache cache;
    DcmDataset *whole = root->dataset();
    whole->transferInit();
    OFCondition condition =
        output.finish(whole->write(output, syntax, EET_ExplicitLength, &cache, EGL_recalcGL));
    whole->transferEnd();
    if (condition.bad())
        fail_with("dataset-value", "data set", condition);
}

static void encode_element(gs_dataset *dataset, gs_tag tag, const char *transfer_syntax)
{
    DcmItem *item = item_of(dataset);
    E_TransferSyntax syntax = syntax_named(transfer_syntax);
    if (DcmXfer(syntax).getStreamCompression() != ESC_none)
        syntax = EXS_LittleEndianExplicit; /* that is what is deflated, as a whole */
    DcmElement *element = nullptr;
    if (item->findAndGetElement(DcmTagKey(tag.group, tag.element), element).bad())
        return;
    Output output(into(dataset->text));
    DcmWriteCache cache;
    element->transferInit();
    OFCondition condition = element->write(output, syntax, EET_ExplicitLength, &cache);
    element->transferEnd();
    if (condition.bad())
        fail_with("dataset-value", tag_text(element->getTag()), condition);
}

[[noreturn]] static void fail_on(const std::string &path, int number)
{
    Failure failure{};
    gs_error_system(&failure.error, "dataset-file", number, "%s", path.c_str());
    throw failure;
}

Temporary::Temporary(const char *path) : path_(path)
{
    for (unsigned attempt = 0; attempt < 100 && descriptor_ < 0; attempt++) {
        name_ = path_ + ".part-" + std::to_string(getpid()) + "-" + std::to_string(attempt);
        descriptor_ =
            open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (descriptor_ < 0 && errno != EEXIST)
            break;
    }
    if (descriptor_ < 0)
        fail_on(path_, errno);
}

Temporary::~Temporary()
{
    if (descriptor_ < 0)
        return;
    close(descriptor_);
    unlink(name_.c_str());
}

void Temporary::keep()
{
    int closing = descriptor_;
    descriptor_ = -1;
    if (close(closing) == 0 && rename(name_.c_str(), path_.c_str()) == 0)
        return;
    int problem = errno;
    unlink(name_.c_str());
    fail_on(path_, problem);
}

bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = ::write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        size -= static_cast<size_t>(written);
    }
    return true;
}

/* DCMTK writes in small pieces. `problem` becomes errno of what failed. */
static OFCondition write_file(Root &root, E_TransferSyntax syntax, int fd, int &problem)
{
    std::string waiting;
    auto pass_on = [&] {
        bool written = write_all(fd, waiting.data(), waiting.size());
        problem = written ? 0 : errno;
        waiting.clear();
        return written;
    };
    Output output([&](const char *bytes, size_t size) {
        waiting.append(bytes, size);
        return waiting.size() < 65536 || pass_on();
    });
    DcmWriteCache cache;
    root.file.transferInit();
    OFCondition condition = output.finish(
        root.file.write(output, syntax, EET_ExplicitLength, &cache, EGL_recalcGL, EPD_noChange));
    root.file.transferEnd();
    if (condition.good())
        pass_on();
    return condition;
}

/* DCMTK keeps what stood before "DICM" when the file was read: of a TIFF file, say, whose offsets
 * no longer hold when an element has changed. */
static bool clear_preamble(int fd)
{
    static const char zeros[DCM_PreambleLen] = {};
    return pwrite(fd, zeros, sizeof zeros, 0) == static_cast<ssize_t>(sizeof zeros);
}

void write_part10(Root &root, E_TransferSyntax syntax, int fd, const char *path)
{
    check_writable(root, syntax);
    int problem = 0;
    OFCondition condition = write_file(root, syntax, fd, problem);
    if (problem != 0)
        fail_on(path, problem);
    if (condition.bad())
        fail_with("dataset-value", path, condition);
    if (!root.touched.empty() && !clear_preamble(fd))
        fail_on(path, errno);
}

static void write(gs_dataset *dataset, const char *path, const char *transfer_syntax)
{
    std::shared_ptr<Root> root = whole_of(dataset);
    std::string uid = transfer_syntax != nullptr ? transfer_syntax : root->transfer_syntax;
    E_TransferSyntax syntax = uid.empty() ? EXS_LittleEndianExplicit : syntax_named(uid.c_str());
    check_writable(*root, syntax);
    Temporary file(path);
    write_part10(*root, syntax, file.descriptor(), path);
    file.keep();
}

} // namespace room

using namespace room;

static int give(gs_dataset *dataset, const char **bytes, size_t *size)
{
    *bytes = dataset->text.data();
    *size = dataset->text.size();
    return 0;
}

int gs_dataset_encode(gs_dataset *dataset, const char *transfer_syntax, const char **bytes,
                      size_t *size, gs_error *error)
{
    return guarded(error, -1, [&] {
        encode(dataset, transfer_syntax);
        return give(dataset, bytes, size);
    });
}

int gs_dataset_encode_element(gs_dataset *dataset, gs_tag tag, const char *transfer_syntax,
                              const char **bytes, size_t *size, gs_error *error)
{
    return guarded(error, -1, [&] {
        encode_element(dataset, tag, transfer_syntax);
        return give(dataset, bytes, size);
    });
}

int gs_dataset_write(gs_dataset *dataset, const char *path, const char *transfer_syntax,
                     gs_error *error)
{
    return guarded(error, -1, [&] {
        room::write(dataset, path, transfer_syntax);
        return 0;
    });
}

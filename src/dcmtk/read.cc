/*
 * Data sets from files and from bytes of the wire.
 *
 * DCMTK parses by recursion: 20 bytes a level are enough to make it overflow the stack, and which
 * bytes nest is known only to its parser (in implicit VR its dictionary decides). So the parser
 * itself is watched: it reads through `Watched`, which ends the stream when the stack has grown too
 * far.
 *
 * It also allocates what an element claims before it reads that. So it is told to read later
 * whatever is longer than all the bytes there are, and to do so it asks the stream, which ends
 * then.
 */

#include "dcmtk/room.h"

#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcistrmf.h"

#include <zlib.h>

#include <cstdint>

namespace room
{

/* Bytes of stack for parsing; GS_DATASET_DEPTH_MAX levels take a fifth of it. */
constexpr uintptr_t STACK_MAX = 512 * 1024;

static uintptr_t stack_here()
{
    return reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
}

namespace
{

template <class Producer> class Watched : public DcmProducer
{
  public:
    template <class... Arguments>
    explicit Watched(Arguments... arguments) : producer_(arguments...), start_(stack_here())
    {
    }
    OFBool good() const override
    {
        return !too_deep_ && !ended_ && producer_.good();
    }
    OFCondition status() const override
    {
        return too_deep_ || ended_ ? EC_CorruptedData : producer_.status();
    }
    OFBool eos() override
    {
        return too_deep_ || ended_ || producer_.eos();
    }
    offile_off_t avail() override
    {
        return too_deep_ || ended_ ? 0 : producer_.avail();
    }
    offile_off_t read(void *bytes, offile_off_t size) override
    {
        uintptr_t here = stack_here();
        uintptr_t used = here < start_ ? start_ - here : here - start_;
        too_deep_ = too_deep_ || used > STACK_MAX;
        return too_deep_ || ended_ ? 0 : producer_.read(bytes, size);
    }
    offile_off_t skip(offile_off_t size) override
    {
        return too_deep_ || ended_ ? 0 : producer_.skip(size);
    }
    void putback(offile_off_t size) override
    {
        producer_.putback(size);
    }
    Producer &producer()
    {
        return producer_;
    }
    bool too_deep() const
    {
        return too_deep_;
    }
    void end()
    {
        ended_ = true;
    }
    bool ended() const
    {
        return ended_;
    }

  private:
    Producer producer_;
    uintptr_t start_;
    bool too_deep_ = false;
    bool ended_ = false;
};

/* Stands for a value that is not there. */
class Nothing : public DcmInputStreamFactory
{
  public:
    DcmInputStream *create() const override
    {
        return nullptr;
    }
    DcmInputStreamFactory *clone() const override
    {
        return new Nothing;
    }
    DcmInputStreamFactoryType ident() const override
    {
        return DFT_DcmInputFileStreamFactory;
    }
};

class Bytes : public DcmInputStream
{
  public:
    Bytes(const void *bytes, size_t size) : DcmInputStream(&source)
    {
        source.producer().setBuffer(const_cast<void *>(bytes), static_cast<offile_off_t>(size));
        source.producer().setEos();
    }
    /* Values are copied, not read later: the parser asks only for one that cannot be there. */
    DcmInputStreamFactory *newFactory() const override
    {
        source.end();
        return new Nothing;
    }
    mutable Watched<DcmBufferProducer> source;
};

class File : public DcmInputStream
{
  public:
    explicit File(const OFFilename &name) : DcmInputStream(&source), source(name), name_(name)
    {
    }
    DcmInputStreamFactory *newFactory() const override
    {
        return currentProducer() == &source ? new DcmInputFileStreamFactory(name_, tell())
                                            : nullptr;
    }
    Watched<DcmFileProducer> source;

  private:
    OFFilename name_;
};

} // namespace

/* By recursion, which the parser's own has bounded. */
static unsigned depth_of(DcmObject *object)
{
    if (object->isLeaf())
        return 0;
    unsigned deepest = 0;
    DcmObject *inner = nullptr;
    while ((inner = object->nextInContainer(inner)) != nullptr)
        deepest = std::max(deepest, depth_of(inner));
    return deepest + (dynamic_cast<DcmItem *>(object) != nullptr);
}

/* `what` names the source in a failure. Values longer than `at_once` are read when they are needed.
 */
template <class Stream>
static void parse(Root &root, Stream &stream, E_TransferSyntax syntax, const char *what,
                  size_t at_once = DCM_MaxReadLength)
{
    DcmDataset *dataset = root.dataset();
    dataset->transferInit();
    OFCondition condition =
        dataset->read(stream, syntax, EGL_noChange, static_cast<Uint32>(at_once));
    dataset->transferEnd();
    bool too_deep = stream.source.too_deep() || depth_of(dataset) > GS_DATASET_DEPTH_MAX + 1;
    if (too_deep)
        fail("dataset-parse", "%s: sequences nest deeper than %d", what, GS_DATASET_DEPTH_MAX);
    if (stream.source.ended())
        fail("dataset-parse", "%s: an element is longer than the whole", what);
    if (condition.bad())
        fail("dataset-parse", "%s: %s", what, condition.text());
}

/* A raw deflate stream (PS3.5 annex A.5), at most GS_DATASET_INFLATE_MAX bytes long. */
static std::string inflated(const void *bytes, size_t size, const char *what)
{
    z_stream stream{};
    stream.next_in = static_cast<Bytef *>(const_cast<void *>(bytes));
    stream.avail_in = static_cast<uInt>(size);
    if (size > UINT32_MAX || inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        throw std::bad_alloc();
    std::unique_ptr<z_stream, int (*)(z_stream *)> guard(&stream, inflateEnd);
    std::string result;
    for (int outcome = Z_OK; outcome != Z_STREAM_END;) {
        char chunk[65536];
        stream.next_out = reinterpret_cast<Bytef *>(chunk);
        stream.avail_out = sizeof chunk;
        outcome = inflate(&stream, Z_NO_FLUSH);
        if (outcome != Z_OK && outcome != Z_STREAM_END)
            fail("dataset-parse", "%s: the deflated data set is damaged", what);
        result.append(chunk, sizeof chunk - stream.avail_out);
        if (result.size() > GS_DATASET_INFLATE_MAX)
            fail("dataset-parse", "%s: the data set inflates to more than %d bytes", what,
                 GS_DATASET_INFLATE_MAX);
    }
    return result;
}

static void parse_bytes(Root &root, const void *bytes, size_t size, const DcmXfer &syntax,
                        const char *what)
{
    if (syntax.getStreamCompression() != ESC_none) {
        std::string plain = inflated(bytes, size, what);
        Bytes stream(plain.data(), plain.size());
        return parse(root, stream, EXS_LittleEndianExplicit, what, plain.size());
    }
    if (size >= UINT32_MAX)
        fail("dataset-parse", "%s: a data set of 4 GiB is too large to be opened", what);
    Bytes stream(bytes, size);
    parse(root, stream, syntax.getXfer(), what, size);
}

static std::shared_ptr<Root> decode(const void *bytes, size_t size, const char *transfer_syntax)
{
    need_dictionary();
    DcmXfer syntax(syntax_named(transfer_syntax));
    auto root = std::make_shared<Root>();
    root->transfer_syntax = transfer_syntax;
    if (size > 0)
        parse_bytes(*root, bytes, size, syntax, "data set");
    return root;
}

/* The rest of a stream. */
static std::string read_rest(DcmInputStream &stream)
{
    std::string bytes;
    char chunk[65536];
    while (stream.good() && !stream.eos() && bytes.size() <= GS_DATASET_INFLATE_MAX) {
        offile_off_t size = stream.read(chunk, sizeof chunk);
        if (size <= 0)
            break;
        bytes.append(chunk, static_cast<size_t>(size));
    }
    return bytes;
}

static std::shared_ptr<Root> read(const char *path)
{
    need_dictionary();
    auto root = std::make_shared<Root>();
    File stream{OFFilename(path)};
    if (!stream.good())
        fail("dataset-file", "%s: %s", path, stream.status().text());
    DcmMetaInfo *meta = root->file.getMetaInfo();
    meta->transferInit();
    OFCondition condition = meta->read(stream, EXS_Unknown, EGL_noChange);
    meta->transferEnd();
    if (condition.bad() || stream.source.too_deep())
        fail("dataset-parse", "%s: %s", path,
             condition.bad() ? condition.text() : "the file meta information nests");
    root->part10 = meta->card() > 0;
    OFString uid;
    meta->findAndGetOFString(DCM_TransferSyntaxUID, uid);
    DcmXfer syntax(uid.empty() ? EXS_Unknown : syntax_named(uid.c_str()));
    if (syntax.getStreamCompression() != ESC_none) {
        std::string rest = read_rest(stream);
        parse_bytes(*root, rest.data(), rest.size(), syntax, path);
    } else if (!stream.eos()) {
        parse(*root, stream, syntax.getXfer(), path);
    }
    E_TransferSyntax found = uid.empty() ? root->dataset()->getOriginalXfer() : syntax.getXfer();
    root->transfer_syntax = found == EXS_Unknown ? "" : DcmXfer(found).getXferID();
    return root;
}

} // namespace room

using namespace room;

gs_dataset *gs_dataset_decode(const void *bytes, size_t size, const char *transfer_syntax,
                              gs_error *error)
{
    return guarded(error, static_cast<gs_dataset *>(nullptr), [&] {
        auto root = decode(bytes, size, transfer_syntax);
        return new_view(root, root->dataset(), DCM_UndefinedTagKey, 0);
    });
}

gs_dataset *gs_dataset_read(const char *path, gs_error *error)
{
    return guarded(error, static_cast<gs_dataset *>(nullptr), [&] {
        auto root = read(path);
        return new_view(root, root->dataset(), DCM_UndefinedTagKey, 0);
    });
}

/*
 * parts: what the files of imaging/ share; nobody else includes it.
 */
#ifndef GS_IMAGING_PARTS_H
#define GS_IMAGING_PARTS_H

#include "dcmtk/room.h"

extern "C" {
#include "dcmtk/imaging/imaging.h"
}

#include <functional>
#include <type_traits>

#include <sys/mman.h>

namespace room
{

/* --- processes: child.cc ---------------------------------------------------------------------- */

/* Memory that this process and its children have in common. */
template <class Type> class Shared
{
    static_assert(std::is_trivially_copyable_v<Type>);

  public:
    Shared()
        : memory_(mmap(nullptr, sizeof(Type), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0))
    {
        if (memory_ == MAP_FAILED)
            throw std::bad_alloc();
        new (memory_) Type{};
    }
    ~Shared()
    {
        munmap(memory_, sizeof(Type));
    }
    Shared(const Shared &) = delete;
    Shared &operator=(const Shared &) = delete;
    Type *operator->()
    {
        return static_cast<Type *>(memory_);
    }
    Type &operator*()
    {
        return *static_cast<Type *>(memory_);
    }

  private:
    void *memory_;
};

/* A file without a name, for what a child gives back. */
class Scratch
{
  public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    int descriptor() const
    {
        return descriptor_;
    }
    void take(gs_imaging_bytes *result) const;

  private:
    int descriptor_;
};

/* Runs `body` in a child process and waits for it. What it throws is thrown here; what ends it
 * otherwise, as when it takes more CPU time than that, is "imaging-ended". Nothing that it changes
 * is changed here. */
void in_child(int seconds, const std::function<void()> &body);

/* --- data sets and codecs: codecs.cc ---------------------------------------------------------- */

/* The data set of a source. */
class Source
{
  public:
    explicit Source(const gs_imaging_source &source);
    Root &root()
    {
        return *view_->root;
    }
    DcmDataset *dataset()
    {
        return root().dataset();
    }
    /* Of the pixel data; deflated ones have been inflated. */
    E_TransferSyntax syntax()
    {
        return dataset()->getOriginalXfer();
    }

  private:
    std::unique_ptr<gs_dataset, void (*)(gs_dataset *)> view_;
};

/* Only ever called in a child: what DCMTK knows here, the rest of the process does not. */
void register_codecs(bool color_by_pixel);
/* Throws "dataset-syntax" where pixel data in this syntax need a codec that DCMTK has not. */
void need_codec(E_TransferSyntax syntax);

/* --- frames: frame.cc ------------------------------------------------------------------------- */

struct Pixels {
    gs_imaging_frame meaning; /* as the data set says it */
    bool by_plane;
    DcmPixelData *element;
};

/* Throws "pixel-data" for what is missing, contradictory or beyond the limits. */
Pixels describe(DcmDataset *dataset);
/* Throws "pixel-data" where there is no such frame. */
void need_frame(const Pixels &pixels, uint32_t frame);
/* A frame of compressed pixel data; throws "pixel-data". */
std::string decompressed(DcmDataset *dataset, Pixels &pixels, uint32_t frame);

} // namespace room

#endif

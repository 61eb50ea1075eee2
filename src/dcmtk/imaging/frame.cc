/* Frames as numbers. */

#include "dcmtk/imaging/parts.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace room
{

static uint16_t number(DcmDataset *dataset, const DcmTagKey &key, uint16_t otherwise)
{
    Uint16 value = otherwise;
    dataset->findAndGetUint16(key, value);
    return value;
}

/* Each is at most what the last one let it be. */
static void check(const gs_imaging_frame &frame)
{
    uint64_t samples = static_cast<uint64_t>(frame.rows) * frame.columns * frame.samples;
    if (samples == 0)
        fail("pixel-data", "there are no pixels: %u rows, %u columns, %u samples per pixel",
             frame.rows, frame.columns, frame.samples);
    if (samples > GS_IMAGING_SAMPLES_MAX)
        fail("pixel-data", "a frame of %u rows and %u columns has more than %d samples", frame.rows,
             frame.columns, GS_IMAGING_SAMPLES_MAX);
    if (frame.samples > 4)
        fail("pixel-data", "%u samples per pixel cannot be", frame.samples);
    unsigned allocated = frame.bits_allocated;
    if (allocated != 1 && (allocated % 8 != 0 || allocated == 0 || allocated > 32))
        fail("pixel-data", "%u bits allocated cannot be", allocated);
    if (frame.bits_stored == 0 || frame.bits_stored > allocated || frame.high_bit >= allocated ||
        frame.high_bit + 1 < frame.bits_stored)
        fail("pixel-data", "%u bits stored up to bit %u cannot be in %u bits", frame.bits_stored,
             frame.high_bit, allocated);
    if (samples * frame.frames > GS_IMAGING_PIXELS_MAX / ((allocated + 7) / 8))
        fail("pixel-data", "%u frames have more than %u bytes", frame.frames,
             GS_IMAGING_PIXELS_MAX);
}

Pixels describe(DcmDataset *dataset)
{
    DcmElement *element = nullptr;
    dataset->findAndGetElement(DCM_PixelData, element);
    Pixels pixels{};
    pixels.element = dynamic_cast<DcmPixelData *>(element);
    if (pixels.element == nullptr)
        fail("pixel-data", "there is no Pixel Data");
    gs_imaging_frame &frame = pixels.meaning;
    Sint32 frames = 1;
    dataset->findAndGetSint32(DCM_NumberOfFrames, frames);
    frame.frames = frames < 1 ? 1 : static_cast<uint32_t>(frames);
    frame.rows = number(dataset, DCM_Rows, 0);
    frame.columns = number(dataset, DCM_Columns, 0);
    frame.samples = number(dataset, DCM_SamplesPerPixel, 1);
    frame.bits_allocated = number(dataset, DCM_BitsAllocated, 0);
    frame.bits_stored = number(dataset, DCM_BitsStored, frame.bits_allocated);
    frame.high_bit = number(dataset, DCM_HighBit, static_cast<uint16_t>(frame.bits_stored - 1));
    frame.is_signed = number(dataset, DCM_PixelRepresentation, 0) == 1;
    OFString photometric;
    dataset->findAndGetOFString(DCM_PhotometricInterpretation, photometric);
    snprintf(frame.photometric, sizeof frame.photometric, "%s", photometric.c_str());
    pixels.by_plane = frame.samples > 1 && number(dataset, DCM_PlanarConfiguration, 0) == 1;
    check(frame);
    return pixels;
}

void need_frame(const Pixels &pixels, uint32_t frame)
{
    if (frame >= pixels.meaning.frames)
        fail("pixel-data", "there is no frame %u of %u", frame + 1, pixels.meaning.frames);
}

static size_t samples_of(const gs_imaging_frame &frame)
{
    return static_cast<size_t>(frame.rows) * frame.columns * frame.samples;
}

/* Bytes as they stand in pixel data that are not compressed; `check` has bounded both numbers. */
static std::string part(const Pixels &pixels, size_t offset, size_t size)
{
    std::string bytes(size, '\0');
    OFCondition condition = pixels.element->getPartialValue(
        bytes.data(), static_cast<Uint32>(offset), static_cast<Uint32>(size));
    if (condition.bad())
        fail_with("pixel-data", "the frame is not all there", condition);
    return bytes;
}

/* Bit after bit, where frames need not begin with a byte. */
static std::string unpacked(Pixels &pixels, uint32_t frame)
{
    size_t count = samples_of(pixels.meaning);
    size_t first = count * frame;
    std::string packed = part(pixels, first / 8, (first + count + 7) / 8 - first / 8);
    std::string plain(count, '\0');
    for (size_t i = 0; i < count; i++) {
        size_t bit = first % 8 + i;
        plain[i] = static_cast<char>(static_cast<unsigned char>(packed[bit / 8]) >> bit % 8 & 1);
    }
    pixels.meaning.bits_allocated = 8;
    return plain;
}

/* Two pixels are Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2). */
static std::string upsampled(Pixels &pixels, uint32_t frame)
{
    size_t count = samples_of(pixels.meaning) / 3;
    std::string halved = part(pixels, count * 2 * frame, count * 2);
    std::string plain;
    plain.reserve(count * 3);
    for (size_t i = 0; i < halved.size(); i += 4)
        for (size_t second = 0; second < 2; second++)
            plain.append({halved[i + second], halved[i + 2], halved[i + 3]});
    snprintf(pixels.meaning.photometric, sizeof pixels.meaning.photometric, "YBR_FULL");
    return plain;
}

static bool is_subsampled(const gs_imaging_frame &frame)
{
    return strcmp(frame.photometric, "YBR_FULL_422") == 0 && frame.samples == 3 &&
           frame.bits_allocated == 8 && frame.columns % 2 == 0;
}

static std::string interleaved(const std::string &planes, unsigned samples, unsigned width)
{
    size_t count = planes.size() / samples / width;
    std::string pixels(planes.size(), '\0');
    for (unsigned sample = 0; sample < samples; sample++)
        for (size_t i = 0; i < count; i++)
            memcpy(&pixels[(i * samples + sample) * width], &planes[(sample * count + i) * width],
                   width);
    return pixels;
}

static std::string uncompressed(Pixels &pixels, uint32_t frame)
{
    if (pixels.meaning.bits_allocated == 1)
        return unpacked(pixels, frame);
    if (is_subsampled(pixels.meaning))
        return upsampled(pixels, frame);
    size_t size = samples_of(pixels.meaning) * (pixels.meaning.bits_allocated / 8);
    return part(pixels, size * frame, size);
}

std::string decompressed(DcmDataset *dataset, Pixels &pixels, uint32_t frame)
{
    Uint32 size = 0;
    OFCondition condition = pixels.element->getUncompressedFrameSize(dataset, size);
    if (condition.bad() || size == 0)
        fail_with("pixel-data", "no size of a frame", condition);
    std::string bytes(size + size % 2, '\0');
    Uint32 fragment = 0;
    OFString photometric;
    condition = pixels.element->getUncompressedFrame(
        dataset, frame, fragment, bytes.data(), static_cast<Uint32>(bytes.size()), photometric);
    if (condition.bad())
        fail_with("pixel-data", "the frame cannot be decoded", condition);
    bytes.resize(size);
    if (!photometric.empty())
        snprintf(pixels.meaning.photometric, sizeof pixels.meaning.photometric, "%s",
                 photometric.c_str());
    return bytes;
}

static std::string frame_of(Source &source, Pixels &pixels, uint32_t frame)
{
    bool is_compressed = DcmXfer(source.syntax()).isEncapsulated();
    std::string bytes =
        is_compressed ? decompressed(source.dataset(), pixels, frame) : uncompressed(pixels, frame);
    unsigned width = pixels.meaning.bits_allocated / 8U;
    if (width > 1)
        swapIfNecessary(EBO_LittleEndian, gLocalByteOrder, bytes.data(),
                        static_cast<Uint32>(bytes.size()), width);
    /* JPEG's decoders were told to interleave */
    bool is_as_stored = !is_compressed || source.syntax() == EXS_RLELossless;
    if (pixels.by_plane && is_as_stored)
        return interleaved(bytes, pixels.meaning.samples, width);
    return bytes;
}

static void decode(const gs_imaging_source &from, uint32_t frame, gs_imaging_frame &meaning,
                   int output)
{
    register_codecs(true);
    Source source(from);
    need_codec(source.syntax());
    Pixels pixels = describe(source.dataset());
    need_frame(pixels, frame);
    std::string bytes = frame_of(source, pixels, frame);
    if (!write_all(output, bytes.data(), bytes.size()))
        fail("pixel-data", "the frame does not fit into memory: %s", strerror(errno));
    meaning = pixels.meaning;
}

} // namespace room

using namespace room;

int gs_imaging_decode(const gs_imaging_source *source, uint32_t frame, gs_imaging_frame *meaning,
                      gs_imaging_bytes *result, gs_error *error)
{
    return guarded(error, -1, [&] {
        need_dictionary(); /* here, and not in each child anew */
        Scratch output;
        Shared<gs_imaging_frame> found;
        in_child(GS_IMAGING_FRAME_SECONDS,
                 [&] { decode(*source, frame, *found, output.descriptor()); });
        *meaning = *found;
        output.take(result);
        return 0;
    });
}

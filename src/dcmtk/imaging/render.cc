/* Frames as pictures. */

#include "dcmtk/imaging/parts.h"

#include "dcmtk/dcmimgle/dcmimage.h" /* first: what follows needs it and does not say so */

#include "dcmtk/dcmimage/dipipng.h"
#include "dcmtk/dcmimage/diregist.h" /* colour images */

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace room
{

static void set_window(DicomImage &image, const gs_imaging_view &view)
{
    if (!image.isMonochrome())
        return;
    if (view.window == GS_IMAGING_WINDOW_GIVEN) {
        if (!image.setWindow(view.center, view.span))
            fail("pixel-data", "a window of %g around %g cannot be used", view.span, view.center);
        return;
    }
    if (view.window == GS_IMAGING_WINDOW_HEADER) {
        if (image.getWindowCount() > 0 && image.setWindow(0UL))
            return;
        if (image.getVoiLutCount() > 0 && image.setVoiLut(0UL))
            return;
    }
    image.setMinMaxWindow(); /* without effect where all values are the same */
}

namespace
{
struct Size {
    double width;
    double height;
};
} // namespace

/* The size of the image with square pixels: one side grows, none shrinks. */
static Size with_squares(const DicomImage &image)
{
    Size size{static_cast<double>(image.getWidth()), static_cast<double>(image.getHeight())};
    double ratio = image.getWidthHeightRatio();
    if (!(ratio > 0.01 && ratio < 100)) /* nothing that an apparatus makes */
        return size;
    if (ratio > 1)
        size.width *= ratio;
    else
        size.height /= ratio;
    return size;
}

static std::unique_ptr<DicomImage> scaled(const DicomImage &image, const gs_imaging_view &view)
{
    Size size = with_squares(image);
    double factor = view.scale > 0 ? view.scale : HUGE_VAL;
    if (view.width > 0)
        factor = std::fmin(factor, view.width / size.width);
    if (view.height > 0)
        factor = std::fmin(factor, view.height / size.height);
    double width = std::fmax(1, std::round(size.width * factor));
    double height = std::fmax(1, std::round(size.height * factor));
    if (!(width * height * 3 <= GS_IMAGING_SAMPLES_MAX))
        fail("pixel-data", "a picture of %g by %g pixels has more than %d samples", width, height,
             GS_IMAGING_SAMPLES_MAX);
    std::unique_ptr<DicomImage> made(image.createScaledImage(static_cast<unsigned long>(width),
                                                             static_cast<unsigned long>(height),
                                                             1 /* mean values */));
    if (made == nullptr)
        fail("pixel-data", "the frame cannot be scaled to %g by %g pixels", width, height);
    return made;
}

static void need_image(const DicomImage &image)
{
    if (image.getStatus() == EIS_MemoryFailure)
        throw std::bad_alloc();
    if (image.getStatus() != EIS_Normal)
        fail("pixel-data", "the frame cannot be rendered: %s",
             DicomImage::getString(image.getStatus()));
}

static void write_png(DicomImage &image, int output)
{
    std::unique_ptr<FILE, int (*)(FILE *)> stream(fdopen(output, "wb"), fclose);
    if (stream == nullptr)
        throw std::bad_alloc();
    DiPNGPlugin png;
    png.setInterlaceType(E_pngInterlaceNone);
    png.setMetainfoType(E_pngNoMetainfo);
    errno = 0;
    bool written = image.writePluginFormat(&png, stream.get()) != 0;
    if (fclose(stream.release()) != 0 || !written)
        fail("dataset-file", "the picture cannot be written: %s",
             errno != 0 ? strerror(errno) : "no PNG can be made of it");
}

static void render(const gs_imaging_source &from, const gs_imaging_view &view, int output)
{
    register_codecs(false);
    Source source(from);
    need_codec(source.syntax());
    need_frame(describe(source.dataset()), view.frame);
    DicomImage image(source.dataset(), source.syntax(), CIF_UsePartialAccessToPixelData, view.frame,
                     1);
    need_image(image);
    set_window(image, view);
    if (view.scale <= 0 && view.width == 0 && view.height == 0)
        return write_png(image, output);
    std::unique_ptr<DicomImage> fitting = scaled(image, view);
    need_image(*fitting);
    write_png(*fitting, output);
}

} // namespace room

using namespace room;

int gs_imaging_render(const gs_imaging_source *source, const gs_imaging_view *view,
                      const char *target, gs_imaging_bytes *result, gs_error *error)
{
    return guarded(error, -1, [&] {
        need_dictionary(); /* here, and not in each child anew */
        if (target != nullptr) {
            Temporary file(target);
            in_child(GS_IMAGING_FRAME_SECONDS, [&] { render(*source, *view, file.descriptor()); });
            file.keep();
            return 0;
        }
        Scratch output;
        in_child(GS_IMAGING_FRAME_SECONDS, [&] { render(*source, *view, output.descriptor()); });
        output.take(result);
        return 0;
    });
}

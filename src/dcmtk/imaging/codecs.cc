/* Codecs, and pixel data from one transfer syntax to another. */

#include "dcmtk/imaging/parts.h"

#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmdata/dcrleerg.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpeg/djencode.h"
#include "dcmtk/dcmjpeg/djrplol.h"
#include "dcmtk/dcmjpeg/djrploss.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/dcmjpls/djrparam.h"

extern "C" {
#include "dcmtk/version.h"
}

#include <cstring>

namespace room
{

enum class Codec { NONE, RLE, JPEG_LOSSY, JPEG_LOSSLESS, JPEG_LS_LOSSLESS, JPEG_LS_NEAR };

/* What DCMTK has codecs for, in both directions. */
static const struct {
    E_TransferSyntax syntax;
    Codec codec;
} CODECS[] = {
    {EXS_RLELossless, Codec::RLE},
    {EXS_JPEGProcess1, Codec::JPEG_LOSSY},
    {EXS_JPEGProcess2_4, Codec::JPEG_LOSSY},
    {EXS_JPEGProcess6_8, Codec::JPEG_LOSSY},
    {EXS_JPEGProcess10_12, Codec::JPEG_LOSSY},
    {EXS_JPEGProcess14, Codec::JPEG_LOSSLESS},
    {EXS_JPEGProcess14SV1, Codec::JPEG_LOSSLESS},
    {EXS_JPEGLSLossless, Codec::JPEG_LS_LOSSLESS},
    {EXS_JPEGLSLossy, Codec::JPEG_LS_NEAR},
};

static Codec codec_of(E_TransferSyntax syntax)
{
    for (const auto &row : CODECS)
        if (row.syntax == syntax)
            return row.codec;
    return Codec::NONE;
}

[[noreturn]] static void fail_without_codec(const std::string &what)
{
    fail("dataset-syntax", "%s: DCMTK %s has no codec for this transfer syntax", what.c_str(),
         gs_dcmtk_version());
}

void need_codec(E_TransferSyntax syntax)
{
    DcmXfer known(syntax);
    if (known.isEncapsulated() && codec_of(syntax) == Codec::NONE)
        fail_without_codec(std::string(known.getXferName()) + " (" + known.getXferID() + ")");
}

void register_codecs(bool color_by_pixel)
{
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs(EDC_photometricInterpretation, EUC_default,
                                          color_by_pixel ? EPC_colorByPixel : EPC_default);
    DJLSDecoderRegistration::registerCodecs(EJLSUC_default,
                                            color_by_pixel ? EJLSPC_colorByPixel : EJLSPC_restore);
}

/* Deep grey-scale images in few bits keep what their values mean: Rescale Slope is changed. */
static void register_encoders()
{
    DcmRLEEncoderRegistration::registerCodecs();
    DJEncoderRegistration::registerCodecs(ECC_lossyYCbCr, EUC_default, OFFalse, 0, 0, 0, OFTrue,
                                          ESS_422, OFTrue, OFFalse, 0, 0, 0, 0, 0, 0, 0, 0, OFTrue,
                                          OFTrue);
    DJLSEncoderRegistration::registerCodecs();
}

static gs_dataset *open(const gs_imaging_source &source)
{
    gs_error error{};
    gs_dataset *view = source.path != nullptr ? gs_dataset_read(source.path, &error)
                                              : gs_dataset_decode(source.bytes, source.size,
                                                                  source.transfer_syntax, &error);
    if (view == nullptr && strcmp(error.code, "dataset-syntax") == 0)
        fail_without_codec(error.message);
    if (view == nullptr)
        throw Failure{error};
    return view;
}

Source::Source(const gs_imaging_source &source) : view_(open(source), gs_dataset_free)
{
}

static std::unique_ptr<DcmRepresentationParameter> parameter(Codec codec,
                                                             const gs_imaging_coding &coding)
{
    switch (codec) {
    case Codec::JPEG_LOSSY:
        return std::make_unique<DJ_RPLossy>(coding.quality);
    case Codec::JPEG_LOSSLESS:
        return std::make_unique<DJ_RPLossless>(coding.predictor);
    case Codec::JPEG_LS_LOSSLESS:
        return std::make_unique<DJLSRepresentationParameter>(0, OFTrue);
    case Codec::JPEG_LS_NEAR:
        return std::make_unique<DJLSRepresentationParameter>(coding.near, OFFalse);
    case Codec::RLE:
    case Codec::NONE:
        break;
    }
    return nullptr;
}

static void choose(DcmDataset *dataset, E_TransferSyntax syntax,
                   const DcmRepresentationParameter *how)
{
    OFCondition condition = dataset->chooseRepresentation(syntax, how);
    if (condition.bad())
        fail_with("pixel-data",
                  std::string("Pixel Data cannot be converted to ") + DcmXfer(syntax).getXferName(),
                  condition);
    dataset->removeAllButCurrentRepresentations();
}

/* Pixel data that are in the syntax that is wanted are left as they are. */
static void recode(Source &source, E_TransferSyntax wanted, const gs_imaging_coding &coding)
{
    DcmDataset *dataset = source.dataset();
    E_TransferSyntax now = source.syntax();
    bool was_coded = DcmXfer(now).isEncapsulated();
    bool is_coded = DcmXfer(wanted).isEncapsulated();
    if (now == wanted || (!was_coded && !is_coded))
        return;
    if (is_coded || dataset->tagExists(DCM_PixelData))
        describe(dataset);
    if (was_coded)
        choose(dataset, EXS_LittleEndianExplicit, nullptr);
    if (!is_coded)
        return;
    choose(dataset, wanted, parameter(codec_of(wanted), coding).get());
    Pixels pixels = describe(dataset);
    decompressed(dataset, pixels, 0); /* DCMTK writes JPEG-LS of tiny frames that nobody can read */
}

static void transcode(const gs_imaging_source &from, E_TransferSyntax wanted,
                      const gs_imaging_coding &coding, int output, const char *target)
{
    register_codecs(false);
    register_encoders();
    Source source(from);
    if (source.syntax() != wanted) {
        need_codec(wanted);
        need_codec(source.syntax());
    }
    recode(source, wanted, coding);
    source.root().touch(DCM_PixelData);
    write_part10(source.root(), wanted, output, target);
}

static E_TransferSyntax named(const char *uid)
{
    /* DCMTK has a syntax of its own whose UID is empty */
    return uid[0] == '\0' ? EXS_Unknown : DcmXfer(uid).getXfer();
}

static bool can(const char *transfer_syntax)
{
    E_TransferSyntax syntax = named(transfer_syntax);
    if (syntax == EXS_Unknown)
        return false;
    return !DcmXfer(syntax).isEncapsulated() || codec_of(syntax) != Codec::NONE;
}

} // namespace room

using namespace room;

bool gs_imaging_can(const char *transfer_syntax)
{
    return guarded(nullptr, false, [&] { return can(transfer_syntax); });
}

int gs_imaging_transcode(const gs_imaging_source *source, const char *target,
                         const char *transfer_syntax, const gs_imaging_coding *coding,
                         gs_error *error)
{
    return guarded(error, -1, [&] {
        E_TransferSyntax wanted = named(transfer_syntax);
        if (wanted == EXS_Unknown)
            fail_without_codec(std::string("unknown transfer syntax '") + transfer_syntax + "'");
        need_dictionary(); /* here, and not in each child anew */
        Temporary file(target);
        in_child(GS_IMAGING_FILE_SECONDS,
                 [&] { transcode(*source, wanted, *coding, file.descriptor(), target); });
        file.keep();
        return 0;
    });
}

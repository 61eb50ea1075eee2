/*
 * imaging: pixel data in other transfer syntaxes, as numbers, and as pictures, by DCMTK's codecs
 * (RLE, JPEG, JPEG-LS) and its imaging.
 *
 * A module of its own: nothing else is linked with it, and it knows nothing of the data sets that
 * others hold, only files and bytes. Broken pixel data make DCMTK crash, loop, or take all memory,
 * so every call does its work in a child process, within the limits below, and waits for it.
 *
 * -1 and `error` tell a failure. Codes: those of dataset.h, where "dataset-syntax" also means that
 * there is no codec; "pixel-data": missing, broken, beyond a limit; "imaging-ended": the child
 * died.
 */
#ifndef GS_IMAGING_H
#define GS_IMAGING_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS_IMAGING_SAMPLES_MAX   268435456   /* rows x columns x samples of a frame, of a picture */
#define GS_IMAGING_PIXELS_MAX    2147483648U /* bytes of all frames together, not compressed */
#define GS_IMAGING_MEMORY_MAX    4294967296U /* bytes that one call takes for itself */
#define GS_IMAGING_FRAME_SECONDS 30          /* of CPU time for one frame */
#define GS_IMAGING_FILE_SECONDS  300         /* of CPU time for all of them */

/* Where a data set comes from. */
struct gs_imaging_source {
    const char *path; /* of a file; NULL: */
    const void *bytes;
    size_t size;
    const char *transfer_syntax; /* of these bytes */
};

/* How pixel data are compressed, as far as a transfer syntax leaves it open. */
struct gs_imaging_coding {
    int quality;   /* of lossy JPEG, 1 to 100 */
    int predictor; /* of JPEG lossless that is not SV1, 1 to 7 */
    int near;      /* of JPEG-LS near-lossless: how far a sample may be off, 1 to 255 */
};

/* What the bytes of a frame mean. */
struct gs_imaging_frame {
    uint32_t frames; /* that there are */
    uint16_t rows;
    uint16_t columns;
    uint16_t samples;
    uint16_t bits_allocated;
    uint16_t bits_stored;
    uint16_t high_bit;
    bool is_signed;
    char photometric[17];
};

enum gs_imaging_window {
    GS_IMAGING_WINDOW_HEADER, /* the first window of the data set, else its VOI LUT, else AUTO */
    GS_IMAGING_WINDOW_AUTO,   /* from the smallest to the largest value of the frame */
    GS_IMAGING_WINDOW_GIVEN
};

/* How a frame becomes a picture. The size: as it is, times `scale`, or to fit in `width` and
 * `height`; 0 is not given. Where it is scaled, its pixels become squares. */
struct gs_imaging_view {
    uint32_t frame; /* from 0 */
    enum gs_imaging_window window;
    double center; /* of a window that is given, in units of the modality */
    double span;   /* its width, at least 1 */
    double scale;
    uint32_t width;
    uint32_t height;
};

/* What a call gives; all zero before it. */
struct gs_imaging_bytes {
    void *bytes;
    size_t size;
};
void gs_imaging_release(struct gs_imaging_bytes *result); /* idempotent */

/* Whether pixel data can be brought into a transfer syntax and out of it. */
bool gs_imaging_can(const char *transfer_syntax);

/* Writes the file `target`, which appears complete or not at all. What is lossy gets a new SOP
 * Instance UID, and says what it comes from. */
int gs_imaging_transcode(const struct gs_imaging_source *source, const char *target,
                         const char *transfer_syntax, const struct gs_imaging_coding *coding,
                         struct gs_error *error);

/* A frame (from 0), samples interleaved by pixel, words in little endian. Where Bits Allocated is
 * 1, each pixel becomes a byte. */
int gs_imaging_decode(const struct gs_imaging_source *source, uint32_t frame,
                      struct gs_imaging_frame *meaning, struct gs_imaging_bytes *result,
                      struct gs_error *error);

/* A PNG, to `target` as above, or where that is NULL to `result`. */
int gs_imaging_render(const struct gs_imaging_source *source, const struct gs_imaging_view *view,
                      const char *target, struct gs_imaging_bytes *result, struct gs_error *error);

#endif

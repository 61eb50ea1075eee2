#include "storage/deflated.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#define MEMORY_LEVEL 8          /* zlib's default */
#define PIECE_MAX    (1u << 30) /* bytes that zlib is given at once: its sizes have 32 bits */

struct gs_inflater {
    z_stream stream;
    bool ended;
    size_t size; /* bytes of the result so far */
    uint8_t block[GS_DEFLATED_BLOCK];
};

struct gs_deflater {
    z_stream stream;
    uint64_t size;
    uint8_t block[GS_DEFLATED_BLOCK];
};

static uInt give(z_stream *stream, const uint8_t *bytes, size_t size)
{
    uInt given = size < PIECE_MAX ? (uInt)size : PIECE_MAX;
    stream->next_in = (Bytef *)bytes;
    stream->avail_in = given;
    return given;
}

/* --- inflating -------------------------------------------------------------------------------- */

struct gs_inflater *gs_inflater_new(void)
{
    struct gs_inflater *inflater = calloc(1, sizeof *inflater);
    if (inflater == NULL || inflateInit2(&inflater->stream, -MAX_WBITS) == Z_OK)
        return inflater;
    free(inflater);
    return NULL;
}

void gs_inflater_free(struct gs_inflater *inflater)
{
    if (inflater == NULL)
        return;
    inflateEnd(&inflater->stream);
    free(inflater);
}

/* One block of what was given. */
static int inflate_block(struct gs_inflater *inflater, gs_deflated_take *take, void *to,
                         struct gs_error *error)
{
    z_stream *stream = &inflater->stream;
    stream->next_out = inflater->block;
    stream->avail_out = sizeof inflater->block;
    int outcome = inflate(stream, Z_NO_FLUSH);
    inflater->ended = outcome == Z_STREAM_END;
    size_t room = GS_INFLATED_MAX - inflater->size;
    size_t made = sizeof inflater->block - stream->avail_out;
    size_t size = made < room ? made : room;
    inflater->size += size;
    if (size > 0 && take(to, inflater->block, size, error) != 0)
        return -1;
    if (made > room)
        return gs_error_set(error, "object-too-large",
                            "a deflated data set inflates to more than %u bytes", GS_INFLATED_MAX);
    if (outcome == Z_MEM_ERROR) /* zlib allocates its window with the first bytes */
        return gs_error_system(error, "object-write", ENOMEM, "cannot inflate a data set");
    if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR)
        return gs_error_set(error, "object-broken", "a deflated data set is damaged");
    return 0;
}

int gs_inflater_feed(struct gs_inflater *inflater, const uint8_t *bytes, size_t size,
                     gs_deflated_take *take, void *to, struct gs_error *error)
{
    z_stream *stream = &inflater->stream;
    while (size > 0 && !inflater->ended) {
        uInt given = give(stream, bytes, size);
        do {
            if (inflate_block(inflater, take, to, error) != 0)
                return -1;
        } while (!inflater->ended && (stream->avail_in > 0 || stream->avail_out == 0));
        bytes += given;
        size -= given;
    }
    return 0;
}

int gs_inflater_finish(const struct gs_inflater *inflater, struct gs_error *error)
{
    if (inflater->ended)
        return 0;
    return gs_error_set(error, "object-broken", "a deflated data set ends too early");
}

/* --- deflating -------------------------------------------------------------------------------- */

struct gs_deflater *gs_deflater_new(void)
{
    struct gs_deflater *deflater = calloc(1, sizeof *deflater);
    if (deflater == NULL || deflateInit2(&deflater->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                         -MAX_WBITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK)
        return deflater;
    free(deflater);
    return NULL;
}

void gs_deflater_free(struct gs_deflater *deflater)
{
    if (deflater == NULL)
        return;
    deflateEnd(&deflater->stream);
    free(deflater);
}

/* What was given, as far as zlib has a result; with Z_FINISH all of it. */
static int deflate_given(struct gs_deflater *deflater, int flush, gs_deflated_take *take, void *to,
                         struct gs_error *error)
{
    z_stream *stream = &deflater->stream;
    do {
        stream->next_out = deflater->block;
        stream->avail_out = sizeof deflater->block;
        deflate(stream, flush); /* fails only where it is used wrongly */
        size_t size = sizeof deflater->block - stream->avail_out;
        deflater->size += size;
        if (size > 0 && take(to, deflater->block, size, error) != 0)
            return -1;
    } while (stream->avail_out == 0);
    return 0;
}

int gs_deflater_feed(struct gs_deflater *deflater, const uint8_t *bytes, size_t size,
                     gs_deflated_take *take, void *to, struct gs_error *error)
{
    while (size > 0) {
        uInt given = give(&deflater->stream, bytes, size);
        if (deflate_given(deflater, Z_NO_FLUSH, take, to, error) != 0)
            return -1;
        bytes += given;
        size -= given;
    }
    return 0;
}

int gs_deflater_finish(struct gs_deflater *deflater, gs_deflated_take *take, void *to,
                       struct gs_error *error)
{
    if (deflate_given(deflater, Z_FINISH, take, to, error) != 0)
        return -1;
    return deflater->size % 2 == 0 ? 0 : take(to, (const uint8_t *)"", 1, error);
}

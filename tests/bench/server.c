/* A C-GET server for benchmarks. It sends one synthetic CT image again and again, each time under
 * another SOP Instance UID, as fast as the socket takes it: the bytes of a whole C-STORE request,
 * PDU headers included, are prepared once for an association, and then only message ID, UID and
 * instance number are patched. Operations are synchronous, as in every real server.
 *
 *     server --objects N --size BYTES [--port P] [--port-file FILE]   serve on 127.0.0.1
 *     server --objects N --size BYTES --write DIR                     write the objects as files
 *     server --free-port                                              print a port nobody uses
 *
 * Without --port the system chooses one; it is printed, and written to FILE, once connections are
 * accepted. Every C-GET is answered with all objects, whatever it asks for. --write prints the
 * Study Instance UID. Each association has a process of its own, which ends with the server. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CT_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define IMPLICIT_LITTLE  "1.2.840.10008.1.2"
#define EXPLICIT_LITTLE  "1.2.840.10008.1.2.1"
#define EXPLICIT_BIG     "1.2.840.10008.1.2.2"
#define IMPLEMENTATION   "2.25.141421356237309504880168872420000000009"
#define STUDY            "2.25.141421356237309504880168872420000000001"
#define SERIES           "2.25.141421356237309504880168872420000000002"
#define FRAME            "2.25.141421356237309504880168872420000000003"
#define INSTANCE         "2.25.173205080756887729352744634150%09u"

enum {
    UID_LENGTH = 44, /* of INSTANCE */
    NUMBER_LENGTH = 8,
    ITEMS_AT = 68, /* where the items of an A-ASSOCIATE-RQ begin, after the PDU header */
    MAXIMUM_INPUT = 1 << 20,
    DEFAULT_PDU = 131072, /* for a client that sets no maximum */
    NO_DATA_SET = 0x0101
};

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

struct options {
    unsigned objects;
    size_t size;
    unsigned port;
    const char *port_file, *write;
    bool free_port;
};

struct encoding {
    bool explicit_vr, big_endian;
};

/* A data set, and where in it the values stand that differ from object to object. */
struct image {
    struct bytes bytes;
    size_t uid_at, number_at;
};

/* A C-STORE request as it goes over the wire. */
struct request {
    struct bytes bytes;
    size_t message_id_at, command_uid_at, uid_at, number_at;
    size_t data_at, fragment; /* the first data PDU, and data set bytes in one PDU */
};

struct association {
    int fd;
    const struct options *options;
    struct bytes input;
    size_t next;             /* what of the input has been read */
    const uint8_t *pdv;      /* what is left of the present P-DATA-TF */
    size_t pdv_left;         /* bytes of it */
    struct bytes command;    /* the present command set */
    uint8_t command_context; /* and its presentation context */
    uint8_t storage_context; /* for CT; 0: none was proposed in a syntax that we can write */
    struct encoding encoding;
    uint32_t maximum; /* the client's, for a PDU */
    struct request request;
};

struct counts {
    unsigned completed, failed, warning;
};

static _Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("server: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* ---- bytes ---- */

static uint8_t *extend(struct bytes *b, size_t n)
{
    if (b->capacity - b->size < n) {
        b->capacity = (b->size + n) * 2;
        b->data = realloc(b->data, b->capacity);
        if (b->data == NULL)
            die("out of memory");
    }
    b->size += n;
    return b->data + b->size - n;
}

static void store(uint8_t *at, uint32_t value, int octets, bool big_endian)
{
    for (int i = 0; i < octets; i++)
        at[big_endian ? octets - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static uint32_t load(const uint8_t *at, int octets, bool big_endian)
{
    uint32_t value = 0;
    for (int i = 0; i < octets; i++)
        value |= (uint32_t)at[big_endian ? octets - 1 - i : i] << 8 * i;
    return value;
}

static void put(struct bytes *b, uint32_t value, int octets, bool big_endian)
{
    store(extend(b, (size_t)octets), value, octets, big_endian);
}

static void put_bytes(struct bytes *b, const void *data, size_t size)
{
    memcpy(extend(b, size), data, size);
}

/* ---- the image ---- */

/* In the order of their tags. NULL: made when the image is. */
static const struct element {
    uint32_t tag;
    const char *vr, *value;
} elements[] = {
    {0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"},
    {0x00080012, "DA", "20240102"},
    {0x00080013, "TM", "101112"},
    {0x00080016, "UI", CT_IMAGE_STORAGE},
    {0x00080018, "UI", NULL}, /* SOP Instance UID */
    {0x00080020, "DA", "20240102"},
    {0x00080022, "DA", "20240102"},
    {0x00080030, "TM", "101112"},
    {0x00080050, "SH", "BENCH1"},
    {0x00080060, "CS", "CT"},
    {0x00080070, "LO", "Synthetic"},
    {0x00080090, "PN", ""},
    {0x00081030, "LO", "Benchmark"},
    {0x00100010, "PN", "Bench^Mark"},
    {0x00100020, "LO", "BENCH"},
    {0x00100030, "DA", "19700101"},
    {0x00100040, "CS", "O"},
    {0x00180050, "DS", "1.0"},
    {0x00180060, "DS", "120"},
    {0x00185100, "CS", "HFS"},
    {0x0020000D, "UI", STUDY},
    {0x0020000E, "UI", SERIES},
    {0x00200010, "SH", "1"},
    {0x00200011, "IS", "1"},
    {0x00200012, "IS", "1"},
    {0x00200013, "IS", NULL}, /* Instance Number */
    {0x00200032, "DS", "0\\0\\0"},
    {0x00200037, "DS", "1\\0\\0\\0\\1\\0"},
    {0x00200052, "UI", FRAME},
    {0x00201040, "LO", ""},
    {0x00280002, "US", "1"},
    {0x00280004, "CS", "MONOCHROME2"},
    {0x00280010, "US", NULL}, /* Rows */
    {0x00280011, "US", NULL}, /* Columns */
    {0x00280030, "DS", "0.5\\0.5"},
    {0x00280100, "US", "16"},
    {0x00280101, "US", "12"},
    {0x00280102, "US", "11"},
    {0x00280103, "US", "0"},
    {0x00281052, "DS", "-1024"},
    {0x00281053, "DS", "1"},
};

static void put_header(struct bytes *b, struct encoding e, uint32_t tag, const char *vr,
                       size_t size)
{
    put(b, tag >> 16, 2, e.big_endian);
    put(b, tag & 0xFFFF, 2, e.big_endian);
    bool wide = strcmp(vr, "OW") == 0 || strcmp(vr, "OB") == 0;
    if (e.explicit_vr) {
        put_bytes(b, vr, 2);
        if (wide)
            put(b, 0, 2, false);
    }
    put(b, (uint32_t)size, e.explicit_vr && !wide ? 2 : 4, e.big_endian);
}

static void put_text(struct bytes *b, struct encoding e, uint32_t tag, const char *vr,
                     const char *value)
{
    size_t length = strlen(value);
    put_header(b, e, tag, vr, length + length % 2);
    put_bytes(b, value, length);
    if (length % 2 != 0)
        put(b, strcmp(vr, "UI") == 0 ? 0 : ' ', 1, false);
}

static void put_pixels(struct bytes *b, struct encoding e, unsigned rows, unsigned columns)
{
    size_t count = (size_t)rows * columns;
    put_header(b, e, 0x7FE00010, "OW", count * 2);
    uint8_t *at = extend(b, count * 2);
    for (size_t i = 0; i < count; i++, at += 2)
        store(at, (uint32_t)(i * 7 + i / columns * 13) & 0xFFF, 2, e.big_endian);
}

static void name_instance(char uid[UID_LENGTH + 1], char number[NUMBER_LENGTH + 1], unsigned n)
{
    snprintf(uid, UID_LENGTH + 1, INSTANCE, n);
    snprintf(number, NUMBER_LENGTH + 1, "%-8u", n);
}

/* About `size` bytes; the shape is near a square. */
static struct image make_image(struct encoding e, size_t size)
{
    struct image image = {0};
    struct bytes *b = &image.bytes;
    size_t pixels = size > 1200 ? (size - 1000) / 2 : 100;
    unsigned columns = 8;
    while (pixels / columns > columns * 2)
        columns *= 2;
    unsigned rows = (unsigned)(pixels / columns);
    char uid[UID_LENGTH + 1], number[NUMBER_LENGTH + 1];
    name_instance(uid, number, 1);
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        const struct element *element = &elements[i];
        uint32_t tag = element->tag;
        if (strcmp(element->vr, "US") == 0) {
            put_header(b, e, tag, "US", 2);
            put(b,
                element->value      ? (uint32_t)atoi(element->value)
                : tag == 0x00280010 ? rows
                                    : columns,
                2, e.big_endian);
        } else if (element->value != NULL) {
            put_text(b, e, tag, element->vr, element->value);
        } else if (tag == 0x00080018) {
            put_text(b, e, tag, "UI", uid);
            image.uid_at = b->size - UID_LENGTH;
        } else {
            put_text(b, e, tag, "IS", number);
            image.number_at = b->size - NUMBER_LENGTH;
        }
    }
    put_pixels(b, e, rows, columns);
    return image;
}

static void write_file(const char *directory, const char *uid, const struct bytes *image)
{
    struct bytes file = {0};
    struct encoding e = {.explicit_vr = true};
    memset(extend(&file, 128), 0, 128);
    put_bytes(&file, "DICM", 4);
    put_header(&file, e, 0x00020000, "UL", 4);
    size_t start = file.size + 4;
    put(&file, 0, 4, false);
    put_header(&file, e, 0x00020001, "OB", 2);
    put(&file, 0x0100, 2, false);
    put_text(&file, e, 0x00020002, "UI", CT_IMAGE_STORAGE);
    put_text(&file, e, 0x00020003, "UI", uid);
    put_text(&file, e, 0x00020010, "UI", EXPLICIT_LITTLE);
    put_text(&file, e, 0x00020012, "UI", IMPLEMENTATION);
    store(file.data + start - 4, (uint32_t)(file.size - start), 4, false);

    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, uid);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(file.data, file.size, 1, f) != 1 ||
        fwrite(image->data, image->size, 1, f) != 1 || fclose(f) != 0)
        die("cannot write %s: %s", path, strerror(errno));
    free(file.data);
}

static void write_files(const struct options *options)
{
    struct image image = make_image((struct encoding){.explicit_vr = true}, options->size);
    for (unsigned n = 1; n <= options->objects; n++) {
        char uid[UID_LENGTH + 1], number[NUMBER_LENGTH + 1];
        name_instance(uid, number, n);
        memcpy(image.bytes.data + image.uid_at, uid, UID_LENGTH);
        memcpy(image.bytes.data + image.number_at, number, NUMBER_LENGTH);
        write_file(options->write, uid, &image.bytes);
    }
    free(image.bytes.data);
    puts(STUDY);
}

/* ---- PDUs in and out ---- */

/* A client that is gone ends the association's process, quietly. */
static void send_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            exit(0);
        data += sent;
        size -= (size_t)sent;
    }
}

/* The next PDU, whole; it is valid until the next call. */
static const uint8_t *next_pdu(struct association *a, size_t *size)
{
    for (;;) {
        size_t have = a->input.size - a->next, need = 6;
        const uint8_t *pdu = a->input.data + a->next;
        if (have >= 6) {
            need = 6 + (size_t)load(pdu + 2, 4, true);
            if (need > MAXIMUM_INPUT)
                die("the client sent a PDU of %zu bytes", need);
            if (have >= need) {
                a->next += need;
                *size = need;
                return pdu;
            }
        }
        memmove(a->input.data, pdu, have);
        a->next = 0;
        a->input.size = have;
        ssize_t got = recv(a->fd, a->input.data + have, MAXIMUM_INPUT - have, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            exit(0);
        a->input.size += (size_t)got;
    }
}

/* The next PDV: its fragment, context and control byte. Release and abort end the process. */
static const uint8_t *next_pdv(struct association *a, size_t *size, uint8_t *context,
                               uint8_t *control)
{
    while (a->pdv_left == 0) {
        const uint8_t *pdu = next_pdu(a, size);
        if (pdu[0] == 5)
            send_all(a->fd, (const uint8_t[]){6, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10);
        if (pdu[0] != 4)
            exit(0);
        a->pdv = pdu + 6;
        a->pdv_left = *size - 6;
    }
    size_t length = a->pdv_left < 6 ? 0 : load(a->pdv, 4, true);
    if (length < 2 || length > a->pdv_left - 4)
        die("the client sent a PDV of a wrong length");
    const uint8_t *fragment = a->pdv + 6;
    *size = length - 2;
    *context = a->pdv[4];
    *control = a->pdv[5];
    a->pdv += 4 + length;
    a->pdv_left -= 4 + length;
    return fragment;
}

static unsigned command_us(const struct association *a, uint16_t element)
{
    const uint8_t *at = a->command.data, *end = at + a->command.size;
    while (end - at >= 8) {
        uint32_t length = load(at + 4, 4, false);
        if (length > (size_t)(end - at) - 8)
            break;
        if (load(at, 2, false) == 0 && load(at + 2, 2, false) == element && length >= 2)
            return load(at + 8, 2, false);
        at += 8 + length;
    }
    return 0;
}

/* Reads a message; its command set is kept, its data set is not. */
static void next_message(struct association *a)
{
    a->command.size = 0;
    uint8_t control = 0;
    while ((control & 3) != 3) {
        size_t size;
        const uint8_t *fragment = next_pdv(a, &size, &a->command_context, &control);
        if (control & 1)
            put_bytes(&a->command, fragment, size);
    }
    if (command_us(a, 0x0800) == NO_DATA_SET)
        return;
    while ((control & 3) != 2) {
        size_t size;
        uint8_t context;
        next_pdv(a, &size, &context, &control);
    }
}

/* A command set in a PDU of its own, Implicit VR Little Endian. */
static void command_begin(struct bytes *b, uint8_t context)
{
    put(b, 4 << 8, 2, true);
    put(b, 0, 8, true); /* the lengths of PDU and PDV */
    put(b, context, 1, true);
    put(b, 3, 1, true);
    put_header(b, (struct encoding){0}, 0x00000000, "UL", 4);
    put(b, 0, 4, false);
}

static void command_put(struct bytes *b, uint16_t element, unsigned value)
{
    put_header(b, (struct encoding){0}, element, "US", 2);
    put(b, value, 2, false);
}

static void command_end(struct bytes *b)
{
    store(b->data + 2, (uint32_t)(b->size - 6), 4, true);
    store(b->data + 6, (uint32_t)(b->size - 10), 4, true);
    store(b->data + 20, (uint32_t)(b->size - 24), 4, false);
}

/* ---- the association ---- */

static bool native(const uint8_t *name, size_t length, struct encoding *e)
{
    static const struct {
        const char *uid;
        struct encoding encoding;
    } known[] = {
        {IMPLICIT_LITTLE, {false, false}},
        {EXPLICIT_LITTLE, {true, false}},
        {EXPLICIT_BIG, {true, true}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].uid) == length && memcmp(known[i].uid, name, length) == 0) {
            *e = known[i].encoding;
            return true;
        }
    }
    return false;
}

/* Walks over items: the next one's content and length, NULL at the end. */
static const uint8_t *next_item(const uint8_t **at, const uint8_t *end, uint8_t *type, size_t *size)
{
    if (end - *at < 4)
        return NULL;
    const uint8_t *content = *at + 4;
    *type = **at;
    *size = load(*at + 2, 2, true);
    if (*size > (size_t)(end - content))
        die("the client sent an item that is too long");
    *at = content + *size;
    return content;
}

/* Accepts the first syntax that is proposed for a context, of native ones where there are some. */
static void accept_context(struct association *a, struct bytes *answer, const uint8_t *item,
                           size_t size)
{
    const uint8_t *at = item + 4, *end = item + size, *part, *syntax = NULL;
    size_t length, syntax_length = 0;
    uint8_t type;
    bool is_native = false, is_ct = false;
    struct encoding encoding = {0};
    while (size > 4 && (part = next_item(&at, end, &type, &length)) != NULL) {
        if (type == 0x30)
            is_ct =
                length == strlen(CT_IMAGE_STORAGE) && memcmp(part, CT_IMAGE_STORAGE, length) == 0;
        if (type != 0x40 || is_native)
            continue;
        is_native = native(part, length, &encoding);
        if (syntax == NULL || is_native) {
            syntax = part;
            syntax_length = length;
        }
    }
    if (syntax == NULL)
        die("the client proposed a context without transfer syntax");
    if (is_ct && is_native && a->storage_context == 0) {
        a->storage_context = item[0];
        a->encoding = encoding;
    }
    put(answer, 0x21 << 8, 2, true);
    put(answer, (uint32_t)(8 + syntax_length), 2, true);
    put(answer, (uint32_t)item[0] << 24, 4, true); /* its ID; result 0 */
    put(answer, 0x40 << 8, 2, true);
    put(answer, (uint32_t)syntax_length, 2, true);
    put_bytes(answer, syntax, syntax_length);
}

/* Echoes role selection. */
static void accept_user(struct association *a, struct bytes *answer, const uint8_t *item,
                        size_t size)
{
    const uint8_t *at = item, *end = item + size, *part;
    size_t start = answer->size, length;
    uint8_t type;
    put(answer, 0x50 << 8, 2, true);
    put(answer, 0, 2, true);
    put(answer, 0x51 << 8, 2, true);
    put(answer, 4, 2, true);
    put(answer, 16384, 4, true);
    put(answer, 0x52 << 8, 2, true);
    put(answer, sizeof IMPLEMENTATION - 1, 2, true);
    put_bytes(answer, IMPLEMENTATION, sizeof IMPLEMENTATION - 1);
    while ((part = next_item(&at, end, &type, &length)) != NULL) {
        if (type == 0x51 && length == 4)
            a->maximum = load(part, 4, true);
        else if (type == 0x54)
            put_bytes(answer, part - 4, length + 4);
    }
    store(answer->data + start + 2, (uint32_t)(answer->size - start - 4), 2, true);
}

static void accept_association(struct association *a)
{
    size_t size;
    const uint8_t *pdu = next_pdu(a, &size);
    if (pdu[0] != 1 || size < 6 + ITEMS_AT)
        die("the client does not begin with an A-ASSOCIATE-RQ");
    struct bytes answer = {0};
    put_bytes(&answer, pdu, 6 + ITEMS_AT);
    const uint8_t *at = pdu + 6 + ITEMS_AT, *end = pdu + size, *item;
    uint8_t type;
    while ((item = next_item(&at, end, &type, &size)) != NULL) {
        if (type == 0x10)
            put_bytes(&answer, item - 4, size + 4);
        else if (type == 0x20)
            accept_context(a, &answer, item, size);
        else if (type == 0x50)
            accept_user(a, &answer, item, size);
    }
    answer.data[0] = 2;
    store(answer.data + 2, (uint32_t)(answer.size - 6), 4, true);
    send_all(a->fd, answer.data, answer.size);
    free(answer.data);
    if (a->maximum == 0)
        a->maximum = DEFAULT_PDU;
    if (a->maximum < 512)
        die("the client's maximum PDU length, %u, is too small for us", (unsigned)a->maximum);
}

/* ---- the services ---- */

static void make_request(struct association *a)
{
    struct request *r = &a->request;
    struct bytes *b = &r->bytes;
    struct encoding plain = {0};
    command_begin(b, a->storage_context);
    put_text(b, plain, 0x00000002, "UI", CT_IMAGE_STORAGE);
    command_put(b, 0x0100, 0x0001);
    command_put(b, 0x0110, 0);
    r->message_id_at = b->size - 2;
    command_put(b, 0x0700, 0);
    command_put(b, 0x0800, 0);
    char uid[UID_LENGTH + 1], number[NUMBER_LENGTH + 1];
    name_instance(uid, number, 1);
    put_text(b, plain, 0x00001000, "UI", uid);
    r->command_uid_at = b->size - UID_LENGTH;
    command_end(b);

    struct image image = make_image(a->encoding, a->options->size);
    r->uid_at = image.uid_at;
    r->number_at = image.number_at;
    r->data_at = b->size;
    r->fragment = (a->maximum - 6) & ~(size_t)1;
    size_t total = image.bytes.size;
    for (size_t done = 0; done < total; done += r->fragment) {
        bool last = total - done <= r->fragment;
        size_t part = last ? total - done : r->fragment;
        put(b, 4 << 8, 2, true);
        put(b, (uint32_t)(part + 6), 4, true);
        put(b, (uint32_t)(part + 2), 4, true);
        put(b, a->storage_context, 1, true);
        put(b, last ? 2 : 0, 1, true);
        put_bytes(b, image.bytes.data + done, part);
    }
    free(image.bytes.data);
}

/* Changes bytes of the data set; they may lie on both sides of a PDU header. */
static void patch_data(struct request *r, size_t at, const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++, at++) {
        size_t pdu = at / r->fragment;
        r->bytes.data[r->data_at + at + 12 * (pdu + 1)] = (uint8_t)value[i];
    }
}

static void send_object(struct association *a, unsigned n)
{
    struct request *r = &a->request;
    char uid[UID_LENGTH + 1], number[NUMBER_LENGTH + 1];
    name_instance(uid, number, n);
    store(r->bytes.data + r->message_id_at, n & 0xFFFF, 2, false);
    memcpy(r->bytes.data + r->command_uid_at, uid, UID_LENGTH);
    patch_data(r, r->uid_at, uid, UID_LENGTH);
    patch_data(r, r->number_at, number, NUMBER_LENGTH);
    send_all(a->fd, r->bytes.data, r->bytes.size);
}

static void answer_get(struct association *a, uint8_t context, unsigned message_id, unsigned status,
                       struct counts counts)
{
    struct bytes b = {0};
    unsigned done = counts.completed + counts.failed + counts.warning;
    command_begin(&b, context);
    command_put(&b, 0x0100, 0x8010);
    command_put(&b, 0x0120, message_id);
    command_put(&b, 0x0800, NO_DATA_SET);
    command_put(&b, 0x0900, status);
    if (status == 0xFF00 || status == 0xFE00)
        command_put(&b, 0x1020, a->options->objects - done);
    command_put(&b, 0x1021, counts.completed);
    command_put(&b, 0x1022, counts.failed);
    command_put(&b, 0x1023, counts.warning);
    command_end(&b);
    send_all(a->fd, b.data, b.size);
    free(b.data);
}

static void serve_get(struct association *a)
{
    uint8_t context = a->command_context;
    unsigned message_id = command_us(a, 0x0110);
    struct counts counts = {0};
    if (a->storage_context == 0) {
        counts.failed = a->options->objects;
        answer_get(a, context, message_id, 0xA702, counts);
        return;
    }
    if (a->request.bytes.size == 0)
        make_request(a);
    bool cancelled = false;
    for (unsigned n = 1; n <= a->options->objects && !cancelled; n++) {
        send_object(a, n);
        for (next_message(a); command_us(a, 0x0100) == 0x0FFF; next_message(a))
            cancelled = true;
        if (command_us(a, 0x0100) != 0x8001)
            die("the client sent no C-STORE response, but %04X", command_us(a, 0x0100));
        unsigned status = command_us(a, 0x0900);
        if (status == 0)
            counts.completed++;
        else if (status >> 12 == 0xB)
            counts.warning++;
        else
            counts.failed++;
        if (n % 100 == 0 && n < a->options->objects)
            answer_get(a, context, message_id, 0xFF00, counts);
    }
    bool clean = counts.failed == 0 && counts.warning == 0;
    answer_get(a, context, message_id, cancelled ? 0xFE00 : clean ? 0x0000 : 0xB000, counts);
}

static void serve_echo(struct association *a)
{
    struct bytes b = {0};
    command_begin(&b, a->command_context);
    put_text(&b, (struct encoding){0}, 0x00000002, "UI", "1.2.840.10008.1.1");
    command_put(&b, 0x0100, 0x8030);
    command_put(&b, 0x0120, command_us(a, 0x0110));
    command_put(&b, 0x0800, NO_DATA_SET);
    command_put(&b, 0x0900, 0);
    command_end(&b);
    send_all(a->fd, b.data, b.size);
    free(b.data);
}

static _Noreturn void serve(int fd, const struct options *options)
{
    struct association a = {.fd = fd, .options = options};
    extend(&a.input, MAXIMUM_INPUT);
    a.input.size = 0;
    accept_association(&a);
    for (;;) {
        next_message(&a);
        switch (command_us(&a, 0x0100)) {
        case 0x0010:
            serve_get(&a);
            break;
        case 0x0030:
            serve_echo(&a);
            break;
        case 0x0FFF: /* too late */
            break;
        default:
            die("the client sent a command that is not served: %04X", command_us(&a, 0x0100));
        }
    }
}

/* ---- the program ---- */

static int open_listener(unsigned *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        die("cannot listen: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return fd;
}

static _Noreturn void listen_and_serve(const struct options *options)
{
    unsigned port = options->port;
    int listener = open_listener(&port);
    signal(SIGCHLD, SIG_IGN);
    printf("%u\n", port);
    fflush(stdout);
    if (options->port_file != NULL) {
        FILE *f = fopen(options->port_file, "w");
        if (f == NULL || fprintf(f, "%u\n", port) < 0 || fclose(f) != 0)
            die("cannot write %s: %s", options->port_file, strerror(errno));
    }
    for (;;) {
        int on = 1, fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pid_t child = fork();
        if (child < 0)
            die("cannot fork: %s", strerror(errno));
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            serve(fd, options);
        }
        close(fd);
    }
}

static unsigned long number_argument(const char *name, const char *text, unsigned long maximum)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > maximum)
        die("%s must be a number up to %lu, and is %s", name, maximum, text);
    return value;
}

static struct options parse(int argc, char **argv)
{
    struct options options = {0};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--free-port") == 0) {
            options.free_port = true;
            continue;
        }
        if (++i == argc)
            die("%s is unknown, or lacks its value", name);
        if (strcmp(name, "--objects") == 0)
            options.objects = (unsigned)number_argument(name, argv[i], 99999999);
        else if (strcmp(name, "--size") == 0)
            options.size = number_argument(name, argv[i], 4000000000);
        else if (strcmp(name, "--port") == 0)
            options.port = (unsigned)number_argument(name, argv[i], 65535);
        else if (strcmp(name, "--port-file") == 0)
            options.port_file = argv[i];
        else if (strcmp(name, "--write") == 0)
            options.write = argv[i];
        else
            die("unknown option: %s", name);
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    if (options.free_port) {
        unsigned port = 0;
        open_listener(&port);
        printf("%u\n", port);
        return 0;
    }
    if (options.objects == 0 || options.size == 0)
        die("--objects and --size are needed");
    if (options.write == NULL)
        listen_and_serve(&options);
    write_files(&options);
    return 0;
}

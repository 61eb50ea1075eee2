/* A C-GET server for benchmarks. It sends one synthetic CT image again and again, each time under
 * another SOP Instance UID, as fast as the socket takes it: the bytes of a whole C-STORE request,
 * PDU headers included, are prepared once for an association, and then only message ID, UID and
 * instance number are patched. Operations are synchronous, as in every real server.
 *
 *     server --objects N --size BYTES [--port P] [--port-file FILE] [--key FILE --certificate FILE]
 *                                                                      serve on 127.0.0.1
 *     server --free-port                                               print a port nobody uses
 *
 * Without --port the system chooses one; it is printed, and written to FILE, once connections are
 * accepted. With a key it speaks TLS with those who begin with that. Every C-GET is answered with
 * all objects, whatever it asks for. Each association has a process of its own, which ends with the
 * server. */

#include "image.h"
#include "secure.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ITEMS_AT = 74, /* where the items of an A-ASSOCIATE-RQ begin */
    MAXIMUM_INPUT = 1 << 20,
    DEFAULT_PDU = 131072 /* for a client that sets no maximum */
};

struct options {
    unsigned objects;
    size_t size;
    unsigned port;
    const char *port_file, *key, *certificate;
    bool free_port;
};

/* A C-STORE request as it goes over the wire. */
struct request {
    struct bytes bytes;
    size_t message_id_at, command_uid_at;
    size_t uid_at, number_at; /* in the data set */
    size_t data_at, fragment; /* the first data PDU, and data set bytes in one PDU */
};

struct association {
    struct stream stream;
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

/* ---- PDUs in and out ---- */

/* A client that is gone ends the association's process; that it closed is no error. */
static _Noreturn void leave(void)
{
    if (errno != 0 && errno != EPIPE && errno != ECONNRESET)
        die("the connection failed: %s", strerror(errno));
    exit(0);
}

static void send_all(struct stream stream, const uint8_t *data, size_t size)
{
    while (size > 0) {
        errno = 0;
        ssize_t sent = stream_send(stream, data, size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            leave();
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
        errno = 0;
        ssize_t got = stream_receive(a->stream, a->input.data + have, MAXIMUM_INPUT - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            leave();
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
            send_all(a->stream, (const uint8_t[]){6, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10);
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
    if (command_number(&a->command, 0x0800) == NO_DATA_SET)
        return;
    while ((control & 3) != 2) {
        size_t size;
        uint8_t context;
        next_pdv(a, &size, &context, &control);
    }
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

/* Accepts the first syntax that is proposed for a context, of native ones where there are some. */
static void accept_context(struct association *a, struct bytes *answer, const uint8_t *item,
                           size_t size)
{
    const uint8_t *at = item + 4, *part, *syntax = NULL;
    size_t length, syntax_length = 0;
    uint8_t type;
    bool is_native = false, is_ct = false;
    struct encoding encoding = {0};
    while (size > 4 && (part = next_item(&at, item + size, &type, &length)) != NULL) {
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
    size_t start = item_begin(answer, 0x21);
    put(answer, (uint32_t)item[0] << 24, 4, true); /* its ID; result 0 */
    put_item(answer, 0x40, syntax, syntax_length);
    item_end(answer, start);
}

/* Echoes role selection. */
static void accept_user(struct association *a, struct bytes *answer, const uint8_t *item,
                        size_t size)
{
    static const uint8_t our_maximum[4] = {0, 0, 0x40, 0};
    const uint8_t *at = item, *part;
    size_t start = item_begin(answer, 0x50), length;
    uint8_t type;
    put_item(answer, 0x51, our_maximum, sizeof our_maximum);
    put_item(answer, 0x52, IMPLEMENTATION, strlen(IMPLEMENTATION));
    while ((part = next_item(&at, item + size, &type, &length)) != NULL) {
        if (type == 0x51 && length == 4)
            a->maximum = load(part, 4, true);
        else if (type == 0x54)
            put_item(answer, 0x54, part, length);
    }
    item_end(answer, start);
}

static void accept_association(struct association *a)
{
    size_t size;
    const uint8_t *pdu = next_pdu(a, &size);
    if (pdu[0] != 1 || size < ITEMS_AT)
        die("the client does not begin with an A-ASSOCIATE-RQ");
    struct bytes answer = {0};
    put_bytes(&answer, pdu, ITEMS_AT);
    const uint8_t *at = pdu + ITEMS_AT, *end = pdu + size, *item;
    uint8_t type;
    while ((item = next_item(&at, end, &type, &size)) != NULL) {
        if (type == 0x10)
            put_item(&answer, type, item, size);
        else if (type == 0x20)
            accept_context(a, &answer, item, size);
        else if (type == 0x50)
            accept_user(a, &answer, item, size);
    }
    answer.data[0] = 2;
    store(answer.data + 2, (uint32_t)(answer.size - 6), 4, true);
    send_all(a->stream, answer.data, answer.size);
    free(answer.data);
    if (a->maximum == 0)
        a->maximum = DEFAULT_PDU;
    if (a->maximum < 512)
        die("the client's maximum PDU length, %u, is too small for us", (unsigned)a->maximum);
}

/* ---- C-GET ---- */

static void make_request(struct association *a)
{
    struct request *r = &a->request;
    struct bytes *b = &r->bytes;
    size_t start = command_begin(b, a->storage_context);
    command_ui(b, 0x0002, CT_IMAGE_STORAGE);
    command_us(b, 0x0100, C_STORE_RQ);
    command_us(b, 0x0110, 0);
    r->message_id_at = b->size - 2;
    command_us(b, 0x0700, 0);
    command_us(b, 0x0800, 0);
    command_ui(b, 0x1000, name_instance(1).uid);
    r->command_uid_at = b->size - UID_LENGTH;
    command_end(b, start);

    struct image image = make_image(a->encoding, a->options->size);
    r->uid_at = image.uid_at;
    r->number_at = image.number_at;
    r->data_at = b->size;
    r->fragment = (a->maximum - 6) & ~(size_t)1;
    size_t total = image.bytes.size;
    for (size_t done = 0; done < total; done += r->fragment) {
        bool last = total - done <= r->fragment;
        start = pdu_begin(b, a->storage_context, last ? 2 : 0);
        put_bytes(b, image.bytes.data + done, last ? total - done : r->fragment);
        pdu_end(b, start);
    }
    free(image.bytes.data);
}

/* Changes bytes of the data set; they may lie on both sides of a PDU header. */
static void patch_data(struct request *r, size_t at, const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++, at++) {
        size_t headers = at / r->fragment + 1;
        r->bytes.data[r->data_at + at + headers * 12] = (uint8_t)value[i];
    }
}

static void send_object(struct association *a, unsigned n)
{
    struct request *r = &a->request;
    struct identity identity = name_instance(n);
    store(r->bytes.data + r->message_id_at, n & 0xFFFF, 2, false);
    memcpy(r->bytes.data + r->command_uid_at, identity.uid, UID_LENGTH);
    patch_data(r, r->uid_at, identity.uid, UID_LENGTH);
    patch_data(r, r->number_at, identity.number, NUMBER_LENGTH);
    send_all(a->stream, r->bytes.data, r->bytes.size);
}

/* Reads the answer to an object, counts it, and says whether the client cancelled before it. */
static bool read_answer(struct association *a, struct counts *counts)
{
    bool cancelled = false;
    next_message(a);
    while (command_number(&a->command, 0x0100) == C_CANCEL_RQ) {
        cancelled = true;
        next_message(a);
    }
    if (command_number(&a->command, 0x0100) != (C_STORE_RQ | RESPONSE))
        die("the client sent no C-STORE response, but %04X", command_number(&a->command, 0x0100));
    unsigned status = command_number(&a->command, 0x0900);
    if (status == 0)
        counts->completed++;
    else if (status >> 12 == 0xB)
        counts->warning++;
    else
        counts->failed++;
    return cancelled;
}

static void answer_get(struct association *a, uint8_t context, unsigned message_id, unsigned status,
                       struct counts counts)
{
    struct bytes b = {0};
    unsigned done = counts.completed + counts.failed + counts.warning;
    size_t start = command_begin(&b, context);
    command_us(&b, 0x0100, C_GET_RQ | RESPONSE);
    command_us(&b, 0x0120, message_id);
    command_us(&b, 0x0800, NO_DATA_SET);
    command_us(&b, 0x0900, status);
    if (status == 0xFF00 || status == 0xFE00)
        command_us(&b, 0x1020, a->options->objects - done);
    command_us(&b, 0x1021, counts.completed);
    command_us(&b, 0x1022, counts.failed);
    command_us(&b, 0x1023, counts.warning);
    command_end(&b, start);
    send_all(a->stream, b.data, b.size);
    free(b.data);
}

static void serve_get(struct association *a)
{
    uint8_t context = a->command_context;
    unsigned message_id = command_number(&a->command, 0x0110), status = 0x0000;
    struct counts counts = {0};
    if (a->storage_context == 0) {
        counts.failed = a->options->objects;
        answer_get(a, context, message_id, 0xA702, counts);
        return;
    }
    if (a->request.bytes.size == 0)
        make_request(a);
    for (unsigned n = 1; n <= a->options->objects && status != 0xFE00; n++) {
        send_object(a, n);
        if (read_answer(a, &counts))
            status = 0xFE00;
        else if (n % 100 == 0 && n < a->options->objects)
            answer_get(a, context, message_id, 0xFF00, counts);
    }
    if (status == 0 && counts.failed + counts.warning > 0)
        status = 0xB000;
    answer_get(a, context, message_id, status, counts);
}

static void serve_echo(struct association *a)
{
    struct bytes b = {0};
    size_t start = command_begin(&b, a->command_context);
    command_ui(&b, 0x0002, "1.2.840.10008.1.1");
    command_us(&b, 0x0100, C_ECHO_RQ | RESPONSE);
    command_us(&b, 0x0120, command_number(&a->command, 0x0110));
    command_us(&b, 0x0800, NO_DATA_SET);
    command_us(&b, 0x0900, 0);
    command_end(&b, start);
    send_all(a->stream, b.data, b.size);
    free(b.data);
}

static _Noreturn void serve(int fd, const struct options *options)
{
    struct association a = {.options = options};
    a.stream = open_stream(fd, options->key, options->certificate);
    extend(&a.input, MAXIMUM_INPUT);
    a.input.size = 0;
    accept_association(&a);
    for (;;) {
        next_message(&a);
        switch (command_number(&a.command, 0x0100)) {
        case C_GET_RQ:
            serve_get(&a);
            break;
        case C_ECHO_RQ:
            serve_echo(&a);
            break;
        case C_CANCEL_RQ: /* too late */
            break;
        default:
            die("the client sent a command that is not served: %04X",
                command_number(&a.command, 0x0100));
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
        else if (strcmp(name, "--key") == 0)
            options.key = argv[i];
        else if (strcmp(name, "--certificate") == 0)
            options.certificate = argv[i];
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
    listen_and_serve(&options);
}

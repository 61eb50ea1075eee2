/* The floor of the benchmarks: the least that a C-GET client can do. It parses PDUs, writes each
 * object to a file of its own, and answers; it checks nothing that it need not. What it does, it
 * does as fast as this can reasonably be done: large reads, one gathering write for what one read
 * brought of an object, one write for an answer, TCP_NODELAY, and TCP_QUICKACK before every read.
 *
 *     floor HOST PORT DIRECTORY [--pdu N] [--called AET] [--query STUDY-UID]
 *
 * CT Image Storage only. It exits with 0 when the final status is 0000. */

#include "wire.h"
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define STUDY_ROOT_GET "1.2.840.10008.5.1.4.1.2.2.3"

enum { GET_CONTEXT = 1, CT_CONTEXT = 3, ITEMS_AT = 74, MOST_PARTS = 64 };

struct receiver {
    int socket, directory, file;
    size_t at, end;                 /* what is unread in buffer */
    size_t pdu_left, fragment_left; /* of the present PDU and PDV */
    uint8_t context, control;       /* of the present PDV */
    bool in_fragment;
    struct bytes command, answer, header;
    unsigned command_field, message_id, status;
    char uid[65], syntax[65];
    struct encoding query; /* as the server chose it */
    bool finished;
    struct iovec parts[MOST_PARTS]; /* to be written to file; they point into buffer */
    int part_count;
    unsigned long objects, octets;
    uint8_t buffer[256 * 1024];
};

/* ---- the socket ---- */

static void send_all(int fd, const struct bytes *b)
{
    for (size_t done = 0; done < b->size;) {
        ssize_t sent = send(fd, b->data + done, b->size - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            die("cannot send: %s", strerror(errno));
        done += sent < 0 ? 0 : (size_t)sent;
    }
}

static void fill(struct receiver *r)
{
    int on = 1;
    size_t unread = r->end - r->at;
    memmove(r->buffer, r->buffer + r->at, unread);
    setsockopt(r->socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    ssize_t got = recv(r->socket, r->buffer + unread, sizeof r->buffer - unread, 0);
    if (got == 0)
        die("the server closed the connection");
    if (got < 0 && errno != EINTR)
        die("cannot receive: %s", strerror(errno));
    r->at = 0;
    r->end = unread + (got < 0 ? 0 : (size_t)got);
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found), on = 1;
    if (error != 0)
        die("%s: %s", host, gai_strerror(error));
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        die("cannot connect to %s, port %s: %s", host, port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    freeaddrinfo(found);
    return fd;
}

/* ---- association ---- */

static void propose(struct bytes *b, uint8_t id, const char *abstract_syntax)
{
    size_t start = item_begin(b, 0x20);
    put(b, (uint32_t)id << 24, 4, true);
    put_item(b, 0x30, abstract_syntax, strlen(abstract_syntax));
    put_item(b, 0x40, EXPLICIT_LITTLE, strlen(EXPLICIT_LITTLE));
    put_item(b, 0x40, IMPLICIT_LITTLE, strlen(IMPLICIT_LITTLE));
    item_end(b, start);
}

static void send_request(int fd, const char *called, uint32_t maximum)
{
    struct bytes b = {0};
    char titles[33];
    snprintf(titles, sizeof titles, "%-16.16s%-16s", called, "FLOOR");
    put(&b, 1 << 8, 2, true);
    put(&b, 0, 4, true);
    put(&b, 1 << 16, 4, true); /* protocol version */
    put_bytes(&b, titles, 32);
    memset(extend(&b, 32), 0, 32);
    put_item(&b, 0x10, "1.2.840.10008.3.1.1.1", 21);
    propose(&b, GET_CONTEXT, STUDY_ROOT_GET);
    propose(&b, CT_CONTEXT, CT_IMAGE_STORAGE);
    size_t user = item_begin(&b, 0x50);
    size_t part = item_begin(&b, 0x51);
    put(&b, maximum, 4, true);
    item_end(&b, part);
    put_item(&b, 0x52, IMPLEMENTATION, strlen(IMPLEMENTATION));
    part = item_begin(&b, 0x54);
    put(&b, (uint32_t)strlen(CT_IMAGE_STORAGE), 2, true);
    put_bytes(&b, CT_IMAGE_STORAGE, strlen(CT_IMAGE_STORAGE));
    put(&b, 0x0001, 2, true); /* no SCU, but SCP */
    item_end(&b, part);
    item_end(&b, user);
    store(b.data + 2, (uint32_t)(b.size - 6), 4, true);
    send_all(fd, &b);
    free(b.data);
}

static void copy_text(char *to, size_t capacity, const uint8_t *from, size_t size)
{
    if (size >= capacity)
        die("the server sent a UID of %zu bytes", size);
    memcpy(to, from, size);
    to[size] = '\0';
}

static void check_context(struct receiver *r, const uint8_t *item, size_t size)
{
    const uint8_t *at = item + 4, *part;
    uint8_t type;
    size_t length;
    if (size < 4 || item[2] != 0)
        die("the server did not accept our presentation contexts");
    while ((part = next_item(&at, item + size, &type, &length)) != NULL) {
        if (type == 0x40 && item[0] == CT_CONTEXT)
            copy_text(r->syntax, sizeof r->syntax, part, length);
        else if (type == 0x40)
            r->query.explicit_vr = length == strlen(EXPLICIT_LITTLE);
    }
}

static void receive_accept(struct receiver *r)
{
    size_t size = 6, item_size;
    while (r->end < size) {
        fill(r);
        if (r->end >= 6)
            size = 6 + (size_t)load(r->buffer + 2, 4, true);
        if (size > sizeof r->buffer)
            die("the server's answer is too long");
    }
    if (r->buffer[0] != 2 || size < ITEMS_AT)
        die("the server did not accept the association");
    const uint8_t *at = r->buffer + ITEMS_AT, *item;
    uint8_t type;
    while ((item = next_item(&at, r->buffer + size, &type, &item_size)) != NULL)
        if (type == 0x21)
            check_context(r, item, item_size);
    r->at = size;
}

static void send_get(struct receiver *r, const char *study)
{
    struct bytes *b = &r->answer;
    b->size = 0;
    size_t start = command_begin(b, GET_CONTEXT);
    command_ui(b, 0x0002, STUDY_ROOT_GET);
    command_us(b, 0x0100, C_GET_RQ);
    command_us(b, 0x0110, 1);
    command_us(b, 0x0700, 0);
    command_us(b, 0x0800, 0);
    command_end(b, start);
    start = pdu_begin(b, GET_CONTEXT, 2);
    put_text(b, r->query, 0x00080052, "CS", "STUDY");
    put_text(b, r->query, 0x0020000D, "UI", study);
    pdu_end(b, start);
    send_all(r->socket, b);
}

static void release(struct receiver *r)
{
    struct bytes *b = &r->answer;
    b->size = 0;
    put(b, 5 << 8, 2, true);
    put(b, 4, 4, true);
    put(b, 0, 4, true);
    send_all(r->socket, b);
    while (r->end - r->at < 10)
        fill(r);
    close(r->socket);
}

/* ---- objects ---- */

static void write_parts(struct receiver *r)
{
    struct iovec *part = r->parts;
    int count = r->part_count;
    while (count > 0) {
        ssize_t written = writev(r->file, part, count);
        if (written < 0)
            die("cannot write %s: %s", r->uid, strerror(errno));
        for (r->octets += (size_t)written; count > 0 && (size_t)written >= part->iov_len; count--)
            written -= (ssize_t)part++->iov_len;
        if (count > 0) {
            part->iov_base = (uint8_t *)part->iov_base + written;
            part->iov_len -= (size_t)written;
        }
    }
    r->part_count = 0;
}

static void add_part(struct receiver *r, uint8_t *data, size_t size)
{
    if (r->part_count == MOST_PARTS)
        write_parts(r);
    r->parts[r->part_count++] = (struct iovec){data, size};
}

static void open_object(struct receiver *r)
{
    size_t length;
    const uint8_t *uid = command_value(&r->command, 0x1000, &length);
    if (uid == NULL)
        die("the server sent an object without SOP Instance UID");
    copy_text(r->uid, sizeof r->uid, uid, length);
    if (r->uid[strspn(r->uid, "0123456789.")] != '\0' || r->uid[0] == '.')
        die("the server sent a wrong SOP Instance UID");
    r->file = openat(r->directory, r->uid, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (r->file < 0)
        die("cannot create %s: %s", r->uid, strerror(errno));
    r->header.size = 0;
    put_file_meta(&r->header, r->uid, r->syntax);
    add_part(r, r->header.data, r->header.size);
}

static void finish_object(struct receiver *r)
{
    struct bytes *b = &r->answer;
    write_parts(r);
    if (close(r->file) != 0)
        die("cannot write %s: %s", r->uid, strerror(errno));
    r->objects++;
    b->size = 0;
    size_t start = command_begin(b, r->context);
    command_ui(b, 0x0002, CT_IMAGE_STORAGE);
    command_us(b, 0x0100, C_STORE_RQ | RESPONSE);
    command_us(b, 0x0120, r->message_id);
    command_us(b, 0x0800, NO_DATA_SET);
    command_us(b, 0x0900, 0);
    command_ui(b, 0x1000, r->uid);
    command_end(b, start);
    send_all(r->socket, b);
}

/* ---- messages ---- */

static void finish_message(struct receiver *r)
{
    if (r->command_field == C_STORE_RQ)
        finish_object(r);
    else if (r->status >> 8 != 0xFF)
        r->finished = true;
}

static void finish_command(struct receiver *r)
{
    r->command_field = command_number(&r->command, 0x0100);
    r->message_id = command_number(&r->command, 0x0110);
    r->status = command_number(&r->command, 0x0900);
    if (r->command_field == C_STORE_RQ)
        open_object(r);
    else if (r->command_field != (C_GET_RQ | RESPONSE))
        die("the server sent a command that is not expected: %04X", r->command_field);
    if (command_number(&r->command, 0x0800) == NO_DATA_SET)
        finish_message(r);
    r->command.size = 0;
}

/* Takes the next header or piece of a fragment; false where more must be read first. */
static bool step(struct receiver *r)
{
    size_t unread = r->end - r->at;
    uint8_t *at = r->buffer + r->at;
    if (r->in_fragment) {
        size_t part = unread < r->fragment_left ? unread : r->fragment_left;
        if (r->control & 1)
            put_bytes(&r->command, at, part);
        else if (r->command_field == C_STORE_RQ && part > 0)
            add_part(r, at, part);
        r->at += part;
        r->fragment_left -= part;
        r->in_fragment = r->fragment_left > 0;
        if (r->in_fragment)
            return false;
        if ((r->control & 3) == 3)
            finish_command(r);
        else if (r->control & 2)
            finish_message(r);
        return true;
    }
    if (unread < 6)
        return false;
    uint32_t length = load(at + (r->pdu_left == 0 ? 2 : 0), 4, true);
    r->at += 6;
    if (r->pdu_left == 0) {
        if (at[0] != 4)
            die("the server sent a PDU of type %u", at[0]);
        r->pdu_left = length;
        return true;
    }
    if (length < 2 || length + (size_t)4 > r->pdu_left)
        die("the server sent a PDV of a wrong length");
    r->pdu_left -= length + 4;
    r->fragment_left = length - 2;
    r->context = at[4];
    r->control = at[5];
    r->in_fragment = true;
    return true;
}

static void receive(struct receiver *r)
{
    while (!r->finished) {
        if (step(r))
            continue;
        write_parts(r);
        fill(r);
    }
}

int main(int argc, char **argv)
{
    static struct receiver r;
    const char *called = "ANY", *study = "1", *pdu = "16384";
    for (int i = 4; i + 1 < argc; i += 2) {
        const char **option = strcmp(argv[i], "--pdu") == 0      ? &pdu
                              : strcmp(argv[i], "--called") == 0 ? &called
                              : strcmp(argv[i], "--query") == 0  ? &study
                                                                 : NULL;
        if (option == NULL)
            die("unknown option: %s", argv[i]);
        *option = argv[i + 1];
    }
    if (argc < 4 || argc % 2 != 0)
        die("usage: floor HOST PORT DIRECTORY [--pdu N] [--called AET] [--query STUDY-UID]");
    r.directory = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r.directory < 0)
        die("cannot open %s: %s", argv[3], strerror(errno));
    r.socket = connect_to(argv[1], argv[2]);
    send_request(r.socket, called, (uint32_t)strtoul(pdu, NULL, 10));
    receive_accept(&r);
    send_get(&r, study);
    receive(&r);
    release(&r);
    printf("%lu objects, %lu bytes, status %04X\n", r.objects, r.octets, r.status);
    return r.status == 0 ? 0 : 1;
}

/*
 * pair: two sessions that talk to each other, and one wait over both.
 *
 * A test lets one side do something and awaits what that makes of either; events of the other side
 * that come first are kept until they are awaited. Where the peer has to be worse than a session
 * ever is, one end stays `raw`, for the test to write bytes to. What a test leaves open is closed
 * by the teardown, which also finds descriptors that were leaked.
 */
#ifndef PAIR_H
#define PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/pipe.h"
#include "session/session.h"
#include "session/wait.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CT          "1.2.840.10008.5.1.4.1.1.2"
#define IMPLICIT    "1.2.840.10008.1.2"
#define RECEIVE_MAX 16384
#define CT_CONTEXT  1
#define PATIENCE    10.0 /* seconds: an event that has not come by then never will */
#define BRIEF       0.05 /* seconds: the deadlines that tests let pass */
#define INBOX_MAX   32

enum { MIB = 1 << 20 };

/* An event, and copies of what it points to; valid until its side is waited for again. */
struct happened {
    struct gs_event event;
    struct gs_command command;
    struct gs_received received;
    struct gs_error error;
    uint8_t *bytes;
};

struct side {
    struct gs_session *session;
    struct happened inbox[INBOX_MAX];
    size_t first; /* those before were awaited */
    size_t count;
};

enum { REQUESTOR, ACCEPTOR };

static struct side sides[2];
static struct gs_transport *raw;
static struct gs_waiter waiter;
/* Half a record of TLS is no progress to a session, but its other end in memory can go on: try. */
static bool restless;

/* --- the output directory ----------------------------------------------------------------------
 */

static char directory_path[32];
static struct gs_directory *directory;
static struct gs_budget budget;

static inline void remove_files(void)
{
    DIR *listing = opendir(directory_path);
    struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL)
        unlinkat(dirfd(listing), entry->d_name, 0);
    if (listing != NULL)
        closedir(listing);
}

/* Temporary files count. */
static inline int files(void)
{
    int count = 0;
    DIR *listing = opendir(directory_path);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count++;
    closedir(listing);
    return count;
}

/* The file ends in these bytes, and what stands before them is not larger than a file header. */
static inline void assert_file_has(const char *name, const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory_path, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *all = malloc(size + GS_PART10_MAX + 1);
    assert_non_null(all);
    size_t got = fread(all, 1, size + GS_PART10_MAX + 1, file);
    fclose(file);
    assert_in_range(got, size + 132, size + GS_PART10_MAX);
    assert_memory_equal(all + 128, "DICM", 4);
    assert_memory_equal(all + got - size, bytes, size);
    free(all);
}

static inline struct gs_sink *file_sink(bool header)
{
    struct gs_sink *sink = gs_sink_file_new(directory, &budget, true);
    assert_non_null(sink);
    if (header)
        gs_sink_want_header(sink);
    return sink;
}

/* --- sides -------------------------------------------------------------------------------------
 */

static inline struct gs_session *session_of(int who)
{
    return sides[who].session;
}

static inline void open_side(int who, struct gs_transport *transport)
{
    assert_non_null(transport);
    sides[who].session = gs_session_new(transport, who == REQUESTOR, RECEIVE_MAX);
    assert_non_null(sides[who].session);
}

static inline void open_pipe(size_t capacity)
{
    struct gs_transport *ends[2];
    assert_int_equal(gs_pipe_new(ends, capacity), 0);
    open_side(REQUESTOR, ends[0]);
    open_side(ACCEPTOR, ends[1]);
}

/* One side is the test itself. */
static inline void open_raw(int who, size_t capacity)
{
    struct gs_transport *ends[2];
    assert_int_equal(gs_pipe_new(ends, capacity), 0);
    open_side(who, ends[0]);
    raw = ends[1];
}

static inline void raw_send(const void *bytes, size_t size)
{
    assert_int_equal(raw->operations->send(raw, bytes, size, NULL), size);
}

static inline void close_raw(void)
{
    if (raw != NULL)
        raw->operations->close(raw);
    raw = NULL;
}

static inline void empty_inbox(struct side *side)
{
    for (size_t i = 0; i < side->count; i++)
        free(side->inbox[i].bytes);
    side->first = side->count = 0;
}

static inline void keep(int who, const struct gs_event *event)
{
    struct side *side = &sides[who];
    if (side->first == side->count)
        empty_inbox(side);
    assert_true(side->count < INBOX_MAX);
    struct happened *copy = &side->inbox[side->count++];
    *copy = (struct happened){.event = *event};
    if (event->command != NULL) {
        copy->command = *event->command;
        copy->event.command = &copy->command;
    }
    if (event->error != NULL) {
        copy->error = *event->error;
        copy->event.error = &copy->error;
    }
    if (event->received == NULL)
        return;
    copy->received = *event->received;
    copy->event.received = &copy->received;
    if (copy->received.bytes != NULL) {
        copy->bytes = malloc(copy->received.bytes_size + 1);
        assert_non_null(copy->bytes);
        memcpy(copy->bytes, copy->received.bytes, copy->received.bytes_size);
        copy->received.bytes = copy->bytes;
    }
}

/* Waits for both sides and keeps what happens. False: nothing did within `seconds`. */
static inline bool turn(double seconds)
{
    struct gs_source *sources[2];
    int of[2];
    size_t count = 0, index = 0;
    for (int who = 0; who < 2; who++) {
        if (sides[who].session == NULL)
            continue;
        of[count] = who;
        sources[count++] = gs_session_source(sides[who].session);
    }
    struct gs_event event;
    enum gs_wait_result result = gs_wait(&waiter, sources, count, seconds, &index, &event);
    assert_int_not_equal(result, GS_WAIT_FAILED);
    if (result == GS_WAIT_EVENT)
        keep(of[index], &event);
    return result == GS_WAIT_EVENT;
}

static inline const struct gs_event *next_event(int who)
{
    struct side *side = &sides[who];
    double until = gs_clock() + PATIENCE;
    while (side->first == side->count && gs_clock() < until)
        turn(restless ? 0 : until - gs_clock());
    if (side->first == side->count)
        fail_msg("nothing happened to the %s", who == REQUESTOR ? "requestor" : "acceptor");
    return &side->inbox[side->first++].event;
}

static inline const struct gs_event *await(int who, enum gs_event_type type)
{
    const struct gs_event *event = next_event(who);
    if (event->type != type)
        fail_msg("the %s had %s, not %s: %s", who == REQUESTOR ? "requestor" : "acceptor",
                 gs_event_name(event->type), gs_event_name(type),
                 event->error != NULL ? event->error->message : "");
    return event;
}

static inline void await_failure(int who, const char *code)
{
    assert_string_equal(await(who, GS_EVENT_FAILED)->error->code, code);
    assert_true(gs_session_over(session_of(who)));
}

/* --- the association ---------------------------------------------------------------------------
 */

static inline struct gs_associate proposal(void)
{
    struct gs_associate associate = {0};
    strcpy(associate.called, "STORE");
    strcpy(associate.calling, "GETSCU");
    struct gs_context *context = gs_associate_add_context(&associate);
    assert_non_null(context);
    context->id = CT_CONTEXT;
    strcpy(context->abstract, CT);
    strcpy(*gs_context_add_syntax(context), IMPLICIT);
    return associate;
}

static inline void request(void)
{
    struct gs_associate associate = proposal();
    assert_int_equal(gs_session_request(session_of(REQUESTOR), &associate), 0);
}

static inline void accept_request(void)
{
    struct gs_associate associate = proposal();
    associate.contexts[0].abstract[0] = '\0';
    assert_int_equal(gs_session_accept(session_of(ACCEPTOR), &associate), 0);
}

static inline void associate_pair(void)
{
    request();
    const struct gs_event *event = await(ACCEPTOR, GS_EVENT_REQUESTED);
    assert_string_equal(event->associate->calling, "GETSCU");
    accept_request();
    event = await(REQUESTOR, GS_EVENT_ASSOCIATED);
    assert_non_null(gs_association_context(gs_session_association(session_of(REQUESTOR)), 1));
}

static inline void associated_pipe(size_t capacity)
{
    open_pipe(capacity);
    associate_pair();
}

/* The requestor releases. */
static inline void release_pair(void)
{
    assert_int_equal(gs_session_release(session_of(REQUESTOR)), 0);
    assert_false(await(REQUESTOR, GS_EVENT_RELEASED)->by_peer);
    assert_true(await(ACCEPTOR, GS_EVENT_RELEASED)->by_peer);
}

/* --- messages ----------------------------------------------------------------------------------
 */

static inline void set_text(struct gs_command_text *text, const char *value)
{
    text->size = (uint16_t)strlen(value);
    memcpy(text->bytes, value, text->size + 1u);
}

static inline struct gs_command command_of(uint16_t field, bool data)
{
    struct gs_command command = {
        .command_field = field, .message_id = 1, .data_set_type = data ? 0 : GS_NO_DATA_SET};
    command.present = 1u << GS_BIT_COMMAND_FIELD | 1u << GS_BIT_DATA_SET_TYPE |
                      1u << GS_BIT_MESSAGE_ID | 1u << GS_BIT_AFFECTED_SOP_CLASS |
                      1u << GS_BIT_AFFECTED_SOP_INSTANCE;
    set_text(&command.affected_sop_class, CT);
    set_text(&command.affected_sop_instance, "1.2.3");
    return command;
}

/* -1 with the code of the error in `failed`. */
static const char *failed;
static inline int send_message(int who, uint16_t field, struct gs_outgoing *data)
{
    struct gs_command command = command_of(field, data != NULL);
    struct gs_error error = {0};
    int sent = gs_session_send(session_of(who), CT_CONTEXT, &command, data, &error);
    failed = error.code;
    return sent;
}

static inline int send_echo(int who)
{
    return send_message(who, GS_C_ECHO_RQ, NULL);
}

static inline int send_bytes(int who, const void *bytes, size_t size)
{
    struct gs_outgoing data = {.bytes = bytes, .size = size, .descriptor = -1};
    return send_message(who, GS_C_STORE_RQ, &data);
}

/* A file without a name that has these bytes. */
static inline int file_of(const void *bytes, size_t size)
{
    int descriptor = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), size);
    assert_int_equal(lseek(descriptor, 0, SEEK_SET), 0);
    return descriptor;
}

static inline int send_file(int who, const void *bytes, size_t size)
{
    struct gs_outgoing data = {.descriptor = file_of(bytes, size), .length = size};
    return send_message(who, GS_C_STORE_RQ, &data);
}

/* The object that the other side is sending goes to this sink. */
static inline void receive(int who, struct gs_sink *sink, const char *name)
{
    assert_non_null(sink);
    await(who, GS_EVENT_COMMAND);
    assert_true(gs_session_undecided(session_of(who)));
    assert_int_equal(gs_session_receive(session_of(who), sink, name, GS_COLLISION_DISTINCT, "PEER"),
                     0);
}

static inline void await_file(int who, const char *name, const void *bytes, size_t size)
{
    const struct gs_received *received = await(who, GS_EVENT_RECEIVED)->received;
    assert_false(received->failed);
    assert_int_equal(received->size, size);
    assert_true(received->committed);
    assert_string_equal(received->file.name, name);
    assert_file_has(name, bytes, size);
}

/* --- data sets ---------------------------------------------------------------------------------
 */

static inline void put_element(uint8_t *at, uint16_t group, uint16_t element, uint32_t size)
{
    const uint8_t header[8] = {(uint8_t)group,          (uint8_t)(group >> 8), (uint8_t)element,
                               (uint8_t)(element >> 8), (uint8_t)size,         (uint8_t)(size >> 8),
                               (uint8_t)(size >> 16),   (uint8_t)(size >> 24)};
    memcpy(at, header, sizeof header);
}

/* Patient's Name, then as much Pixel Data as makes `size` bytes; the caller frees it. */
#define HEADER_SIZE (8 + 4)
static inline uint8_t *image(size_t size)
{
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    put_element(bytes, 0x0010, 0x0010, 4);
    memcpy(bytes + 8, "A^B ", 4);
    put_element(bytes + HEADER_SIZE, 0x7FE0, 0x0010, (uint32_t)(size - HEADER_SIZE - 8));
    for (size_t i = HEADER_SIZE + 8; i < size; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    return bytes;
}

/* --- set up and torn down ----------------------------------------------------------------------
 */

static int descriptors_before;

static inline int open_descriptors(void)
{
    int count = 0;
    DIR *listing = opendir("/proc/self/fd");
    assert_non_null(listing);
    while (readdir(listing) != NULL)
        count++;
    closedir(listing);
    return count;
}

static inline int setup(void **state)
{
    (void)state;
    descriptors_before = open_descriptors();
    strcpy(directory_path, "/tmp/getscu-pair-XXXXXX");
    struct gs_error error;
    if (mkdtemp(directory_path) == NULL)
        return -1;
    directory = gs_directory_open(directory_path, &error);
    gs_budget_init(&budget);
    waiter = (struct gs_waiter){0};
    restless = false;
    return directory != NULL ? 0 : -1;
}

static inline void close_sides(void)
{
    close_raw();
    for (int who = 0; who < 2; who++)
        if (sides[who].session != NULL)
            gs_session_abort(sides[who].session);
    while (turn(0)) /* each reads the last words of the other */
        ;
    for (int who = 0; who < 2; who++) {
        gs_session_free(sides[who].session);
        sides[who].session = NULL;
        empty_inbox(&sides[who]);
    }
}

static inline int teardown(void **state)
{
    (void)state;
    close_sides();
    gs_directory_release(directory);
    gs_budget_clear(&budget);
    remove_files();
    rmdir(directory_path);
    assert_int_equal(open_descriptors(), descriptors_before);
    return 0;
}

#endif

/*
 * Memory that runs out: a whole retrieval in one process, in which the n-th allocation of ours
 * fails, for each n, once and from there on. It ends, and with sanitizers it is seen that nothing
 * was lost; a file is there only where the peer was told so, and then it is whole.
 *
 * The allocators are wrapped by the linker, in all that is ours and in nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/pipe.h"
#include "net/tcp.h"
#include "session/listening.h"
#include "session/session.h"
#include "session/wait.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GET         "1.2.840.10008.5.1.4.1.2.2.3"
#define CT          "1.2.840.10008.5.1.4.1.1.2"
#define UID         "1.2.3.4"
#define NAME        "a/CT.1.2.3.4"
#define OBJECT_SIZE 200000
#define TURNS       20000

/* --- the allocators ----------------------------------------------------------------------------
 */

static atomic_uint allocations;
static unsigned fail_at; /* 0: none */
static bool fail_on;     /* and all that follow */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);

static bool fails(void)
{
    unsigned number = atomic_fetch_add(&allocations, 1) + 1;
    return fail_at > 0 && (number == fail_at || (fail_on && number > fail_at));
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    return fails() ? NULL : __real_realloc(bytes, size);
}

/* --- two sides ---------------------------------------------------------------------------------
 */

static char directory_path[] = "/tmp/getscu-memory-XXXXXX";
static struct gs_directory *directory;
static struct gs_budget budget;
static uint8_t object[OBJECT_SIZE];

static struct gs_session *client, *server;
static struct gs_listening *listening;
static bool stored; /* the server was told so */

static void set_us(struct gs_command *command, enum gs_command_bit bit, uint16_t value)
{
    memcpy((uint8_t *)command + gs_command_fields()[bit].offset, &value, sizeof value);
    command->present |= 1u << bit;
}

static void set_text(struct gs_command *command, enum gs_command_bit bit, const char *value)
{
    struct gs_command_text *text = (void *)((uint8_t *)command + gs_command_fields()[bit].offset);
    text->size = (uint16_t)strlen(value);
    strcpy(text->bytes, value);
    command->present |= 1u << bit;
}

static int say(struct gs_session *session, uint8_t context, uint16_t field, uint16_t status,
               const uint8_t *bytes, size_t size)
{
    struct gs_command command = {0};
    struct gs_outgoing data = {.bytes = bytes, .size = size, .descriptor = -1};
    struct gs_error error;
    set_us(&command, GS_BIT_COMMAND_FIELD, field);
    set_us(&command, field & 0x8000 ? GS_BIT_RESPONDED_MESSAGE_ID : GS_BIT_MESSAGE_ID, 1);
    set_us(&command, GS_BIT_DATA_SET_TYPE, bytes != NULL ? 0 : GS_NO_DATA_SET);
    if (field & 0x8000)
        set_us(&command, GS_BIT_STATUS, status);
    set_text(&command, GS_BIT_AFFECTED_SOP_CLASS, context == 1 ? GET : CT);
    set_text(&command, GS_BIT_AFFECTED_SOP_INSTANCE, UID);
    return gs_session_send(session, context, &command, bytes != NULL ? &data : NULL, &error);
}

/* What is proposed, or the answer that accepts it. False: no memory. */
static bool contexts(struct gs_associate *associate)
{
    static const char *const abstracts[] = {GET, CT};
    *associate = (struct gs_associate){.protocol_version = 1};
    for (uint8_t i = 0; i < 2; i++) {
        struct gs_context *context = gs_associate_add_context(associate);
        gs_uid_text *syntax = context != NULL ? gs_context_add_syntax(context) : NULL;
        struct gs_role *role = gs_associate_add_role(associate);
        struct gs_extended *extended = gs_associate_add_extended(associate);
        if (syntax == NULL || role == NULL || extended == NULL) {
            gs_associate_clear(associate);
            return false;
        }
        context->id = (uint8_t)(2 * i + 1);
        strcpy(context->abstract, abstracts[i]);
        strcpy(*syntax, GS_UID_EXPLICIT_LITTLE);
        strcpy(role->sop_class, abstracts[i]);
        role->scp = true;
        strcpy(extended->sop_class, abstracts[i]);
        extended->information = calloc(1, 2);
        extended->size = extended->information != NULL ? 2 : 0;
    }
    return true;
}

static void abort_if(struct gs_session *session, bool failed)
{
    if (failed)
        gs_session_abort(session);
}

static void client_happened(const struct gs_event *event)
{
    struct gs_sink *sink;
    switch (event->type) {
    case GS_EVENT_ASSOCIATED:
        abort_if(client,
                 say(client, 1, GS_C_GET_RQ, 0, (const uint8_t *)"\x08\0\x52\0\0\0\0\0", 8) < 0);
        break;
    case GS_EVENT_COMMAND:
        if (event->command->command_field == GS_C_GET_RSP) {
            gs_session_release(client);
            break;
        }
        sink = gs_sink_file_new(directory, &budget, true);
        if (sink != NULL)
            gs_sink_want_header(sink);
        gs_session_receive(client, sink, NULL, GS_COLLISION_DISTINCT, "PEER");
        break;
    case GS_EVENT_HEADER:
        gs_session_resume(client, true, NAME, GS_COLLISION_DISTINCT, NULL);
        break;
    case GS_EVENT_RECEIVED:
        stored = event->received->committed;
        abort_if(client, say(client, 3, GS_C_STORE_RSP, stored ? 0 : 0xa700, NULL, 0) < 0);
        break;
    default:
        break;
    }
}

static void server_happened(const struct gs_event *event)
{
    struct gs_associate answer;
    switch (event->type) {
    case GS_EVENT_REQUESTED:
        abort_if(server, !contexts(&answer) || gs_session_accept(server, &answer) != 0);
        break;
    case GS_EVENT_COMMAND:
        if (event->command->command_field == GS_C_GET_RQ)
            gs_session_receive(server, gs_sink_memory_new(1000), NULL, GS_COLLISION_REPLACE, NULL);
        else
            abort_if(server, say(server, 1, GS_C_GET_RSP, 0, NULL, 0) < 0);
        break;
    case GS_EVENT_RECEIVED:
        abort_if(server, say(server, 3, GS_C_STORE_RQ, 0, object, sizeof object) < 0);
        break;
    default:
        break;
    }
}

/* Waits for whoever is there, until both are over. */
static void converse(void)
{
    struct gs_waiter waiter = {0};
    struct gs_event event;
    size_t index;
    for (int turn = 0; turn < TURNS; turn++) {
        struct gs_source *sources[3];
        size_t count = 0;
        if (client != NULL && !gs_session_over(client))
            sources[count++] = gs_session_source(client);
        size_t of_server = count;
        if (server != NULL && !gs_session_over(server))
            sources[count++] = gs_session_source(server);
        if (count == 0)
            return;
        if (server == NULL && listening != NULL)
            sources[count++] = gs_listening_source(listening);
        if (gs_wait(&waiter, sources, count, 5, &index, &event) != GS_WAIT_EVENT)
            break;
        if (event.type == GS_EVENT_ACCEPTED)
            server = event.session;
        else if (index == of_server)
            server_happened(&event);
        else if (index < of_server)
            client_happened(&event);
    }
    fail_msg("it does not end (allocation %u)", fail_at);
}

/* --- a retrieval, and what it leaves ------------------------------------------------------------
 */

static void open_pipe(void)
{
    struct gs_transport *ends[2];
    if (gs_pipe_new(ends, 65536) != 0)
        return;
    client = gs_session_new(ends[0], true, 16384);
    server = gs_session_new(ends[1], false, 16384);
}

/* The look-up of a name has a thread of its own. */
static void open_tcp(void)
{
    struct gs_error error;
    listening = gs_listening_new("127.0.0.1", 0, 16384, &error);
    if (listening == NULL)
        return;
    struct gs_transport *transport =
        gs_tcp_connect("localhost", gs_listening_port(listening), GS_FAMILY_IPV4, &error);
    if (transport != NULL)
        client = gs_session_new(transport, true, 16384);
}

static void retrieve(bool tcp)
{
    struct gs_associate proposal;
    stored = false;
    directory = gs_directory_open(directory_path, NULL);
    if (directory == NULL)
        return;
    tcp ? open_tcp() : open_pipe();
    if (client != NULL && (!contexts(&proposal) || gs_session_request(client, &proposal) != 0))
        gs_session_abort(client);
    if (client != NULL && (tcp || server != NULL))
        converse();
    gs_session_free(client);
    gs_session_free(server);
    gs_listening_free(listening);
    client = server = NULL;
    listening = NULL;
    gs_budget_clear(&budget);
    gs_directory_release(directory);
}

static int files_in(const char *path)
{
    int count = 0;
    DIR *listing = opendir(path);
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;)
        count += entry->d_name[0] != '.' || strstr(entry->d_name, ".part") != NULL;
    if (listing != NULL)
        closedir(listing);
    return count;
}

static void judge(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/a", directory_path);
    int folder = access(path, F_OK) == 0;
    if (files_in(directory_path) != folder || files_in(path) != (stored ? 1 : 0))
        fail_msg("files are left (allocation %u)", fail_at);
    snprintf(path, sizeof path, "%s/%s", directory_path, NAME);
    struct stat status;
    if (stored)
        assert_int_equal(stat(path, &status), 0);
    if (stored)
        assert_in_range(status.st_size, OBJECT_SIZE + 132, OBJECT_SIZE + GS_PART10_MAX);
    unlink(path);
    snprintf(path, sizeof path, "%s/a", directory_path);
    rmdir(path);
}

static void fail_each(bool tcp)
{
    assert_non_null(mkdtemp(directory_path));
    gs_budget_init(&budget);
    memcpy(object, "\x10\0\x10\0PN\4\0Doe \xe0\x7f\x10\0OB\0\0", 20);
    for (int i = 0; i < 4; i++)
        object[20 + i] = (uint8_t)((OBJECT_SIZE - 24) >> 8 * i);
    fail_at = 0;
    atomic_store(&allocations, 0);
    retrieve(tcp);
    assert_true(stored);
    judge();
    unsigned count = atomic_load(&allocations);
    assert_in_range(count, 10, 1000);
    for (unsigned n = 1; n <= count; n++) {
        for (int on = 0; on < 2; on++) {
            fail_at = n;
            fail_on = on;
            atomic_store(&allocations, 0);
            retrieve(tcp);
            judge();
        }
    }
    fail_at = 0;
    assert_int_equal(rmdir(directory_path), 0);
    memcpy(directory_path + sizeof directory_path - 7, "XXXXXX", 6);
}

static void a_retrieval_in_memory_survives_each_allocation_that_fails(void **state)
{
    (void)state;
    fail_each(false);
}

static void a_retrieval_over_tcp_survives_each_allocation_that_fails(void **state)
{
    (void)state;
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retrieval_in_memory_survives_each_allocation_that_fails),
        cmocka_unit_test(a_retrieval_over_tcp_survives_each_allocation_that_fails),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}

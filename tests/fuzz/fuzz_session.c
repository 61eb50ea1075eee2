/* A whole session: the client side of a C-GET over a transport in memory, with files in a temporary
 * directory, against a server that says anything. It does what receiver.lua does. The promises of
 * the product are the oracle:
 *
 *   P1  a file under its final name has, byte for byte, one data set that was sent to its end;
 *   P3  nothing is created outside of the output directory;
 *   P4  memory is bounded (the limits under which the fuzzer runs);
 *   P6  the session ends, and where the server broke the rules its last words are an A-ABORT. */
#include "fuzz.h"
#include "listener.h"
#include "speech.h"

#include "dcmtk/dataset.h"
#include "dcmtk/log.h"
#include "net/pipe.h"
#include "session/session.h"
#include "session/wait.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECEIVE_MAX  16384
#define GET          "1.2.840.10008.5.1.4.1.2.2.3"
#define CONTEXTS     8
#define MESSAGE_ID   1
#define ANSWERED_MAX (4u << 20)

static const struct {
    const char *abstract, *syntax;
} proposed[CONTEXTS] = {
    {GET, "1.2.840.10008.1.2"},
    {"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2"},
    {"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"},
    {"1.2.840.10008.1.1", "1.2.840.10008.1.2"},
    {"1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.2"},
    {"1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.4.50"},
    {"1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.1.99"},
    {"1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.1.2.1"},
};

/* How the client is used: bits of the second byte of an input. */
enum choices {
    HOLD = 1,
    WANT_HEADER = 2,
    WANT_STRUCTURE = 4,
    NAME_LATER = 8,
    NARROW = 16, /* the transport holds little */
    OPEN_HEADER = 32,
    DISTINCT = 64,
    REFUSE = 128
};

struct client {
    struct gs_session *session;
    unsigned choices;
    struct gs_command pending; /* answered when its data set is there */
    uint8_t context;
    bool storing;
    size_t objects; /* that were announced, with a data set */
    size_t files;
    struct {
        char name[GS_PATH_MAX];
        size_t object;
    } committed[OBJECTS_MAX];
};

static struct speech speech;
static struct heard heard;
static struct client client;
static struct gs_budget budget;
static struct gs_directory *directory;
static char base[64]; /* with nothing in it but the output directory */
static char output[80];

/* --- the disk ----------------------------------------------------------------------------------
 */

static void prepare(void)
{
    if (directory != NULL)
        return;
    const char *parent = getenv("TMPDIR");
    snprintf(base, sizeof base, "%.40s/getscu-fuzz-XXXXXX", parent != NULL ? parent : "/tmp");
    REQUIRE(mkdtemp(base) != NULL);
    snprintf(output, sizeof output, "%s/out", base);
    REQUIRE(mkdir(output, 0700) == 0);
    directory = gs_directory_open(output, NULL);
    REQUIRE(directory != NULL);
    gs_budget_init(&budget);
}

static void clean_up(void)
{
    rmdir(output);
    rmdir(base);
}

/* The file ends in the data set of this object, and before it stands nothing but a header. */
static void require_file(const char *name, const struct heard_object *object)
{
    static uint8_t bytes[HEARD_MAX + GS_PART10_MAX + 1];
    int file = openat(gs_directory_descriptor(directory), name, O_RDONLY | O_NOFOLLOW);
    REQUIRE(file >= 0);
    ssize_t size = read(file, bytes, sizeof bytes);
    close(file);
    REQUIRE(size > 132 && memcmp(bytes + 128, "DICM", 4) == 0);
    REQUIRE((size_t)size >= object->size + 132 && (size_t)size <= object->size + GS_PART10_MAX);
    REQUIRE(memcmp(bytes + size - object->size, heard.data + object->start, object->size) == 0);
    /* the group length tells where the data set begins, whatever that begins with */
    REQUIRE(144 + number(bytes + 140, 4, true) == (size_t)size - object->size);
}

/* Every file was committed, and is what it was then. */
static void require_committed(const char *name)
{
    for (size_t i = client.files; i-- > 0;) {
        if (strcmp(client.committed[i].name, name) == 0) {
            require_file(name, &heard.objects[client.committed[i].object]);
            return;
        }
    }
    fprintf(stderr, "the file %s was never committed\n", name);
    abort();
}

static size_t list(const char *path, void (*judge)(const char *name))
{
    size_t count = 0;
    DIR *listing = opendir(path);
    REQUIRE(listing != NULL);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        if (judge != NULL)
            judge(entry->d_name);
    }
    closedir(listing);
    return count;
}

static void remove_file(const char *name)
{
    REQUIRE(unlinkat(gs_directory_descriptor(directory), name, 0) == 0);
}

static void judge_disk(void)
{
    REQUIRE(access("/tmp/escape", F_OK) != 0);
    REQUIRE(list(base, NULL) == 1);
    list(output, require_committed);
    list(output, remove_file);
    REQUIRE(list(output, NULL) == 0);
    REQUIRE(budget.used == 0);
}

/* --- the client --------------------------------------------------------------------------------
 */

static void request(void)
{
    struct gs_associate associate = {.protocol_version = 1};
    strcpy(associate.called, "PEER");
    strcpy(associate.calling, "CLIENT");
    for (unsigned i = 0; i < CONTEXTS; i++) {
        struct gs_context *context = gs_associate_add_context(&associate);
        gs_uid_text *syntax = context != NULL ? gs_context_add_syntax(context) : NULL;
        REQUIRE(syntax != NULL);
        context->id = (uint8_t)(2 * i + 1);
        strcpy(context->abstract, proposed[i].abstract);
        strcpy(*syntax, proposed[i].syntax);
    }
    REQUIRE(gs_session_request(client.session, &associate) == 0);
}

static void set_us(struct gs_command *command, enum gs_command_bit bit, uint16_t value)
{
    memcpy((uint8_t *)command + gs_command_fields()[bit].offset, &value, sizeof value);
    command->present |= 1u << bit;
}

static void begin_get(void)
{
    static const uint8_t identifier[] = "\x08\0\x52\0\6\0\0\0STUDY ";
    struct gs_command command = {0};
    struct gs_outgoing data = {.bytes = identifier, .size = 14, .descriptor = -1};
    if (gs_association_context(gs_session_association(client.session), 1) == NULL) {
        gs_session_release(client.session);
        return;
    }
    set_us(&command, GS_BIT_COMMAND_FIELD, GS_C_GET_RQ);
    set_us(&command, GS_BIT_MESSAGE_ID, MESSAGE_ID);
    set_us(&command, GS_BIT_DATA_SET_TYPE, 0);
    REQUIRE(gs_session_send(client.session, 1, &command, &data, NULL) >= 0);
}

static void respond(uint16_t status)
{
    struct gs_command answer = {0};
    set_us(&answer, GS_BIT_COMMAND_FIELD, client.pending.command_field | 0x8000);
    set_us(&answer, GS_BIT_RESPONDED_MESSAGE_ID, client.pending.message_id);
    set_us(&answer, GS_BIT_DATA_SET_TYPE, GS_NO_DATA_SET);
    set_us(&answer, GS_BIT_STATUS, status);
    answer.affected_sop_instance = client.pending.affected_sop_instance;
    answer.present |= client.pending.present & 1u << GS_BIT_AFFECTED_SOP_INSTANCE;
    gs_session_send(client.session, client.context, &answer, NULL, NULL);
}

static enum gs_collision collision(void)
{
    if (client.choices & REFUSE)
        return GS_COLLISION_REFUSE;
    return client.choices & DISTINCT ? GS_COLLISION_DISTINCT : GS_COLLISION_REPLACE;
}

/* The name as names.lua makes it: a prefix, and the UID whatever it is. */
static const char *name_of(const struct gs_command *command)
{
    static char name[GS_COMPONENT_MAX + 1];
    char prefixed[GS_COMMAND_TEXT_MAX + 8];
    const struct gs_command_text *uid = &command->affected_sop_instance;
    memcpy(prefixed, "CT.", 3);
    memcpy(prefixed + 3, uid->bytes, uid->size);
    bool bare = client.choices & WANT_STRUCTURE; /* as +B has it */
    REQUIRE(gs_path_component(bare ? uid->bytes : prefixed, bare ? uid->size : uid->size + 3u,
                              name) > 0);
    return name;
}

static struct gs_sink *file_sink(void)
{
    struct gs_sink *sink = gs_sink_file_new(directory, &budget, client.choices & HOLD);
    REQUIRE(sink != NULL);
    if (client.choices & WANT_HEADER)
        gs_sink_want_header(sink);
    if (client.choices & WANT_STRUCTURE)
        gs_sink_want_structure(sink);
    return sink;
}

static void store_came(const struct gs_command *command, bool data)
{
    client.objects += data;
    client.storing = data;
    if (!data) {
        gs_session_abort(client.session);
        return;
    }
    bool named = command->affected_sop_instance.size > 0 && command->cut == 0;
    bool later = client.choices & (WANT_HEADER | NAME_LATER);
    gs_session_receive(client.session, named ? file_sink() : gs_sink_discard_new(),
                       named && !later ? name_of(command) : NULL, collision(), "PEER");
}

static void answer(void)
{
    const struct gs_command *command = &client.pending;
    bool status = gs_command_has(command, GS_BIT_STATUS);
    switch (command->command_field) {
    case GS_C_ECHO_RQ:
        respond(0x0000);
        break;
    case GS_C_GET_RSP:
        if (!status || !gs_command_has(command, GS_BIT_RESPONDED_MESSAGE_ID))
            gs_session_abort(client.session);
        else if (command->responded_message_id == MESSAGE_ID && command->status >> 8 != 0xff)
            gs_session_release(client.session);
        break;
    case GS_C_FIND_RQ:
    case GS_C_GET_RQ:
    case GS_C_MOVE_RQ:
    case GS_N_SET_RQ:
        respond(0x0211);
        break;
    default:
        gs_session_abort(client.session);
        break;
    }
}

static void command_came(const struct gs_event *event)
{
    bool data = gs_command_has_data_set(event->command);
    client.pending = *event->command;
    client.context = event->context;
    client.storing = false;
    if (event->command->command_field == GS_C_STORE_RQ)
        store_came(event->command, data);
    else if (data)
        gs_session_receive(client.session, gs_sink_memory_new(1 << 20), NULL, collision(), NULL);
    else
        answer();
}

static void header_came(const struct gs_received *received)
{
    REQUIRE(received->incomplete || received->bytes != NULL || received->bytes_size == 0);
    if (client.choices & OPEN_HEADER && !received->incomplete && received->bytes != NULL) {
        const char *syntax = proposed[client.context / 2].syntax;
        struct gs_dataset *header =
            gs_dataset_decode(received->bytes, received->bytes_size, syntax, NULL);
        gs_dataset_free(header);
    }
    gs_session_resume(client.session, true, NULL, collision(), NULL);
}

static void object_came(const struct gs_received *received)
{
    const struct heard_object *object = &heard.objects[client.objects - 1];
    REQUIRE(client.objects <= heard.count && object->complete);
    REQUIRE(received->size == object->size);
    bool named = client.pending.affected_sop_instance.size > 0 && client.pending.cut == 0;
    const struct gs_committed *file = received->committed ? &received->file : NULL;
    REQUIRE(file == NULL || !received->failed);
    if (file == NULL && named && !received->failed)
        file = gs_session_commit(client.session, name_of(&client.pending), collision(), NULL);
    if (file != NULL) {
        require_file(file->name, object);
        strcpy(client.committed[client.files].name, file->name);
        client.committed[client.files++].object = client.objects - 1;
    }
    respond(!named ? 0x0117 : file != NULL ? 0x0000 : 0xa700);
}

static void happened(const struct gs_event *event)
{
    switch (event->type) {
    case GS_EVENT_ASSOCIATED:
        begin_get();
        break;
    case GS_EVENT_COMMAND:
        command_came(event);
        break;
    case GS_EVENT_HEADER:
        header_came(event->received);
        break;
    case GS_EVENT_RECEIVED:
        if (client.storing)
            object_came(event->received);
        else
            answer();
        break;
    default:
        break;
    }
}

/* --- the server --------------------------------------------------------------------------------
 */

struct server {
    struct gs_transport *transport;
    size_t said;
    uint32_t cut;
    uint32_t state;
    bool shut;
    size_t answered_size; /* of what the client says, all of it is read and the end is kept */
    uint8_t answered[GS_PDU_SHORT_SIZE];
    size_t pdu_left;
    size_t header_size;
    uint8_t header[GS_PDU_HEADER_SIZE];
};

/* The client's words are PDUs that a server can read. */
static void hear_client(struct server *server, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        memmove(server->answered, server->answered + 1, sizeof server->answered - 1);
        server->answered[sizeof server->answered - 1] = bytes[i];
        if (server->pdu_left > 0) {
            server->pdu_left--;
            continue;
        }
        server->header[server->header_size++] = bytes[i];
        if (server->header_size < GS_PDU_HEADER_SIZE)
            continue;
        REQUIRE(server->header[0] >= 1 && server->header[0] <= 7);
        server->header_size = 0;
        server->pdu_left = number(server->header + 2, 4, false);
        REQUIRE(server->pdu_left <= GS_ASSOCIATE_MAX);
    }
    server->answered_size += size;
    REQUIRE(server->answered_size < ANSWERED_MAX);
}

static void serve(struct server *server)
{
    uint8_t buffer[8192];
    const struct gs_transport_operations *operations = server->transport->operations;
    ssize_t got;
    while ((got = operations->receive(server->transport, buffer, sizeof buffer, NULL)) > 0)
        hear_client(server, buffer, (size_t)got);
    if (server->said < speech.size) {
        size_t left = speech.size - server->said;
        size_t piece = next_piece(server->cut, &server->state, left) * (1 + speech.size / 1024);
        piece = piece < left ? piece : left; /* a long speech is not cut into single bytes: time */
        ssize_t moved =
            operations->send(server->transport, speech.bytes + server->said, piece, NULL);
        if (moved > 0)
            server->said += (size_t)moved;
        else if (moved == GS_IO_FAILED) /* the client has closed */
            server->said = speech.size;
    } else if (!server->shut) {
        operations->shut(server->transport);
        server->shut = true;
    }
}

static void require_last_words(const struct server *server, const struct gs_event *final)
{
    static const uint8_t aborted[] = {7, 0, 0, 0, 0, 4, 0, 0};
    const struct gs_error *error = final->error;
    bool failed = final->type == GS_EVENT_FAILED;
    REQUIRE(!failed || error->message[0] != '\0');
    bool ours =
        final->type == GS_EVENT_CLOSED || (failed && strcmp(error->code, "protocol-error") == 0);
    if (ours)
        REQUIRE(memcmp(server->answered, aborted, sizeof aborted) == 0);
    if (ours || final->type == GS_EVENT_RELEASED)
        REQUIRE(server->pdu_left == 0 && server->header_size == 0);
}

static void converse(struct server *server)
{
    struct gs_waiter waiter = {0};
    struct gs_source *source = gs_session_source(client.session);
    struct gs_event event;
    size_t index;
    /* Each turn moves a byte, or tells something that a byte made. */
    for (size_t turns = 4 * SPEECH_MAX + 1000; !gs_session_over(client.session); turns--) {
        REQUIRE(turns > 0);
        serve(server);
        if (gs_wait(&waiter, &source, 1, 0, &index, &event) == GS_WAIT_EVENT)
            happened(&event);
    }
    serve(server);
    require_last_words(server, &event);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *syntaxes[CONTEXTS];
    struct input input = {bytes, size};
    struct gs_transport *ends[2];
    if (directory == NULL) {
        gs_log_start(GS_LOG_OFF, NULL);
        prepare();
        atexit(clean_up);
    }
    for (size_t i = 0; i < CONTEXTS; i++)
        syntaxes[i] = proposed[i].syntax;
    unsigned mode = take8(&input);
    struct server server = {.cut = mode >> 1 == 0 ? 1 : mode >> 1 == 1 ? 0 : mode};
    client.choices = take8(&input);
    client.objects = client.files = 0;
    speech.size = 0;
    if (mode & 1)
        put(&speech, input.bytes, input.size);
    else
        say_all(&speech, &input, syntaxes, CONTEXTS);
    hear(&heard, speech.bytes, speech.size);
    REQUIRE(gs_pipe_new(ends, client.choices & NARROW ? 512 : 65536) == 0);
    server.transport = ends[1];
    client.session = gs_session_new(ends[0], true, RECEIVE_MAX);
    REQUIRE(client.session != NULL);
    request();
    converse(&server);
    gs_session_free(client.session);
    server.transport->operations->close(server.transport);
    judge_disk();
    gs_budget_clear(&budget);
    return 0;
}

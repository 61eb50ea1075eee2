/* A tap: it stands between a client and a server, records what they say, and spoils it where asked.
 *
 *     tap --to PORT --record PREFIX --port-file FILE [--chunk N] [--cut N] [--reset N] [--hold N]
 *     tap --say FILE | --deaf 1 --record PREFIX --port-file FILE
 *
 * It listens on a free port of 127.0.0.1, writes the port to FILE, and connects each client to
 * PORT. Connection n (from 1) is recorded, as it was delivered, in PREFIX.n.client and
 * PREFIX.n.server. Of what the server says:
 *
 *     --chunk N   comes in segments of N bytes
 *     --cut N     after N bytes both connections are closed
 *     --reset N   after N bytes they are reset
 *     --hold N    after N bytes nothing more comes
 *
 * Without --to it is a server itself:
 *
 *     --say FILE  says what the file holds, whatever the client says, and waits for the client's
 * end
 *     --deaf 1    takes no connection; the system's queue for them is full
 *
 * Each connection has a process of its own, which ends with the tap. */

#define TOOL "tap"
#include "loopback.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

enum { BUFFER = 65536 };

struct options {
    const char *record, *port_file, *say;
    long to, chunk, cut, reset, hold, deaf; /* 0 where not given */
};

struct side {
    int from, to, record;
    bool over;
    long passed; /* bytes */
};

static int open_record(const struct options *options, unsigned connection, const char *who)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.%u.%s", options->record, connection, who);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    if (file < 0)
        die(path);
    return file;
}

static bool deliver(struct side *side, const char *bytes, long size, long chunk)
{
    for (long at = 0; at < size; at += chunk) {
        long part = size - at < chunk ? size - at : chunk;
        if (!write_all(side->record, bytes + at, part) || !write_all(side->to, bytes + at, part))
            return false;
        side->passed += part;
    }
    return true;
}

/* How many bytes may still pass. */
static long allowed(const struct options *options, const struct side *side)
{
    long limit = options->cut > 0     ? options->cut
                 : options->reset > 0 ? options->reset
                                      : options->hold;
    return limit > 0 ? limit - side->passed : BUFFER;
}

static _Noreturn void end(const struct options *options, int client, int server)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (options->reset > 0)
        setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(client);
    close(server);
    exit(0);
}

/* Moves what is there; false where the side has ended. */
static bool move(const struct options *options, struct side *side, bool from_server)
{
    char bytes[BUFFER];
    int on = 1;
    setsockopt(side->from, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); /* the tap costs no time */
    ssize_t got = read(side->from, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0)
        return false;
    long size = got, chunk = from_server && options->chunk > 0 ? options->chunk : size;
    if (from_server && size > allowed(options, side))
        size = allowed(options, side);
    return deliver(side, bytes, size, chunk);
}

static _Noreturn void relay(const struct options *options, unsigned connection, int client)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = loopback(options->to);
    if (connect(server, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct side sides[2] = {
        {.from = client, .to = server, .record = open_record(options, connection, "client")},
        {.from = server, .to = client, .record = open_record(options, connection, "server")},
    };
    while (!sides[0].over || !sides[1].over) {
        struct pollfd polled[2];
        for (int i = 0; i < 2; i++)
            polled[i] = (struct pollfd){.fd = sides[i].over ? -1 : sides[i].from, .events = POLLIN};
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            die("poll");
        for (int i = 0; i < 2; i++) {
            if (polled[i].fd < 0 || polled[i].revents == 0 || move(options, &sides[i], i == 1))
                continue;
            sides[i].over = true;
            shutdown(sides[i].to, SHUT_WR);
        }
        if (allowed(options, &sides[1]) > 0 || sides[1].over)
            continue;
        if (options->hold == 0)
            end(options, client, server);
        sides[1].over = true; /* and the client is not told */
    }
    end(options, client, server);
}

/* Says what a file holds, and waits until the client has nothing more to say. */
static _Noreturn void say(const struct options *options, unsigned connection, int client)
{
    char bytes[BUFFER];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int file = open(options->say, O_RDONLY);
    if (file < 0)
        die(options->say);
    ssize_t got;
    while ((got = read(file, bytes, sizeof bytes)) > 0 && write_all(client, bytes, got))
        ;
    struct side heard = {.record = open_record(options, connection, "client")};
    while ((got = read(client, bytes, sizeof bytes)) > 0)
        write_all(heard.record, bytes, got);
    exit(0);
}

/* Fills the queue of a listener with connections of its own. */
static _Noreturn void be_deaf(int listener)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &size);
    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fd, (struct sockaddr *)&address, sizeof address);
    }
    for (;;)
        pause();
}

static struct options read_options(int argc, char **argv)
{
    struct options options = {0};
    struct {
        const char *name;
        long *number;
        const char **text;
    } table[] = {{"--to", &options.to, NULL},
                 {"--chunk", &options.chunk, NULL},
                 {"--cut", &options.cut, NULL},
                 {"--reset", &options.reset, NULL},
                 {"--hold", &options.hold, NULL},
                 {"--deaf", &options.deaf, NULL},
                 {"--say", NULL, &options.say},
                 {"--record", NULL, &options.record},
                 {"--port-file", NULL, &options.port_file}};
    for (int i = 1; i + 1 < argc; i += 2) {
        for (size_t row = 0; row < sizeof table / sizeof table[0]; row++) {
            if (strcmp(argv[i], table[row].name) != 0)
                continue;
            if (table[row].number != NULL)
                *table[row].number = atol(argv[i + 1]);
            else
                *table[row].text = argv[i + 1];
        }
    }
    bool one = (options.to != 0) + (options.say != NULL) + (options.deaf != 0) == 1;
    if (!one || options.record == NULL || options.port_file == NULL) {
        fputs("tap: --to, --say or --deaf, --record and --port-file are needed\n", stderr);
        exit(2);
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    int listener = listen_on_loopback(options.deaf ? 0 : 16);
    tell_port(options.port_file, listener);
    if (options.deaf)
        be_deaf(listener);
    for (unsigned connection = 1;; connection++) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            die("accept");
        pid_t child = fork();
        if (child == 0 && options.say != NULL)
            say(&options, connection, client);
        if (child == 0)
            relay(&options, connection, client);
        close(client);
    }
}

/* An actor: a peer that plays a script, in raw bytes.
 *
 *     actor --script FILE --record FILE (--port-file FILE | --connect PORT) [--window N]
 *
 * It listens on a free port of 127.0.0.1, writes the port to a file and plays to one client; or it
 * is the client. With a window of N bytes (SO_RCVBUF) a peer's words soon wait for it to read. What
 * the peer says goes to the record. A script has a step on each line:
 *
 *     expect N       goes on when the next PDU of type N (PS3.8 9.3.1) has come whole
 *     say HEX        says these bytes
 *     deaf MS        reads nothing more while it speaks, until for so long the peer takes nothing
 *     chunk N        from here on in segments of N bytes; 0: as they are
 *     pace MS        from here on with so many milliseconds before each segment
 *     repeat N       says what the next "say" has N times
 *     end            says no more, as with a FIN
 *     reset          resets the connection; the actor leaves
 *
 * After the last step it listens until the peer closes. What it cannot say because the peer has
 * gone it leaves out. */

#define TOOL "actor"
#include "loopback.h"

#include <ctype.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

enum { BUFFER = 65536, HEADER = 6, PATIENCE = 60 /* seconds until it gives up */ };

struct actor {
    int peer, record;
    bool gone;                     /* the peer has closed, or reset */
    long chunk, pace, repeat;      /* as in the script */
    long deaf;                     /* 0: it reads while it speaks */
    unsigned char header[HEADER];  /* of the PDU that is coming */
    unsigned long collected, left; /* bytes of the header; bytes of the PDU after it */
    unsigned long heard[256];      /* whole PDUs of each type that no "expect" has taken yet */
};

/* Counts the PDUs of what the peer says. */
static void count(struct actor *actor, const char *bytes, long size)
{
    for (long at = 0; at < size;) {
        if (actor->collected < HEADER) {
            actor->header[actor->collected++] = (unsigned char)bytes[at++];
            const unsigned char *length = actor->header + 2;
            actor->left = (unsigned long)length[0] << 24 | (unsigned long)length[1] << 16 |
                          (unsigned long)length[2] << 8 | length[3];
        } else {
            long part = (long)actor->left < size - at ? (long)actor->left : size - at;
            actor->left -= (unsigned long)part;
            at += part;
        }
        if (actor->collected == HEADER && actor->left == 0) {
            actor->heard[actor->header[0]]++;
            actor->collected = 0;
        }
    }
}

/* Hears what the peer says next, for some milliseconds; -1: for as long as it takes. */
static void hear(struct actor *actor, int milliseconds)
{
    char bytes[BUFFER];
    struct pollfd polled = {.fd = actor->gone ? -1 : actor->peer, .events = POLLIN};
    if (poll(&polled, 1, milliseconds) <= 0 || polled.revents == 0)
        return;
    ssize_t got = read(actor->peer, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
        return;
    actor->gone = got <= 0;
    if (got > 0 && !write_all(actor->record, bytes, got))
        die("record");
    count(actor, bytes, got);
}

static void expect(struct actor *actor, long type)
{
    while (!actor->gone && actor->heard[type] == 0)
        hear(actor, -1);
    if (actor->heard[type] > 0)
        actor->heard[type]--;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void let_pass(struct actor *actor, long milliseconds)
{
    if (actor->deaf > 0)
        poll(NULL, 0, (int)milliseconds);
    double until = now() + (double)(actor->deaf > 0 ? 0 : milliseconds) / 1000;
    for (double left; !actor->gone && (left = until - now()) > 0;)
        hear(actor, (int)(left * 1000) + 1);
}

/* While it is deaf: until the peer takes more, or it reads again. */
static void be_deaf(struct actor *actor)
{
    struct pollfd polled = {.fd = actor->peer, .events = POLLOUT};
    if (actor->deaf > 0 && poll(&polled, 1, (int)actor->deaf) == 0)
        actor->deaf = 0;
}

static void say(struct actor *actor, const char *bytes, long size)
{
    long chunk = actor->chunk > 0 ? actor->chunk : size;
    for (long at = 0; at < size && !actor->gone; at += chunk) {
        if (actor->pace > 0)
            let_pass(actor, actor->pace);
        be_deaf(actor);
        if (actor->deaf == 0)
            hear(actor, 0);
        if (!write_all(actor->peer, bytes + at, size - at < chunk ? size - at : chunk))
            return;
    }
}

static int digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static void say_hex(struct actor *actor, char *hex)
{
    long size = 0;
    for (const char *at = hex; isxdigit((unsigned char)at[0]); at += 2) /* in its own place */
        hex[size++] = (char)(digit(at[0]) << 4 | digit(at[1]));
    long times = actor->repeat > 0 ? actor->repeat : 1;
    actor->repeat = 0;
    while (times-- > 0 && !actor->gone)
        say(actor, hex, size);
}

static _Noreturn void reset(struct actor *actor)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(actor->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(actor->peer);
    exit(0);
}

static void play(struct actor *actor, char *step)
{
    char *argument = step + strcspn(step, " \n");
    if (*argument != '\0')
        *argument++ = '\0';
    if (strcmp(step, "say") == 0)
        say_hex(actor, argument);
    else if (strcmp(step, "expect") == 0)
        expect(actor, atol(argument) & 255);
    else if (strcmp(step, "chunk") == 0)
        actor->chunk = atol(argument);
    else if (strcmp(step, "pace") == 0)
        actor->pace = atol(argument);
    else if (strcmp(step, "deaf") == 0)
        actor->deaf = atol(argument);
    else if (strcmp(step, "repeat") == 0)
        actor->repeat = atol(argument);
    else if (strcmp(step, "end") == 0)
        shutdown(actor->peer, SHUT_WR);
    else if (strcmp(step, "reset") == 0)
        reset(actor);
    else
        die(step);
}

static void set_window(int socket, int window)
{
    if (window > 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
}

/* The one client that comes. */
static int await_client(const char *port_file, int window)
{
    int listener = listen_on_loopback(1);
    set_window(listener, window);
    tell_port(port_file, listener);
    int client = accept(listener, NULL, NULL);
    close(listener); /* who comes again finds nobody */
    return client;
}

static int go_to(long port, int window)
{
    struct sockaddr_in address = loopback(port);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    set_window(server, window);
    return connect(server, (struct sockaddr *)&address, sizeof address) == 0 ? server : -1;
}

static void play_all(struct actor *actor, FILE *steps)
{
    char *line = NULL;
    for (size_t capacity = 0; getline(&line, &capacity, steps) > 0;)
        play(actor, line);
    free(line);
    while (!actor->gone)
        hear(actor, -1);
}

int main(int argc, char **argv)
{
    const char *script = NULL, *record = NULL, *port_file = NULL;
    long port = 0;
    int window = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--script") == 0)
            script = argv[i + 1];
        else if (strcmp(argv[i], "--record") == 0)
            record = argv[i + 1];
        else if (strcmp(argv[i], "--port-file") == 0)
            port_file = argv[i + 1];
        else if (strcmp(argv[i], "--connect") == 0)
            port = atol(argv[i + 1]);
        else if (strcmp(argv[i], "--window") == 0)
            window = atoi(argv[i + 1]);
    }
    if (script == NULL || record == NULL || (port_file == NULL) == (port == 0)) {
        fputs("actor: --script, --record and --port-file or --connect are needed\n", stderr);
        return 2;
    }
    FILE *steps = fopen(script, "r");
    if (steps == NULL)
        die(script);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    alarm(PATIENCE);
    int on = 1;
    struct actor actor = {.peer = port != 0 ? go_to(port, window) : await_client(port_file, window),
                          .record = open(record, O_WRONLY | O_CREAT | O_TRUNC, 0666)};
    if (actor.peer < 0 || actor.record < 0)
        die("connection");
    setsockopt(actor.peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    play_all(&actor, steps);
    fclose(steps);
    return 0;
}

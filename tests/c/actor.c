/* An actor: a server that plays a script to one client, in raw bytes.
 *
 *     actor --script FILE --record FILE --port-file FILE
 *
 * It listens on a free port of 127.0.0.1 and writes the port to a file. What the client says goes
 * to the record. A script has a step on each line:
 *
 *     expect N       goes on when the next PDU of type N (PS3.8 9.3.1) has come whole
 *     say HEX        says these bytes
 *     chunk N        from here on in segments of N bytes; 0: as they are
 *     pace MS        from here on with so many milliseconds before each segment
 *     repeat N       says what the next "say" has N times
 *     end            says no more, as with a FIN
 *     reset          resets the connection; the actor leaves
 *
 * After the last step it listens until the client closes. What it cannot say because the client has
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
    int client, record;
    bool gone;                     /* the client has closed, or reset */
    long chunk, pace, repeat;      /* as in the script */
    unsigned char header[HEADER];  /* of the PDU that is coming */
    unsigned long collected, left; /* bytes of the header; bytes of the PDU after it */
    unsigned long heard[256];      /* whole PDUs of each type that no "expect" has taken yet */
};

/* Counts the PDUs of what the client says. */
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

/* Hears what the client says next, for some milliseconds; -1: for as long as it takes. */
static void hear(struct actor *actor, int milliseconds)
{
    char bytes[BUFFER];
    struct pollfd polled = {.fd = actor->gone ? -1 : actor->client, .events = POLLIN};
    if (poll(&polled, 1, milliseconds) <= 0 || polled.revents == 0)
        return;
    ssize_t got = read(actor->client, bytes, sizeof bytes);
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
    double until = now() + (double)milliseconds / 1000;
    for (double left; !actor->gone && (left = until - now()) > 0;)
        hear(actor, (int)(left * 1000) + 1);
}

static void say(struct actor *actor, const char *bytes, long size)
{
    long chunk = actor->chunk > 0 ? actor->chunk : size;
    for (long at = 0; at < size && !actor->gone; at += chunk) {
        if (actor->pace > 0)
            let_pass(actor, actor->pace);
        hear(actor, 0);
        if (!write_all(actor->client, bytes + at, size - at < chunk ? size - at : chunk))
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
    setsockopt(actor->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(actor->client);
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
    else if (strcmp(step, "repeat") == 0)
        actor->repeat = atol(argument);
    else if (strcmp(step, "end") == 0)
        shutdown(actor->client, SHUT_WR);
    else if (strcmp(step, "reset") == 0)
        reset(actor);
    else
        die(step);
}

int main(int argc, char **argv)
{
    const char *script = NULL, *record = NULL, *port_file = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--script") == 0)
            script = argv[i + 1];
        else if (strcmp(argv[i], "--record") == 0)
            record = argv[i + 1];
        else if (strcmp(argv[i], "--port-file") == 0)
            port_file = argv[i + 1];
    }
    if (script == NULL || record == NULL || port_file == NULL) {
        fputs("actor: --script, --record and --port-file are needed\n", stderr);
        return 2;
    }
    FILE *steps = fopen(script, "r");
    if (steps == NULL)
        die(script);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    alarm(PATIENCE);
    int listener = listen_on_loopback(1), on = 1;
    tell_port(port_file, listener);
    struct actor actor = {.client = accept(listener, NULL, NULL),
                          .record = open(record, O_WRONLY | O_CREAT | O_TRUNC, 0666)};
    if (actor.client < 0 || actor.record < 0)
        die("accept");
    close(listener); /* who comes again finds nobody */
    setsockopt(actor.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char *line = NULL;
    for (size_t capacity = 0; getline(&line, &capacity, steps) > 0;)
        play(&actor, line);
    free(line);
    fclose(steps);
    while (!actor.gone)
        hear(&actor, -1);
    return 0;
}

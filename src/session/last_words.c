#include "session/last_words.h"

#include "protocol/pdu.h"
#include "storage/leftovers.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAST_ITS_LIMIT "F: a script ran past its limit and could not be stopped"

enum standing_state { STATE_FREE, STATE_CLAIMED, STATE_LISTED };

struct gs_standing {
    atomic_int state; /* written last when the rest is right, and first when it is not any more */
    int descriptor;
    bool plain;
};

/* A signal handler has no argument, so this is a variable of the process. */
static struct gs_standing standings[GS_STANDING_MAX];

struct gs_standing *gs_standing_list(int descriptor, bool plain)
{
    for (size_t i = 0; descriptor >= 0 && i < GS_STANDING_MAX; i++) {
        int expected = STATE_FREE;
        if (!atomic_compare_exchange_strong(&standings[i].state, &expected, STATE_CLAIMED))
            continue;
        standings[i].descriptor = descriptor;
        standings[i].plain = plain;
        atomic_store(&standings[i].state, STATE_LISTED);
        return &standings[i];
    }
    return NULL;
}

void gs_standing_free(struct gs_standing *standing)
{
    if (standing != NULL)
        atomic_store(&standing->state, STATE_FREE);
}

static bool stands(size_t i)
{
    return atomic_load(&standings[i].state) == STATE_LISTED;
}

/* Where a socket is full, or half a PDU has gone before, the A-ABORT is not read as one: then it is
 * the end of the stream that says the same. */
static size_t abort_all(void)
{
    size_t count = 0;
    uint8_t abort[GS_PDU_SHORT_SIZE];
    gs_abort_encode(GS_ABORT_USER, GS_ABORT_NOT_SPECIFIED, abort);
    for (size_t i = 0; i < GS_STANDING_MAX; i++) {
        if (!stands(i))
            continue;
        if (standings[i].plain)
            (void)send(standings[i].descriptor, abort, sizeof abort, MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(standings[i].descriptor, SHUT_WR);
        count++;
    }
    return count;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads until the peer closes: what is unread when we end would reset the connection, and that
 * destroys an A-ABORT that the peer has not read. */
static void linger(int descriptor, double until)
{
    char bytes[4096];
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};
    for (double left; (left = until - seconds_now()) > 0;) {
        if (poll(&readable, 1, 1 + (int)(left * 1000)) <= 0 ||
            recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
            return;
    }
}

/* There is nobody left to tell that it could not be written. */
static void say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

void gs_last_words(void)
{
    if (!gs_leftovers_remove())
        return;
    size_t aborted = abort_all();
    say(aborted > 0 ? PAST_ITS_LIMIT "; the association was aborted\n" : PAST_ITS_LIMIT "\n");
    double until = seconds_now() + GS_LAST_WORDS_SECONDS;
    for (size_t i = 0; i < GS_STANDING_MAX; i++)
        if (stands(i))
            linger(standings[i].descriptor, until);
    _exit(GS_LAST_WORDS_EXIT);
}

#include "net/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Shared by the caller and the thread; whoever lets go last frees it. */
struct gs_lookup {
    atomic_int holders;
    int ready[2]; /* pipe: the thread closes its writing end when the answer is there */
    char *host;
    char port[8];
    struct addrinfo hints;
    struct addrinfo *addresses;
    int result; /* of getaddrinfo */
    int system; /* errno for EAI_SYSTEM */
};

static void let_go(struct gs_lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->holders, 1) != 1)
        return;
    if (lookup->addresses != NULL)
        freeaddrinfo(lookup->addresses);
    if (lookup->ready[0] >= 0)
        close(lookup->ready[0]);
    free(lookup->host);
    free(lookup);
}

static void ask(struct gs_lookup *lookup)
{
    lookup->result = getaddrinfo(lookup->host, lookup->port, &lookup->hints, &lookup->addresses);
    lookup->system = errno;
}

static void *ask_on_thread(void *argument)
{
    struct gs_lookup *lookup = argument;
    ask(lookup);
    close(lookup->ready[1]);
    let_go(lookup);
    return NULL;
}

static int start_thread(struct gs_lookup *lookup)
{
    if (pipe2(lookup->ready, O_CLOEXEC | O_NONBLOCK) != 0) {
        lookup->ready[0] = -1;
        return errno;
    }
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed == 0) {
        /* Signals stay with the program's own thread. */
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        atomic_fetch_add(&lookup->holders, 1);
        pthread_t thread;
        failed = pthread_create(&thread, &attributes, ask_on_thread, lookup);
        if (failed != 0)
            atomic_fetch_sub(&lookup->holders, 1);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    if (failed != 0)
        close(lookup->ready[1]);
    return failed;
}

struct gs_lookup *gs_lookup_start(const char *host, uint16_t port, enum gs_family family,
                                  struct gs_error *error)
{
    struct gs_lookup *lookup = calloc(1, sizeof *lookup);
    char *name = strdup(host);
    if (lookup == NULL || name == NULL) {
        free(lookup);
        free(name);
        gs_error_system(error, "out-of-memory", ENOMEM, "cannot look up %s", host);
        return NULL;
    }
    atomic_init(&lookup->holders, 1);
    lookup->host = name;
    lookup->ready[0] = -1;
    snprintf(lookup->port, sizeof lookup->port, "%u", port);
    lookup->hints.ai_socktype = SOCK_STREAM;
    lookup->hints.ai_family = family == GS_FAMILY_IPV4   ? AF_INET
                              : family == GS_FAMILY_IPV6 ? AF_INET6
                                                         : AF_UNSPEC;
    lookup->hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    ask(lookup);
    if (lookup->result == EAI_NONAME) {
        lookup->hints.ai_flags = AI_NUMERICSERV;
        int failed = start_thread(lookup);
        if (failed != 0) {
            gs_error_system(error, "lookup-failed", failed, "cannot look up %s", host);
            let_go(lookup);
            return NULL;
        }
    }
    return lookup;
}

int gs_lookup_descriptor(const struct gs_lookup *lookup)
{
    return lookup->ready[0];
}

int gs_lookup_finish(struct gs_lookup *lookup, const struct addrinfo **addresses,
                     struct gs_error *error)
{
    char none;
    if (lookup->ready[0] >= 0 && read(lookup->ready[0], &none, 1) < 0)
        return GS_IO_AGAIN;
    if (lookup->result != 0) {
        const char *why =
            lookup->result == EAI_SYSTEM ? strerror(lookup->system) : gai_strerror(lookup->result);
        const char *family = lookup->hints.ai_family == AF_INET    ? " as an IPv4 host"
                             : lookup->hints.ai_family == AF_INET6 ? " as an IPv6 host"
                                                                   : "";
        gs_error_set(error, "lookup-failed", "cannot look up %s%s: %s", lookup->host, family, why);
        return GS_IO_FAILED;
    }
    *addresses = lookup->addresses;
    return 0;
}

void gs_lookup_free(struct gs_lookup *lookup)
{
    if (lookup != NULL)
        let_go(lookup);
}

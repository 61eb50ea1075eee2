#include "net/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_TEXT_SIZE (NI_MAXHOST + NI_MAXSERV + 4) /* "[address]:port" */

struct tcp {
    struct gs_transport transport; /* first: a transport is cast to this */
    int socket;                    /* -1 while the name is looked up */
    struct gs_lookup *lookup;      /* until the stream stands */
    const struct addrinfo *next;   /* address to try next */
    short wants;
    char host[NI_MAXHOST]; /* as the user wrote it */
    uint16_t port;
    char peer[ADDRESS_TEXT_SIZE];
    struct gs_error last; /* what the addresses tried so far said */
};

static struct tcp *tcp_of(struct gs_transport *transport)
{
    return (struct tcp *)transport;
}

static void address_text(const struct sockaddr *address, socklen_t size, char *text, size_t room)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo(address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(text, room, "?");
    else
        snprintf(text, room, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void tune(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void close_socket(struct tcp *tcp)
{
    if (tcp->socket >= 0)
        close(tcp->socket);
    tcp->socket = -1;
}

/* This address failed: keep why, in a message that grows by one clause for each. */
static void address_failed(struct tcp *tcp, int system)
{
    struct gs_error before = tcp->last;
    if (before.code == NULL)
        gs_error_set(&before, "connect-failed", "cannot connect to %s port %u: ", tcp->host,
                     tcp->port);
    const char *joint = tcp->last.code == NULL ? "" : "; ";
    gs_error_system(&tcp->last, system == ECONNREFUSED ? "connect-refused" : "connect-failed",
                    system, "%s%s%s", before.message, joint, tcp->peer);
    close_socket(tcp);
}

/* Starts on the next address. 0: connected at once, GS_IO_AGAIN: under way, GS_IO_FAILED: none
 * left. */
static int try_next(struct tcp *tcp, struct gs_error *error)
{
    while (tcp->next != NULL) {
        const struct addrinfo *address = tcp->next;
        tcp->next = address->ai_next;
        address_text(address->ai_addr, address->ai_addrlen, tcp->peer, sizeof tcp->peer);
        tcp->socket = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (tcp->socket < 0) {
            address_failed(tcp, errno);
            continue;
        }
        tune(tcp->socket);
        if (connect(tcp->socket, address->ai_addr, address->ai_addrlen) == 0)
            return 0;
        if (errno == EINPROGRESS || errno == EINTR) {
            tcp->wants = POLLOUT;
            return GS_IO_AGAIN;
        }
        address_failed(tcp, errno);
    }
    if (error != NULL)
        *error = tcp->last;
    return GS_IO_FAILED;
}

static int look_up(struct tcp *tcp, struct gs_error *error)
{
    int result = gs_lookup_finish(tcp->lookup, &tcp->next, error);
    tcp->wants = POLLIN;
    return result == 0 ? try_next(tcp, error) : result;
}

static int finish_connect(struct tcp *tcp, struct gs_error *error)
{
    struct pollfd writable = {.fd = tcp->socket, .events = POLLOUT};
    if (poll(&writable, 1, 0) <= 0) /* not yet, or a signal came */
        return GS_IO_AGAIN;
    int failed = 0;
    socklen_t size = sizeof failed;
    if (getsockopt(tcp->socket, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
        failed = errno;
    if (failed == 0)
        return 0;
    address_failed(tcp, failed);
    return try_next(tcp, error);
}

static int tcp_open(struct gs_transport *transport, struct gs_error *error)
{
    struct tcp *tcp = tcp_of(transport);
    if (tcp->lookup == NULL)
        return 0;
    int result = tcp->socket < 0 ? look_up(tcp, error) : finish_connect(tcp, error);
    if (result == 0) {
        gs_lookup_free(tcp->lookup);
        tcp->lookup = NULL;
        tcp->next = NULL;
    }
    return result;
}

static ssize_t blocked_or_failed(struct tcp *tcp, short wants, const char *what,
                                 struct gs_error *error)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        tcp->wants = wants;
        return GS_IO_AGAIN;
    }
    gs_error_system(error, "peer-closed", errno, "cannot %s %s", what, tcp->peer);
    return GS_IO_FAILED;
}

static ssize_t tcp_receive(struct gs_transport *transport, void *bytes, size_t size,
                           struct gs_error *error)
{
    struct tcp *tcp = tcp_of(transport);
#ifdef TCP_QUICKACK
    int on = 1; /* the system forgets it, so it is said again before every read */
    setsockopt(tcp->socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
    ssize_t moved;
    do
        moved = recv(tcp->socket, bytes, size, 0);
    while (moved < 0 && errno == EINTR);
    return moved >= 0 ? moved : blocked_or_failed(tcp, POLLIN, "receive from", error);
}

static ssize_t tcp_send(struct gs_transport *transport, const void *bytes, size_t size,
                        struct gs_error *error)
{
    struct tcp *tcp = tcp_of(transport);
    ssize_t moved;
    do
        moved = send(tcp->socket, bytes, size, MSG_NOSIGNAL);
    while (moved < 0 && errno == EINTR);
    return moved >= 0 ? moved : blocked_or_failed(tcp, POLLOUT, "send to", error);
}

static void tcp_shut(struct gs_transport *transport)
{
    shutdown(tcp_of(transport)->socket, SHUT_WR);
}

static int tcp_descriptor(const struct gs_transport *transport)
{
    const struct tcp *tcp = (const struct tcp *)transport;
    return tcp->socket < 0 && tcp->lookup != NULL ? gs_lookup_descriptor(tcp->lookup) : tcp->socket;
}

static short tcp_wants(const struct gs_transport *transport, short otherwise)
{
    const struct tcp *tcp = (const struct tcp *)transport;
    return tcp->lookup != NULL ? tcp->wants : otherwise;
}

static void tcp_close(struct gs_transport *transport)
{
    struct tcp *tcp = tcp_of(transport);
    close_socket(tcp);
    gs_lookup_free(tcp->lookup);
    free(tcp);
}

static const char *tcp_peer(const struct gs_transport *transport)
{
    return ((const struct tcp *)transport)->peer;
}

static const struct gs_transport_operations tcp_operations = {
    .open = tcp_open,
    .receive = tcp_receive,
    .send = tcp_send,
    .shut = tcp_shut,
    .descriptor = tcp_descriptor,
    .wants = tcp_wants,
    .close = tcp_close,
    .peer = tcp_peer,
};

static struct tcp *tcp_new(int fd)
{
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (tcp != NULL) {
        tcp->transport.operations = &tcp_operations;
        tcp->transport.plain = true;
        tcp->socket = fd;
    }
    return tcp;
}

struct gs_transport *gs_tcp_connect(const char *host, uint16_t port, enum gs_family family,
                                    struct gs_error *error)
{
    struct tcp *tcp = tcp_new(-1);
    if (tcp == NULL) {
        gs_error_system(error, "out-of-memory", ENOMEM, "cannot connect to %s", host);
        return NULL;
    }
    snprintf(tcp->host, sizeof tcp->host, "%s", host);
    snprintf(tcp->peer, sizeof tcp->peer, "%s", host);
    tcp->port = port;
    tcp->lookup = gs_lookup_start(host, port, family, error);
    if (tcp->lookup == NULL) {
        free(tcp);
        return NULL;
    }
    return &tcp->transport;
}

struct gs_listener {
    int socket;
    uint16_t port;
};

static int bind_and_listen(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

struct gs_listener *gs_listener_open(const char *host, uint16_t port, struct gs_error *error)
{
    const char *where = host != NULL ? host : "127.0.0.1";
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    int unknown = getaddrinfo(where, service, &hints, &addresses);
    if (unknown != 0) {
        gs_error_set(error, "listen-failed", "cannot listen on %s: %s", where,
                     gai_strerror(unknown));
        return NULL;
    }
    struct gs_listener *listener = calloc(1, sizeof *listener);
    int fd = listener != NULL ? bind_and_listen(addresses) : -1;
    int failed = errno;
    freeaddrinfo(addresses);
    if (fd < 0) {
        gs_error_system(error, "listen-failed", failed, "cannot listen on %s port %u", where, port);
        free(listener);
        return NULL;
    }
    listener->socket = fd;
    listener->port = bound_port(fd);
    return listener;
}

void gs_listener_close(struct gs_listener *listener)
{
    if (listener == NULL)
        return;
    close(listener->socket);
    free(listener);
}

int gs_listener_descriptor(const struct gs_listener *listener)
{
    return listener->socket;
}

uint16_t gs_listener_port(const struct gs_listener *listener)
{
    return listener->port;
}

int gs_listener_accept(struct gs_listener *listener, struct gs_transport **transport,
                       struct gs_error *error)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    int fd =
        accept4(listener->socket, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        /* a connection that ended while it waited is no failure of the listener */
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return GS_IO_AGAIN;
        gs_error_system(error, "accept-failed", errno, "cannot accept a connection on port %u",
                        listener->port);
        return GS_IO_FAILED;
    }
    struct tcp *tcp = tcp_new(fd);
    if (tcp == NULL) {
        close(fd);
        gs_error_system(error, "out-of-memory", ENOMEM, "cannot accept a connection");
        return GS_IO_FAILED;
    }
    tune(fd);
    address_text((struct sockaddr *)&address, size, tcp->peer, sizeof tcp->peer);
    *transport = &tcp->transport;
    return 0;
}

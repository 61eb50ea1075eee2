/*
 * loopback: what the tools that play a peer share: a listener on a free port, and whole writes.
 *
 * The program that includes it names itself in `TOOL`; whatever fails ends it.
 */
#ifndef GS_TESTS_LOOPBACK_H
#define GS_TESTS_LOOPBACK_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn inline void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", TOOL, what, strerror(errno));
    exit(1);
}

static inline struct sockaddr_in loopback(long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline int listen_on_loopback(int backlog)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, backlog) != 0)
        die("listen");
    return listener;
}

/* Writes the port of the listener to a file, which is whole when it is there. */
static inline void tell_port(const char *port_file, int listener)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.new", port_file);
    FILE *f = fopen(temporary, "w");
    if (f == NULL || getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
        fprintf(f, "%d\n", ntohs(address.sin_port)) < 0 || fclose(f) != 0 ||
        rename(temporary, port_file) != 0)
        die(port_file);
}

/* Whether all of it was taken. */
static inline bool write_all(int fd, const char *bytes, long size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, (size_t)size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        size -= written;
    }
    return true;
}

#endif

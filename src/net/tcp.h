/*
 * tcp: TCP over IPv4 and IPv6 behind the transport struct, and listeners.
 *
 * Every connection has TCP_NODELAY, and TCP_QUICKACK again before each read where the system has
 * it: without both an object costs up to 40 ms, when the peer's Nagle meets our delayed
 * acknowledgement.
 */
#ifndef GS_TCP_H
#define GS_TCP_H

#include "net/transport.h"

#include <stdint.h>

enum gs_family { GS_FAMILY_ANY, GS_FAMILY_IPV4, GS_FAMILY_IPV6 };

/* Starts a connection: looks the name up (on a helper thread unless it is an address) and tries all
 * its addresses in turn. The result is still opening. NULL: out of memory or of descriptors.
 * Errors of open(): "lookup-failed", "connect-refused", "connect-failed"; the message names every
 * address that was tried. */
struct gs_transport *gs_tcp_connect(const char *host, uint16_t port, enum gs_family family,
                                    struct gs_error *error);

struct gs_listener;

/* Listens on `host` (NULL: the IPv4 loopback address) and `port` (0: a free one). Error
 * "listen-failed".
 */
struct gs_listener *gs_listener_open(const char *host, uint16_t port, struct gs_error *error);
void gs_listener_close(struct gs_listener *listener);
int gs_listener_descriptor(const struct gs_listener *listener);
uint16_t gs_listener_port(const struct gs_listener *listener);
/* The next connection; GS_IO_AGAIN when there is none, GS_IO_FAILED ("accept-failed"). */
int gs_listener_accept(struct gs_listener *listener, struct gs_transport **transport,
                       struct gs_error *error);

#endif

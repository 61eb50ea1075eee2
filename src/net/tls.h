/*
 * tls: TLS over any other transport, as a transport.
 *
 * open() goes on with the transport below, then with the handshake; what of the peer's certificate
 * the context demands is verified in it. Renegotiation is refused; tickets and key updates of TLS
 * 1.3 are taken at any time. shut() says close_notify; a stream that ends without one is cut off:
 * GS_IO_FAILED, never the end. Errors: "tls-failed", "peer-certificate", and those from below.
 */
#ifndef GS_TLS_H
#define GS_TLS_H

#include "net/tls_context.h"
#include "net/transport.h"

/* `below` is taken in any case, the context is held. `host`, of a requestor: where it connects to,
 * for the check of host names. NULL: out of memory, or OpenSSL refuses ("tls-failed"). */
struct gs_transport *gs_tls_new(struct gs_transport *below, struct gs_tls_context *context,
                                bool requestor, const char *host, struct gs_error *error);

/* What is known of a connection that stands; strings of the peer are as of X.509, in UTF-8. */
#define GS_TLS_TEXT_SIZE 256
struct gs_tls_facts {
    const char *version;     /* "TLS 1.3" */
    const char *ciphersuite; /* its standard name */
    const char *profile;     /* of the context */
    bool verified; /* the peer's certificate: chain, dates, purpose, strength, and besides */
    bool host_verified;
    enum gs_tls_revocation revocation;
    const char *problem; /* what is wrong with it where it need not be verified; or NULL */
    char subject[GS_TLS_TEXT_SIZE]; /* of the peer's certificate; empty: it has none */
    char issuer[GS_TLS_TEXT_SIZE];
    char key[GS_TLS_TEXT_SIZE];         /* as in "RSA 2048" */
    char server_name[GS_TLS_TEXT_SIZE]; /* that the requestor has asked for (SNI), or empty */
};
/* -1: this is no transport of TLS, or its handshake is not done. */
int gs_tls_facts(const struct gs_transport *transport, struct gs_tls_facts *facts);

#endif

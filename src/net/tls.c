#include "net/tls_parts.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static struct gs_tls *tls_of(struct gs_transport *transport)
{
    return (struct gs_tls *)transport;
}

/* --- OpenSSL's way to the transport below ------------------------------------------------------
 *
 * It asks for the five bytes of a record's header, then for the record. They come out of a buffer
 * of ours that one receive() fills: else a record would be two system calls.
 */

static void note_greeting(struct gs_tls *tls, const unsigned char *bytes, size_t size)
{
    size_t missing = GS_TLS_GREETING - tls->greeting_size;
    size_t taken = size < missing ? size : missing;
    memcpy(tls->greeting + tls->greeting_size, bytes, taken);
    tls->greeting_size += taken;
}

/* False: there is nothing now, or no more. */
static bool fill_input(struct gs_tls *tls)
{
    if (tls->drained || tls->below_ended || tls->below_failure.code != NULL)
        return false;
    ssize_t moved = tls->below->operations->receive(tls->below, tls->input, sizeof tls->input,
                                                    &tls->below_failure);
    /* a short read has emptied the socket: poll(2) tells when there is more */
    tls->drained = moved < (ssize_t)sizeof tls->input;
    tls->below_ended = moved == 0;
    if (moved <= 0)
        return false;
    tls->start = 0;
    tls->end = (size_t)moved;
    note_greeting(tls, tls->input, (size_t)moved);
    return true;
}

static int bio_read(BIO *bio, char *bytes, size_t size, size_t *moved)
{
    struct gs_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->start == tls->end && !fill_input(tls)) {
        if (!tls->below_ended && tls->below_failure.code == NULL)
            BIO_set_retry_read(bio);
        return 0;
    }
    size_t left = tls->end - tls->start;
    *moved = size < left ? size : left;
    memcpy(bytes, tls->input + tls->start, *moved);
    tls->start += *moved;
    return 1;
}

static int bio_write(BIO *bio, const char *bytes, size_t size, size_t *moved)
{
    struct gs_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t sent = tls->below->operations->send(tls->below, bytes, size, &tls->send_failure);
    if (sent == GS_IO_AGAIN)
        BIO_set_retry_write(bio);
    *moved = sent > 0 ? (size_t)sent : 0;
    return sent > 0;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* nothing is held back */
}

BIO_METHOD *gs_tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "transport");
    if (method != NULL && BIO_meth_set_read_ex(method, bio_read) == 1 &&
        BIO_meth_set_write_ex(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* --- as a transport ----------------------------------------------------------------------------
 */

/* Before OpenSSL is called: its queue of errors is that of the thread. */
static void begin(struct gs_tls *tls)
{
    ERR_clear_error();
    tls->drained = false;
}

/* A call did not succeed. True: it is to be tried again, when `wants` is there. */
static bool may_go_on(struct gs_tls *tls, int result, short *wants)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *wants = POLLIN;
        return true;
    case SSL_ERROR_WANT_WRITE:
        *wants = POLLOUT;
        return true;
    case SSL_ERROR_ZERO_RETURN:
        tls->outcome = GS_TLS_ENDED;
        return false;
    default:
        tls->outcome = GS_TLS_FAILED;
        gs_tls_describe_failure(tls);
        return false;
    }
}

static int failed(const struct gs_tls *tls, struct gs_error *error)
{
    if (error != NULL)
        *error = tls->failure;
    return GS_IO_FAILED;
}

/* OpenSSL says nothing to a requestor that does not speak TLS, who would never learn why. */
static void say_protocol_version(struct gs_tls *tls)
{
    static const unsigned char alert[] = {SSL3_RT_ALERT,
                                          3,
                                          1,
                                          0,
                                          2, /* a record of TLS 1.0, two bytes */
                                          SSL3_AL_FATAL,
                                          SSL_AD_PROTOCOL_VERSION};
    tls->below->operations->send(tls->below, alert, sizeof alert, NULL);
}

static int tls_open(struct gs_transport *transport, struct gs_error *error)
{
    struct gs_tls *tls = tls_of(transport);
    if (tls->standing)
        return 0;
    if (!tls->connected) {
        int result = tls->below->operations->open(tls->below, error);
        if (result != 0)
            return result;
        tls->connected = true;
    }
    begin(tls);
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1 && may_go_on(tls, result, &tls->receive_wants))
        return GS_IO_SECURING;
    if (result != 1 && tls->outcome == GS_TLS_ENDED)
        gs_error_set(&tls->failure, "tls-failed", "%s ended the TLS handshake",
                     tls->below->operations->peer(tls->below));
    if (result != 1 && !tls->requestor && gs_tls_is_stranger(tls))
        say_protocol_version(tls);
    if (result != 1 || !gs_tls_is_strong(tls))
        return failed(tls, error);
    tls->standing = true;
    tls->receive_wants = POLLIN;
    return 0;
}

static ssize_t tls_receive(struct gs_transport *transport, void *bytes, size_t size,
                           struct gs_error *error)
{
    struct gs_tls *tls = tls_of(transport);
    size_t moved = 0;
    bool again = false;
    begin(tls);
    while (tls->outcome == GS_TLS_STREAM && !again && moved < size) {
        size_t part = 0;
        int result = SSL_read_ex(tls->ssl, (char *)bytes + moved, size - moved, &part);
        moved += part;
        again = result != 1 && may_go_on(tls, result, &tls->receive_wants);
    }
    if (moved > 0)
        return (ssize_t)moved;
    if (tls->outcome == GS_TLS_ENDED)
        return 0;
    return again ? GS_IO_AGAIN : failed(tls, error);
}

static ssize_t tls_send(struct gs_transport *transport, const void *bytes, size_t size,
                        struct gs_error *error)
{
    struct gs_tls *tls = tls_of(transport);
    if (tls->outcome == GS_TLS_FAILED)
        return failed(tls, error);
    begin(tls);
    tls->send_failure.code = NULL;
    size_t moved = 0;
    int result = SSL_write_ex(tls->ssl, bytes, size, &moved);
    if (result == 1)
        return (ssize_t)moved;
    if (tls->send_failure.code != NULL) { /* but what the peer has said before may be readable */
        if (error != NULL)
            *error = tls->send_failure;
        return GS_IO_FAILED;
    }
    return may_go_on(tls, result, &tls->send_wants) ? GS_IO_AGAIN : failed(tls, error);
}

static void tls_shut(struct gs_transport *transport)
{
    struct gs_tls *tls = tls_of(transport);
    if (tls->standing && tls->outcome != GS_TLS_FAILED) {
        begin(tls);
        SSL_shutdown(tls->ssl);
    }
    if (tls->connected)
        tls->below->operations->shut(tls->below);
}

static int tls_descriptor(const struct gs_transport *transport)
{
    const struct gs_tls *tls = (const struct gs_tls *)transport;
    return tls->below->operations->descriptor(tls->below);
}

static short tls_wants(const struct gs_transport *transport, short otherwise)
{
    const struct gs_tls *tls = (const struct gs_tls *)transport;
    if (!tls->connected)
        return tls->below->operations->wants(tls->below, otherwise);
    if (!tls->standing)
        return tls->receive_wants;
    short wants = 0;
    if ((otherwise & POLLIN) != 0)
        wants |= tls->receive_wants;
    if ((otherwise & POLLOUT) != 0)
        wants |= tls->send_wants;
    return wants;
}

/* An end that came behind bytes of which the caller was told first. */
static bool tls_holds(const struct gs_transport *transport)
{
    return ((const struct gs_tls *)transport)->outcome != GS_TLS_STREAM;
}

static void tls_close(struct gs_transport *transport)
{
    struct gs_tls *tls = tls_of(transport);
    SSL_free(tls->ssl);
    tls->below->operations->close(tls->below);
    gs_tls_context_release(tls->context);
    free(tls);
}

static const char *tls_peer(const struct gs_transport *transport)
{
    const struct gs_tls *tls = (const struct gs_tls *)transport;
    return tls->below->operations->peer(tls->below);
}

static const struct gs_transport_operations tls_operations = {
    .open = tls_open,
    .receive = tls_receive,
    .send = tls_send,
    .shut = tls_shut,
    .descriptor = tls_descriptor,
    .wants = tls_wants,
    .holds = tls_holds,
    .close = tls_close,
    .peer = tls_peer,
};

/* --- making one --------------------------------------------------------------------------------
 */

static bool is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* What a requestor asks for, and against which name the certificate is held. */
static bool set_names(const struct gs_tls *tls, const char *host)
{
    const struct gs_tls_context *context = tls->context;
    if (context->server_name != NULL &&
        SSL_set_tlsext_host_name(tls->ssl, context->server_name) != 1)
        return false;
    if (!context->verify_host)
        return true;
    if (context->host != NULL)
        host = context->host;
    X509_VERIFY_PARAM *wanted = SSL_get0_param(tls->ssl);
    return is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1
                            : X509_VERIFY_PARAM_set1_host(wanted, host, 0) == 1;
}

static bool prepare(struct gs_tls *tls, const char *host)
{
    tls->ssl = SSL_new(tls->context->openssl);
    BIO *bio = tls->ssl != NULL ? BIO_new(tls->context->bio) : NULL;
    if (bio == NULL)
        return false;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    if (!tls->requestor) {
        SSL_set_accept_state(tls->ssl);
        return true;
    }
    SSL_set_connect_state(tls->ssl);
    return set_names(tls, host);
}

struct gs_transport *gs_tls_new(struct gs_transport *below, struct gs_tls_context *context,
                                bool requestor, const char *host, struct gs_error *error)
{
    struct gs_tls *tls = malloc(sizeof *tls); /* large, and its buffer need not be zero */
    if (tls == NULL) {
        below->operations->close(below);
        gs_error_set(error, "out-of-memory", "no memory for a connection with TLS");
        return NULL;
    }
    memset(tls, 0, offsetof(struct gs_tls, input));
    tls->transport.operations = &tls_operations;
    tls->below = below;
    tls->context = gs_tls_context_hold(context);
    tls->requestor = requestor;
    tls->receive_wants = POLLIN;
    tls->send_wants = POLLOUT;
    ERR_clear_error();
    if (prepare(tls, host))
        return &tls->transport;
    char words[GS_TLS_WORDS_SIZE];
    gs_error_set(error, "tls-failed", "OpenSSL cannot connect: %s", gs_tls_complaint(words));
    tls_close(&tls->transport);
    return NULL;
}

/* --- facts -------------------------------------------------------------------------------------
 */

static const char *version_name(const SSL *ssl)
{
    switch (SSL_version(ssl)) {
    case TLS1_VERSION:
        return "TLS 1.0";
    case TLS1_1_VERSION:
        return "TLS 1.1";
    case TLS1_2_VERSION:
        return "TLS 1.2";
    default:
        return "TLS 1.3";
    }
}

int gs_tls_facts(const struct gs_transport *transport, struct gs_tls_facts *facts)
{
    const struct gs_tls *tls = (const struct gs_tls *)transport;
    if (transport->operations != &tls_operations || !tls->standing)
        return -1;
    *facts = (struct gs_tls_facts){
        .version = version_name(tls->ssl),
        .ciphersuite = SSL_CIPHER_standard_name(SSL_get_current_cipher(tls->ssl)),
        .profile = tls->context->profile->name,
    };
    X509 *theirs = SSL_get0_peer_certificate(tls->ssl);
    if (theirs != NULL) {
        gs_tls_name(X509_get_subject_name(theirs), facts->subject);
        gs_tls_name(X509_get_issuer_name(theirs), facts->issuer);
        gs_tls_key_name(X509_get0_pubkey(theirs), facts->key);
    }
    if (tls->context->verify && theirs != NULL) {
        facts->verified = true;
        facts->host_verified = tls->requestor && tls->context->verify_host;
        facts->revocation = tls->context->revocation;
    }
    if (tls->verify_result != X509_V_OK)
        facts->problem = X509_verify_cert_error_string(tls->verify_result);
    const char *name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
    if (name != NULL && strlen(name) < sizeof facts->server_name)
        strcpy(facts->server_name, name);
    return 0;
}

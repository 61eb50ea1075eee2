/* TLS for the C server: what is sent and received on one connection, with TLS or without. */

#ifndef BENCH_SECURE_H
#define BENCH_SECURE_H

#include "wire.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

struct stream {
    int fd;
    SSL *ssl; /* NULL: none */
};

/* A client that begins with the record of a TLS handshake gets TLS, others do not. */
static inline struct stream open_stream(int fd, const char *key, const char *certificate)
{
    struct stream stream = {.fd = fd};
    unsigned char first = 0;
    if (key == NULL || recv(fd, &first, 1, MSG_PEEK) != 1 || first != SSL3_RT_HANDSHAKE)
        return stream;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL ||
        SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        die("cannot use %s and %s", key, certificate);
    stream.ssl = SSL_new(context);
    if (SSL_set_fd(stream.ssl, fd) != 1 || SSL_accept(stream.ssl) != 1)
        die("the TLS handshake failed");
    return stream;
}

static inline ssize_t stream_send(struct stream stream, const void *bytes, size_t size)
{
    if (stream.ssl == NULL)
        return send(stream.fd, bytes, size, MSG_NOSIGNAL);
    return SSL_write(stream.ssl, bytes, (int)(size < 1 << 30 ? size : 1 << 30));
}

static inline ssize_t stream_receive(struct stream stream, void *bytes, size_t size)
{
    if (stream.ssl == NULL)
        return recv(stream.fd, bytes, size, 0);
    return SSL_read(stream.ssl, bytes, (int)size);
}

#endif

/* A gateway: it stands before a server without TLS, and speaks TLS with clients.
 *
 *     gateway --to PORT --port-file FILE --key FILE --certificate FILE [--ca FILE]
 *             [--least VERSION] [--most VERSION] [--ciphers LIST] [--suites LIST] [--log FILE]
 *             [--update N] [--cut N] [--forge N]
 *
 * It listens on a free port of 127.0.0.1, writes the port to FILE, and connects each client to
 * PORT. It shares no code with what it is a test of: OpenSSL on blocking sockets, at security level
 * 0.
 *
 *     --ca FILE       clients must have a certificate that this authority has signed
 *     --least, --most versions of TLS, as in 1.2
 *     --ciphers LIST  the suites before TLS 1.3, --suites LIST those of it, in OpenSSL's words
 *     --log FILE      gets a line for each client: version, suite, subject, and server name or -
 *     --update N      after every N bytes, in turns: new keys for both, a ticket
 *     --cut N         after N bytes both connections are ended, without close_notify
 *     --forge N       after N bytes comes a record that is not of this connection
 *
 * N counts what the server says. Each connection has a process of its own, which ends with the
 * gateway. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct options {
    const char *to, *port_file, *key, *certificate, *ca, *least, *most, *ciphers, *suites, *log;
    const char *update, *cut, *forge;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "gateway: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* ---- TLS ---- */

static int version_of(const char *text)
{
    static const char *const texts[] = {"1.0", "1.1", "1.2", "1.3"};
    for (int i = 0; text != NULL && i < 4; i++)
        if (strcmp(texts[i], text) == 0)
            return TLS1_VERSION + i;
    return 0; /* no limit */
}

static SSL_CTX *make_context(const struct options *options)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL)
        die("SSL_CTX_new");
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version_of(options->least));
    SSL_CTX_set_max_proto_version(context, version_of(options->most));
    SSL_CTX_set_dh_auto(context, 1);
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) != 1)
        die("key and certificate");
    if (options->ciphers != NULL && SSL_CTX_set_cipher_list(context, options->ciphers) != 1)
        die("--ciphers");
    if (options->suites != NULL && SSL_CTX_set_ciphersuites(context, options->suites) != 1)
        die("--suites");
    if (options->ca != NULL) {
        if (SSL_CTX_load_verify_locations(context, options->ca, NULL) != 1)
            die("--ca");
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return context;
}

static void log_client(const char *path, SSL *ssl)
{
    FILE *log = path != NULL ? fopen(path, "a") : NULL;
    if (log == NULL)
        return;
    char subject[256] = "-";
    X509 *theirs = SSL_get0_peer_certificate(ssl);
    if (theirs != NULL)
        X509_NAME_oneline(X509_get_subject_name(theirs), subject, sizeof subject);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    fprintf(log, "%s %s %s %s\n", SSL_get_version(ssl),
            SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)), subject,
            name != NULL ? name : "-");
    fclose(log);
}

/* ---- one connection ---- */

static long number(const char *text)
{
    return text != NULL ? atol(text) : 0;
}

/* Ends the stream; what the client sends is read, since it would reset the connection. */
static _Noreturn void cut_off(int client)
{
    char bytes[BUFFER];
    shutdown(client, SHUT_WR);
    while (read(client, bytes, sizeof bytes) > 0)
        ;
    exit(0);
}

/* What spoils or strains the connection when the server has said so much. */
static void at(const struct options *options, SSL *ssl, long before, long now)
{
    static const unsigned char forged[37] = {23, 3, 3, 0, 32};
    long update = number(options->update), cut = number(options->cut),
         forge = number(options->forge);
    if (update > 0 && before / update != now / update && SSL_version(ssl) == TLS1_3_VERSION &&
        (now / update % 2 == 0 ? SSL_new_session_ticket(ssl)
                               : SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED)) != 1)
        die("--update");
    if (cut > 0 && now >= cut)
        cut_off(SSL_get_fd(ssl));
    if (forge > 0 && before < forge && now >= forge &&
        write(SSL_get_fd(ssl), forged, sizeof forged) != sizeof forged)
        die("--forge");
}

static void from_server(const struct options *options, SSL *ssl, int server)
{
    static char bytes[BUFFER];
    static long said;
    ssize_t got = read(server, bytes, sizeof bytes);
    if (got <= 0) {
        SSL_shutdown(ssl);
        shutdown(SSL_get_fd(ssl), SHUT_WR);
        exit(0);
    }
    if (SSL_write(ssl, bytes, (int)got) != got)
        exit(0);
    said += got;
    at(options, ssl, said - got, said);
}

static void from_client(SSL *ssl, int server)
{
    static char bytes[BUFFER];
    do {
        int got = SSL_read(ssl, bytes, sizeof bytes);
        if (got <= 0 && SSL_get_error(ssl, got) == SSL_ERROR_WANT_READ)
            return; /* what came was no data */
        if (got <= 0) {
            shutdown(server, SHUT_WR);
            exit(0);
        }
        for (int sent = 0; sent < got;) {
            ssize_t moved = write(server, bytes + sent, (size_t)(got - sent));
            if (moved <= 0)
                exit(0);
            sent += (int)moved;
        }
    } while (SSL_pending(ssl) > 0);
}

static void no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void serve(const struct options *options, SSL_CTX *context, int client)
{
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, client);
    SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY); /* SSL_read() must not wait for data */
    no_delay(client);
    if (SSL_accept(ssl) != 1)
        die("SSL_accept");
    log_client(options->log, ssl);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number(options->to)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    no_delay(server);
    struct pollfd polled[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    while (poll(polled, 2, -1) > 0) {
        if (polled[0].revents != 0)
            from_client(ssl, server);
        if (polled[1].revents != 0)
            from_server(options, ssl, server);
    }
}

/* ---- the program ---- */

static struct options parse(int argc, char **argv)
{
    struct options options = {0};
    struct {
        const char *name;
        const char **value;
    } known[] = {{"--to", &options.to},         {"--port-file", &options.port_file},
                 {"--key", &options.key},       {"--certificate", &options.certificate},
                 {"--ca", &options.ca},         {"--least", &options.least},
                 {"--most", &options.most},     {"--ciphers", &options.ciphers},
                 {"--suites", &options.suites}, {"--log", &options.log},
                 {"--update", &options.update}, {"--cut", &options.cut},
                 {"--forge", &options.forge}};
    const size_t count = sizeof known / sizeof known[0];
    for (int i = 1; i + 1 < argc; i += 2) {
        size_t k = 0;
        while (k < count && strcmp(known[k].name, argv[i]) != 0)
            k++;
        if (k == count)
            die(argv[i]);
        *known[k].value = argv[i + 1];
    }
    if (options.to == NULL || options.port_file == NULL || options.key == NULL ||
        options.certificate == NULL)
        die("usage: see tests/c/gateway.c");
    return options;
}

static void write_port(const char *path, int listener)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    char other[4096];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(other, "w");
    if (file == NULL || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        die("--port-file");
    fprintf(file, "%d\n", ntohs(address.sin_port));
    if (fclose(file) != 0 || rename(other, path) != 0)
        die("--port-file");
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    SSL_CTX *context = make_context(&options);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 16) != 0)
        die("listen");
    write_port(options.port_file, listener);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            die("accept");
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            serve(&options, context, client);
            exit(0);
        }
        close(client);
    }
}

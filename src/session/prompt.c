#include "session/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* The end of a line, or of the input behind some bytes. -1: nothing came, errno 0 where it ended.
 */
static int read_line(char secret[GS_SECRET_MAX + 1], size_t *size)
{
    for (;;) {
        char byte;
        ssize_t got;
        do
            got = read(STDIN_FILENO, &byte, 1);
        while (got < 0 && errno == EINTR);
        if (got == 0)
            errno = 0;
        if (got <= 0)
            return got == 0 && *size > 0 ? 0 : -1;
        if (byte == '\n')
            return 0;
        if (*size < GS_SECRET_MAX)
            secret[*size] = byte;
        ++*size;
    }
}

static void write_text(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* nobody to tell */
}

/* What would end or stop the program while the terminal is silent. */
static sigset_t watched_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&signals, numbers[i]);
    return signals;
}

/* The signal that came before there was a line; 0: the line is there. */
static int await_line(int signals)
{
    struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo happened;
    while (poll(polled, 2, -1) < 0 && errno == EINTR)
        ;
    if (polled[1].revents != 0 && read(signals, &happened, sizeof happened) == sizeof happened)
        return (int)happened.ssi_signo;
    return 0;
}

/* True: the line is there. False: a signal was taken, which the program has survived. */
static bool await_on_terminal(const char *text)
{
    struct termios before, silent;
    sigset_t watched = watched_signals(), mask;
    sigprocmask(SIG_BLOCK, &watched, &mask);
    int signals = signalfd(-1, &watched, SFD_CLOEXEC);
    bool known = tcgetattr(STDIN_FILENO, &before) == 0;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ECHONL;
    if (known)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    write_text(text);
    int came = signals >= 0 ? await_line(signals) : 0;
    if (known)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    if (signals >= 0)
        close(signals);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (came != 0)
        raise(came);
    return came == 0;
}

int gs_prompt(const char *text, char secret[GS_SECRET_MAX + 1], struct gs_error *error)
{
    size_t size = 0;
    if (isatty(STDIN_FILENO))
        while (!await_on_terminal(text))
            ;
    if (read_line(secret, &size) != 0)
        return gs_error_system(error, "read-failed", errno, "%sno line on standard input", text);
    if (size > GS_SECRET_MAX)
        return gs_error_set(error, "read-failed", "%sthe line is longer than %d bytes", text,
                            GS_SECRET_MAX);
    secret[size] = '\0';
    return 0;
}

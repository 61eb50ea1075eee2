#include "session/slice.h"

#include "session/last_words.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* The first time is the end of the slice itself. */
#define TIMES_MAX (1 + (int)(GS_SLICE_GRACE / GS_SLICE_AGAIN))

/* A signal handler has no argument, so these are variables of the process. The handler runs on the
 * thread that changes them, so that volatile is enough. */
static struct gs_slice *volatile innermost;
static volatile sig_atomic_t times; /* how often the outermost slice has run out of time */

/* What the handler is called by; made once. */
static struct {
    int signal; /* 0: none was found yet */
    bool has_timer;
    timer_t timer;
    pthread_t thread;
} ticker;

static void time_is_up(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    int kept = errno;
    struct gs_slice *slice = innermost;
    if (slice != NULL && info->si_code == SI_TIMER) {
        times = times + 1 + info->si_overrun;
        if (times >= TIMES_MAX)
            gs_last_words();
        slice->stop(slice->of);
    }
    errno = kept;
}

static int fail(int system, struct gs_error *error)
{
    return gs_error_system(error, "script-limit", system, "cannot limit the CPU time of scripts");
}

/* The handler lets no other interrupt it: it may have to end the process. */
static int take_signal(struct gs_error *error)
{
    struct sigaction before;
    int signal = SIGRTMAX;
    while (signal > SIGRTMIN &&
           (sigaction(signal, NULL, &before) != 0 || before.sa_handler != SIG_DFL))
        signal--;
    struct sigaction action = {.sa_sigaction = time_is_up, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigfillset(&action.sa_mask);
    if (signal == SIGRTMIN || sigaction(signal, &action, NULL) != 0)
        return fail(signal == SIGRTMIN ? EBUSY : errno, error);
    ticker.signal = signal;
    return 0;
}

static int make_timer(struct gs_error *error)
{
    if (ticker.signal == 0 && take_signal(error) != 0)
        return -1;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = ticker.signal};
    event.sigev_notify_thread_id = gettid();
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &ticker.timer) != 0)
        return fail(errno, error);
    sigset_t mine; /* a parent may have left it blocked */
    sigemptyset(&mine);
    sigaddset(&mine, ticker.signal);
    pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
    ticker.has_timer = true;
    ticker.thread = pthread_self();
    return 0;
}

int gs_slice_prepare(struct gs_error *error)
{
    if (!ticker.has_timer)
        return make_timer(error);
    return pthread_equal(ticker.thread, pthread_self()) ? 0 : fail(EBUSY, error);
}

static struct timespec timespec_of(double seconds)
{
    time_t whole = (time_t)seconds;
    return (struct timespec){.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
}

/* 0 seconds stop it. */
static int set_timer(double seconds)
{
    struct itimerspec when = {.it_value = timespec_of(seconds)};
    if (seconds > 0)
        when.it_interval = timespec_of(GS_SLICE_AGAIN);
    return timer_settime(ticker.timer, 0, &when, NULL);
}

/* A forked process has the variables, but not the timer. */
static int start(double seconds, struct gs_error *error)
{
    if (gs_slice_prepare(error) != 0)
        return -1;
    if (set_timer(seconds) == 0)
        return 0;
    return make_timer(error) != 0 || set_timer(seconds) != 0 ? fail(errno, error) : 0;
}

int gs_slice_begin(struct gs_slice *slice, double seconds, struct gs_error *error)
{
    slice->outer = innermost;
    if (slice->outer == NULL)
        times = 0;
    innermost = slice;
    if (slice->outer != NULL || start(seconds, error) == 0)
        return 0;
    innermost = NULL;
    return -1;
}

bool gs_slice_end(struct gs_slice *slice)
{
    /* the timer first: what it had under way is delivered when this call returns */
    if (slice->outer == NULL)
        set_timer(0);
    innermost = slice->outer;
    bool over = times > 0;
    if (over && slice->outer != NULL)
        slice->outer->stop(slice->outer->of);
    return over;
}

bool gs_slice_over(void)
{
    return innermost != NULL && times > 0;
}

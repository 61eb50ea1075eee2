/*
 * Signals and child processes as sources of events, beside an association.
 */
#include "pair.h"

#include "session/process.h"
#include "session/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct gs_event event;

/* The next event of this source alone. */
static enum gs_wait_result wait_for(struct gs_source *source, double seconds)
{
    size_t index;
    return gs_wait(&waiter, &source, 1, seconds, &index, &event);
}

/* --- signals -----------------------------------------------------------------------------------
 */

static struct gs_signals *open_signals(const int *numbers, size_t count)
{
    struct gs_error error;
    struct gs_signals *signals = gs_signals_open(numbers, count, &error);
    assert_non_null(signals);
    return signals;
}

static void assert_signalled(struct gs_signals *signals, int number)
{
    assert_int_equal(wait_for(gs_signals_source(signals), PATIENCE), GS_WAIT_EVENT);
    assert_int_equal(event.type, GS_EVENT_SIGNALLED);
    assert_int_equal(event.signal, number);
}

static void raise_in(double seconds)
{
    struct itimerval timer = {.it_value.tv_usec = (suseconds_t)(seconds * 1e6)};
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void signals_are_told_in_their_order(void **state)
{
    (void)state;
    struct gs_signals *signals = open_signals((int[]){SIGINT, SIGTERM}, 2);
    raise(SIGTERM);
    raise(SIGINT);
    raise(SIGINT);
    assert_signalled(signals, SIGTERM);
    assert_signalled(signals, SIGINT);
    assert_signalled(signals, SIGINT);
    assert_int_equal(wait_for(gs_signals_source(signals), 0), GS_WAIT_TIMEOUT);
    gs_signals_close(signals);
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    struct gs_signals *signals = open_signals((int[]){SIGALRM}, 1);
    raise_in(BRIEF);
    assert_signalled(signals, SIGALRM);
    gs_signals_close(signals);
}

static volatile sig_atomic_t noticed;
static void notice(int number)
{
    noticed = number;
}

static void a_signal_that_no_source_takes_interrupts_the_wait(void **state)
{
    (void)state;
    struct gs_signals *signals = open_signals((int[]){SIGINT}, 1);
    signal(SIGALRM, notice);
    raise_in(BRIEF);
    assert_int_equal(wait_for(gs_signals_source(signals), PATIENCE), GS_WAIT_INTERRUPTED);
    assert_int_equal(noticed, SIGALRM);
    signal(SIGALRM, SIG_DFL);
    gs_signals_close(signals);
}

/* When a signal was named twice, the handler of the first became what was put back. */
static void the_handlers_from_before_are_back(void **state)
{
    (void)state;
    signal(SIGUSR1, notice);
    gs_signals_close(open_signals((int[]){SIGUSR1, SIGINT, SIGUSR1}, 3));
    noticed = 0;
    raise(SIGUSR1);
    assert_int_equal(noticed, SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    struct sigaction action;
    sigaction(SIGINT, NULL, &action);
    assert_true(action.sa_handler == SIG_DFL);
}

static void signals_are_taken_once_and_not_all_can_be(void **state)
{
    (void)state;
    struct gs_error error;
    struct gs_signals *signals = open_signals((int[]){SIGINT}, 1);
    assert_null(gs_signals_open((int[]){SIGTERM}, 1, &error));
    assert_string_equal(error.code, "signals");
    gs_signals_close(signals);
    assert_null(gs_signals_open((int[]){SIGTERM, SIGKILL}, 2, &error));
    assert_string_equal(error.code, "signals");
    gs_signals_close(open_signals((int[]){SIGTERM}, 1));
    gs_signals_close(NULL);
}

static void more_signals_than_a_pipe_holds_do_not_block(void **state)
{
    (void)state;
    struct gs_signals *signals = open_signals((int[]){SIGUSR1}, 1);
    for (int i = 0; i < 100000; i++)
        raise(SIGUSR1);
    assert_signalled(signals, SIGUSR1);
    gs_signals_close(signals);
}

/* Where an association has an event whenever it is asked, nothing was polled. */
static void a_signal_is_told_though_an_association_never_falls_silent(void **state)
{
    (void)state;
    associated_pipe(MIB);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(send_echo(REQUESTOR), 1);
    struct gs_signals *signals = open_signals((int[]){SIGUSR1}, 1);
    struct gs_source *sources[] = {gs_signals_source(signals),
                                   gs_session_source(session_of(ACCEPTOR))};
    size_t index = 1;
    for (int i = 0; i < 10; i++)
        assert_int_equal(gs_wait(&waiter, sources, 2, PATIENCE, &index, &event), GS_WAIT_EVENT);
    assert_int_equal(index, 1);
    raise(SIGUSR1);
    int others = 0;
    while (gs_wait(&waiter, sources, 2, PATIENCE, &index, &event) == GS_WAIT_EVENT && index == 1)
        others++;
    assert_int_equal(event.type, GS_EVENT_SIGNALLED);
    assert_in_range(others, 0, 200);
    gs_signals_close(signals);
}

/* --- child processes ---------------------------------------------------------------------------
 */

static struct gs_child *run(char *const *arguments)
{
    struct gs_error error;
    struct gs_child *child = gs_child_spawn(arguments, &error);
    if (child == NULL)
        fail_msg("%s", error.message);
    return child;
}

static struct gs_child *run_shell(const char *script)
{
    return run((char *[]){"sh", "-c", (char *)script, NULL});
}

static int status_of(struct gs_child *child)
{
    assert_int_equal(wait_for(gs_child_source(child), PATIENCE), GS_WAIT_EVENT);
    assert_int_equal(event.type, GS_EVENT_EXITED);
    return event.status;
}

static int exit_code_of_shell(const char *script)
{
    struct gs_child *child = run_shell(script);
    int status = status_of(child);
    gs_child_free(child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_end_of_a_child_has_its_exit_code_and_is_told_once(void **state)
{
    (void)state;
    struct gs_child *child = run_shell("exit 3");
    int status = status_of(child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_int_equal(wait_for(gs_child_source(child), 0), GS_WAIT_TIMEOUT);
    assert_int_equal(wait_for(gs_child_source(child), INFINITY), GS_WAIT_TIMEOUT);
    assert_int_equal(gs_child_kill(child, SIGTERM), -1);
    gs_child_free(child);
}

static void the_end_of_a_child_has_the_signal_that_ended_it(void **state)
{
    (void)state;
    struct gs_child *child = run((char *[]){"sleep", "100", NULL});
    assert_int_equal(wait_for(gs_child_source(child), 0), GS_WAIT_TIMEOUT);
    assert_int_equal(gs_child_kill(child, SIGTERM), 0);
    int status = status_of(child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
    gs_child_free(child);
}

static void a_program_that_cannot_be_run_is_an_error_of_spawn(void **state)
{
    (void)state;
    struct gs_error error;
    assert_null(gs_child_spawn((char *[]){"/nonexistent/program", NULL}, &error));
    assert_string_equal(error.code, "spawn-failed");
    assert_int_equal(error.system, ENOENT);
    assert_null(gs_child_spawn((char *[]){"/etc/passwd", NULL}, &error));
    assert_int_equal(error.system, EACCES);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_child_that_is_freed_is_gone(void **state)
{
    (void)state;
    struct gs_child *child = run((char *[]){"sleep", "100", NULL});
    pid_t pid = gs_child_pid(child);
    gs_child_free(child);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    gs_child_free(NULL);
}

static void a_child_has_an_empty_standard_input(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of_shell("test -z \"$(cat)\""), 0);
}

static void a_child_has_none_of_our_descriptors(void **state)
{
    (void)state;
    associated_pipe(MIB);
    struct gs_signals *signals = open_signals((int[]){SIGUSR1}, 1);
    /* 0 to 2, and the directory that is read */
    assert_int_equal(exit_code_of_shell("set -- /proc/self/fd/*; exit $#"),
                     exit_code_of_shell("exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-; "
                                        "set -- /proc/self/fd/*; exit $#"));
    gs_signals_close(signals);
}

static void a_child_has_the_default_of_every_signal(void **state)
{
    (void)state;
    struct gs_signals *signals = open_signals((int[]){SIGINT, SIGTERM}, 2);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    static const char *const scripts[] = {"kill -TERM $$; sleep 10", "kill -PIPE $$; sleep 10"};
    static const int numbers[] = {SIGTERM, SIGPIPE};
    for (int i = 0; i < 2; i++) {
        struct gs_child *child = run_shell(scripts[i]);
        int status = status_of(child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), numbers[i]);
        gs_child_free(child);
    }
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    gs_signals_close(signals);
}

/* A parent may leave SIGCHLD ignored: then the kernel took the status of the child, and the wait
 * for its end spun for ever. */
static void the_exit_code_is_known_though_the_end_of_children_is_ignored(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(exit_code_of_shell("exit 5"), 5);
    signal(SIGCHLD, SIG_DFL);
}

/* Somebody else in the process has waited for all children: the end is told without its status. */
static void a_child_that_somebody_else_has_reaped_has_ended_all_the_same(void **state)
{
    (void)state;
    struct gs_child *child = run_shell("exit 0");
    assert_int_equal(waitpid(gs_child_pid(child), NULL, 0), gs_child_pid(child));
    int status = status_of(child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    gs_child_free(child);
}

static void children_and_associations_are_waited_for_together(void **state)
{
    (void)state;
    associated_pipe(MIB);
    struct gs_child *children[20];
    struct gs_source *sources[21] = {gs_session_source(session_of(ACCEPTOR))};
    for (int i = 0; i < 20; i++) {
        char script[16];
        snprintf(script, sizeof script, "exit %d", i);
        children[i] = run_shell(script);
        sources[i + 1] = gs_child_source(children[i]);
    }
    int told = 0;
    while (told < 20) {
        size_t index;
        assert_int_equal(gs_wait(&waiter, sources, 21, PATIENCE, &index, &event), GS_WAIT_EVENT);
        assert_int_equal(event.type, GS_EVENT_EXITED);
        assert_int_equal(WEXITSTATUS(event.status), index - 1);
        told++;
    }
    for (int i = 0; i < 20; i++)
        gs_child_free(children[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signals_are_told_in_their_order),
        TEST(a_signal_ends_the_wait),
        TEST(a_signal_that_no_source_takes_interrupts_the_wait),
        TEST(the_handlers_from_before_are_back),
        TEST(signals_are_taken_once_and_not_all_can_be),
        TEST(more_signals_than_a_pipe_holds_do_not_block),
        TEST(a_signal_is_told_though_an_association_never_falls_silent),
        TEST(the_end_of_a_child_has_its_exit_code_and_is_told_once),
        TEST(the_end_of_a_child_has_the_signal_that_ended_it),
        TEST(a_program_that_cannot_be_run_is_an_error_of_spawn),
        TEST(a_child_that_is_freed_is_gone),
        TEST(a_child_has_an_empty_standard_input),
        TEST(a_child_has_none_of_our_descriptors),
        TEST(a_child_has_the_default_of_every_signal),
        TEST(the_exit_code_is_known_though_the_end_of_children_is_ignored),
        TEST(a_child_that_somebody_else_has_reaped_has_ended_all_the_same),
        TEST(children_and_associations_are_waited_for_together),
    };
    return cmocka_run_group_tests_name("signals and child processes", tests, NULL, NULL);
}

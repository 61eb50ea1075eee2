/*
 * A limit of CPU time: what it stops, what it does not count, and how it ends what does not stop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/last_words.h"
#include "session/slice.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BRIEF 0.05 /* seconds */

static volatile sig_atomic_t stopped[2]; /* how often each slice was */

static void stop(void *of)
{
    (*(volatile sig_atomic_t *)of)++;
}

static struct gs_slice slices[2];

static void begin(int which, double seconds)
{
    struct gs_error error;
    stopped[which] = 0;
    slices[which] = (struct gs_slice){.stop = stop, .of = (void *)&stopped[which]};
    if (gs_slice_begin(&slices[which], seconds, &error) != 0)
        fail_msg("%s", error.message);
}

static double cpu_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void use(double seconds)
{
    for (double until = cpu_time() + seconds; cpu_time() < until;)
        ;
}

static int exit_code_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void be_silent(void)
{
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
}

/* --- before any timer was made -----------------------------------------------------------------
 */

static void notice(int number)
{
    (void)number;
    stopped[1]++;
}

/* In a child, for a process takes its signal once. */
static void a_signal_of_somebody_else_is_left_alone(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGRTMAX, notice);
        begin(0, BRIEF);
        while (stopped[0] == 0)
            ;
        gs_slice_end(&slices[0]);
        raise(SIGRTMAX);
        _exit(stopped[1] == 1 ? 0 : 1);
    }
    assert_int_equal(exit_code_of(child), 0);
}

/* --- slices ------------------------------------------------------------------------------------
 */

static void what_runs_too_long_is_stopped_again_and_again(void **state)
{
    (void)state;
    begin(0, BRIEF);
    assert_false(gs_slice_over());
    double began = cpu_time();
    while (stopped[0] == 0)
        ;
    assert_true(cpu_time() - began >= BRIEF * 0.9);
    assert_true(gs_slice_over());
    while (stopped[0] < 3)
        ;
    assert_true(gs_slice_end(&slices[0]));
    assert_false(gs_slice_over());
}

static void to_wait_costs_nothing(void **state)
{
    (void)state;
    begin(0, BRIEF);
    nanosleep(&(struct timespec){.tv_nsec = (long)(BRIEF * 4e9)}, NULL);
    assert_false(gs_slice_end(&slices[0]));
    assert_int_equal(stopped[0], 0);
}

static void nothing_is_stopped_after_the_end(void **state)
{
    (void)state;
    begin(0, BRIEF);
    assert_false(gs_slice_end(&slices[0]));
    use(BRIEF * 4);
    assert_int_equal(stopped[0], 0);
    begin(0, BRIEF); /* with all of its time */
    use(BRIEF / 2);
    assert_false(gs_slice_end(&slices[0]));
}

static void an_inner_slice_gives_no_more_time(void **state)
{
    (void)state;
    begin(0, BRIEF);
    use(BRIEF / 2);
    double began = cpu_time();
    begin(1, BRIEF * 20);
    while (stopped[1] == 0)
        ;
    assert_true(cpu_time() - began < BRIEF * 10);
    assert_int_equal(stopped[0], 0);
    assert_true(gs_slice_end(&slices[1]));
    assert_int_equal(stopped[0], 1);
    assert_true(gs_slice_end(&slices[0]));
}

static void an_inner_slice_may_end_in_time(void **state)
{
    (void)state;
    begin(0, BRIEF);
    begin(1, BRIEF);
    assert_false(gs_slice_end(&slices[1]));
    while (stopped[0] == 0)
        ;
    assert_int_equal(stopped[1], 0);
    assert_true(gs_slice_end(&slices[0]));
}

static void what_does_not_stop_ends_with_the_process(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        be_silent();
        begin(0, BRIEF);
        for (;;)
            ;
    }
    assert_int_equal(exit_code_of(child), GS_LAST_WORDS_EXIT);
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    assert_true(used.ru_utime.tv_sec + used.ru_stime.tv_sec >= (time_t)GS_SLICE_GRACE);
}

/* It has no timers of its parent. */
static void a_forked_process_has_limits_too(void **state)
{
    (void)state;
    struct gs_error error;
    assert_int_equal(gs_slice_prepare(&error), 0);
    pid_t child = fork();
    if (child == 0) {
        begin(0, BRIEF);
        while (stopped[0] == 0)
            ;
        _exit(gs_slice_end(&slices[0]) ? 0 : 1);
    }
    assert_int_equal(exit_code_of(child), 0);
}

/* A signal that its parent blocked is blocked in a program that it runs. */
static void a_signal_that_was_blocked_comes(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        begin(0, BRIEF);
        while (stopped[0] == 0)
            ;
        _exit(0);
    }
    assert_int_equal(exit_code_of(child), 0);
}

static void *begin_elsewhere(void *error)
{
    struct gs_slice slice = {.stop = stop, .of = (void *)&stopped[0]};
    return gs_slice_begin(&slice, BRIEF, error) != 0 ? error : NULL;
}

static void another_thread_is_refused(void **state)
{
    (void)state;
    struct gs_error error;
    pthread_t thread;
    void *failed;
    assert_int_equal(gs_slice_prepare(&error), 0);
    assert_int_equal(pthread_create(&thread, NULL, begin_elsewhere, &error), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_non_null(failed);
    assert_string_equal(error.code, "script-limit");
    begin(0, BRIEF);
    assert_false(gs_slice_end(&slices[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_of_somebody_else_is_left_alone),
        cmocka_unit_test(what_runs_too_long_is_stopped_again_and_again),
        cmocka_unit_test(to_wait_costs_nothing),
        cmocka_unit_test(nothing_is_stopped_after_the_end),
        cmocka_unit_test(an_inner_slice_gives_no_more_time),
        cmocka_unit_test(an_inner_slice_may_end_in_time),
        cmocka_unit_test(what_does_not_stop_ends_with_the_process),
        cmocka_unit_test(a_forked_process_has_limits_too),
        cmocka_unit_test(a_signal_that_was_blocked_comes),
        cmocka_unit_test(another_thread_is_refused),
    };
    return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}

/* Surroundings that a test cannot have of its machine: names with several addresses, and a clock
 * that jumps. It is preloaded:
 *
 *     LD_PRELOAD=surroundings.so [ADDRESSES="127.0.0.2 ::1"] [CLOCK_JUMP=SECONDS] program ...
 *
 * Each name that ends in ".test" has these addresses, in their order. The clock that tells the time
 * of day jumps forward and back by so many seconds, at each time that it is read; it gains as many
 * in ten readings. The monotonic clock is as ever. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* The function behind ours. */
#define BEHIND(name) ((typeof(name) *)dlsym(RTLD_NEXT, #name))

/* ---- addresses ---- */

static int is_ours(const char *node)
{
    size_t length = node != NULL ? strlen(node) : 0;
    return length > 5 && strcmp(node + length - 5, ".test") == 0 && getenv("ADDRESSES") != NULL;
}

/* Each address is looked up by itself; freeaddrinfo() frees a list that was joined. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    if (!is_ours(node) || (hints->ai_flags & AI_NUMERICHOST) != 0)
        return BEHIND(getaddrinfo)(node, service, hints, result);
    char *all = strdup(getenv("ADDRESSES")), *rest = NULL;
    struct addrinfo **end = result;
    *result = NULL;
    for (char *one = strtok_r(all, " ", &rest); one != NULL; one = strtok_r(NULL, " ", &rest))
        if (BEHIND(getaddrinfo)(one, service, hints, end) == 0)
            end = &(*end)->ai_next;
    free(all);
    return *result != NULL ? 0 : EAI_NONAME;
}

/* ---- the time of day ---- */

static long jump(void)
{
    static atomic_long readings;
    const char *seconds = getenv("CLOCK_JUMP");
    long number = atomic_fetch_add(&readings, 1);
    return seconds == NULL ? 0 : atol(seconds) * (number / 10 + number % 2);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = BEHIND(clock_gettime)(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        now->tv_sec += jump();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int failed = BEHIND(gettimeofday)(now, zone);
    now->tv_sec += jump();
    return failed;
}

time_t time(time_t *now)
{
    time_t moment = BEHIND(time)(NULL) + jump();
    if (now != NULL)
        *now = moment;
    return moment;
}

/* Counts the calls of a program that can fail, and lets one of them fail. It is preloaded:
 *
 *     LD_PRELOAD=faults.so FAULT_COUNTS=FILE [FAULT=CALL:N:TIMES:ERROR[/STEP]] program ...
 *
 * CALL is one of those of `calls`. The N-th of them from main() on fails, TIMES times (0: all that
 * follow; with a STEP of 2 every other one), with ERROR: a name of errno, SHORT (one byte is
 * moved), or the name of a signal, which is sent to the process before the call, which then takes
 * place. FILE receives the number of calls while they are made, so that it is right whatever ends
 * the program: a native unsigned int for each of `calls`, and one for the faults that took place.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum call {
    MEMORY,
    READ,
    WRITE,
    WRITEV,
    SEND,
    RECV,
    OPEN,
    CLOSE,
    RENAME,
    FSYNC,
    MKDIR,
    POLL,
    SOCKET,
    CALLS
};

static const char *const calls[CALLS] = {"memory", "read", "write", "writev", "send",
                                         "recv",   "open", "close", "rename", "fsync",
                                         "mkdir",  "poll", "socket"};

static const struct {
    const char *name;
    int error;
    int signal;
} errors[] = {
    {"ENOMEM", ENOMEM, 0}, {"EINTR", EINTR, 0},   {"EIO", EIO, 0},
    {"ENOSPC", ENOSPC, 0}, {"EAGAIN", EAGAIN, 0}, {"ECONNRESET", ECONNRESET, 0},
    {"EPIPE", EPIPE, 0},   {"EMFILE", EMFILE, 0}, {"EDQUOT", EDQUOT, 0},
    {"SHORT", 0, 0},       {"KILL", 0, SIGKILL},  {"TERM", 0, SIGTERM},
    {"INT", 0, SIGINT},
};

/* A preloaded library has no other place: what is to happen, and what did. */
static struct {
    bool armed;
    enum call call; /* CALLS: none */
    unsigned at, times, step;
    int error, signal;
    atomic_uint *counts; /* CALLS of them, and the faults that took place */
    int (*main)(int, char **, char **);
    uintptr_t dcmdata; /* the code of that library, and its size */
    size_t dcmdata_size;
} plan = {.call = CALLS, .step = 1};

/* What the call does. */
enum { GO_ON, FAIL, SHORT };

static int next_fault(enum call call)
{
    if (!plan.armed)
        return GO_ON;
    unsigned number = atomic_fetch_add(&plan.counts[call], 1) + 1;
    bool due = call == plan.call && number >= plan.at && (number - plan.at) % plan.step == 0 &&
               (plan.times == 0 || (number - plan.at) / plan.step < plan.times);
    if (!due)
        return GO_ON;
    atomic_fetch_add(&plan.counts[CALLS], 1);
    if (plan.signal != 0) {
        int kept = errno;
        raise(plan.signal);
        errno = kept;
        return GO_ON;
    }
    if (plan.error == 0)
        return SHORT;
    errno = plan.error;
    return FAIL;
}

/* ---- beginning ---- */

static int find_dcmdata(struct dl_phdr_info *info, size_t size, void *unused);

static void read_plan(const char *text)
{
    char call[16], error[16];
    if (text == NULL)
        return;
    if (sscanf(text, "%15[a-z]:%u:%u:%15[A-Z]/%u", call, &plan.at, &plan.times, error, &plan.step) <
        4)
        abort();
    while (plan.call > 0 && strcmp(calls[plan.call - 1], call) != 0)
        plan.call--;
    if (plan.call == 0)
        abort();
    plan.call--;
    size_t row = 0;
    while (row < sizeof errors / sizeof errors[0] && strcmp(errors[row].name, error) != 0)
        row++;
    if (row == sizeof errors / sizeof errors[0])
        abort();
    plan.error = errors[row].error;
    plan.signal = errors[row].signal;
}

static int armed_main(int count, char **arguments, char **environment)
{
    const char *path = getenv("FAULT_COUNTS");
    size_t size = (CALLS + 1) * sizeof(atomic_uint);
    int file = path != NULL ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (file < 0 || ftruncate(file, (off_t)size) != 0)
        abort();
    plan.counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (plan.counts == MAP_FAILED)
        abort();
    close(file);
    read_plan(getenv("FAULT"));
    unsetenv("LD_PRELOAD");
    dl_iterate_phdr(find_dcmdata, NULL);
    plan.armed = true;
    return plan.main(count, arguments, environment);
}

int __libc_start_main(int (*real_main)(int, char **, char **), int count, char **arguments,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end);

int __libc_start_main(int (*real_main)(int, char **, char **), int count, char **arguments,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end)
{
    typeof(__libc_start_main) *start =
        (typeof(__libc_start_main) *)dlsym(RTLD_NEXT, "__libc_start_main");
    plan.main = real_main;
    return start(armed_main, count, arguments, init, fini, rtld_fini, stack_end);
}

/* What is done when the program has ended (by leak checkers, and by gcov, which does not look at
 * what malloc(3) returns) is no affair of it. */
void exit(int code)
{
    plan.armed = false;
    ((typeof(exit) *)dlsym(RTLD_NEXT, "exit"))(code);
    __builtin_unreachable();
}

/* ---- memory; operator new calls malloc() ---- */

/* DCMTK's reader of the dictionary calls malloc() by itself and does not look at the result.
 * Nothing can be done about that here (src/dcmtk/path.cc sees that there is memory), so these are
 * no faults of ours. All the rest of DCMTK uses operator new, which is in another library. */
static int find_dcmdata(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (strstr(info->dlpi_name, "/libdcmdata.so") == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
            continue;
        plan.dcmdata = info->dlpi_addr + header->p_vaddr;
        plan.dcmdata_size = header->p_memsz;
    }
    return 1;
}

static bool is_dcmdata(void *caller)
{
    return (uintptr_t)caller - plan.dcmdata < plan.dcmdata_size;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *bytes, size_t size);

void *malloc(size_t size)
{
    if (!is_dcmdata(__builtin_return_address(0)) && next_fault(MEMORY) != GO_ON)
        return NULL;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return next_fault(MEMORY) != GO_ON ? NULL : __libc_calloc(count, size);
}

/* What grows smaller cannot fail, and Lua relies on that. */
void *realloc(void *bytes, size_t size)
{
    static size_t (*usable)(void *);
    if (usable == NULL)
        usable = (size_t(*)(void *))dlsym(RTLD_NEXT, "malloc_usable_size");
    if (size > 0 && (bytes == NULL || size > usable(bytes)) && next_fault(MEMORY) != GO_ON)
        return NULL;
    return __libc_realloc(bytes, size);
}

/* ---- system calls; those with _chk are made by -D_FORTIFY_SOURCE ---- */

/* The function behind ours. */
#define BEHIND(name) ((typeof(name) *)dlsym(RTLD_NEXT, #name))

/* A function that moves bytes: `moving` calls the one behind with `size` bytes. */
#define MOVE(call, size, moving)                                                                   \
    do {                                                                                           \
        int fault = next_fault(call);                                                              \
        if (fault == FAIL)                                                                         \
            return -1;                                                                             \
        if (fault == SHORT && size > 1)                                                            \
            size = 1;                                                                              \
        return moving;                                                                             \
    } while (0)

ssize_t __read_chk(int file, void *bytes, size_t size, size_t room);
ssize_t __recv_chk(int file, void *bytes, size_t size, size_t room, int flags);
int __poll_chk(struct pollfd *polled, nfds_t count, int timeout, size_t room);
int __openat_2(int directory, const char *path, int flags);
int __open_2(const char *path, int flags);

ssize_t read(int file, void *bytes, size_t size)
{
    MOVE(READ, size, BEHIND(read)(file, bytes, size));
}

ssize_t __read_chk(int file, void *bytes, size_t size, size_t room)
{
    MOVE(READ, size, BEHIND(__read_chk)(file, bytes, size, room));
}

ssize_t write(int file, const void *bytes, size_t size)
{
    MOVE(WRITE, size, BEHIND(write)(file, bytes, size));
}

ssize_t writev(int file, const struct iovec *pieces, int count)
{
    int fault = next_fault(WRITEV);
    if (fault == FAIL)
        return -1;
    if (fault == GO_ON)
        return BEHIND(writev)(file, pieces, count);
    while (count > 1 && pieces->iov_len == 0) {
        pieces++;
        count--;
    }
    struct iovec one = {pieces->iov_base, pieces->iov_len > 0};
    return BEHIND(writev)(file, &one, 1);
}

ssize_t send(int file, const void *bytes, size_t size, int flags)
{
    MOVE(SEND, size, BEHIND(send)(file, bytes, size, flags));
}

ssize_t recv(int file, void *bytes, size_t size, int flags)
{
    MOVE(RECV, size, BEHIND(recv)(file, bytes, size, flags));
}

ssize_t __recv_chk(int file, void *bytes, size_t size, size_t room, int flags)
{
    MOVE(RECV, size, BEHIND(__recv_chk)(file, bytes, size, room, flags));
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return next_fault(OPEN) != GO_ON ? -1 : BEHIND(openat)(directory, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return next_fault(OPEN) != GO_ON ? -1 : BEHIND(open)(path, flags, mode);
}

int __openat_2(int directory, const char *path, int flags)
{
    return next_fault(OPEN) != GO_ON ? -1 : BEHIND(openat)(directory, path, flags);
}

int __open_2(const char *path, int flags)
{
    return next_fault(OPEN) != GO_ON ? -1 : BEHIND(open)(path, flags);
}

/* Linux closes a descriptor even where it tells an error. */
int close(int file)
{
    int fault = next_fault(CLOSE);
    int system = errno;
    int result = BEHIND(close)(file);
    if (fault == GO_ON)
        return result;
    errno = system;
    return -1;
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    return next_fault(RENAME) != GO_ON ? -1 : BEHIND(renameat2)(from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return next_fault(RENAME) != GO_ON ? -1 : BEHIND(renameat)(from, old, to, new);
}

int rename(const char *old, const char *new)
{
    return next_fault(RENAME) != GO_ON ? -1 : BEHIND(rename)(old, new);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    return next_fault(RENAME) != GO_ON ? -1 : BEHIND(linkat)(from, old, to, new, flags);
}

int fsync(int file)
{
    return next_fault(FSYNC) != GO_ON ? -1 : BEHIND(fsync)(file);
}

int syncfs(int file)
{
    return next_fault(FSYNC) != GO_ON ? -1 : BEHIND(syncfs)(file);
}

int mkdirat(int directory, const char *path, mode_t mode)
{
    return next_fault(MKDIR) != GO_ON ? -1 : BEHIND(mkdirat)(directory, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return next_fault(MKDIR) != GO_ON ? -1 : BEHIND(mkdir)(path, mode);
}

int poll(struct pollfd *polled, nfds_t count, int timeout)
{
    return next_fault(POLL) != GO_ON ? -1 : BEHIND(poll)(polled, count, timeout);
}

int __poll_chk(struct pollfd *polled, nfds_t count, int timeout, size_t room)
{
    return next_fault(POLL) != GO_ON ? -1 : BEHIND(__poll_chk)(polled, count, timeout, room);
}

int socket(int domain, int type, int protocol)
{
    return next_fault(SOCKET) != GO_ON ? -1 : BEHIND(socket)(domain, type, protocol);
}

int connect(int file, const struct sockaddr *address, socklen_t size)
{
    return next_fault(SOCKET) != GO_ON ? -1 : BEHIND(connect)(file, address, size);
}

int pipe2(int files[2], int flags)
{
    return next_fault(OPEN) != GO_ON ? -1 : BEHIND(pipe2)(files, flags);
}

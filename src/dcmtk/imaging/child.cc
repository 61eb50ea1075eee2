/*
 * Child processes. DCMTK's decoders were not made for pixel data that want to harm: of 5,000 images
 * with a few bytes changed, one or two crash them, and as many make them loop or take all memory.
 */

#include "dcmtk/imaging/parts.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace room
{

[[noreturn]] static void fail_for_system(const char *what, int number)
{
    Failure failure{};
    gs_error_system(&failure.error, "imaging-ended", number, "%s", what);
    throw failure;
}

Scratch::Scratch() : descriptor_(memfd_create("getscu-imaging", MFD_CLOEXEC))
{
    if (descriptor_ < 0)
        fail_for_system("no memory file for pixel data", errno);
}

Scratch::~Scratch()
{
    close(descriptor_);
}

void Scratch::take(gs_imaging_bytes *result) const
{
    struct stat found;
    if (fstat(descriptor_, &found) != 0)
        fail_for_system("no size of a memory file", errno);
    if (found.st_size == 0)
        return;
    size_t size = static_cast<size_t>(found.st_size);
    void *bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor_, 0);
    if (bytes == MAP_FAILED)
        throw std::bad_alloc();
    *result = {bytes, size};
}

namespace
{
struct Verdict {
    bool is_finished;
    bool has_failed;
    gs_error error; /* its code is a constant, which both processes have at the same place */
};
} // namespace

static void limit(__rlimit_resource resource, rlim_t most)
{
    rlimit now;
    if (getrlimit(resource, &now) != 0 || (now.rlim_cur != RLIM_INFINITY && now.rlim_cur < most))
        return;
    now.rlim_cur = most;
    setrlimit(resource, &now);
}

/* In the child: it must not outlive its parent, nor leave patients' data in a core file. */
static void confine(pid_t parent, int seconds)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (int number : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXCPU})
        signal(number, SIG_DFL); /* the parent's handlers would tell the parent */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, static_cast<rlim_t>(seconds));
#if !defined(__SANITIZE_ADDRESS__) /* which takes terabytes for itself */
    limit(RLIMIT_DATA, GS_IMAGING_MEMORY_MAX);
#endif
}

[[noreturn]] static void fail_for_end(int status, int seconds)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        fail("imaging-ended", "the pixel data kept DCMTK busy for more than %d s", seconds);
    if (WIFSIGNALED(status))
        fail("imaging-ended", "DCMTK crashed on the pixel data: %s", strsignal(WTERMSIG(status)));
    fail("imaging-ended", "DCMTK ended on the pixel data with exit code %d", WEXITSTATUS(status));
}

void in_child(int seconds, const std::function<void()> &body)
{
    Shared<Verdict> verdict;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        fail_for_system("no process for pixel data", errno);
    if (child == 0) {
        confine(parent, seconds);
        verdict->has_failed = guarded(&verdict->error, true, [&] {
            body();
            return false;
        });
        verdict->is_finished = true;
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!verdict->is_finished)
        fail_for_end(status, seconds);
    if (verdict->has_failed)
        throw Failure{verdict->error};
}

} // namespace room

void gs_imaging_release(gs_imaging_bytes *result)
{
    if (result->bytes != nullptr)
        munmap(result->bytes, result->size);
    *result = {nullptr, 0};
}

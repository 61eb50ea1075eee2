/* Runs a fuzz target over files, without a fuzzer: the seeds, and what was found before.
 *
 *     fuzz_TARGET [FILE | DIRECTORY]...
 *
 * The output is TAP, a test for all seeds and one for each other file. `make test` runs it. */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4096 };

struct files {
    size_t count;
    char *paths[FILES_MAX];
};

/* A handler has no argument: what runs when the target aborts. */
static char running[512];

static void say_failed(int signal)
{
    ssize_t written = write(STDOUT_FILENO, running, strlen(running));
    (void)written;
    _exit(128 + signal);
}

static void add(struct files *files, const char *path)
{
    struct stat status;
    REQUIRE(stat(path, &status) == 0);
    if (!S_ISDIR(status.st_mode)) {
        REQUIRE(files->count < FILES_MAX);
        files->paths[files->count++] = strdup(path);
        return;
    }
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    REQUIRE(count >= 0);
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            add(files, inner);
        free(names[i]);
    }
    free(names);
}

/* Runs a file as test `number`. */
static void run(const char *path, size_t number)
{
    snprintf(running, sizeof running, "not ok %zu - %.400s\n", number, path);
    FILE *file = fopen(path, "rb");
    struct stat status;
    REQUIRE(file != NULL && fstat(fileno(file), &status) == 0);
    size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size + 1);
    REQUIRE(bytes != NULL && fread(bytes, 1, size, file) == size);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
}

static bool is_seed(const char *path)
{
    return strstr(path, "/seed-") != NULL;
}

int main(int count, char **arguments)
{
    static struct files files;
    size_t seeds = 0, number = 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    signal(SIGABRT, say_failed);
    signal(SIGSEGV, say_failed);
    for (int i = 1; i < count; i++)
        add(&files, arguments[i]);
    for (size_t i = 0; i < files.count; i++)
        seeds += is_seed(files.paths[i]);
    printf("1..%zu\n", files.count - seeds + (seeds > 0));
    for (size_t i = 0; i < files.count; i++)
        if (is_seed(files.paths[i]))
            run(files.paths[i], number);
    if (seeds > 0)
        printf("ok %zu - %zu seeds\n", number++, seeds);
    for (size_t i = 0; i < files.count; i++) {
        if (!is_seed(files.paths[i])) {
            run(files.paths[i], number);
            printf("ok %zu - %s\n", number++, files.paths[i]);
        }
        free(files.paths[i]);
    }
    return files.count == 0;
}

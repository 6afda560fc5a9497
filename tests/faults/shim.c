/* Stands between a process and its disk: calls on chosen files fail, take long or hang, as a shared page of memory says. Only for
   tests: loaded with LD_PRELOAD into a child, steered by its parent (disk.rs), which writes the same page. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NOTHING, FAIL, DELAY, HANG };
enum { SYNC = 1, WRITE = 2 };

struct control {
    _Atomic uint32_t action; /* what is done */
    _Atomic uint32_t value;  /* the error number, or milliseconds */
    _Atomic uint32_t calls;  /* to which kinds of calls */
    _Atomic uint32_t left;   /* how often yet; UINT32_MAX: for ever */
    _Atomic uint32_t hits;   /* how often it was done */
    _Atomic uint32_t seen;   /* calls it might have been done to */
    char unused[40];
    char path[192];          /* on files with this in their path */
};

static struct control *control;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("QUITTANCE_DISK");
    int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) control = page;
    close(file);
}

static void nap(uint32_t milliseconds) {
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    while (nanosleep(&time, &time) && errno == EINTR) {}
}

/* Whether the call is to fail now; then errno is set. */
static int fails(int fd, uint32_t call) {
    if (!control || control->action == NOTHING || !(control->calls & call)) return 0;
    char link[64], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = 0;
    if (!strstr(name, control->path)) return 0;
    control->seen++;
    uint32_t left = control->left;
    do {
        if (left == 0) return 0;
    } while (left != UINT32_MAX && !atomic_compare_exchange_weak(&control->left, &left, left - 1));
    uint32_t action = control->action, value = control->value;
    control->hits++;
    if (action == DELAY) nap(value);
    if (action == HANG) while (control->action == HANG) nap(5);
    if (action != FAIL) return 0;
    errno = (int)value;
    return 1;
}

#define REAL(result, name, types, arguments, call)                       \
    result name types {                                                  \
        static result(*real) types;                                      \
        if (!real) real = (result(*) types)dlsym(RTLD_NEXT, #name);      \
        if (fails(fd, call)) return -1;                                  \
        return real arguments;                                           \
    }

REAL(int, fsync, (int fd), (fd), SYNC)
REAL(int, fdatasync, (int fd), (fd), SYNC)
REAL(ssize_t, write, (int fd, const void *bytes, size_t count), (fd, bytes, count), WRITE)
REAL(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), WRITE)
REAL(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at), WRITE)
REAL(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at), WRITE)

/* Makes one system call, or one large allocation, of a process tree fail. Loaded before libc with LD_PRELOAD; see faults.py.

   FAULT_BELOW  folder; calls on other paths go through uncounted
   FAULT_COUNT  file of three 64-bit counters: writes, openings, allocations; shared by all processes
   FAULT_KIND   which counter decides: 0, 1, 2
   FAULT_AT     the number of the call that fails, from 1; 0 for none
   FAULT_ERRNO  what it fails with
   FAULT_STAYS  1: all later ones of that kind fail, too, as on a disk that stays full */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITES, OPENINGS, ALLOCATIONS };
static const size_t LARGE = 1 << 20;

static long long *counters;
static const char *below;
static size_t below_length;
static int kind, failure, stays;
static long long at;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("FAULT_COUNT");
    below = getenv("FAULT_BELOW");
    if (!file || !below) return;
    below_length = strlen(below);
    kind = atoi(getenv("FAULT_KIND"));
    at = atoll(getenv("FAULT_AT"));
    failure = atoi(getenv("FAULT_ERRNO"));
    stays = atoi(getenv("FAULT_STAYS"));
    int (*plain)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    int fd = plain(file, O_RDWR);
    void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED) counters = shared;
}

/* Counts a call and says whether it fails. */
static int fails(int of) {
    if (!counters) return 0;
    long long number = __atomic_add_fetch(&counters[of], 1, __ATOMIC_SEQ_CST);
    if (of != kind || !at || number < at || (number > at && !stays)) return 0;
    errno = failure;
    return 1;
}

static int is_below(const char *path) {
    if (!counters || !path) return 0;
    if (path[0] == '/') return strncmp(path, below, below_length) == 0;
    char whole[PATH_MAX];
    return getcwd(whole, sizeof whole) && strncmp(whole, below, below_length) == 0;
}

static int is_below_fd(int fd) {
    if (!counters) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strncmp(path, below, below_length) == 0;
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define ON_PATH(of, path) if (is_below(path) && fails(of)) return -1
#define ON_FD(fd) if (is_below_fd(fd) && fails(WRITES)) return -1
#define MODE int mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }
#define OPENS(path) ON_PATH(OPENINGS, path); if (flags & (O_CREAT | O_TRUNC)) ON_PATH(WRITES, path)

int open(const char *path, int flags, ...) { MODE OPENS(path); NEXT(open); return next(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE OPENS(path); NEXT(open64); return next(path, flags, mode); }
int openat(int at_fd, const char *path, int flags, ...) { MODE OPENS(path); NEXT(openat); return next(at_fd, path, flags, mode); }
int openat64(int at_fd, const char *path, int flags, ...) { MODE OPENS(path); NEXT(openat64); return next(at_fd, path, flags, mode); }
FILE *fopen(const char *path, const char *how) {
    if (is_below(path) && (fails(OPENINGS) || (how[0] != 'r' && fails(WRITES)))) return NULL;
    NEXT(fopen);
    return next(path, how);
}
FILE *fopen64(const char *path, const char *how) {
    if (is_below(path) && (fails(OPENINGS) || (how[0] != 'r' && fails(WRITES)))) return NULL;
    NEXT(fopen64);
    return next(path, how);
}
ssize_t write(int fd, const void *data, size_t size) { ON_FD(fd); NEXT(write); return next(fd, data, size); }
ssize_t writev(int fd, const struct iovec *data, int count) { ON_FD(fd); NEXT(writev); return next(fd, data, count); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t place) { ON_FD(fd); NEXT(pwrite); return next(fd, data, size, place); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) { ON_FD(fd); NEXT(pwrite64); return next(fd, data, size, place); }
int fsync(int fd) { ON_FD(fd); NEXT(fsync); return next(fd); }
int fdatasync(int fd) { ON_FD(fd); NEXT(fdatasync); return next(fd); }
int ftruncate(int fd, off_t size) { ON_FD(fd); NEXT(ftruncate); return next(fd, size); }
int ftruncate64(int fd, off64_t size) { ON_FD(fd); NEXT(ftruncate64); return next(fd, size); }
int mkdir(const char *path, mode_t mode) { ON_PATH(WRITES, path); NEXT(mkdir); return next(path, mode); }
int rename(const char *from, const char *to) { ON_PATH(WRITES, to); NEXT(rename); return next(from, to); }
int renameat(int from_fd, const char *from, int to_fd, const char *to) {
    ON_PATH(WRITES, to);
    NEXT(renameat);
    return next(from_fd, from, to_fd, to);
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
void *malloc(size_t size) { return size >= LARGE && fails(ALLOCATIONS) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
    return size && count >= LARGE / size && fails(ALLOCATIONS) ? NULL : __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) { return size >= LARGE && fails(ALLOCATIONS) ? NULL : __libc_realloc(old, size); }
void *memalign(size_t step, size_t size) { return size >= LARGE && fails(ALLOCATIONS) ? NULL : __libc_memalign(step, size); }
void *aligned_alloc(size_t step, size_t size) { return memalign(step, size); }
int posix_memalign(void **found, size_t step, size_t size) {
    void *made = memalign(step, size);
    if (!made) return ENOMEM;
    *found = made;
    return 0;
}

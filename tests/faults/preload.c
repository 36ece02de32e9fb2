/* Faults beneath the engine, for tests: loaded by LD_PRELOAD, told by the file that BUREAUCRAT_FAULTS names.
 *
 * The file holds, in the machine's byte order: the error number that writes fail with, the one that syncs fail with, how many
 * milliseconds a sync takes more (three int32_t, a fourth is unused), how many milliseconds the wall clock is off, and how many
 * the machine has slept (int64_t each);
 * 0 is "as always". It is mapped, so that a change counts at once. Only regular files are touched, never the descriptors 0 to 2.
 * See tests/src/faults/preload.rs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int32_t write_error, sync_error, sync_delay, unused;
    volatile int64_t clock_offset, slept;
};

static struct control nothing;
static struct control *control = &nothing;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("BUREAUCRAT_FAULTS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) control = mapped;
    close(file);
}

#define REAL(type, name) ((type)dlsym(RTLD_NEXT, #name))

static int is_ours(int file) {
    struct stat status;
    return file > 2 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

static int write_fails(int file) {
    int32_t error = control->write_error;
    if (error == 0 || !is_ours(file)) return 0;
    errno = error;
    return 1;
}

static int sync_fails(int file) {
    int32_t error = control->sync_error, delay = control->sync_delay;
    if ((error == 0 && delay == 0) || !is_ours(file)) return 0;
    if (delay > 0) {
        struct timespec wait = {delay / 1000, (long)(delay % 1000) * 1000000};
        nanosleep(&wait, NULL);
    }
    if (error == 0) return 0;
    errno = error;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t length) {
    if (write_fails(file)) return -1;
    return REAL(ssize_t (*)(int, const void *, size_t), write)(file, bytes, length);
}
ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    if (write_fails(file)) return -1;
    return REAL(ssize_t (*)(int, const void *, size_t, off_t), pwrite)(file, bytes, length, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    if (write_fails(file)) return -1;
    return REAL(ssize_t (*)(int, const void *, size_t, off64_t), pwrite64)(file, bytes, length, at);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    if (write_fails(file)) return -1;
    return REAL(ssize_t (*)(int, const struct iovec *, int), writev)(file, parts, count);
}
int fallocate(int file, int mode, off_t from, off_t length) {
    if (write_fails(file)) return -1;
    return REAL(int (*)(int, int, off_t, off_t), fallocate)(file, mode, from, length);
}
int fsync(int file) {
    if (sync_fails(file)) return -1;
    return REAL(int (*)(int), fsync)(file);
}
int fdatasync(int file) {
    if (sync_fails(file)) return -1;
    return REAL(int (*)(int), fdatasync)(file);
}
int sync_file_range(int file, off64_t from, off64_t length, unsigned int flags) {
    if (sync_fails(file)) return -1;
    return REAL(int (*)(int, off64_t, off64_t, unsigned int), sync_file_range)(file, from, length, flags);
}

static void shift(int64_t offset, time_t *seconds, long *parts, long parts_in_a_second) {
    *seconds += offset / 1000;
    *parts += offset % 1000 * (parts_in_a_second / 1000);
    if (*parts < 0) {
        *parts += parts_in_a_second;
        *seconds -= 1;
    } else if (*parts >= parts_in_a_second) {
        *parts -= parts_in_a_second;
        *seconds += 1;
    }
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = REAL(int (*)(clockid_t, struct timespec *), clock_gettime)(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        shift(control->clock_offset + control->slept, &now->tv_sec, &now->tv_nsec, 1000000000);
    if (result == 0 && clock == CLOCK_BOOTTIME) shift(control->slept, &now->tv_sec, &now->tv_nsec, 1000000000);
    return result;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = REAL(int (*)(struct timeval *, void *), gettimeofday)(now, zone);
    if (result == 0) shift(control->clock_offset + control->slept, &now->tv_sec, &now->tv_usec, 1000000);
    return result;
}

#define _GNU_SOURCE
#include "faults.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// The calls themselves are made by syscall(2), so that nothing has to be looked up while libraries are still being loaded.

static int open_at(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    char boot[PATH_MAX];
    // Which run of the machine this is, is the plan's to say: after a power failure it is another one.
    if (!strcmp(name, "/proc/sys/kernel/random/boot_id")) {
        snprintf(boot, sizeof boot, "%sboot", rx_root);
        if (rx_root[0] && !access(boot, R_OK)) name = boot;
    }
    enum rx_place place = RX_NOWHERE;
    bool makes = flags & O_CREAT, is_new = false;
    // Opening what is there fails for nobody but those who lack descriptors.
    if (makes) {
        rx_path_at(folder, name, path);
        place = rx_place_of(path);
        if (place != RX_NOWHERE) {
            struct stat status;
            is_new = lstat(path, &status) != 0;
            if (rx_before(RX_OPEN, place) != RX_GO_ON) return -1;
        }
    }
    int file = (int)syscall(SYS_openat, folder, name, flags, mode);
    if (file >= 0) rx_opened(file);
    if (file >= 0 && is_new) rx_note_entry(path, 0);
    if (makes) rx_after(RX_OPEN, place);
    return file;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { \
        va_list list; \
        va_start(list, flags); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return open_at(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return open_at(folder, path, flags, mode); }

ssize_t read(int file, void *buffer, size_t count) {
    char path[PATH_MAX];
    enum rx_place place = rx_place_of_open(file, path);
    if (rx_before(RX_READ, place) != RX_GO_ON) return -1;
    return syscall(SYS_read, file, buffer, count);
}

static ssize_t read_at(int file, void *buffer, size_t count, off_t offset) {
    char path[PATH_MAX];
    enum rx_place place = rx_place_of_open(file, path);
    if (rx_before(RX_READ, place) != RX_GO_ON) return -1;
    return syscall(SYS_pread64, file, buffer, count, offset);
}
ssize_t pread(int file, void *buffer, size_t count, off_t offset) { return read_at(file, buffer, count, offset); }
ssize_t pread64(int file, void *buffer, size_t count, off64_t offset) { return read_at(file, buffer, count, offset); }

// A write at `offset`, or where the file is when that is -1.
static ssize_t write_at(int file, const void *buffer, size_t count, off_t offset) {
    char path[PATH_MAX];
    enum rx_place place = rx_place_of_open(file, path);
    size_t half = count;
    enum rx_verdict verdict = rx_before(RX_WRITE, place);
    if (verdict == RX_FAIL) return -1;
    if (verdict != RX_GO_ON) half = count / 2;
    // What is cut short goes on with the next call, and finds the disk full.
    if (verdict == RX_CUT && half == 0) return -1;
    if (place != RX_NOWHERE) rx_note_write(file, offset, half);
    ssize_t written = offset < 0 ? syscall(SYS_write, file, buffer, half) : syscall(SYS_pwrite64, file, buffer, half, offset);
    if (verdict == RX_TEAR) rx_die();
    rx_after(RX_WRITE, place);
    return written;
}
ssize_t write(int file, const void *buffer, size_t count) { return write_at(file, buffer, count, -1); }
ssize_t pwrite(int file, const void *buffer, size_t count, off_t offset) { return write_at(file, buffer, count, offset); }
ssize_t pwrite64(int file, const void *buffer, size_t count, off64_t offset) { return write_at(file, buffer, count, offset); }

static int sync_one(int file, long number) {
    char path[PATH_MAX];
    enum rx_place place = rx_place_of_open(file, path);
    if (place == RX_NOWHERE) return (int)syscall(number, file);
    rx_note_sync(file, path, 's');
    if (rx_before(RX_SYNC, place) != RX_GO_ON) {
        rx_failed(file, path, place);
        rx_note_sync(file, path, 'E');
        return -1;
    }
    if (rx_lies) return 0;
    int result = (int)syscall(number, file);
    // It did what it is for, and tells of one that failed before: who asked does not know, and nothing more is lost.
    if (rx_is_told(file, path, place)) return -1;
    rx_note_sync(file, path, result == 0 ? 'S' : 'E');
    rx_after(RX_SYNC, place);
    return result;
}
int fsync(int file) { return sync_one(file, SYS_fsync); }
int fdatasync(int file) { return sync_one(file, SYS_fdatasync); }

int syncfs(int file) {
    char path[PATH_MAX];
    enum rx_place place = rx_place_of_open(file, path);
    if (place == RX_NOWHERE) return (int)syscall(SYS_syncfs, file);
    rx_note_sync(-1, path, 'b');
    if (rx_before(RX_SYNCFS, place) != RX_GO_ON) {
        rx_failed(file, path, RX_NOWHERE);
        rx_note_sync(-1, path, 'X');
        return -1;
    }
    if (rx_lies) return 0;
    int result = (int)syscall(SYS_syncfs, file);
    if (rx_is_told(file, path, RX_NOWHERE)) return -1;
    rx_note_sync(-1, path, result == 0 ? 'B' : 'X');
    rx_after(RX_SYNCFS, place);
    return result;
}

int renameat2(int from_folder, const char *from, int folder, const char *name, unsigned int flags) {
    char path[PATH_MAX];
    rx_path_at(folder, name, path);
    enum rx_place place = rx_place_of(path);
    if (rx_before(RX_RENAME, place) != RX_GO_ON) return -1;
    ino_t old = place == RX_NOWHERE ? 0 : rx_keep(path);
    int result = (int)syscall(SYS_renameat2, from_folder, from, folder, name, flags);
    if (result == 0 && place != RX_NOWHERE) rx_note_entry(path, old);
    rx_after(RX_RENAME, place);
    return result;
}
int renameat(int from_folder, const char *from, int folder, const char *name) { return renameat2(from_folder, from, folder, name, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    rx_path_at(folder, name, path);
    enum rx_place place = rx_place_of(path);
    if (rx_before(RX_UNLINK, place) != RX_GO_ON) return -1;
    ino_t old = place == RX_NOWHERE ? 0 : rx_keep(path);
    int result = (int)syscall(SYS_unlinkat, folder, name, flags);
    if (result == 0 && old) rx_note_entry(path, old);
    rx_after(RX_UNLINK, place);
    return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int linkat(int from_folder, const char *from, int folder, const char *name, int flags) {
    char path[PATH_MAX];
    rx_path_at(folder, name, path);
    enum rx_place place = rx_place_of(path);
    if (rx_before(RX_LINK, place) != RX_GO_ON) return -1;
    int result = (int)syscall(SYS_linkat, from_folder, from, folder, name, flags);
    if (result == 0 && place != RX_NOWHERE) rx_note_entry(path, 0);
    rx_after(RX_LINK, place);
    return result;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdirat(int folder, const char *name, mode_t mode) {
    char path[PATH_MAX];
    rx_path_at(folder, name, path);
    enum rx_place place = rx_place_of(path);
    if (rx_before(RX_MKDIR, place) != RX_GO_ON) return -1;
    int result = (int)syscall(SYS_mkdirat, folder, name, mode);
    rx_after(RX_MKDIR, place);
    return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

static int truncate_to(int file, off_t length) {
    char path[PATH_MAX];
    enum rx_place place = rx_place_of_open(file, path);
    if (rx_before(RX_TRUNCATE, place) != RX_GO_ON) return -1;
    int result = (int)syscall(SYS_ftruncate, file, length);
    rx_after(RX_TRUNCATE, place);
    return result;
}
int ftruncate(int file, off_t length) { return truncate_to(file, length); }
int ftruncate64(int file, off64_t length) { return truncate_to(file, length); }

int flock(int file, int operation) {
    char path[PATH_MAX];
    enum rx_place place = rx_place_of_open(file, path);
    if (place == RX_NOWHERE) return (int)syscall(SYS_flock, file, operation);
    if (rx_before(RX_LOCK, place) != RX_GO_ON) return -1;
    int result = (int)syscall(SYS_flock, file, operation);
    rx_after(RX_LOCK, place);
    return result;
}

// The wall clock, off by what the plan says. Time that only passes stays as it is.
int clock_gettime(clockid_t clock, struct timespec *moment) {
    int result = (int)syscall(SYS_clock_gettime, clock, moment);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) moment->tv_sec += rx_clock_shift;
    return result;
}
time_t time(time_t *result) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (result) *result = moment.tv_sec;
    return moment.tv_sec;
}
int gettimeofday(struct timeval *restrict moment, void *restrict zone) {
    (void)zone;
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    *moment = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
    return 0;
}

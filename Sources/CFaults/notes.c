#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// One line a note, written by one call to a file that all processes append to, so that notes are in one order:
//   W INODE OFFSET COUNT        these bytes are about to be written
//   N INODE OLD PATH            this name stands for that file from now on, and stood for another; 0 for none
//   s|S|E KEY INODE PATH        a sync of a file or folder begins, has ended well, has failed
//   b|B|X KEY                   a sync of all begins, has ended well, has failed
static int notes = -1;

void rx_open_notes(const char *path) {
    notes = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static void note(const char *line, int length) {
    int error = errno;
    if (length > 0 && length < PATH_MAX + 128) syscall(SYS_write, notes, line, (size_t)length);
    errno = error;
}

static long key(void) { return syscall(SYS_gettid); }

void rx_note_write(int descriptor, long offset, size_t count) {
    struct stat status;
    if (notes < 0 || fstat(descriptor, &status) != 0) return;
    if (offset < 0) {
        int flags = fcntl(descriptor, F_GETFL);
        offset = flags & O_APPEND ? (long)status.st_size : (long)lseek(descriptor, 0, SEEK_CUR);
    }
    char line[160];
    note(line, snprintf(line, sizeof line, "W %lu %ld %zu\n", (unsigned long)status.st_ino, offset, count));
}

ino_t rx_keep(const char *path) {
    struct stat status;
    if (notes < 0 || lstat(path, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
    int error = errno;
    char kept[PATH_MAX + 64];
    snprintf(kept, sizeof kept, "%skept/%lu", rx_root, (unsigned long)status.st_ino);
    syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0);
    errno = error;
    return status.st_ino;
}

void rx_note_entry(const char *path, ino_t old) {
    if (notes < 0) return;
    int error = errno;
    struct stat status;
    unsigned long inode = lstat(path, &status) == 0 ? status.st_ino : 0;
    char line[PATH_MAX + 128];
    note(line, snprintf(line, sizeof line, "N %lu %lu %s\n", inode, (unsigned long)old, path));
    errno = error;
}

void rx_note_sync(int descriptor, const char *path, char step) {
    if (notes < 0) return;
    char line[PATH_MAX + 128];
    if (descriptor < 0) {
        note(line, snprintf(line, sizeof line, "%c %ld\n", step, key()));
        return;
    }
    struct stat status;
    if (fstat(descriptor, &status) != 0) return;
    note(line, snprintf(line, sizeof line, "%c %ld %lu %s\n", step, key(), (unsigned long)status.st_ino, path));
}

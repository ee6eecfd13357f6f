#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

int rx_syncfs(int descriptor) { return syncfs(descriptor); }

int rx_direct(void) { return O_DIRECT; }
int rx_path_only(void) { return O_PATH; }

int rx_start_writing(int descriptor, long offset, long count) {
    return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

uint64_t rx_file_identity(int file) {
    struct statx told;
    if (statx(file, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &told)) return 0;
    uint64_t born = told.stx_mask & STATX_BTIME ? told.stx_btime.tv_sec * 1000000000ull + told.stx_btime.tv_nsec : 0;
    return told.stx_ino << 32 ^ told.stx_ino >> 32 ^ born;
}

long rx_filesystem_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)status.f_type : -1;
}

void rx_share_heap(void) { mallopt(M_ARENA_MAX, 1); }

void rx_trim_heap(void) { malloc_trim(0); }

int rx_clone_file(int target, int source) { return ioctl(target, FICLONE, source); }

int rx_open_folder(int above, const char *name) { return openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

int rx_rename_new(int folder, const char *name, int target_folder, const char *target) {
    return renameat2(folder, name, target_folder, target, RENAME_NOREPLACE);
}

int rx_terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int rx_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int rx_signal_of_kernel(void) { return SI_KERNEL; }

int rx_spawn(int *process, const char *program, char *const arguments[], char *const environment[], int input, int output, int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    // What this process ignores or blocks is not for the program: it starts as from a shell.
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &usual);
    if (!error) error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, input, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (!error && errors < 0) error = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (!error && errors >= 0) error = posix_spawn_file_actions_adddup2(&actions, errors, 2);
    pid_t pid = 0;
    if (!error) error = posix_spawnp(&pid, program, &actions, &attributes, arguments, environment ? environment : environ);
    *process = pid;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int rx_spawn_bound(int *process, const char *program, char *const arguments[], char *const environment[], int input, int output, int errors) {
    pid_t parent = getpid();
    volatile int error = 0;
    sigset_t all, none, own;
    sigfillset(&all);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &all, &own);
    // posix_spawn cannot ask for this signal. The child shares this memory until it is another program, and calls nothing but the system.
    pid_t child = vfork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(127);
        signal(SIGPIPE, SIG_DFL);
        if (dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(errors, 2) == 2) {
            sigprocmask(SIG_SETMASK, &none, 0);
            execve(program, arguments, environment);
        }
        error = errno;
        _exit(127);
    }
    if (child < 0) error = errno;
    pthread_sigmask(SIG_SETMASK, &own, 0);
    if (child > 0 && error) waitpid(child, 0, 0);
    *process = child;
    return error;
}

int rx_witness(int *process) {
    pid_t parent = getpid();
    sigset_t all, own;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &own);
    pid_t child = fork();
    if (child == 0) {
        // Nothing but the system is called from here on: other threads may have held any lock.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        for (int descriptor = 0; descriptor < 3; descriptor++) close(descriptor);
        syscall(SYS_close_range, 3, ~0U, 0);
        while (1) pause();
    }
    int error = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &own, 0);
    *process = child;
    return error;
}

void rx_note_use(int descriptor) {
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    futimens(descriptor, times);
}

#ifndef RX_CPOSIX_H
#define RX_CPOSIX_H

#include <stdint.h>

// Linux calls that the C library shows only with _GNU_SOURCE.
int rx_syncfs(int descriptor);

// The flag of open(2) that reads past the page cache.
int rx_direct(void);
/// O_PATH.
int rx_path_only(void);

// Begins to write a part of a file to the disk, and waits for little of it (sync_file_range(2)).
int rx_start_writing(int descriptor, long offset, long count);

// Sets the time of last use of an open file to now, and no other but that of the last change of anything (futimens(3), UTIME_OMIT).
void rx_note_use(int descriptor);

// The type of the file system that holds `path` (statfs(2), f_type), or -1.
long rx_filesystem_type(const char *path);
// Another number for each file of a file system, also for one that has the inode of one that is gone; 0 when it cannot be told.
uint64_t rx_file_identity(int file);

// Lets all threads share one heap (mallopt(3), M_ARENA_MAX).
void rx_share_heap(void);
void rx_trim_heap(void);

// Lets an empty file share another one's bytes until one of them is written to (ioctl_ficlone(2)).
int rx_clone_file(int target, int source);

// Opens a folder that is no symlink, for calls relative to it alone (open(2), O_PATH).
int rx_open_folder(int above, const char *name);

// Renames where nothing is at the target; EEXIST else, EINVAL where the file system cannot tell (renameat2(2), RENAME_NOREPLACE).
int rx_rename_new(int folder, const char *name, int target_folder, const char *target);

// The columns of a terminal; 0 where they are not known (ioctl_tty(2), TIOCGWINSZ).
int rx_terminal_columns(int descriptor);

// Starts the program that PATH finds, without a shell, with these descriptors as its standard input, output and error, nothing for its
// errors where that is -1, and this process's environment where none is given; gives an error number or 0 (posix_spawnp(3)).
int rx_spawn(int *process, const char *program, char *const arguments[], char *const environment[], int input, int output, int errors);

// The same for a program's path, with descriptors and an environment of its own; it is killed when the thread that started it ends
// (prctl(2), PR_SET_PDEATHSIG).
int rx_spawn_bound(int *process, const char *program, char *const arguments[], char *const environment[], int input, int output, int errors);

// Two ends of a pipe that other programs do not inherit (pipe2(2)); -1 on failure.
int rx_pipe(int ends[2]);

// Makes a process of this one's process group that does nothing, and holds back every signal: what is pending there was sent to the group. It ends
// with the thread that made it. Gives 0 or errno.
int rx_witness(int *process);

// What siginfo_t says of a signal that the kernel sent, as for a key on a terminal (sigaction(2), SI_KERNEL).
int rx_signal_of_kernel(void);
#endif

#ifndef RX_CPOSIX_H
#define RX_CPOSIX_H

// Linux calls that the C library shows only with _GNU_SOURCE.
int rx_syncfs(int descriptor);

// Begins to write a part of a file to the disk, and waits for little of it (sync_file_range(2)).
int rx_start_writing(int descriptor, long offset, long count);

// The type of the file system that holds `path` (statfs(2), f_type), or -1.
long rx_filesystem_type(const char *path);

// Lets all threads share one heap (mallopt(3), M_ARENA_MAX).
void rx_share_heap(void);
void rx_trim_heap(void);
#endif

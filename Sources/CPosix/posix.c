#define _GNU_SOURCE
#include "shim.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/vfs.h>
#include <unistd.h>

int rx_syncfs(int descriptor) { return syncfs(descriptor); }

int rx_start_writing(int descriptor, long offset, long count) {
    return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

long rx_filesystem_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)status.f_type : -1;
}

void rx_share_heap(void) { mallopt(M_ARENA_MAX, 1); }

void rx_trim_heap(void) { malloc_trim(0); }

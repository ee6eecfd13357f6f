#define _GNU_SOURCE
#include "shim.h"

#include <malloc.h>
#include <sys/vfs.h>
#include <unistd.h>

int rx_syncfs(int descriptor) { return syncfs(descriptor); }

long rx_filesystem_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)status.f_type : -1;
}

void rx_share_heap(void) { mallopt(M_ARENA_MAX, 1); }

void rx_trim_heap(void) { malloc_trim(0); }

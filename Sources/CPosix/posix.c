#define _GNU_SOURCE
#include "shim.h"

#include <sys/vfs.h>
#include <unistd.h>

int rx_syncfs(int descriptor) { return syncfs(descriptor); }

long rx_filesystem_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)status.f_type : -1;
}

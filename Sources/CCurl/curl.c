#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library curl = {"libcurl.so.4", "libcurl4", 0};
#define LAZY_LIBRARY curl

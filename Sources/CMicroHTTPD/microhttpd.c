#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library microhttpd = {"libmicrohttpd.so.12", "libmicrohttpd12", 0};
#define LAZY_LIBRARY microhttpd

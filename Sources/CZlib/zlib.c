#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library zlib = {"libz.so.1", "zlib1g", 0};
#define LAZY_LIBRARY zlib

LAZY(int, inflateInit2_, (z_streamp s, int bits, const char *version, int size), (s, bits, version, size))
LAZY(int, inflate, (z_streamp s, int flush), (s, flush))
LAZY(int, inflateReset, (z_streamp s), (s))
LAZY(int, inflateEnd, (z_streamp s), (s))
LAZY(int, deflateInit2_, (z_streamp s, int level, int method, int bits, int memory, int strategy, const char *version, int size),
     (s, level, method, bits, memory, strategy, version, size))
LAZY(int, deflateSetHeader, (z_streamp s, gz_headerp header), (s, header))
LAZY(int, deflateParams, (z_streamp s, int level, int strategy), (s, level, strategy))
LAZY(int, deflate, (z_streamp s, int flush), (s, flush))
LAZY(int, deflateReset, (z_streamp s), (s))
LAZY(int, deflateEnd, (z_streamp s), (s))

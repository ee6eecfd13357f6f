#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library zstd = {"libzstd.so.1", "libzstd1", 0};
#define LAZY_LIBRARY zstd

LAZY(unsigned, ZSTD_isError, (size_t code), (code))
LAZY(const char *, ZSTD_getErrorName, (size_t code), (code))
LAZY(int, ZSTD_minCLevel, (void), ())
LAZY(size_t, ZSTD_compressBound, (size_t size), (size))
LAZY(ZSTD_CCtx *, ZSTD_createCCtx, (void), ())
LAZY(size_t, ZSTD_freeCCtx, (ZSTD_CCtx *context), (context))
LAZY(size_t, ZSTD_CCtx_setParameter, (ZSTD_CCtx *context, ZSTD_cParameter parameter, int value), (context, parameter, value))
LAZY(size_t, ZSTD_compress2, (ZSTD_CCtx *context, void *to, size_t room, const void *from, size_t size), (context, to, room, from, size))
LAZY(size_t, ZSTD_CCtx_setPledgedSrcSize, (ZSTD_CCtx *context, unsigned long long size), (context, size))
LAZY(size_t, ZSTD_compressStream2, (ZSTD_CCtx *context, ZSTD_outBuffer *to, ZSTD_inBuffer *from, ZSTD_EndDirective end),
     (context, to, from, end))
LAZY(ZSTD_DCtx *, ZSTD_createDCtx, (void), ())
LAZY(size_t, ZSTD_freeDCtx, (ZSTD_DCtx *context), (context))
LAZY(size_t, ZSTD_DCtx_setParameter, (ZSTD_DCtx *context, ZSTD_dParameter parameter, int value), (context, parameter, value))
LAZY(size_t, ZSTD_decompressStream, (ZSTD_DCtx *context, ZSTD_outBuffer *to, ZSTD_inBuffer *from), (context, to, from))

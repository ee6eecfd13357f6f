#ifndef RX_CZSTD_H
#define RX_CZSTD_H
#define ZSTDLIB_VISIBLE __attribute__((visibility("hidden")))
#include <zstd.h>
#endif

#ifndef RX_CZLIB_H
#define RX_CZLIB_H
#include <zlib.h>

// Macros with casts do not import. 15 is the largest window; 16 more asks for the gzip wrapper, a negative one for none.
static inline int rx_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
static inline int rx_deflate_init_gzip(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
}
static inline int rx_deflate_init_raw(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
}
#endif

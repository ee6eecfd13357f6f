#ifndef RX_CMICROHTTPD_H
#define RX_CMICROHTTPD_H
#include <microhttpd.h>
#endif

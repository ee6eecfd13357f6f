#ifndef RX_CCURL_H
#define RX_CCURL_H
#include <curl/curl.h>
#endif

#ifndef RX_CCRYPTO_H
#define RX_CCRYPTO_H
#include <openssl/evp.h>
#include <openssl/err.h>
#endif

#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library crypto = {"libcrypto.so.3", "libssl3", 0};
#define LAZY_LIBRARY crypto

LAZY(EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())
LAZY(void, EVP_MD_CTX_free, (EVP_MD_CTX *context), (context))
LAZY(const EVP_MD *, EVP_sha256, (void), ())
LAZY(int, EVP_DigestInit_ex, (EVP_MD_CTX *context, const EVP_MD *type, ENGINE *engine), (context, type, engine))
LAZY(int, EVP_DigestUpdate, (EVP_MD_CTX *context, const void *bytes, size_t count), (context, bytes, count))
LAZY(int, EVP_DigestFinal_ex, (EVP_MD_CTX *context, unsigned char *digest, unsigned int *count), (context, digest, count))
LAZY(const EVP_MD *, EVP_sha512, (void), ())
LAZY(int, EVP_EncodeBlock, (unsigned char *text, const unsigned char *bytes, int count), (text, bytes, count))
LAZY(int, EVP_DecodeBlock, (unsigned char *bytes, const unsigned char *text, int count), (bytes, text, count))

#include "lazy.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static void missing(const struct lazy_library *library) {
    fprintf(stderr, "error: %s could not be loaded: %s\nhint: install it (Debian: apt-get install %s)\n",
            library->soname, dlerror(), library->package);
    _Exit(1);
}

void *lazy_symbol_if_present(struct lazy_library *library, const char *name) {
    pthread_mutex_lock(&opening);
    if (!library->handle) library->handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
    void *address = library->handle ? dlsym(library->handle, name) : 0;
    pthread_mutex_unlock(&opening);
    return address;
}

void *lazy_symbol(struct lazy_library *library, const char *name) {
    void *address = lazy_symbol_if_present(library, name);
    if (!address) missing(library);
    return address;
}

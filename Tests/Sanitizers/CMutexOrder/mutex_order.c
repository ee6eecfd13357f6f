// Swift's Mutex waits and wakes in libswiftSynchronization.so (futexes), which is not compiled with the thread sanitizer: it sees the
// quick ways of lock and unlock, which are compiled into their callers, and not these. Every value behind a contended Mutex would be
// taken for a race. Here they tell it what they order, as the sanitizer's own mutexes do, and do what they always did.
#include "mutex_order.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *handle
// Synchronization._MutexHandle._lockSlow(UInt32) and _unlockSlow(). Nothing in rx tries a lock.
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static void *original(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

SWIFT void rx_lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void rx_lock_slow(uint32_t thread, SELF) {
    ((SWIFT void (*)(uint32_t, SELF))original(LOCK))(thread, handle);
    __tsan_acquire(handle);
}

SWIFT void rx_unlock_slow(SELF) __asm__(UNLOCK);
SWIFT void rx_unlock_slow(SELF) {
    __tsan_release(handle);
    ((SWIFT void (*)(SELF))original(UNLOCK))(handle);
}
#endif
#endif

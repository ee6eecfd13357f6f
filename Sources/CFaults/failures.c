#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

// How many syncs of each store's log have failed, and in the first place how many of everything.
_Atomic unsigned *rx_failures;

// What each descriptor was told of last: of the log, of everything. One that is reused was opened anew.
#define MOST_FILES 4096
static _Atomic unsigned told[MOST_FILES][RX_STORES];

// Which of the counts is meant; -1 for a sync that only its own descriptor is told of.
static int number_of(const char *path, enum rx_place place) {
    if (place == RX_NOWHERE) return 0;
    if (place != RX_LOG) return -1;
    // rx_root, "store", a digit.
    int digit = path[strlen(rx_root) + 5] - '0';
    return digit >= 0 && digit + 1 < RX_STORES ? digit + 1 : -1;
}

void rx_opened(int file) {
    if (!rx_failures || file >= MOST_FILES) return;
    for (int i = 0; i < RX_STORES; i++) told[file][i] = rx_failures[i];
}

void rx_failed(int file, const char *path, enum rx_place place) {
    int number = number_of(path, place);
    if (!rx_failures || file >= MOST_FILES || number < 0) return;
    int error = errno;
    told[file][number] = ++rx_failures[number];
    errno = error;
}

bool rx_is_told(int file, const char *path, enum rx_place place) {
    int number = number_of(path, place);
    if (!rx_failures || file >= MOST_FILES || number < 0) return false;
    unsigned now = rx_failures[number];
    if (atomic_exchange(&told[file][number], now) == now) return false;
    errno = EIO;
    return true;
}

#ifndef RX_CFAULTS_H
#define RX_CFAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// A library that is loaded in front of the C library (ld.so(8), LD_PRELOAD) and makes the system calls of a program fail, kill it, or
// be forgotten by the disk, as the environment's RX_FAULTS says. It sees those of every library of the program, SQLite's too, and the
// program itself is the one that people use. Source: Specs/14-torture.md.

// The system calls that have points; the order is that of the names in plan.c.
enum rx_call {
    RX_OPEN, RX_READ, RX_WRITE, RX_SYNC, RX_SYNCFS, RX_RENAME, RX_UNLINK, RX_LINK, RX_MKDIR, RX_TRUNCATE, RX_LOCK, RX_CALLS
};

// What of a store a call is about; the order is that of the names in plan.c.
enum rx_place {
    RX_NOWHERE, RX_CATALOG, RX_LOG, RX_BLOBS, RX_FOLDERS, RX_STAGING, RX_UPLOADS, RX_TRASH, RX_DAMAGED, RX_PARTIAL, RX_CACHE, RX_LOCKS,
    RX_REST, RX_PLACES
};

// What a write is to do when it is not to be done as asked.
enum rx_verdict { RX_GO_ON, RX_FAIL, RX_TEAR, RX_CUT };

// Which part of which store `path` is; RX_NOWHERE when it is in none, and as long as there is no plan.
enum rx_place rx_place_of(const char *path);
// The same for what is open, whose path it writes to `path`, PATH_MAX bytes.
enum rx_place rx_place_of_open(int descriptor, char *path);
// The absolute path of `name` below an open folder, in `path`, PATH_MAX bytes.
void rx_path_at(int folder, const char *name, char *path);

// Passes the point in front of a call: may not return, and sets errno where the call is to fail.
enum rx_verdict rx_before(enum rx_call call, enum rx_place place);
// Passes the point behind a call that was made: may not return.
void rx_after(enum rx_call call, enum rx_place place);
// Ends this process at once, as the kernel would.
void rx_die(void);

// Whether syncs do nothing and say that they did: what a run must find out, or it proves nothing.
extern bool rx_lies;

// How far this process's clock is off, in seconds.
extern long rx_clock_shift;

// The notes of what is not durable yet, for a power failure. A write, before it is done; a name that stands for another file, or for
// none, and stood for `old`, which rx_keep gave before: 0 for nothing.
void rx_note_write(int descriptor, long offset, size_t count);
ino_t rx_keep(const char *path);
void rx_note_entry(const char *path, ino_t old);
// A sync that begins, and how it ended; `descriptor` -1 stands for the whole file system.
void rx_note_sync(int descriptor, const char *path, char step);
// The kernel tells each open descriptor of a failed sync once, all that were open when it failed (fsync(2)). These do so for syncs of a
// store's log, and, with the place RX_NOWHERE, of all: a file was opened; a sync failed by the plan, and this descriptor is told;
// whether it is still to be told of one that another descriptor met, with errno.
void rx_opened(int file);
void rx_failed(int file, const char *path, enum rx_place place);
bool rx_is_told(int file, const char *path, enum rx_place place);
// Memory that the processes of a round share, behind the counts of the points.
#define RX_STORES 8
extern _Atomic unsigned *rx_failures;

// The folder of the plan, with a slash at its end; what is below `kept/` in it is kept for a power failure.
extern char rx_root[];

#endif

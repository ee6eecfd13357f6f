#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library sqlite = {"libsqlite3.so.0", "libsqlite3-0", 0};
#define LAZY_LIBRARY sqlite

LAZY(int, sqlite3_open_v2, (const char *path, sqlite3 **db, int flags, const char *vfs), (path, db, flags, vfs))
LAZY(int, sqlite3_close_v2, (sqlite3 *db), (db))
LAZY(int, sqlite3_busy_handler, (sqlite3 *db, int (*handler)(void *, int), void *context), (db, handler, context))
LAZY(int, sqlite3_exec, (sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *context, char **message),
     (db, sql, row, context, message))
LAZY(int, sqlite3_prepare_v3, (sqlite3 *db, const char *sql, int count, unsigned int flags, sqlite3_stmt **s, const char **tail),
     (db, sql, count, flags, s, tail))
LAZY(int, sqlite3_finalize, (sqlite3_stmt *s), (s))
LAZY(int, sqlite3_step, (sqlite3_stmt *s), (s))
LAZY(int, sqlite3_reset, (sqlite3_stmt *s), (s))
LAZY(int, sqlite3_clear_bindings, (sqlite3_stmt *s), (s))
LAZY(int, sqlite3_bind_int64, (sqlite3_stmt *s, int i, sqlite3_int64 value), (s, i, value))
LAZY(int, sqlite3_bind_null, (sqlite3_stmt *s, int i), (s, i))
LAZY(int, sqlite3_bind_text, (sqlite3_stmt *s, int i, const char *text, int count, void (*release)(void *)), (s, i, text, count, release))
LAZY(int, sqlite3_bind_blob, (sqlite3_stmt *s, int i, const void *bytes, int count, void (*release)(void *)), (s, i, bytes, count, release))
LAZY(int, sqlite3_column_type, (sqlite3_stmt *s, int i), (s, i))
LAZY(sqlite3_int64, sqlite3_column_int64, (sqlite3_stmt *s, int i), (s, i))
LAZY(const unsigned char *, sqlite3_column_text, (sqlite3_stmt *s, int i), (s, i))
LAZY(const void *, sqlite3_column_blob, (sqlite3_stmt *s, int i), (s, i))
LAZY(int, sqlite3_column_bytes, (sqlite3_stmt *s, int i), (s, i))
LAZY(int, sqlite3_blob_open, (sqlite3 *db, const char *base, const char *table, const char *column, sqlite3_int64 row, int writes,
     sqlite3_blob **blob), (db, base, table, column, row, writes, blob))
LAZY(int, sqlite3_blob_close, (sqlite3_blob *blob), (blob))
LAZY(int, sqlite3_blob_bytes, (sqlite3_blob *blob), (blob))
LAZY(int, sqlite3_blob_read, (sqlite3_blob *blob, void *to, int count, int offset), (blob, to, count, offset))
LAZY(sqlite3_int64, sqlite3_last_insert_rowid, (sqlite3 *db), (db))
LAZY(int, sqlite3_changes, (sqlite3 *db), (db))
LAZY(int, sqlite3_get_autocommit, (sqlite3 *db), (db))
LAZY(const char *, sqlite3_errmsg, (sqlite3 *db), (db))
LAZY(int, sqlite3_system_errno, (sqlite3 *db), (db))

// A variadic function cannot be passed on: its address is looked up here.
const volatile void *rx_sqlite3_wal_index(sqlite3 *db) {
    __typeof__(&sqlite3_file_control) control = (__typeof__(&sqlite3_file_control))lazy_symbol(&sqlite, "sqlite3_file_control");
    sqlite3_file *file = 0;
    if (control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file || !file->pMethods) return 0;
    if (file->pMethods->iVersion < 2 || !file->pMethods->xShmMap) return 0;
    volatile void *index = 0;
    if (file->pMethods->xShmMap(file, 0, 32768, 0, &index) != SQLITE_OK) return 0;
    return index;
}

int rx_sqlite3_wal_position(const volatile void *index, uint64_t *position) {
    const volatile uint32_t *first = index, *second = first + 12;
    enum { isInit = 3, mxFrame = 4, salt = 8 };
    uint32_t initialized = __atomic_load_n(first + isInit, __ATOMIC_ACQUIRE);
    uint32_t frame = __atomic_load_n(first + mxFrame, __ATOMIC_ACQUIRE), generation = __atomic_load_n(first + salt, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(second + isInit, __ATOMIC_ACQUIRE) != initialized) return 0;
    if (__atomic_load_n(second + mxFrame, __ATOMIC_ACQUIRE) != frame) return 0;
    if (__atomic_load_n(second + salt, __ATOMIC_ACQUIRE) != generation) return 0;
    *position = (uint64_t)generation << 32 | frame;
    return initialized != 0;
}

// The methods of one open log: SQLite's own, but for three.
struct watched_log {
    sqlite3_io_methods methods;
    const sqlite3_io_methods *own;
    const struct rx_log_watch *watch;
    void *context;
    int64_t end;
    uint32_t begun;
};

static int watched_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    struct watched_log *log = (struct watched_log *)file->pMethods;
    log->end = offset + count;
    if (offset == 0 && count >= 20) memcpy(&log->begun, (const char *)bytes + 16, sizeof log->begun);
    return log->own->xWrite(file, bytes, count, offset);
}

static int watched_sync(sqlite3_file *file, int flags) {
    struct watched_log *log = (struct watched_log *)file->pMethods;
    int result = log->own->xSync(file, flags);
    int believed = log->watch->synced(log->context, result == SQLITE_OK, log->end, log->begun);
    log->end = 0;
    log->begun = 0;
    return result != SQLITE_OK ? result : believed ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int watched_close(sqlite3_file *file) {
    struct watched_log *log = (struct watched_log *)file->pMethods;
    int result = log->own->xClose(file);
    log->watch->closed(log->context);
    free(log);
    return result;
}

int rx_sqlite3_watch_log(sqlite3 *db, const struct rx_log_watch *watch, void *context) {
    __typeof__(&sqlite3_file_control) control = (__typeof__(&sqlite3_file_control))lazy_symbol(&sqlite, "sqlite3_file_control");
    sqlite3_file *file = 0;
    if (control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK || !file || !file->pMethods) return 0;
    struct watched_log *log = malloc(sizeof *log);
    if (!log) return 0;
    // A library that is newer than its header has more methods: those of later versions are not called.
    *log = (struct watched_log){.methods = *file->pMethods, .own = file->pMethods, .watch = watch, .context = context};
    if (log->methods.iVersion > 3) log->methods.iVersion = 3;
    log->methods.xWrite = watched_write;
    log->methods.xSync = watched_sync;
    log->methods.xClose = watched_close;
    file->pMethods = &log->methods;
    return 1;
}

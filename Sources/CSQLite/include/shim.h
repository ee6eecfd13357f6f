#ifndef RX_CSQLITE_H
#define RX_CSQLITE_H
#include <sqlite3.h>
#include <stdint.h>

// Variadic functions and casted constants do not import.
static inline int rx_sqlite3_bind_text(sqlite3_stmt *s, int i, const char *text, int count) {
    return sqlite3_bind_text(s, i, text, count, SQLITE_TRANSIENT);
}
static inline int rx_sqlite3_bind_blob(sqlite3_stmt *s, int i, const void *bytes, int count) {
    return sqlite3_bind_blob(s, i, bytes, count, SQLITE_TRANSIENT);
}
// Binds bytes that stay where they are until the binding is cleared.
static inline int rx_sqlite3_bind_lasting_blob(sqlite3_stmt *s, int i, const void *bytes, int count) {
    return sqlite3_bind_blob(s, i, bytes, count, SQLITE_STATIC);
}

/// The start of a connection's WAL-index: memory that all processes with the database open share, mapped for as long as the connection is
/// open. NULL when it has none, as before its first transaction in WAL mode. Source: https://sqlite.org/walformat.html, section 2.
const volatile void *rx_sqlite3_wal_index(sqlite3 *db);
/// Where the last commit ended: which log since it was begun anew, and which frame of it; every commit has another. Gives 0 when somebody
/// is writing it just now, or was killed while he did.
int rx_sqlite3_wal_position(const volatile void *index, uint64_t *position);

/// What is called for each sync of a connection's log by SQLite itself, whose result is handed on: gives whether a sync that ended well is
/// believed. `end` is where the last of what the connection has written since its sync before ends, 0 for nothing, and `begun` the first salt
/// of the header that it has written since then, as in a log's position, 0 for none. And once when the log is closed: no other call comes after that.
struct rx_log_watch {
    int (*synced)(void *context, int ended_well, int64_t end, uint32_t begun);
    void (*closed)(void *context);
};

/// Watches the syncs of a connection's log, which is open from its first transaction in WAL mode to its end. Gives 0, and calls nothing,
/// when there is none. `watch` lasts as long as the program.
int rx_sqlite3_watch_log(sqlite3 *db, const struct rx_log_watch *watch, void *context);
#endif

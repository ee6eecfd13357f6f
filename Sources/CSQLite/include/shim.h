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

/// The start of a connection's WAL-index: memory that all processes with the database open share, mapped for as long as the connection is
/// open. NULL when it has none, as before its first transaction in WAL mode. Source: https://sqlite.org/walformat.html, section 2.
const volatile void *rx_sqlite3_wal_index(sqlite3 *db);
/// Where the last commit ended: which log since it was begun anew, and which frame of it; every commit has another. Gives 0 when somebody
/// is writing it just now, or was killed while he did.
int rx_sqlite3_wal_position(const volatile void *index, uint64_t *position);
#endif

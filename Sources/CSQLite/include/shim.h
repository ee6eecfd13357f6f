#ifndef RX_CSQLITE_H
#define RX_CSQLITE_H
#include <sqlite3.h>

// Variadic functions and casted constants do not import.
static inline int rx_sqlite3_bind_text(sqlite3_stmt *s, int i, const char *text, int count) {
    return sqlite3_bind_text(s, i, text, count, SQLITE_TRANSIENT);
}
static inline int rx_sqlite3_bind_blob(sqlite3_stmt *s, int i, const void *bytes, int count) {
    return sqlite3_bind_blob(s, i, bytes, count, SQLITE_TRANSIENT);
}
#endif

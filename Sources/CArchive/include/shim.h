#ifndef RX_CARCHIVE_H
#define RX_CARCHIVE_H
#include <archive.h>
#include <archive_entry.h>

// archive_read_next_header as if the process had called no setlocale: names then stay the bytes they are in the archive
// (libarchive converts pax names to the locale's charset, and composes them when that is UTF-8).
int rx_archive_next_header(struct archive *archive, struct archive_entry **entry);
#endif

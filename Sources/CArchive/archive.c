#define _GNU_SOURCE
#include <locale.h>
#include <pthread.h>

#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library archive = {"libarchive.so.13", "libarchive13", 0};
#define LAZY_LIBRARY archive

LAZY(struct archive *, archive_read_new, (void), ())
LAZY(int, archive_read_support_format_tar, (struct archive *a), (a))
LAZY(int, archive_read_set_options, (struct archive *a, const char *options), (a, options))
LAZY(int, archive_read_open2,
     (struct archive *a, void *client, archive_open_callback *open, archive_read_callback *read, archive_skip_callback *skip,
      archive_close_callback *close),
     (a, client, open, read, skip, close))
LAZY(int, archive_read_next_header, (struct archive *a, struct archive_entry **entry), (a, entry))
LAZY(int, archive_read_data_block, (struct archive *a, const void **bytes, size_t *count, la_int64_t *offset), (a, bytes, count, offset))
LAZY(int, archive_read_free, (struct archive *a), (a))
LAZY(la_int64_t, archive_filter_bytes, (struct archive *a, int filter), (a, filter))
LAZY(const char *, archive_error_string, (struct archive *a), (a))
LAZY(const char *, archive_entry_pathname, (struct archive_entry *entry), (entry))
LAZY(const char *, archive_entry_hardlink, (struct archive_entry *entry), (entry))
LAZY(const char *, archive_entry_symlink, (struct archive_entry *entry), (entry))
LAZY(__LA_MODE_T, archive_entry_filetype, (struct archive_entry *entry), (entry))
LAZY(__LA_MODE_T, archive_entry_perm, (struct archive_entry *entry), (entry))
LAZY(la_int64_t, archive_entry_size, (struct archive_entry *entry), (entry))
LAZY(int, archive_entry_size_is_set, (struct archive_entry *entry), (entry))

static locale_t plain;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void make_plain(void) { plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

int rx_archive_next_header(struct archive *a, struct archive_entry **entry) {
    pthread_once(&once, make_plain);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    int result = archive_read_next_header(a, entry);
    if (before) uselocale(before);
    return result;
}

#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library curl = {"libcurl.so.4", "libcurl4", 0};
#define LAZY_LIBRARY curl

LAZY(CURLcode, curl_global_init, (long flags), (flags))
LAZY(CURL *, curl_easy_init, (void), ())
LAZY(void, curl_easy_cleanup, (CURL *easy), (easy))
LAZY(void, curl_easy_reset, (CURL *easy), (easy))
LAZY(CURLcode, curl_easy_perform, (CURL *easy), (easy))
LAZY(const char *, curl_easy_strerror, (CURLcode code), (code))
LAZY(void, curl_free, (void *pointer), (pointer))
LAZY(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text), (list, text))
LAZY(void, curl_slist_free_all, (struct curl_slist *list), (list))
LAZY(curl_mime *, curl_mime_init, (CURL *easy), (easy))
LAZY(void, curl_mime_free, (curl_mime *form), (form))
LAZY(curl_mimepart *, curl_mime_addpart, (curl_mime *form), (form))
LAZY(CURLcode, curl_mime_name, (curl_mimepart *part, const char *name), (part, name))
LAZY(CURLcode, curl_mime_filename, (curl_mimepart *part, const char *name), (part, name))
LAZY(CURLcode, curl_mime_type, (curl_mimepart *part, const char *type), (part, type))
LAZY(CURLcode, curl_mime_data, (curl_mimepart *part, const char *bytes, size_t count), (part, bytes, count))
LAZY(CURLcode, curl_mime_data_cb,
     (curl_mimepart *part, curl_off_t count, curl_read_callback read, curl_seek_callback seek, curl_free_callback release, void *context),
     (part, count, read, seek, release, context))
LAZY(CURLU *, curl_url, (void), ())
LAZY(void, curl_url_cleanup, (CURLU *url), (url))
LAZY(CURLUcode, curl_url_set, (CURLU *url, CURLUPart part, const char *text, unsigned int flags), (url, part, text, flags))

// A variadic function cannot be passed on by a trampoline, so its callers below look it up themselves.
typedef CURLcode (*setopt_function)(CURL *, CURLoption, ...);
typedef CURLcode (*getinfo_function)(CURL *, CURLINFO, ...);

static void *resolve(void **address, const char *name) {
    void *found = __atomic_load_n(address, __ATOMIC_ACQUIRE);
    if (!found) {
        found = lazy_symbol(&curl, name);
        __atomic_store_n(address, found, __ATOMIC_RELEASE);
    }
    return found;
}

static setopt_function setopt(void) {
    static void *address;
    return (setopt_function)resolve(&address, "curl_easy_setopt");
}

static getinfo_function getinfo(void) {
    static void *address;
    return (getinfo_function)resolve(&address, "curl_easy_getinfo");
}

typedef CURLUcode (*url_get_function)(const CURLU *, CURLUPart, char **, unsigned int);

// The header's declaration has its first parameter const in newer versions only, so it is named anew.
CURLUcode rx_curl_url_get(const CURLU *url, CURLUPart part, char **text, unsigned int flags) {
    static void *address;
    return ((url_get_function)resolve(&address, "curl_url_get"))(url, part, text, flags);
}

CURLcode rx_curl_set_long(CURL *easy, CURLoption option, long value) { return setopt()(easy, option, value); }
CURLcode rx_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value) { return setopt()(easy, option, value); }
CURLcode rx_curl_set_string(CURL *easy, CURLoption option, const char *value) { return setopt()(easy, option, value); }
CURLcode rx_curl_set_pointer(CURL *easy, CURLoption option, void *value) { return setopt()(easy, option, value); }
CURLcode rx_curl_set_data(CURL *easy, CURLoption option, size_t (*callback)(char *, size_t, size_t, void *)) {
    return setopt()(easy, option, callback);
}
CURLcode rx_curl_set_seek(CURL *easy, int (*callback)(void *, curl_off_t, int)) {
    return setopt()(easy, CURLOPT_SEEKFUNCTION, callback);
}
CURLcode rx_curl_set_progress(CURL *easy, int (*callback)(void *, curl_off_t, curl_off_t, curl_off_t, curl_off_t)) {
    return setopt()(easy, CURLOPT_XFERINFOFUNCTION, callback);
}
CURLcode rx_curl_get_long(CURL *easy, CURLINFO info, long *value) { return getinfo()(easy, info, value); }
CURLcode rx_curl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) { return getinfo()(easy, info, value); }
CURLcode rx_curl_get_string(CURL *easy, CURLINFO info, const char **value) { return getinfo()(easy, info, value); }

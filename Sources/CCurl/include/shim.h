#ifndef RX_CCURL_H
#define RX_CCURL_H
#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo are variadic and do not import: one typed function for each kind of value.
CURLcode rx_curl_set_long(CURL *easy, CURLoption option, long value);
CURLcode rx_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value);
CURLcode rx_curl_set_string(CURL *easy, CURLoption option, const char *value);
CURLcode rx_curl_set_pointer(CURL *easy, CURLoption option, void *value);
CURLcode rx_curl_set_data(CURL *easy, CURLoption option, size_t (*callback)(char *, size_t, size_t, void *));
CURLcode rx_curl_set_seek(CURL *easy, int (*callback)(void *, curl_off_t, int));
CURLcode rx_curl_set_progress(CURL *easy, int (*callback)(void *, curl_off_t, curl_off_t, curl_off_t, curl_off_t));
CURLcode rx_curl_get_long(CURL *easy, CURLINFO info, long *value);
CURLcode rx_curl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value);
CURLcode rx_curl_get_string(CURL *easy, CURLINFO info, const char **value);

// Whether curl_url_get takes a const handle depends on the header's version.
CURLUcode rx_curl_url_get(const CURLU *url, CURLUPart part, char **text, unsigned int flags);
#endif

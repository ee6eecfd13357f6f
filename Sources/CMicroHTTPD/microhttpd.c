#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#pragma GCC visibility push(hidden)
#include "shim.h"
#include "lazy.h"

static struct lazy_library microhttpd = {"libmicrohttpd.so.12", "libmicrohttpd12", 0};
#define LAZY_LIBRARY microhttpd

LAZY(void, MHD_stop_daemon, (struct MHD_Daemon *daemon), (daemon))
LAZY(void, MHD_suspend_connection, (struct MHD_Connection *connection), (connection))
LAZY(void, MHD_resume_connection, (struct MHD_Connection *connection), (connection))
LAZY(enum MHD_Result, MHD_queue_response, (struct MHD_Connection *connection, unsigned int status, struct MHD_Response *response),
     (connection, status, response))
LAZY(int, MHD_get_connection_values_n,
     (struct MHD_Connection *connection, enum MHD_ValueKind kind, MHD_KeyValueIteratorN iterator, void *context),
     (connection, kind, iterator, context))
LAZY(struct MHD_Response *, MHD_create_response_from_buffer, (size_t size, void *buffer, enum MHD_ResponseMemoryMode mode),
     (size, buffer, mode))
LAZY(struct MHD_Response *, MHD_create_response_from_buffer_with_free_callback_cls,
     (size_t size, void *buffer, MHD_ContentReaderFreeCallback release, void *owner), (size, buffer, release, owner))
LAZY(struct MHD_Response *, MHD_create_response_from_fd_at_offset64, (uint64_t size, int descriptor, uint64_t offset),
     (size, descriptor, offset))
LAZY(struct MHD_Response *, MHD_create_response_from_callback,
     (uint64_t size, size_t block, MHD_ContentReaderCallback reader, void *context, MHD_ContentReaderFreeCallback released),
     (size, block, reader, context, released))
LAZY(enum MHD_Result, MHD_add_response_header, (struct MHD_Response *response, const char *name, const char *value),
     (response, name, value))
LAZY(void, MHD_destroy_response, (struct MHD_Response *response), (response))
LAZY(const char *, MHD_get_version, (void), ())

// Variadic functions cannot be passed on: their addresses are looked up here.

struct MHD_Daemon *rx_mhd_start(const struct rx_mhd_settings *settings) {
    __typeof__(&MHD_start_daemon) start = (__typeof__(&MHD_start_daemon))lazy_symbol_if_present(&microhttpd, "MHD_start_daemon");
    if (!start) {
        errno = ELIBACC;
        return 0;
    }
    void *context = settings->context;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, settings->listening, 0},
        {MHD_OPTION_THREAD_POOL_SIZE, settings->threads, 0},
        {MHD_OPTION_CONNECTION_LIMIT, settings->connections, 0},
        {MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_seconds, 0},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->connection_memory, 0},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)settings->target, context},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)settings->completed, context},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)settings->connection, context},
        {MHD_OPTION_END, 0, 0},
    };
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    return start(flags, 0, 0, 0, (MHD_AccessHandlerCallback)(void *)settings->handle, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

int rx_mhd_stop_listening(int listening) {
    int quiet = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (quiet < 0) return -1;
    int result = dup3(quiet, listening, O_CLOEXEC);
    close(quiet);
    return result < 0 ? -1 : 0;
}

static const union MHD_ConnectionInfo *info(struct MHD_Connection *connection, enum MHD_ConnectionInfoType kind) {
    static __typeof__(&MHD_get_connection_info) address;
    __typeof__(&MHD_get_connection_info) call = __atomic_load_n(&address, __ATOMIC_ACQUIRE);
    if (!call) {
        call = (__typeof__(&MHD_get_connection_info))lazy_symbol(&microhttpd, "MHD_get_connection_info");
        __atomic_store_n(&address, call, __ATOMIC_RELEASE);
    }
    return call(connection, kind);
}

int rx_mhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found = info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return found ? found->connect_fd : -1;
}

size_t rx_mhd_head_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found = info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return found ? found->header_size : 0;
}

unsigned int rx_mhd_status(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found = info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    return found ? found->http_status : 0;
}

const struct sockaddr *rx_mhd_client(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found = info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return found ? found->client_addr : 0;
}

void **rx_mhd_state(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found = info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return found ? (void **)&found->socket_context : 0;
}

int rx_mhd_parses_in_place(void) { return strncmp(MHD_get_version(), "0.9.", 4) == 0; }

void rx_mhd_forget_query(const char *target) {
    char *mark = strchr(target, '?');
    // What follows is in the same buffer: the query, or the NUL that ends the target.
    if (mark && rx_mhd_parses_in_place()) mark[1] = 0;
}

void rx_mhd_limit_idle(struct MHD_Connection *connection, unsigned int seconds) {
    static __typeof__(&MHD_set_connection_option) address;
    __typeof__(&MHD_set_connection_option) call = __atomic_load_n(&address, __ATOMIC_ACQUIRE);
    if (!call) {
        call = (__typeof__(&MHD_set_connection_option))lazy_symbol(&microhttpd, "MHD_set_connection_option");
        __atomic_store_n(&address, call, __ATOMIC_RELEASE);
    }
    call(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

void rx_mhd_each_header(struct MHD_Connection *connection, void *context,
                        int (*each)(void *context, int kind, const char *name, size_t name_size, const char *value, size_t value_size)) {
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, (MHD_KeyValueIteratorN)(void *)each, context);
}

struct MHD_Response *rx_mhd_response(const void *bytes, size_t count) {
    return MHD_create_response_from_buffer(count, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}

struct MHD_Response *rx_mhd_response_shared(const void *bytes, size_t count, void (*release)(void *owner), void *owner) {
    return MHD_create_response_from_buffer_with_free_callback_cls(count, (void *)bytes, release, owner);
}

struct MHD_Response *rx_mhd_response_stream(int64_t length, size_t block, void *context,
                                            ssize_t (*reader)(void *context, uint64_t position, char *buffer, size_t room),
                                            void (*released)(void *context)) {
    return MHD_create_response_from_callback(length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length, block, reader, context, released);
}

ssize_t rx_mhd_stream_end(void) { return MHD_CONTENT_READER_END_OF_STREAM; }
ssize_t rx_mhd_stream_failed(void) { return MHD_CONTENT_READER_END_WITH_ERROR; }

int rx_mhd_add_header(struct MHD_Response *response, const char *name, const char *value) {
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

int rx_mhd_queue(struct MHD_Connection *connection, unsigned int status, struct MHD_Response *response) {
    return MHD_queue_response(connection, status, response) == MHD_YES;
}

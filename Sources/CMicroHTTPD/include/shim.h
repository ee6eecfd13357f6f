#ifndef RX_CMICROHTTPD_H
#define RX_CMICROHTTPD_H
#include <microhttpd.h>

// The library's closed enums do not import as constants and its variadic functions do not import at all; these stand in for both.

struct rx_mhd_settings {
    int listening;              // a bound, listening, non-blocking socket; the daemon closes it
    unsigned int threads;       // event-loop threads
    unsigned int connections;   // the most connections kept open
    unsigned int idle_seconds;  // a connection without traffic for this long is closed
    size_t connection_memory;   // for a request's head and its reading buffer
    void *context;              // the first argument of each callback
    void *(*target)(void *context, const char *target, struct MHD_Connection *connection);
    int (*handle)(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                  const char *upload, size_t *upload_size, void **request);
    void (*completed)(void *context, struct MHD_Connection *connection, void **request, int cause);
    void (*connection)(void *context, struct MHD_Connection *connection, void **state, int closed);
};

// Starts a daemon; NULL on failure, with errno set. `settings` must live as long as the daemon.
struct MHD_Daemon *rx_mhd_start(const struct rx_mhd_settings *settings);

// Takes no new connections from here on: the listening socket's number is given to something that nobody can connect to. 0 on
// success. MHD_quiesce_daemon is not used: with several threads it can abort the process, when one of them takes the socket out
// of its set at the same moment (0.9.75, daemon.c, line 5531).
int rx_mhd_stop_listening(int listening);

// What the library knows of a connection.
int rx_mhd_socket(struct MHD_Connection *connection);
size_t rx_mhd_head_size(struct MHD_Connection *connection);
unsigned int rx_mhd_status(struct MHD_Connection *connection);
const struct sockaddr *rx_mhd_client(struct MHD_Connection *connection);
void **rx_mhd_state(struct MHD_Connection *connection);

// Whether the library is one of the 0.9 line, which rewrites a request's head in place: its lines are neighbours in memory.
int rx_mhd_parses_in_place(void);

// Called with the target that the `target` callback was given: the library then parses no arguments of a query, of which each
// takes memory of the connection (0.9.75, connection.c, line 3022: a query of a thousand `&` overflows it, and the request is
// neither answered nor completed).
void rx_mhd_forget_query(const char *target);

// Closes the connection when nothing moves on it for this long.
void rx_mhd_limit_idle(struct MHD_Connection *connection, unsigned int seconds);

// Calls `each` for every header field, in order, with the lengths of name and value.
void rx_mhd_each_header(struct MHD_Connection *connection, void *context,
                        int (*each)(void *context, int kind, const char *name, size_t name_size, const char *value, size_t value_size));

// A response that holds a copy of `bytes`.
struct MHD_Response *rx_mhd_response(const void *bytes, size_t count);

// A response whose body `reader` gives, on the event thread, in pieces of at most `block` bytes: their number, 0 when it has suspended
// the connection because there is nothing yet, or one of the two below. A negative length is not known. `released` is called once
// nothing is asked for any more.
struct MHD_Response *rx_mhd_response_stream(int64_t length, size_t block, void *context,
                                            ssize_t (*reader)(void *context, uint64_t position, char *buffer, size_t room),
                                            void (*released)(void *context));
ssize_t rx_mhd_stream_end(void);
ssize_t rx_mhd_stream_failed(void);

int rx_mhd_add_header(struct MHD_Response *response, const char *name, const char *value);
int rx_mhd_queue(struct MHD_Connection *connection, unsigned int status, struct MHD_Response *response);
#endif

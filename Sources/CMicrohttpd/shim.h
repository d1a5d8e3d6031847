#pragma once
#include <microhttpd.h>
#include <sys/socket.h>

// Swift can't call variadic functions: each of these is one such call with its
// arguments typed.

/// Starts a daemon with a thread for each connection, which listens to nothing:
/// it is given its connections. `context` is handed to the handler and to each
/// callback.
static inline struct MHD_Daemon *tsdb_mhd_start(
    unsigned int connection_limit, size_t stack_bytes,
    unsigned int idle_timeout_seconds, size_t connection_memory_bytes,
    MHD_AccessHandlerCallback handler,
    void *(*begin)(void *, const char *, struct MHD_Connection *),
    size_t (*unescape)(void *, struct MHD_Connection *, char *),
    MHD_RequestCompletedCallback completed,
    MHD_NotifyConnectionCallback connection_changed, void *context) {
  return MHD_start_daemon(
      MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION
          | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC,
      0, NULL, NULL, handler, context,
      MHD_OPTION_CONNECTION_LIMIT, connection_limit,
      MHD_OPTION_THREAD_STACK_SIZE, stack_bytes,
      MHD_OPTION_CONNECTION_TIMEOUT, idle_timeout_seconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory_bytes,
      MHD_OPTION_URI_LOG_CALLBACK, begin, context,
      MHD_OPTION_UNESCAPE_CALLBACK, unescape, context,
      MHD_OPTION_NOTIFY_COMPLETED, completed, context,
      MHD_OPTION_NOTIFY_CONNECTION, connection_changed, context,
      MHD_OPTION_END);
}

/// The socket of a connection, or -1.
static inline int tsdb_mhd_connection_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

/// The address of a connection's client, or NULL.
static inline const struct sockaddr *tsdb_mhd_client_address(
    struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info ? info->client_addr : NULL;
}

/// Restarts the idle timer of a connection, which the library does when a
/// timeout is set where there was none.
static inline void tsdb_mhd_restart_idle_timer(
    struct MHD_Connection *connection, unsigned int idle_timeout_seconds) {
  MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
  MHD_set_connection_option(
      connection, MHD_CONNECTION_OPTION_TIMEOUT, idle_timeout_seconds);
}

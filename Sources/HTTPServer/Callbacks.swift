import CMicrohttpd
import Glibc
import Synchronization

/// A running libmicrohttpd daemon: a thread that begins and ends the
/// connections, and one for each of them.
///
/// It doesn't listen: ``Acceptor`` does, so that clients beyond the limit wait
/// in the kernel, and hands the connections over.
// Safety: `handle` is valid from `init` until `stop`, which happens once; the
// library locks its own state, hence `@unchecked Sendable`. The callbacks get
// `core`, which is kept for as long as the daemon runs.
@safe final class Daemon: @unchecked Sendable {
  private let handle: OpaquePointer
  private let core: ServerCore
  private let isStopped = Atomic(false)

  /// Starts the threads.
  ///
  /// - Throws: ``HTTPServerError/cannotStart(errorNumber:)``.
  init(core: ServerCore) throws(HTTPServerError) {
    let configuration = core.configuration
    let context = unsafe Unmanaged.passUnretained(core).toOpaque()
    // A connection is counted out, by `connectionChanged`, just before the
    // library does so: one more may be let in between.
    let connectionLimit = configuration.connectionLimit + 1
    errno = 0
    let handle = unsafe tsdb_mhd_start(
      UInt32(clamping: connectionLimit), configuration.stackBytes,
      configuration.idleTimeoutSeconds, configuration.connectionMemoryBytes, access, begin,
      keepEscapes, completed, connectionChanged, context)
    guard let handle = unsafe handle else { throw .cannotStart(errorNumber: errno) }
    unsafe self.handle = handle
    self.core = core
  }

  deinit {
    stop()
  }

  /// Serves a connection, whose socket is then the library's; it is closed when
  /// no thread can be had for it.
  ///
  /// - Returns: `false` when memory ran out; the socket is closed then.
  func add(_ client: AcceptedClient) -> Bool {
    unsafe client.address.withPointer { address, byteCount in
      unsafe MHD_add_connection(handle, client.descriptor, address, byteCount) == MHD_Result.YES
    }
  }

  /// Shuts the sockets of all connections down, which ends every wait for a
  /// client, and joins the threads. Further calls do nothing.
  ///
  /// Nothing may be added any more.
  func stop() {
    guard !isStopped.exchange(true, ordering: .relaxed) else { return }
    unsafe MHD_stop_daemon(handle)
  }
}

/// A client's connection, while one of its requests is under way.
// Safety: the library keeps the connection until it has called `completed` for
// the request, and `Exchange` uses it no longer than that, on the connection's
// thread.
@safe struct Connection {
  private let handle: OpaquePointer

  @unsafe init(_ handle: OpaquePointer) {
    unsafe self.handle = handle
  }

  /// The descriptor of the socket, or -1.
  var socket: Int32 {
    unsafe tsdb_mhd_connection_socket(handle)
  }

  /// The client's address as `host:port`, or empty.
  var clientAddress: String {
    guard let address = unsafe tsdb_mhd_client_address(handle) else { return "" }
    let isIPv6 = unsafe Int32(address.pointee.sa_family) == AF_INET6
    let byteCount = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
    let copy = unsafe SocketAddress(address, byteCount: socklen_t(byteCount))
    return copy.numeric?.description ?? ""
  }

  /// The header fields of the request.
  func headers() -> Headers {
    var headers = Headers()
    unsafe withUnsafeMutablePointer(to: &headers) { headers in
      _ = unsafe MHD_get_connection_values_n(
        handle, MHD_ValueKind.HEADER_KIND, collectHeader, headers)
    }
    return headers
  }

  /// Begins the time anew for which the client may be silent.
  func restartIdleTimer(seconds: UInt32) {
    unsafe tsdb_mhd_restart_idle_timer(handle, seconds)
  }

  /// Hands a response to the library.
  ///
  /// - Returns: Whether it was taken.
  func send(_ response: Response) -> Bool {
    guard let message = unsafe Self.message(response.body) else { return false }
    defer { unsafe MHD_destroy_response(message) }
    for field in response.headers.fields {
      // The library refuses names and values that would break the message, and
      // lengths of our own: such a field is left out.
      _ = unsafe MHD_add_response_header(message, field.name, field.value)
    }
    return unsafe MHD_queue_response(handle, UInt32(response.status), message) == MHD_Result.YES
  }

  /// The body stays where it is until it is sent: the library sends it together
  /// with the header, and as much at a time as the socket takes.
  @unsafe private static func message(_ body: [UInt8]) -> OpaquePointer? {
    let source = BodySource(body)
    let context = unsafe Unmanaged.passRetained(source)
    let message = unsafe MHD_create_response_from_buffer_with_free_callback_cls(
      source.bytes.count, source.start, releaseBody, context.toOpaque())
    if unsafe message == nil { unsafe context.release() }
    return unsafe message
  }
}

/// A response body on its way to the client.
// Safety: the elements of an array that is never changed stay where they are as
// long as it is kept, and the library only reads them.
@safe private final class BodySource {
  let bytes: [UInt8]
  let start: UnsafeMutableRawPointer?

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    unsafe start = bytes.withUnsafeBytes {
      unsafe UnsafeMutableRawPointer(mutating: $0.baseAddress)
    }
  }
}

// MARK: - Callbacks
//
// Safety of all: `core` is the daemon's, alive as long as the daemon. The slot
// of a request holds a retained `Exchange` from `begin` to `completed`, which
// the library calls exactly once for each request that began. Texts are
// terminated by zero and copied.

private func begin(
  _ core: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  guard let core = unsafe core, let target = unsafe target, let connection = unsafe connection
  else { return nil }
  let exchange = unsafe Exchange(
    core: Unmanaged<ServerCore>.fromOpaque(core).takeUnretainedValue(),
    connection: Connection(connection), target: String(cString: target))
  return unsafe Unmanaged.passRetained(exchange).toOpaque()
}

private func access(
  _ core: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ path: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?,
  _ upload: UnsafePointer<CChar>?, _ uploadByteCount: UnsafeMutablePointer<Int>?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let connection = unsafe connection, let method = unsafe method,
    let uploadByteCount = unsafe uploadByteCount, let context = unsafe slot?.pointee
  else { return MHD_Result.NO }
  let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  let received = unsafe UnsafeRawBufferPointer(start: upload, count: uploadByteCount.pointee)
  let step = unsafe exchange.advance(
    method: String(cString: method), received: received.bytes)
  unsafe uploadByteCount.pointee = 0
  switch step {
  case .receive: return MHD_Result.YES
  case .reply(let response):
    return unsafe Connection(connection).send(response) ? MHD_Result.YES : MHD_Result.NO
  case .close: return MHD_Result.NO
  }
}

private func completed(
  _ core: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
  guard let context = unsafe slot?.pointee else { return }
  unsafe slot?.pointee = nil
  unsafe Unmanaged<Exchange>.fromOpaque(context).takeRetainedValue().completed()
}

private func connectionChanged(
  _ core: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_ConnectionNotificationCode
) {
  guard let core = unsafe core else { return }
  let serverCore = unsafe Unmanaged<ServerCore>.fromOpaque(core).takeUnretainedValue()
  if code == MHD_ConnectionNotificationCode.CONNECTION_NOTIFY_CLOSED {
    serverCore.connectionEnded()
  } else {
    serverCore.connectionBegan()
  }
}

/// Keeps the library from decoding what it hands out.
private func keepEscapes(
  _ core: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ text: UnsafeMutablePointer<CChar>?
) -> Int {
  guard let text = unsafe text else { return 0 }
  return unsafe strlen(text)
}

private func collectHeader(
  _ headers: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?,
  _ nameByteCount: Int, _ value: UnsafePointer<CChar>?, _ valueByteCount: Int
) -> MHD_Result {
  guard let headers = unsafe headers?.assumingMemoryBound(to: Headers.self),
    let name = unsafe name
  else { return MHD_Result.YES }
  let nameBytes = unsafe UnsafeRawBufferPointer(start: name, count: nameByteCount)
  let valueBytes = unsafe UnsafeRawBufferPointer(
    start: value, count: value == nil ? 0 : valueByteCount)
  unsafe headers.pointee.add(
    String(decoding: nameBytes, as: UTF8.self), String(decoding: valueBytes, as: UTF8.self))
  return MHD_Result.YES
}

private func releaseBody(_ source: UnsafeMutableRawPointer?) {
  guard let source = unsafe source else { return }
  unsafe Unmanaged<BodySource>.fromOpaque(source).release()
}

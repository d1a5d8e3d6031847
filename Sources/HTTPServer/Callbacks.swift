import CMicrohttpd
import Glibc
import Synchronization

/// A running libmicrohttpd daemon and its threads.
///
/// It doesn't listen: `MHD_quiesce_daemon`, which stops that before the rest,
/// races with the daemon's own threads for the epoll set and then aborts the
/// process. So ``Acceptor`` listens and hands the connections over.
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
    // The library shares its limit out among its threads, each of which may get
    // all connections that the acceptors let through.
    let connectionLimit = configuration.connectionLimit * configuration.connectionThreadCount
    errno = 0
    let handle = unsafe tsdb_mhd_start(
      UInt32(clamping: configuration.connectionThreadCount), UInt32(clamping: connectionLimit),
      UInt32(clamping: configuration.idleTimeout.components.seconds),
      configuration.connectionMemoryBytes, access, begin, keepEscapes, completed,
      connectionChanged, context)
    guard let handle = unsafe handle else { throw .cannotStart(errorNumber: errno) }
    unsafe self.handle = handle
    self.core = core
  }

  deinit {
    stop()
  }

  /// Serves a connection, whose socket is then the library's.
  ///
  /// - Returns: `false` when memory ran out; the socket is closed then.
  func add(_ client: AcceptedClient) -> Bool {
    unsafe client.address.withPointer { address, byteCount in
      unsafe MHD_add_connection(handle, client.descriptor, address, byteCount) == MHD_Result.YES
    }
  }

  /// Closes all connections and joins the threads. Further calls do nothing.
  ///
  /// The library aborts the process if a connection is still suspended:
  /// ``ServerCore/drain(deadline:)`` sees that none is. Nothing may be added
  /// any more.
  func stop() {
    guard !isStopped.exchange(true, ordering: .relaxed) else { return }
    unsafe MHD_stop_daemon(handle)
  }
}

/// A client's connection, while one of its requests is under way.
// Safety: the library keeps the connection until it has called `completed` for
// the request, and `Exchange` uses it no longer than that. Suspending and
// resuming are thread-safe, the rest is used on the connection's thread only.
@safe struct Connection: @unchecked Sendable {
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

  /// Takes the connection out of the library's event loop.
  func suspend() {
    unsafe MHD_suspend_connection(handle)
  }

  /// Puts it back; the access callback is then called again.
  func resume() {
    unsafe MHD_resume_connection(handle)
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

  /// The largest body that is copied into the response, to go out in one
  /// packet train with the header.
  private static let copiedBodyLimitBytes = 32 << 10

  /// The block that is copied at a time from larger bodies, which stay where
  /// they are until they are sent.
  private static let blockByteCount = 64 << 10

  @unsafe private static func message(_ body: [UInt8]) -> OpaquePointer? {
    if body.count <= copiedBodyLimitBytes {
      return unsafe body.withUnsafeBytes {
        // The library promises not to write to a buffer that it copies.
        unsafe MHD_create_response_from_buffer(
          $0.count, UnsafeMutableRawPointer(mutating: $0.baseAddress),
          MHD_ResponseMemoryMode.RESPMEM_MUST_COPY)
      }
    }
    let source = unsafe Unmanaged.passRetained(BodySource(body))
    let message = unsafe MHD_create_response_from_callback(
      UInt64(body.count), blockByteCount, readBody, source.toOpaque(), releaseBody)
    if unsafe message == nil { unsafe source.release() }
    return unsafe message
  }
}

/// A response body on its way to the client.
private final class BodySource: Sendable {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
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
  case .receive, .wait: return MHD_Result.YES
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
  guard code == MHD_ConnectionNotificationCode.CONNECTION_NOTIFY_CLOSED, let core = unsafe core
  else { return }
  unsafe Unmanaged<ServerCore>.fromOpaque(core).takeUnretainedValue().admission.release()
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

private func readBody(
  _ source: UnsafeMutableRawPointer?, _ position: UInt64, _ block: UnsafeMutablePointer<CChar>?,
  _ capacity: Int
) -> Int {
  guard let source = unsafe source, let block = unsafe block else {
    return MHD_CONTENT_READER_END_WITH_ERROR
  }
  let bytes = unsafe Unmanaged<BodySource>.fromOpaque(source).takeUnretainedValue().bytes
  guard position < UInt64(bytes.count) else { return MHD_CONTENT_READER_END_OF_STREAM }
  let part = bytes[Int(position)..<min(bytes.count, Int(position) + capacity)]
  unsafe UnsafeMutableRawBufferPointer(start: block, count: capacity).copyBytes(from: part)
  return part.count
}

private func releaseBody(_ source: UnsafeMutableRawPointer?) {
  guard let source = unsafe source else { return }
  unsafe Unmanaged<BodySource>.fromOpaque(source).release()
}

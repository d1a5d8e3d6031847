import Glibc

/// The system's words for an error number, starting in lower case.
func errorText(_ errorNumber: Int32) -> String {
  guard let text = unsafe strerror(errorNumber) else { return "error \(errorNumber)" }
  let words = unsafe String(cString: text)
  return words.prefix(1).lowercased() + words.dropFirst()
}

/// What a system call failed with.
struct ErrorNumber: Error {
  let value: Int32
}

/// Whether the other side of a connected socket has closed its half of it.
///
/// Bytes that wait to be read hide a close that came after them.
func isClosedByPeer(socket: Int32) -> Bool {
  var byte: UInt8 = 0
  let count = unsafe recv(
    socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
}

/// A client that has connected. Whoever takes it closes the descriptor.
struct AcceptedClient {
  let descriptor: Int32
  let address: SocketAddress
}

/// A TCP socket that listens; closed when released.
final class ListeningSocket: Sendable {
  /// The descriptor.
  let descriptor: Int32
  /// Where it listens, with the port that was chosen for port 0.
  let address: ListenAddress

  /// Binds and listens.
  init(_ requested: ListenAddress) throws(HTTPServerError) {
    var endpoints = try SocketAddress.resolve(requested)
    // An empty host means IPv6 and IPv4 on one socket, or IPv4 alone where the
    // kernel has no IPv6.
    if requested.host.isEmpty {
      endpoints = [.anyIPv6(port: requested.port), .anyIPv4(port: requested.port)]
    }
    var failure: Int32 = EADDRNOTAVAIL
    for endpoint in endpoints {
      let descriptor = socket(endpoint.family, Self.type, 0)
      guard descriptor >= 0 else {
        failure = errno
        continue
      }
      if Self.listen(on: descriptor, at: endpoint) {
        self.descriptor = descriptor
        address = SocketAddress.bound(to: descriptor) ?? requested
        return
      }
      failure = errno
      close(descriptor)
      // Only a missing IPv6 makes the next candidate worth trying.
      if failure != EAFNOSUPPORT && failure != EADDRNOTAVAIL { break }
    }
    throw .cannotListen(requested, errorNumber: failure)
  }

  deinit {
    close(descriptor)
  }

  /// Waits for a client.
  ///
  /// - Throws: The error number: of a lack of descriptors or memory, or of
  ///   ``stopListening()``.
  func accept() throws(ErrorNumber) -> AcceptedClient {
    while true {
      var address = sockaddr_storage()
      var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let accepted = unsafe withUnsafeMutablePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe Glibc.accept(descriptor, $0, &byteCount)
        }
      }
      if accepted >= 0 {
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        return AcceptedClient(
          descriptor: accepted, address: SocketAddress(address, byteCount: byteCount))
      }
      // The client, or a signal, broke this one off; the next may be there.
      guard errno == EINTR || errno == ECONNABORTED else {
        throw ErrorNumber(value: errno)
      }
    }
  }

  /// Refuses clients from now on, and ends ``accept()``.
  func stopListening() {
    Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
  }

  private static let type =
    Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

  private static func listen(on descriptor: Int32, at endpoint: SocketAddress) -> Bool {
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    if endpoint.family == AF_INET6 {
      setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, endpoint.isAny ? 0 : 1)
    }
    let isBound = unsafe endpoint.withPointer { unsafe bind(descriptor, $0, $1) == 0 }
    return isBound && Glibc.listen(descriptor, SOMAXCONN) == 0
  }

  // A refused option shows up as a failing bind, so its result isn't needed.
  private static func setOption(
    _ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32
  ) {
    var value = value
    unsafe setsockopt(
      descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// A socket address of IPv4 or IPv6.
struct SocketAddress {
  private var storage: sockaddr_storage
  private let byteCount: socklen_t

  var family: Int32 { Int32(storage.ss_family) }
  let isAny: Bool

  /// Takes an address that a system call has filled in.
  init(_ storage: sockaddr_storage, byteCount: socklen_t) {
    self.storage = storage
    self.byteCount = byteCount
    isAny = false
  }

  /// Copies an address.
  @unsafe init(_ address: UnsafePointer<sockaddr>, byteCount: socklen_t, isAny: Bool = false) {
    storage = sockaddr_storage()
    self.byteCount = byteCount
    self.isAny = isAny
    unsafe withUnsafeMutableBytes(of: &storage) { storage in
      let count = min(storage.count, Int(byteCount))
      unsafe storage.copyMemory(from: UnsafeRawBufferPointer(start: address, count: count))
    }
  }

  private init<Address>(_ address: Address, isAny: Bool) {
    var address = address
    let byteCount = socklen_t(MemoryLayout<Address>.size)
    self = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe SocketAddress($0, byteCount: byteCount, isAny: isAny)
      }
    }
  }

  /// `[::]`, which takes IPv4 clients as well.
  static func anyIPv6(port: UInt16) -> SocketAddress {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    return SocketAddress(address, isAny: true)
  }

  /// `0.0.0.0`.
  static func anyIPv4(port: UInt16) -> SocketAddress {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    return SocketAddress(address, isAny: true)
  }

  /// The addresses of a host; IPv4 first, as `localhost` is meant most often.
  static func resolve(_ address: ListenAddress) throws(HTTPServerError) -> [SocketAddress] {
    if address.host.isEmpty { return [] }
    if address.host == "::" { return [.anyIPv6(port: address.port)] }
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>? = nil
    let status = unsafe getaddrinfo(address.host, String(address.port), &hints, &list)
    guard status == 0 else {
      let detail = unsafe gai_strerror(status).map { unsafe String(cString: $0) }
      throw .cannotResolve(address, detail: detail ?? "error \(status)")
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      if let socketAddress = unsafe entry.pointee.ai_addr {
        unsafe found.append(
          SocketAddress(socketAddress, byteCount: entry.pointee.ai_addrlen))
      }
      unsafe next = entry.pointee.ai_next
    }
    return found.filter { $0.family == AF_INET } + found.filter { $0.family != AF_INET }
  }

  /// Where a socket is bound.
  static func bound(to descriptor: Int32) -> ListenAddress? {
    var bound = SocketAddress.anyIPv6(port: 0)
    var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = unsafe withUnsafeMutablePointer(to: &bound.storage) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor, $0, &byteCount)
      }
    }
    return status == 0 ? bound.numeric : nil
  }

  /// Host and port in digits; `nil` for families other than IPv4 and IPv6.
  var numeric: ListenAddress? {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = family
    let port: UInt16? = unsafe withUnsafeBytes(of: storage) { bytes in
      switch family {
      case AF_INET:
        let address = unsafe bytes.load(as: sockaddr_in.self)
        var host = address.sin_addr
        unsafe inet_ntop(family, &host, &text, socklen_t(text.count))
        return UInt16(bigEndian: address.sin_port)
      case AF_INET6:
        let address = unsafe bytes.load(as: sockaddr_in6.self)
        var host = address.sin6_addr
        unsafe inet_ntop(family, &host, &text, socklen_t(text.count))
        return UInt16(bigEndian: address.sin6_port)
      default:
        return nil
      }
    }
    let host = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return port.map { ListenAddress(host: String(decoding: host, as: UTF8.self), port: $0) }
  }

  @unsafe func withPointer<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    unsafe withUnsafePointer(to: storage) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, byteCount) }
    }
  }
}

import Foundation
import Glibc

/// A TCP connection over 127.0.0.1, for tests that need the very bytes.
///
/// Reads give up after ten seconds, so that a broken peer fails a test and
/// doesn't hang it.
package final class LoopbackConnection: Sendable {
  private let descriptor: Int32

  /// Connects, or returns `nil` when nobody listens.
  package init?(port: UInt16) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let isConnected = unsafe withLoopbackAddress(port: port) { [descriptor] in
      unsafe Glibc.connect(descriptor, $0, $1) == 0
    }
    // `deinit` runs in either case, and closes.
    guard isConnected else { return nil }
    limitReads()
  }

  fileprivate init(accepted descriptor: Int32) {
    self.descriptor = descriptor
    limitReads()
  }

  deinit {
    Glibc.close(descriptor)
  }

  /// Sends all bytes, or as many as the peer takes before it closes.
  package func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Sends a text, see ``send(_:)``.
  package func send(_ text: String) {
    send(Array(text.utf8))
  }

  /// Reads until the text received ends a line with `mark`, or to the end.
  package func read(through mark: String) -> String {
    var received: [UInt8] = []
    while !String(decoding: received, as: UTF8.self).contains(mark) {
      guard let part = readPart(capacity: 1) else { break }
      received += part
    }
    return String(decoding: received, as: UTF8.self)
  }

  /// Reads until the peer closes.
  package func readToEnd() -> String {
    var received: [UInt8] = []
    while let part = readPart(capacity: 65536) { received += part }
    return String(decoding: received, as: UTF8.self)
  }

  /// Closes the sending half, which the peer sees as the end.
  package func finishSending() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Closes both halves.
  package func disconnect() {
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  private func readPart(capacity: Int) -> [UInt8]? {
    let part = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      unsafe count = max(0, recv(descriptor, buffer.baseAddress, capacity, 0))
    }
    return part.isEmpty ? nil : part
  }

  private func limitReads() {
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }
}

/// Listens on a free port of 127.0.0.1 and plays a script to each client.
package final class LoopbackListener: Sendable {
  /// The port.
  package let port: UInt16
  private let descriptor: Int32

  /// Listens, and runs the script on a thread of its own, one client after the
  /// other.
  package init(_ script: @escaping @Sendable (LoopbackConnection) -> Void) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let isBound = unsafe withLoopbackAddress(port: 0) { unsafe bind(descriptor, $0, $1) == 0 }
    precondition(isBound && listen(descriptor, 16) == 0, "can't listen on a free port")
    var address = sockaddr_in()
    var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutablePointer(to: &address) {
      _ = unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor, $0, &byteCount)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    self.descriptor = descriptor
    Thread.detachNewThread {
      while true {
        let accepted = accept(descriptor, nil, nil)
        guard accepted >= 0 else { break }
        script(LoopbackConnection(accepted: accepted))
      }
      Glibc.close(descriptor)
    }
  }

  deinit {
    // Ends the thread's `accept`; the thread closes the descriptor.
    shutdown(descriptor, Int32(SHUT_RDWR))
  }
}

@unsafe private func withLoopbackAddress<Result>(
  port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  return unsafe withUnsafePointer(to: &address) {
    unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
}

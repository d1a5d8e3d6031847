/// Collects an answer as it arrives, within limits.
struct ResponseReceiver {
  /// Which limit the answer broke; receiving stops then.
  enum Overflow {
    case body
    case headers
  }

  /// The bound on all header lines of one answer.
  static let headerLimitBytes = 256 << 10

  let bodyLimitBytes: Int
  private(set) var body: [UInt8]
  private(set) var headers = HeaderFields()
  private(set) var overflow: Overflow?

  /// - Parameter buffer: Gives its memory to the body.
  init(bodyLimitBytes: Int, reusing buffer: consuming [UInt8]) {
    self.bodyLimitBytes = bodyLimitBytes
    body = buffer
    body.removeAll(keepingCapacity: true)
  }

  /// Takes a part of the decompressed body.
  ///
  /// - Returns: `false` when it would exceed the limit.
  mutating func receiveBody(_ bytes: RawSpan) -> Bool {
    guard body.count + bytes.byteCount <= bodyLimitBytes else {
      overflow = .body
      return false
    }
    unsafe bytes.withUnsafeBytes { unsafe body.append(contentsOf: $0) }
    return true
  }

  /// Takes one header line with its line end.
  ///
  /// A status line begins a new answer: that after a redirect, or after an
  /// interim one.
  ///
  /// - Returns: `false` when it would exceed the limit.
  mutating func receiveHeaderLine(_ line: Span<UInt8>) -> Bool {
    if line.isStatusLine { headers.removeAll() }
    headers.add(line)
    guard headers.byteCount <= Self.headerLimitBytes else {
      overflow = .headers
      return false
    }
    return true
  }
}

extension Span<UInt8> {
  /// Whether the line begins with `HTTP/`.
  fileprivate var isStatusLine: Bool {
    let beginning: StaticString = "HTTP/"
    guard count >= beginning.utf8CodeUnitCount else { return false }
    // Safety: the buffer is read within its bounds and does not leave.
    return beginning.withUTF8Buffer { letters in
      for index in 0..<letters.count where unsafe letters[index] != self[index] { return false }
      return true
    }
  }
}

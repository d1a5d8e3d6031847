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
  private(set) var headers: [(name: String, value: String)] = []
  private(set) var overflow: Overflow?
  private var headerByteCount = 0

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
  mutating func receiveHeaderLine(_ line: String) -> Bool {
    if line.hasPrefix("HTTP/") {
      headers = []
      headerByteCount = 0
    }
    headerByteCount += line.utf8.count
    guard headerByteCount <= Self.headerLimitBytes else {
      overflow = .headers
      return false
    }
    if let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) {
      headers.append(
        (
          name: String(line[..<colon]),
          value: Self.trimmed(line[line.utf8.index(after: colon)...])
        ))
    }
    return true
  }

  private static func trimmed(_ text: Substring) -> String {
    func isBlank(_ byte: UInt8) -> Bool {
      byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
    }
    let start = text.utf8.drop(while: isBlank)
    guard let end = start.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(Substring(start[...end]))
  }
}

import Numbers

/// Reads the numbers at the head of a payload.
///
/// Whatever the bytes are, it stays within them and throws instead.
struct ChunkReader: ~Escapable {
  private let bytes: Span<UInt8>
  private(set) var offset = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  var remainingCount: Int { bytes.count - offset }

  @_lifetime(self: copy self)
  mutating func byte() throws(ChunkError) -> UInt8 {
    guard offset < bytes.count else { throw .truncated }
    offset += 1
    return bytes[offset - 1]
  }

  @_lifetime(self: copy self)
  mutating func varint() throws(ChunkError) -> UInt64 {
    do throws(VarintError) {
      // Safety: bytes have no padding.
      return try Varint.read(unsafe bytes.bytes, at: &offset)
    } catch {
      switch error {
      case .truncated: throw .truncated
      case .overflow: throw .contradictory
      }
    }
  }

  @_lifetime(self: copy self)
  mutating func zigZag() throws(ChunkError) -> Int64 {
    let folded = try varint()
    return Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
  }

  /// A big-endian number of 8 bytes.
  @_lifetime(self: copy self)
  mutating func word() throws(ChunkError) -> UInt64 {
    var word: UInt64 = 0
    for _ in 0..<8 { word = word << 8 | UInt64(try byte()) }
    return word
  }

  /// The next `count` bytes.
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  mutating func span(count: Int) throws(ChunkError) -> Span<UInt8> {
    guard count >= 0, count <= remainingCount else { throw .truncated }
    offset += count
    return bytes.extracting(offset - count..<offset)
  }

  /// Throws unless every byte was read.
  func expectEnd() throws(ChunkError) {
    guard offset == bytes.count else { throw .trailingBytes }
  }
}

/// A number of 64 bits, whatever they mean.
protocol Word64: BitwiseCopyable {
  init(word: UInt64)
  var word: UInt64 { get }
}

extension Int64: Word64 {
  init(word: UInt64) { self.init(bitPattern: word) }
  var word: UInt64 { UInt64(bitPattern: self) }
}

extension Double: Word64 {
  init(word: UInt64) { self.init(bitPattern: word) }
  var word: UInt64 { bitPattern }
}

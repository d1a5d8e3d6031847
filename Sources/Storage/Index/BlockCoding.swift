import Numbers
import SeriesModel

/// What is wrong with the bytes of a block; becomes
/// ``StorageError/corrupted(table:key:reason:)`` where the key is known.
struct BlockDamage: Error, Equatable {
  var reason: String

  init(_ reason: String) {
    self.reason = reason
  }

  func at(_ key: Span<UInt8>, of table: String) -> StorageError {
    .corrupted(table: table, key: Array(copying: key), reason: reason)
  }
}

/// Reads the parts of a block one after the other.
///
/// Whatever the bytes are, it stays within them and throws instead.
struct BlockReader: ~Escapable {
  private let bytes: Span<UInt8>
  private(set) var offset = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { offset == bytes.count }
  var remainingCount: Int { bytes.count - offset }

  @_lifetime(self: copy self)
  mutating func byte() throws(BlockDamage) -> UInt8 {
    guard offset < bytes.count else { throw BlockDamage("cut short") }
    offset += 1
    return bytes[offset - 1]
  }

  @_lifetime(self: copy self)
  mutating func varint() throws(BlockDamage) -> UInt64 {
    guard offset < bytes.count else { throw BlockDamage("cut short") }
    let first = bytes[offset]
    if first < 0x80 {
      offset += 1
      return UInt64(first)
    }
    return try longVarint()
  }

  @_lifetime(self: copy self)
  private mutating func longVarint() throws(BlockDamage) -> UInt64 {
    // Of most numbers that take more than one byte.
    if offset + 1 < bytes.count, bytes[offset + 1] < 0x80 {
      offset += 2
      return UInt64(bytes[offset - 2] & 0x7F) | UInt64(bytes[offset - 1]) << 7
    }
    do throws(VarintError) {
      // Safety: bytes have no padding.
      return try Varint.read(unsafe bytes.bytes, at: &offset)
    } catch {
      throw BlockDamage("a number is malformed")
    }
  }

  @_lifetime(self: copy self)
  mutating func zigZag() throws(BlockDamage) -> Int64 {
    let folded = try varint()
    return Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
  }

  /// A number that is at most `limit`.
  @_lifetime(self: copy self)
  mutating func count(atMost limit: Int) throws(BlockDamage) -> Int {
    let value = try varint()
    guard value <= UInt64(limit) else { throw BlockDamage("a count or length is too large") }
    return Int(value)
  }

  /// A big-endian number of `byteCount` bytes.
  @_lifetime(self: copy self)
  mutating func bigEndian(byteCount: Int) throws(BlockDamage) -> UInt64 {
    let digits = try span(count: byteCount)
    var value: UInt64 = 0
    for index in digits.indices { value = value << 8 | UInt64(digits[index]) }
    return value
  }

  /// The next `count` bytes.
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  mutating func span(count: Int) throws(BlockDamage) -> Span<UInt8> {
    guard count >= 0, count <= remainingCount else { throw BlockDamage("cut short") }
    offset += count
    return bytes.extracting(offset - count..<offset)
  }
}

/// The frame of every value: a format byte in front, a checksum behind.
///
/// Layout: `format: 1 byte, body, checksum: 4 bytes`. The checksum is the
/// CRC-32C of the key followed by format and body, so that a value under
/// a wrong key is noticed too.
enum BlockFrame {
  /// The bytes that the frame adds to a body.
  static let byteCount = 5
  /// A value of at most this size shares a page with another one.
  static let halfPageByteCount = 1990
  /// The largest value: more does not fit one page.
  static let pageByteCount = 4060

  /// The value for `body` under `key`.
  static func seal(_ body: [UInt8], format: UInt8, key: [UInt8]) -> [UInt8] {
    var value: [UInt8] = []
    value.reserveCapacity(body.count + byteCount)
    value.append(format)
    value.append(contentsOf: body)
    value.appendBigEndian(UInt64(checksum(key.span, value.span)), byteCount: 4)
    return value
  }

  /// The body of a stored value.
  @_lifetime(copy value)
  static func open(
    _ value: Span<UInt8>, format: UInt8, key: Span<UInt8>
  ) throws(BlockDamage) -> Span<UInt8> {
    try open(value, formats: format...format, key: key)
  }

  /// The body of a stored value whose first byte is one of `formats`.
  @_lifetime(copy value)
  static func open(
    _ value: Span<UInt8>, formats: ClosedRange<UInt8>, key: Span<UInt8>
  ) throws(BlockDamage) -> Span<UInt8> {
    guard value.count >= byteCount else { throw BlockDamage("cut short") }
    var trailer = BlockReader(value.extracting(value.count - 4..<value.count))
    let stored = try trailer.bigEndian(byteCount: 4)
    guard stored == UInt64(checksum(key, value.extracting(0..<value.count - 4))) else {
      throw BlockDamage("the checksum does not match")
    }
    guard formats.contains(value[0]) else { throw BlockDamage("unknown block format \(value[0])") }
    return value.extracting(1..<value.count - 4)
  }

  /// The checksum of bytes that are not bound to a key.
  static func checksum(_ content: Span<UInt8>) -> UInt32 {
    // Safety: bytes have no padding.
    unsafe CRC32C.checksum(content.bytes)
  }

  static func checksum(_ key: Span<UInt8>, _ content: Span<UInt8>) -> UInt32 {
    var checksum = CRC32C()
    // Safety: bytes have no padding.
    unsafe checksum.update(key.bytes)
    unsafe checksum.update(content.bytes)
    return checksum.value
  }
}

extension [UInt8] {
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
  }

  mutating func append(copying bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }

  /// Appends the low `byteCount` bytes of `value`, high byte first.
  mutating func appendBigEndian(_ value: UInt64, byteCount: Int = 8) {
    for shift in stride(from: (byteCount - 1) * 8, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }

  /// Appends `value` so that negative numbers sort before positive ones.
  mutating func appendOrdered(_ value: Int64) {
    appendBigEndian(UInt64(bitPattern: value) ^ (1 << 63))
  }
}

extension Int64 {
  /// The number that `appendOrdered` wrote as `bits`.
  init(orderedBits bits: UInt64) {
    self.init(bitPattern: bits ^ (1 << 63))
  }
}

extension MutableSpan<UInt8> {
  /// Writes `bytes` from `offset` on.
  ///
  /// - Precondition: There is room for them.
  @_lifetime(self: copy self)
  mutating func copy(_ bytes: Span<UInt8>, to offset: Int) {
    precondition(offset >= 0 && bytes.count <= count - offset, "no room for the bytes")
    guard bytes.isEmpty == false else { return }
    unsafe withUnsafeMutableBufferPointer { own in
      unsafe bytes.withUnsafeBufferPointer { other in
        // Safety: both places have `bytes.count` bytes; neither buffer is empty.
        unsafe own.baseAddress!.advanced(by: offset)
          .update(from: other.baseAddress!, count: bytes.count)
      }
    }
  }
}

extension Span<UInt8> {
  func starts(with prefix: [UInt8]) -> Bool {
    count >= prefix.count && extracting(0..<prefix.count).hasSameBytes(as: prefix.span)
  }

  /// The number of bytes that both spans have in common at their start.
  func sharedPrefixCount(with other: Span<UInt8>) -> Int {
    let limit = Swift.min(count, other.count)
    var shared = 0
    while shared < limit, self[shared] == other[shared] { shared += 1 }
    return shared
  }
}

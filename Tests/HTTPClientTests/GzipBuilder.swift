/// Makes gzip files without a compressor (RFC 1951 and 1952).
enum GzipBuilder {
  private static let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]

  /// A valid file, in stored blocks.
  static func file(holding content: [UInt8]) -> [UInt8] {
    var file = header
    var rest = content[...]
    repeat {
      let block = rest.prefix(65535)
      rest = rest.dropFirst(block.count)
      let count = UInt16(block.count)
      file += [rest.isEmpty ? 1 : 0, UInt8(count & 0xFF), UInt8(count >> 8)]
      file += [UInt8(~count & 0xFF), UInt8(~count >> 8)] + block
    } while !rest.isEmpty
    return file + littleEndian(checksum(content)) + littleEndian(UInt32(content.count))
  }

  /// A file of zeros, 258 for each 13 bits, without an end.
  static func bomb(zeroCount: Int) -> [UInt8] {
    var bits = BitAppender(bytes: header)
    bits.append(0b011, count: 3)  // The last block, with fixed codes.
    bits.append(reversed(0b0011_0000, count: 8), count: 8)  // The byte 0.
    for _ in 0..<zeroCount / 258 {
      bits.append(reversed(0b1100_0101, count: 8), count: 8)  // Length 258,
      bits.append(0, count: 5)  // from one byte back.
    }
    return bits.bytes
  }

  private struct BitAppender {
    var bytes: [UInt8]
    private var pending: UInt32 = 0
    private var pendingCount: UInt32 = 0

    init(bytes: [UInt8]) {
      self.bytes = bytes
    }

    mutating func append(_ bits: UInt32, count: UInt32) {
      pending |= bits << pendingCount
      pendingCount += count
      while pendingCount >= 8 {
        bytes.append(UInt8(pending & 0xFF))
        pending >>= 8
        pendingCount -= 8
      }
    }
  }

  /// Codes are sent from their highest bit on, all else from the lowest.
  private static func reversed(_ code: UInt32, count: Int) -> UInt32 {
    (0..<count).reduce(0) { $0 | (code >> $1 & 1) << (count - 1 - $1) }
  }

  private static func checksum(_ content: [UInt8]) -> UInt32 {
    var checksum: UInt32 = ~0
    for byte in content {
      checksum ^= UInt32(byte)
      for _ in 0..<8 { checksum = checksum >> 1 ^ (checksum & 1) * 0xEDB8_8320 }
    }
    return ~checksum
  }

  private static func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}

/// A checksum over bytes that may arrive in pieces: CRC-32C (Castagnoli).
///
/// Source: polynomial and byte order of RFC 3720, appendix B.4.
package struct CRC32C: Sendable {
  /// The checksum's register, which runs inverted.
  private var state: UInt32 = .max

  /// Creates the checksum of no bytes.
  package init() {}

  /// The checksum of the bytes seen so far; 0 for none.
  package var value: UInt32 { ~state }

  /// Takes in the next bytes.
  ///
  /// - Complexity: O(*n*); where the machine has no instruction for it, tables
  ///   take some twelve times as long.
  package mutating func update(_ bytes: RawSpan) {
    if hasChecksumInstruction {
      state = checksumByInstruction(state, bytes)
    } else {
      updateByTables(bytes)
    }
  }

  /// The checksum of `bytes`.
  package static func checksum(_ bytes: RawSpan) -> UInt32 {
    var checksum = CRC32C()
    checksum.update(bytes)
    return checksum.value
  }

  /// Takes in the next bytes, eight at a time, without the instruction.
  ///
  /// Source: Kounavis and Berry, "Novel table lookup-based algorithms for
  /// high-performance CRC generation", 2008 (slicing by 8).
  mutating func updateByTables(_ bytes: RawSpan) {
    let tables = Self.tables
    var place = 0
    while place + 8 <= bytes.byteCount {
      // Safety: the load checks the bounds, and every bit pattern is a UInt64.
      let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self)
      var rest = UInt64(littleEndian: word) ^ UInt64(state)
      var next: UInt32 = 0
      // The first byte has seven more to pass through, the last one none.
      for table in stride(from: 7, through: 0, by: -1) {
        next ^= tables[table << 8 | Int(rest & 0xFF)]
        rest >>= 8
      }
      state = next
      place += 8
    }
    while place < bytes.byteCount {
      state = state >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: state) ^ bytes.byte(at: place))]
      place += 1
    }
  }

  /// `tables[256 * k + b]` is what byte `b` leaves after `k` more zero bytes.
  private static let tables: [UInt32] = {
    let reversedPolynomial: UInt32 = 0x82F6_3B78
    var tables: [UInt32] = []
    for byte in 0..<UInt32(256) {
      var remainder = byte
      for _ in 0..<8 {
        remainder = remainder >> 1 ^ (remainder & 1 == 1 ? reversedPolynomial : 0)
      }
      tables.append(remainder)
    }
    for index in 256..<8 * 256 {
      let previous = tables[index - 256]
      tables.append(previous >> 8 ^ tables[Int(previous & 0xFF)])
    }
    return tables
  }()
}

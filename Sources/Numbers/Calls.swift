import CFastFloat
import CHash

// Every C function the target uses is named in this file.

extension RawSpan {
  /// The byte at `offset`, which is checked against the bounds.
  @inline(__always)
  func byte(at offset: Int) -> UInt8 {
    // Safety: the load checks the bounds, and every bit pattern is a UInt8.
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}

/// The nearest double to the well-formed, unsigned decimal number that begins
/// at `start`: infinity if it is too large, zero if it is too small.
func nearestDouble(toDecimal text: RawSpan, from start: Int) -> Double {
  unsafe text.withUnsafeBytes { bytes in
    // Safety: the callee reads `count` bytes of the buffer and keeps nothing.
    let digits = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
    guard let address = digits.baseAddress else { return 0 }
    return unsafe tsdb_parse_decimal(
      address.assumingMemoryBound(to: CChar.self), digits.count)
  }
}

/// The shortest decimal digits that read back as the same double.
///
/// The value is `d.ddd` times ten to the power of `exponent`.
struct ShortestDigits {
  /// ASCII digits; the first `count` are set, the first of them is not zero
  /// unless the value is.
  private(set) var digits = InlineArray<17, CChar>(repeating: 0)
  private(set) var count = 0
  /// The power of ten of the first digit.
  private(set) var exponent = 0

  /// Finds the digits of `magnitude`, which is finite and not negative.
  init(_ magnitude: Double) {
    var power: CInt = 0
    var span = digits.mutableSpan
    // Safety: no double needs more than the 17 digits the buffer holds.
    let used = unsafe span.withUnsafeMutableBufferPointer { buffer -> CInt in
      guard let address = buffer.baseAddress else { return 0 }
      return unsafe tsdb_shortest_digits(magnitude, address, &power)
    }
    count = Int(used)
    exponent = Int(power)
  }

  /// The ASCII digit at `index`, `0` past the last one.
  func digit(_ index: Int) -> UInt8 {
    index < count ? UInt8(bitPattern: digits[index]) : UInt8(ascii: "0")
  }
}

/// Appends the shortest text without an exponent that reads back as `value`.
///
/// - Precondition: The magnitude is from 1e-6 up to 2^53, and `output` has room
///   for ``fixedTextCapacity`` bytes.
func appendFixed(_ value: Double, to output: inout OutputSpan<UInt8>) {
  precondition(output.freeCapacity >= fixedTextCapacity)
  unsafe output.withUnsafeMutableBufferPointer { buffer, count in
    guard let address = buffer.baseAddress else { return }
    // Safety: the callee writes at most that many bytes, for which there is room.
    let text = unsafe UnsafeMutableRawPointer(address + count).assumingMemoryBound(to: CChar.self)
    count += Int(unsafe tsdb_shortest_fixed(value, text))
  }
}

/// The most bytes that ``appendFixed(_:to:)`` writes.
let fixedTextCapacity = 28

/// Whether the machine computes CRC32C by an instruction.
let hasChecksumInstruction = tsdb_crc32c_has_instruction()

/// Carries the inverted checksum `state` over `bytes` by the instruction that
/// ``hasChecksumInstruction`` promises.
func checksumByInstruction(_ state: UInt32, _ bytes: RawSpan) -> UInt32 {
  // Safety: the callee reads exactly the bytes of the buffer.
  unsafe bytes.withUnsafeBytes { unsafe tsdb_crc32c_instruction(state, $0.baseAddress, $0.count) }
}

/// Hashes `bytes` under `seed` with XXH3, 64 bits wide.
///
/// The result is the same on every machine and may be stored. Two seeds give
/// unrelated hashes, so inputs that collide under one seed are of little use
/// against a store with a seed of its own. It is no cryptographic hash: compare
/// what was hashed before two things are taken for equal.
///
/// - Complexity: O(*n*).
package func hash64(_ bytes: RawSpan, seed: UInt64) -> UInt64 {
  // Safety: the callee reads exactly the bytes of the buffer.
  unsafe bytes.withUnsafeBytes { unsafe tsdb_hash64($0.baseAddress, $0.count, seed) }
}

/// Hashes `bytes` under `seed` with XXH3, 128 bits wide.
///
/// Of different inputs that were not chosen to collide, no two have the same
/// hash, as far as chance goes: at 2^32 inputs the odds are below 2^-64. It is
/// no cryptographic hash.
///
/// - Complexity: O(*n*).
package func hash128(_ bytes: RawSpan, seed: UInt64) -> (low: UInt64, high: UInt64) {
  // Safety: the callee reads exactly the bytes of the buffer.
  let hash = unsafe bytes.withUnsafeBytes { unsafe tsdb_hash128($0.baseAddress, $0.count, seed) }
  return (hash.low64, hash.high64)
}

/// Hashes `bytes` with XXH64 and the seed 0, as Prometheus hashes label sets.
///
/// For choices that must be the same as Prometheus's; ``hash64(_:seed:)`` is
/// quicker and takes a seed.
///
/// - Complexity: O(*n*).
package func xxHash64(_ bytes: RawSpan) -> UInt64 {
  // Safety: the callee reads exactly the bytes of the buffer.
  unsafe bytes.withUnsafeBytes { unsafe XXH64($0.baseAddress, $0.count, 0) }
}

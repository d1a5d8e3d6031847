import Glibc

// The C functions of the target are named in this file. Each reads within the
// bounds of a span and keeps no pointer.

extension Span<UInt8> {
  /// The index of the first `byte` at or after `start`, or nil.
  ///
  /// - Precondition: `start` is within `0...count`.
  func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    let rest = extracting(start...)
    // Safety: memchr reads `count` bytes of the buffer it is given.
    return unsafe rest.withUnsafeBytes { buffer -> Int? in
      guard let base = buffer.baseAddress,
        let found = unsafe memchr(base, CInt(byte), buffer.count)
      else { return nil }
      return unsafe start + (UnsafeRawPointer(found) - base)
    }
  }

  /// True when `other` stands at `start`, whole.
  ///
  /// - Precondition: `start` is within `0...count`.
  func contains(_ other: Span<UInt8>, at start: Int) -> Bool {
    guard other.count <= count - start else { return false }
    return unsafe withUnsafeBytes { mine in
      // Safety: both ranges were checked against their bounds just above.
      unsafe other.withUnsafeBytes { theirs in
        guard let here = mine.baseAddress, let there = theirs.baseAddress else { return true }
        return unsafe memcmp(here + start, there, theirs.count) == 0
      }
    }
  }
}

extension RawSpan {
  /// True when the `count` bytes of `other` from `otherStart` on stand at
  /// `start`, whole.
  ///
  /// - Precondition: `start` is within `0...byteCount`, and `other` has the
  ///   bytes.
  @inline(__always)
  func hasBytes(of other: RawSpan, from otherStart: Int, count: Int, at start: Int) -> Bool {
    guard count <= byteCount - start else { return false }
    precondition(otherStart >= 0 && count >= 0 && count <= other.byteCount - otherStart)
    return unsafe withUnsafeBytes { mine in
      // Safety: both ranges were checked against their bounds just above.
      unsafe other.withUnsafeBytes { theirs in
        guard let here = mine.baseAddress, let there = theirs.baseAddress else { return true }
        return unsafe memcmp(here + start, there + otherStart, count) == 0
      }
    }
  }

  /// True when `byte` stands at `offset`, which is not negative.
  @inline(__always)
  func isByte(_ byte: UInt8, at offset: Int) -> Bool {
    guard offset < byteCount else { return false }
    // Safety: the load checks the bounds, and every bit pattern is a UInt8.
    return unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) == byte
  }
}

extension [UInt8] {
  /// Appends the bytes of a span.
  mutating func append(contentsOf bytes: Span<UInt8>) {
    // Safety: the bytes are copied before the closure returns.
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}

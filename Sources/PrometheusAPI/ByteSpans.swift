extension OutputSpan<UInt8> {
  /// Appends `bytes`.
  ///
  /// - Precondition: There is room for them.
  @inline(__always)
  mutating func append(_ bytes: Span<UInt8>) {
    precondition(freeCapacity >= bytes.count)
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      unsafe bytes.withUnsafeBytes { bytes in
        guard let address = buffer.baseAddress, let start = bytes.baseAddress else { return }
        // Safety: there is room for the bytes, which lie elsewhere.
        unsafe UnsafeMutableRawPointer(address + count)
          .copyMemory(from: start, byteCount: bytes.count)
        count += bytes.count
      }
    }
  }

  /// Appends the first `count` bytes of a vector, which is quicker than to copy
  /// as many bytes as have to be counted first.
  ///
  /// - Precondition: There is room for the whole vector.
  @inline(__always)
  mutating func append(_ bytes: SIMD32<UInt8>, count added: Int) {
    precondition(freeCapacity >= bytes.scalarCount && added <= bytes.scalarCount)
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      guard let address = buffer.baseAddress else { return }
      // Safety: there is room for the whole vector, of which the bytes that
      // count are initialized by the store.
      unsafe UnsafeMutableRawPointer(address + count)
        .storeBytes(of: bytes, as: SIMD32<UInt8>.self)
      count += added
    }
  }
}

extension Span<UInt8> {
  /// The 32 bytes from `start` on.
  @inline(__always)
  func vector(at start: Int) -> SIMD32<UInt8> {
    precondition(start >= 0 && start <= count - 32)
    // Safety: the bytes lie within the span, and any bits are a vector.
    return unsafe withUnsafeBytes {
      unsafe $0.loadUnaligned(fromByteOffset: start, as: SIMD32<UInt8>.self)
    }
  }
}

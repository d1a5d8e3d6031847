/// Why the bytes of a chunk could not be decoded.
package enum ChunkError: Error, Equatable, Sendable {
  /// No decoder knows this class byte; a newer version may have written it.
  case unknownClass(UInt8)
  /// The bytes end before the last sample does.
  case truncated
  /// Bytes follow the last sample.
  case trailingBytes
  /// The timestamps do not rise strictly or end elsewhere than the chunk's
  /// description says, or a value's bits have no place in it.
  case contradictory
  /// The serialised state of an open chunk contradicts itself or its bytes.
  case malformedState
}

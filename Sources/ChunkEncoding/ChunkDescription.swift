/// How the samples of a chunk are encoded; stored as one byte.
///
/// Bytes in use are never given another meaning.
package enum ChunkClass: UInt8, Sendable, CaseIterable {
  /// Delta-of-delta timestamps and XORed values in one stream of bits, see
  /// ``XORChunkAppender``: the class of open chunks.
  case xor = 1
  /// One value for all samples, see `ConstantValues`.
  case constant = 2
  /// Packed decimal fractions, see `DecimalValues`.
  case decimals = 3
  /// XORed values, see `XORValues`.
  case xorValues = 4
  /// Samples of which some are histograms or have a start timestamp, see
  /// `RichSamples`.
  case rich = 5

  /// True when the timestamps are not in the payload but in a
  /// `TimestampVector` beside it, which chunks may share.
  package var hasTimestampVector: Bool { self != .xor }
}

/// What a reader must know about a chunk beside its payload.
///
/// A directory of chunks keeps these, so the payload does not repeat them.
package struct ChunkDescription: Hashable, Sendable, BitwiseCopyable {
  /// The most samples one chunk may claim to hold.
  package static let largestSampleCount = 1 << 16

  /// The raw value of the ``ChunkClass``; any byte, since it comes from files.
  package var classByte: UInt8
  /// The number of samples, at least 1.
  package var sampleCount: Int
  /// The first sample's timestamp in milliseconds.
  package var minTimestamp: Int64
  /// The last sample's timestamp in milliseconds, inclusive.
  package var maxTimestamp: Int64

  /// Creates a description.
  package init(classByte: UInt8, sampleCount: Int, minTimestamp: Int64, maxTimestamp: Int64) {
    self.classByte = classByte
    self.sampleCount = sampleCount
    self.minTimestamp = minTimestamp
    self.maxTimestamp = maxTimestamp
  }
}

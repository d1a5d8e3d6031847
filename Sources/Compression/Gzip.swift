/// The gzip format (RFC 1952).
package enum Gzip {
  /// Decompresses all members of `input`, one after the other.
  ///
  /// Whatever follows a member must be another one: bytes after the last
  /// member, zeros too, are a wrong header.
  ///
  /// - Parameters:
  ///   - limit: The most bytes to produce; it holds while decompressing, so a
  ///     small input can't claim more memory than `limit` and one byte.
  ///   - output: Its contents are replaced, its storage is used again.
  /// - Throws: ``CompressionError``. What `output` holds then has no meaning.
  package static func decompress(
    _ input: RawSpan, limit: Int, into output: inout [UInt8]
  ) throws(CompressionError) {
    output.removeAll(keepingCapacity: true)
    var decoder = try GzipStreamDecoder()
    var consumed = 0
    try checkHeader(input, at: consumed)
    while true {
      // The byte past the limit is there to see that there is more.
      guard output.count <= limit else { throw .limitExceeded(.gzip, limit: limit) }
      let step = try decoder.decode(
        input.extracting(droppingFirst: consumed), appendingTo: &output,
        atMost: 1 + min(limit - output.count, pieceSize(for: input, after: output.count)))
      consumed += step.consumed
      guard output.count <= limit else { throw .limitExceeded(.gzip, limit: limit) }
      if step.isMemberEnd {
        if consumed == input.byteCount { return }
        try checkHeader(input, at: consumed)
        try decoder.beginNextMember()
      } else if consumed == input.byteCount, !step.isOutputFull {
        throw .truncated(.gzip)
      }
    }
  }

  /// Compresses `input` to one member and appends it.
  ///
  /// - Parameter level: 1, the quickest, to 9, the smallest.
  package static func compress(
    _ input: RawSpan, level: Int = 1, appendingTo output: inout [UInt8]
  ) throws(CompressionError) {
    var encoder = try GzipEncoder(level: level)
    encoder.append(input, to: &output)
    encoder.finish(to: &output)
  }

  /// Refuses a member that does not begin with the two bytes of the format and
  /// the number of its only method; what is not there yet is no mistake.
  private static func checkHeader(
    _ input: RawSpan, at start: Int
  ) throws(CompressionError) {
    let beginning: [UInt8] = [0x1F, 0x8B, 0x08]
    for index in 0..<min(beginning.count, input.byteCount - start) {
      // Safety: the load checks the bounds, and every bit pattern is a UInt8.
      let byte = unsafe input.unsafeLoad(fromByteOffset: start + index, as: UInt8.self)
      guard byte == beginning[index] else { throw .wrongHeader(.gzip) }
    }
  }

  /// How many bytes to make room for next: text shrinks to about a fifth, and
  /// what does not fit doubles.
  private static func pieceSize(for input: RawSpan, after count: Int) -> Int {
    max(4096, count == 0 ? min(input.byteCount, 1 << 20) * 5 : count)
  }
}

/// Decompresses one gzip text after another, with memory that it keeps.
package struct GzipDecompressor: ~Copyable, Sendable {
  /// Nil when there was no memory; the stream decoder then does all the work.
  private let whole: WholeGzipDecoder?

  /// Creates a decompressor.
  package init() {
    whole = WholeGzipDecoder()
  }

  /// Does what ``Gzip/decompress(_:limit:into:)`` does, in about half the time
  /// when `input` is a single member.
  package func decompress(
    _ input: RawSpan, limit: Int, into output: inout [UInt8]
  ) throws(CompressionError) {
    output.removeAll(keepingCapacity: true)
    if let size = GzipDecompressor.declaredSize(of: input), size <= limit,
      whole?.decode(input, size: size, appendingTo: &output) == true
    {
      return
    }
    // The stream decoder reads what is in several members, and tells what is
    // wrong with the rest.
    try Gzip.decompress(input, limit: limit, into: &output)
  }

  /// The size at the end of a member, modulo 2^32; nil if the member is too
  /// short to be one, or to hold so much.
  private static func declaredSize(of input: RawSpan) -> Int? {
    let leastMemberSize = 18
    guard input.byteCount >= leastMemberSize else { return nil }
    // Safety: the load checks the bounds, and every bit pattern is a UInt32.
    let declared = unsafe input.unsafeLoadUnaligned(
      fromByteOffset: input.byteCount - 4, as: UInt32.self)
    let size = Int(UInt32(littleEndian: declared))
    // No code of the format stands for more than 258 bytes, or takes less than
    // two bits.
    return size > 0 && size / 1032 <= input.byteCount ? size : nil
  }
}

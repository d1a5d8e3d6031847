/// Snappy's block format: the size, and then the data, without a checksum.
package enum Snappy {
  /// Decompresses the block `input` consists of.
  ///
  /// - Parameters:
  ///   - limit: The most bytes the block may declare, which is compared before
  ///     anything is allocated.
  ///   - output: Its contents are replaced, its storage is used again.
  /// - Throws: ``CompressionError``. What `output` holds then has no meaning.
  package static func decompress(
    _ input: RawSpan, limit: Int, into output: inout [UInt8]
  ) throws(CompressionError) {
    output.removeAll(keepingCapacity: true)
    guard input.byteCount > 0 else { throw .truncated(.snappy) }
    guard let size = declaredSnappySize(of: input) else { throw .wrongHeader(.snappy) }
    guard size <= limit else { throw .limitExceeded(.snappy, limit: limit) }
    guard decompressSnappy(input, size: size, appendingTo: &output) else {
      throw .corrupted(.snappy)
    }
  }

  /// Compresses `input` to one block and appends it.
  ///
  /// - Precondition: `input` is shorter than 4 GiB, which is what a block can
  ///   declare.
  package static func compress(_ input: RawSpan, appendingTo output: inout [UInt8]) {
    precondition(input.byteCount <= UInt32.max, "input is longer than a snappy block can be")
    compressSnappy(input, appendingTo: &output)
  }
}

import CCompression

// Every C function the target uses is named in this file.

// MARK: - gzip

/// A zlib stream, which must not move while it is in use.
// Safety: the memory is allocated once and freed by the owner's `deinit`; the
// buffers a call gets are valid for that call and forgotten after it.
@safe
private struct StreamBox: ~Copyable {
  let stream: UnsafeMutablePointer<z_stream>

  init() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
  }

  deinit {
    unsafe stream.deinitialize(count: 1)
    unsafe stream.deallocate()
  }

  /// What one call did.
  struct Progress {
    var code: CInt
    var consumed: Int
    var isOutputFull: Bool
  }

  /// Lets `call` read `input` and append at most `room` bytes to `output`.
  ///
  /// zlib counts in 32 bits: what is longer is left for the next call.
  func advance(
    _ input: RawSpan, appendingTo output: inout [UInt8], atMost room: Int,
    _ call: (UnsafeMutablePointer<z_stream>) -> CInt
  ) -> Progress {
    let offered = min(input.byteCount, Int(CInt.max))
    let room = min(room, Int(CInt.max))
    var code = Z_OK
    unsafe input.withUnsafeBytes { bytes in
      // zlib does not write to its input, though it says it might.
      unsafe stream.pointee.next_in = UnsafeMutablePointer(
        mutating: bytes.baseAddress?.assumingMemoryBound(to: Bytef.self))
      unsafe stream.pointee.avail_in = uInt(offered)
      output.append(addingCapacity: room) { span in
        unsafe span.withUnsafeMutableBufferPointer { buffer, count in
          unsafe stream.pointee.next_out = buffer.baseAddress
          unsafe stream.pointee.avail_out = uInt(room)
          code = unsafe call(stream)
          count = unsafe room - Int(stream.pointee.avail_out)
        }
      }
    }
    let progress = unsafe Progress(
      code: code, consumed: offered - Int(stream.pointee.avail_in),
      isOutputFull: stream.pointee.avail_out == 0)
    unsafe stream.pointee.next_in = nil
    unsafe stream.pointee.next_out = nil
    return progress
  }
}

/// The state of decompressing gzip members.
struct GzipStreamDecoder: ~Copyable {
  private let box = StreamBox()

  /// What one step did.
  struct Step {
    var consumed: Int
    var isMemberEnd: Bool
    var isOutputFull: Bool
  }

  init() throws(CompressionError) {
    guard unsafe tsdb_inflate_gzip_begin(box.stream) == Z_OK else { throw .outOfMemory }
  }

  deinit {
    unsafe inflateEnd(box.stream)
  }

  /// Gets ready for a member after the one that ended.
  mutating func beginNextMember() throws(CompressionError) {
    guard unsafe inflateReset(box.stream) == Z_OK else { throw .corrupted(.gzip) }
  }

  /// Decompresses what `input` has, up to `room` bytes or the member's end.
  mutating func decode(
    _ input: RawSpan, appendingTo output: inout [UInt8], atMost room: Int
  ) throws(CompressionError) -> Step {
    let progress = unsafe box.advance(input, appendingTo: &output, atMost: room) {
      unsafe inflate($0, Z_NO_FLUSH)
    }
    switch progress.code {
    case Z_OK, Z_BUF_ERROR, Z_STREAM_END:
      return Step(
        consumed: progress.consumed, isMemberEnd: progress.code == Z_STREAM_END,
        isOutputFull: progress.isOutputFull)
    case Z_MEM_ERROR:
      throw .outOfMemory
    default:
      throw .corrupted(.gzip)
    }
  }
}

/// Decompresses a gzip member that lies in memory whole, in half the time that
/// a stream takes.
// Safety: the memory is made by `init` and freed by `deinit`; buffers are
// forgotten when a call ends.
@safe
struct WholeGzipDecoder: ~Copyable {
  private let decompressor: OpaquePointer

  /// Nil when there is no memory left.
  init?() {
    guard let decompressor = unsafe libdeflate_alloc_decompressor() else { return nil }
    unsafe self.decompressor = decompressor
  }

  deinit {
    unsafe libdeflate_free_decompressor(decompressor)
  }

  /// Appends what `input` holds if that is one intact member, and nothing
  /// else, of exactly `size` bytes; returns false, and appends nothing, if not.
  func decode(_ input: RawSpan, size: Int, appendingTo output: inout [UInt8]) -> Bool {
    var isIntact = false
    unsafe input.withUnsafeBytes { bytes in
      output.append(addingCapacity: size) { span in
        // Safety: the callee reads the input and writes at most `size` bytes.
        unsafe span.withUnsafeMutableBufferPointer { buffer, count in
          var consumed = 0
          var written = 0
          let result = unsafe libdeflate_gzip_decompress_ex(
            decompressor, bytes.baseAddress, bytes.count, buffer.baseAddress, size, &consumed,
            &written)
          isIntact =
            result == LIBDEFLATE_SUCCESS && consumed == bytes.count && written == size
          count = isIntact ? size : 0
        }
      }
    }
    return isIntact
  }
}

// Safety: the value can't be copied, so one thread at a time has the memory,
// which belongs to none.
extension WholeGzipDecoder: @unchecked Sendable {}

/// Compresses pieces, as they come, to one gzip member.
package struct GzipEncoder: ~Copyable {
  private let box = StreamBox()
  /// How many bytes to make room for at a time.
  private static let pieceSize = 16 << 10

  /// Creates an encoder.
  ///
  /// - Parameter level: 1, the quickest, to 9, the smallest; anything else
  ///   counts as the nearer of the two.
  package init(level: Int = 1) throws(CompressionError) {
    let code = unsafe tsdb_deflate_gzip_begin(box.stream, CInt(min(max(level, 1), 9)))
    guard code == Z_OK else { throw .outOfMemory }
  }

  deinit {
    unsafe deflateEnd(box.stream)
  }

  /// Compresses `input`; appends what is ready, which may be nothing yet.
  package mutating func append(_ input: RawSpan, to output: inout [UInt8]) {
    run(input, Z_NO_FLUSH, appendingTo: &output)
  }

  /// Appends what is left and the member's end.
  package consuming func finish(to output: inout [UInt8]) {
    run(RawSpan(), Z_FINISH, appendingTo: &output)
  }

  private func run(_ input: RawSpan, _ flush: CInt, appendingTo output: inout [UInt8]) {
    var consumed = 0
    while true {
      let progress = unsafe box.advance(
        input.extracting(droppingFirst: consumed), appendingTo: &output, atMost: Self.pieceSize
      ) { unsafe deflate($0, flush) }
      consumed += progress.consumed
      if progress.code == Z_STREAM_END { return }
      // The stream took all its memory when it was made, and is used in order.
      precondition(
        progress.code == Z_OK || progress.code == Z_BUF_ERROR,
        "deflate refuses its own stream with code \(progress.code)")
      // With room left and nothing more to read, all that is ready is out.
      if consumed == input.byteCount, !progress.isOutputFull, flush == Z_NO_FLUSH { return }
    }
  }
}

// Safety: the value can't be copied, so one thread at a time has the stream,
// which belongs to none.
extension GzipEncoder: @unchecked Sendable {}

// MARK: - snappy

/// The size a block declares; nil if it begins with no size.
func declaredSnappySize(of input: RawSpan) -> Int? {
  var size = 0
  // Safety: the callee reads within the buffer.
  let status = unsafe input.withUnsafeBytes { bytes in
    unsafe snappy_uncompressed_length(
      bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, &size)
  }
  return status == SNAPPY_OK ? size : nil
}

/// Appends the `size` bytes a block declares; false if it is not intact.
func decompressSnappy(_ input: RawSpan, size: Int, appendingTo output: inout [UInt8]) -> Bool {
  var status = SNAPPY_INVALID_INPUT
  unsafe input.withUnsafeBytes { bytes in
    // A buffer of no bytes has no address, which the callee does not expect.
    output.append(addingCapacity: max(1, size)) { span in
      // Safety: the callee reads the block and writes at most `size` bytes.
      unsafe span.withUnsafeMutableBufferPointer { buffer, count in
        var written = size
        status = unsafe snappy_uncompress(
          UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self), bytes.count,
          UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self),
          &written)
        count = status == SNAPPY_OK ? written : 0
      }
    }
  }
  return status == SNAPPY_OK
}

/// Appends the block `input` compresses to.
func compressSnappy(_ input: RawSpan, appendingTo output: inout [UInt8]) {
  unsafe input.withUnsafeBytes { bytes in
    let bound = snappy_max_compressed_length(bytes.count)
    output.append(addingCapacity: bound) { span in
      // Safety: the callee reads the input and writes at most `bound` bytes.
      unsafe span.withUnsafeMutableBufferPointer { buffer, count in
        var written = bound
        let status = unsafe snappy_compress(
          UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self), bytes.count,
          UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self),
          &written)
        // The room is what the library asked for, so it can't refuse.
        precondition(status == SNAPPY_OK, "snappy wants more room than it said")
        count = written
      }
    }
  }
}

import Compression
import TestSupport
import Testing

@Suite struct SnappyTests {
  @Test func aLiteralBlockIsRead() throws {
    // Five bytes, as one literal.
    let block: [UInt8] = [0x05, 0x10] + Array("hello".utf8)
    #expect(try decompress(block, limit: 5) == Array("hello".utf8))
    // Eight bytes: a literal "ab", then a copy of six from two bytes back.
    #expect(
      try decompress([0x08, 0x04, 0x61, 0x62, 0x09, 0x02], limit: 8) == Array("abababab".utf8))
  }

  @Test(arguments: [0, 1, 60, 61, 65_535, 65_536, 65_537, 1_000_000])
  func whatIsCompressedComesBack(_ count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    for bytes in [noise(count, &generator), text(count, &generator)] {
      #expect(try decompress(compress(bytes), limit: count) == bytes)
    }
  }

  @Test func compressionAppends() throws {
    var output: [UInt8] = [7]
    let bytes = Array("hello".utf8)
    Snappy.compress(unsafe bytes.span.bytes, appendingTo: &output)
    #expect(output.first == 7)
    #expect(try decompress(Array(output.dropFirst()), limit: 5) == bytes)
  }

  @Test func theDeclaredSizeIsComparedBeforeAnythingIsAllocated() {
    // 4 GiB less one, declared in five bytes.
    let bomb: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00]
    var output: [UInt8] = []
    #expect(throws: CompressionError.limitExceeded(.snappy, limit: 1 << 20)) {
      try Snappy.decompress(unsafe bomb.span.bytes, limit: 1 << 20, into: &output)
    }
    #expect(output.capacity == 0)
    #expect(throws: CompressionError.limitExceeded(.snappy, limit: 4)) {
      try decompress(compress(Array("hello".utf8)), limit: 4)
    }
  }

  @Test(
    arguments: [
      ([], .truncated(.snappy)),
      ([0x80], .wrongHeader(.snappy)),
      ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], .wrongHeader(.snappy)),
      ([0x05], .corrupted(.snappy)),
      ([0x05, 0x10, 0x68], .corrupted(.snappy)),
      ([0x00, 0x00, 0x61], .corrupted(.snappy)),
      ([0x08, 0x04, 0x61, 0x62, 0x09, 0x03], .corrupted(.snappy)),
    ] as [([UInt8], CompressionError)])
  func malformedBlocksAreRefused(_ block: [UInt8], _ expected: CompressionError) {
    #expect(throws: expected) { try decompress(block, limit: 100) }
  }

  @Test func everyTruncationIsRefused() {
    var generator = SeededGenerator(seed: 1)
    let block = compress(text(2000, &generator))
    for count in block.indices {
      #expect(throws: CompressionError.self, "\(count) bytes") {
        try decompress(Array(block.prefix(count)), limit: 2000)
      }
    }
  }

  @Test func damageNeverYieldsMoreThanTheLimit() {
    var generator = SeededGenerator(seed: 2)
    let block = compress(text(2000, &generator))
    for place in block.indices {
      var damaged = block
      damaged[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
      do {
        #expect(try decompress(damaged, limit: 3000).count <= 3000)
      } catch {
        #expect(error != .outOfMemory)
      }
    }
  }

  @Test func theBufferIsUsedAgain() throws {
    let block = compress(Array("hello".utf8))
    var output = [UInt8](repeating: 1, count: 10)
    output.reserveCapacity(1000)
    let address = storageAddress(of: output)
    try Snappy.decompress(unsafe block.span.bytes, limit: 100, into: &output)
    #expect(output == Array("hello".utf8))
    #expect(address == storageAddress(of: output))
  }

  @Test func errorsReadAsSentences() {
    #expect(
      CompressionError.limitExceeded(.snappy, limit: 10).description
        == "snappy: decompressed data is larger than the 10 bytes allowed: send smaller pieces")
    #expect(CompressionError.wrongHeader(.gzip).description == "gzip: invalid header")
  }

  private func compress(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    Snappy.compress(unsafe bytes.span.bytes, appendingTo: &output)
    return output
  }

  private func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
    var output: [UInt8] = []
    try Snappy.decompress(unsafe bytes.span.bytes, limit: limit, into: &output)
    return output
  }
}

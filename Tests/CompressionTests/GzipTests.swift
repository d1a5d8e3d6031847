import Compression
import TestSupport
import Testing

@Suite struct GzipTests {
  /// "hello\n" as the gzip tool writes it, without name and time.
  private static let hello: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0xE7,
    0x02, 0x00, 0x20, 0x30, 0x3A, 0x36, 0x06, 0x00, 0x00, 0x00,
  ]

  @Test func theToolsOutputIsRead() throws {
    #expect(try decompress(Self.hello, limit: 6) == Array("hello\n".utf8))
  }

  @Test(arguments: [0, 1, 2, 4095, 4096, 4097, 100_000, 1_000_000])
  func whatIsCompressedComesBack(_ count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    for bytes in [noise(count, &generator), text(count, &generator)] {
      let compressed = try compress(bytes)
      #expect(try decompress(compressed, limit: count) == bytes)
    }
  }

  @Test func compressionAppendsAndShrinksText() throws {
    var generator = SeededGenerator(seed: 1)
    let bytes = text(100_000, &generator)
    var output: [UInt8] = [7]
    try Gzip.compress(unsafe bytes.span.bytes, appendingTo: &output)
    #expect(output.first == 7)
    #expect(output.count < bytes.count / 3)
    #expect(try decompress(Array(output.dropFirst()), limit: bytes.count) == bytes)
  }

  @Test func piecesMakeOneMember() throws {
    var generator = SeededGenerator(seed: 2)
    var encoder = try GzipEncoder(level: 6)
    var whole: [UInt8] = []
    var output: [UInt8] = []
    for _ in 0..<50 {
      let piece = text(Int.random(in: 0...40_000, using: &generator), &generator)
      whole += piece
      encoder.append(unsafe piece.span.bytes, to: &output)
    }
    encoder.finish(to: &output)
    #expect(try decompress(output, limit: whole.count) == whole)
  }

  @Test func membersAreJoined() throws {
    let twice = Self.hello + Self.hello + (try compress([]))
    #expect(try decompress(twice, limit: 12) == Array("hello\nhello\n".utf8))
  }

  @Test func theLimitHoldsExactly() throws {
    let compressed = try compress([UInt8](repeating: 0x61, count: 10_000))
    #expect(try decompress(compressed, limit: 10_000).count == 10_000)
    for limit in [9_999, 4096, 1, 0] {
      #expect(throws: CompressionError.limitExceeded(.gzip, limit: limit)) {
        try decompress(compressed, limit: limit)
      }
    }
    #expect(try decompress(try compress([]), limit: 0).isEmpty)
    #expect(try decompress(compressed, limit: .max).count == 10_000)
  }

  @Test func bombsEndAtTheLimit() throws {
    let bomb = try compress([UInt8](repeating: 0, count: 50 << 20))
    #expect(bomb.count < 1 << 18)
    var output: [UInt8] = []
    #expect(throws: CompressionError.limitExceeded(.gzip, limit: 1 << 20)) {
      try Gzip.decompress(unsafe bomb.span.bytes, limit: 1 << 20, into: &output)
    }
    #expect(output.capacity < 8 << 20)
    let members = Array(repeatElement(Self.hello, count: 1000).joined())
    #expect(throws: CompressionError.limitExceeded(.gzip, limit: 5999)) {
      try decompress(members, limit: 5999)
    }
  }

  @Test func everyTruncationIsRefused() {
    for count in 0..<Self.hello.count {
      #expect(throws: CompressionError.truncated(.gzip), "\(count) bytes") {
        try decompress(Array(Self.hello.prefix(count)), limit: 100)
      }
    }
  }

  @Test func otherBytesAreAWrongHeader() {
    for bytes in [Array("metric 1\n".utf8), [0x1F, 0x8C, 0, 0], [0x1F, 0x8B, 0x07, 0, 0, 0]] {
      #expect(throws: CompressionError.wrongHeader(.gzip)) { try decompress(bytes, limit: 100) }
    }
    for rest in [[0], [0, 0, 0, 0], Array("x = 1\n".utf8)] as [[UInt8]] {
      #expect(throws: CompressionError.wrongHeader(.gzip)) {
        try decompress(Self.hello + rest, limit: 100)
      }
    }
  }

  @Test func damageIsFoundOrHarmless() throws {
    var generator = SeededGenerator(seed: 3)
    let bytes = text(3000, &generator)
    let compressed = try compress(bytes)
    for place in compressed.indices {
      var damaged = compressed
      damaged[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
      // The checksum covers neither time, system and flags in the header nor
      // the bits that fill up the last byte before the trailer.
      do {
        #expect(try decompress(damaged, limit: 4000) == bytes)
        #expect(place < 10 || place == compressed.count - 9)
      } catch {
        #expect(error != .outOfMemory)
      }
    }
  }

  /// The quick decompressor must say what the stream decoder says, of intact,
  /// cut, joined and damaged members, and whatever size they declare.
  @Test func quickAndStreamingAgree() throws {
    var generator = SeededGenerator(seed: 4)
    let decompressor = GzipDecompressor()
    let whole = try compress(text(3000, &generator))
    var inputs: [[UInt8]] = [[], Self.hello, Self.hello + Self.hello, Self.hello + [0], whole]
    inputs += (0..<whole.count).map { Array(whole.prefix($0)) }
    for place in whole.indices {
      var damaged = whole
      damaged[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
      inputs.append(damaged)
    }
    for declared in [0, 1, 5, 7, 0xFFFF_FFFF] as [UInt32] {
      inputs.append(
        Self.hello.dropLast(4) + (0..<4).map { UInt8(truncatingIfNeeded: declared >> ($0 * 8)) })
    }
    var output: [UInt8] = [1, 2, 3]
    for input in inputs {
      for limit in [0, 5, 6, 12, 2999, 3000, 100_000] {
        let expected = Result { () throws(CompressionError) in try decompress(input, limit: limit) }
        let actual = Result { () throws(CompressionError) in
          try decompressor.decompress(unsafe input.span.bytes, limit: limit, into: &output)
          return output
        }
        #expect(actual == expected, "\(input.count) bytes, limit \(limit)")
      }
    }
  }

  @Test func declaredSizeClaimsNoMemory() throws {
    // A member of a few bytes says that it holds 4 GiB.
    let lie = Self.hello.dropLast(4) + [0xFF, 0xFF, 0xFF, 0xFF]
    var output: [UInt8] = []
    #expect(throws: CompressionError.corrupted(.gzip)) {
      try GzipDecompressor().decompress(unsafe Array(lie).span.bytes, limit: .max, into: &output)
    }
    #expect(output.capacity < 1 << 16)
  }

  @Test func theBufferIsUsedAgain() throws {
    var output = [UInt8](repeating: 1, count: 10)
    output.reserveCapacity(10_000)
    let address = storageAddress(of: output)
    try Gzip.decompress(unsafe Self.hello.span.bytes, limit: 100, into: &output)
    #expect(output == Array("hello\n".utf8))
    #expect(address == storageAddress(of: output))
  }

  private func compress(_ bytes: [UInt8]) throws(CompressionError) -> [UInt8] {
    var output: [UInt8] = []
    try Gzip.compress(unsafe bytes.span.bytes, appendingTo: &output)
    return output
  }

  private func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
    var output: [UInt8] = []
    try Gzip.decompress(unsafe bytes.span.bytes, limit: limit, into: &output)
    return output
  }
}

/// Bytes that don't compress.
func noise(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
  (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
}

/// Lines that compress as an exposition does.
func text(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
  var text: [UInt8] = []
  while text.count < count {
    text += Array("requests_total{code=\"200\",path=\"/\"} \(generator.next() % 100_000)\n".utf8)
  }
  return Array(text.prefix(count))
}

/// Where an array keeps its elements.
func storageAddress(of bytes: [UInt8]) -> UInt {
  // Safety: the address is compared, not followed.
  unsafe bytes.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
}

import Numbers
import TestSupport
import Testing

@Suite struct VarintTests {
  @Test(
    arguments: [
      (0, [0x00]),
      (1, [0x01]),
      (127, [0x7F]),
      (128, [0x80, 0x01]),
      (300, [0xAC, 0x02]),
      (16_383, [0xFF, 0x7F]),
      (16_384, [0x80, 0x80, 0x01]),
      (.max, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
    ] as [(UInt64, [UInt8])])
  func integersHaveTheirBytes(_ value: UInt64, _ expected: [UInt8]) throws {
    var output: [UInt8] = []
    Varint.append(value, to: &output)
    #expect(output == expected)
    var offset = 0
    #expect(try Varint.read(unsafe output.span.bytes, at: &offset) == value)
    #expect(offset == output.count)
  }

  @Test(
    arguments: [
      (0, 0), (-1, 1), (1, 2), (-2, 3), (.max, .max - 1), (.min, .max),
    ] as [(Int64, UInt64)])
  func signedIntegersAreFolded(_ value: Int64, _ folded: UInt64) throws {
    var output: [UInt8] = []
    Varint.appendZigZag(value, to: &output)
    var offset = 0
    #expect(try Varint.read(unsafe output.span.bytes, at: &offset) == folded)
    offset = 0
    #expect(try Varint.readZigZag(unsafe output.span.bytes, at: &offset) == value)
  }

  @Test func needlessZeroBytesAreAccepted() throws {
    let bytes: [UInt8] = [0x81, 0x80, 0x00, 0x05]
    var offset = 0
    #expect(try Varint.read(unsafe bytes.span.bytes, at: &offset) == 1)
    #expect(offset == 3)
  }

  @Test(
    arguments: [
      ([], 0, .truncated),
      ([0x80], 0, .truncated),
      ([0x01], 1, .truncated),
      ([0x01], 7, .truncated),
      ([0x01], -1, .truncated),
      ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02], 0, .overflow),
      ([UInt8](repeating: 0x80, count: 10) + [0x01], 0, .overflow),
    ] as [([UInt8], Int, VarintError)])
  func malformedBytesAreRefusedAndTheOffsetStays(
    _ bytes: [UInt8], _ start: Int, _ expected: VarintError
  ) {
    var offset = start
    #expect(throws: expected) { try Varint.read(unsafe bytes.span.bytes, at: &offset) }
    #expect(offset == start)
  }

  @Test func randomIntegersRoundTripInARow() throws {
    var generator = SeededGenerator(seed: 5)
    let values = (0..<5_000).map { _ in generator.next() >> (generator.next() % 64) }
    var output: [UInt8] = []
    for value in values {
      Varint.append(value, to: &output)
      Varint.appendZigZag(Int64(bitPattern: value), to: &output)
    }
    var offset = 0
    for value in values {
      #expect(try Varint.read(unsafe output.span.bytes, at: &offset) == value)
      #expect(
        try Varint.readZigZag(unsafe output.span.bytes, at: &offset) == Int64(bitPattern: value))
    }
    #expect(offset == output.count)
  }
}

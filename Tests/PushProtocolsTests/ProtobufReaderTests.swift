import PushProtocols
import TestSupport
import Testing

@Suite struct ProtobufReaderTests {
  @Test(arguments: [0, 1, 127, 128, 300, 1 << 35, UInt64(Int64.max), .max])
  func integersReadBack(_ value: UInt64) throws {
    var writer = ProtobufWriter()
    writer.integer(7, value)
    var reader = ProtobufReader(writer.bytes.span)
    let field = try #require(try reader.nextField())
    #expect(field.number == 7)
    #expect(field.wireType == .varint)
    #expect(try reader.readInteger(of: field) == value)
    #expect(try reader.nextField() == nil)
  }

  @Test(arguments: [0, -0.0, 1.5, .infinity, Double(bitPattern: 0x7FF0_0000_0000_0002)])
  func doublesReadBackBitForBit(_ value: Double) throws {
    var writer = ProtobufWriter()
    writer.double(1, value)
    var reader = ProtobufReader(writer.bytes.span)
    let field = try #require(try reader.nextField())
    #expect(try reader.readDouble(of: field).bitPattern == value.bitPattern)
  }

  @Test func nestedMessagesAndUnknownFieldsAreWalked() throws {
    var writer = ProtobufWriter()
    writer.integer(9, 1)
    writer.double(10, 1)
    writer.string(11, "passed over")
    writer.tag(12, wireType: 5)
    writer.bytes += [1, 2, 3, 4]
    writer.message(1) { $0.string(2, "text") }
    var reader = ProtobufReader(writer.bytes.span)
    while let field = try reader.nextField() {
      guard field.number == 1 else {
        try reader.skip(field)
        continue
      }
      var message = try reader.readMessage(of: field)
      let inner = try #require(try message.nextField())
      let range = try message.readRange(of: inner)
      #expect(String(decoding: writer.bytes[range], as: UTF8.self) == "text")
      #expect(try message.nextField() == nil)
    }
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let id: String
    let bytes: [UInt8]
    let error: PushProtocolError
    var testDescription: String { id }
  }

  static let rows: [Row] = [
    Row(id: "tag cut", bytes: [0x88], error: .truncated(offset: 0)),
    Row(id: "field 0", bytes: [0x00, 1], error: .invalidTag(offset: 0)),
    Row(id: "group start", bytes: [0x0B], error: .invalidTag(offset: 0)),
    Row(id: "group end", bytes: [0x0C], error: .invalidTag(offset: 0)),
    Row(id: "wire type 6", bytes: [0x0E], error: .invalidTag(offset: 0)),
    Row(id: "wire type 7", bytes: [0x0F], error: .invalidTag(offset: 0)),
    Row(
      id: "field number of 30 bits", bytes: [0x80, 0x80, 0x80, 0x80, 0x10],
      error: .invalidTag(offset: 0)),
    Row(id: "integer missing", bytes: [0x08], error: .truncated(offset: 1)),
    Row(id: "integer cut", bytes: [0x08, 0xFF, 0xFF], error: .truncated(offset: 1)),
    Row(
      id: "integer of 11 bytes",
      bytes: [0x08] + [UInt8](repeating: 0x80, count: 10) + [1], error: .integerOverflow(offset: 1)),
    Row(
      id: "integer of 65 bits", bytes: [0x08] + [UInt8](repeating: 0xFF, count: 9) + [2],
      error: .integerOverflow(offset: 1)),
    Row(id: "double cut", bytes: [0x09, 1, 2, 3, 4, 5, 6, 7], error: .truncated(offset: 1)),
    Row(id: "four bytes cut", bytes: [0x0D, 1, 2, 3], error: .truncated(offset: 1)),
    Row(id: "string cut", bytes: [0x0A, 3, 1, 2], error: .truncated(offset: 1)),
    Row(
      id: "string of 2^64 - 1 bytes", bytes: [0x0A] + [UInt8](repeating: 0xFF, count: 9) + [1],
      error: .truncated(offset: 1)),
    Row(id: "second field", bytes: [0x08, 1, 0x0A, 9], error: .truncated(offset: 3)),
  ]

  @Test(arguments: rows) func brokenMessagesAreRefused(_ row: Row) {
    #expect(throws: row.error) {
      var reader = ProtobufReader(row.bytes.span)
      while let field = try reader.nextField() { try reader.skip(field) }
    }
    #expect(row.error.description.isEmpty == false)
  }

  @Test func innerMessagesEndWhereTheyEnd() {
    // The inner message claims a string that lies within the outer one.
    let bytes: [UInt8] = [0x0A, 2, 0x0A, 4, 1, 2, 3, 4]
    #expect(throws: PushProtocolError.truncated(offset: 3)) {
      var reader = ProtobufReader(bytes.span)
      let field = try #require(try reader.nextField())
      var message = try reader.readMessage(of: field)
      let inner = try #require(try message.nextField())
      _ = try message.readRange(of: inner)
    }
  }

  @Test func valuesOfAnotherTypeAreRefused() throws {
    let bytes: [UInt8] = [0x28, 1]
    for read in [0, 1] {
      #expect(throws: PushProtocolError.wrongWireType(field: 5, offset: 0)) {
        var reader = ProtobufReader(bytes.span)
        let field = try #require(try reader.nextField())
        if read == 0 {
          _ = try reader.readDouble(of: field)
        } else {
          _ = try reader.readRange(of: field)
        }
      }
    }
  }
}

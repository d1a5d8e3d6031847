/// Walks the fields of one protobuf message.
///
/// The reader borrows the bytes and copies nothing. It never recurses: the
/// message within a field is a reader of its own, which shares the bytes, so
/// that offsets in errors always count from the start of the outermost
/// message. Groups, which nothing sends any more, are refused.
///
/// Source: "Encoding", protobuf.dev, proto3.
package struct ProtobufReader: ~Escapable {
  /// How the value of a field is written.
  package enum WireType: UInt8, Sendable {
    /// A varint: booleans, enumerations, integers.
    case varint = 0
    /// Eight bytes, little-endian: doubles.
    case fixed64 = 1
    /// A length and as many bytes: strings, messages.
    case lengthDelimited = 2
    /// Four bytes.
    case fixed32 = 5
  }

  /// The head of a field; its value comes next.
  package struct Field: Sendable {
    /// The field's number; at least 1.
    package let number: Int
    /// How its value is written.
    package let wireType: WireType
    /// Where the field begins, in bytes from the start of the outermost message.
    package let offset: Int
  }

  private let bytes: Span<UInt8>
  private let end: Int
  /// The place of the next byte to be read.
  private var offset: Int

  /// Creates a reader of the message that is all of `bytes`.
  @_lifetime(copy bytes)
  package init(_ bytes: Span<UInt8>) {
    self.init(bytes, 0..<bytes.count)
  }

  /// Creates a reader of the message at `range` of `bytes`.
  ///
  /// - Precondition: `range` lies within `bytes`.
  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    self.bytes = bytes
    self.offset = range.lowerBound
    self.end = range.upperBound
  }

  /// Reads the head of the next field, or returns nil at the end.
  package mutating func nextField() throws(PushProtocolError) -> Field? {
    guard offset < end else { return nil }
    let start = offset
    let tag = try readVarint()
    guard let wireType = WireType(rawValue: UInt8(tag & 7)), tag >> 3 >= 1, tag >> 3 < 1 << 29
    else { throw .invalidTag(offset: start) }
    return Field(number: Int(tag >> 3), wireType: wireType, offset: start)
  }

  /// Reads the value of a varint field.
  package mutating func readInteger(of field: Field) throws(PushProtocolError) -> UInt64 {
    try expect(.varint, field)
    return try readVarint()
  }

  /// Reads the value of a double field.
  package mutating func readDouble(of field: Field) throws(PushProtocolError) -> Double {
    try expect(.fixed64, field)
    return Double(bitPattern: try readFixed64())
  }

  /// Reads a string or message field and returns the place of its content.
  package mutating func readRange(of field: Field) throws(PushProtocolError) -> Range<Int> {
    try expect(.lengthDelimited, field)
    return try readLengthDelimited()
  }

  /// Reads a message field and returns a reader of it.
  @_lifetime(copy self)
  package mutating func readMessage(
    of field: Field
  ) throws(PushProtocolError) -> ProtobufReader {
    ProtobufReader(bytes, try readRange(of: field))
  }

  /// Appends the numbers of a repeated varint field, packed or not, but no more
  /// to `integers` than make `limit` in all.
  mutating func readIntegers(
    of field: Field, into integers: inout [UInt64], limit: Int
  ) throws(PushProtocolError) {
    guard field.wireType == .lengthDelimited else {
      let integer = try readInteger(of: field)
      if integers.count < limit { integers.append(integer) }
      return
    }
    var packed = try readMessage(of: field)
    while packed.offset < packed.end {
      let integer = try packed.readVarint()
      if integers.count < limit { integers.append(integer) }
    }
  }

  /// Appends the numbers of a repeated double field, likewise.
  mutating func readDoubles(
    of field: Field, into doubles: inout [Double], limit: Int
  ) throws(PushProtocolError) {
    guard field.wireType == .lengthDelimited else {
      let double = try readDouble(of: field)
      if doubles.count < limit { doubles.append(double) }
      return
    }
    var packed = try readMessage(of: field)
    while packed.offset < packed.end {
      let double = Double(bitPattern: try packed.readFixed64())
      if doubles.count < limit { doubles.append(double) }
    }
  }

  /// Reads the samples that stand here in a row, each as field 2 of a message
  /// that is a double as field 1, a positive integer of six bytes as field 2,
  /// and nothing else.
  ///
  /// Samples of our time are written so by every sender; whatever looks
  /// otherwise is left to the caller. One look at 18 bytes takes a fraction of
  /// the time of reading field by field.
  mutating func readCurrentSamples(timestamps: inout [Int64], values: inout [Double]) {
    while end - offset >= 18 {
      let head = loadInteger(at: offset)
      let value = loadInteger(at: offset + 3)
      let tail = loadInteger(at: offset + 10)
      // The tags and the length, and the six bytes, of which all but the last
      // announce a further one.
      guard head & 0xFF_FFFF == 0x09_1012, tail & 0x8080_8080_8080_FF00 == 0x0080_8080_8080_1000
      else { return }
      let integer = tail >> 16
      var timestamp: UInt64 = 0
      for place in UInt64(0)..<6 {
        timestamp |= (integer >> (8 * place) & 0x7F) << (7 * place)
      }
      timestamps.append(Int64(timestamp))
      values.append(Double(bitPattern: value))
      offset += 18
    }
  }

  /// Passes over the strings or messages that stand here in a row as field
  /// `number`, and returns their place, heads included.
  ///
  /// - Precondition: `number` is at most 15, so that a head has one byte.
  mutating func skipRun(ofField number: UInt8) throws(PushProtocolError) -> Range<Int> {
    let head = number << 3 | WireType.lengthDelimited.rawValue
    let start = offset
    while offset < end, bytes[offset] == head {
      offset += 1
      _ = try readLengthDelimited()
    }
    return start..<offset
  }

  /// Passes over the value of a field, whatever it is.
  package mutating func skip(_ field: Field) throws(PushProtocolError) {
    switch field.wireType {
    case .varint: _ = try readVarint()
    case .fixed64: try advance(by: 8)
    case .lengthDelimited: _ = try readLengthDelimited()
    case .fixed32: try advance(by: 4)
    }
  }

  private func expect(_ wireType: WireType, _ field: Field) throws(PushProtocolError) {
    guard field.wireType == wireType else {
      throw .wrongWireType(field: field.number, offset: field.offset)
    }
  }

  private mutating func advance(by count: Int) throws(PushProtocolError) {
    guard end - offset >= count else { throw .truncated(offset: offset) }
    offset += count
  }

  private mutating func readLengthDelimited() throws(PushProtocolError) -> Range<Int> {
    let start = offset
    let length = try readVarint()
    guard length <= UInt64(end - offset) else { throw .truncated(offset: start) }
    let contentStart = offset
    offset += Int(length)
    return contentStart..<offset
  }

  private mutating func readFixed64() throws(PushProtocolError) -> UInt64 {
    let start = offset
    try advance(by: 8)
    return loadInteger(at: start)
  }

  /// The eight bytes at `offset`, little-endian.
  @inline(__always)
  private func loadInteger(at offset: Int) -> UInt64 {
    // Safety: the load checks the bounds, and every bit pattern is a UInt64.
    UInt64(
      littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(
        fromByteOffset: offset, as: UInt64.self))
  }

  /// Reads an integer of up to ten bytes.
  ///
  /// Here and not from another module, since this runs several times a sample.
  @inline(__always)
  private mutating func readVarint() throws(PushProtocolError) -> UInt64 {
    let start = offset
    guard start < end else { throw .truncated(offset: start) }
    let first = bytes[start]
    if first < 0x80 {
      offset = start + 1
      return UInt64(first)
    }
    var value = UInt64(first & 0x7F)
    var place = start + 1
    var shift: UInt64 = 7
    while place < end {
      let byte = bytes[place]
      place += 1
      // The tenth byte has room for the topmost bit alone.
      if shift == 63, byte > 1 { throw .integerOverflow(offset: start) }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        offset = place
        return value
      }
      shift += 7
    }
    throw .truncated(offset: start)
  }
}

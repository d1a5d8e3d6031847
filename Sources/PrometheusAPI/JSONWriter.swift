import Numbers
import SeriesModel

/// Writes JSON into a growing buffer of bytes.
///
/// The writer puts commas by itself; the caller keeps to the grammar: values in
/// arrays, members in objects.
struct JSONWriter {
  /// The text so far, UTF-8.
  private(set) var bytes: [UInt8] = []
  /// Whether the next element of the innermost container needs a comma.
  private var needsComma = false

  /// Makes room for `count` bytes in all.
  mutating func reserveCapacity(_ count: Int) {
    bytes.reserveCapacity(count)
  }

  /// Writes `{ ... }`.
  mutating func object(_ writeMembers: (inout JSONWriter) throws -> Void) rethrows {
    try container(UInt8(ascii: "{"), UInt8(ascii: "}"), writeMembers)
  }

  /// Writes `[ ... ]`.
  mutating func array(_ writeElements: (inout JSONWriter) throws -> Void) rethrows {
    try container(UInt8(ascii: "["), UInt8(ascii: "]"), writeElements)
  }

  private mutating func container(
    _ opening: UInt8, _ closing: UInt8, _ writeContents: (inout JSONWriter) throws -> Void
  ) rethrows {
    separate()
    bytes.append(opening)
    needsComma = false
    try writeContents(&self)
    bytes.append(closing)
    needsComma = true
  }

  /// Writes a member's name; its value comes next.
  mutating func name(_ name: String) {
    string(name)
    beginMemberValue()
  }

  /// Ends a member's name that was written as a string.
  mutating func beginMemberValue() {
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Writes a member with a string value.
  mutating func member(_ name: String, _ value: String) {
    self.name(name)
    string(value)
  }

  /// Writes a member that is an array of strings.
  mutating func member(_ name: String, _ values: [String]) {
    self.name(name)
    array { json in
      for value in values { json.string(value) }
    }
  }

  /// Writes a member with a whole number.
  mutating func member(_ name: String, _ value: Int) {
    self.name(name)
    raw("\(value)")
  }

  /// Writes a member that is `true` or `false`.
  mutating func member(_ name: String, _ value: Bool) {
    self.name(name)
    raw(value ? "true" : "false")
  }

  /// Writes a member with a number; not for NaN and infinities, which JSON
  /// lacks.
  mutating func member(_ name: String, number value: Double) {
    self.name(name)
    separate()
    appendFloat(value, as: .json, to: &bytes)
    needsComma = true
  }

  /// Writes a member with a number as a string, as samples have it; any number,
  /// NaN and infinities included.
  mutating func member(_ name: String, float value: Double) {
    self.name(name)
    string(float: value)
  }

  /// Writes a number as a string, as samples have it.
  mutating func string(float value: Double) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    appendFloat(value, as: .json, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  /// Writes a whole number.
  mutating func number(_ value: Int) {
    raw("\(value)")
  }

  /// Writes a string.
  mutating func string(_ value: String) {
    string(utf8: value.utf8.span)
  }

  /// Writes a string given by its UTF-8 bytes.
  mutating func string(utf8 text: Span<UInt8>) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    JSONWriter.appendEscaped(text, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  /// Writes a value that is JSON already.
  mutating func raw(_ json: String) {
    separate()
    bytes.append(contentsOf: json.utf8)
    needsComma = true
  }

  /// Writes `[time,"value"]`, the API's form of a sample.
  mutating func sample(timestampMilliseconds: Int64, value: Double) {
    separate()
    bytes.append(addingCapacity: JSONWriter.sampleCapacity) {
      JSONWriter.append(timestampMilliseconds, value, to: &$0)
    }
    needsComma = true
  }

  /// Writes the samples of a series that has numbers only, as elements.
  ///
  /// - Precondition: There are any.
  mutating func samples(_ samples: SampleColumns) {
    separate()
    bytes.append(addingCapacity: samples.count * JSONWriter.sampleCapacity) { output in
      for index in 0..<samples.count {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        JSONWriter.append(samples.timestamps[index], samples.values[index], to: &output)
      }
    }
    needsComma = true
  }

  /// The most bytes of a sample, and a comma.
  private static let sampleCapacity = timestampTextCapacity + jsonFloatCapacity + 6

  private static func append(
    _ timestamp: Int64, _ value: Double, to output: inout OutputSpan<UInt8>
  ) {
    output.append(UInt8(ascii: "["))
    appendTimestamp(milliseconds: timestamp, to: &output)
    output.append(UInt8(ascii: ","))
    output.append(UInt8(ascii: "\""))
    appendJSONFloat(value, to: &output)
    output.append(UInt8(ascii: "\""))
    output.append(UInt8(ascii: "]"))
  }

  /// Writes a moment as Unix seconds with at most three decimals.
  mutating func timestamp(_ timestamp: Timestamp) {
    separate()
    appendTimestamp(milliseconds: timestamp.milliseconds, to: &bytes)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = false
  }

  /// Appends `text` with the escapes that JSON demands.
  private static func appendEscaped(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
    for index in text.indices {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case UInt8(ascii: "\n"):
        bytes.append(contentsOf: "\\n".utf8)
      case UInt8(ascii: "\r"):
        bytes.append(contentsOf: "\\r".utf8)
      case UInt8(ascii: "\t"):
        bytes.append(contentsOf: "\\t".utf8)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(digits[Int(byte >> 4)])
        bytes.append(digits[Int(byte & 0xF)])
      default:
        bytes.append(byte)
      }
    }
  }
}

extension String {
  /// The string in double quotes with JSON's escapes, as Go's `%q` writes plain
  /// text.
  package var quotedAsJSON: String {
    var json = JSONWriter()
    json.string(self)
    return String(decoding: json.bytes, as: UTF8.self)
  }
}

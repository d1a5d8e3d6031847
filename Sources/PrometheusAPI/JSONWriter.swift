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

  /// Makes room for `count` bytes behind the text.
  ///
  /// Where that takes another buffer, it is one for the whole text as foreseen,
  /// so that a large answer is seldom copied and little memory is touched for
  /// nothing.
  ///
  /// - Parameter share: How much of the text is written, above 0 and up to 1.
  mutating func makeRoom(for count: Int, writtenShare share: Double) {
    guard bytes.capacity - bytes.count < count else { return }
    // A margin, as what follows is seldom exactly alike.
    let foreseen = Int(Double(bytes.count) / share * 1.125)
    bytes.reserveCapacity(max(bytes.count + count, foreseen))
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
    bytes.append(addingCapacity: JSONWriter.capacity(ofString: text)) {
      JSONWriter.append(string: text, to: &$0)
    }
    needsComma = true
  }

  /// Writes a member with a string value, both given by their UTF-8 bytes.
  mutating func member(utf8 name: Span<UInt8>, _ value: Span<UInt8>) {
    separate()
    let capacity =
      JSONWriter.capacity(ofString: name) + JSONWriter.capacity(ofString: value) + 1
    bytes.append(addingCapacity: capacity) { output in
      JSONWriter.append(string: name, to: &output)
      output.append(UInt8(ascii: ":"))
      JSONWriter.append(string: value, to: &output)
    }
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
    array { json in
      json.timestamp(Timestamp(milliseconds: timestampMilliseconds))
      json.string(float: value)
    }
  }

  /// Writes a sample as ``sample(timestampMilliseconds:value:)`` does.
  ///
  /// - Parameter openings: The beginnings of samples at such times.
  mutating func sample(_ sample: Sample, _ openings: SampleOpenings) {
    separate()
    bytes.append(addingCapacity: JSONWriter.sampleCapacity) { output in
      var place = 0
      JSONWriter.append(
        sample.timestamp.milliseconds, sample.value, openings, after: &place, to: &output)
    }
    needsComma = true
  }

  /// Writes the samples of a series that has numbers only, as elements.
  ///
  /// - Parameter openings: The beginnings of samples at such times.
  /// - Precondition: There are any.
  mutating func samples(_ samples: SampleColumns, _ openings: SampleOpenings) {
    separate()
    bytes.append(addingCapacity: samples.count * JSONWriter.sampleCapacity) { output in
      var place = 0
      for index in 0..<samples.count {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        JSONWriter.append(
          samples.timestamps[index], samples.values[index], openings, after: &place, to: &output)
      }
    }
    needsComma = true
  }

  /// The most bytes of a sample, and a comma.
  static let sampleCapacity = SampleOpenings.capacity + jsonFloatCapacity + 3

  @inline(__always)
  private static func append(
    _ timestamp: Int64, _ value: Double, _ openings: SampleOpenings, after place: inout Int,
    to output: inout OutputSpan<UInt8>
  ) {
    openings.append(timestamp, after: &place, to: &output)
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

  /// The most bytes of `text` as a string.
  private static func capacity(ofString text: Span<UInt8>) -> Int { 6 * text.count + 2 }

  /// Appends `text` in quotes, with the escapes that JSON demands.
  ///
  /// - Precondition: `output` has room for ``capacity(ofString:)`` bytes.
  private static func append(string text: Span<UInt8>, to output: inout OutputSpan<UInt8>) {
    output.append(UInt8(ascii: "\""))
    if text.needsEscapes {
      appendEscaped(text, to: &output)
    } else {
      output.append(text)
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func appendEscaped(_ text: Span<UInt8>, to output: inout OutputSpan<UInt8>) {
    for index in text.indices {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        output.append("\\".utf8.span)
        output.append(byte)
      case UInt8(ascii: "\n"):
        output.append("\\n".utf8.span)
      case UInt8(ascii: "\r"):
        output.append("\\r".utf8.span)
      case UInt8(ascii: "\t"):
        output.append("\\t".utf8.span)
      case 0..<0x20:
        output.append("\\u00".utf8.span)
        output.append(hexadecimalDigit(byte >> 4))
        output.append(hexadecimalDigit(byte & 0xF))
      default:
        output.append(byte)
      }
    }
  }

  private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}

extension Span<UInt8> {
  /// True when the text cannot stand in a JSON string as it is.
  fileprivate var needsEscapes: Bool {
    // Without a branch for each byte.
    var needsEscapes = false
    for index in indices {
      let byte = self[index]
      needsEscapes =
        needsEscapes || byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
    return needsEscapes
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

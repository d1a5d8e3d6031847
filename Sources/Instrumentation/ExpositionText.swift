/// The pieces of the Prometheus text format, version 0.0.4.
enum ExpositionText {
  /// True for `[a-zA-Z_:][a-zA-Z0-9_:]*`.
  static func isMetricName(_ text: String) -> Bool {
    isName(text) { $0 == UInt8(ascii: ":") }
  }

  /// True for `[a-zA-Z_][a-zA-Z0-9_]*`.
  static func isLabelName(_ text: String) -> Bool {
    isName(text) { _ in false }
  }

  private static func isName(_ text: String, _ isExtra: (UInt8) -> Bool) -> Bool {
    guard let first = text.utf8.first else { return false }
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return digits.contains(first) == false
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          digits, UInt8(ascii: "_"):
          true
        default: isExtra(byte)
        }
      }
  }

  /// The `# HELP` line, unless `help` is empty, and the `# TYPE` line.
  static func header(name: String, help: String, kind: MetricKind) -> [UInt8] {
    var text = ""
    if help.isEmpty == false {
      text += "# HELP \(name) \(escaped(help, quotes: false))\n"
    }
    text += "# TYPE \(name) \(kind.rawValue)\n"
    return Array(text.utf8)
  }

  /// `text` with backslashes and line ends escaped, and double quotes too if
  /// `quotes` is set.
  static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    // By scalars: a line end after a carriage return is no character of its own.
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// Appends `prefix`, the value and a line end.
  static func appendLine(_ prefix: [UInt8], _ value: Double, to output: inout [UInt8]) {
    output.append(contentsOf: prefix)
    output.append(contentsOf: float(value).utf8)
    output.append(UInt8(ascii: "\n"))
  }

  /// The fewest digits that read back as `value`, with an exponent below 1e-4
  /// and from 1e6 on, as Go's `'g'` format has it.
  static func float(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if value.magnitude < 1e6, let integer = Int(exactly: value), value.sign == .plus || integer != 0
    {
      return String(integer)
    }
    let decimal = ShortestDecimal(value.magnitude)
    return (value.sign == .minus ? "-" : "") + decimal.text
  }
}

/// The name and labels of a series, as the text format writes them.
struct SeriesName: Sendable {
  /// The name of the samples.
  let base: String
  /// The labels as they stand between the braces; empty when there are none.
  private var labels: String

  init(_ base: String) {
    self.init(base, labels: "")
  }

  private init(_ base: String, labels: String) {
    self.base = base
    self.labels = labels
  }

  /// The same labels under a name that ends in `suffix`.
  func suffixed(_ suffix: String) -> SeriesName {
    SeriesName(base + suffix, labels: labels)
  }

  /// The same name with further labels.
  func adding(labels further: some Sequence<(String, String)>) -> SeriesName {
    var copy = self
    for (name, value) in further {
      if copy.labels.isEmpty == false { copy.labels += "," }
      copy.labels += "\(name)=\"\(ExpositionText.escaped(value, quotes: true))\""
    }
    return copy
  }

  /// What stands before the value in the line of a sample.
  func linePrefix() -> [UInt8] {
    Array((labels.isEmpty ? "\(base) " : "\(base){\(labels)} ").utf8)
  }
}

/// A number as `d.ddd` times a power of ten, in its fewest digits.
private struct ShortestDecimal {
  /// ASCII digits, without zeros at either end unless the number is 0.
  private var digits: [UInt8] = []
  /// The power of ten of the first digit.
  private var exponent = 0

  /// Takes the digits from the standard library, which writes the fewest but
  /// puts the exponent elsewhere.
  ///
  /// - Precondition: `magnitude` is finite and not negative.
  init(_ magnitude: Double) {
    let parts = magnitude.description.split(separator: "e")
    let places = parts[0].split(separator: ".")
    let written = places.joined().utf8
    let leadingZeros = written.prefix { $0 == UInt8(ascii: "0") }.count
    digits = Array(written.dropFirst(leadingZeros))
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    exponent = places[0].utf8.count - 1 - leadingZeros
    if parts.count > 1, let power = Int(parts[1]) { exponent += power }
    if digits.isEmpty {
      digits = [UInt8(ascii: "0")]
      exponent = 0
    }
  }

  var text: String {
    let zero = UInt8(ascii: "0")
    var bytes: [UInt8] = []
    if exponent < -4 || exponent >= 6 {
      bytes.append(digits[0])
      if digits.count > 1 {
        bytes.append(UInt8(ascii: "."))
        bytes += digits.dropFirst()
      }
      let power = String(exponent.magnitude)
      bytes += Array("e\(exponent < 0 ? "-" : "+")\(power.utf8.count < 2 ? "0" : "")\(power)".utf8)
    } else if exponent < 0 {
      bytes += Array("0.".utf8) + Array(repeating: zero, count: -1 - exponent) + digits
    } else {
      let whole = digits.prefix(exponent + 1)
      bytes += whole + Array(repeating: zero, count: exponent + 1 - whole.count)
      if digits.count > whole.count {
        bytes.append(UInt8(ascii: "."))
        bytes += digits.dropFirst(whole.count)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

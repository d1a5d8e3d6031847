import SeriesModel

/// Durations as Prometheus writes them: `1h30m`, `15d`, `500ms`.
///
/// Units stand from the longest to the shortest, each at most once, with whole
/// numbers: `y` (365 days), `w`, `d`, `h`, `m`, `s`, `ms`. A plain `0` is a
/// duration too.
package enum DurationSyntax {
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000),
    ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  /// The longest duration, some 292 years: what Go's nanoseconds can hold.
  private static let maximumMilliseconds = Int64.max / 1_000_000

  /// Reads the duration that fills `text` from end to end.
  ///
  /// - Returns: Milliseconds, 0 or more.
  package static func parse(_ text: String) throws(DurationError) -> Int64 {
    guard !text.isEmpty else { throw .empty }
    if text == "0" { return 0 }
    var rest = Substring(text).utf8
    var nextUnit = 0
    var total: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix(while: \.isDigit)
      rest = rest.dropFirst(digits.count)
      let letters = rest.prefix { !$0.isDigit }
      rest = rest.dropFirst(letters.count)
      guard let count = Int64(String(Substring(digits))), !letters.isEmpty else {
        throw .malformed(text)
      }
      guard let unit = units.firstIndex(where: { $0.name.utf8.elementsEqual(letters) }) else {
        throw .unknownUnit(String(Substring(letters)), in: text)
      }
      guard unit >= nextUnit else { throw .malformed(text) }
      nextUnit = unit + 1
      let (part, isTooLarge) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
      guard !isTooLarge, part <= maximumMilliseconds - total else { throw .outOfRange }
      total += part
    }
    return total
  }

  /// The shortest text of a duration that reads back as the same: years and
  /// weeks only where nothing is left over, as Prometheus does.
  ///
  /// - Parameter milliseconds: May be negative; the text then begins with `-`.
  package static func text(milliseconds: Int64) -> String {
    guard milliseconds != 0 else { return "0s" }
    var rest = milliseconds.magnitude
    var text = milliseconds < 0 ? "-" : ""
    for (name, length) in units {
      let length = UInt64(length)
      let mustBeWhole = name == "y" || name == "w"
      guard rest >= length, !mustBeWhole || rest % length == 0 else { continue }
      text += "\(rest / length)\(name)"
      rest %= length
    }
    return text
  }
}

/// Reads a Prometheus duration such as `1h30m`.
///
/// - Returns: Milliseconds, 0 or more; nil if `text` is no duration. See
///   ``DurationSyntax/parse(_:)`` for the reason.
package func parseDuration(_ text: String) -> Int64? {
  do throws(DurationError) {
    return try DurationSyntax.parse(text)
  } catch {
    return nil
  }
}

/// Why a text is no duration.
public enum DurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no text.
  case empty
  /// The text does not follow the form.
  case malformed(String)
  /// What follows a number is no unit.
  case unknownUnit(String, in: String)
  /// The duration is longer than some 292 years.
  case outOfRange

  /// The message as Prometheus words it.
  public var description: String {
    switch self {
    case .empty: "empty duration string"
    case .malformed(let text): "not a valid duration string: \(text.quotedForPromQL)"
    case .unknownUnit(let unit, let text):
      "unknown unit \(unit.quotedForPromQL) in duration \(text.quotedForPromQL)"
    case .outOfRange: "duration out of range"
    }
  }
}

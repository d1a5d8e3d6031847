import Numbers
import PromQLSyntax
import SeriesModel

/// Takes words from the beginning of a line.
struct WordScanner {
  private(set) var rest: Substring

  init(_ line: String) {
    rest = line[...]
  }

  /// The next word, or nothing at the end of the line.
  mutating func word() -> String {
    rest = rest.drop(while: \.isWhitespace)
    let word = rest.prefix { $0.isWhitespace == false }
    rest = rest.dropFirst(word.count)
    return String(word)
  }

  /// Takes the next word if it is this one.
  mutating func take(_ wanted: String) -> Bool {
    var ahead = self
    guard ahead.word() == wanted else { return false }
    self = ahead
    return true
  }

  /// What is left of the line, without blanks around it.
  var remainder: String {
    var text = rest.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

/// The number in a script's text: decimal, octal with a leading 0, hexadecimal,
/// infinite or NaN; nil for anything else.
func scriptNumber(_ text: some StringProtocol) -> Double? {
  let isSigned = text.first == "-" || text.first == "+"
  let magnitude = String(isSigned ? text.dropFirst() : text[...])
  guard magnitude.first != "-", magnitude.first != "+" else { return nil }
  do throws(NumberSyntax.Failure) {
    let value = try NumberSyntax.value(of: magnitude)
    return text.first == "-" ? -value : value
  } catch {
    return nil
  }
}

/// The duration in a script's text, in milliseconds.
func scriptDuration(_ text: some StringProtocol) throws(NotationError) -> Int64 {
  do throws(DurationError) {
    return try DurationSyntax.parse(String(text))
  } catch {
    throw NotationError("\(error)")
  }
}

/// The number after a repetition's `x`.
///
/// - Throws: When there is no number, or it is too high for a script.
func repetitionCount(_ text: some StringProtocol) throws(NotationError) -> Int {
  guard let count = Int(text), count >= 0 else {
    throw NotationError("\"x\(text)\" does not say how often")
  }
  guard count <= SeriesNotation.maximumCount else {
    throw NotationError(
      "\(count) values in one series are more than \(SeriesNotation.maximumCount)")
  }
  return count
}

/// A time in milliseconds as a script writes it.
func timeText(_ milliseconds: Int64) -> String {
  milliseconds == 0 ? "0" : DurationSyntax.text(milliseconds: milliseconds)
}

/// A number in the shortest form that reads back as the same.
func numberText(_ value: Double) -> String {
  value.isStaleMarker ? "stale" : floatText(value, as: .compact)
}

/// The characters all of `patterns` begin with; nil if there are none.
func commonPrefix(of patterns: [WildcardPattern]) -> String? {
  guard let first = patterns.first?.prefix else { return nil }
  var count = first.count
  for pattern in patterns.dropFirst() {
    count = zip(first.prefix(count), pattern.prefix).prefix { $0 == $1 }.count
  }
  // A character of which only the first bytes are common is not common.
  while count > 0, count < first.count, UTF8.isContinuation(first[count]) { count -= 1 }
  return count == 0 ? nil : String(decoding: first.prefix(count), as: UTF8.self)
}

/// The characters every match of `source` begins with, as far as a look at its
/// beginning tells; nil if there are none or one can't be sure.
///
/// `source` compiles and is no list of wildcard patterns.
func leadingLiteral(of source: String) -> String? {
  guard !hasOuterAlternatives(source) else { return nil }
  var rest = Substring(source).unicodeScalars
  if rest.first == "^" { rest.removeFirst() }
  var prefix = String.UnicodeScalarView()
  while let scalar = WildcardParser.popLiteral(from: &rest) { prefix.append(scalar) }
  if !prefix.isEmpty, mayQuantifyWhatPrecedes(rest) { prefix.removeLast() }
  // RE2 sees an invalid byte as the replacement character.
  if let end = prefix.firstIndex(of: "\u{FFFD}") { prefix.removeSubrange(end...) }
  return prefix.isEmpty ? nil : String(prefix)
}

/// Whether a quantifier in `rest` may apply to the character before it, which
/// then may be absent.
///
/// Flags and empty quotations don't come in between: `b(?i)?` is `b?`.
private func mayQuantifyWhatPrecedes(_ rest: Substring.UnicodeScalarView) -> Bool {
  guard let next = rest.first else { return false }
  let second = rest.dropFirst().first
  switch next {
  case ".", "[": return false
  case "(": return second == "?"
  case "\\": return second == "Q" || second == "E"
  default: return true
  }
}

/// Whether `source` may have a bar outside of all groups.
///
/// A bar in a class or a quotation counts as one if parentheses there could
/// mislead: a prefix less costs time, a wrong one results.
private func hasOuterAlternatives(_ source: String) -> Bool {
  guard source.unicodeScalars.contains("|") else { return false }
  var depth = 0
  var isEscaped = false
  for scalar in source.unicodeScalars {
    if isEscaped {
      if scalar == "Q" { return true }
      isEscaped = false
      continue
    }
    switch scalar {
    case "\\": isEscaped = true
    case "[": return true
    case "(": depth += 1
    case ")": depth -= 1
    case "|": if depth == 0 { return true }
    default: break
    }
  }
  return false
}

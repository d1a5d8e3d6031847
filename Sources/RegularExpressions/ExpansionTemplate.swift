/// A replacement text with references to groups: `$1`, `${1}`, `$name` and
/// `${name}`, and `$$` for a dollar sign.
///
/// A name is as long as letters, digits and underscores follow: `$1x` refers to
/// a group called "1x", `${1}x` to the first group. References to groups that
/// don't exist are empty, and a `$` before anything else stands for itself, as
/// in Go's `Regexp.Expand`.
package struct ExpansionTemplate: Sendable {
  enum Part: Equatable, Sendable {
    case text(String)
    case groupNumber(Int)
    case groupName(String)
  }

  let parts: [Part]

  /// Splits `text` into its parts. There are no malformed templates.
  package init(_ text: String) {
    var parts: [Part] = []
    var literal = String.UnicodeScalarView()
    var rest = Substring(text).unicodeScalars
    while let scalar = rest.popFirst() {
      if scalar != "$" {
        literal.append(scalar)
      } else if rest.first == "$" {
        rest.removeFirst()
        literal.append(scalar)
      } else if let reference = Self.reference(from: &rest) {
        if !literal.isEmpty { parts.append(.text(String(literal))) }
        literal = String.UnicodeScalarView()
        parts.append(reference)
      } else {
        literal.append(scalar)
      }
    }
    if !literal.isEmpty { parts.append(.text(String(literal))) }
    self.parts = parts
  }

  /// Takes the reference whose dollar sign was just read; nil, and `rest`
  /// unchanged, if there is none.
  private static func reference(from rest: inout Substring.UnicodeScalarView) -> Part? {
    let hasBraces = rest.first == "{"
    let body = hasBraces ? rest.dropFirst() : rest
    let name = body.prefix(while: \.isPartOfName)
    guard !name.isEmpty else { return nil }
    if hasBraces {
      guard name.endIndex < body.endIndex, body[name.endIndex] == "}" else { return nil }
      rest = body[body.index(after: name.endIndex)...]
    } else {
      rest = body[name.endIndex...]
    }
    return groupNumber(name).map { .groupNumber($0) } ?? .groupName(String(name))
  }

  /// The number `name` spells; nil if it has other characters than digits, a
  /// needless zero, or more digits than any group's number.
  private static func groupNumber(_ name: Substring.UnicodeScalarView) -> Int? {
    guard name.count == 1 || name.first != "0", name.count <= 9,
      name.allSatisfy({ ("0"..."9").contains($0) })
    else { return nil }
    return Int(String(name))
  }
}

extension Unicode.Scalar {
  /// Whether the scalar is a letter, a decimal digit or an underscore.
  fileprivate var isPartOfName: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .decimalNumber:
      true
    default:
      self == "_"
    }
  }
}

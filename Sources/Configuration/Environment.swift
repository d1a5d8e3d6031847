import Glibc

/// The value of an environment variable of this process, or nil.
package func environmentVariable(_ name: String) -> String? {
  // Safety: the value is copied at once; nothing here changes the environment.
  unsafe getenv(name).map { unsafe String(cString: $0) }
}

/// Replaces `$NAME` and `${NAME}` in `text`; `$$` stands for one dollar.
///
/// A dollar that no name follows stays as it is.
///
/// - Parameter value: The value of a variable, or nil; then it counts as empty
///   and its name is among `unsetNames`.
func expandingVariables(
  in text: String, _ value: (String) -> String?
) -> (text: String, unsetNames: [String]) {
  var expanded = ""
  var unsetNames: [String] = []
  var rest = text[...]
  func isNameCharacter(_ character: Character) -> Bool {
    character == "_" || character.isASCII && (character.isLetter || character.isNumber)
  }
  while let dollar = rest.firstIndex(of: "$") {
    expanded += rest[..<dollar]
    rest = rest[rest.index(after: dollar)...]
    if rest.first == "$" {
      expanded += "$"
      rest = rest.dropFirst()
      continue
    }
    let isBraced = rest.first == "{"
    let name = rest.dropFirst(isBraced ? 1 : 0).prefix(while: isNameCharacter)
    let after = rest[name.endIndex...]
    guard name.isEmpty == false, isBraced == false || after.first == "}" else {
      expanded += "$"
      continue
    }
    rest = isBraced ? after.dropFirst() : after
    if let replacement = value(String(name)) {
      expanded += replacement
    } else {
      unsetNames.append(String(name))
    }
  }
  return (expanded + rest, unsetNames)
}

/// A place in a text file.
package struct TextPosition: Hashable, Comparable, Sendable {
  /// The line, counted from 1.
  package var line: Int
  /// The column in characters, counted from 1.
  package var column: Int

  /// Creates a position.
  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  package static func < (left: TextPosition, right: TextPosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}

/// One value of a YAML document, with its place.
///
/// Aliases are replaced by what they stand for; the parts are shared.
struct YAMLNode: Sendable {
  enum Content: Sendable {
    /// A text. A plain one, without quotes, may also be a number or a word
    /// such as `true` or `null`: what it is depends on the field.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([YAMLEntry])
  }

  var content: Content
  /// Where the value starts.
  var position: TextPosition
  /// The value's characters in the text, as offsets of Unicode scalars.
  var characters: Range<Int>
  /// The number of values below this one and itself, aliases counted in full.
  var weight: Int

  /// True for what stands for no value: nothing, `~` or `null`.
  var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// True for no value and for a collection without elements.
  var isEmpty: Bool {
    switch content {
    case .scalar: isNull
    case .sequence(let items): items.isEmpty
    case .mapping(let entries): entries.isEmpty
    }
  }

  /// The text of a scalar that is not null.
  var text: String? {
    guard case .scalar(let text, _) = content, isNull == false else { return nil }
    return text
  }

  /// The elements of a sequence; none for anything else.
  var items: [YAMLNode] {
    if case .sequence(let items) = content { items } else { [] }
  }

  /// The entries of a mapping; none for anything else.
  var entries: [YAMLEntry] {
    if case .mapping(let entries) = content { entries } else { [] }
  }

  /// The value of the mapping's key `name`, unless it is null.
  subscript(name: String) -> YAMLNode? {
    guard let entry = entries.first(where: { $0.key == name }), entry.value.isNull == false
    else { return nil }
    return entry.value
  }

  /// What the value is, in words for messages.
  var kindName: String {
    switch content {
    case .scalar: isNull ? "nothing" : "a single value"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// One key of a YAML mapping with its value.
struct YAMLEntry: Sendable {
  var key: String
  var keyPosition: TextPosition
  var value: YAMLNode
}

/// Why a text is no YAML document that we read.
struct YAMLError: Error, Equatable {
  var position: TextPosition
  var message: String
}

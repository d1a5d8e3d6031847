/// The header fields of a message, in the order they were sent or added.
///
/// Names are compared without regard to ASCII case, as HTTP demands, and keep
/// their spelling. A name may occur more than once.
package struct Headers: Sendable {
  /// One header line.
  package struct Field: Sendable, Equatable {
    /// The name as it was spelled.
    package let name: String
    /// The value without surrounding blanks.
    package let value: String

    /// Creates a field.
    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// All fields, repeated names included.
  package private(set) var fields: [Field] = []

  /// Creates headers from name and value pairs.
  package init(_ pairs: [(name: String, value: String)] = []) {
    fields = pairs.map { Field(name: $0.name, value: $0.value) }
  }

  /// The value of the first field of that name; setting replaces all of them,
  /// setting `nil` removes them.
  ///
  /// - Complexity: O(*n*) in the number of fields.
  package subscript(name: String) -> String? {
    get {
      fields.first { equalIgnoringASCIICase($0.name, name) }?.value
    }
    set {
      fields.removeAll { equalIgnoringASCIICase($0.name, name) }
      if let newValue { fields.append(Field(name: name, value: newValue)) }
    }
  }

  /// The values of all fields of that name, in order.
  package func all(_ name: String) -> [String] {
    fields.filter { equalIgnoringASCIICase($0.name, name) }.map(\.value)
  }

  /// Adds a field and keeps those that have the same name.
  package mutating func add(_ name: String, _ value: String) {
    fields.append(Field(name: name, value: value))
  }
}

/// Compares two texts as HTTP compares header names and media types.
func equalIgnoringASCIICase(_ left: some StringProtocol, _ right: some StringProtocol) -> Bool {
  func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }
  return left.utf8.elementsEqual(right.utf8) { lowercased($0) == lowercased($1) }
}

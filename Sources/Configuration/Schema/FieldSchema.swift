/// What a field of the configuration holds.
indirect enum FieldKind: Sendable {
  case text
  /// A text that is never shown again.
  case secret
  /// A URL, whose password is never shown again.
  case url
  /// `true` or `false`.
  case boolean
  /// A whole number from 0 on.
  case count
  /// Any number.
  case number
  /// A duration such as `1h30m`.
  case duration
  /// A size such as `10MB`.
  case size
  case list(of: FieldKind)
  /// A mapping with free keys.
  case dictionary(of: FieldKind)
  case section(FieldSchema)
  /// Not looked into.
  case anything
}

/// What becomes of a field that a file gives.
enum FieldTreatment: Sendable {
  /// It has its effect.
  case served
  /// It changes nothing that this server does; nobody needs to be told.
  case silent
  /// It has no effect yet, and the user is told.
  case ignored
  /// Leaving it out would change what is scraped or stored, so the file is
  /// refused, unless the value is one of these, which ask for nothing.
  case refused(unless: [String] = [])
}

/// One row of a schema.
struct FieldRow: Sendable {
  var name: String
  var kind: FieldKind
  var treatment: FieldTreatment

  init(_ name: String, _ kind: FieldKind, _ treatment: FieldTreatment = .silent) {
    self.name = name
    self.kind = kind
    self.treatment = treatment
  }
}

/// The fields of one mapping of the configuration.
struct FieldSchema: Sendable {
  let rows: [FieldRow]
  private let rowsByName: [String: Int]

  init(_ rows: [FieldRow]) {
    self.rows = rows
    rowsByName = Dictionary(uniqueKeysWithValues: zip(rows.map(\.name), rows.indices))
  }

  subscript(name: String) -> FieldRow? {
    rowsByName[name].map { rows[$0] }
  }

  var names: [String] { rows.map(\.name) }
}

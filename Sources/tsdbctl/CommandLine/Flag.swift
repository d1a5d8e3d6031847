/// One row of a command's flag table: it gives parsing, help and hints.
struct Flag: Sendable {
  /// What may follow the flag's name.
  enum Kind: Sendable {
    /// Nothing, `=true` or `=false`; `--no-NAME` is the same as `=false`.
    case toggle
    /// A value, shown in the help as the placeholder, such as `<duration>`.
    case value(String)
  }

  /// The name without dashes.
  let name: String
  /// A letter that stands for the name after a single dash.
  var shortName: Character?
  /// A name that others know the flag by: not accepted, but understood enough
  /// to be told this one.
  var formerName: String?
  let kind: Kind
  /// The value when the flag is not given; nil when there is none.
  let defaultValue: String?
  /// True when the flag may be given several times.
  let isRepeatable: Bool
  /// One or two sentences for the help.
  let help: String

  /// A flag that takes a value.
  static func value(
    _ name: String, _ placeholder: String, default defaultValue: String? = nil,
    isRepeatable: Bool = false, formerName: String? = nil, _ help: String
  ) -> Flag {
    Flag(
      name: name, formerName: formerName, kind: .value("<\(placeholder)>"),
      defaultValue: defaultValue,
      isRepeatable: isRepeatable, help: help)
  }

  /// A flag that is on or off, and off unless given or said otherwise.
  static func toggle(
    _ name: String, short shortName: Character? = nil, isOn: Bool = false, _ help: String
  ) -> Flag {
    Flag(
      name: name, shortName: shortName, kind: .toggle, defaultValue: isOn ? "true" : "false",
      isRepeatable: false,
      help: help)
  }

  /// The flag as the help shows it.
  var synopsis: String {
    switch kind {
    case .toggle: shortName.map { "-\($0), --\(name)" } ?? "--\(name)"
    case .value(let placeholder): "--\(name)=\(placeholder)"
    }
  }
}

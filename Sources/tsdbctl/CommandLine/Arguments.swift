import Configuration

/// The arguments of a command, checked against its flag table.
struct Arguments: Sendable {
  /// What is not a flag, in the order given.
  let operands: [String]
  /// The flags given, by name; every value of a repeated flag.
  private let given: [String: [String]]
  private let flags: [String: Flag]

  /// Parses what follows the command's words.
  ///
  /// `--name=value` and `--name value` are the same. `--` ends the flags.
  ///
  /// - Throws: ``UsageError`` for an unknown flag, with the nearest name.
  init(_ arguments: some Collection<String>, flags table: [Flag]) throws(UsageError) {
    var operands: [String] = []
    var given: [String: [String]] = [:]
    let flags = Dictionary(uniqueKeysWithValues: table.map { ($0.name, $0) })
    var rest = Array(arguments)[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        operands += rest
        break
      }
      guard argument.hasPrefix("--") || Arguments.isShortFlag(argument) else {
        operands.append(argument)
        continue
      }
      let (flag, value) = try Arguments.flag(argument, following: &rest, in: flags)
      if flag.isRepeatable == false, given[flag.name] != nil {
        throw UsageError("flag --\(flag.name) is given twice")
      }
      given[flag.name, default: []].append(value)
    }
    self.operands = operands
    self.given = given
    self.flags = flags
  }

  /// A negative number is an operand, not a flag.
  private static func isShortFlag(_ argument: String) -> Bool {
    guard argument.hasPrefix("-"), let second = argument.dropFirst().first else { return false }
    return second.isNumber == false && second != "."
  }

  private static func flag(
    _ argument: String, following rest: inout ArraySlice<String>, in flags: [String: Flag]
  ) throws(UsageError) -> (Flag, value: String) {
    let text = argument.drop { $0 == "-" }
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    var name = String(parts.first ?? "")
    let isLong = argument.hasPrefix("--")
    if isLong == false,
      let long = flags.values.first(where: { $0.shortName.map(String.init) == name })
    {
      return try self.flag(
        "--" + long.name + text.dropFirst(name.count), following: &rest, in: flags)
    }
    let attached = parts.count == 2 ? String(parts[1]) : nil
    var isNegated = false
    if flags[name] == nil, name.hasPrefix("no-"),
      case .toggle = flags[String(name.dropFirst(3))]?.kind
    {
      name = String(name.dropFirst(3))
      isNegated = true
    }
    guard isLong, let flag = flags[name] else {
      let nearest =
        flags.values.first { $0.formerName == name }?.name
        ?? nearestName(to: name, among: flags.keys.sorted())
      throw UsageError(
        "unknown flag \(argument.prefix { $0 != "=" })",
        hint: nearest.map { "did you mean --\($0)?" })
    }
    switch flag.kind {
    case .toggle:
      guard let attached else { return (flag, isNegated ? "false" : "true") }
      guard isNegated == false, attached == "true" || attached == "false" else {
        throw UsageError("flag --\(name) is on or off, and takes no value \"\(attached)\"")
      }
      return (flag, attached)
    case .value(let placeholder):
      guard let value = attached ?? rest.popFirst(), value.isEmpty == false else {
        throw UsageError("flag --\(name) needs a value: --\(name)=\(placeholder)")
      }
      return (flag, value)
    }
  }

  /// The last value given for a flag, else its default, else nil.
  ///
  /// - Precondition: The command's table has the flag.
  subscript(name: String) -> String? {
    given[name]?.last ?? declaration(of: name).defaultValue
  }

  /// Every value given for a repeatable flag, else its default, else nothing.
  func all(_ name: String) -> [String] {
    given[name] ?? declaration(of: name).defaultValue.map { [$0] } ?? []
  }

  /// True when a toggle is on.
  func isOn(_ name: String) -> Bool {
    self[name] == "true"
  }

  /// True when the flag was given, whatever its value.
  func isGiven(_ name: String) -> Bool {
    given[name] != nil
  }

  /// Every flag of the command with its value; an absent one is empty.
  var effectiveValues: [String: String] {
    flags.mapValues { given[$0.name]?.joined(separator: ",") ?? $0.defaultValue ?? "" }
  }

  private func declaration(of name: String) -> Flag {
    guard let flag = flags[name] else { preconditionFailure("no flag --\(name) in the table") }
    return flag
  }
}

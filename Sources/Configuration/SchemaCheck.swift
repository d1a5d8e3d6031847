import PromQLSyntax

/// Compares a document with the schema.
///
/// After a check without errors every field is known, and every value is of
/// the kind its field wants, so that reading it can't fail on its form.
struct SchemaCheck {
  var messages: ConfigurationMessages
  /// Characters of the text that must not be shown, with what to show.
  private(set) var secrets: [(characters: Range<Int>, shownAs: String)] = []
  private let root: YAMLNode

  init(_ root: YAMLNode, _ messages: ConfigurationMessages) {
    self.root = root
    self.messages = messages
  }

  /// Checks the whole document.
  mutating func run() {
    guard case .mapping = root.content else {
      messages.addError(
        "expected a mapping with fields such as scrape_configs, "
          + "found \(root.kindName)", at: root.position)
      return
    }
    check(root, .file, path: "")
  }

  private mutating func check(_ node: YAMLNode, _ schema: FieldSchema, path: String) {
    for entry in node.entries {
      guard let row = schema[entry.key] else {
        let place = path.isEmpty ? "at the top level" : "in \(path)"
        messages.addError(
          "unknown field \"\(entry.key)\" \(place)\(hint(for: entry, schema, path))",
          at: entry.keyPosition)
        continue
      }
      let fieldPath = path.isEmpty ? entry.key : "\(path).\(entry.key)"
      let errorCount = messages.errors.count
      check(entry.value, row.kind, path: fieldPath)
      if messages.errors.count == errorCount { apply(row, to: entry, path: path) }
    }
  }

  private mutating func apply(_ row: FieldRow, to entry: YAMLEntry, path: String) {
    guard entry.value.isEmpty == false else { return }
    switch row.treatment {
    case .served, .silent:
      break
    case .ignored:
      messages.addWarning("field \"\(entry.key)\" has no effect yet", at: entry.keyPosition)
    case .refused(let harmless):
      if let text = entry.value.text, harmless.contains(text) { return }
      let place = path.isEmpty ? "" : " in \(path)"
      messages.addError(
        "field \"\(entry.key)\"\(place) is not supported yet, and ignoring it would change "
          + "what is scraped or stored; remove it", at: entry.keyPosition)
    }
  }

  private mutating func check(_ node: YAMLNode, _ kind: FieldKind, path: String) {
    if node.isNull { return }
    switch kind {
    case .anything:
      break
    case .section(let schema):
      guard case .mapping = node.content else { return mismatch(node, "a mapping", path) }
      check(node, schema, path: path)
    case .list(let element):
      guard case .sequence(let items) = node.content else { return mismatch(node, "a list", path) }
      for (index, item) in items.enumerated() { check(item, element, path: "\(path)[\(index)]") }
    case .dictionary(let element):
      guard case .mapping(let entries) = node.content else {
        return mismatch(node, "a mapping", path)
      }
      for entry in entries { check(entry.value, element, path: "\(path).\(entry.key)") }
    default:
      guard let text = node.text else { return mismatch(node, "a single value", path) }
      checkScalar(text, node, kind, path: path)
    }
  }

  private mutating func checkScalar(
    _ text: String, _ node: YAMLNode, _ kind: FieldKind, path: String
  ) {
    switch kind {
    case .boolean:
      if parseBoolean(text) == nil { mismatch(node, "true or false", path, found: text) }
    case .count:
      if UInt32(text) == nil { mismatch(node, "a whole number from 0 on", path, found: text) }
    case .number:
      if Double(text) == nil { mismatch(node, "a number", path, found: text) }
    case .duration:
      if parseDuration(text) == nil {
        mismatch(node, "a duration such as 15s or 1h30m", path, found: text)
      }
    case .size:
      if parseByteSize(text) == nil { mismatch(node, "a size such as 10MB", path, found: text) }
    case .secret:
      secrets.append((node.characters, "<secret>"))
    case .url:
      if let shown = hidingPassword(ofURL: text) { secrets.append((node.characters, shown)) }
    default:
      break
    }
  }

  private mutating func mismatch(
    _ node: YAMLNode, _ wanted: String, _ path: String, found: String? = nil
  ) {
    let found = found.map { "\"\($0.prefix(60))\"" } ?? node.kindName
    messages.addError("expected \(wanted) for \(path), found \(found)", at: node.position)
  }
}

extension SchemaCheck {
  /// What an unknown field was probably meant to be, in parentheses.
  private func hint(for entry: YAMLEntry, _ schema: FieldSchema, _ path: String) -> String {
    if path.isEmpty {
      if FieldSchema.scrape[entry.key] != nil, let index = indexOfScrapeConfiguration(before: entry)
      {
        return " (did you mean to indent it under scrape_configs[\(index)]?)"
      }
      if FieldSchema.global[entry.key] != nil { return " (did you mean to put it under global?)" }
      if FieldSchema.scrape[entry.key] != nil {
        return " (did you mean to put it under an element of scrape_configs?)"
      }
    }
    guard let name = nearestName(to: entry.key, among: schema.names) else { return "" }
    return " (did you mean \"\(name)\"?)"
  }

  /// The last element of `scrape_configs` that stands before an entry of the
  /// top level: a field that belongs to it was left without indentation.
  private func indexOfScrapeConfiguration(before entry: YAMLEntry) -> Int? {
    let elements = root["scrape_configs"]?.items ?? []
    return elements.lastIndex { $0.position < entry.keyPosition }
  }
}

/// Reads a YAML 1.1 truth value.
func parseBoolean(_ text: String) -> Bool? {
  switch text.lowercased() {
  case "true", "yes", "on", "y": true
  case "false", "no", "off", "n": false
  default: nil
  }
}

/// The URL with its password replaced; nil when it has none.
private func hidingPassword(ofURL url: String) -> String? {
  guard let scheme = url.firstRange(of: "://") else { return nil }
  let rest = url[scheme.upperBound...]
  let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
  guard let at = authority.lastIndex(of: "@"),
    let colon = authority[..<at].firstIndex(of: ":")
  else { return nil }
  return String(url[...colon]) + "xxxxx" + String(url[at...])
}

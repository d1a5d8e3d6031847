/// Bounds on what a YAML document may hold.
enum YAMLLimits {
  /// The most bytes of a document.
  static let byteCount = 16 << 20
  /// The most collections that may be nested.
  static let depth = 64
  /// The most values, where each use of an alias counts all it stands for.
  static let valueCount = 1_000_000
}

extension YAMLNode {
  /// Reads the one document of `text`; nil when it holds no value.
  ///
  /// Refused are keys that stand twice in a mapping, keys that are no single
  /// value, a second document, and whatever exceeds ``YAMLLimits``: also a
  /// document that is small as text and immense when its aliases are replaced.
  /// The key `<<` merges mappings.
  static func document(of text: String) throws(YAMLError) -> YAMLNode? {
    let bytes = Array(text.utf8)
    let start = TextPosition(line: 1, column: 1)
    guard bytes.count <= YAMLLimits.byteCount else {
      throw YAMLError(
        position: start, message: "the file is larger than \(YAMLLimits.byteCount >> 20) MB")
    }
    guard var reader = YAMLReader(bytes) else {
      throw YAMLError(position: start, message: "out of memory")
    }
    var builder = YAMLTreeBuilder()
    while true {
      let event = try reader.next()
      if case .streamEnd = event.kind { return builder.root }
      try builder.add(event)
    }
  }
}

/// Makes a tree of the events of a document, without recursion.
private struct YAMLTreeBuilder {
  /// The value of the document, once it is complete.
  private(set) var root: YAMLNode?
  private var openCollections: [Collection] = []
  private var anchors: [String: YAMLNode] = [:]
  private var valueCount = 0
  private var hasDocument = false

  private struct Collection {
    var isMapping: Bool
    var anchor: String?
    var position: TextPosition
    var firstCharacter: Int
    var items: [YAMLNode] = []
    var entries: [YAMLEntry] = []
    var places: [String: Int] = [:]
    /// Mappings given by `<<`, whose keys give way to the mapping's own.
    var merged: [YAMLNode] = []
    /// The key that waits for its value.
    var key: (text: String, position: TextPosition)?
    var weight = 1
  }

  mutating func add(_ event: YAMLReader.Event) throws(YAMLError) {
    switch event.kind {
    case .streamStart, .streamEnd, .documentEnd:
      break
    case .documentStart:
      guard hasDocument == false else {
        throw YAMLError(position: event.position, message: "a second document starts here")
      }
      hasDocument = true
    case .scalar(let text, let isPlain):
      let node = YAMLNode(
        content: .scalar(text, isPlain: isPlain), position: event.position,
        characters: event.characters, weight: 1)
      try addValue(node, anchor: event.anchor)
    case .alias(let name):
      guard var node = anchors[name] else {
        throw YAMLError(position: event.position, message: "unknown alias \"\(name)\"")
      }
      node.position = event.position
      try addValue(node, anchor: nil)
    case .sequenceStart, .mappingStart:
      guard openCollections.count < YAMLLimits.depth else {
        throw YAMLError(
          position: event.position,
          message: "more than \(YAMLLimits.depth) nested lists and mappings")
      }
      let isMapping = if case .mappingStart = event.kind { true } else { false }
      openCollections.append(
        Collection(
          isMapping: isMapping, anchor: event.anchor, position: event.position,
          firstCharacter: event.characters.lowerBound))
    case .sequenceEnd, .mappingEnd:
      guard let collection = openCollections.popLast() else { return }
      let node = YAMLNode(
        content: collection.isMapping
          ? .mapping(YAMLTreeBuilder.mergedEntries(of: collection)) : .sequence(collection.items),
        position: collection.position,
        characters: collection.firstCharacter..<event.characters.upperBound,
        weight: collection.weight)
      // Its parts were counted when they were added.
      try addValue(node, anchor: collection.anchor, countedBefore: collection.weight - 1)
    }
  }

  private mutating func addValue(
    _ node: YAMLNode, anchor: String?, countedBefore: Int = 0
  ) throws(YAMLError) {
    valueCount += node.weight - countedBefore
    guard valueCount <= YAMLLimits.valueCount else {
      throw YAMLError(
        position: node.position,
        message: "more than \(YAMLLimits.valueCount) values, aliases replaced")
    }
    if let anchor { anchors[anchor] = node }
    guard let last = openCollections.indices.last else {
      root = node.isNull ? nil : node
      return
    }
    if openCollections[last].isMapping == false {
      openCollections[last].items.append(node)
      openCollections[last].weight += node.weight
    } else if let key = openCollections[last].key {
      openCollections[last].key = nil
      openCollections[last].weight += node.weight
      try addEntry(YAMLEntry(key: key.text, keyPosition: key.position, value: node), at: last)
    } else {
      guard case .scalar(let text, _) = node.content else {
        throw YAMLError(position: node.position, message: "a key is \(node.kindName)")
      }
      openCollections[last].weight += 1
      openCollections[last].key = (text, node.position)
    }
  }

  private mutating func addEntry(_ entry: YAMLEntry, at index: Int) throws(YAMLError) {
    if entry.key == "<<" {
      let mappings =
        if case .sequence(let items) = entry.value.content { items } else { [entry.value] }
      for mapping in mappings {
        guard case .mapping = mapping.content else {
          throw YAMLError(
            position: mapping.position, message: "\"<<\" merges mappings, not \(mapping.kindName)")
        }
      }
      openCollections[index].merged += mappings
      return
    }
    if let place = openCollections[index].places[entry.key] {
      let first = openCollections[index].entries[place].keyPosition
      throw YAMLError(
        position: entry.keyPosition,
        message: "field \"\(entry.key)\" is given twice, first at line \(first.line)")
    }
    openCollections[index].places[entry.key] = openCollections[index].entries.count
    openCollections[index].entries.append(entry)
  }

  /// The mapping's own entries, then those merged into it, the first of equal
  /// keys winning.
  private static func mergedEntries(of collection: Collection) -> [YAMLEntry] {
    var entries = collection.entries
    var known = Set(collection.places.keys)
    for mapping in collection.merged {
      for entry in mapping.entries where known.insert(entry.key).inserted {
        entries.append(entry)
      }
    }
    return entries
  }
}

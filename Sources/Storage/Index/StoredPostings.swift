import LMDB
import SeriesModel

/// The inverted index in the tables, as a transaction sees it.
package struct StoredPostings: ~Escapable {
  let postings: PostingsTable
  private let series: SeriesTable
  let view: ReadView

  /// The index of a store.
  @_lifetime(copy view)
  package init(_ schema: Schema, in view: ReadView) {
    postings = PostingsTable(schema.postings, seed: schema.hashSeed)
    series = SeriesTable(schema.series)
    self.view = view
  }
}

extension StoredPostings: PostingsSource {
  package func postings(
    of name: String, value: String
  ) throws(StorageError) -> PostingsList {
    guard value.isEmpty == false else { return PostingsList() }
    let name = postings.nameComponent(name.utf8.span)
    let component = postings.valueComponent(value.utf8.span)
    let own = try postings.ownBlocks(name: name, value: component).ids(in: view)
    guard own.isEmpty else { return own }
    let shared = try postings.sharedBlocks(name: name).find(component.bytes, in: view) {
      block throws(BlockDamage) -> [SeriesID]? in
      var values = SharedPostingsReader(block)
      while try values.next() {
        if values.value.hasSameBytes(as: value.utf8.span) { return try values.ids() }
      }
      return nil
    }
    return PostingsList(sorted: shared ?? [])
  }

  package func postings(
    of name: String, startingWith prefix: [UInt8], whereValue isIncluded: (Span<UInt8>) -> Bool
  ) throws(StorageError) -> PostingsList {
    let component = postings.nameComponent(name.utf8.span)
    var lists: [PostingsList] = []
    _ = try containsSharedValue(of: component, startingWith: prefix) {
      values throws(BlockDamage) in
      if isIncluded(values.value) { lists.append(PostingsList(sorted: try values.ids())) }
      return false
    }
    _ = try containsOwnValue(of: name, component, startingWith: prefix) {
      value, ids throws(StorageError) in
      if isIncluded(value.span) { lists.append(try ids.ids(in: view)) }
      return false
    }
    return .union(of: lists)
  }

  package func hasLabel(
    _ name: String, among filter: SeriesRuns
  ) throws(StorageError) -> Bool {
    let component = postings.nameComponent(name.utf8.span)
    // Values with many series are the more likely ones to have one of these.
    let isOwn = try containsOwnValue(of: name, component, startingWith: []) {
      _, ids throws(StorageError) in
      try ids.intersects(filter, in: view)
    }
    if isOwn { return true }
    return try containsSharedValue(of: component, startingWith: []) {
      values throws(BlockDamage) in
      try values.intersects(filter)
    }
  }

  package func allSeries() throws(StorageError) -> SeriesRuns {
    try postings.everySeries.runs(in: view)
  }

  package func labelNames() throws(StorageError) -> [String] {
    var names: [String] = []
    var cursor = try view.walk(postings.table)
    // The empty name, under which every series is listed, is not a label.
    var isOnKey = try cursor.move(toOrAfter: [0, 1])
    while isOnKey {
      let (component, text) = try parse(cursor.key)
      if let text {
        names.append(String(decoding: text, as: UTF8.self))
      } else {
        let id = try firstID(of: cursor.value, under: cursor.key, after: component)
        names.append(try hashedName(component, ofSeries: id, key: cursor.key))
      }
      isOnKey = try cursor.move(toOrAfter: component.bytes + [.max])
    }
    return names
  }

  package func labelValues(
    of name: String, among filter: SeriesRuns?
  ) throws(StorageError) -> [String] {
    let component = postings.nameComponent(name.utf8.span)
    var values: [String] = []
    try forEachSharedValue(of: component) { shared throws(BlockDamage) in
      if let filter { guard try shared.intersects(filter) else { return } }
      values.append(String(decodingUTF8: shared.value))
    }
    _ = try containsOwnValue(of: name, component, startingWith: []) {
      value, ids throws(StorageError) in
      let isIncluded: Bool
      if let filter { isIncluded = try ids.intersects(filter, in: view) } else { isIncluded = true }
      if isIncluded { values.append(String(decoding: value, as: UTF8.self)) }
      return false
    }
    return values
  }

  // MARK: Walking values

  func forEachSharedValue(
    of name: PostingsKey.Component,
    _ body: (borrowing SharedPostingsReader) throws(BlockDamage) -> Void
  ) throws(StorageError) {
    _ = try containsSharedValue(of: name, startingWith: []) { values throws(BlockDamage) in
      try body(values)
      return false
    }
  }

  /// Calls `body` at each of the values, in order, that begin with `prefix` and
  /// are in shared blocks, until it returns true; false when it never does.
  private func containsSharedValue(
    of name: PostingsKey.Component, startingWith prefix: [UInt8],
    _ body: (borrowing SharedPostingsReader) throws(BlockDamage) -> Bool
  ) throws(StorageError) -> Bool {
    let format = postings.sharedBlocks(name: name).format
    var cursor = try view.walk(postings.table)
    // The first value wanted may stand in the block that begins before it.
    var isOnBlock = try cursor.move(toOrBefore: format.prefix + PostingsKey.beginning(prefix))
    if isOnBlock == false || cursor.key.starts(with: format.prefix) == false {
      try cursor.requireSoundFrame()
      isOnBlock = try cursor.move(toOrAfter: format.prefix)
    }
    while isOnBlock, cursor.key.starts(with: format.prefix) {
      var isFound = false
      var isPast = false
      do throws(BlockDamage) {
        let block = try BlockFrame.open(
          cursor.value, format: format.formatByte, key: cursor.key)
        var values = SharedPostingsReader(block)
        while isFound == false, isPast == false, try values.next() {
          if values.value.starts(with: prefix) {
            isFound = try body(values)
          } else {
            isPast = values.value.compareBytes(with: prefix.span) > 0
          }
        }
      } catch {
        throw error.at(cursor.key, of: postings.table.name)
      }
      if isFound || isPast { return isFound }
      isOnBlock = try cursor.advance()
    }
    try cursor.requireSoundFrame()
    return false
  }

  /// Calls `body` with the values that may begin with `prefix` and have blocks
  /// of their own, and with these, until it returns true; false when it never
  /// does.
  func containsOwnValue(
    of name: String, _ component: PostingsKey.Component, startingWith prefix: [UInt8],
    _ body: (
      _ value: [UInt8], _ ids: SeriesIDBlocks
    ) throws(StorageError) -> Bool
  ) throws(StorageError) -> Bool {
    let prefixOfName = postings.ownPrefix(name: component)
    let prefixOfValues = prefixOfName + PostingsKey.beginning(prefix)
    var cursor = try view.walk(postings.table)
    var isOnKey = try cursor.move(toOrAfter: prefixOfValues)
    while isOnKey, cursor.key.starts(with: prefixOfValues) {
      let (value, stored) = try parse(cursor.key.extracting(prefixOfName.count...))
      var text = stored ?? []
      if value.isHashed { text = try hashedValue(value, of: name, key: cursor.key) }
      if try body(text, postings.ownBlocks(name: component, value: value)) { return true }
      isOnKey = try cursor.move(toOrAfter: (prefixOfName + value.bytes).followingPrefix)
    }
    try cursor.requireSoundFrame()
    return false
  }

  // MARK: Texts that are only there as a hash

  private func parse(
    _ key: Span<UInt8>
  ) throws(StorageError) -> (component: PostingsKey.Component, text: [UInt8]?) {
    do throws(BlockDamage) {
      return try PostingsKey.parse(key)
    } catch {
      throw error.at(key, of: postings.table.name)
    }
  }

  /// A series of the block under `key`, whose name is `component`.
  private func firstID(
    of value: Span<UInt8>, under key: Span<UInt8>, after component: PostingsKey.Component
  ) throws(StorageError) -> SeriesID {
    let kindOffset = component.bytes.count
    guard kindOffset < key.count, key[kindOffset] == PostingsKey.Kind.shared.rawValue else {
      return try firstID(atEndOf: key)
    }
    let format = postings.sharedBlocks(name: component).format
    let entries = try format.entries(of: value, under: key, in: postings.table)
    guard let id = entries.first?.ids.first else {
      throw BlockDamage("a block is empty").at(key, of: postings.table.name)
    }
    return id
  }

  private func firstID(atEndOf key: Span<UInt8>) throws(StorageError) -> SeriesID {
    guard key.count > 8 else {
      throw BlockDamage("the key is malformed").at(key, of: postings.table.name)
    }
    var id: UInt64 = 0
    for index in key.count - 8..<key.count { id = id << 8 | UInt64(key[index]) }
    return SeriesID(id)
  }

  private func hashedName(
    _ component: PostingsKey.Component, ofSeries id: SeriesID, key: Span<UInt8>
  ) throws(StorageError) -> String {
    var found: String?
    try series.labels(of: id, in: view)?.forEachBytes { name, _ in
      if postings.nameComponent(name) == component { found = String(decodingUTF8: name) }
    }
    guard let found else {
      throw BlockDamage("series \(id.rawValue) does not have the label")
        .at(key, of: postings.table.name)
    }
    return found
  }

  private func hashedValue(
    _ component: PostingsKey.Component, of name: String, key: Span<UInt8>
  ) throws(StorageError) -> [UInt8] {
    let id = try firstID(atEndOf: key)
    var found: [UInt8]?
    try series.labels(of: id, in: view)?.forEachBytes { other, value in
      if other.hasSameBytes(as: name.utf8.span), postings.valueComponent(value) == component {
        found = Array(copying: value)
      }
    }
    guard let found else {
      throw BlockDamage("series \(id.rawValue) does not have the label")
        .at(key, of: postings.table.name)
    }
    return found
  }
}

import LMDB
import SeriesModel

/// Checks `fingerprints` and `postings` against the series.
struct IndexCheck {
  let contents: StoreContents
  var ledger: SeriesLedger

  private static let namedSeriesLimit = 5

  mutating func run(in view: ReadView, report: inout IntegrityReport) throws(StorageError) {
    try checkFingerprints(in: view, report: &report)
    try checkPostings(in: view, report: &report)
  }

  // MARK: Fingerprints

  private mutating func checkFingerprints(
    in view: ReadView, report: inout IntegrityReport
  ) throws(StorageError) {
    let table = contents.schema.fingerprints
    let blocks = SortedBlocks(format: FingerprintBlockFormat(), table: table)
    var isFound = [Bool](repeating: false, count: ledger.ids.count)
    var wrong: [SeriesID] = []
    var last: FingerprintTable.Entry?
    ledger.forgetUnknownIDs()
    try blocks.forEachBlock(
      in: view, onDamage: { error throws(StorageError) in try report.add(error) },
      { entries throws(StorageError) in
        for entry in entries {
          if let last, blocks.format.precedes(last, entry) == false {
            report.add(table.name, "the entry of series \(entry.id.rawValue) is out of order")
          }
          last = entry
          guard let index = ledger.index(of: entry.id) else { continue }
          if ledger.fingerprints[index] == entry.fingerprint {
            isFound[index] = true
          } else {
            wrong.append(entry.id)
          }
        }
        return true
      })
    let missing = ledger.ids.indices.filter { isFound[$0] == false }.map { ledger.ids[$0] }
    try name(missing, table.name, "series that can't be found by their labels", view, &report)
    try name(wrong, table.name, "series with the hash of other labels", view, &report)
    addUnknown(table.name, &report)
  }

  // MARK: Postings

  private mutating func checkPostings(
    in view: ReadView, report: inout IntegrityReport
  ) throws(StorageError) {
    let table = contents.schema.postings
    ledger.forgetUnknownIDs()
    var isListed = [Bool](repeating: false, count: ledger.ids.count)
    var cursor = try view.walk(table)
    var isOnKey = try cursor.move(toOrAfter: [0])
    while isOnKey {
      do throws(StorageError) {
        try forEachPosting(cursor.value, under: cursor.key) { name, value, ids in
          // Under the empty name every series is listed.
          let isOfAll = name == [0, 0]
          let hash = SeriesLedger.hash(name: name, value: value, seed: contents.schema.hashSeed)
          for id in ids {
            guard let index = ledger.index(of: id) else { continue }
            if isOfAll { isListed[index] = true } else { ledger.takeOff(hash, at: index) }
          }
        }
      } catch {
        try report.add(error)
      }
      isOnKey = try cursor.advance()
    }
    let unlisted = ledger.ids.indices.filter { isListed[$0] == false }.map { ledger.ids[$0] }
    let wrong = ledger.ids.indices.filter { ledger.labelSums[$0] != 0 }.map { ledger.ids[$0] }
    try name(unlisted, table.name, "series that are missing in the list of all", view, &report)
    try name(wrong, table.name, "series that are listed under other labels", view, &report)
    addUnknown(table.name, &report)
  }

  /// Calls `body` with the form of the name and of each value of a block, and
  /// with the ids.
  private func forEachPosting(
    _ value: Span<UInt8>, under key: Span<UInt8>,
    _ body: (_ name: [UInt8], _ value: [UInt8], _ ids: [SeriesID]) -> Void
  ) throws(StorageError) {
    let table = contents.schema.postings
    let postings = PostingsTable(table, seed: contents.schema.hashSeed)
    do throws(BlockDamage) {
      let name = try PostingsKey.parse(key).component
      let rest = key.extracting(name.bytes.count...)
      guard rest.isEmpty == false, let kind = PostingsKey.Kind(rawValue: rest[0]) else {
        throw BlockDamage("the key is malformed")
      }
      let block = try BlockFrame.open(value, format: 1, key: key)
      switch kind {
      case .shared:
        let format = postings.sharedBlocks(name: name).format
        for entry in try format.decode(block, keySuffix: rest.extracting(1...)) {
          body(name.bytes, postings.valueComponent(entry.value.span).bytes, entry.ids)
        }
      case .own:
        let value = try PostingsKey.parse(rest.extracting(1...)).component
        let suffix = rest.extracting((1 + value.bytes.count)...)
        body(
          name.bytes, value.bytes,
          try SeriesIDBlockFormat(prefix: []).decode(block, keySuffix: suffix))
      }
    } catch {
      throw error.at(key, of: table.name)
    }
  }

  // MARK: Naming

  private func name(
    _ ids: [SeriesID], _ place: String, _ description: String, _ view: ReadView,
    _ report: inout IntegrityReport
  ) throws(StorageError) {
    guard ids.isEmpty == false else { return }
    let first = PostingsList(unsorted: ids.prefix(IndexCheck.namedSeriesLimit))
    let labels = try contents.index.labels(of: first, in: view) { _, _ in }
    let names = zip(first.ids, labels).map { id, labels in
      labels.map(\.description) ?? "series \(id.rawValue)"
    }
    report.add(place, description, of: names, count: ids.count)
  }

  private func addUnknown(_ place: String, _ report: inout IntegrityReport) {
    let names = ledger.unknownIDs.sorted().prefix(IndexCheck.namedSeriesLimit).map {
      "\($0.rawValue)"
    }
    report.add(
      place, "numbers of series that have no labels", of: Array(names),
      count: ledger.unknownIDs.count)
  }
}

import LMDB

/// Checks that every value of a table agrees with its checksum and stands under
/// a key of a form that the table has.
struct ValueCheck {
  let schema: Schema

  /// Every table but `chunks`, whose values have another frame.
  private static let tableNames = [
    "meta", "series", "fingerprints", "postings", "windows", "metadata", "exemplars", "tombstones",
  ]

  func run(in view: ReadView, report: inout IntegrityReport) throws(StorageError) {
    for name in ValueCheck.tableNames {
      let table = schema.environment.table(name)
      var cursor = try view.walk(table)
      var isOnEntry = try cursor.move(toOrAfter: [0])
      while isOnEntry {
        report.byteCount += cursor.key.count + cursor.value.count
        do throws(BlockDamage) {
          try check(cursor.value, under: cursor.key, of: name)
        } catch {
          try report.add(error.at(cursor.key, of: name))
        }
        isOnEntry = try cursor.advance()
      }
    }
  }

  private func check(
    _ value: Span<UInt8>, under key: Span<UInt8>, of table: String
  ) throws(BlockDamage) {
    guard value.isEmpty == false else { throw BlockDamage("cut short") }
    // Which format a value may have is for the readers of the table to say.
    _ = try BlockFrame.open(value, format: value[0], key: key)
    guard ValueCheck.isKnown(key, of: table) else {
      throw BlockDamage("the table has no keys of this form")
    }
  }

  /// Whether a key has a form of the table; those of some tables are checked
  /// where they are read.
  private static func isKnown(_ key: Span<UInt8>, of table: String) -> Bool {
    switch table {
    case "series": key[0] == 1 && key.count == 9 || key[0] == 0 && key.count == 11
    case "fingerprints": key.count == 13
    case "windows": key[0] == 0 && key.count == 17 || key[0] == 1 && key.count == 25
    case "tombstones": key[0] == 0 && key.count == 25 || key[0] == 1 && key.count == 17
    default: true
    }
  }
}

/// Checks that the numbers of `meta` and the descriptions of `metadata` can be
/// read.
struct DescriptionCheck {
  let contents: StoreContents

  func run(in view: ReadView, report: inout IntegrityReport) throws(StorageError) {
    try read(.sealedThrough, in: view, report: &report)
    try read(.checkpointSegment, in: view, report: &report)
    try read(.copiedThrough, in: view, report: &report)
    try read(.nextSeriesID, in: view, report: &report)
    try read(.newestTimestamp, in: view, report: &report)
    try read(.tombstoneChanges, in: view, report: &report)
    try read(.sealPlans, in: view, report: &report)
    try read(.mergePlan, in: view, report: &report)
    try read(.nextPart, in: view, report: &report)
    try contents.forEachMetadata(
      in: view, onDamage: { error throws(StorageError) in try report.add(error) }, { _, _ in })
  }

  private func read<Value>(
    _ key: MetaKey<Value>, in view: ReadView, report: inout IntegrityReport
  ) throws(StorageError) {
    do throws(StorageError) {
      _ = try contents.schema.metaValue(key, in: view)
    } catch {
      try report.add(error)
    }
  }
}

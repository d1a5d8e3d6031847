import LMDB
import SeriesModel

/// Checks `tombstones` against the windows.
struct TombstoneCheck {
  let contents: StoreContents

  func run(in view: ReadView, report: inout IntegrityReport) throws(StorageError) {
    let table = TombstoneTable(contents.schema)
    let place = contents.schema.tombstones.name
    var numbers: Set<UInt64> = []
    try table.forEachRow(
      in: view, onDamage: { error throws(StorageError) in try report.add(error) },
      { row throws(StorageError) in
        do throws(StorageError) {
          if numbers.insert(row.number).inserted {
            _ = try table.seriesIDs(of: row.number, in: view)
          }
          let window = try WindowTable(contents.schema).row(of: row.window, in: view)
          if let problem = problem(of: row, in: window) {
            report.add(place, "deletion \(row.number): \(problem)")
          }
        } catch {
          try report.add(error)
        }
      })
    var cursor = try view.walk(contents.schema.tombstones)
    var isOnKey = try cursor.move(toOrAfter: [1])
    while isOnKey {
      if cursor.key.count == 17, let number = number(of: cursor.key),
        numbers.insert(number).inserted
      {
        report.add(place, "deletion \(number) has series, but covers no window")
      }
      isOnKey = try cursor.advance()
    }
  }

  private func number(of key: Span<UInt8>) -> UInt64? {
    var reader = BlockReader(key.extracting(1..<9))
    do throws(BlockDamage) {
      return try reader.bigEndian(byteCount: 8)
    } catch {
      return nil
    }
  }

  private func problem(of row: TombstoneTable.Row, in window: WindowRow?) -> String? {
    guard let window else { return "\(row.window) is not there" }
    guard row.partBound <= window.endPart else {
      return "it covers parts below \(row.partBound), but \(row.window) has none above "
        + "\(window.endPart)"
    }
    return nil
  }
}

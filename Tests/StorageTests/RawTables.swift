import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// The entries of the tables of a directory that nobody uses, to look at and to
/// damage.
struct RawTables {
  let path: String

  func entries(of name: String) throws -> [(key: [UInt8], value: [UInt8])] {
    let schema = try Schema(directory: path)
    return try schema.environment.read { view throws(StorageError) in
      var entries: [(key: [UInt8], value: [UInt8])] = []
      var cursor = try view.walk(schema.environment.table(name))
      var isOnEntry = try cursor.move(toOrAfter: [0])
      while isOnEntry {
        entries.append((Array(copying: cursor.key), Array(copying: cursor.value)))
        isOnEntry = try cursor.advance()
      }
      return entries
    }
  }

  /// Stores a value without a look at the others, not even at the format.
  func store(_ value: [UInt8], under key: [UInt8], in name: String) throws {
    let environment = try Environment(path: path, tables: Schema.tableNames)
    try environment.write { transaction throws(StorageError) in
      try transaction.store(value, under: key, in: environment.table(name))
    }
  }
}

extension Store {
  /// Fills every table: two and a half hours of each series, in two parts, whose
  /// samples lie a millisecond apart, some metadata, and a deletion of the second
  /// half of `job1`.
  func fillTables(
    of labels: [Labels], familyCount: Int, valueCount: UInt64, _ generator: inout SeededGenerator
  ) throws {
    for round in 0..<2 {
      var batch = SampleBatch()
      for family in 1...familyCount {
        batch.metadata["metric_\(family)"] = MetricMetadata(type: .gauge, help: "\(family)")
      }
      for one in labels {
        let id = try seriesID(for: one)
        for minute in 0..<150 {
          batch.add(
            id, timestampMilliseconds: Int64(minute) * 60_000 + Int64(round),
            value: Double(generator.next() % valueCount) / 8)
        }
      }
      _ = try append(batch)
      try sealEverything()
    }
    _ = try delete(
      matching: [[Matcher("job", .equal, "job1")]], from: Timestamp(milliseconds: 3_600_000),
      through: .latest)
  }
}

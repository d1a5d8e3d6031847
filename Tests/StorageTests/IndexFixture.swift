import LMDB
import SeriesModel
import Storage
import TestSupport

/// A store's tables in a directory of their own, for tests of one of them.
struct TableFixture {
  let directory = TemporaryDirectory("tables")
  let schema: Schema
  var index: SeriesIndex { SeriesIndex(schema) }

  init() throws {
    schema = try Schema(directory: directory.path, options: TableFixture.options)
  }

  /// Not synchronised: nothing here outlives the process.
  static var options: EnvironmentOptions {
    var options = EnvironmentOptions()
    options.isSynchronized = false
    return options
  }

  func read<Result>(
    _ body: (ReadView) throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    try schema.environment.read(body)
  }

  func write<Result>(
    _ body: (inout WriteTransaction) throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    try schema.environment.write(body)
  }

  /// Inserts series in transactions of about `byteBudget` bytes, and says how
  /// many those were.
  @discardableResult
  func insert(_ series: [IndexedSeries], byteBudget: Int = 1 << 20) throws(StorageError) -> Int {
    var insertion = IndexInsertion(series, into: schema)
    var count = 0
    while insertion.isFinished == false {
      _ = try write { transaction throws(StorageError) in
        try insertion.writeSome(in: &transaction, byteBudget: byteBudget)
      }
      count += 1
    }
    return count
  }

  /// Every entry of a table.
  func entries(of name: String) throws(LMDBError) -> [(key: [UInt8], value: [UInt8])] {
    try schema.environment.read { view throws(LMDBError) in
      var entries: [(key: [UInt8], value: [UInt8])] = []
      var cursor = try view.makeCursor(in: schema.environment.table(name))
      var isOnEntry = try cursor.seekToFirst()
      while isOnEntry {
        let (key, value) = (cursor.key, cursor.value)
        entries.append((key.indices.map { key[$0] }, value.indices.map { value[$0] }))
        isOnEntry = try cursor.next()
      }
      return entries
    }
  }

  /// Replaces a stored value behind the store's back.
  func overwrite(_ key: [UInt8], in name: String, with value: [UInt8]) throws(LMDBError) {
    try schema.environment.write { transaction throws(LMDBError) in
      try transaction.put(value.span, for: key.span, in: schema.environment.table(name))
    }
  }
}

extension SeededGenerator {
  /// A label set like those of real exporters: a few names, values from few to
  /// as many as there are series.
  mutating func labels(_ number: Int) -> Labels {
    var labels = [
      Label("__name__", "metric_\(next() % 20)"), Label("job", "job\(next() % 3)"),
      Label("instance", "10.0.0.\(next() % 50):9100"), Label("unique", "\(number)"),
    ]
    if next() % 3 == 0 { labels.append(Label("le", "\(next() % 12)")) }
    if next() % 5 == 0 { labels.append(Label("path", "/\(next() % 7)/é\u{0}/x")) }
    return Labels(labels)
  }

  /// As many series as asked for, with ascending ids that leave gaps.
  mutating func series(count: Int, from first: UInt64 = 1) -> [IndexedSeries] {
    var id = first
    return (0..<count).map { _ in
      defer { id += next() % 4 == 0 ? 1 + next() % 9 : 1 }
      return IndexedSeries(id: SeriesID(id), labels: labels(Int(id)))
    }
  }
}

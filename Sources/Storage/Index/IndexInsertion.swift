import LMDB
import SeriesModel

/// New series on their way into the index, in as many transactions as it takes.
///
/// The rows of the `series` table are written first, so that a series that is
/// listed anywhere has labels. Writing the same series again changes nothing:
/// after a crash, a new insertion of them all completes the index.
///
/// Labels are asked for some series at a time and grouped as the head groups
/// them, so that a great many new series take little memory.
package struct IndexInsertion {
  private enum Stage {
    case series, fingerprints, postings, everySeries, finished
  }

  /// The series whose labels are in memory as such.
  private static let seriesStep = 256
  /// The values whose ids are in memory as such.
  private static let valueStep = 256

  private let index: SeriesIndex
  private let tables: (series: SeriesTable, fingerprints: FingerprintTable, postings: PostingsTable)
  private let labels: ([SeriesID]) -> [Labels?]
  private var ids: [SeriesID]
  private var fingerprints: [FingerprintTable.Entry] = []
  private var groups: HeadIndex
  /// The label names in the order of the table, with the numbers of their
  /// labels; those of the name at `next` are sorted by value.
  private var names: [(text: [UInt8], labels: [UInt32])] = []
  private var stage = Stage.series
  /// The next one to be written of what the stage writes.
  private var next = 0
  /// The next value of the label name at `next`.
  private var nextValue = 0

  /// Prepares the insertion.
  ///
  /// - Parameters:
  ///   - ids: In any order, each once.
  ///   - labels: Gives the labels of some of the ids, in their order; a series
  ///     without labels is left out.
  package init(
    ids: [SeriesID], into schema: Schema, labels: @escaping ([SeriesID]) -> [Labels?]
  ) {
    index = SeriesIndex(schema)
    tables = (
      SeriesTable(schema.series), FingerprintTable(schema.fingerprints),
      PostingsTable(schema.postings, seed: schema.hashSeed)
    )
    self.ids = ids.sorted()
    self.labels = labels
    groups = HeadIndex(hashSeed: schema.hashSeed)
    fingerprints.reserveCapacity(ids.count)
  }

  /// Prepares the insertion of series whose labels are at hand.
  ///
  /// - Parameter series: In any order, each id once.
  package init(_ series: [IndexedSeries], into schema: Schema) {
    let series = series.sorted { $0.id < $1.id }
    let ids = series.map(\.id)
    self.init(ids: ids, into: schema) { wanted in
      wanted.map { id in
        let place = ids.firstIndex(notBefore: id, from: 0)
        return place < ids.count && ids[place] == id ? series[place].labels : nil
      }
    }
  }

  /// True when everything is written.
  package var isFinished: Bool { stage == .finished }

  /// Writes about `byteBudget` bytes, and says whether everything is written.
  ///
  /// What one call writes must be committed before the next call, or the
  /// insertion begun anew.
  package mutating func writeSome(
    in transaction: inout WriteTransaction, byteBudget: Int = 1 << 20
  ) throws(StorageError) -> Bool {
    var budget = byteBudget
    while stage != .finished, budget > 0 {
      switch stage {
      case .series:
        try writeSeries(in: &transaction, budget: &budget)
      case .fingerprints:
        next = try tables.fingerprints.insert(
          fingerprints[next...], in: &transaction, budget: &budget)
        if next == fingerprints.count { enterPostings() }
      case .postings:
        try writePostings(in: &transaction, budget: &budget)
      case .everySeries:
        try tables.postings.everySeries.insert(
          groups.allPostings().ids, in: &transaction, budget: &budget)
        enter(.finished)
      case .finished:
        break
      }
    }
    return isFinished
  }

  private mutating func enter(_ stage: Stage) {
    self.stage = stage
    next = 0
  }

  // MARK: Series

  private mutating func writeSeries(
    in transaction: inout WriteTransaction, budget: inout Int
  ) throws(StorageError) {
    let wanted = Array(ids[next...].prefix(IndexInsertion.seriesStep))
    var step: [IndexedSeries] = []
    for (id, labels) in zip(wanted, labels(wanted)) {
      guard let labels else { continue }
      step.append(IndexedSeries(id: id, labels: labels))
      fingerprints.append(FingerprintTable.Entry(hash: index.hash(of: labels), id: id))
      groups.list(id, under: groups.keep(labels))
    }
    // A step is written whole, whatever the budget: its labels are not kept.
    var allowance = Int.max
    _ = try tables.series.insert(step[...], in: &transaction, budget: &allowance)
    budget -= Int.max - allowance
    next += wanted.count
    if next == ids.count {
      ids = []
      fingerprints.sort { ($0.fingerprint, $0.id) < ($1.fingerprint, $1.id) }
      enter(.fingerprints)
    }
  }

  // MARK: Postings

  private mutating func enterPostings() {
    fingerprints = []
    groups.pool.forEachName { text, labels in names.append((text, labels)) }
    names.sort { $0.text.span.compareBytes(with: $1.text.span) < 0 }
    enter(.postings)
    sortValues()
  }

  private mutating func sortValues() {
    nextValue = 0
    guard next < names.count else { return enter(.everySeries) }
    let pool = groups.pool
    names[next].labels.sort { left, right in
      pool.withValue(of: Int(left)) { value in
        pool.withValue(of: Int(right)) { value.compareBytes(with: $0) < 0 }
      }
    }
  }

  private mutating func writePostings(
    in transaction: inout WriteTransaction, budget: inout Int
  ) throws(StorageError) {
    let name = names[next]
    let step = name.labels[nextValue...].prefix(IndexInsertion.valueStep).map { number in
      SharedPostingsFormat.Entry(
        value: groups.pool.withValue(of: Int(number)) { Array(copying: $0) },
        ids: groups.ids(ofLabel: Int(number)))
    }
    nextValue += try tables.postings.insert(
      step[...], of: name.text, in: &transaction, budget: &budget)
    guard nextValue == name.labels.count else { return }
    names[next].labels = []
    next += 1
    sortValues()
  }
}

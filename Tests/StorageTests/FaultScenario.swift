import Foundation
import SeriesModel
import Storage
import Synchronization
import Testing

/// What was appended to a store, and what became of it.
///
/// With a file it outlives its process: each batch is noted before it is
/// appended and again when it is acknowledged.
final class AppendLedger: Sendable {
  struct Entry: Hashable {
    var labels: Labels
    var timestamp: Int64
    var value: UInt64
  }

  private struct State {
    var acknowledged: [Labels: [Int64: UInt64]] = [:]
    /// Batches that were not answered, or whose append failed while it was
    /// written: they may be there whole, or not at all.
    var unsettled: [[Entry]] = []
    var newest = Int64.min
  }

  private let state = Mutex(State())
  private let notes: FileHandle?

  init(notesPath: String? = nil) throws {
    guard let notesPath else {
      notes = nil
      return
    }
    _ = FileManager.default.createFile(atPath: notesPath, contents: nil)
    notes = try FileHandle(forWritingTo: URL(filePath: notesPath))
  }

  /// Reads what another process noted.
  init(readingNotes path: String) throws {
    notes = nil
    var batch: [Entry] = []
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let words = line.split(separator: " ")
      switch words[0] {
      case "begin": batch = []
      case "sample":
        batch.append(
          Entry(
            labels: FaultScenario.labels[try #require(Int(words[1]))],
            timestamp: try #require(Int64(words[2])), value: try #require(UInt64(words[3]))))
      case "try": begin(batch)
      default: settle(batch, isAcknowledged: true)
      }
    }
  }

  /// What is known now, without the file.
  func copy() throws -> AppendLedger {
    let copy = try AppendLedger()
    let now = state.withLock { $0 }
    copy.state.withLock { $0 = now }
    return copy
  }

  /// True while nothing was acknowledged.
  var isEmpty: Bool { state.withLock { $0.acknowledged.isEmpty } }

  /// Takes note of a batch before it is appended.
  func begin(_ batch: [Entry]) {
    state.withLock { state in
      state.unsettled.append(batch)
      for entry in batch { state.newest = max(state.newest, entry.timestamp) }
    }
    note(
      ["begin"]
        + batch.map { entry in
          let series = FaultScenario.labels.firstIndex(of: entry.labels) ?? -1
          return "sample \(series) \(entry.timestamp) \(entry.value)"
        } + ["try"])
  }

  /// Takes note that a batch was acknowledged, or was refused before anything
  /// of it was written.
  func settle(_ batch: [Entry], isAcknowledged: Bool) {
    state.withLock { state in
      state.unsettled.removeAll { $0 == batch }
      guard isAcknowledged else { return }
      for entry in batch {
        state.acknowledged[entry.labels, default: [:]][entry.timestamp] = entry.value
      }
    }
    if isAcknowledged { note(["acknowledged"]) }
  }

  private func note(_ lines: [String]) {
    guard let notes else { return }
    do {
      try notes.write(contentsOf: Data(lines.map { $0 + "\n" }.joined().utf8))
    } catch {
      preconditionFailure("can't write notes: \(error)")
    }
  }

  /// Compares a store with what it must and what it may hold.
  func check(
    _ found: SamplesByLabels, retention: Int64, _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let state = state.withLock { $0 }
    let oldest = state.newest == .min ? .min : state.newest - retention
    var rest: [Labels: [Int64: UInt64]] = [:]
    for (labels, samples) in found {
      for sample in samples where sample.timestamp.milliseconds >= oldest {
        rest[labels, default: [:]][sample.timestamp.milliseconds] = sample.value.bitPattern
      }
    }
    var problems: [String] = []
    for (labels, samples) in state.acknowledged {
      for (timestamp, value) in samples where timestamp >= oldest {
        let stored = rest[labels]?.removeValue(forKey: timestamp)
        if stored != value { problems.append("\(labels) at \(timestamp) is \(stored as Any)") }
      }
    }
    for batch in state.unsettled {
      let kept = batch.filter { $0.timestamp >= oldest }
      let stored = kept.filter {
        rest[$0.labels]?.removeValue(forKey: $0.timestamp) == $0.value
      }
      if stored.isEmpty == false, stored.count < kept.count {
        problems.append("\(stored.count) of \(kept.count) samples of one batch")
      }
    }
    let strangers = rest.values.reduce(0) { $0 + $1.count }
    if strangers > 0 { problems.append("\(strangers) samples that nobody appended") }
    #expect(problems.isEmpty, "\(comment)", sourceLocation: sourceLocation)
  }
}

/// The life of a store that goes every way on which something is written:
/// new series, late samples, checkpoints, ends of windows, merging, retention,
/// closing and opening again.
struct FaultScenario {
  static let labels: [Labels] = (0..<4).map { ["__name__": "m", "i": "\($0)"] }
  /// The series of histograms.
  static let richLabels = labels[3]
  static let hour: Int64 = 3_600_000
  /// The beginning of a day.
  static let start: Int64 = 1_700_006_400_000

  let path: String
  let ledger: AppendLedger
  /// What was thrown, in order.
  private(set) var errors: [any Error] = []
  private(set) var store: Store?

  init(path: String, ledger: AppendLedger) {
    self.path = path
    self.ledger = ledger
  }

  static var options: StoreOptions {
    var options = StoreOptions()
    options.checkpointThresholdBytes = 1
    options.deletionPauseMicroseconds = 0
    options.retentionMilliseconds = 10 * 24 * hour
    return options
  }

  mutating func run() {
    open()
    append([(0, 0), (1, 0), (3, 0)])
    append([(0, 1), (1, 1), (3, 1)])
    append([(0, 2.5), (1, 2.5), (3, 2.5)])
    append([(0, 0.5), (3, 0.5)])
    maintain()
    attempt { try $0.sealEverything() }
    append([(1, 25), (2, 25), (0, 1.25), (3, 25), (3, 24)])
    maintain()
    append([(1, 25.5), (2, 25.5), (3, 25.5)])
    attempt { try $0.sealEverything() }
    append([(1, 60), (2, 60), (3, 60)])
    maintain()
    maintain()
    query()
    attempt { try $0.close() }
    open()
    // Series that nobody uses leave the memory, so that retention removes them.
    for hours in 0..<4 as Range<Int64> { maintain(afterHours: hours) }
    append([(2, 288)])
    maintain(afterHours: 3)
    query()
    attempt { try $0.close() }
    open()
    append([(1, 288.5), (2, 288.5), (3, 288.5)])
    append([(1, 72), (3, 72)])
    maintain()
    attempt { try $0.close() }
  }

  private mutating func attempt(_ body: (Store) throws -> Void) {
    guard let store else { return }
    do { try body(store) } catch { errors.append(error) }
  }

  /// Once more when it failed, as an operator would.
  private mutating func open() {
    store = nil
    for _ in 0..<2 where store == nil {
      do {
        store = try FaultScenario.open(path)
      } catch {
        errors.append(error)
      }
    }
  }

  /// Opens a store that this process has closed.
  ///
  /// A process that another test starts has its lock too, from the moment at
  /// which it is forked until it runs its own program.
  private static func open(_ path: String) throws -> Store {
    for _ in 0..<10_000 {
      do {
        return try Store.open(directory: path, options: options)
      } catch StorageError.inUse {
        sched_yield()
      }
    }
    return try Store.open(directory: path, options: options)
  }

  private mutating func maintain(afterHours hours: Int64 = 0) {
    attempt { try $0.maintain(now: Timestamp(milliseconds: hours * FaultScenario.hour)) }
  }

  /// Appends one sample of each series at some hours, in one batch.
  mutating func append(_ places: [(series: Int, hours: Double)]) {
    let entries = places.map { series, hours in
      AppendLedger.Entry(
        labels: FaultScenario.labels[series],
        timestamp: FaultScenario.start + Int64(hours * Double(FaultScenario.hour)),
        value: (Double(series) + hours / 7).bitPattern)
    }
    let ledger = ledger
    attempt { store in
      var batch = SampleBatch()
      batch.metadata["m"] = MetricMetadata(type: .gauge)
      for entry in entries {
        let id = try store.seriesID(for: entry.labels)
        let value = Double(bitPattern: entry.value)
        if entry.labels == FaultScenario.richLabels {
          batch.add(
            id, timestampMilliseconds: entry.timestamp,
            histogram: FaultScenario.histogram(ofSum: value),
            startTimestampMilliseconds: entry.timestamp - 1)
        } else {
          batch.add(id, timestampMilliseconds: entry.timestamp, value: value)
        }
      }
      ledger.begin(entries)
      do {
        let result = try store.append(batch)
        #expect(result.rejections.isEmpty)
        ledger.settle(entries, isAcknowledged: true)
      } catch StorageError.failedEarlier, StorageError.notWritable {
        ledger.settle(entries, isAcknowledged: false)
        throw StorageError.failedEarlier("")
      }
    }
  }

  /// The histogram that stands for a value.
  private static func histogram(ofSum sum: Double) -> NativeHistogram {
    var histogram = NativeHistogram(schema: 1, count: 7, sum: sum)
    histogram.positiveBuckets.append(index: 3, count: 4)
    histogram.negativeBuckets.append(index: Int32(sum), count: 3)
    return histogram
  }

  private mutating func query() {
    let ledger = ledger
    attempt { try FaultScenario.check($0, ledger, "while it runs") }
  }

  /// Checks what a query gives, unless the query says itself that it lacks
  /// something.
  static func check(_ queryable: some Queryable, _ ledger: AppendLedger, _ comment: String) throws {
    let selection = SeriesSelection(matchers: [], start: .earliest, end: .latest)
    let snapshot = try queryable.snapshot(of: [selection])
    let columns = try snapshot.columns(ofSelection: 0)
    guard snapshot.warnings.isEmpty else { return }
    if let rich = columns[richLabels] {
      #expect(rich.histograms == rich.values.map { histogram(ofSum: $0) }, "\(comment)")
      #expect(rich.startTimestamps == rich.timestamps.map { $0 - 1 }, "\(comment)")
    }
    let found = columns.mapValues { columns in
      zip(columns.timestamps, columns.values).map { Sample(milliseconds: $0, value: $1) }
    }
    ledger.check(found, retention: options.retentionMilliseconds, comment)
  }

  /// Opens what is at `path` as a reader and as a writer, and lives on.
  static func checkAfterwards(
    path: String, _ ledger: AppendLedger, _ comment: String
  ) throws {
    if ledger.isEmpty == false {
      try check(StoreReader.open(directory: path), ledger, comment)
    }
    let store = try open(path)
    #expect(store.warnings.isEmpty, "\(comment)")
    try check(store, ledger, comment)
    var next = FaultScenario(path: path, ledger: ledger)
    next.store = store
    next.append([(0, 289), (1, 289), (2, 289), (3, 289)])
    try store.sealEverything()
    next.maintain()
    try check(store, ledger, comment)
    try store.close()
    #expect(next.errors.isEmpty, "\(comment)")
    try check(StoreReader.open(directory: path), ledger, comment)
  }
}

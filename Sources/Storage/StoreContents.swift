import LMDB
import SeriesModel
import Synchronization

/// What the writing and the reading store share: the tables, the head, and
/// what was found damaged.
final class StoreContents: Sendable {
  /// Where the store is; for messages alone when it is in memory.
  let directory: String
  /// Whether nothing outlives the store.
  let isInMemory: Bool
  let schema: Schema
  let index: SeriesIndex
  let options: StoreOptions
  /// Held to publish a commit, to look up a series, and to take a snapshot; the
  /// innermost lock.
  let head: Mutex<Head>
  /// What a reader of every query should know, such as damage in the journal.
  let warnings = Mutex<[String]>([])
  /// What is deleted; innermost, as ``head`` is.
  let tombstoneCache = Mutex(TombstoneCache())
  /// What queries found damaged.
  let quarantine = Quarantine()

  init(
    directory: String, schema: Schema, options: StoreOptions, isInMemory: Bool = false
  ) {
    self.directory = directory
    self.isInMemory = isInMemory
    self.schema = schema
    self.options = options
    index = SeriesIndex(schema)
    head = Mutex(Head(hashSeed: schema.hashSeed))
  }

  var journalDirectory: JournalDirectory {
    JournalDirectory(dataDirectory: directory, isDiscarding: isInMemory)
  }
}

extension MetaKey where Value == UInt64 {
  /// The number of the journal segment that holds the head as it was at
  /// ``sealedThrough``.
  static var checkpointSegment: Self { MetaKey(name: "checkpointSegment") }
  /// The last sequence number that the journal of a copy had when the copy was
  /// complete.
  static var copiedThrough: Self { MetaKey(name: "copiedThrough") }
}

extension MetaKey where Value == SealPlan {
  /// The seal that is under way, or the last one.
  static var sealPlan: Self { MetaKey(name: "sealPlan") }
}

extension SealPlan: MetaValue {
  package var words: [UInt64] {
    [
      sequence, UInt64(bitPattern: closesWindowsEndingAt), sealsSmallBuffers ? 1 : 0,
      UInt64(chunkCount), UInt64(sealedCount),
    ]
  }

  package init?(words: [UInt64]) {
    guard words.count == 5, words[2] <= 1, let chunkCount = Int(exactly: words[3]),
      let sealedCount = Int(exactly: words[4]), sealedCount <= chunkCount
    else { return nil }
    self.init(
      sequence: words[0], closesWindowsEndingAt: Int64(bitPattern: words[1]),
      sealsSmallBuffers: words[2] == 1, chunkCount: chunkCount, sealedCount: sealedCount)
  }
}

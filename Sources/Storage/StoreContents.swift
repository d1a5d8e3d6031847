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
  /// Labels that were read; innermost, as ``head`` is.
  let labelCache = Mutex(LabelCache())
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

  /// The bytes that are free on the disk that holds the store, or nil when that is
  /// not known.
  ///
  /// The tables of a store in memory have no name: their file is asked itself.
  var freeByteCount: Int? {
    guard isInMemory, options.freeByteCount == nil else {
      return options.freeByteCount(onDiskOf: directory)
    }
    do throws(LMDBError) {
      return try schema.environment.withDescriptor {
        FileSystem.freeByteCount(onDiskOfFile: $0)
      }
    } catch {
      return nil
    }
  }

  /// Has every snapshot warn of something from now on.
  func warn(_ text: String) {
    warnings.withLock { warnings in
      if warnings.contains(text) == false { warnings.append(text) }
    }
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

extension MetaKey where Value == SealPlans {
  /// The seal that is under way, behind those that crashes interrupted since the
  /// last checkpoint; absent when there is none.
  static var sealPlans: Self { MetaKey(name: "sealPlan") }
}

/// Seals in the order in which they were begun: all but the last were
/// interrupted, and each goes on where the ones before it have stopped.
struct SealPlans: MetaValue {
  var plans: [SealPlan]

  init(_ plans: [SealPlan]) {
    self.plans = plans
  }

  var words: [UInt64] {
    plans.flatMap { plan in
      let flags: UInt64 = (plan.sealsSmallBuffers ? 1 : 0) + (plan.chunkHash == nil ? 0 : 2)
      return [
        plan.sequence, UInt64(bitPattern: plan.closesWindowsEndingAt), flags,
        UInt64(plan.chunkCount), UInt64(plan.sealedCount),
      ] + (plan.chunkHash.map { [$0] } ?? [])
    }
  }

  init?(words: [UInt64]) {
    guard words.isEmpty == false else { return nil }
    plans = []
    var rest = words[...]
    while rest.isEmpty == false {
      guard rest.count >= 5 else { return nil }
      let fixed = Array(rest.prefix(5))
      rest = rest.dropFirst(5)
      let flags = fixed[2]
      guard flags <= 3, let chunkCount = Int(exactly: fixed[3]),
        let sealedCount = Int(exactly: fixed[4]), sealedCount <= chunkCount
      else { return nil }
      var chunkHash: UInt64?
      if flags & 2 != 0 {
        guard let hash = rest.popFirst() else { return nil }
        chunkHash = hash
      }
      plans.append(
        SealPlan(
          sequence: fixed[0], closesWindowsEndingAt: Int64(bitPattern: fixed[1]),
          sealsSmallBuffers: flags & 1 != 0, chunkCount: chunkCount, sealedCount: sealedCount,
          chunkHash: chunkHash))
    }
  }
}

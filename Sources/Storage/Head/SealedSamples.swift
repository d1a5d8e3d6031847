import ChunkEncoding
import LMDB
import SeriesModel

/// A series in memory and a time.
struct SamplePlace: Hashable, Sendable {
  private var number: Int32
  var timestamp: Int64

  init(slot: Int, timestamp: Int64) {
    number = Int32(slot)
    self.timestamp = timestamp
  }

  var slot: Int { Int(number) }
}

/// What is known of samples in the tables, for the length of one commit.
struct SealedSamples: Sendable {
  /// What is known of one place.
  enum Knowledge {
    case unknown
    case absent
    case value(bits: UInt64)
  }

  /// The bits by place; nil where there is no sample.
  private var bits: [SamplePlace: UInt64?] = [:]
  /// Times that no sample of a series is later than of those that were sealed, or
  /// waited to be, when it was looked up; of the series looked up since this was
  /// asked.
  private var latest: [SeriesID: Int64] = [:]

  subscript(place: SamplePlace) -> Knowledge {
    switch bits[place] {
    case nil: .unknown
    case .some(nil): .absent
    case .some(let bits?): .value(bits: bits)
    }
  }

  /// Gives out and forgets the latest times that were found.
  mutating func takeLatest() -> [SeriesID: Int64] {
    defer { latest = [:] }
    return latest
  }

  /// Looks up samples by series, each touched chunk decoded once. A deleted
  /// sample is not there.
  ///
  /// A damaged chunk or window has no samples here; readers warn of it.
  mutating func lookUp(
    _ unknown: [SeriesID: UnknownSamples], in contents: StoreContents
  ) throws(StorageError) {
    var wanted = unknown
    var (first, last) = (Int64.max, Int64.min)
    for (id, samples) in unknown {
      let places = samples.places.sorted { $0.timestamp < $1.timestamp }
      wanted[id]?.places = places
      for place in places { bits[place] = .some(nil) }
      first = min(first, places.first?.timestamp ?? first)
      last = max(last, places.last?.timestamp ?? last)
    }
    guard first <= last else { return }
    let schema = contents.schema
    try schema.environment.read { view throws(StorageError) in
      try lookUpPlaces(of: wanted, in: first...last, of: contents, view: view)
      let ids = wanted.filter(\.value.isLatestWanted).map(\.key)
      try lookUpLatest(
        of: PostingsList(unsorted: ids), among: wanted, from: first, of: schema, view: view)
    }
  }

  private mutating func lookUpPlaces(
    of wanted: [SeriesID: UnknownSamples], in range: ClosedRange<Int64>, of contents: StoreContents,
    view: ReadView
  ) throws(StorageError) {
    let list = PostingsList(unsorted: Array(wanted.keys))
    let chunks = ChunkTable(contents.schema)
    let allTombstones = try readableTombstones(of: contents, view: view)
    var columns = SampleColumns()
    var parts: [SamplePlace: UInt32] = [:]
    let rows = try WindowTable(contents.schema).rows(overlapping: range, in: view) {
      error, _ throws(StorageError) in
      guard case .corrupted = error else { throw error }
    }
    for row in rows {
      let tombstones = allTombstones.tombstones(in: row.window)
      do throws(StorageError) {
        try chunks.forEachChunk(of: list, in: row, overlapping: range, view: view) {
          chunk throws(StorageError) in
          let touching = wanted[chunk.id]?.places(within: chunk.description) ?? []
          guard touching.isEmpty == false else { return }
          columns.removeAll()
          try chunk.decode(into: &columns)
          for place in touching {
            // Of several samples that of the highest part counts.
            guard let found = columns.valueBits(at: place.timestamp),
              chunk.part >= parts[place] ?? 0,
              tombstones.contains(
                timestampMilliseconds: place.timestamp, of: chunk.id, part: chunk.part) == false
            else { continue }
            bits[place] = found
            parts[place] = chunk.part
          }
        }
      } catch {
        guard case .corrupted = error else { throw error }
      }
    }
  }

  /// What is deleted; nothing when it can't be read, of which readers warn.
  private func readableTombstones(
    of contents: StoreContents, view: ReadView
  ) throws(StorageError) -> Tombstones {
    do throws(StorageError) {
      return try contents.tombstones(in: view)
    } catch {
      guard case .corrupted = error else { throw error }
      return Tombstones()
    }
  }

  private mutating func lookUpLatest(
    of list: PostingsList, among wanted: [SeriesID: UnknownSamples], from first: Int64,
    of schema: Schema, view: ReadView
  ) throws(StorageError) {
    guard list.isEmpty == false else { return }
    let chunks = ChunkTable(schema)
    var found: [SeriesID: Int64] = [:]
    do throws(StorageError) {
      for row in try WindowTable(schema).rows(overlapping: first ... .max, in: view) {
        try chunks.forEachChunk(of: list, in: row, overlapping: first ... .max, view: view) {
          chunk throws(StorageError) in
          found[chunk.id] = max(found[chunk.id] ?? .min, chunk.description.maxTimestamp)
        }
      }
    } catch {
      // What can't be read may be later: then each sample is looked up.
      guard case .corrupted = error else { throw error }
      return
    }
    // Before the first time nothing was looked at.
    for id in list.ids {
      latest[id] = max(found[id] ?? first, first, wanted[id]?.latestInMemory ?? .min)
    }
  }
}

/// What has to be looked up of one series.
struct UnknownSamples: Sendable {
  /// Ascending in time once they are looked up.
  var places: [SamplePlace] = []
  /// Whether its latest sample is wanted too.
  var isLatestWanted = false
  /// The time of its latest sample that was in memory, but not in the open chunk,
  /// before the tables were looked at: a seal may move it to the tables when they
  /// have been looked at, and out of memory before that is asked again.
  var latestInMemory: Int64?

  /// The places in the time range of a chunk.
  fileprivate func places(within chunk: ChunkDescription) -> ArraySlice<SamplePlace> {
    var low = 0
    var high = places.count
    while low < high {
      let middle = (low + high) / 2
      if places[middle].timestamp < chunk.minTimestamp { low = middle + 1 } else { high = middle }
    }
    return places[low...].prefix { $0.timestamp <= chunk.maxTimestamp }
  }
}

/// The samples of a chunk in memory that was decoded last.
struct DecodedChunk: Sendable {
  enum Source: Hashable, Sendable {
    case open(slot: Int)
    case closed(index: Int, isFrozen: Bool)
  }

  var source: Source
  var samples: SampleColumns
}

extension ChunkDescription {
  /// Whether the chunk's time range has the moment.
  func covers(_ timestamp: Int64) -> Bool {
    minTimestamp <= timestamp && timestamp <= maxTimestamp
  }
}

extension SampleColumns {
  /// The first index at which the time is not before `timestamp`.
  func firstIndex(notBefore timestamp: Int64) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if timestamps[middle] < timestamp { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The index of the sample at `timestamp`, or nil.
  func index(of timestamp: Int64) -> Int? {
    let index = firstIndex(notBefore: timestamp)
    return index < count && timestamps[index] == timestamp ? index : nil
  }

  /// The bits of the value at `timestamp`, or the identity of the histogram
  /// there, or nil.
  func valueBits(at timestamp: Int64) -> UInt64? {
    guard let index = index(of: timestamp) else { return nil }
    return histogram(at: index)?.identity ?? values[index].bitPattern
  }
}

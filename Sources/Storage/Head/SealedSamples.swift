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

  subscript(place: SamplePlace) -> Knowledge {
    switch bits[place] {
    case nil: .unknown
    case .some(nil): .absent
    case .some(let bits?): .value(bits: bits)
    }
  }

  /// Looks up places, each touched chunk decoded once. A deleted sample is not
  /// there.
  ///
  /// A damaged chunk has no samples here; readers warn of it.
  ///
  /// - Parameter ids: The series of each place.
  mutating func lookUp(
    _ places: [SamplePlace], ids: [SeriesID], in contents: StoreContents
  ) throws(StorageError) {
    var wanted: [SeriesID: [SamplePlace]] = [:]
    var parts: [SamplePlace: UInt32] = [:]
    var (first, last) = (Int64.max, Int64.min)
    for (place, id) in zip(places, ids) where bits[place] == nil {
      bits[place] = .some(nil)
      wanted[id, default: []].append(place)
      first = min(first, place.timestamp)
      last = max(last, place.timestamp)
    }
    guard first <= last else { return }
    let list = PostingsList(unsorted: Array(wanted.keys))
    let schema = contents.schema
    let chunks = ChunkTable(schema)
    var columns = SampleColumns()
    try schema.environment.read { view throws(StorageError) in
      let allTombstones = try readableTombstones(of: contents, view: view)
      for row in try WindowTable(schema).rows(overlapping: first...last, in: view) {
        let tombstones = allTombstones.tombstones(in: row.window)
        do throws(StorageError) {
          try chunks.forEachChunk(of: list, in: row, overlapping: first...last, view: view) {
            chunk throws(StorageError) in
            let touching = (wanted[chunk.id] ?? []).filter {
              chunk.description.covers($0.timestamp)
            }
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

  /// The bits of the value at `timestamp`, or nil.
  func valueBits(at timestamp: Int64) -> UInt64? {
    let index = firstIndex(notBefore: timestamp)
    guard index < count, timestamps[index] == timestamp else { return nil }
    return values[index].bitPattern
  }
}

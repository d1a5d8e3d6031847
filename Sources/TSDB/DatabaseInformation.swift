import SeriesModel
import Storage

/// What a database on disk holds, and what takes its space.
package struct DatabaseInformation: Encodable, Sendable {
  /// A span of time that is kept and deleted together.
  package struct Window: Encodable, Sendable {
    /// The first moment, in milliseconds since 1970-01-01T00:00Z.
    package var startMilliseconds: Int64
    package var lengthMilliseconds: Int64
    package var series: Int
    package var chunks: Int
    package var samples: Int
  }

  /// The space of one table.
  package struct Table: Encodable, Sendable {
    package var name: String
    package var entries: Int
    package var branchPages: Int
    package var leafPages: Int
    package var overflowPages: Int
    package var bytes: Int
  }

  /// The chunks of one class.
  package struct ChunkClass: Encodable, Sendable {
    /// The class byte of the file format.
    package var classByte: UInt8
    package var chunks: Int
    package var samples: Int
    /// The bytes of the payloads, shared timestamps not counted.
    package var payloadBytes: Int
  }

  /// A name with a count.
  package struct Count: Encodable, Sendable {
    package var name: String
    package var count: Int

    init(_ count: Cardinality.Count) {
      name = count.name
      self.count = count.count
    }
  }

  package var windows: [Window]
  package var tables: [Table]
  package var chunkClasses: [ChunkClass]
  /// The series in the tables.
  package var series: Int
  /// The chunks in the tables.
  package var chunks: Int
  /// The samples in the tables.
  package var samples: Int
  /// The bytes that the tables use, free pages not counted.
  package var tableBytes: Int
  package var freePages: Int
  package var freeBytes: Int
  /// The bytes of the journal's files; what is in them is not counted above.
  package var journalBytes: Int
  /// The segments of the journal that were set aside for damage, as
  /// `journal/*.damaged`.
  package var damagedSegments: Int
  /// The deletions whose samples may still take space.
  package var deletions: Int
  /// Label names by the number of their values, the highest first.
  package var valuesOfLabelNames: [Count]
  /// Metric names by the number of their series, the highest first.
  package var seriesOfMetrics: [Count]
  /// Labels by the number of series that have them, the highest first.
  package var seriesOfLabels: [Count]

  init(_ store: StoreInformation) {
    windows = store.windows.map {
      Window(
        startMilliseconds: $0.window.startMilliseconds,
        lengthMilliseconds: $0.window.lengthMilliseconds, series: $0.seriesCount,
        chunks: $0.chunkCount, samples: $0.sampleCount)
    }
    tables = store.tables.map {
      Table(
        name: $0.name, entries: $0.entryCount, branchPages: $0.branchPageCount,
        leafPages: $0.leafPageCount, overflowPages: $0.overflowPageCount,
        bytes: $0.pageCount * store.pageByteCount)
    }
    chunkClasses = store.chunkShares.map {
      ChunkClass(
        classByte: $0.classByte, chunks: $0.chunkCount, samples: $0.sampleCount,
        payloadBytes: $0.payloadByteCount)
    }
    series = store.seriesCount
    chunks = chunkClasses.reduce(0) { $0 + $1.chunks }
    samples = chunkClasses.reduce(0) { $0 + $1.samples }
    freePages = store.freePageCount
    freeBytes = store.freePageCount * store.pageByteCount
    tableBytes = store.usedByteCount - freeBytes
    journalBytes = store.journalByteCount
    damagedSegments = store.damagedSegmentCount
    deletions = store.deletionCount
    valuesOfLabelNames = store.cardinality.valuesOfNames.map(Count.init)
    seriesOfMetrics = store.cardinality.seriesOfMetrics.map(Count.init)
    seriesOfLabels = store.cardinality.seriesOfLabels.map(Count.init)
  }
}

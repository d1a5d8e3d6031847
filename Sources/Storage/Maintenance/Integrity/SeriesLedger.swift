import LMDB
import Numbers
import SeriesModel

/// What a check remembers of every series, to compare the other tables with.
///
/// 24 bytes a series: labels are kept as a sum of hashes, from which the hashes
/// of the labels that the postings name are taken off again. What is left is 0
/// when both say the same.
struct SeriesLedger {
  /// Ascending.
  private(set) var ids: [SeriesID] = []
  /// By the place of the series in ``ids``.
  private(set) var fingerprints: [UInt64] = []
  private(set) var labelSums: [UInt64] = []
  /// Ids that were asked for and are not there.
  private(set) var unknownIDs: Set<SeriesID> = []
  private static let unknownLimit = 100_000

  mutating func add(_ id: SeriesID, fingerprint: UInt64, labelSum: UInt64) {
    ids.append(id)
    fingerprints.append(fingerprint)
    labelSums.append(labelSum)
  }

  /// The place of a series; nil, which is noted, when there is no such series.
  mutating func index(of id: SeriesID) -> Int? {
    let index = ids.firstIndex(notBefore: id, from: 0)
    if index < ids.count, ids[index] == id { return index }
    if unknownIDs.count < SeriesLedger.unknownLimit { unknownIDs.insert(id) }
    return nil
  }

  mutating func forgetUnknownIDs() {
    unknownIDs = []
  }

  mutating func takeOff(_ hash: UInt64, at index: Int) {
    labelSums[index] &-= hash
  }

  /// The hash of a label in the form in which postings have it.
  static func hash(name: [UInt8], value: [UInt8], seed: UInt64) -> UInt64 {
    let bytes = name + value
    // Safety: bytes have no padding.
    return hash64(unsafe bytes.span.bytes, seed: seed)
  }
}

/// Checks the `series` table, and makes the ledger.
struct SeriesCheck {
  let contents: StoreContents
  private(set) var ledger = SeriesLedger()

  init(_ contents: StoreContents) {
    self.contents = contents
  }

  mutating func run(in view: ReadView, report: inout IntegrityReport) throws(StorageError) {
    let index = contents.index
    let postings = PostingsTable(contents.schema.postings, seed: contents.schema.hashSeed)
    var ledger = SeriesLedger()
    try index.forEachSeries(
      in: view, onDamage: { error throws(StorageError) in try report.add(error) },
      { id, labels throws(StorageError) in
        if let last = ledger.ids.last, last >= id {
          report.add("series", "series \(id.rawValue) comes after series \(last.rawValue)")
          return
        }
        var sum: UInt64 = 0
        labels.forEachBytes { name, value in
          sum &+= SeriesLedger.hash(
            name: postings.nameComponent(name).bytes, value: postings.valueComponent(value).bytes,
            seed: contents.schema.hashSeed)
        }
        let entry = FingerprintTable.Entry(hash: index.hash(of: labels), id: id)
        ledger.add(id, fingerprint: entry.fingerprint, labelSum: sum)
      })
    self.ledger = ledger
    report.seriesCount = ledger.ids.count
    let next = try readNextID(in: view, report: &report)
    if let next, let last = ledger.ids.last, last.rawValue >= next {
      report.add("meta", "nextSeriesID is \(next), but series \(last.rawValue) is there")
    }
  }

  private func readNextID(
    in view: ReadView, report: inout IntegrityReport
  ) throws(StorageError) -> UInt64? {
    do throws(StorageError) {
      return try contents.schema.metaValue(.nextSeriesID, in: view)
    } catch {
      try report.add(error)
      return nil
    }
  }
}

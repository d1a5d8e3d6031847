import Foundation
import SeriesModel
import TestSupport
import Testing

@testable import Storage

@Suite struct StoreCopyTests {
  private let directory = TemporaryDirectory("copy")
  private var data: String { directory.path("data") }
  private var copy: String { directory.path("below/it/copy") }

  /// A store with sealed, closed, open and out-of-order samples, and metadata.
  private func makeStore(options: StoreOptions = StoreOptions()) throws -> Store {
    let store = try Store.open(directory: data, options: options)
    for series in 0..<30 {
      let labels: Labels = ["__name__": "m", "i": "\(series)"]
      try store.append(labels, (0..<500).map { (Int64($0) * 60_000, Double($0 % 17)) })
    }
    try store.sealEverything()
    for series in 0..<40 {
      let labels: Labels = ["__name__": "m", "i": "\(series)"]
      try store.append(labels, (500..<900).map { (Int64($0) * 60_000, Double($0 % 13)) })
      try store.append(labels, [(30_000, 1), (90_000, 0)])
    }
    var batch = SampleBatch()
    batch.metadata["m"] = MetricMetadata(type: .gauge, help: "Help.")
    _ = try store.append(batch)
    return store
  }

  private func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }

  /// Opens the copy for reading, then for writing, and checks that it goes on
  /// as a store does.
  private func check(_ path: String, holds expected: SamplesByLabels) throws {
    do {
      let reader = try StoreReader.open(directory: path)
      #expect(reader.warnings.isEmpty)
      #expect(try reader.samples() == expected)
    }
    var expected = expected
    let new: Labels = ["__name__": "new"]
    do {
      let store = try Store.open(directory: path)
      #expect(store.warnings.isEmpty)
      #expect(try store.samples() == expected)
      try store.append(new, [(1, 1)])
      expected[new] = samples([(1, 1)])
      try store.sealEverything()
      try store.close()
    }
    let store = try Store.open(directory: path)
    #expect(try store.samples() == expected)
    try store.close()
  }

  @Test func copyHoldsEverythingAndOpensAsAStore() throws {
    let store = try makeStore()
    let expected = try store.samples()
    try store.copy(to: copy)
    try store.append(["__name__": "later"], [(1, 1)])
    #expect(try names(copy) == ["data.mdb", "journal"])
    #expect(try names(directory.path("below/it")) == ["copy"])
    #expect(try StoreReader.open(directory: copy).metadata["m"]?.help == "Help.")
    try check(copy, holds: expected)
    #expect(try store.samples().count == expected.count + 1)
    try store.close()
  }

  /// The last segment of the copy that has records, and its bytes up to the last
  /// that is not zero.
  private func lastSegment(of path: String) throws -> (file: URL, bytes: [UInt8], end: Int) {
    let name = try #require(try names(path + "/journal").last)
    let file = URL(filePath: path + "/journal/" + name)
    let bytes = try [UInt8](Data(contentsOf: file))
    return (file, bytes, try #require(bytes.lastIndex { $0 != 0 }) + 1)
  }

  /// A copy is complete: what would be a torn tail of a live store is damage.
  @Test func cutJournalOfACopyIsDamage() throws {
    let store = try makeStore()
    try store.copy(to: copy)
    try store.close()
    #expect(try IntegrityCheck.run(directory: copy).findings == [])
    let (file, bytes, end) = try lastSegment(of: copy)
    for length in [0, 20, SegmentHeader.byteCount, SegmentHeader.byteCount + 9, end / 2, end - 1] {
      try Data(bytes.prefix(length)).write(to: file)
      let findings = try IntegrityCheck.run(directory: copy).findings
      #expect(
        findings.contains { $0.place == file.path && $0.description.contains("are missing") },
        "\(length): \(findings)")
      #expect(try StoreReader.open(directory: copy).warnings.count == 1)
    }
    try FileManager.default.removeItem(at: file)
    #expect(try IntegrityCheck.run(directory: copy).findingCount > 0)
    try Data(bytes).write(to: file)
    #expect(try IntegrityCheck.run(directory: copy).findings == [])
  }

  @Test func damagedTailOfACopyIsKeptAndCounted() throws {
    let store = try makeStore()
    let expected = try store.samples()
    try store.copy(to: copy)
    try store.close()
    let (file, bytes, end) = try lastSegment(of: copy)
    var changed = bytes
    changed[end - 3] ^= 1
    try Data(changed).write(to: file)
    let opened = try Store.open(directory: copy)
    #expect(opened.warnings.count == 1)
    #expect(try Data(contentsOf: file) == Data(changed))
    let late: Labels = ["__name__": "late"]
    try opened.append(late, [(1, 1)])
    try opened.close()
    let setAside = try names(copy + "/journal").filter { $0.hasSuffix(".damaged") }
    #expect(setAside.count == 1)
    #expect(
      try IntegrityCheck.run(directory: copy).findings.map(\.place)
        == setAside.map { "\(copy)/journal/\($0)" })
    let reopened = try Store.open(directory: copy)
    let found = try reopened.samples()
    #expect(found[late] == samples([(1, 1)]))
    for (labels, samples) in found where labels != late {
      #expect(Set(samples).isSubset(of: expected[labels] ?? []))
    }
    try reopened.close()
  }

  @Test func readerOfALiveStoreCopiesWhatIsThereNow() throws {
    let store = try makeStore()
    // Another process could do this; here the closed directory stands for it.
    try store.append(["__name__": "late"], [(5, 5)])
    let expected = try store.samples()
    try copyDirectory(data, to: directory.path("other"))
    let reader = try StoreReader.open(directory: directory.path("other"))
    try reader.copy(to: copy)
    try check(copy, holds: expected)
    try store.close()
  }

  @Test func copyWithoutHeadHoldsWhatIsInTheTables() throws {
    let store = try makeStore()
    let all = try store.samples()
    try store.copy(to: copy, includesHead: false)
    #expect(try names(copy + "/journal") == [])
    let found = try StoreReader.open(directory: copy).samples()
    #expect(found.isEmpty == false)
    for (labels, samples) in found {
      #expect(Set(samples).isSubset(of: Set(all[labels] ?? [])))
    }
    // Open chunks are what is missing.
    #expect(found.values.reduce(0) { $0 + $1.count } < all.values.reduce(0) { $0 + $1.count })
    #expect(found[["__name__": "m", "i": "0"]]?.count ?? 0 >= 500)
    try check(copy, holds: found)
    try store.close()
  }

  @Test func compactedStoreIsTheSameInLessSpace() throws {
    let store = try makeStore()
    for round in 0..<20 {
      for series in 0..<40 {
        let labels: Labels = ["__name__": "m", "i": "\(series)"]
        try store.append(labels, [(Int64(1000 + round) * 60_000, 1)])
      }
      try store.sealEverything()
    }
    let expected = try store.samples()
    try store.compact(to: copy)
    try store.close()
    #expect(
      try StoreSize.byteCount(ofDirectory: copy) < StoreSize.byteCount(ofDirectory: data))
    let reader = try StoreReader.open(directory: copy)
    #expect(try reader.samples() == expected)
    let store2 = try Store.open(directory: data)
    #expect(try store2.samples() == expected)
    try store2.close()
  }

  @Test func compactedStoreHoldsNothingDeleted() throws {
    let store = try makeStore()
    _ = try store.delete(
      matching: [[Matcher("i", .equal, "7")], [Matcher("i", .equal, "9")]], from: .earliest,
      through: .latest)
    _ = try store.delete(
      matching: [[Matcher("i", .equal, "3")]], from: Timestamp(milliseconds: 5_000_000),
      through: Timestamp(milliseconds: 20_000_000))
    let expected = try store.samples()
    try store.compact(to: copy)
    try store.close()
    let information = try StoreInformation.read(directory: copy, limit: 10)
    #expect(information.deletionCount == 0)
    #expect(information.seriesCount == 38)
    #expect(
      information.windows.reduce(0) { $0 + $1.sampleCount }
        == expected.values.reduce(0) { $0 + $1.count })
    try check(copy, holds: expected)
  }

  @Test func destinationInsideTheDirectoryIsRefused() throws {
    let store = try makeStore()
    let link = directory.path("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: data)
    for path in [data, data + "/", data + "/copy", data + "/journal/../copy", link + "/a/b"] {
      for copying in [{ try store.copy(to: path) }, { try store.compact(to: path) }] {
        do {
          try copying()
          Issue.record("\(path) is in the directory")
        } catch StorageError.destinationInside {
          // As it should be.
        }
      }
    }
    // Where a server puts its snapshots.
    try store.copy(to: data + "/snapshots/one")
    try store.copy(to: directory.path("data2"))
    try store.close()
  }

  @Test func existingDestinationIsRefusedAndLeftAlone() throws {
    let store = try makeStore()
    for name in ["file", "directory"] {
      let path = directory.path(name)
      if name == "file" {
        try "mine".write(toFile: path, atomically: false, encoding: .utf8)
      } else {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      #expect(throws: StorageError.exists(path)) { try store.copy(to: path + "/") }
    }
    #expect(try names(directory.path) == ["data", "directory", "file"])
    #expect(try names(directory.path("directory")) == [])
    try store.close()
  }

  @Test func copyThatWouldFillTheDiskIsNotBegun() throws {
    var options = StoreOptions()
    options.minimumFreeByteCount = 1000
    options.freeByteCount = { _ in 5000 }
    let store = try makeStore(options: options)
    let error = #expect(throws: StorageError.self) { try store.copy(to: copy) }
    guard case .diskFull(_, 5000, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try names(directory.path("below/it")) == [])
    try store.close()
  }

  @Test func leftoversOfAnInterruptedCopyAreRemovedAtTheNextStart() throws {
    try makeStore().close()
    let snapshots = data + "/snapshots"
    let partial = snapshots + "/a.0123.partial/journal"
    for path in [partial, snapshots + "/b/journal"] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try "x".write(toFile: partial + "/0000000001", atomically: false, encoding: .utf8)
    try Store.open(directory: data).close()
    #expect(try names(snapshots) == ["b"])
  }

  @Test func damagedStoreWithoutItsCheckpointIsNotCopied() throws {
    let store = try makeStore()
    try store.close()
    let journal = JournalDirectory(dataDirectory: data)
    for number in try journal.segmentNumbers() { try journal.deleteSegment(number) }
    let reader = try StoreReader.open(directory: data)
    let error = #expect(throws: StorageError.self) { try reader.copy(to: copy) }
    guard case .damagedJournal? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try names(directory.path("below/it")) == [])
  }

  /// A record may end in zeros, which look like space that was reserved.
  @Test func lastRecordThatEndsInZerosIsCopiedWhole() throws {
    let store = try Store.open(directory: data)
    try store.append(["__name__": "m"], [(1, 0)])
    try store.copy(to: copy)
    #expect(
      try StoreReader.open(directory: copy).samples() == [["__name__": "m"]: samples([(1, 0)])])
    try store.close()
  }
}

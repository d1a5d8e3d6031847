import Foundation
import SeriesModel
import Storage
import TestSupport
import Testing

/// Damage to the files of a store that was not closed.
@Suite struct StoreCorruptionTests {
  private let directory = TemporaryDirectory("damage")
  private let labels: Labels = ["__name__": "m"]

  /// Makes a store of ten batches of one sample each and leaves it as a crash
  /// would; returns its path and that of its journal segment.
  private func makeCrashedStore() throws -> (path: String, segment: String) {
    let path = directory.path("data")
    let store = try Store.open(directory: path)
    for index in 0..<10 { try store.append(labels, [(Int64(index), Double(index))]) }
    let copy = directory.path("copy")
    try copyDirectory(path, to: copy)
    try store.close()
    let names = try FileManager.default.contentsOfDirectory(atPath: copy + "/journal")
    return (copy, copy + "/journal/" + (try #require(names.sorted().last)))
  }

  private func change(_ path: String, _ body: (inout Data) -> Void) throws {
    var data = try Data(contentsOf: URL(filePath: path))
    body(&data)
    try data.write(to: URL(filePath: path))
  }

  @Test func tornTailIsCutAndAppendsGoOn() throws {
    let (path, segment) = try makeCrashedStore()
    let used = try Data(contentsOf: URL(filePath: segment)).lastIndex { $0 != 0 } ?? 0
    try change(segment) { $0 = $0.prefix(used - 3) }
    var store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples()[labels]?.count == 9)
    try store.append(labels, [(9, 99)])
    try store.close()
    store = try Store.open(directory: path)
    #expect(try store.samples()[labels]?.last == Sample(milliseconds: 9, value: 99))
    #expect(store.warnings.isEmpty)
    try store.close()
  }

  @Test func damageIsNamedKeptAsideAndCostsOneBatch() throws {
    let (path, segment) = try makeCrashedStore()
    try change(segment) { $0[$0.startIndex + 200] ^= 0x10 }
    var store = try Store.open(directory: path)
    #expect(store.warnings.count > 0)
    #expect(store.warnings.allSatisfy { $0.contains(segment) })
    let snapshot = try store.snapshot(
      of: [SeriesSelection(matchers: [], start: .earliest, end: .latest)])
    #expect(snapshot.warnings == store.warnings)
    #expect(try snapshot.samples(ofSelection: 0)[labels]?.count == 9)
    try store.sealEverything()
    #expect(FileManager.default.fileExists(atPath: segment) == false)
    #expect(FileManager.default.fileExists(atPath: segment + ".damaged"))
    _ = snapshot
    try store.close()
    withExtendedLifetime(snapshot) {}
    store = try reopened(path, releasing: snapshot)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples()[labels]?.count == 9)
    try store.close()
    // What is set aside stays a finding until somebody deletes it. This process
    // may still have the file open: it looks at a copy.
    let looked = directory.path("looked")
    try copyDirectory(directory.path("again"), to: looked)
    let damaged = looked + segment.dropFirst(path.count) + ".damaged"
    #expect(try IntegrityCheck.run(directory: looked).findings.map(\.place) == [damaged])
    #expect(try StoreInformation.read(directory: looked, limit: 1).damagedSegmentCount == 1)
  }

  private func reopened(_ path: String, releasing snapshot: any QuerySnapshot) throws -> Store {
    // The directory stays in use while the snapshot lives.
    #expect(throws: StorageError.self) { try Store.open(directory: path) }
    let copy = directory.path("again")
    try copyDirectory(path, to: copy)
    return try Store.open(directory: copy)
  }

  /// A full disk may keep a new segment from getting its whole header.
  @Test(arguments: [0, 1, 20, 39])
  func segmentWithAPartOfItsHeaderIsNoDamage(byteCount: Int) throws {
    let (path, segment) = try makeCrashedStore()
    let header = try Data(contentsOf: URL(filePath: segment)).prefix(byteCount)
    let bytes = header + Data(count: 4096 - byteCount)
    try bytes.write(to: URL(filePath: path + "/journal/0000000099"))
    let store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples()[labels]?.count == 10)
    #expect(FileManager.default.fileExists(atPath: path + "/journal/0000000099") == false)
    try store.close()
  }

  @Test func newerJournalFormatIsRefused() throws {
    let (path, segment) = try makeCrashedStore()
    // Version 3 with the checksum that belongs to it.
    var header = Array(try Data(contentsOf: URL(filePath: segment)).prefix(40))
    header[8] = 3
    let sum = checksumOfHeader(header)
    for index in 0..<4 { header[32 + index] = UInt8(truncatingIfNeeded: sum >> (8 * index)) }
    try change(segment) { $0.replaceSubrange($0.startIndex..<$0.startIndex + 40, with: header) }
    #expect(throws: StorageError.unsupportedFormat(found: 3, supported: 2)) {
      try Store.open(directory: path)
    }
  }

  /// CRC-32C, bit by bit, over 8 zero bytes and the first 32 of the header.
  private func checksumOfHeader(_ header: [UInt8]) -> UInt32 {
    var state = UInt32.max
    for byte in [UInt8](repeating: 0, count: 8) + header.prefix(32) {
      state ^= UInt32(byte)
      for _ in 0..<8 { state = state & 1 == 1 ? state >> 1 ^ 0x82F6_3B78 : state >> 1 }
    }
    return ~state
  }

  @Test func damagedChunkIsLeftOutWithAWarning() throws {
    let path = directory.path("sealed")
    let store = try Store.open(directory: path)
    var generator = SeededGenerator(seed: 1)
    for index in 0..<480 {
      try store.append(
        labels, [(Int64(index) * 1000, Double.random(in: 0...1, using: &generator))])
    }
    try store.sealEverything()
    #expect(try store.samples()[labels]?.count == 480)
    try store.close()
    let before = try Store.open(directory: path).samples()[labels] ?? []
    var isDamageFound = false
    // Somewhere in the file are the random mantissas of the chunks.
    let size = try Data(contentsOf: URL(filePath: path + "/data.mdb")).count
    for offset in stride(from: 8192 + 1500, to: size, by: 4096) {
      try change(path + "/data.mdb") { $0[$0.startIndex + offset] ^= 0x40 }
      defer { try? change(path + "/data.mdb") { $0[$0.startIndex + offset] ^= 0x40 } }
      guard let damaged = try? Store.open(directory: path) else { continue }
      let selection = SeriesSelection(matchers: [], start: .earliest, end: .latest)
      guard let snapshot = try? damaged.snapshot(of: [selection]),
        let found = try? snapshot.samples(ofSelection: 0)[labels] ?? []
      else { continue }
      if found != before {
        #expect(found.count < before.count)
        #expect(Set(found).isSubset(of: before))
        #expect(snapshot.warnings.isEmpty == false)
        isDamageFound = true
      }
    }
    #expect(isDamageFound)
  }
}

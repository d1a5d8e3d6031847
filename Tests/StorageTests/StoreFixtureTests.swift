import Foundation
import SeriesModel
import Storage
import TestSupport
import Testing

/// Stores that earlier versions wrote are opened by every later one.
///
/// `Tools/record-fixture NAME` writes one with the present version.
@Suite struct StoreFixtureTests {
  private struct Fixture: CustomTestStringConvertible {
    let name: String
    /// `crashed` was copied while it was open, with a tail in the journal, open
    /// chunks and buffered samples; `closed` was closed.
    let state: String

    var testDescription: String { "\(name), \(state)" }

    static let all = ["format-1"].flatMap { name in
      ["crashed", "closed"].map { Fixture(name: name, state: $0) }
    }
  }

  private static let archives = (#filePath as NSString).deletingLastPathComponent + "/Fixtures"

  @Test(arguments: Fixture.all)
  private func earlierStoreIsReadContinuedAndSealed(fixture: Fixture) throws {
    let directory = TemporaryDirectory("fixture")
    try StoreFixtureTests.runTar(
      ["-xzf", "\(StoreFixtureTests.archives)/\(fixture.name).tar.gz", "-C", directory.path])
    let path = directory.path(fixture.state)
    try StoreFixtureTests.check(StoreReader.open(directory: path), added: 0)

    var store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    #expect(store.metadata["fixture"] == FixtureContent.metadata)
    try StoreFixtureTests.check(store, added: 0)
    try FixtureContent.append(FixtureContent.count..<FixtureContent.count + 400, to: store)
    try StoreFixtureTests.check(store, added: 400)
    try store.sealEverything()
    try StoreFixtureTests.check(store, added: 400)
    try store.close()

    store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    try store.maintain(now: Timestamp(milliseconds: 0))
    try StoreFixtureTests.check(store, added: 400)
    try store.close()
  }

  private static func check(_ queryable: some Queryable, added: Int) throws {
    let found = try queryable.samples()
    let expected = FixtureContent.samples(through: FixtureContent.count + added)
    #expect(found.count == expected.count)
    for (labels, samples) in expected {
      let bits = found[labels, default: []].map {
        FixtureContent.Bits(time: $0.timestamp.milliseconds, value: $0.value.bitPattern)
      }
      #expect(bits == samples, "\(labels)")
    }
  }

  /// Only on request: `TSDB_RECORD_FIXTURE` names the archive to write.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["TSDB_RECORD_FIXTURE"] != nil))
  func recordFixture() throws {
    let name = try #require(ProcessInfo.processInfo.environment["TSDB_RECORD_FIXTURE"])
    let directory = TemporaryDirectory("fixture")
    let path = directory.path("closed")
    try FixtureContent.write(to: path) { try copyDirectory(path, to: directory.path("crashed")) }
    for state in ["closed", "crashed"] {
      // They belong to the processes that had the store open.
      for lock in ["lock", "lock.mdb"] {
        _ = try? FileManager.default.removeItem(atPath: directory.path("\(state)/\(lock)"))
      }
    }
    try StoreFixtureTests.runTar([
      "-czf", "\(StoreFixtureTests.archives)/\(name).tar.gz", "-C", directory.path, "closed",
      "crashed",
    ])
  }

  private static func runTar(_ arguments: [String]) throws {
    let tar = Process()
    tar.executableURL = URL(filePath: "/usr/bin/tar")
    tar.arguments = arguments
    try tar.run()
    tar.waitUntilExit()
    try #require(tar.terminationStatus == 0)
  }
}

/// What every fixture holds; never changed, since the archives are not.
private enum FixtureContent {
  /// The rounds of samples in the archives; a test may go on behind them.
  static let count = 600
  static let metadata = MetricMetadata(type: .gauge, help: "Made up.", unit: "seconds")
  private static let start: Int64 = 1_700_006_400_000
  private static let seriesCount = 12

  struct Bits: Equatable {
    var time: Int64
    var value: UInt64
  }

  private static func labels(_ series: Int) -> Labels {
    ["__name__": "fixture", "instance": "host-\(series):9100", "job": "job-\(series % 2)"]
  }

  /// Known since the last rounds only, so in the journal alone.
  private static let lateLabels: Labels = ["__name__": "late", "zone": "ü"]

  private static func time(_ series: Int, _ round: Int) -> Int64 {
    start + Int64(round) * 30_000 + (series.isMultiple(of: 2) ? 0 : Int64(round * 37 % 11))
  }

  private static func value(_ series: Int, _ round: Int) -> Double {
    if round % 97 == 13 {
      return [-0.0, .infinity, Double(bitPattern: StaleMarker.bitPattern)][series % 3]
    }
    switch series % 4 {
    case 0: return Double(round * (series + 1))
    case 1: return Double(200 + round * 7 % 100) / 10
    case 2: return Double(round) / 7
    default: return 42
    }
  }

  /// Some samples come later than their neighbours, and some much later.
  private static func isHeldBack(_ series: Int, _ round: Int) -> Bool {
    series < 4 && round % 50 == 7
  }

  static func append(
    _ rounds: Range<Int>, heldBack: Bool = false, to store: Store
  ) throws {
    for round in rounds {
      var batch = SampleBatch()
      for series in 0..<seriesCount
      where (isHeldBack(series, round) && round < count) == heldBack {
        batch.add(
          try store.seriesID(for: labels(series)), timestampMilliseconds: time(series, round),
          value: value(series, round))
      }
      if batch.isEmpty == false { _ = try store.append(batch) }
    }
  }

  static func samples(through end: Int) -> [Labels: [Bits]] {
    var all: [Labels: [Bits]] = [:]
    for series in 0..<seriesCount {
      var samples = (0..<end).map {
        Bits(time: time(series, $0), value: value(series, $0).bitPattern)
      }
      if series == 5 {
        samples.insert(Bits(time: start - 3 * 86_400_000, value: (1.5).bitPattern), at: 0)
      }
      all[labels(series)] = samples
    }
    all[lateLabels] = [Bits(time: time(0, count - 1), value: (2.5).bitPattern)]
    return all
  }

  /// Goes through everything that makes a kind of row, record or file.
  static func write(to path: String, beforeClosing: () throws -> Void) throws {
    var options = StoreOptions()
    options.checkpointThresholdBytes = 1
    let store = try Store.open(directory: path, options: options)
    var batch = SampleBatch()
    batch.metadata["fixture"] = metadata
    _ = try store.append(batch)
    for start in stride(from: 0, to: 400, by: 100) {
      try append(start..<start + 100, to: store)
      try store.maintain(now: Timestamp(milliseconds: 0))
    }
    try append(0..<300, heldBack: true, to: store)
    try store.append(labels(5), [(start - 3 * 86_400_000, 1.5)])
    try store.sealEverything()
    try append(400..<500, to: store)
    try append(300..<500, heldBack: true, to: store)
    try store.maintain(now: Timestamp(milliseconds: 0))
    try append(500..<600, to: store)
    try append(500..<600, heldBack: true, to: store)
    // Once more what is there already.
    try append(590..<600, to: store)
    try store.append(lateLabels, [(time(0, count - 1), 2.5)])
    try beforeClosing()
    try store.close()
  }
}

#if TSDB_FAULTS
  import FaultInjection
  import LMDB
  import SeriesModel
  import Synchronization
  import TestSupport
  import Testing

  @testable import Storage

  /// A seal that a crash interrupted may be followed by another one that is
  /// interrupted before any checkpoint is complete.
  @Suite struct StoreSealCrashTests {
    private static let seriesCount = 4500
    private let directory = TemporaryDirectory("seals")

    /// Opens what a crash has left, appends, and seals everything; copies what a
    /// crash leaves after some transactions with chunks.
    private func crash(
      _ path: String, round: Int64?, afterChunks limit: Int, as copy: String,
      expected: inout SamplesByLabels
    ) throws {
      let store = try Store.open(directory: path)
      #expect(store.warnings.isEmpty)
      if let round {
        var batch = SampleBatch()
        for number in 0..<Self.seriesCount {
          let labels: Labels = ["__name__": "m", "n": "\(number)"]
          batch.add(
            try store.seriesID(for: labels), timestampMilliseconds: round * 60_000,
            value: Double(round))
          expected[labels, default: []].append(
            Sample(milliseconds: round * 60_000, value: Double(round)))
        }
        #expect(try store.append(batch).rejections.isEmpty)
      }
      try copying(path, to: copy, afterChunks: limit) { try store.sealEverything() }
      try store.close()
    }

    /// Copies a directory once `body` has committed some transactions with chunks.
    private func copying(
      _ path: String, to copy: String, afterChunks limit: Int, _ body: () throws -> Void
    ) throws {
      let count = Mutex(0)
      let plan = FaultPlan(onStep: { step in
        guard step == "checkpoint.chunks" else { return }
        let number = count.withLock { count in
          count += 1
          return count
        }
        guard number == limit else { return }
        FaultPlan.$current.withValue(nil) {
          #expect(throws: Never.self) { try copyDirectory(path, to: copy) }
        }
      })
      try FaultPlan.$current.withValue(plan, operation: body)
      #expect(count.withLock { $0 } >= limit)
    }

    private func sealedSampleCount(_ path: String) throws -> Int {
      let schema = try Schema(directory: path)
      return try schema.environment.read { view throws(StorageError) in
        try WindowTable(schema).rows(in: view).reduce(0) { $0 + $1.sampleCount }
      }
    }

    private struct Case: Sendable, CustomTestStringConvertible {
      /// How many transactions with chunks are done before each crash; the second
      /// of them has the last chunks.
      var first: Int
      var second: Int
      var appendsBetween = true

      var testDescription: String {
        "\(first), \(second)\(appendsBetween ? "" : ", no append between")"
      }

      static let all = [
        Case(first: 1, second: 1), Case(first: 1, second: 2), Case(first: 2, second: 1),
        Case(first: 1, second: 1, appendsBetween: false),
      ]
    }

    /// Whatever the two steps at which it stops, everything is sealed once.
    @Test(arguments: Case.all)
    private func twoInterruptedSealsSealEverythingOnce(_ one: Case) throws {
      var expected: SamplesByLabels = [:]
      try crash(
        directory.path("first"), round: 1, afterChunks: one.first, as: directory.path("once"),
        expected: &expected)
      let between: Int64? = one.appendsBetween ? 2 : nil
      try crash(
        directory.path("once"), round: between, afterChunks: one.second,
        as: directory.path("twice"), expected: &expected)
      let store = try Store.open(directory: directory.path("twice"))
      #expect(try store.samples() == expected)
      try store.sealEverything()
      #expect(try store.samples() == expected)
      try store.close()
      let count = expected.values.reduce(0) { $0 + $1.count }
      #expect(try sealedSampleCount(directory.path("twice")) == count)
    }

    /// A seal without an append since the last checkpoint has its sequence.
    @Test func sealOfTheSameSequenceIsRepeated() throws {
      let path = directory.path("same")
      var store = try Store.open(directory: path)
      var expected: SamplesByLabels = [:]
      var batch = SampleBatch()
      for number in 0..<Self.seriesCount {
        let labels: Labels = ["__name__": "m", "n": "\(number)"]
        batch.add(try store.seriesID(for: labels), timestampMilliseconds: 1, value: 1)
        expected[labels] = samples([(1, 1)])
      }
      _ = try store.append(batch)
      // What is open is saved beside the tables.
      try store.close()
      store = try Store.open(directory: path)
      let copy = directory.path("copy")
      try copying(path, to: copy, afterChunks: 1) { try store.sealEverything() }
      try store.close()
      let reopened = try Store.open(directory: copy)
      #expect(try reopened.samples() == expected)
      try reopened.sealEverything()
      #expect(try reopened.samples() == expected)
      try reopened.close()
      #expect(try sealedSampleCount(copy) == Self.seriesCount)
    }
  }
#endif

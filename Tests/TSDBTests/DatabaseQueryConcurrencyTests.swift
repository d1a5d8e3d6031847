import Dispatch
import TSDB
import TestSupport
import Testing

/// Queries of so many series that several threads compute them.
@Suite struct DatabaseQueryConcurrencyTests {
  private let directory = TemporaryDirectory()
  private static let stepCount = 60

  private func open() throws -> Database {
    try Database.open(at: directory.path("data"))
  }

  /// Appends samples of 800 series, half of which have the labels of the others
  /// but for the name.
  private func fill(_ database: Database, steps: Range<Int>) throws {
    let ids = try (0..<800).map { number in
      try database.seriesID(for: ["__name__": number < 400 ? "a" : "b", "n": "\(number % 400)"])
    }
    for step in steps {
      var batch = SampleBatch()
      for (number, id) in ids.enumerated() {
        batch.add(
          id, timestampMilliseconds: Int64(step) * 15_000, value: Double(step * number % 101) / 4)
      }
      #expect(try database.append(batch).acceptedCount == ids.count)
    }
  }

  private func sum(of name: String, in database: Database) throws -> [Double] {
    let result = try database.query(
      "sum(quantile_over_time(0.5, \(name)[10m]))", from: Timestamp(milliseconds: 0),
      through: Timestamp(milliseconds: Int64(Self.stepCount - 1) * 15_000),
      stepMilliseconds: 60_000)
    guard case .matrix(let series) = result.value else { return [] }
    return series.first.map(\.samples.values) ?? []
  }

  @Test func queriesAndAppendsGoOnSideBySide() throws {
    let database = try open()
    try fill(database, steps: 0..<Self.stepCount)
    let wanted = try ["a", "b"].map { try sum(of: $0, in: database) }
    DispatchQueue.concurrentPerform(iterations: 3) { worker in
      #expect(throws: Never.self) {
        if worker == 2 {
          try fill(database, steps: Self.stepCount..<(Self.stepCount + 10))
          return
        }
        for turn in 0..<4 {
          let index = (worker + turn) % 2
          #expect(try sum(of: ["a", "b"][index], in: database) == wanted[index])
        }
      }
    }
    try database.close()
  }

  /// Half-way the query finds two series with the same labels.
  @Test func aDatabaseCanBeOpenedAgainAfterAQueryThatFailed() throws {
    let first = try open()
    try fill(first, steps: 0..<Self.stepCount)
    try first.close()
    for _ in 0..<10 {
      let database = try open()
      #expect(throws: QueryError.self) {
        try database.query(
          "quantile_over_time(0.5, {n=~\".+\"}[10m])", from: Timestamp(milliseconds: 0),
          through: Timestamp(milliseconds: Int64(Self.stepCount - 1) * 15_000),
          stepMilliseconds: 60_000)
      }
      try database.close()
    }
  }
}

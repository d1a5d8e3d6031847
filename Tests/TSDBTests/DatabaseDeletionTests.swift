import TSDB
import TestSupport
import Testing

/// Deleting and checking, as a program sees it.
@Suite struct DatabaseDeletionTests {
  private let directory = TemporaryDirectory()
  private let attic: Labels = ["__name__": "temperature", "room": "attic"]
  private let cellar: Labels = ["__name__": "temperature", "room": "cellar"]
  private let onlyAttic = [[Matcher("room", .equal, "attic")]]

  private func makeDatabase() throws -> Database {
    let database = try Database.open(at: directory.path("data"))
    for labels in [attic, cellar] {
      for minute in Int64(0)..<10 {
        try database.append(
          Double(minute), to: labels, at: Timestamp(milliseconds: minute * 60_000))
      }
    }
    return database
  }

  private func rooms(_ database: Database) throws -> [String] {
    let result = try database.query("temperature", at: Timestamp(milliseconds: 540_000))
    guard case .vector(let elements) = result.value else { return [] }
    return elements.compactMap { $0.labels["room"] }.sorted()
  }

  @Test func deletedSeriesIsGoneFromQueriesAndLists() throws {
    var database = try makeDatabase()
    let counted = try database.delete(
      matching: onlyAttic, from: .earliest, through: .latest, isDryRun: true)
    #expect(counted == DeletedSamples(seriesCount: 1, sampleCount: 10))
    #expect(try rooms(database) == ["attic", "cellar"])
    #expect(try database.delete(matching: onlyAttic, from: .earliest, through: .latest) == counted)
    for _ in 0..<2 {
      #expect(try rooms(database) == ["cellar"])
      #expect(try database.series(of: []) == [cellar])
      try database.close()
      database = try Database.open(at: directory.path("data"))
    }
    try database.append(1, to: attic, at: Timestamp(milliseconds: 540_000))
    #expect(try rooms(database) == ["attic", "cellar"])
    try database.close()
  }

  @Test func readersDoNotDelete() throws {
    try makeDatabase().close()
    let database = try Database.openReadOnly(at: directory.path("data"))
    do {
      try database.delete(matching: onlyAttic, from: .earliest, through: .latest)
      Issue.record("a reader does not write")
    } catch TSDBError.Code.readOnly {
      // As it should be.
    }
  }

  @Test func readersCountWhatADeletionWouldDelete() throws {
    let database = try makeDatabase()
    let counted = try database.delete(
      matching: onlyAttic, from: .earliest, through: .latest, isDryRun: true)
    try database.close()
    let reader = try Database.openReadOnly(at: directory.path("data"))
    #expect(
      try reader.delete(matching: onlyAttic, from: .earliest, through: .latest, isDryRun: true)
        == counted)
  }

  @Test func malformedExpressionIsInvalid() throws {
    let database = try makeDatabase()
    do {
      try database.delete(
        matching: [[Matcher("room", .matchesRegex, "(")]], from: .earliest, through: .latest)
      Issue.record("the expression is malformed")
    } catch TSDBError.Code.invalid {
      // As it should be.
    }
    try database.close()
  }

  @Test func soundDatabaseIsVerified() throws {
    let database = try makeDatabase()
    try database.delete(matching: onlyAttic, from: .earliest, through: .latest)
    try database.close()
    let verification = try Database.verify(at: directory.path("data"))
    #expect(verification.findings == [])
    #expect(verification.findingCount == 0)
    #expect(verification.seriesCount == 2)
    // What is deleted is still there, and must be sound.
    #expect(verification.sampleCount == 20)
  }

  @Test func thereIsNothingToVerifyWithoutADatabase() {
    let error = #expect(throws: TSDBError.self) {
      try Database.verify(at: directory.path("nothing"))
    }
    #expect(error?.code == .notADatabase)
  }
}

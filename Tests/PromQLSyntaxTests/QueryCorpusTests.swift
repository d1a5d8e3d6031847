import Foundation
import TestSupport
import Testing

/// Replays what `Tools/fuzz-promql` begins with and what it kept.
@Suite struct QueryCorpusTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Corpus")

  @Test func everyKeptInputIsRefusedOrPrintedAsItself() throws {
    let files = try FileManager.default.contentsOfDirectory(
      at: QueryCorpusTests.directory, includingPropertiesForKeys: nil)
    #expect(files.count > 20)
    for file in files {
      let query = FuzzedQuery(Array(try Data(contentsOf: file)))
      #expect(query.problem() == nil, "\(file.lastPathComponent)")
    }
  }
}

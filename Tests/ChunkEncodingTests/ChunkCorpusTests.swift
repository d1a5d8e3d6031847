import Foundation
import TestSupport
import Testing

/// Replays what `Tools/fuzz-chunks` begins with and what it kept.
@Suite struct ChunkCorpusTests {
  private static let directory =
    (#filePath as NSString).deletingLastPathComponent + "/Corpus"

  @Test func everyKeptInputIsDecodedOrRefused() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: ChunkCorpusTests.directory)
    #expect(names.count > 20)
    for name in names {
      let path = URL(filePath: ChunkCorpusTests.directory + "/" + name)
      let chunk = FuzzedChunk(Array(try Data(contentsOf: path)))
      #expect(chunk.problem() == nil, "\(name)")
    }
  }
}

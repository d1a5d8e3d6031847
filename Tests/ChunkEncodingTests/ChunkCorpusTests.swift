import Foundation
import SeriesModel
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

  /// These were put together by another program, from the description of the
  /// format alone.
  @Test func richSeedsAreChunks() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: ChunkCorpusTests.directory)
    let rich = names.filter { $0.hasPrefix("seed-rich") }
    #expect(rich.count == 8)
    for name in rich {
      let path = URL(filePath: ChunkCorpusTests.directory + "/" + name)
      let samples = FuzzedChunk(Array(try Data(contentsOf: path))).samples
      #expect(samples?.isPlain == false, "\(name)")
    }
    let path = URL(filePath: ChunkCorpusTests.directory + "/seed-rich-02")
    let samples = try #require(FuzzedChunk(Array(try Data(contentsOf: path))).samples)
    var first = NativeHistogram(schema: 3, zeroThreshold: 0.5, zeroCount: 1, count: 6, sum: 2)
    first.positiveBuckets.append(index: -2, count: 2)
    first.positiveBuckets.append(index: 3, count: 3)
    var second = first
    second.count = 8
    second.positiveBuckets = HistogramBuckets()
    second.positiveBuckets.append(index: -2, count: 3)
    second.positiveBuckets.append(index: 3, count: 4)
    #expect(samples.timestamps == [1000, 16_000, 31_000])
    #expect(samples.values == [2, 2, 2])
    #expect(samples.histograms == [nil, first, second])
  }

  /// An encoder leaves the field of an exception zero; where it is not, parts of
  /// the chunk are still those of the whole.
  @Test func fieldOfAnExceptionCountsForNothing() throws {
    let path = URL(filePath: ChunkCorpusTests.directory + "/decimals-exception-with-field")
    let chunk = FuzzedChunk(Array(try Data(contentsOf: path)))
    #expect(chunk.samples?.values == [5, 105, 106, 107, 108, 109])
    #expect(chunk.problem() == nil)
  }
}

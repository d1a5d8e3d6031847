import SeriesModel
import TestSupport
import Testing

@testable import Pushing

@Suite struct SeriesCacheTests {
  private func key(_ number: Int) -> [UInt8] { Array("labels of series \(number)".utf8) }

  @Test func seriesAreFoundByTheirBytesAlone() {
    let cache = SeriesCache()
    for number in 1...1000 {
      cache.insert(SeriesID(UInt64(number)), for: key(number).span)
    }
    for number in 1...1000 {
      #expect(cache.seriesID(for: key(number).span) == SeriesID(UInt64(number)))
    }
    #expect(cache.seriesID(for: key(1001).span) == nil)
    #expect(cache.seriesID(for: Array(key(7).dropLast()).span) == nil)
  }

  @Test func whatIsKnownIsNotReplaced() {
    let cache = SeriesCache()
    cache.insert(SeriesID(1), for: key(1).span)
    cache.insert(SeriesID(2), for: key(1).span)
    #expect(cache.seriesID(for: key(1).span) == SeriesID(1))
  }

  @Test func memoryIsBounded() {
    let cache = SeriesCache(maximumByteCount: 1000)
    for number in 1...1000 { cache.insert(SeriesID(UInt64(number)), for: key(number).span) }
    let kept = (1...1000).filter { cache.seriesID(for: key($0).span) != nil }
    #expect(kept.contains(1000))
    #expect(kept.count <= 1000 / key(1).count)
    cache.insert(SeriesID(1), for: Array(repeating: 0, count: 2000).span)
    #expect(cache.seriesID(for: Array(repeating: 0, count: 2000).span) == nil)
  }

  @Test func nothingIsLeftAfterForgetting() {
    let cache = SeriesCache()
    cache.insert(SeriesID(1), for: key(1).span)
    cache.removeAll()
    #expect(cache.seriesID(for: key(1).span) == nil)
  }
}

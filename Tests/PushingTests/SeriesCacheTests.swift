import SeriesModel
import TestSupport
import Testing

@testable import Pushing

@Suite struct SeriesCacheTests {
  private func key(_ number: Int) -> [UInt8] { Array("labels of series \(number)".utf8) }

  @Test func seriesAreFoundByTheirBytesAlone() {
    let cache = SeriesCache()
    for number in 1...5000 {
      cache.insert(SeriesID(UInt64(number)), for: key(number).span)
    }
    for number in 1...5000 {
      #expect(cache.seriesID(for: key(number).span) == SeriesID(UInt64(number)))
    }
    #expect(cache.seriesID(for: key(5001).span) == nil)
    #expect(cache.seriesID(for: Array(key(7).dropLast()).span) == nil)
  }

  @Test func whatIsKnownIsNotReplaced() {
    let cache = SeriesCache()
    cache.insert(SeriesID(1), for: key(1).span)
    cache.insert(SeriesID(2), for: key(1).span)
    #expect(cache.seriesID(for: key(1).span) == SeriesID(1))
  }

  @Test func memoryIsBounded() {
    let cache = SeriesCache(maximumCount: 50)
    for number in 1...1020 { cache.insert(SeriesID(UInt64(number)), for: key(number).span) }
    let kept = (1...1020).filter { cache.seriesID(for: key($0).span) != nil }
    #expect(kept == Array(1001...1020))
  }

  @Test func whatIsKnownForgetsNothingWhenFull() {
    let cache = SeriesCache(maximumCount: 3)
    for number in 1...3 { cache.insert(SeriesID(UInt64(number)), for: key(number).span) }
    cache.insert(SeriesID(3), for: key(3).span)
    for number in 1...3 { #expect(cache.seriesID(for: key(number).span) != nil) }
  }

  @Test func emptyAndLongKeysAreKept() {
    let cache = SeriesCache()
    let long = [UInt8](repeating: 7, count: 16 << 10)
    cache.insert(SeriesID(1), for: [UInt8]().span)
    cache.insert(SeriesID(2), for: long.span)
    #expect(cache.seriesID(for: [UInt8]().span) == SeriesID(1))
    #expect(cache.seriesID(for: long.span) == SeriesID(2))
    #expect(cache.seriesID(for: Array(long.dropLast()).span) == nil)
  }

  @Test func nothingIsLeftAfterForgetting() {
    let cache = SeriesCache()
    cache.insert(SeriesID(1), for: key(1).span)
    cache.removeAll()
    #expect(cache.seriesID(for: key(1).span) == nil)
  }
}

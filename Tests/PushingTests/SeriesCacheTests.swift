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
      #expect(cache.find(key(number)) == SeriesID(UInt64(number)))
    }
    #expect(cache.find(key(5001)) == nil)
    #expect(cache.find(Array(key(7).dropLast())) == nil)
  }

  @Test func whatIsKnownIsNotReplaced() {
    let cache = SeriesCache()
    cache.insert(SeriesID(1), for: key(1).span)
    cache.insert(SeriesID(2), for: key(1).span)
    #expect(cache.find(key(1)) == SeriesID(1))
  }

  @Test func memoryIsBounded() {
    let cache = SeriesCache(maximumCount: 50)
    for number in 1...1020 { cache.insert(SeriesID(UInt64(number)), for: key(number).span) }
    let kept = (1...1020).filter { cache.find(key($0)) != nil }
    #expect(kept == Array(1001...1020))
  }

  @Test func whatIsKnownForgetsNothingWhenFull() {
    let cache = SeriesCache(maximumCount: 3)
    for number in 1...3 { cache.insert(SeriesID(UInt64(number)), for: key(number).span) }
    cache.insert(SeriesID(3), for: key(3).span)
    for number in 1...3 { #expect(cache.find(key(number)) != nil) }
  }

  @Test func emptyAndLongKeysAreKept() {
    let cache = SeriesCache()
    let long = [UInt8](repeating: 7, count: 16 << 10)
    cache.insert(SeriesID(1), for: [UInt8]().span)
    cache.insert(SeriesID(2), for: long.span)
    #expect(cache.find([UInt8]()) == SeriesID(1))
    #expect(cache.find(long) == SeriesID(2))
    #expect(cache.find(Array(long.dropLast())) == nil)
  }

  @Test func nothingIsLeftAfterForgetting() {
    let cache = SeriesCache()
    cache.insert(SeriesID(1), for: key(1).span)
    cache.removeAll()
    #expect(cache.find(key(1)) == nil)
  }

  @Test func anyOrderFindsTheSeries() {
    let cache = SeriesCache()
    for number in 1...3000 { cache.insert(SeriesID(UInt64(number)), for: key(number).span) }
    for order in [Array(1...3000), (1...3000).reversed(), (1...3000).shuffled()] {
      var position = SeriesCache.Position()
      for number in order {
        #expect(
          cache.seriesID(for: key(number).span, at: &position) == SeriesID(UInt64(number)))
      }
      #expect(cache.seriesID(for: key(3001).span, at: &position) == nil)
    }
  }
}

extension SeriesCache {
  fileprivate func find(_ key: [UInt8]) -> SeriesID? {
    var position = Position()
    return seriesID(for: key.span, at: &position)
  }
}

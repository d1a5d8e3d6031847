import Storage
import Testing

@Suite struct ChunkWindowTests {
  @Test(
    arguments: [
      (0, 0, 7_199_999), (7_199_999, 0, 7_199_999), (7_200_000, 7_200_000, 14_399_999),
      (-1, -7_200_000, -1), (-7_200_000, -7_200_000, -1), (-7_200_001, -14_400_000, -7_200_001),
    ] as [(Int64, Int64, Int64)])
  func windowStartsAtAMultipleOfItsLength(timestamp: Int64, start: Int64, last: Int64) {
    let window = Window(
      containing: timestamp, lengthMilliseconds: Window.shortLengthMilliseconds)
    #expect(window.startMilliseconds == start)
    #expect(window.lastMilliseconds == last)
  }

  @Test(arguments: [1, 1000, 7_200_000, 86_400_000, Window.largestLengthMilliseconds])
  func windowsAtTheEndsOfTimeMeetTheirNeighbours(length: Int64) {
    let first = Window(containing: .min, lengthMilliseconds: length)
    #expect(first.startMilliseconds == .min)
    let second = Window(containing: first.lastMilliseconds + 1, lengthMilliseconds: length)
    #expect(second.startMilliseconds == first.lastMilliseconds + 1)
    #expect(second.startMilliseconds % length == 0)
    #expect(Window(containing: first.lastMilliseconds, lengthMilliseconds: length) == first)
    let last = Window(containing: .max, lengthMilliseconds: length)
    #expect(last.lastMilliseconds == .max)
  }

  @Test func overlapIsOfClosedRanges() {
    let window = Window(containing: 0, lengthMilliseconds: 1000)
    #expect(window.overlaps(999...2000))
    #expect(window.overlaps(-5...0))
    #expect(window.overlaps(1000...2000) == false)
    #expect(window.overlaps(-5 ... -1) == false)
  }
}

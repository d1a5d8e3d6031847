import TestSupport
import Testing

@testable import PromQL

@Suite struct SortedWindowTests {
  @Test(arguments: UInt64(1)...20)
  func movingGivesWhatSortingEachWindowGives(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let samples = (0..<500).map { index -> Double in
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: .nan
      case 1: -0.0
      case 2: 0
      case 3: Double(Int.random(in: -2...2, using: &generator))
      default: Double.random(in: -1...1, using: &generator) + Double(index) / 100
      }
    }
    var window = SortedWindow()
    var start = 0
    var end = 0
    while start < samples.count {
      // Steps that move a few samples, most of them, or all.
      let most = [2, 2, 2, 30, 120].randomElement(using: &generator) ?? 2
      end = min(samples.count, end + Int.random(in: 0...most, using: &generator))
      start = max(start, end - 60 + Int.random(in: 0...most, using: &generator))
      guard start < end else { break }
      window.move(to: start..<end, of: samples)
      var sorted = Array(samples[start..<end])
      sorted.sort(by: precedesInQuantile)
      #expect(window.values.map(\.bitPattern) == sorted.map(\.bitPattern), "\(start)..<\(end)")
      if end == samples.count { break }
    }
  }
}

import Glibc
import PromQLSyntax

/// Where the windows of a range vector lie.
struct WindowGeometry {
  /// The evaluation times.
  var grid: StepGrid
  /// From where windows look back.
  var referenceTime: ReferenceTime
  /// How far they reach.
  var rangeMilliseconds: Int64
  /// How the samples at the edges count.
  var modifier: RangeModifier?
  /// How far beyond the edges samples are looked for with a modifier.
  var lookbackDelta: Int64

  /// The length of a window in seconds.
  var rangeSeconds: Double { Double(rangeMilliseconds) / 1000 }

  /// The inclusive right edge of the window at `step`.
  @inline(__always)
  func end(ofWindowAt step: Int) -> Int64 {
    referenceTime.time(forStepAt: grid.time(at: step))
  }

  /// The exclusive left edge of the window at `step`.
  @inline(__always)
  func start(ofWindowAt step: Int) -> Int64 {
    saturatingSubtract(end(ofWindowAt: step), rangeMilliseconds)
  }
}

/// Which samples lie in which window.
///
/// That depends on the times of the samples alone, so the bounds serve all
/// series with samples at the same times, as those of one scrape target have.
/// For use by one thread at a time.
final class WindowBounds {
  /// Where the windows lie.
  let geometry: WindowGeometry
  /// The times of the samples.
  private let timestamps: [Int64]
  /// `samples[step]`: the indices of the samples of a window, none or more.
  ///
  /// They have 32 bits, as all of them are passed for each series: 2^32 samples
  /// of one series fill 64 GiB.
  let samples: [Range<UInt32>]
  /// The samples of all windows, one in several windows several times.
  let sampleCount: Int
  /// `lengthenings[step]`, see ``WindowLengthening``; of no meaning for windows
  /// of fewer than two samples. Nil where there are so many steps, as of a long
  /// subquery, that they would take more memory than they are worth.
  private(set) lazy var lengthenings: [WindowLengthening]? =
    samples.count > WindowBounds.lengtheningLimit
    ? nil : WindowLengthening.all(of: self, over: timestamps)

  /// The most steps whose lengthenings are kept, in a few megabytes.
  private static let lengtheningLimit = 200_000

  /// Lays windows over samples at `timestamps`, which ascend.
  ///
  /// - Complexity: O(samples + steps), as both edges only move forward.
  init(over timestamps: [Int64], _ geometry: WindowGeometry) {
    self.geometry = geometry
    self.timestamps = timestamps
    let before = geometry.modifier == nil ? 0 : geometry.lookbackDelta
    let after = geometry.modifier == .smoothed ? geometry.lookbackDelta : 0
    var samples: [Range<UInt32>] = []
    samples.reserveCapacity(geometry.grid.count)
    var sampleCount = 0
    var first = 0
    var last = 0
    for step in 0..<geometry.grid.count {
      let earliest = saturatingSubtract(geometry.start(ofWindowAt: step), before)
      let latest = saturatingAdd(geometry.end(ofWindowAt: step), after)
      while last < timestamps.count, timestamps[last] <= latest { last += 1 }
      while first < last, timestamps[first] <= earliest { first += 1 }
      samples.append(UInt32(first)..<UInt32(last))
      sampleCount += last - first
    }
    self.samples = samples
    self.sampleCount = sampleCount
  }

  /// True when these are the bounds over samples at `timestamps` too.
  func areBounds(over timestamps: [Int64]) -> Bool {
    // Most series that differ do so in their first sample.
    guard timestamps.count == self.timestamps.count, timestamps.first == self.timestamps.first
    else { return false }
    return unsafe timestamps.withUnsafeBytes { other in
      unsafe self.timestamps.withUnsafeBytes { own in
        guard let other = other.baseAddress, let start = own.baseAddress else { return true }
        // Safety: both buffers hold as many bytes, as the counts are equal.
        return unsafe memcmp(other, start, own.count) == 0
      }
    }
  }
}

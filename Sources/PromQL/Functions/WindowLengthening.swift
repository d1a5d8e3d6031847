/// By what a change between the samples of a window is multiplied to be that
/// between the window's edges, as long as no counter begins in the window or is
/// limited by having been zero.
///
/// It depends on where samples and edges lie, not on values.
struct WindowLengthening {
  /// By what an increase is multiplied.
  let factor: Double
  /// By what it is multiplied to be one per second.
  let factorPerSecond: Double
  /// How many times its increase a counter has to stand above zero at the first
  /// sample to be surely not zero between the edges; a little more than needed,
  /// as a margin for rounding.
  private let distanceFromZero: Double

  /// Stands for windows of fewer than two samples.
  private static let none = WindowLengthening(
    factor: .nan, factorPerSecond: .nan, distanceFromZero: .infinity)

  /// The lengthenings of all windows, step by step.
  static func all(of bounds: WindowBounds, over timestamps: [Int64]) -> [WindowLengthening] {
    let geometry = bounds.geometry
    let rangeSeconds = geometry.rangeSeconds
    var previous: (place: SamplePlace, lengthening: WindowLengthening)?
    return bounds.samples.indices.map { step in
      let samples = bounds.samples[step]
      guard samples.count > 1 else { return none }
      let firstTime = timestamps[Int(samples.lowerBound)]
      let lastTime = timestamps[Int(samples.upperBound) - 1]
      let place = SamplePlace(
        sampled: lastTime - firstTime,
        toStart: firstTime - geometry.start(ofWindowAt: step),
        toEnd: geometry.end(ofWindowAt: step) - lastTime, gaps: samples.count - 1)
      // It is the same for most windows of a series.
      if let previous, previous.place == place { return previous.lengthening }
      let lengthening = WindowLengthening(place, rangeSeconds: rangeSeconds)
      previous = (place, lengthening)
      return lengthening
    }
  }

  /// True when the increase `change` after `first` may have to be limited, as
  /// the counter may have been zero between the edges.
  @inline(__always)
  func mayReachZero(first: Double, change: Double) -> Bool {
    // One comparison, as increases of nothing come and go at random.
    (first >= distanceFromZero * (change > 0 ? change : 0)) == false
  }

  /// Where the samples of a window lie between its edges.
  private struct SamplePlace: Equatable {
    var sampled: Int64
    var toStart: Int64
    var toEnd: Int64
    var gaps: Int
  }

  private init(factor: Double, factorPerSecond: Double, distanceFromZero: Double) {
    self.factor = factor
    self.factorPerSecond = factorPerSecond
    self.distanceFromZero = distanceFromZero
  }

  private init(_ place: SamplePlace, rangeSeconds: Double) {
    let sampled = Double(place.sampled) / 1000
    var toStart = Double(place.toStart) / 1000
    var toEnd = Double(place.toEnd) / 1000
    let average = sampled / Double(place.gaps)
    let threshold = average * 1.1
    if toStart >= threshold { toStart = average / 2 }
    if toEnd >= threshold { toEnd = average / 2 }
    factor = (sampled + toStart + toEnd) / sampled
    factorPerSecond = factor / rangeSeconds
    distanceFromZero = toStart / sampled * 1.000_001
  }
}

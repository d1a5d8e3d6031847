import SeriesModel
import TestSupport
import Testing

@testable import PromQL

@Suite struct WindowTotalsTests {
  /// How the values of a series are made.
  enum Kind: CaseIterable {
    case fractions, cancelling, hugeAndTiny, overflowing, special, zeros

    func value(using generator: inout SeededGenerator) -> Double {
      switch self {
      case .fractions: return Double.random(in: 0...100, using: &generator)
      case .cancelling: return Double.random(in: -1...1, using: &generator)
      case .hugeAndTiny:
        let power = Int.random(in: -1000...1000, using: &generator)
        return Double.random(in: -1...1, using: &generator)
          * Double(sign: .plus, exponent: power, significand: 1)
      case .overflowing:
        return Double.random(in: -1...1, using: &generator) * .greatestFiniteMagnitude
      case .special:
        let values = [
          Double.nan, .infinity, -.infinity, -0.0, 0.1, 0.2, 0.3, 1e308, .leastNonzeroMagnitude,
        ]
        return Int.random(in: 0..<9, using: &generator) == 0
          ? values.randomElement(using: &generator) ?? 0
          : Double.random(in: -1...1, using: &generator)
      case .zeros: return Bool.random(using: &generator) ? -0.0 : .leastNonzeroMagnitude
      }
    }
  }

  @Test(arguments: Kind.allCases, [false, true])
  func windowsSideBySideHaveTheTotalsOfEachByItself(_ kind: Kind, isMean: Bool) throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<20 {
      var samples = SampleColumns()
      var time: Int64 = 0
      for _ in 0..<Int.random(in: 1...200, using: &generator) {
        time += Int64.random(in: 1...30, using: &generator)
        samples.append(timestampMilliseconds: time, value: kind.value(using: &generator))
      }
      let geometry = WindowGeometry(
        grid: StepGrid(start: 0, through: 3000, step: 7), referenceTime: .sliding(offset: 0),
        rangeMilliseconds: Int64.random(in: 1...300, using: &generator), modifier: nil,
        lookbackDelta: 0)
      let series = WindowedSeries(
        labels: Labels(), samples: samples, geometry: geometry,
        context: EvaluationContext.alone)
      let totals = WindowTotals(of: samples.values, isMean: isMean)
      var found = [Double].absent(count: geometry.grid.count)
      var span = found.mutableSpan
      try totals.evaluate(series, into: &span)
      for (step, window) in series.bounds.samples.enumerated() {
        let wanted =
          window.isEmpty
          ? .absent : totals.total(of: Int(window.lowerBound)..<Int(window.upperBound))
        #expect(found[step].bitPattern == wanted.bitPattern, "step \(step)")
      }
    }
  }
}

extension EvaluationContext {
  /// The context of a query of nothing.
  static var alone: EvaluationContext {
    EvaluationContext(
      text: "", times: QueryTimes(start: 0, end: 0, step: 0), lookbackDelta: 0,
      removesNamesAtOnce: false, budget: SampleBudget(limit: 1), selections: [], deadline: nil,
      cancellation: nil)
  }
}

import PromQLSyntax
import SeriesModel

/// The classic histograms among loaded series, to be turned into native ones
/// with the same bounds.
struct ClassicHistograms {
  /// What the series of one histogram say of one moment.
  fileprivate struct Moment {
    /// How many observations are at most as large as each bound.
    var cumulativeCounts: [Double: Double] = [:]
    var count: Double?
    var sum: Double?
  }

  private enum Role: String, CaseIterable {
    case bucket = "_bucket"
    case count = "_count"
    case sum = "_sum"
  }

  private let series: [LoadedSeries]
  /// The moments of each histogram by the index of their step.
  private var histograms: [Labels: [Int: Moment]] = [:]

  init(_ series: [LoadedSeries]) throws(NotationError) {
    self.series = series
    for series in series { try add(series) }
  }

  /// The series, and one with native histograms for each classic histogram.
  func addingNativeHistograms() throws(NotationError) -> [LoadedSeries] {
    var all = series.filter { histograms[$0.labels] == nil }
    for (labels, moments) in histograms.sorted(by: { $0.key < $1.key }) {
      var values: [NotedValue?] = []
      for (step, moment) in moments.sorted(by: { $0.key < $1.key }) {
        values += Array(repeating: nil, count: step - values.count)
        values.append(.histogram(try moment.nativeHistogram(of: labels), tellsHint: false))
      }
      all.append(LoadedSeries(labels: labels, values: values, startOffsets: []))
    }
    return all
  }

  private mutating func add(_ series: LoadedSeries) throws(NotationError) {
    guard let name = series.labels.metricName,
      let role = Role.allCases.first(where: { name.hasSuffix($0.rawValue) })
    else { return }
    var bound = Double.nan
    if role == .bucket {
      guard let text = series.labels["le"] else {
        throw NotationError("\(series.labels) has no label \"le\" and can't be a bucket")
      }
      guard let number = scriptNumber(text), number.isNaN == false else { return }
      bound = number
    }
    let labels = series.labels.removing("le")
      .setting(LabelName.metricName, to: String(name.dropLast(role.rawValue.count)))
    for (step, value) in series.values.enumerated() {
      guard case .number(let number) = value else { continue }
      var moment = histograms[labels]?[step] ?? Moment()
      switch role {
      case .bucket:
        if moment.cumulativeCounts[bound] == nil { moment.cumulativeCounts[bound] = number }
      case .count: moment.count = number
      case .sum: moment.sum = number
      }
      histograms[labels, default: [:]][step] = moment
    }
  }
}

extension ClassicHistograms.Moment {
  /// - Parameter labels: The histogram's, for the errors.
  func nativeHistogram(of labels: Labels) throws(NotationError) -> NativeHistogram {
    var buckets = cumulativeCounts.sorted { $0.key < $1.key }
    let total = count ?? buckets.last?.value ?? 0
    if buckets.last?.key != .infinity { buckets.append((key: .infinity, value: total)) }
    guard buckets.last?.value == total else {
      throw NotationError("the highest bucket of \(labels) differs from its count")
    }
    var histogram = NativeHistogram(
      schema: NativeHistogram.customBoundsSchema, count: total, sum: sum ?? 0,
      customBounds: buckets.dropLast().map(\.key))
    var before = 0.0
    for (index, bucket) in buckets.enumerated() {
      guard bucket.value >= before else {
        throw NotationError("the counts of \(labels) fall towards higher bounds")
      }
      histogram.positiveBuckets.append(index: Int32(index), count: bucket.value - before)
      before = bucket.value
    }
    return histogram
  }
}

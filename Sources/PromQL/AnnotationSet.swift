import Numbers
import PromQLSyntax
import SeriesModel

/// The remarks on a result, each once.
struct AnnotationSet {
  private struct Key: Hashable {
    var kind: Annotation.Kind
    var message: String
    var range: SourceRange
  }

  /// What was repaired in classic histograms, over all of a query.
  fileprivate struct MonotonicityRepairs {
    var buckets: ClassicBuckets.Repair
    var firstTime: Int64
    var lastTime: Int64
    var count: Int
  }

  private var keys: Set<Key> = []
  private var repairs: [Key: MonotonicityRepairs] = [:]

  /// Adds a remark unless it is there.
  mutating func insert(_ kind: Annotation.Kind, _ message: String, at range: SourceRange) {
    keys.insert(Key(kind: kind, message: message, range: range))
  }

  /// Adds the remarks of another part of the query, in which no classic histogram
  /// was repaired.
  mutating func formUnion(_ other: AnnotationSet) {
    keys.formUnion(other.keys)
  }

  /// Adds that bucket counts at `time` fell towards higher bounds; such remarks
  /// on one metric become one.
  mutating func insert(
    repair: ClassicBuckets.Repair, ofMetric name: String, time: Int64, at range: SourceRange
  ) {
    let message =
      "input to histogram_quantile needed to be fixed for monotonicity (see "
      + "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
    let key = Key(kind: .info, message: message.naming(metric: name), range: range)
    guard var known = repairs[key] else {
      repairs[key] = MonotonicityRepairs(
        buckets: repair, firstTime: time, lastTime: time, count: 1)
      return
    }
    known.buckets.lowestBound = min(known.buckets.lowestBound, repair.lowestBound)
    known.buckets.highestBound = max(known.buckets.highestBound, repair.highestBound)
    known.buckets.largestDifference = max(
      known.buckets.largestDifference, repair.largestDifference)
    known.firstTime = min(known.firstTime, time)
    known.lastTime = max(known.lastTime, time)
    known.count += 1
    repairs[key] = known
  }

  /// The remarks of one kind, in the order of their text.
  ///
  /// - Parameter text: The query, for line and column.
  func annotations(of kind: Annotation.Kind, in text: String) -> [Annotation] {
    var found = keys.filter { $0.kind == kind }.map { key in
      Annotation(
        kind: kind, message: key.message, position: key.range.startPosition(in: text))
    }
    for (key, repair) in repairs where key.kind == kind {
      found.append(
        Annotation(
          kind: kind, message: key.message + repair.description,
          position: key.range.startPosition(in: text)))
    }
    return found.sorted { $0.description < $1.description }
  }
}

extension AnnotationSet.MonotonicityRepairs: CustomStringConvertible {
  var description: String {
    let bounds = [buckets.lowestBound, buckets.highestBound].map { floatText($0, as: .compact) }
    let difference = twoDigitText(buckets.largestDifference)
    return ", from buckets \(bounds[0]) to \(bounds[1]), with a max diff of \(difference),"
      + " over \(count) samples from \(utcText(firstTime)) to \(utcText(lastTime))"
  }

  /// The number with two significant digits.
  private func twoDigitText(_ value: Double) -> String {
    // No power of ten lifts numbers below to two digits before the point.
    guard value.isFinite, value > 1e-300 else { return floatText(value, as: .compact) }
    var scale = 1.0
    while value * scale < 10 { scale *= 10 }
    while value * scale >= 100 { scale /= 10 }
    return floatText((value * scale).rounded(.toNearestOrEven) / scale, as: .compact)
  }

  /// The moment as `2006-01-02T15:04:05Z`.
  private func utcText(_ milliseconds: Int64) -> String {
    let moment = CalendarMoment(seconds: milliseconds / 1000)
    let date = moment.date
    let clock = [
      moment.secondOfDay / 3600, moment.secondOfDay % 3600 / 60, moment.secondOfDay % 60,
    ]
    func padded(_ number: Int64, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T"
      + clock.map { padded($0, 2) }.joined(separator: ":") + "Z"
  }
}

extension String {
  /// The message with the metric it is about, if that has a name.
  func naming(metric name: String) -> String {
    name.isEmpty ? self : self + " for metric name \(name.quotedForPromQL)"
  }
}
